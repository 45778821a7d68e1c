"""Kinds of files that are known by their first bytes, and what to do with each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

_DCM2NIIX = "with dcm2niix -z y -o OUT FOLDER, and open the .nii.gz that it writes"
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_DICOM_TYPES = (b"UL", b"OB", b"UI", b"CS", b"DA", b"TM", b"SH", b"LO", b"IS")
_NIFTI_SIZES = (348, 540)
_HERE = "choose the scan or label map itself (.nii or .nii.gz)"
_C3D = "convert it, for example with c3d IN -o OUT.nii.gz (Convert3D) or in 3D Slicer"
_ARCHIVE = "unpack it and open the scan in it"
_PICTURE = "export the scan itself, not a picture of it"
_FROM_ARRAY = "liverview.Volume.from_array(array, spacing=(x, y, z))"
Test: TypeAlias = Callable[[bytes, str], bool]


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes
    ----------
    what : "an X file", as a sentence has it.
    way : the way out, to stand after a colon.
    fits : by the first bytes, unpacked, and the name in lower case.
    vague : so general that in a folder it says nothing.
    """

    what: str
    way: str
    fits: Test
    vague: bool = False


def kind_of(data: bytes, name: str) -> Kind | None:
    """The kind by the first bytes, unpacked; None where they are NIfTI's, or of no known kind."""
    kinds = _WITH_NIFTI_HEADER if is_nifti(data) else _KINDS
    return next((kind for kind in kinds if kind.fits(data, name.lower())), None)


# ---- tests -----------------------------------------------------------------------------------


def _starts(*marks: bytes) -> Test:
    return lambda data, name: data.startswith(marks)


def _begins_text(pattern: bytes) -> Test:
    """The text begins so, after a byte order mark and white space."""
    wanted = re.compile(rb"(?:\xef\xbb\xbf)?\s*" + pattern, re.IGNORECASE)
    return lambda data, name: wanted.match(data) is not None


def _named(*endings: str) -> Test:
    return lambda data, name: bool(data) and name.removesuffix(".gz").endswith(endings)


def _both(first: Test, second: Test) -> Test:
    return lambda data, name: first(data, name) and second(data, name)


def _either(first: Test, second: Test) -> Test:
    return lambda data, name: first(data, name) or second(data, name)


def is_nifti(data: bytes) -> bool:
    return any(int.from_bytes(data[:4], order) in _NIFTI_SIZES for order in _ORDERS)


def is_dicom(data: bytes, name: str) -> bool:
    """DICM after the preamble; or, without one, a first element of group 2 or 8."""
    if data[128:132] == b"DICM":
        return True
    if len(data) < 132:
        return False
    for order in _ORDERS:
        group, element = (int.from_bytes(data[at : at + 2], order) for at in (0, 2))
        length = int.from_bytes(data[4:8], order)  # of a value whose type is not there
        if group in (2, 8) and element <= 0x20 and (data[4:6] in _DICOM_TYPES or 0 < length <= 64):
            return True
    return False


def is_dicom_over_nifti(data: bytes, name: str) -> bool:
    """DICOM whose preamble is the beginning of a NIfTI header."""
    return data[128:132] == b"DICM" and data[344:347] not in (b"n+1", b"ni1")


def _is_mgh(data: bytes, name: str) -> bool:
    """Version, three sizes, frames and the type, all big-endian."""
    numbers = [int.from_bytes(data[at : at + 4], "big") for at in range(0, 24, 4)]
    sizes_fit = all(1 <= n <= 1 << 20 for n in numbers[1:5])
    return len(data) >= 284 and numbers[0] == 1 and sizes_fit and numbers[5] <= 10


def _is_cifti(data: bytes, name: str) -> bool:
    """NIfTI-2 with an intent from 3000 to 3099, and no size along the axes of space."""
    order: Any = "little" if data[0] else "big"
    intent = int.from_bytes(data[504:508], order)
    sizes = [int.from_bytes(data[at : at + 8], order) for at in range(24, 56, 8)]
    return int.from_bytes(data[:4], order) == 540 and 3000 <= intent < 3100 and sizes == [1] * 4


def _is_numpy_archive(data: bytes, name: str) -> bool:
    return data.startswith(b"PK\x03\x04") and b".npy" in data[30:200]


def _is_text(data: bytes, name: str) -> bool:
    if len(data) < 4 or b"\0" in data:
        return False
    try:
        text = data.decode()
    except UnicodeDecodeError as error:  # the head may end within a character
        if error.start < len(data) - 3:
            return False
        text = data[: error.start].decode()
    return all(letter.isprintable() or letter in "\t\n\r\f\ufeff" for letter in text)


def _is_json(data: bytes, name: str) -> bool:
    return _is_text(data, name) and re.match(rb'\s*[{\[]\s*["{\[\d]', data) is not None


# ---- the kinds, in the order in which they are tried ------------------------------------------

_DICOM = Kind("a DICOM file", "open the folder that it lies in", is_dicom)
_WITH_NIFTI_HEADER = (
    replace(_DICOM, fits=is_dicom_over_nifti),
    Kind(
        "a CIFTI file (values on the brain's surface)",
        "take the volume out of it with wb_command -cifti-separate IN COLUMN -volume-all "
        "OUT.nii.gz, or choose the scan itself",
        _is_cifti,
    ),
)
_KINDS = (
    _DICOM,
    Kind(
        "a FreeSurfer file (MGH or MGZ)",
        "convert it with mri_convert IN OUT.nii.gz, or read it with nibabel and "
        "liverview.volume_from_nibabel",
        _is_mgh,
    ),
    Kind(
        "a MINC file",
        "convert it with mnc2nii IN OUT.nii, or read it with nibabel and "
        "liverview.volume_from_nibabel",
        _either(
            _starts(b"CDF\x01", b"CDF\x02", b"CDF\x05"),
            _both(_starts(b"\x89HDF\r\n\x1a\n"), _named(".mnc", ".mnc2")),
        ),
    ),
    Kind(
        "an AFNI file (HEAD and BRIK)",
        "convert it with 3dAFNItoNIFTI -prefix OUT.nii.gz IN+orig.HEAD",
        _either(
            _begins_text(rb"type\s*=\s*(?:string|integer|float)-attribute"),
            _named(".brik", ".brik.bz2"),
        ),
    ),
    Kind(
        "a GIFTI file, a surface and no volume",
        _HERE,
        lambda data, name: b"<GIFTI" in data or b"<!DOCTYPE GIFTI" in data,
    ),
    Kind(
        "the header of a Philips PAR/REC pair",
        f"convert it {_DCM2NIIX}",
        _begins_text(rb"# === DATA"),
    ),
    Kind(
        "an ECAT file",
        "read it with nibabel and liverview.volume_from_nibabel",
        _starts(b"MATRIX7"),
    ),
    Kind("a TrackVis file, lines and no volume", _HERE, _starts(b"TRACK\0")),
    Kind("an MRtrix file", "convert it with mrconvert IN OUT.nii.gz", _starts(b"mrtrix image")),
    Kind("a VTK file", _C3D, _either(_starts(b"# vtk DataFile"), _begins_text(rb".{0,99}<VTKF"))),
    Kind(
        "a pointer of Git LFS, not the scan itself",
        "fetch the scan with git lfs pull",
        _starts(b"version https://git-lfs.github.com/", b"version https://hawser"),
    ),
    Kind(
        "a pointer of git-annex, not the scan itself",
        "fetch the scan with git annex get or datalad get",
        _both(_begins_text(rb"[./\w-]*annex/objects/"), lambda data, name: len(data) < 2000),
    ),
    Kind(
        "a web page (HTML), as a failed download leaves it",
        "open its address in a browser, log in if asked to, and download the file itself",
        _either(
            _begins_text(rb"<(?:!doctype\s+html|html|head|body)\b"),
            _begins_text(rb"<\?xml[^>]*>\s*<(?:!doctype\s+html|html)\b"),
        ),
    ),
    Kind(
        "a NumPy archive (.npz)",
        f"make a scan of its array with {_FROM_ARRAY} and save that with liverview.write_volume",
        _is_numpy_archive,
    ),
    Kind(
        "a NumPy array (.npy), which has no voxel sizes",
        f"make a scan of it with {_FROM_ARRAY} and save that with liverview.write_volume",
        _starts(b"\x93NUMPY"),
    ),
    Kind(
        "a session of liverview",
        "open it in the window (liverview FILE), or unpack it as a zip file and give the "
        "labels.nii.gz in it",
        lambda data, name: data.startswith(b"PK\x03\x04") and data[30:39] == b"case.json",
    ),
    Kind("a zip archive", _ARCHIVE, _starts(b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")),
    Kind("a 7z archive", _ARCHIVE, _starts(b"7z\xbc\xaf\x27\x1c")),
    Kind("a rar archive", _ARCHIVE, _starts(b"Rar!\x1a\x07")),
    Kind("a tar archive", _ARCHIVE, lambda data, name: data[257:262] == b"ustar"),
    Kind(
        "packed by Zstandard",
        "unpack it with unzstd and open the .nii",
        _starts(b"\x28\xb5\x2f\xfd"),
    ),
    Kind("packed by LZ4", "unpack it with unlz4 and open the .nii", _starts(b"\x04\x22\x4d\x18")),
    Kind("packed by compress (.Z)", "unpack it with gunzip", _starts(b"\x1f\x9d")),
    Kind("gzipped twice", "unpack it once with gunzip", _starts(b"\x1f\x8b")),
    Kind(
        "an HDF5 file",
        "write the array in it as NIfTI, with its voxel sizes "
        "(liverview.Volume.from_array and liverview.write_volume)",
        _starts(b"\x89HDF\r\n\x1a\n"),
    ),
    Kind(
        "a MATLAB file",
        "write the array in it as NIfTI (niftiwrite), with its voxel sizes",
        _starts(b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file"),
    ),
    Kind("a JPEG picture", _PICTURE, _starts(b"\xff\xd8\xff")),
    Kind("a PNG picture", _PICTURE, _starts(b"\x89PNG\r\n")),
    Kind("a GIF picture", _PICTURE, _starts(b"GIF8")),
    Kind(
        "a TIFF picture, which has no place in the patient",
        "export the scan itself as NIfTI",
        _starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    ),
    Kind("a PDF", _HERE, _starts(b"%PDF-")),
    Kind("a JSON file", f"it may describe a scan; {_HERE}", _is_json, vague=True),
    Kind("an XML file", _HERE, _begins_text(rb"<\?xml"), vague=True),
    Kind(
        "raw voxels without a header (of an .mhd or .nhdr file)",
        f"choose the header beside it and {_C3D}",
        _named(".raw", ".zraw"),
    ),
    Kind("a text file", _HERE, _is_text, vague=True),
)
