"""Reading NIfTI: every type, byte order and orientation; what is refused, and how."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files import images
from liverview.files.opening import ImageFileError

from support.odd_scans import ORIENTATIONS, SHAPE, SPACING, oriented, patch

Write = Callable[..., Path]
INTEGERS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]


def ramp(dtype: str = "i2") -> np.ndarray:
    return (np.arange(4 * 5 * 6).reshape(4, 5, 6) % 100).astype(dtype)


# ---- what is read ------------------------------------------------------------------------


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_every_orientation_gives_the_same_volume(codes: str, write: Write) -> None:
    volume = images.read(write(*oriented(codes)))
    i, j, k = np.indices(SHAPE)
    assert np.array_equal(volume.voxels, 100 * i + 10 * j + k)
    assert volume.spacing == pytest.approx(SPACING)
    assert volume.voxel_to_world((0, 0, 0)) == pytest.approx([-20, 5, 40])
    assert volume.voxel_to_world((1, 0, 0)) - volume.voxel_to_world((0, 0, 0)) == pytest.approx(
        [1.5, 0, 0]
    )


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_stay_as_they_are_stored(
    kind: type, name: str, order: str, dtype: str, tmp_path: Path
) -> None:
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype(order + dtype))
    image = kind(ramp(dtype), np.eye(4), header, dtype=order + dtype)
    nib.save(image, tmp_path / name)
    volume = images.read(tmp_path / name)
    assert volume.voxels.dtype == np.dtype(dtype)
    assert np.array_equal(volume.voxels, ramp(dtype))


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8"])
def test_floats_become_single_precision(dtype: str, write: Write) -> None:
    volume = images.read(write((ramp("f8") - 50.5).astype(dtype)))
    assert volume.voxels.dtype == np.float32
    assert np.array_equal(volume.voxels, ramp("f8") - 50.5)


def test_an_integer_intercept_is_kept_beside_the_stored_voxels(write: Write) -> None:
    path = write(ramp("u2"), scl_slope=1, scl_inter=-1024)
    volume = images.read(path)
    assert volume.voxels.dtype == np.uint16
    assert volume.hu_at((1, 2, 3)) == ramp()[1, 2, 3] - 1024


def test_a_slope_is_applied(write: Write) -> None:
    volume = images.read(write(ramp(), scl_slope=2.5, scl_inter=-3.25))
    assert volume.voxels == pytest.approx(ramp() * 2.5 - 3.25)
    assert volume.intercept == 0


@pytest.mark.parametrize("slope", [0, np.nan])
def test_slope_zero_or_nan_means_not_scaled(slope: float, write: Write) -> None:
    volume = images.read(write(ramp(), scl_slope=slope, scl_inter=7))
    assert np.array_equal(volume.voxels, ramp())
    assert volume.intercept == 0
    assert "7 was not applied" in volume.warnings[0]
    usual = images.read(write(ramp() * 20 - 1000, scl_slope=slope, scl_inter=slope))
    assert usual.warnings == ()


def test_an_intercept_that_is_no_number_is_said(write: Write) -> None:
    volume = images.read(write(ramp(), scl_slope=1, scl_inter=np.nan))
    assert volume.intercept == 0
    assert "intercept" in volume.warnings[0]


def test_one_volume_of_a_4d_file(write: Write) -> None:
    four = np.stack([ramp(), ramp() + 1, ramp() + 2], axis=3)
    path = write(four)
    assert images.read_summary(path).volumes == 3
    assert np.array_equal(images.read(path).voxels, ramp())
    assert np.array_equal(images.read(path, 2).voxels, ramp() + 2)
    with pytest.raises(ImageFileError, match="no number 3"):
        images.read(path, 3)


def test_progress_comes_before_the_volume(write: Write) -> None:
    *before, last = images.iter_read(write(ramp()))
    assert isinstance(last, Volume)
    assert before
    assert all(isinstance(item, Progress) for item in before)


def test_voxels_are_read_once_and_not_copied(write: Write) -> None:
    volume = images.read(write(ramp()))
    assert volume.voxels.base is not None
    assert volume.voxels.flags.f_contiguous


def test_several_gzip_members_are_one_file(write: Write, tmp_path: Path) -> None:
    content = gzip.decompress(write(ramp()).read_bytes())
    path = tmp_path / "two.nii.gz"
    path.write_bytes(gzip.compress(content[:400]) + gzip.compress(content[400:]))
    assert np.array_equal(images.read(path).voxels, ramp())


def test_header_extensions_are_skipped(tmp_path: Path) -> None:
    image = nib.Nifti1Image(ramp(), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"a comment of some length"))
    nib.save(image, tmp_path / "scan.nii.gz")
    assert np.array_equal(images.read(tmp_path / "scan.nii.gz").voxels, ramp())


# ---- what is read with a remark ----------------------------------------------------------


def test_trailing_garbage_is_said(write: Write) -> None:
    path = write(ramp())
    with path.open("ab") as file:
        file.write(b"not gzip at all")
    volume = images.read(path)
    assert np.array_equal(volume.voxels, ramp())
    assert "extra bytes" in volume.warnings[0]


def test_disagreeing_orientations_are_said_and_the_sform_is_used(write: Write) -> None:
    path = write(ramp(), np.diag([2.0, 2, 2, 1]), qform_code=1, qoffset_x=30)
    volume = images.read(path)
    assert volume.voxel_to_world((0, 0, 0)) == pytest.approx([0, 0, 0])
    assert "disagree" in volume.warnings[0]


def test_oblique_and_sheared_axes_are_said(write: Write) -> None:
    angle = np.radians(20)
    turned = np.eye(4)
    turned[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    sheared = np.eye(4)
    sheared[0, 2] = 0.3
    assert "oblique by 20°" in images.read(write(ramp(), turned)).warnings[0]
    volume = images.read(write(ramp(), sheared, sform_code=1, qform_code=0))
    assert "right angles" in volume.warnings[0]


@pytest.mark.parametrize("bad", [np.nan, 0.0])
def test_an_unusable_sform_gives_way_to_the_qform(bad: float, write: Write) -> None:
    rows = dict.fromkeys(("srow_x", "srow_y", "srow_z"), [bad] * 4)
    path = write(ramp(), np.diag([2.0, 3, 4, 1]), sform_code=1, qform_code=1, **rows)
    volume = images.read(path)
    assert volume.spacing == pytest.approx((2, 3, 4))
    assert "sform cannot be used" in volume.warnings[0]


def test_no_orientation_at_all_is_said(write: Write) -> None:
    volume = images.read(write(ramp(), sform_code=0, qform_code=0))
    assert "left and right cannot be assured" in volume.warnings[0]


def test_not_finite_voxels_become_air_and_are_counted(write: Write) -> None:
    voxels = ramp("f4") - 500
    voxels[0, 0, 0], voxels[1, 1, 1] = np.nan, np.inf
    volume = images.read(write(voxels))
    assert volume.hu_at((0, 0, 0)) == volume.hu_at((1, 1, 1)) == -1024
    assert "2 voxels" in volume.warnings[0]
    assert (volume.filled, volume.filled_with) == (2, -1024)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (3e-6, 5e-6), (2e9, 7e9)])
def test_what_is_filled_in_values_that_are_no_hu_lies_just_below_them(
    write: Write, bad: float, low: float, high: float
) -> None:
    voxels = np.linspace(low, high, 120).reshape(4, 5, 6).astype("f4")
    outside = np.indices(voxels.shape).sum(axis=0) % 2 == 0
    known = voxels[~outside]
    voxels[outside] = bad
    volume = images.read(write(voxels, affine=np.eye(4)))
    assert (volume.in_hu, volume.filled) == (False, int(outside.sum()))
    filled = volume.voxels[outside]
    assert set(filled.tolist()) == {volume.filled_with}
    assert known.min() > filled.max() > known.min() - 1e-4 * (np.ptp(known))
    assert np.array_equal(volume.voxels[~outside], known)


@pytest.mark.parametrize(
    ("ends", "window"),
    [((-160, 240), (40, 400)), ((0, 0), None), ((5, -5), None), ((np.nan, 1), None)],
)
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_the_window_that_the_header_asks_for_is_kept(
    kind: type, ends: tuple[float, float], window: tuple[float, float] | None, tmp_path: Path
) -> None:
    image = kind(ramp(), np.eye(4), dtype="i2")
    image.header["cal_min"], image.header["cal_max"] = ends
    nib.save(image, tmp_path / "scan.nii.gz")
    assert images.read(tmp_path / "scan.nii.gz").window == window


@pytest.mark.parametrize(
    ("voxels", "words"),
    [
        (np.linspace(0, 1, 120).reshape(4, 5, 6).astype("f4"), "0..1"),
        ((np.arange(120).reshape(4, 5, 6) * 2).astype("u1"), "0..255"),
        ((np.arange(120).reshape(4, 5, 6) * 20).astype("u2"), "1024"),
        (np.linspace(-1, 1, 120).reshape(4, 5, 6).astype("f4"), "-1..1"),
        (np.linspace(-3, 9, 120).reshape(4, 5, 6).astype("f4"), "span"),
        ((np.arange(120).reshape(4, 5, 6) * 5).astype("u2"), "not even air"),
        ((np.arange(120).reshape(4, 5, 6) * 1e7).astype("f4"), "reach 1.19e+09"),
        (-(np.arange(120).reshape(4, 5, 6) * 1e7 + 1e8).astype("f4"), "no HU"),
        (np.full((4, 5, 6), 7, "i2"), "value 7"),
        (ramp()[:, :, :1] - 50, "single slice"),
    ],
)
def test_implausible_values_are_said(voxels: np.ndarray, words: str, write: Write) -> None:
    assert words in " ".join(images.read(write(voxels)).warnings)


def test_values_are_judged_without_those_that_are_no_numbers(write: Write) -> None:
    voxels = np.linspace(0, 1, 120).reshape(4, 5, 6).astype("f4")
    voxels[0] = np.nan
    volume = images.read(write(voxels))
    assert "0..1" in " ".join(volume.warnings)
    assert not volume.in_hu


@pytest.mark.parametrize(("code", "unit_mm", "word"), [(1, 1e3, "meters"), (3, 1e-3, "micro")])
def test_other_units_are_converted(code: int, unit_mm: float, word: str, write: Write) -> None:
    affine = np.diag([1.5, 2, 2.5, unit_mm]) / unit_mm
    affine[:3, 3] = np.array([10, 20, 30]) / unit_mm
    volume = images.read(write(ramp(), affine, xyzt_units=code))
    assert volume.spacing == pytest.approx((1.5, 2, 2.5))
    assert volume.voxel_to_world((0, 0, 0)) == pytest.approx((10, 20, 30))
    assert word in " ".join(volume.warnings)


def test_units_that_cannot_be_are_not_believed(write: Write) -> None:
    volume = images.read(write(ramp(), np.diag([0.8, 0.8, 2, 1]), xyzt_units=1))
    assert volume.spacing == pytest.approx((0.8, 0.8, 2))
    assert "must be mm" in " ".join(volume.warnings)


def test_voxel_sizes_that_contradict_the_sform_are_said(write: Write) -> None:
    sizes = [1, 1, 1, 1, 0, 0, 0, 0]
    volume = images.read(write(ramp(), np.diag([2.0, 2, 3, 1]), qform_code=0, pixdim=sizes))
    assert volume.spacing == pytest.approx((2, 2, 3))
    assert "1 x 1 x 1) contradict its sform (2 x 2 x 3)" in " ".join(volume.warnings)


def test_a_plain_scan_has_no_remarks(write: Write) -> None:
    assert images.read(write(ramp() * 20 - 1000)).warnings == ()


# ---- what is refused ---------------------------------------------------------------------


def refused(path: Path, *words: str) -> None:
    """Reading fails with one sentence that names the file and holds the words."""
    with pytest.raises(ImageFileError) as caught:
        images.read(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    for word in words:
        assert word in text


def test_missing_folder_empty(tmp_path: Path) -> None:
    refused(tmp_path / "no.nii.gz", "does not exist")
    refused(tmp_path, "folder", "DICOM")
    (tmp_path / "empty.nii").touch()
    refused(tmp_path / "empty.nii", "empty")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(write: Write) -> None:
    path = write(ramp())
    path.chmod(0)
    refused(path, "permission")


def test_permission_error_is_a_sentence(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(ramp())

    def deny(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", deny)
    refused(path, "permission")


@pytest.mark.parametrize("keep", [10, 200, 0.5, 0.98])
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_truncated(keep: float, name: str, write: Write) -> None:
    noise = np.random.default_rng(0).integers(-1000, 1000, (20, 20, 20)).astype("i2")
    path = write(noise, name=name)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
    refused(path, "incomplete")


def test_damaged_gzip(write: Write) -> None:
    noise = np.random.default_rng(0).integers(-1000, 1000, (20, 20, 20)).astype("i2")
    path = write(noise)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    refused(path, "damaged")


def test_wrong_content(tmp_path: Path, write: Write) -> None:
    text = tmp_path / "notes.nii"
    text.write_text("this is a text file, and long enough to hold a header" * 20)
    refused(text, "a text file", "choose the scan")
    refused(write(ramp(), name="m.nii", magic=b"xxx"), "magic")
    refused(write(ramp(), name="p.nii", magic=b"ni1"), "pair")


@pytest.mark.parametrize(
    ("dim", "word"),
    [
        ([3, 0, 5, 6, 1, 1, 1, 1], "at least 1"),
        ([3, -4, 5, 6, 1, 1, 1, 1], "at least 1"),
        ([0, 4, 5, 6, 1, 1, 1, 1], "0 dimensions"),
        ([9, 4, 5, 6, 1, 1, 1, 1], "9 dimensions"),
        ([5, 4, 5, 6, 2, 3, 1, 1], "3D and 4D"),
        ([3, 4, 5, 600, 1, 1, 1, 1], "promises"),
        ([3, 32767, 32767, 32767, 1, 1, 1, 1], "promises"),
    ],
)
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_impossible_dimensions(dim: list[int], word: str, name: str, write: Write) -> None:
    refused(write(ramp(), name=name, dim=dim), word)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_two_to_the_31_voxels_along_an_axis(name: str, write: Write) -> None:
    dim = [3, 2**31, 5, 6, 1, 1, 1, 1]
    refused(write(ramp(), name=name, kind=nib.Nifti2Image, dim=dim), "promises", str(2**31))


def test_infinite_scaling(write: Write) -> None:
    refused(write(ramp(), scl_slope=np.inf), "finite")


@pytest.mark.parametrize(("slope", "intercept"), [(1, 1e30), (1e38, 0), (1e-30, 0)])
def test_scaling_far_from_any_hu(slope: float, intercept: float, write: Write) -> None:
    refused(write(ramp(), scl_slope=slope, scl_inter=intercept), "scl_slope", "far from")


def test_values_beyond_single_precision_become_air(write: Write) -> None:
    voxels = ramp("f8") - 500
    voxels[1, 2, 3] = 1e300
    volume = images.read(write(voxels))
    assert volume.hu_at((1, 2, 3)) == -1024
    assert "1 voxels" in " ".join(volume.warnings)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none on this system")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nii")
    refused(tmp_path / "pipe.nii", "regular file")


@pytest.mark.parametrize("bad", [np.nan, 0.0])
def test_no_usable_orientation(bad: float, write: Write) -> None:
    rows = {name: [bad, 1, 1, 7] for name in ("srow_x", "srow_y", "srow_z")}
    refused(write(ramp(), sform_code=1, qform_code=0, **rows), "orientation")
    spacing = [1, bad, 1, 1, 0, 0, 0, 0]
    refused(write(ramp(), sform_code=0, qform_code=0, pixdim=spacing), "spacing")


def test_colors_and_complex_numbers(write: Write) -> None:
    rgb = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    refused(write(rgb), "colors")
    refused(write(np.zeros((4, 5, 6), "c8")), "complex")


def test_unknown_voxel_type(write: Write) -> None:
    refused(write(ramp(), datatype=999), "999")


def test_labels_must_be_whole_numbers(write: Write) -> None:
    labels = images.read_labels(write((ramp() % 4).astype("f8"), name="good.nii.gz"))
    assert labels.voxels.dtype == np.uint8
    shifted = write((ramp() % 4 + 5).astype("u1"), name="shifted.nii", scl_slope=1, scl_inter=-5)
    assert np.array_equal(images.read_labels(shifted).voxels, ramp() % 4)
    below = write(ramp("u1"), name="below.nii", scl_slope=1, scl_inter=-1024)
    with pytest.raises(ImageFileError, match="not a label map"):
        images.read_labels(below)
    with pytest.raises(ImageFileError, match="not a label map"):
        images.read_labels(write(ramp("f4") + 0.5))
    with pytest.raises(ImageFileError, match="not a label map"):
        images.read_labels(write(ramp() - 50))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=700), st.booleans())
def test_no_file_ever_crashes_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, header: bool
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "scan.nii"
    path.write_bytes((struct.pack("<i", 348) if header else b"") + content)
    with pytest.raises(ImageFileError):
        images.read(path)


@settings(max_examples=150, deadline=None)
@example(304, b"\x00\x00\x81\x7f")  # a signaling NaN in the sform
@given(st.integers(4, 347), st.binary(min_size=1, max_size=4))
def test_no_damaged_header_ever_crashes_the_reader(
    tmp_path_factory: pytest.TempPathFactory, place: int, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "scan.nii"
    nib.save(nib.Nifti1Image(ramp(), np.eye(4)), path)
    data = bytearray(path.read_bytes())
    data[place : place + len(content)] = content
    path.write_bytes(bytes(data))
    try:
        volume = images.read(path)
    except ImageFileError:
        return
    assert np.all(np.isfinite(volume.affine))


def test_patch_changes_what_it_says(write: Write) -> None:
    path = write(ramp())
    patch(path, descrip=b"hello")
    assert bytes(nib.load(path).header["descrip"]).rstrip(b"\0") == b"hello"
