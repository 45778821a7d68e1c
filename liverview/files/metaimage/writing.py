"""Writing MHA on the source's grid: beside the target, read back, compared, renamed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from liverview.core.grid import affine_spacing
from liverview.core.labels import LabelStyle
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files.format import TableOrder
from liverview.files.metaimage.header import RECORD
from liverview.files.metaimage.reading import COLOR, NAME, PARTIAL, REVIEW
from liverview.files.review_record import review_content
from liverview.files.verified_writing import StoredArray, iter_write_verified, stored_array
from liverview.files.voxel_data import ZLIB
from liverview.files.voxel_header import LPS_TO_RAS

_TYPES = {
    "int8": "MET_CHAR", "uint8": "MET_UCHAR", "int16": "MET_SHORT", "uint16": "MET_USHORT",
    "int32": "MET_INT", "uint32": "MET_UINT", "int64": "MET_LONG_LONG",
    "uint64": "MET_ULONG_LONG", "float32": "MET_FLOAT", "float64": "MET_DOUBLE",
}  # fmt: skip
_LONGEST = 400  # letters of a value; older readers of ITK have room for 500


def iter_write_labels(
    path: Path,
    labels: LabelMap,
    table: Mapping[int, LabelStyle],
    *,
    overwrite: bool,
    order: TableOrder,
) -> Iterator[Progress]:
    """Write a label map, names and colors in fields of its header; verified.

    Raises
    ------
    TargetError : where the target exists and may not be replaced, or cannot be written.
    ImageFileError : where what was written does not come back.
    """
    own = labels.defined is None or bool(labels.defined)  # else they are another program's
    fields = [(PARTIAL, str(labels.partial))] if own else []
    for value, style in table.items():
        name = " ".join(style.name.split())[:_LONGEST]
        color = " ".join(str(part) for part in style.color)
        fields += [(f"{NAME}{value}", name), (f"{COLOR}{value}", color)]
    content = review_content(labels)
    if content:
        fields += _fields_of(REVIEW, json.dumps(content))
    if labels.made_by:
        fields += _fields_of(RECORD, labels.made_by)
    yield from _iter_write(path, stored_array(labels), fields, overwrite)


def _fields_of(name: str, text: str) -> list[tuple[str, str]]:
    """A text of any length in base64, in fields that are short enough for every reader."""
    packed = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    starts = range(0, len(packed), _LONGEST)
    return [(f"{name}{n:06d}", packed[at : at + _LONGEST]) for n, at in enumerate(starts)]


def iter_write_volume(path: Path, volume: Volume, *, overwrite: bool) -> Iterator[Progress]:
    """Write a volume of HU on its source grid; yields progress.

    Raises
    ------
    TargetError, ImageFileError : as `iter_write_labels` does.
    """
    yield from _iter_write(path, stored_array(volume), [], overwrite)


def _iter_write(
    path: Path, array: StoredArray, fields: Sequence[tuple[str, str]], overwrite: bool
) -> Iterator[Progress]:
    lps = LPS_TO_RAS @ array.affine
    spacing = affine_spacing(lps)
    rows = (lps[:3, :3] / spacing).T

    def head(size: int) -> bytes:
        lines = [
            "ObjectType = Image",
            "NDims = 3",
            "BinaryData = True",
            "BinaryDataByteOrderMSB = False",
            "CompressedData = True",
            f"CompressedDataSize = {size:<15d}",
            f"TransformMatrix = {_numbers_text(rows.ravel())}",
            f"Offset = {_numbers_text(lps[:3, 3])}",
            "CenterOfRotation = 0 0 0",
            f"ElementSpacing = {_numbers_text(spacing)}",
            *(f"{key} = {value}" for key, value in fields),
            f"DimSize = {' '.join(str(n) for n in array.voxels.shape)}",
            f"ElementType = {_TYPES[array.voxels.dtype.newbyteorder('=').name]}",
            "ElementDataFile = LOCAL",
        ]
        return ("\n".join(lines) + "\n").encode("utf-8", "replace")

    yield from iter_write_verified(path, array.voxels, head, ZLIB, overwrite=overwrite)


def _numbers_text(numbers: Iterable[float]) -> str:
    return " ".join(repr(float(number) + 0.0) for number in numbers)
