"""Where the voxels of DICOM series lie: against SimpleITK, dcm2niix, and the standard's formula."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liverview.core.study import FilledSlices
from liverview.core.volume import Volume
from liverview.files.dicom.series.source_header import SeriesHeader

from support.dicom_series import AXIAL, pattern, slice_positions, write_series
from support.dicom_volumes import expected_affine, read_only_volume
from support.other_readers import OtherVolume, canonical, read_by_dcm2niix, read_by_sitk

HU = pattern(6, 7, 10)
SINE, COSINE = np.sin(0.3), np.cos(0.3)
OBLIQUE = (COSINE, SINE, 0.0, -SINE * 0.8, COSINE * 0.8, 0.6)
TILT_15 = (0.0, 2.5 * np.tan(np.radians(15)), 0.0)


def assert_same(volume: Volume, other: OtherVolume) -> None:
    np.testing.assert_array_equal(volume.to_numpy(), other.values)
    np.testing.assert_allclose(volume.affine, other.affine, atol=1e-3)


@pytest.mark.parametrize(
    ("orientation", "position"),
    [
        (AXIAL, "HFS"),
        ((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0), "HFP"),
        ((-1.0, 0.0, 0.0, 0.0, 1.0, 0.0), "FFS"),
        ((0.0, 1.0, 0.0, -1.0, 0.0, 0.0), "HFDR"),
        ((0.0, -1.0, 0.0, -1.0, 0.0, 0.0), "FFDL"),
        ((1.0, 0.0, 0.0, 0.0, 0.0, -1.0), "HFS"),
        ((0.0, 1.0, 0.0, 0.0, 0.0, -1.0), "HFS"),
        (OBLIQUE, "HFS"),
    ],
    ids=["axial", "prone", "feet first", "decubitus", "left", "coronal", "sagittal", "oblique"],
)
def test_a_series_is_what_simpleitk_and_dcm2niix_make_of_it(
    tmp_path: Path, orientation: tuple[float, ...], position: str
) -> None:
    write_series(tmp_path / "series", HU, orientation=orientation, PatientPosition=position)
    volume = read_only_volume(tmp_path / "series")
    (by_sitk,) = read_by_sitk(tmp_path / "series")
    assert_same(volume, by_sitk)
    assert_same(volume, read_by_dcm2niix(tmp_path / "series")[""])
    assert volume.warnings == ()


def test_a_missing_slice_is_interpolated_marked_and_said(tmp_path: Path) -> None:
    kept = [0, 1, 2, 3, 5, 6, 7, 8, 9]
    positions = slice_positions(10)
    signed = {"signed": True, "intercept": 0}
    write_series(tmp_path / "series", HU[kept], [positions[n] for n in kept], **signed)
    volume = read_only_volume(tmp_path / "series")
    expected = HU.astype(float)
    expected[4] = (expected[3] + expected[5]) / 2
    assert volume.missing == FilledSlices(2, (4,))
    assert volume.warnings == (
        "1 of 10 slices is missing, at z 110 mm: it was interpolated from the neighbors.",
    )
    affine = expected_affine(positions[0], np.array([0, 0, 2.5]), AXIAL, (0.8, 0.7))
    assert_same(volume, canonical(expected.transpose(2, 1, 0), affine))
    # dcm2niix has it in a second file; SimpleITK stretches what is there.
    assert_same(volume, read_by_dcm2niix(tmp_path / "series")["_Eq_1"])
    assert read_by_sitk(tmp_path / "series")[0].values.shape == (7, 6, 9)


@pytest.mark.parametrize(
    ("orientation", "axis", "indices"),
    [
        ((-1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 2, (1, 6, 7)),
        ((1.0, 0.0, 0.0, 0.0, 0.0, -1.0), 1, (1, 6, 7)),
        ((0.0, 1.0, 0.0, 0.0, 0.0, -1.0), 0, (2, 3, 8)),
    ],
)
def test_missing_slices_are_marked_along_the_axes_of_the_volume(
    tmp_path: Path, orientation: tuple[float, ...], axis: int, indices: tuple[int, ...]
) -> None:
    """Whatever way slices ascend; numbers are those of the volume's own array."""
    kept = [n for n in range(10) if n not in (2, 3, 8)]
    positions = slice_positions(10, orientation=orientation)
    chosen = [positions[n] for n in kept]
    write_series(tmp_path / "series", HU[kept], chosen, orientation=orientation)
    volume = read_only_volume(tmp_path / "series")
    whole = tmp_path / "whole"
    write_series(whole, HU, positions, orientation=orientation)
    reference = read_only_volume(whole)
    np.testing.assert_allclose(volume.affine, reference.affine, atol=1e-9)
    assert volume.missing == FilledSlices(axis, indices)
    there = [n for n in range(10) if n not in indices]
    found = volume.to_numpy().take(there, axis)
    np.testing.assert_array_equal(found, reference.to_numpy().take(there, axis))
    # HU of the pattern are linear along the slices, so that interpolation gives them back.
    np.testing.assert_array_equal(volume.to_numpy(), reference.to_numpy())
    assert volume.source is not None
    places = [each.place for each in SeriesHeader.decode(volume.source.header).slices]
    assert places == kept


def test_a_tilted_gantry_keeps_its_shear(tmp_path: Path) -> None:
    write_series(tmp_path / "series", HU, shear=TILT_15)
    volume = read_only_volume(tmp_path / "series")
    step = np.array([0, 0, 2.5]) + TILT_15
    affine = expected_affine(slice_positions(10)[0], step, AXIAL, (0.8, 0.7))
    assert_same(volume, canonical(HU.transpose(2, 1, 0), affine))
    assert volume.warnings[0].startswith("The gantry was tilted by 15.0 degrees")
    (by_sitk,) = read_by_sitk(tmp_path / "series")
    assert np.abs(by_sitk.affine - volume.affine).max() > 0.5  # straight: it is wrong there


def test_the_tilt_of_the_standard_turns_the_planes(tmp_path: Path) -> None:
    """Planes turned about the x axis, the table moved along z."""
    tilted = (1.0, 0.0, 0.0, 0.0, np.cos(0.3), -np.sin(0.3))
    positions = [np.array([-40.0, -30.0, 100 + 2.5 * k]) for k in range(10)]
    write_series(tmp_path / "series", HU, positions, orientation=tilted)
    volume = read_only_volume(tmp_path / "series")
    affine = expected_affine(positions[0], np.array([0, 0, 2.5]), tilted, (0.8, 0.7))
    assert_same(volume, canonical(HU.transpose(2, 1, 0), affine))
    assert "tilted by 17.2 degrees" in volume.warnings[0]


def at_heights(folder: Path, heights: Sequence[float], hu: np.ndarray = HU, **more: Any) -> Volume:
    write_series(folder, hu, [(0.0, 0.0, z) for z in heights], **more)
    return read_only_volume(folder)


def test_another_step_half_way_keeps_every_slice_where_it_is(tmp_path: Path) -> None:
    heights = [0, 5, 10, 15, 20, 21, 22, 23, 24, 25]
    volume = at_heights(tmp_path / "series", heights)
    values = volume.to_numpy()[::-1, ::-1].transpose(2, 1, 0)
    assert volume.spacing[2] == pytest.approx(1)
    np.testing.assert_array_equal(values[heights], HU)
    np.testing.assert_array_equal(values[1], np.rint(HU[0] * 0.8 + HU[1] * 0.2))
    assert volume.missing is not None
    assert volume.missing.indices == tuple(n for n in range(26) if n not in heights)
    assert volume.warnings[0].startswith(
        "The steps between slices are uneven, 1 to 5 mm, changing at z 20 mm: 16 slices between"
    )


def test_steps_that_share_no_grid_are_resampled_along_the_normal(tmp_path: Path) -> None:
    """HU that are linear in z come out on that line, at whatever places."""
    heights = np.array([0, 5, 10, 15, 20, 22, 24, 26, 28, 30.0])
    r, c = np.indices((6, 7))
    hu = (10 * heights[:, None, None] + r + c).astype(np.int16)
    volume = at_heights(tmp_path / "series", heights, hu)
    values = volume.to_numpy()[::-1, ::-1].transpose(2, 1, 0)
    z = volume.affine[2, 3] + volume.spacing[2] * np.arange(volume.shape[2])
    assert volume.spacing[2] == pytest.approx(2)
    np.testing.assert_array_equal(z, np.arange(0, 31, 2))
    np.testing.assert_array_equal(values, 10 * z[:, None, None] + r + c)
    assert volume.missing == FilledSlices(2, (1, 4, 6, 9))
    assert "uneven, 2 to 5 mm, changing at z 20 mm: they were resampled" in volume.warnings[0]


def test_steps_that_alternate_are_not_taken_for_rounding(tmp_path: Path) -> None:
    volume = at_heights(tmp_path / "series", [0, 2, 5, 7, 10, 12, 15, 17, 20, 22])
    assert volume.spacing[2] == pytest.approx(2)
    assert "uneven, 2 to 3 mm" in volume.warnings[0]


@pytest.mark.parametrize(
    ("step", "digits"), [(0.625, 1), (0.7, 1), (1.25, 1), (2.5, 1), (1 / 3, 4), (0.3333, 4)]
)
def test_positions_that_are_rounded_are_an_even_grid(
    tmp_path: Path, step: float, digits: int
) -> None:
    heights = [round(n * step - 13.7, digits) for n in range(10)]
    volume = at_heights(tmp_path / "series", heights)
    assert volume.warnings == ()
    assert volume.shape == (7, 6, 10)
    assert volume.spacing[2] == pytest.approx((heights[-1] - heights[0]) / 9, abs=1e-4)
    np.testing.assert_array_equal(volume.to_numpy()[::-1, ::-1].transpose(2, 1, 0), HU)


def test_overlapping_reconstructions_and_gaps_between_slices(tmp_path: Path) -> None:
    overlapping = at_heights(tmp_path / "a", [1.25 * n for n in range(10)])
    assert overlapping.warnings == ()
    apart = at_heights(tmp_path / "b", [10.0 * n for n in range(10)], SliceThickness=1.25)
    assert apart.warnings == (
        "The slices are 1.25 mm thick and 10 mm apart: what lies between them is not in the scan.",
    )


@pytest.mark.parametrize(("thickness", "step"), [("2.5", 2.5), (None, 1.0)])
def test_one_slice_has_its_stated_thickness(
    tmp_path: Path, thickness: str | None, step: float
) -> None:
    write_series(tmp_path / "series", HU[:1], SliceThickness=thickness)
    volume = read_only_volume(tmp_path / "series")
    assert volume.shape == (7, 6, 1)
    assert volume.spacing == pytest.approx((0.7, 0.8, step))
    assert ("Its one slice has no stated thickness: 1 mm is taken." in volume.warnings) == (
        thickness is None
    )


def test_what_a_volume_keeps_leads_back_to_its_files(tmp_path: Path) -> None:
    from io import BytesIO

    from pydicom import dcmread

    def mark(index: int, data: Any) -> None:
        block = data.private_block(0x0009, "MAKER", create=True)
        block.add_new(1, "LO", "private")

    paths = write_series(tmp_path / "series", HU, orientation=OBLIQUE, change=mark)
    volume = read_only_volume(tmp_path / "series")
    assert volume.source is not None
    assert (volume.source.format, volume.source.shape) == ("DICOM", (7, 6, 10))
    kept = SeriesHeader.decode(volume.source.header)
    files = [dcmread(path) for path in paths]
    assert [each.sop_instance for each in kept.slices] == [f.SOPInstanceUID for f in files]
    assert [each.place for each in kept.slices] == list(range(10))
    template = dcmread(BytesIO(kept.template))
    assert template.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
    assert template.PatientID == "T1"
    assert "PixelData" not in template
    assert not [element for element in template if element.tag.is_private]
    affine = np.diag([-1, -1, 1, 1]) @ np.array(kept.affine)
    expected = np.r_[slice_positions(10, orientation=OBLIQUE)[9] * [-1, -1, 1], 1]
    np.testing.assert_allclose(affine @ [0, 0, 9, 1], expected, atol=1e-3)
