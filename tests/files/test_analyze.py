"""Analyze pairs, against nibabel; folders with headers and voxels."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.files import formats, images
from liverview.files.atomic import TargetError
from liverview.files.opening import ImageFileError

VOXELS = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


def write_pair(folder: Path, kind: type = nib.AnalyzeImage, name: str = "scan") -> Path:
    image = kind(VOXELS, None)
    image.header.set_zooms((0.7, 0.8, 2.5))
    nib.save(image, folder / f"{name}.img")
    return folder / f"{name}.hdr"


@pytest.mark.parametrize("kind", [nib.AnalyzeImage, nib.Spm99AnalyzeImage, nib.Spm2AnalyzeImage])
def test_header_and_voxels_open_the_pair_where_nibabel_places_it(
    kind: type, tmp_path: Path
) -> None:
    header = write_pair(tmp_path, kind)
    expected = nib.as_closest_canonical(nib.load(tmp_path / "scan.img"))
    for path in (header, tmp_path / "scan.img"):
        volume = images.read(path)
        assert np.array_equal(volume.voxels, expected.dataobj)
        assert np.allclose(volume.affine, expected.affine, atol=1e-5)
        assert volume.voxels.dtype == np.int16
        assert volume.name == "scan"
        assert "does not say left from right" in volume.warnings[0]


def test_the_origin_and_scale_of_spm_are_taken(tmp_path: Path) -> None:
    affine = np.diag([-2.0, 2, 3, 1])
    affine[:3, 3] = (4, -2, -6)
    image = nib.Spm99AnalyzeImage(VOXELS, affine)
    image.header.set_slope_inter(0.5)
    nib.save(image, tmp_path / "a.img")
    (tmp_path / "a.mat").unlink()  # SPM's matrix, which is no part of the pair
    expected = nib.as_closest_canonical(nib.load(tmp_path / "a.img"))
    volume = images.read(tmp_path / "a.hdr")
    assert np.allclose(volume.affine, expected.affine)
    assert np.allclose(volume.voxels, expected.get_fdata())


def test_big_endian_gzipped_and_4d_pairs_are_read(tmp_path: Path) -> None:
    header = nib.AnalyzeHeader(endianness=">")
    header.set_data_dtype(np.int16)
    image = nib.AnalyzeImage(np.stack([VOXELS, VOXELS + 100], 3), None, header)
    image.header.set_zooms((1, 1, 2, 1))
    nib.save(image, tmp_path / "a.img")
    assert (tmp_path / "a.hdr").read_bytes()[:4] == (348).to_bytes(4, "big")
    for name in ("a.hdr", "a.img"):
        with (tmp_path / name).open("rb") as plain, gzip.open(tmp_path / f"{name}.gz", "wb") as to:
            shutil.copyfileobj(plain, to)
    (tmp_path / "a.img").unlink()
    for name in ("a.hdr", "a.hdr.gz", "a.img.gz"):
        assert images.read_summary(tmp_path / name).volumes == 2
        assert np.array_equal(images.read(tmp_path / name, 1).voxels[::-1], VOXELS + 100)


def test_nothing_is_written_as_analyze(tmp_path: Path) -> None:
    volume = images.read(write_pair(tmp_path))
    with pytest.raises(TargetError, match=r"must end in \.dcm, \.mha, \.nii"):
        images.write_volume(tmp_path / "b.hdr", volume)
    assert not any("Analyze" in part for part in formats.save_filter().split(";;"))


def test_a_pair_in_a_folder_is_one_scan(tmp_path: Path) -> None:
    header = write_pair(tmp_path)
    assert formats.find_scans(tmp_path) == [header]
    assert formats.format_of(tmp_path / "scan.img").name == "Analyze"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "scan.img").unlink(), "its voxels, scan.img, are not beside it"),
        (lambda folder: (folder / "scan.img").write_bytes(b"\0" * 100), "incomplete"),
        (lambda folder: patch(folder, 40, (9).to_bytes(2, "little")), "dimensions"),
        (lambda folder: patch(folder, 42, (0).to_bytes(2, "little")), "each must be from 1"),
        (lambda folder: patch(folder, 70, (999).to_bytes(2, "little")), "999 is not known"),
        (lambda folder: patch(folder, 70, (32).to_bytes(2, "little")), "complex"),
        (lambda folder: patch(folder, 80, np.float32(np.nan).tobytes()), "above 0 mm"),
        (lambda folder: patch(folder, 84, np.float32(0).tobytes()), "above 0 mm"),
        (lambda folder: patch(folder, 108, np.float32(np.inf).tobytes()), "starts? at byte inf"),
        (lambda folder: patch(folder, 112, np.float32(1e30).tobytes()), "far from any HU"),
    ],
)
def test_damaged_pairs_are_one_sentence(damage: object, words: str, tmp_path: Path) -> None:
    header = write_pair(tmp_path)
    assert callable(damage)
    damage(tmp_path)
    with pytest.raises(ImageFileError, match=words):
        images.read(header)


def patch(folder: Path, at: int, data: bytes) -> None:
    content = bytearray((folder / "scan.hdr").read_bytes())
    content[at : at + len(data)] = data
    (folder / "scan.hdr").write_bytes(content)


def test_voxels_without_a_header_and_pairs_of_nifti_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path).unlink()
    with pytest.raises(ImageFileError, match=r"there is no scan\.hdr beside it"):
        images.read(tmp_path / "scan.img")
    nib.save(nib.Nifti1Pair(VOXELS, np.eye(4)), tmp_path / "pair.img")
    for name in ("pair.img", "pair.hdr"):
        with pytest.raises(ImageFileError, match=r"convert the pair to one \.nii"):
            images.read(tmp_path / name)
