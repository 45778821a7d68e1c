"""Values of label maps: whole numbers but for rounding, and what is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.core.errors import LiverviewError
from liverview.core.labels import Label
from liverview.core.rounding import round_to_whole
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.nibabel_images import labels_from_nibabel
from liverview.files.opening import ImageFileError

Write = Callable[..., Path]
VALUES = np.arange(120).reshape(4, 5, 6) % 4


def scaled(path: Path, top: int, kind: type, order: str = "<") -> np.ndarray:
    """Whole numbers up to ``top`` as nibabel scales a float array into integers."""
    values = VALUES.astype(float)
    values[-1, -1] = top
    image = nib.Nifti1Image(values, np.eye(4), nib.Nifti1Header(endianness=order))
    image.set_data_dtype(kind)
    nib.save(image, path)
    return values


@pytest.mark.parametrize("top", range(4, 256))
def test_what_nibabel_scales_into_a_byte_is_rounded(top: int, tmp_path: Path) -> None:
    values = scaled(tmp_path / "s.nii", top, np.uint8)
    error = np.abs(nib.load(tmp_path / "s.nii").get_fdata() - values).max()
    assert error < 0.5
    assert np.array_equal(images.read_label_values(tmp_path / "s.nii").voxels, values)
    assert np.array_equal(labels_from_nibabel(nib.load(tmp_path / "s.nii")).voxels, values)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.uint16, np.int32])
@pytest.mark.parametrize("top", [4, 5, 117, 251])
@pytest.mark.parametrize("order", "<>")
def test_what_it_scales_into_other_integers_is_rounded(
    kind: type, top: int, order: str, tmp_path: Path
) -> None:
    values = scaled(tmp_path / "s.nii.gz", top, kind, order)
    assert np.array_equal(images.read_label_values(tmp_path / "s.nii.gz").voxels, values)


@pytest.mark.parametrize("top", [300, 500, 1000])
def test_steps_too_coarse_to_tell_labels_apart_are_refused(top: int, tmp_path: Path) -> None:
    scaled(tmp_path / "s.nii", top, np.uint8)
    with pytest.raises(ImageFileError, match=r"not a label map: its values are stored in steps"):
        images.read_named_labels(tmp_path / "s.nii")


def test_steps_above_one_are_read_where_they_leave_no_doubt(tmp_path: Path) -> None:
    values = np.where(VALUES == 3, 300, np.minimum(VALUES, 2)).astype(float)
    image = nib.Nifti1Image(values, np.eye(4))
    image.set_data_dtype(np.uint8)
    nib.save(image, tmp_path / "s.nii")
    assert np.abs(nib.load(tmp_path / "s.nii").get_fdata() - values).max() > 0.3
    assert np.array_equal(images.read_named_labels(tmp_path / "s.nii").voxels, values)


def test_whole_multiples_of_a_slope_are_what_they_are(write: Write) -> None:
    path = write(VALUES.astype(np.uint8), scl_slope=2, scl_inter=1)
    assert np.array_equal(images.read_label_values(path).voxels, 2 * VALUES + 1)


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("error", [1e-7, -1e-5, 1e-3, -0.009])
def test_floats_are_whole_but_for_rounding(kind: str, error: float, write: Write) -> None:
    path = write((VALUES * (1 + error / 3)).astype(kind))
    assert np.array_equal(images.read_label_values(path).voxels, VALUES)


def test_what_is_no_number_is_background_and_so_is_negative_zero(write: Write) -> None:
    for kind, nothing in ((np.float32, np.nan), (np.float64, np.nan), (np.float32, -0.0)):
        voxels = VALUES.astype(kind)
        voxels[voxels == 0] = nothing
        found = images.read_named_labels(write(voxels))
        assert np.array_equal(found.to_label_map().voxels, VALUES)
        assert np.array_equal(LabelMap.from_array(voxels, spacing=(1, 1, 1)).voxels, VALUES)
    nothing_at_all = images.read_labels(write(np.full((3, 3, 3), np.nan, np.float32)))
    assert not nothing_at_all.voxels.any()


@pytest.mark.parametrize(
    ("voxels", "fields", "words"),
    [
        (VALUES / 3, {}, "fractions such as"),  # probabilities
        (np.minimum(VALUES, 1) * 0.5, {}, "fractions such as"),  # a partial volume
        ((VALUES + np.roll(VALUES, 1, 2)) / 2, {}, "fractions such as"),  # linear interpolation
        (VALUES.astype("u1"), {"scl_slope": 1 / 255}, "fractions such as"),
        (np.where(VALUES == 3, 2.6, VALUES), {}, r"such as 2\.6,"),
        (np.where(VALUES == 3, 0.98, VALUES), {}, r"such as 0\.98,"),
        (VALUES - 1.0, {}, "the value -1,"),
        (np.where(VALUES == 3, np.inf, VALUES), {}, "the value inf,"),
        (np.where(VALUES == 3, 1e9, VALUES), {}, "the value 1000000000,"),
        (VALUES.astype("i2") * 1000 - 1024, {}, "the value -1024, .* the scan itself"),
    ],
)  # fmt: skip
def test_fractions_and_scans_are_refused(
    voxels: np.ndarray, fields: dict[str, float], words: str, write: Write
) -> None:
    with pytest.raises(ImageFileError, match=f"is not a label map: .*{words}"):
        images.read_named_labels(write(voxels, **fields))


@pytest.mark.parametrize("nothing", [np.nan, 0.0])
def test_the_value_that_is_named_is_in_the_file(nothing: float, write: Write) -> None:
    voxels = np.where(VALUES == 0, nothing, VALUES + 0.25).astype(np.float32)
    path = write(voxels)
    with pytest.raises(ImageFileError) as caught:
        images.read_named_labels(path)
    (text,) = re.findall(r"such as (\S+),", str(caught.value))
    assert np.float32(text) in voxels


def test_signaling_and_other_odd_floats_pass_in_silence(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((2, 2, 2), np.float32), np.eye(4))
    nib.save(image, tmp_path / "l.nii")
    content = bytearray((tmp_path / "l.nii").read_bytes())
    content[352:356] = (0x7FA00001).to_bytes(4, "little")  # a signaling NaN
    content[356:360] = (1).to_bytes(4, "little")  # the smallest number above 0
    (tmp_path / "l.nii").write_bytes(content)
    assert not images.read_labels(tmp_path / "l.nii").voxels.any()


def test_no_whole_number_is_moved_and_no_half_is_rounded() -> None:
    for step in (0.0, 0.25, 0.996, 1.17, 3.0):
        rounded, odd = round_to_whole(np.arange(300.0), step)
        assert odd is None
        assert np.array_equal(rounded, np.arange(300.0))
        assert round_to_whole(np.array([0.5]), step)[1] == 0.5


def test_a_nibabel_image_of_one_volume_in_four_axes() -> None:
    image = nib.Nifti1Image(VALUES.astype(np.uint8)[..., None], np.eye(4))
    assert np.array_equal(labels_from_nibabel(image).voxels, VALUES)
    fractions = nib.Nifti1Image(VALUES / 3, np.eye(4))
    with pytest.raises(LiverviewError, match="whole numbers"):
        labels_from_nibabel(fractions)
    assert Label.TUMOR in labels_from_nibabel(image).voxels
