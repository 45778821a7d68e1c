"""Files of other kinds: each is named, with the way out, wherever a scan or label map is read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from nibabel.testing import data_path

from liverview.cli import main
from liverview.files import formats, images
from liverview.files.opening import ImageFileError

Write = Callable[..., Path]
EXPLICIT = (
    struct.pack("<HH2sHL", 2, 0, b"UL", 4, 4) + b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + bytes(200)
)
IMPLICIT = struct.pack("<HHL", 8, 5, 10) + b"ISO_IR 100" + bytes(200)
BIG_ENDIAN = struct.pack(">HH2sH", 8, 5, b"CS", 10) + b"ISO_IR 100" + bytes(200)
PREAMBLE = bytes(128) + b"DICM" + EXPLICIT
INDEX = PREAMBLE + struct.pack("<HH2sH", 2, 2, b"UI", 20) + b"1.2.840.10008.1.3.10\x02\0"
OVER_NIFTI = struct.pack("<i", 348) + bytes(124) + b"DICM" + EXPLICIT + bytes(400)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>"
GIFTI = b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE GIFTI SYSTEM "x"><GIFTI Version="1.0">'


def stored(data: object, save: Callable[..., None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer, data)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("scan.nii", b"x" * 100)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("scan.nii.gz"))
    return buffer.getvalue()


MADE = {
    "a.dcm.gz": (gzip.compress(PREAMBLE), "a DICOM file, gzipped", "gunzip, and open the folder"),
    "lfs.nii.gz": (LFS, "Git LFS", "git lfs pull"),
    "annex.nii": (b"/annex/objects/SHA256E-s1--a.nii\n", "git-annex", "git annex get"),
    "page.nii.gz": (PAGE, "web page", "download"),
    "packed_page.nii.gz": (gzip.compress(b"<HTML lang='en'>"), "web page", "download"),
    "empty.nii.gz": (gzip.compress(b""), "nothing in it", "copy it again"),
    "twice.nii.gz": (gzip.compress(gzip.compress(bytes(9))), "gzipped twice", "gunzip"),
    "scan.zip": (zipped(), "a zip archive", "unpack"),
    "scan.nii": (zipped(), "a zip archive", "unpack"),
    "scan.tar": (tarred(), "a tar archive", "unpack"),
    "scan.tar.gz": (gzip.compress(tarred()), "a tar archive", "unpack"),
    "scan.7z": (b"7z\xbc\xaf\x27\x1c" + bytes(9), "a 7z archive", "unpack"),
    "scan.rar": (b"Rar!\x1a\x07\x01\0" + bytes(9), "a rar archive", "unpack"),
    "scan.nii.zst": (b"\x28\xb5\x2f\xfd" + bytes(9), "Zstandard", "unzstd"),
    "scan.nii.bz2": (bz2.compress(struct.pack("<i", 348) + bytes(400)), "NIfTI, packed", "bunzip2"),
    "scan.nii.xz": (lzma.compress(struct.pack("<i", 348) + bytes(400)), "NIfTI, packed", "unxz"),
    "scan.nrrd.bz2": (bz2.compress(b"NRRD0004\n\n\0\1"), "a file, packed by bzip2", "bunzip2"),
    "a.npy": (stored(np.zeros((2, 3, 4)), np.save), "NumPy array", "from_array"),
    "a.npz": (stored(np.zeros((2, 3, 4)), np.savez), "NumPy archive", "from_array"),
    "a.h5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file", "write_volume"),
    "a.mat": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(128), "MATLAB", "niftiwrite"),
    "a.gii": (GIFTI, "GIFTI", "choose the scan"),
    "a.pdf": (b"%PDF-1.7\n\xff", "a PDF", "choose the scan"),
    "a.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG picture", "export the scan"),
    "a.raw": (b"\x0c\0\xf3\xff" * 9, "raw voxels", "the header beside it"),
    "a.json": (b'{"Modality": "CT"}', "a JSON file", "choose the scan"),
    "notes.nii": ("Alter, Größe\n".encode(), "a text file", "choose the scan"),
}


def said_of(path: Path) -> str:
    """The one sentence, which is the same from every reader."""
    said = set()
    for read in (images.read, images.read_summary, images.read_labels, images.read_label_values):
        with pytest.raises(ImageFileError) as caught:
            read(path)
        said.add(str(caught.value))
    (sentence,) = said
    assert sentence.startswith(f"{path} ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("name", MADE)
def test_what_it_is_and_what_to_do(name: str, tmp_path: Path) -> None:
    content, what, way = MADE[name]
    path = tmp_path / name
    path.write_bytes(content)
    sentence = said_of(path)
    is_part, way_part = sentence.removeprefix(str(path)).split(": ", 1)
    assert what in is_part
    assert way in way_part


@pytest.mark.parametrize(
    ("name", "what", "way"),
    [
        ("a.vtk", "a VTK file", "c3d"),
        ("a.tif", "a TIFF picture", "NIfTI"),
    ],
)
def test_files_that_simpleitk_writes(name: str, what: str, way: str, tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    sitk.WriteImage(image, tmp_path / name)
    sentence = said_of(tmp_path / name)
    assert what in sentence
    assert way in sentence


@pytest.mark.parametrize(
    ("name", "what", "way"),
    [
        ("test.mgz", "a FreeSurfer file", "mri_convert"),
        ("tiny.mnc", "a MINC file", "mnc2nii"),
        ("minc2_1_scale.mnc", "a MINC file", "mnc2nii"),
        ("example4d+orig.HEAD", "an AFNI file", "3dAFNItoNIFTI"),
        ("example4d+orig.BRIK.gz", "an AFNI file", "3dAFNItoNIFTI"),
        ("scaled+tlrc.BRIK", "an AFNI file", "3dAFNItoNIFTI"),
        ("row_major.dconn.nii", "a CIFTI file", "wb_command -cifti-separate"),
        ("T1.PAR", "Philips PAR/REC", "dcm2niix"),
        ("tinypet.v", "an ECAT file", "nibabel"),
    ],
)
def test_files_that_nibabel_brings(name: str, what: str, way: str) -> None:
    sentence = said_of(Path(data_path) / name)
    assert what in sentence
    assert way in sentence


def test_nifti_is_of_no_other_kind(write: Write, tmp_path: Path) -> None:
    """Also with DICOM's mark where it may stand by chance, and NIfTI-2 in both byte orders."""
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    marked = write(voxels, name="marked.nii")
    content = bytearray(marked.read_bytes())
    content[128:132] = b"DICM"  # of scl_slope and scl_inter
    marked.write_bytes(content)
    assert images.read_summary(marked).shape == (3, 4, 5)
    header = nib.Nifti2Header(endianness=">")
    nib.save(nib.Nifti2Image(voxels, np.eye(4), header), tmp_path / "big.nii")
    assert np.array_equal(images.read(tmp_path / "big.nii").voxels, voxels)
    for name in ("functional.nii", "standard.nii.gz", "example_nifti2.nii.gz"):
        assert images.read(Path(data_path) / name).shape


def test_unknown_bytes_are_no_kind(tmp_path: Path) -> None:
    path = tmp_path / "noise.nii"
    path.write_bytes(bytes([200, 1, 255, 254]) * 500)
    assert "is not a NIfTI file: it starts with" in said_of(path)


@pytest.mark.parametrize("deep", ["", "DICOM/A"])
def test_a_folder_of_dicom_files(deep: str, tmp_path: Path) -> None:
    inner = tmp_path / "series" / deep
    inner.mkdir(parents=True)
    (tmp_path / "series" / "README.txt").write_text("how to use this disc")
    for number in range(3):
        (inner / f"IM{number}").write_bytes(PREAMBLE)
    folder = tmp_path / "series"
    assert formats.format_of(folder).name == "DICOM"
    with pytest.raises(ImageFileError, match="holds DICOM files, and no volume that could be"):
        formats.find_scans(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("a.dcm", PREAMBLE), ("IM0001", EXPLICIT), ("IM0002.nii", IMPLICIT)),
        *(("IM0003", BIG_ENDIAN), ("both.nii", OVER_NIFTI), ("DICOMDIR", INDEX)),
    ],
)
def test_dicom_files_are_known_by_their_content(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert formats.format_of(tmp_path / name).name == "DICOM"
    with pytest.raises(ImageFileError, match=name):  # there is no image in it
        images.read(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        archive.writestr(f"S1/{name}", content)
    assert formats.format_of(tmp_path / "archive").name == "DICOM"


def test_folders_of_other_files(tmp_path: Path) -> None:
    with pytest.raises(ImageFileError, match="is a folder without NIfTI, "):
        formats.find_scans(tmp_path)
    (tmp_path / "a.txt").write_text("nothing but words")
    with pytest.raises(ImageFileError, match="is a folder without NIfTI, "):
        formats.find_scans(tmp_path)
    assert "is a folder: choose a NIfTI file" in said_of(tmp_path)
    (tmp_path / "b.mgz").write_bytes((Path(data_path) / "test.mgz").read_bytes())
    with pytest.raises(ImageFileError, match=r"b\.mgz in it is a FreeSurfer file"):
        formats.find_scans(tmp_path)


def test_every_command_says_it(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dicom = tmp_path / "scan.dcm"
    dicom.write_bytes(PREAMBLE)
    good, out = str(write(np.zeros((4, 5, 6), np.uint8))), str(tmp_path / "out.nii.gz")
    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "IM1").write_bytes(PREAMBLE)
    for command in (
        ["segment", str(dicom), "-o", out],
        ["segment", str(folder), "-o", str(tmp_path / "labels")],
        ["measure", str(dicom)],
        ["evaluate", good, str(dicom)],
        ["report", str(dicom), good, "-o", str(tmp_path / "report")],
    ):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert said.startswith("liverview: ")
        assert said.count("\n") == 1
        assert str(dicom) in said or str(folder) in said
