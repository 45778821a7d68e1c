"""Saving label maps: on the source grid, verified, atomic; read back by other readers."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.atomic import TargetError, write_json
from liverview.files.nifti import writing
from liverview.files.opening import ImageFileError

from support.odd_scans import ORIENTATIONS, SHAPE, oriented

Write = Callable[..., Path]


def labels_of(volume: Volume) -> LabelMap:
    """Labels that differ in every voxel's neighborhood, so that a flip shows."""
    i, j, k = np.indices(volume.shape)
    return LabelMap(((i + 2 * j + 3 * k) % 4).astype(np.uint8), volume.affine, volume.name)


def save(path: Path, volume: Volume, **options: bool) -> Path:
    for _ in images.iter_write_labels(path, labels_of(volume), volume, **options):
        pass
    return path


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_labels_lie_on_the_voxels_of_the_source(codes: str, write: Write, tmp_path: Path) -> None:
    stored, affine = oriented(codes)
    source = write(stored, affine)
    path = save(tmp_path / "labels.nii.gz", images.read(source))
    saved, scan = nib.load(path), nib.load(source)
    assert saved.shape == scan.shape
    assert np.array_equal(saved.affine, scan.affine)
    # 100 i + 10 j + k is stored in the scan: it says which label belongs in each voxel.
    i, j, k = stored // 100, stored // 10 % 10, stored % 10
    assert np.array_equal(np.asanyarray(saved.dataobj), (i + 2 * j + 3 * k) % 4)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SRA", "PIL"])
def test_an_independent_reader_sees_the_same_geometry(
    codes: str, write: Write, tmp_path: Path
) -> None:
    source = write(*oriented(codes))
    path = save(tmp_path / "labels.nii.gz", images.read(source))
    scan, saved = sitk.ReadImage(str(source)), sitk.ReadImage(str(path))
    assert saved.GetSize() == scan.GetSize()
    assert saved.GetSpacing() == pytest.approx(scan.GetSpacing())
    assert saved.GetOrigin() == pytest.approx(scan.GetOrigin())
    assert saved.GetDirection() == pytest.approx(scan.GetDirection())
    assert saved.GetPixelID() == sitk.sitkUInt8


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
def test_header_of_the_source_with_the_marks_of_a_label_map(
    kind: type, order: str, tmp_path: Path
) -> None:
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype(f"{order}i2"))
    header.set_xyzt_units("mm", "sec")
    image = kind(oriented("LPS")[0], oriented("LPS")[1], header)
    image.set_qform(image.affine, code=2)
    image.set_sform(image.affine, code=4)
    nib.save(image, tmp_path / "scan.nii")
    path = save(tmp_path / "labels.nii", images.read(tmp_path / "scan.nii"))
    saved, scan = nib.load(path).header, nib.load(tmp_path / "scan.nii").header
    assert type(saved) is type(scan)
    for name in ("qform_code", "sform_code", "xyzt_units", "pixdim", "quatern_b", "qoffset_x"):
        assert np.array_equal(saved[name], scan[name])
    for name in ("srow_x", "srow_y", "srow_z"):
        assert np.array_equal(saved[name], scan[name])
    assert saved.get_data_dtype() == np.uint8
    assert int(saved["intent_code"]) == 1002
    assert nib.load(path).dataobj.slope == 1


def test_labels_of_one_volume_of_a_4d_file_are_3d(write: Write, tmp_path: Path) -> None:
    four = np.stack([oriented("RAS")[0]] * 3, axis=3)
    path = save(tmp_path / "labels.nii.gz", images.read(write(four, oriented("RAS")[1]), 1))
    assert nib.load(path).shape == SHAPE


def test_an_unusable_sform_is_not_passed_on(write: Write, tmp_path: Path) -> None:
    rows = dict.fromkeys(("srow_x", "srow_y", "srow_z"), [np.nan] * 4)
    stored, affine = oriented("LPS")
    source = write(stored, affine, sform_code=1, qform_code=1, **rows)
    saved = nib.load(save(tmp_path / "labels.nii.gz", images.read(source)))
    assert saved.get_sform() == pytest.approx(affine)
    assert saved.get_qform() == pytest.approx(affine)


def test_disagreeing_orientations_are_both_kept(write: Write, tmp_path: Path) -> None:
    source = write(*oriented("RAS"), qform_code=1, qoffset_x=30)
    path = save(tmp_path / "labels.nii.gz", images.read(source))
    assert np.array_equal(nib.load(path).get_qform(), nib.load(source).get_qform())
    assert np.array_equal(nib.load(path).get_sform(), nib.load(source).get_sform())


def test_masks_one_file_per_label(write: Write, tmp_path: Path) -> None:
    volume = images.read(write(*oriented("LPS"), name="case.nii.gz"))
    labels = labels_of(volume)
    for _ in images.iter_write_masks(tmp_path, "case", labels, volume):
        pass
    masks = {
        label: images.read_label_values(tmp_path / f"case_{label.name.lower()}.nii.gz").voxels
        for label in (Label.LIVER, Label.VESSEL, Label.TUMOR)
    }
    assert np.array_equal(masks[Label.LIVER], labels.voxels > 0)
    assert np.array_equal(masks[Label.VESSEL], labels.voxels == 2)
    assert np.array_equal(masks[Label.TUMOR], labels.voxels == 3)


def test_values_that_no_label_has_are_in_no_mask(write: Write, tmp_path: Path) -> None:
    volume = images.read(write(*oriented("LPS"), name="case.nii.gz"))
    labels = labels_of(volume)
    odd = np.flatnonzero(labels.voxels == 1)[0]
    labels.voxels.flat[odd] = 9
    for _ in images.iter_write_masks(tmp_path, "case", labels, volume):
        pass
    for label, values in {"liver": (1, 2, 3), "vessel": (2,), "tumor": (3,)}.items():
        mask = images.read_label_values(tmp_path / f"case_{label}.nii.gz").voxels
        assert np.array_equal(mask, np.isin(labels.voxels, values)), label
    assert (labels.voxels == 9).sum() == 1


@pytest.mark.parametrize("dtype", ["i2", "u2", "f4"])
def test_a_volume_comes_back_as_it_was(dtype: str, tmp_path: Path) -> None:
    voxels = np.arange(60).reshape(3, 4, 5).astype(dtype)
    volume = Volume(voxels, np.diag([1.5, 2, 3, 1.0]), name="made")
    for _ in images.iter_write_volume(tmp_path / "ct.nii.gz", volume):
        pass
    back = images.read(tmp_path / "ct.nii.gz")
    assert np.array_equal(back.voxels, voxels)
    assert back.voxels.dtype == voxels.dtype
    assert np.array_equal(back.affine, volume.affine)


# ---- what must not happen ----------------------------------------------------------------


@pytest.fixture
def volume(write: Write) -> Volume:
    return images.read(write(*oriented("LPS")))


def refused(path: Path, volume: Volume, *words: str) -> None:
    with pytest.raises((TargetError, ImageFileError)) as caught:
        save(path, volume)
    assert str(path) in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def left_over(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_an_existing_file_is_kept_unless_allowed(volume: Volume, tmp_path: Path) -> None:
    path = tmp_path / "labels.nii.gz"
    path.write_bytes(b"precious")
    refused(path, volume, "exists already")
    assert path.read_bytes() == b"precious"
    save(path, volume, overwrite=True)
    assert np.array_equal(images.read_labels(path).voxels, labels_of(volume).voxels)


def test_a_wrong_ending_is_refused(volume: Volume, tmp_path: Path) -> None:
    refused(tmp_path / "labels.png", volume, ".nii.gz")


def test_a_vanished_folder(volume: Volume, tmp_path: Path) -> None:
    refused(tmp_path / "gone" / "labels.nii.gz", volume, "folder")


@pytest.mark.parametrize(
    ("number", "word"), [(errno.ENOSPC, "full"), (errno.EACCES, "may not"), (errno.EIO, "saved")]
)
def test_a_failing_disk_leaves_nothing_behind(
    number: int, word: str, volume: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    before = left_over(tmp_path)
    monkeypatch.setattr(os, "fsync", fail)
    refused(tmp_path / "labels.nii.gz", volume, word)
    assert left_over(tmp_path) == before


def test_the_folder_vanishes_while_saving(volume: Volume, tmp_path: Path) -> None:
    folder = tmp_path / "short-lived"
    folder.mkdir()
    work = images.iter_write_labels(folder / "labels.nii.gz", labels_of(volume), volume)
    next(work)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(TargetError, match="folder"):
        list(work)


def test_what_comes_back_wrong_is_not_saved(
    volume: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = left_over(tmp_path)
    real = writing.GzipReader.read

    def flip(self: writing.GzipReader, count: int) -> bytes:
        data = real(self, count)
        return data[:-1] + bytes([data[-1] ^ 1]) if data else data

    monkeypatch.setattr(writing.GzipReader, "read", flip)
    refused(tmp_path / "labels.nii.gz", volume, "differs")
    assert left_over(tmp_path) == before


def test_stopping_in_the_middle_leaves_nothing_behind(volume: Volume, tmp_path: Path) -> None:
    before = left_over(tmp_path)
    work = images.iter_write_labels(tmp_path / "labels.nii.gz", labels_of(volume), volume)
    next(work)
    assert left_over(tmp_path) != before
    work.close()  # type: ignore[attr-defined]
    assert left_over(tmp_path) == before


def test_a_folder_is_no_target(volume: Volume, tmp_path: Path) -> None:
    (tmp_path / "labels.nii.gz").mkdir()
    refused(tmp_path / "labels.nii.gz", volume, "folder")


def test_links_stay_links(volume: Volume, tmp_path: Path) -> None:
    real, link = tmp_path / "real.nii.gz", tmp_path / "labels.nii.gz"
    link.symlink_to(real)
    refused(link, volume, "exists already")  # even where nothing is behind it
    save(link, volume, overwrite=True)
    assert link.is_symlink()
    assert np.array_equal(images.read_labels(real).voxels, labels_of(volume).voxels)


def test_a_single_slice_keeps_its_place(write: Write, tmp_path: Path) -> None:
    """A file of two dimensions stays one, with the thickness of its slice."""
    flat = np.arange(-200, -170, dtype=np.int16).reshape(5, 6)
    sizes = [1, 0.8, 0.8, 5, 0, 0, 0, 0]
    source = write(flat, name="flat.nii", sform_code=0, qform_code=1, pixdim=sizes)
    volume = images.read(source)
    saved = nib.load(save(tmp_path / "labels.nii.gz", volume))
    assert saved.shape == (5, 6)
    assert np.allclose(saved.affine, nib.load(source).affine)
    again = images.read_labels(tmp_path / "labels.nii.gz")
    assert again.voxel_ml == pytest.approx(volume.voxel_ml)
    assert np.array_equal(again.voxels, labels_of(volume).voxels)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_is_no_file_is_no_target(volume: Volume, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "labels.nii.gz").symlink_to(tmp_path / "pipe")
    with pytest.raises(TargetError, match="regular"):
        save(tmp_path / "labels.nii.gz", volume, overwrite=True)
    with pytest.raises(TargetError, match="regular"):
        write_json(tmp_path / "pipe", {})
    assert (tmp_path / "pipe").is_fifo()


def test_long_names_can_be_saved(volume: Volume, tmp_path: Path) -> None:
    path = tmp_path / f"{'n' * 240}.nii.gz"
    save(path, volume)
    assert left_over(tmp_path).count(path.name) == 1


def test_a_label_map_says_nothing_of_the_scans_intent(write: Write, tmp_path: Path) -> None:
    source = write(
        *oriented("RAS"), intent_code=1007, intent_name=b"vec", intent_p1=3.0, descrip=b"secret"
    )
    header = nib.load(save(tmp_path / "labels.nii.gz", images.read(source))).header
    assert header.get_intent() == ("label", (), "")
    assert header["intent_p1"] == 0


def test_meters_stay_meters(write: Write, tmp_path: Path) -> None:
    """Another reader must find the label map where it finds the scan."""
    stored, affine = oriented("LPS")
    meters = np.diag([1e-3] * 3 + [1.0]) @ affine
    source = write(stored, meters, xyzt_units=1)
    volume = images.read(source)
    assert volume.spacing == pytest.approx(np.linalg.norm(affine[:3, :3], axis=0)[[0, 1, 2]])
    assert "meters" in " ".join(volume.warnings)
    saved = nib.load(save(tmp_path / "labels.nii.gz", volume))
    assert np.allclose(saved.affine, nib.load(source).affine, atol=1e-9)
    assert saved.header.get_xyzt_units()[0] == "meter"
