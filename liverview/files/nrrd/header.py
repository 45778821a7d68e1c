"""NRRD headers: what they say, checked, before any voxel is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from liverview.files.nrrd.fields import Fields, read_fields
from liverview.files.nrrd.geometry import find_geometry, spatial_axes
from liverview.files.nrrd.segments import Segment, read_segments
from liverview.files.opening import ImageFileError, open_file
from liverview.files.voxel_data import (
    BZIP2,
    GZIP,
    HEX,
    RAW,
    TEXT,
    VoxelData,
    file_beside,
    numbered_name,
)
from liverview.files.voxel_header import VoxelHeader, check_shape

FORMAT = "NRRD"
WANTED = "an NRRD file (.nrrd, .nhdr or .seg.nrrd)"
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": (
        "longlong", "long long", "long long int", "signed long long", "signed long long int",
        "int64", "int64_t",
    ),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}  # fmt: skip
_DTYPES = {name: code for code, names in _TYPES.items() for name in names}
_ENCODINGS = {
    "raw": RAW, "gzip": GZIP, "gz": GZIP, "bzip2": BZIP2, "bz2": BZIP2, "txt": TEXT, "text": TEXT,
    "ascii": TEXT, "hex": HEX,
}  # fmt: skip
_PATTERN = re.compile(r"(\S.*%0?\d{0,3}d\S*) +(-?\d{1,6}) +(-?\d{1,6}) +(-?\d{1,6})(?: +(\d))?")
_MOST_FILES = 100_000
RECORD = "liverview_record"
"""The key whose value says how labels were made."""
_COLORS = ("rgb", "hsv", "xyz")


def read_header(path: Path) -> VoxelHeader:
    """Read and check a header.

    Raises
    ------
    ImageFileError : where it is none, or asks for what cannot be.
    """
    with open_file(path, WANTED) as file:
        try:
            fields, text = read_fields(path, file)
        except OSError as error:
            raise ImageFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    sizes = _sizes(path, fields)
    axes = spatial_axes(path, fields, len(sizes))
    shape = [sizes[axis] for axis in axes] + [1] * (3 - len(axes))
    check_shape(path, shape)
    further, first = _further_axis(path, fields, sizes, axes)
    affine, notes = find_geometry(path, fields, axes, sizes)
    segments = read_segments(fields.keys, further > 1)
    i, j, k = shape
    return VoxelHeader(
        format=FORMAT,
        data=_voxel_data(path, fields, int(np.prod([i, j, k, further], dtype=object))),
        shape=(i, j, k),
        volumes=len(segments) if segments and further > 1 else further,
        affine=affine,
        text=text,
        stored=further,
        pick=_segment_picker(path, segments, further) if segments and further > 1 else None,
        interleaved=first,
        label_map=bool(segments),
        cropped=bool(segments),
        record=fields.keys.get(RECORD, ""),
        notes=notes,
    )


def _segment_picker(path: Path, segments: tuple[Segment, ...], layers: int) -> Any:
    """Takes one segment out of the layers, as 0 and 1."""
    if any(segment.layer >= layers for segment in segments):
        raise ImageFileError(
            f"{path} has {layers} layers, and a segment says that it is in layer "
            f"{max(segment.layer for segment in segments)}: export it again."
        )

    def pick(array: Any, index: int) -> Any:
        segment = segments[index]
        mask = array[..., segment.layer] == segment.value
        return np.asfortranarray(mask).view(np.uint8)

    return pick


def _whole_numbers(path: Path, name: str, text: str) -> list[int]:
    try:
        return [int(word) for word in text.split()]
    except ValueError as error:
        raise ImageFileError(
            f'{path}: "{name}: {text[:60]}" must be whole numbers; export it again.'
        ) from error


def _one_number(path: Path, name: str, fields: Fields, default: int) -> int:
    numbers = _whole_numbers(path, name, fields.fields.get(name.replace(" ", ""), str(default)))
    if len(numbers) != 1:
        raise ImageFileError(f'{path}: "{name}" must be one whole number; export it again.')
    return numbers[0]


def _sizes(path: Path, fields: Fields) -> list[int]:
    for name in ("dimension", "type", "encoding", "sizes"):
        if name not in fields.fields:
            raise ImageFileError(f'{path} has no field "{name}" in its header: export it again.')
    dimension = _one_number(path, "dimension", fields, 0)
    sizes = _whole_numbers(path, "sizes", fields.fields["sizes"])
    if len(sizes) != dimension:
        raise ImageFileError(
            f"{path} says dimension {dimension}, and has {len(sizes)} sizes: export it again."
        )
    if not 2 <= dimension <= 4:
        raise ImageFileError(
            f"{path} has {dimension} axes: a scan needs three, or four with several volumes; "
            "split it first."
        )
    return sizes


def _further_axis(
    path: Path, fields: Fields, sizes: list[int], axes: list[int]
) -> tuple[int, bool]:
    """How many volumes there are, and whether they alternate in the file.

    Raises
    ------
    ImageFileError : for colors, and for an axis of volumes between those of space.
    """
    others = [axis for axis in range(len(sizes)) if axis not in axes]
    if not others:
        return 1, False
    kinds = fields.fields.get("kinds", "").lower().split()
    kind = kinds[others[0]] if len(kinds) == len(sizes) else ""
    count = sizes[others[0]]
    if count > 1 and (kind.startswith(_COLORS) or kind in ("complex", "quaternion")):
        raise ImageFileError(
            f"{path} holds {kind} values, not CT values: export the scan as one gray value."
        )
    if len(others) > 1 or 0 < others[0] < len(sizes) - 1 or not 1 <= count <= 1 << 16:
        raise ImageFileError(
            f"{path} has the sizes {sizes}, of which {len(axes)} are along axes of space: only "
            "scans, or several along the first or last axis, can be read; export it again."
        )
    return count, others[0] == 0


def _voxel_data(path: Path, fields: Fields, count: int) -> VoxelData:
    named = fields.fields["type"].lower()
    code = _DTYPES.get(re.sub(r"\s+", " ", named))
    if code is None:
        raise ImageFileError(
            f'{path}: voxels of the type "{named[:40]}" cannot be shown; store short (int16).'
        )
    encoding = _ENCODINGS.get(fields.fields["encoding"].lower())
    if encoding is None:
        raise ImageFileError(
            f'{path} is packed by "{fields.fields["encoding"][:40]}", which is not known: save it '
            "with the encoding gzip or raw."
        )
    order = fields.fields.get("endian", "").lower()
    if order not in ("little", "big") and code[1] != "1" and encoding != TEXT:
        raise ImageFileError(
            f'{path} does not say its byte order ("endian: little" or "big"): export it again.'
        )
    dtype = np.dtype((">" if order == "big" else "<") + code)
    skip = _one_number(path, "byte skip", fields, 0) if "byteskip" in fields.fields else 0
    lines = _one_number(path, "line skip", fields, 0) if "lineskip" in fields.fields else 0
    if skip < (-1 if encoding == RAW else 0) or not 0 <= lines <= _MOST_FILES:
        raise ImageFileError(
            f"{path} leaves out {skip} bytes and {lines} lines, which cannot be: export it again."
        )
    files = _data_files(path, fields)
    start = 0 if files else fields.size
    files = files or (path,)
    if skip < 0:
        return VoxelData(path, files, encoding, dtype, count, start=-1)
    return VoxelData(path, files, encoding, dtype, count, start, skip, lines)


def _data_files(path: Path, fields: Fields) -> tuple[Path, ...]:
    """The files of the voxels; none where they are in the header's own."""
    named = fields.fields.get("datafile")
    if named is None:
        return ()
    found = _PATTERN.fullmatch(named)
    if named.split()[:1] == ["LIST"]:
        names = list(fields.listed)
    elif found:
        first, last, step = (int(found[n]) for n in (2, 3, 4))
        numbers = range(first, last + (1 if step > 0 else -1), step) if step else range(0)
        names = [] if len(numbers) > _MOST_FILES else [numbered_name(found[1], n) for n in numbers]
    else:
        names = [named]
    if not names or len(names) > _MOST_FILES:
        raise ImageFileError(
            f"{path} says that its voxels are in {named[:60]!r}, which names no files: export it "
            "again as one file."
        )
    return tuple(file_beside(path, name) for name in names)
