"""Writing NIfTI on the source's grid: beside the target, read back, compared, renamed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine
from liverview.core.labels import FOREGROUND, LabelStyle
from liverview.core.orientation import stored_affine, turn_from_ras
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files import atomic
from liverview.files.format import TableOrder
from liverview.files.gzipped import GzipError, GzipReader, open_writer
from liverview.files.nifti.extensions import Extensions, extension_block, with_label_table
from liverview.files.nifti.forms import mend_sform
from liverview.files.nifti.header import FORMAT, header_kind
from liverview.files.nifti.records import with_record
from liverview.files.nifti.review_extension import description, with_review
from liverview.files.opening import ImageFileError

Order: TypeAlias = Literal["<", ">"]  # of bytes
_LABEL_INTENT = 1002
_STEP = 16  # slices between two yields


def iter_write_labels(
    path: Path,
    labels: LabelMap,
    table: Mapping[int, LabelStyle],
    *,
    overwrite: bool,
    order: TableOrder,
) -> Iterator[Progress]:
    """Write a label map on the grid of its source, verified; yields progress.

    The file is written beside the target, read back and compared voxel by voxel, and only
    then renamed. Names and colors by value are in a header extension; the source's extensions
    are kept.

    Raises
    ------
    TargetError : where the target exists and may not be replaced, or cannot be written.
    ImageFileError : where what was written does not come back.
    """
    header = _source_header(labels)
    header.set_data_dtype(np.uint8)
    header["intent_code"] = _LABEL_INTENT
    header["scl_inter"] = 0
    header["cal_max"] = max(FOREGROUND)
    header["descrip"] = description(labels)
    reviewed = with_review(_extensions(labels), labels)
    named = with_record(with_label_table(reviewed, table, order), labels.made_by)
    yield from _iter_write_verified(path, _source_order(labels), header, named, overwrite)


def iter_write_volume(path: Path, volume: Volume, *, overwrite: bool) -> Iterator[Progress]:
    """Write a CT volume on its source grid, stored type kept; yields progress."""
    header = _source_header(volume)
    header.set_data_dtype(volume.voxels.dtype)
    header["intent_code"] = 0
    header["scl_inter"] = volume.intercept
    header["cal_max"] = 0
    stored = _source_order(volume)
    kept = with_record(_extensions(volume), "")
    yield from _iter_write_verified(path, stored, header, kept, overwrite)


def _source_order(array: Volume | LabelMap) -> NDArray[Any]:
    """The voxels along the stored axes, a view."""
    if array.source is None:
        return array.voxels
    return turn_from_ras(array.voxels, array.source.orientation)


def _extensions(array: Volume | LabelMap) -> Extensions:
    ours = array.source is not None and array.source.format == FORMAT
    return array.source.extensions if array.source is not None and ours else ()


def _source_header(array: Volume | LabelMap) -> Any:
    """The source's header, geometry untouched, or a new one; both without marks of its values."""
    source = array.source
    if source is not None and source.format == FORMAT:
        header = _kept_header(array.affine, source)
    else:
        header = nib.Nifti1Header()
        header.set_data_shape(source.shape if source else array.shape)
        _set_affine(header, _stored_affine(array.affine, source))
        header.set_xyzt_units("mm", "sec")
    header["scl_slope"] = 1
    header["intent_name"] = b""
    for number in (1, 2, 3):
        header[f"intent_p{number}"] = 0
    header["cal_min"] = 0
    header["descrip"] = b"liverview"
    header["magic"] = header.single_magic
    return header


def _kept_header(affine: Affine, source: SourceGrid) -> Any:
    """The header as it was read, byte for byte where it says the place of the voxels.

    So that labels lie where the scan does in every program, however it takes an odd header. An
    sform that nobody can use is written anew.
    """
    kind, order = header_kind(source.header[:4])
    header = kind(source.header, endianness=order, check=False)
    flat, sizes = int(header["dim"][0]) == 2, header["pixdim"].copy()
    header.set_data_shape(source.shape[:2] if flat else source.shape)
    header["pixdim"] = sizes  # which a new shape has changed
    if source.repaired:
        stored = _stored_affine(affine, source)
        stored[:3] /= source.unit_mm
        mend_sform(header, stored)
    return header


def _stored_affine(affine: Affine, source: SourceGrid | None) -> Affine:
    if source is None:
        return affine
    return stored_affine(affine, source.orientation, source.shape)


def _set_affine(header: Any, affine: Affine) -> None:
    header.set_sform(affine, code=1)
    header.set_qform(affine, code=1, strip_shears=True)


def _iter_write_verified(
    path: Path, stored: NDArray[Any], header: Any, extensions: Extensions, overwrite: bool
) -> Iterator[Progress]:
    atomic.check_target(path, overwrite=overwrite)
    between = extension_block(extensions, header.endianness)
    header["vox_offset"] = header.sizeof_hdr + len(between)
    head = bytes(header.binaryblock) + between
    try:
        with atomic.atomic_write(path) as temporary:
            yield from _iter_write(temporary, stored, head, header.endianness)
            yield from _iter_verify(path, temporary, stored, head, header.endianness)
    except GzipError as error:
        raise ImageFileError(f"{path} was not saved: it came back damaged ({error}).") from error
    yield Progress("Saved", 1.0)


def _iter_write(path: Path, stored: NDArray[Any], head: bytes, order: Order) -> Iterator[Progress]:
    opener = open_writer if path.name.lower().endswith(".gz") else _open_plain
    with opener(path) as file:
        file.write(head)
        slices = stored.shape[2]
        for k, piece in enumerate(_iter_slice_bytes(stored, order)):
            file.write(piece.data)
            if k % _STEP == 0:
                yield Progress("Writing", 0.6 * k / slices)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _iter_slice_bytes(stored: NDArray[Any], order: Order) -> Iterator[NDArray[np.uint8]]:
    """The bytes of every slice as the file has them; copied only where they lie otherwise."""
    dtype = stored.dtype.newbyteorder(order)
    for k in range(stored.shape[2]):
        yield np.ascontiguousarray(stored[:, :, k].T, dtype).reshape(-1).view(np.uint8)


def _open_plain(path: Path) -> io.BufferedWriter:
    return path.open("wb")


def _iter_verify(
    path: Path, written: Path, stored: NDArray[Any], head: bytes, order: Order
) -> Iterator[Progress]:
    """Read the file back: the header and its extensions to the byte, the voxels one by one."""
    with written.open("rb") as file:
        reader = GzipReader(file)
        same = reader.read(len(head)) == head
        for k, piece in enumerate(_iter_slice_bytes(stored, order)):
            same = same and reader.matches(piece)
            if k % _STEP == 0:
                yield Progress("Verifying", 0.6 + 0.4 * k / stored.shape[2])
        for _ in reader.iter_finish():
            pass
    if not same:
        raise ImageFileError(
            f"{path} was not saved: what came back from the disk differs from what was written."
        )
