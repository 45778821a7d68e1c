"""MetaImage headers: what they say, checked, before any voxel is read.

Format: MetaIO's documentation, "MetaImage". Where that leaves room, it is read as ITK does.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from liverview.core.grid import Affine
from liverview.files.opening import ImageFileError, open_file
from liverview.files.voxel_data import RAW, TEXT, ZLIB, VoxelData, file_beside, numbered_name
from liverview.files.voxel_header import (
    LPS_TO_RAS,
    VoxelHeader,
    check_affine,
    check_shape,
    refuse_gzipped,
)

FORMAT = "MetaImage"
WANTED = "a MetaImage file (.mha or .mhd)"
RECORD = "LabelRecord_"
"""The fields that say how labels were made."""
_LARGEST = 16 << 20  # bytes of header
_MOST_FILES = 100_000
_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_PLACE = ("Offset", "Position", "Origin")
_AXES = ("TransformMatrix", "Rotation", "Orientation")
_LAST = "ElementDataFile"
_SLOPE, _INTERCEPT = "ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"
_PATTERN = re.compile(r"(\S*%0?\d{0,3}d\S*)\s+(\d{1,6})\s+(\d{1,6})(?:\s+(\d{1,6}))?")


def read_header(path: Path) -> VoxelHeader:
    """Read and check a header.

    Raises
    ------
    ImageFileError : where it is none, or asks for what cannot be.
    """
    with open_file(path, WANTED) as file:
        try:
            text, listed, end = _read_text(path, file)
        except OSError as error:
            raise ImageFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    fields = parse_fields(text)
    sizes = _sizes(path, fields)
    check_shape(path, sizes[:3] + [1] * (3 - len(sizes)))
    i, j, k = [*sizes, 1][:3]
    volumes = sizes[3] if len(sizes) == 4 else 1
    slope, intercept = _scaling(path, fields)
    affine, notes = _geometry(path, fields, len(sizes))
    if (slope, intercept) != (1, 0):
        notes = (*notes, "Its slope and offset were applied; ITK does not apply them.")
    count = int(np.prod([i, j, k, volumes], dtype=object))
    return VoxelHeader(
        format=FORMAT,
        data=_voxel_data(path, fields, listed, end, count),
        shape=(i, j, k),
        volumes=volumes,
        affine=affine,
        text=text,
        stored=volumes,
        slope=slope,
        intercept=intercept,
        label_map=any(name.startswith("LabelName_") for name in fields),
        record=joined_field(fields, RECORD).decode("utf-8", "replace"),
        notes=notes,
    )


def parse_fields(text: bytes) -> dict[str, str]:
    """The fields of a header's bytes, each name's first."""
    fields: dict[str, str] = {}
    for line in text.decode("utf-8", "replace").splitlines():
        name, mark, value = line.partition("=")
        if mark:
            fields.setdefault(name.strip(), value.strip())
    return fields


def joined_field(fields: Mapping[str, str], name: str) -> bytes:
    """What is in base64 in fields of a name and a number; nothing where it is no such text."""
    pieces = [fields[key] for key in sorted(fields) if key.startswith(name)]
    try:
        return base64.b64decode("".join(pieces), validate=True)
    except ValueError:
        return b""


def _read_text(path: Path, file: BinaryIO) -> tuple[bytes, list[str], int]:
    """The header's bytes, the names that follow a LIST, and where the header ends."""
    lines: list[bytes] = []
    size = 0
    while line := file.readline(_LARGEST - size + 1):
        size += len(line)
        refuse_gzipped(path, line, "a MetaImage file")
        if size > _LARGEST or (len(lines) > 2 and b"\0" in line):
            break
        lines.append(line)
        name, mark, value = line.partition(b"=")
        if mark and name.strip() == _LAST.encode():
            listed = file.read(_LARGEST) if value.split()[:1] == [b"LIST"] else b""
            names = [name.strip() for name in listed.decode("utf-8", "replace").splitlines()]
            return b"".join(lines), [name for name in names if name], size
    raise ImageFileError(
        f"{path} is not a MetaImage file, or cut off: no line of its header names its voxels "
        f"({_LAST}); copy or export it again."
    )


def _numbers(path: Path, fields: Mapping[str, str], name: str, count: int) -> list[float] | None:
    text = fields.get(name)
    if text is None:
        return None
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError as error:
        raise ImageFileError(
            f'{path}: "{name} = {text[:60]}" must be numbers; export it again.'
        ) from error
    if len(numbers) != count:
        raise ImageFileError(
            f'{path} has {len(numbers)} numbers in "{name}", and needs {count}: export it again.'
        )
    return numbers


def _whole(path: Path, fields: Mapping[str, str], name: str, otherwise: int) -> int:
    text = fields.get(name, str(otherwise))
    if re.fullmatch(r"[-+]?\d{1,15}", text) is None:
        raise ImageFileError(
            f'{path}: "{name} = {text[:60]}" must be a whole number; export it again.'
        )
    return int(text)


def _is_true(fields: Mapping[str, str], name: str) -> bool:
    return fields.get(name, "")[:1].lower() in ("t", "1")


def _sizes(path: Path, fields: Mapping[str, str]) -> list[int]:
    for name in ("NDims", "DimSize", "ElementType"):
        if name not in fields:
            raise ImageFileError(f'{path} has no "{name}" in its header: export it again.')
    count = _whole(path, fields, "NDims", 3)
    if not 2 <= count <= 4:
        raise ImageFileError(
            f"{path} has {count} axes: a scan needs three, or four with several volumes; split it "
            "first."
        )
    found = _numbers(path, fields, "DimSize", count) or []
    sizes = [int(size) if size.is_integer() else 0 for size in found]
    if any(not 1 <= size <= 1 << 16 for size in sizes):
        told = " ".join(f"{size:g}" for size in found)
        raise ImageFileError(
            f"{path} has the sizes {told}: each must be a whole number from 1 to 65536; export it "
            "again."
        )
    if _whole(path, fields, "ElementNumberOfChannels", 1) != 1:
        raise ImageFileError(
            f"{path} holds {fields['ElementNumberOfChannels']} values in every voxel (channels), "
            "not CT values: export the scan as one gray value, or each channel as its own file."
        )
    return sizes


def _geometry(path: Path, fields: Mapping[str, str], count: int) -> tuple[Affine, tuple[str, ...]]:
    """Every row of the matrix is the direction of an axis; the center of rotation is ITK's past."""
    spacing = _numbers(path, fields, "ElementSpacing", count)
    if spacing is None:
        spacing = _numbers(path, fields, "ElementSize", count)
    if spacing is None:
        raise ImageFileError(
            f'{path} stores no size of its voxels ("ElementSpacing"): export it again with it.'
        )
    notes = []
    if any(size < 0 for size in spacing[:3]):
        told = " x ".join(f"{size:.3g}" for size in spacing[:3])
        notes.append(f"Its voxel sizes ({told}) are negative: those axes run the other way.")
    elif not all(size > 0 for size in spacing[:3]):
        raise ImageFileError(
            f"{path}: the voxel spacing {spacing[:3]} must be above 0 mm; export it again."
        )
    place = next((name for name in _PLACE if name in fields), _PLACE[0])
    axes = next((name for name in _AXES if name in fields), "")
    origin = _numbers(path, fields, place, count) or [0.0] * count
    rows = np.eye(count)
    if axes:
        rows = np.array(_numbers(path, fields, axes, count * count)).reshape(count, count)
    else:
        notes.append("It stores no orientation: left and right cannot be assured.")
    affine = np.eye(4)
    used = min(count, 3)
    with np.errstate(invalid="ignore", over="ignore"):
        affine[:used, :used] = rows[:used, :used].T * spacing[:used]
    affine[:used, 3] = origin[:used]
    notes += check_affine(path, affine)
    return LPS_TO_RAS @ affine, tuple(notes)


def _scaling(path: Path, fields: Mapping[str, str]) -> tuple[float, float]:
    slope = (_numbers(path, fields, _SLOPE, 1) or [1.0])[0]
    intercept = (_numbers(path, fields, _INTERCEPT, 1) or [0.0])[0]
    if not (1e-6 <= abs(slope) <= 1e6 and abs(intercept) <= 1e6):
        raise ImageFileError(
            f"{path}: the slope {slope:g} and the offset {intercept:g} lead far from any HU; "
            "export it again."
        )
    return slope, intercept


def _voxel_data(
    path: Path, fields: Mapping[str, str], listed: list[str], end: int, count: int
) -> VoxelData:
    code = _TYPES.get(fields["ElementType"])
    if code is None:
        raise ImageFileError(
            f"{path}: voxels of the type {fields['ElementType'][:40]!r} cannot be shown; store "
            "MET_SHORT (int16)."
        )
    msb = any(_is_true(fields, f"{name}ByteOrderMSB") for name in ("BinaryData", "Element"))
    binary = fields.get("BinaryData", "True")[:1].lower() in ("t", "1")
    packed = _is_true(fields, "CompressedData")
    if packed and not binary:
        raise ImageFileError(f"{path} says that its text is compressed: export it again.")
    encoding = ZLIB if packed else RAW if binary else TEXT
    files = _data_files(path, fields[_LAST], listed)
    start = _whole(path, fields, "HeaderSize", 0) if files else end
    if start < (-1 if encoding == RAW else 0):
        raise ImageFileError(f"{path}: HeaderSize {start} cannot be; export it again.")
    size = _whole(path, fields, "CompressedDataSize", 0) if packed else 0
    return VoxelData(
        path,
        files or (path,),
        encoding,
        np.dtype((">" if msb else "<") + code),
        count,
        start,
        size=size if size > 0 and len(files) <= 1 else None,
    )


def _data_files(path: Path, named: str, listed: list[str]) -> tuple[Path, ...]:
    """The files of the voxels; none where they are in the header's own."""
    if named.upper() in ("LOCAL", "LOCAL_FILE"):
        return ()
    names, found = [named], _PATTERN.fullmatch(named)
    if named.split()[:1] == ["LIST"]:
        names = listed
    elif found:
        numbers = range(int(found[2]), int(found[3]) + 1, int(found[4] or 1) or 1)
        pattern = found[1]
        names = [] if len(numbers) > _MOST_FILES else [numbered_name(pattern, n) for n in numbers]
    if not names or len(names) > _MOST_FILES:
        raise ImageFileError(
            f"{path} says that its voxels are in {named[:60]!r}, which names no files: export it "
            "again as one .mha file."
        )
    return tuple(file_beside(path, name) for name in names)
