"""nibabel's and SimpleITK's images: the same value at the same place in the patient."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from liverview.core.errors import LiverviewError
from liverview.core.volume import LabelMap, Volume
from liverview.files.images import read, write_labels, write_volume
from liverview.files.nibabel_images import labels_from_nibabel, to_nibabel, volume_from_nibabel
from liverview.files.sitk_images import labels_from_sitk, to_sitk, volume_from_sitk

SHAPE = (4, 5, 6)


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """Angles in degrees, about each axis in turn."""
    a, b, c = np.radians([x, y, z])
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    return np.array(about_z) @ about_y @ about_x


def affine_of(directions: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = (-31.5, 12.25, 700)
    return affine


GRIDS = {
    "plain": affine_of(np.eye(3), (1, 1, 1)),
    "anisotropic": affine_of(np.eye(3), (0.7, 0.9, 5)),
    "flipped": affine_of(np.diag([-1.0, 1, -1]), (0.7, 0.9, 5)),
    "sagittal": affine_of(np.eye(3)[:, [1, 2, 0]], (0.7, 0.9, 5)),
    "swapped and flipped": affine_of(np.diag([1.0, -1, -1])[:, [2, 0, 1]], (0.7, 0.9, 5)),
    "oblique": affine_of(rotation(20, -15, 10), (0.7, 0.9, 5)),
    "oblique and flipped": affine_of(rotation(-30, 5, 25)[:, [1, 0, 2]] * [1, -1, 1], (2, 1, 3)),
}
RAMP = (np.arange(np.prod(SHAPE)).reshape(SHAPE) * 7 - 300).astype(np.int16)


def sitk_image(array: np.ndarray, affine: np.ndarray) -> sitk.Image:
    """Made by hand: LPS is RAS with x and y negated."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    lps = np.diag([-1.0, -1, 1]) @ affine[:3]
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:, 3].tolist())
    return image


def assert_agrees(array: Volume | LabelMap, image: sitk.Image) -> None:
    """Each voxel of ``array`` is found, by SimpleITK's own geometry, at its place in the image."""
    values = np.asarray(array)
    for voxel in product(*map(range, array.shape)):
        x, y, z = array.voxel_to_world(voxel)
        index = image.TransformPhysicalPointToContinuousIndex((-x, -y, z))
        assert np.allclose(index, np.rint(index), atol=1e-4)
        assert image.GetPixel([int(n) for n in np.rint(index)]) == values[voxel]


@pytest.mark.parametrize("name", GRIDS)
def test_sitk_agrees_in_every_corner_and_voxel(name: str) -> None:
    image = sitk_image(RAMP, GRIDS[name])
    volume = volume_from_sitk(image, name=name)
    assert_agrees(volume, image)
    back = to_sitk(volume)
    assert back.GetSize() == image.GetSize()
    assert back.GetOrigin() == pytest.approx(image.GetOrigin())
    assert back.GetSpacing() == pytest.approx(image.GetSpacing())
    assert back.GetDirection() == pytest.approx(image.GetDirection())
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
    assert back.GetPixelID() == sitk.sitkInt16


@pytest.mark.parametrize("name", GRIDS)
def test_nibabel_agrees_in_every_corner_and_voxel(name: str) -> None:
    image = nib.Nifti1Image(RAMP, GRIDS[name])
    volume = volume_from_nibabel(image)
    for stored in product(*map(range, SHAPE)):
        world = nib.affines.apply_affine(image.affine, stored)
        voxel = np.linalg.solve(volume.affine[:3, :3], world - volume.affine[:3, 3])
        assert np.allclose(voxel, np.rint(voxel), atol=1e-6)
        i, j, k = (int(n) for n in np.rint(voxel))
        assert volume.hu_at((i, j, k)) == RAMP[stored]
    back = to_nibabel(volume)
    assert np.allclose(back.affine, image.affine, atol=1e-4)
    assert np.array_equal(np.asanyarray(back.dataobj), RAMP)
    assert np.allclose(back.header.get_sform(), back.header.get_qform(), atol=1e-3)


@pytest.mark.parametrize("name", GRIDS)
def test_labels_go_through_either_library(name: str) -> None:
    values = (RAMP % 4).astype(np.uint8)
    from_sitk = labels_from_sitk(sitk_image(values, GRIDS[name]))
    assert_agrees(from_sitk, to_sitk(from_sitk))
    from_nibabel = labels_from_nibabel(nib.Nifti1Image(values, GRIDS[name]))
    assert np.array_equal(from_nibabel.voxels, from_sitk.voxels)
    assert np.allclose(from_nibabel.affine, from_sitk.affine)
    assert np.array_equal(np.asanyarray(to_nibabel(from_nibabel).dataobj), values)


@pytest.mark.parametrize("name", GRIDS)
def test_written_files_lie_on_the_grid_of_the_image(name: str, tmp_path: Path) -> None:
    volume = volume_from_sitk(sitk_image(RAMP, GRIDS[name]))
    labels = LabelMap((volume.voxels % 4).astype(np.uint8), volume.affine, source=volume.source)
    write_volume(tmp_path / "ct.nii.gz", volume)
    write_labels(tmp_path / "labels.nii.gz", labels)
    for path in tmp_path.iterdir():
        stored = nib.load(path)
        assert stored.shape == SHAPE
        assert np.allclose(stored.affine, GRIDS[name], atol=1e-4)
    assert np.array_equal(nib.load(tmp_path / "ct.nii.gz").dataobj, RAMP)
    assert np.array_equal(nib.load(tmp_path / "labels.nii.gz").dataobj, RAMP % 4)


def test_arrays_in_memory_are_shared_and_scaled_ones_converted(tmp_path: Path) -> None:
    voxels = RAMP.copy()
    volume = volume_from_nibabel(nib.Nifti1Image(voxels, np.eye(4)))
    assert np.shares_memory(volume.voxels, voxels)
    assert np.shares_memory(np.asanyarray(to_nibabel(volume).dataobj), voxels)
    image = nib.Nifti1Image(voxels, np.eye(4))
    image.header.set_slope_inter(2, -1024)
    nib.save(image, tmp_path / "scaled.nii")
    scaled = volume_from_nibabel(nib.load(tmp_path / "scaled.nii"))
    assert np.array_equal(scaled.to_numpy(), read(tmp_path / "scaled.nii").to_numpy())
    assert not np.shares_memory(volume_from_sitk(sitk_image(voxels, np.eye(4))).voxels, voxels)


def test_values_that_can_be_no_hu_are_said() -> None:
    gray = sitk_image((RAMP % 200).astype(np.uint8), np.eye(4))
    volume = volume_from_sitk(gray)
    assert not volume.in_hu
    assert "gray values" in " ".join(volume.warnings)


def test_what_is_no_image_is_one_sentence() -> None:
    with pytest.raises(LiverviewError, match="nibabel image is needed, not str"):
        volume_from_nibabel("ct.nii.gz")  # type: ignore[arg-type]
    with pytest.raises(LiverviewError, match="SimpleITK image is needed, not str"):
        labels_from_sitk("ct.nii.gz")  # type: ignore[arg-type]
    with pytest.raises(LiverviewError, match="three axes"):
        volume_from_nibabel(nib.Nifti1Image(np.zeros((2, 2, 2, 2), np.int16), np.eye(4)))
    with pytest.raises(LiverviewError, match="2 axes"):
        volume_from_sitk(sitk.Image(4, 4, sitk.sitkInt16))
    with pytest.raises(LiverviewError, match="3 value"):
        volume_from_sitk(sitk.Image([4, 4, 4], sitk.sitkVectorInt16, 3))


def test_without_simpleitk_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(LiverviewError, match="pip install SimpleITK"):
        to_sitk(Volume(RAMP, np.eye(4)))
