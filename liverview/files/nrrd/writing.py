"""Writing NRRD on the source's grid: beside the target, read back, compared, renamed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from liverview.core.labels import LabelStyle
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files.format import TableOrder
from liverview.files.nrrd.fields import escaped
from liverview.files.nrrd.geometry import space_fields
from liverview.files.nrrd.header import RECORD
from liverview.files.nrrd.reading import PARTIAL, REVIEW
from liverview.files.nrrd.segments import segment_keys
from liverview.files.review_record import review_content
from liverview.files.verified_writing import StoredArray, iter_write_verified, stored_array
from liverview.files.voxel_data import GZIP

_TYPES = {
    "int8": "signed char", "uint8": "unsigned char", "int16": "short", "uint16": "unsigned short",
    "int32": "int", "uint32": "unsigned int", "int64": "long long", "uint64": "unsigned long long",
    "float32": "float", "float64": "double",
}  # fmt: skip


def iter_write_labels(
    path: Path,
    labels: LabelMap,
    table: Mapping[int, LabelStyle],
    *,
    overwrite: bool,
    order: TableOrder,
) -> Iterator[Progress]:
    """Write a label map with Slicer's segments: names, colors, codes of SNOMED CT; verified.

    Raises
    ------
    TargetError : where the target exists and may not be replaced, or cannot be written.
    ImageFileError : where what was written does not come back.
    """
    array = stored_array(labels)
    i, j, k = array.voxels.shape
    own = labels.defined is None or bool(labels.defined)  # else they are another program's
    keys = [*segment_keys(table, (i, j, k), own=own), (PARTIAL, str(int(labels.partial)))]
    content = review_content(labels)
    if content:
        keys.append((REVIEW, escaped(json.dumps(content))))
    if labels.made_by:
        keys.append((RECORD, escaped(labels.made_by)))
    yield from _iter_write(path, array, keys, overwrite)


def iter_write_volume(path: Path, volume: Volume, *, overwrite: bool) -> Iterator[Progress]:
    """Write a volume of HU on its source grid; yields progress.

    Raises
    ------
    TargetError, ImageFileError : as `iter_write_labels` does.
    """
    yield from _iter_write(path, stored_array(volume), [], overwrite)


def _iter_write(
    path: Path, array: StoredArray, keys: Sequence[tuple[str, str]], overwrite: bool
) -> Iterator[Progress]:
    sizes = " ".join(str(n) for n in array.voxels.shape)
    lines = [
        "NRRD0005",
        f"type: {_TYPES[array.voxels.dtype.newbyteorder('=').name]}",
        "dimension: 3",
        *space_fields(array.affine),
        f"sizes: {sizes}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: gzip",
        *(f"{key}:={value}" for key, value in keys),
    ]
    head = ("\n".join(lines) + "\n\n").encode("utf-8", "replace")
    yield from iter_write_verified(path, array.voxels, lambda size: head, GZIP, overwrite=overwrite)
