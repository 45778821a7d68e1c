"""Reading NIfTI: voxels as stored, turned to RAS+ as a view."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.coding import meaning_from_name
from liverview.core.labels import FOREGROUND
from liverview.core.orientation import find_orientation, ras_affine, turn_to_ras
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.format import StoredVolume, Summary
from liverview.files.formats import name_without_suffix
from liverview.files.gzipped import GzipError, GzipReader
from liverview.files.nifti.extensions import (
    Extensions,
    map_names,
    read_extensions,
    table_names,
)
from liverview.files.nifti.geometry import Geometry, find_geometry
from liverview.files.nifti.header import FORMAT, Header, header_kind, read_header
from liverview.files.nifti.records import find_record, is_label_map
from liverview.files.opening import ImageFileError, open_file
from liverview.files.values import check_plausibility, iter_fill_non_finite, iter_scale_voxels

_PIECE = 8 << 20
_WANTED = "a NIfTI file (.nii or .nii.gz)"


def read_summary(path: Path) -> Summary:
    """Read the header only.

    Raises
    ------
    ImageFileError : as `iter_read` does for whatever the header shows.
    """
    with open_file(path, _WANTED) as file:
        reader = GzipReader(file)
        header = read_header(path, reader)
        try:
            extensions, _ = read_extensions(reader, header)
        except GzipError:  # the header is whole; who reads the voxels will say it
            extensions = ()
    is_labels, record = is_label_map(header, extensions), find_record(extensions)
    return Summary(header.shape, header.volumes, is_labels, record)


def iter_read(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
    """Read one volume; yields progress, then the volume as the last value.

    ``index`` picks one of the volumes of a 4D file.

    Raises
    ------
    ImageFileError : one sentence, for anything that is not a usable CT volume.
    """
    with open_file(path, _WANTED) as file:
        reader = GzipReader(file)
        try:
            header = read_header(path, reader)
            if not 0 <= index < header.volumes:
                raise ImageFileError(
                    f"{path} holds {header.volumes} volume(s), there is no number {index}: "
                    f"choose 0 to {header.volumes - 1}."
                )
            extensions, skipped = read_extensions(reader, header)
            header = replace(header, consumed=header.consumed + skipped)
            voxels = yield from _iter_read_voxels(path, reader, header, index)
            yield from _iter_finish(path, reader)
        except GzipError as error:
            raise ImageFileError(
                f"{path} is incomplete or damaged: {error}; copy or export it again."
            ) from error
        except OSError as error:
            raise ImageFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    volume = yield from _iter_to_canonical(path, header, voxels, reader, extensions)
    yield volume


def iter_read_stored(path: Path) -> Iterator[Progress | StoredVolume]:
    """Read a label map; yields progress, and every volume as it is stored, in their order.

    Raises
    ------
    ImageFileError : one sentence, for anything that cannot be read.
    """
    with open_file(path, _WANTED) as file:
        reader = GzipReader(file)
        try:
            header = read_header(path, reader)
            extensions, skipped = read_extensions(reader, header)
            header = replace(header, consumed=header.consumed + skipped)
            for index in range(header.volumes):
                voxels = yield from _iter_read_voxels(path, reader, header, 0)
                header = replace(header, consumed=header.offset)  # the next one follows
                if index + 1 == header.volumes:
                    yield from _iter_finish(path, reader)
                yield _stored_volume(path, header, voxels, extensions)
        except GzipError as error:
            raise ImageFileError(
                f"{path} is incomplete or damaged: {error}; copy or export it again."
            ) from error
        except OSError as error:
            raise ImageFileError(f"{path} cannot be read: {error.strerror or error}.") from error


def label_names(source: SourceGrid) -> tuple[dict[int, str], str]:
    """Names of values by the header's extension (TotalSegmentator, Connectome Workbench)."""
    names = table_names(source.extensions)
    kind, order = header_kind(source.header[:4])
    made_by = bytes(kind(source.header, endianness=order, check=False)["descrip"])
    if made_by.startswith(b"liverview") and len(names) > 1:  # a whole map, and its values are ours
        own = {int(label): label.name.lower() for label in FOREGROUND}
        renamed = [n for n in own.keys() & names.keys() if meaning_from_name(names[n]) is None]
        names |= {n: own[n] for n in renamed}
    return names, "its header extension"


def volume_names(source: SourceGrid) -> dict[int, str]:
    """Names of the maps of a 4D file by the header's extension (Connectome Workbench)."""
    return map_names(source.extensions)


def _iter_read_voxels(
    path: Path, reader: GzipReader, header: Header, index: int
) -> Generator[Progress, None, NDArray[Any]]:
    """Yields progress; returns the stored voxels of one volume, stored axes, native bytes."""
    count = int(np.prod(header.shape, dtype=object))
    size = count * header.dtype.itemsize
    total = path.stat().st_size
    _refuse_impossible(path, header, size * header.volumes, total, reader.compressed)
    try:
        buffer = np.empty(count, header.dtype)
    except (MemoryError, ValueError) as error:
        raise ImageFileError(
            f"{path} needs {size / 2**30:.1f} GiB of memory for {header.shape} voxels, more "
            "than there is; crop it or store it as int16."
        ) from error
    skipped = yield from _iter_skip_bytes(reader, header.offset - header.consumed + index * size)
    target = memoryview(buffer.view(np.uint8))  # type: ignore[arg-type]
    filled = 0
    while filled < size and skipped:
        got = reader.read_into(target[filled : min(size, filled + _PIECE)])
        if got == 0:
            break
        filled += got
        yield Progress("Reading", min(1.0, reader.position() / max(total, 1)))
    if filled < size:
        raise ImageFileError(
            f"{path} is incomplete: the header promises {count} voxels "
            f"({size} bytes), the file holds {filled} bytes of them; copy or export it again."
        )
    if not header.dtype.isnative:
        buffer = buffer.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    return buffer.reshape(header.shape, order="F")


def _iter_finish(path: Path, reader: GzipReader) -> Iterator[Progress]:
    """Read what is left, with the checksum at the end."""
    total = path.stat().st_size
    for _ in reader.iter_finish():
        yield Progress("Reading", min(1.0, reader.position() / max(total, 1)))


def _refuse_impossible(
    path: Path, header: Header, size: int, stored: int, compressed: bool
) -> None:
    """Sizes that the file cannot hold, before memory is asked for."""
    # Deflate cannot shrink data more than about 1,032 times.
    most = stored * 1040 if compressed else stored
    if size > most:
        raise ImageFileError(
            f"{path} is incomplete: the header promises {header.shape} voxels in "
            f"{header.volumes} volume(s), {size} bytes, but the file has {stored} bytes; "
            "copy or export it again."
        )


def _iter_skip_bytes(reader: GzipReader, count: int) -> Generator[Progress, None, bool]:
    """Leave ``count`` bytes behind; returns whether there were as many."""
    while count > 0:
        got = len(reader.read(min(count, _PIECE)))
        if got == 0:
            return False
        count -= got
        yield Progress("Reading", 0.0)
    return True


def _iter_to_canonical(
    path: Path, header: Header, stored: NDArray[Any], reader: GzipReader, extensions: Extensions
) -> Generator[Progress, None, Volume]:
    """Scale, find the affine, turn to RAS+ (a view, nothing is copied), check the values."""
    geometry = find_geometry(path, header)
    voxels, intercept = yield from iter_scale_voxels(stored, header.slope, header.intercept)
    remarks, in_hu = check_plausibility(voxels, intercept)
    filled, filled_with = yield from iter_fill_non_finite(voxels, in_hu=in_hu)
    notes = [*header.notes, *geometry.notes]
    if reader.trailing:
        notes.append("There are extra bytes after the end of the compressed data; they were left.")
    if filled:
        notes.append(f"{filled} voxels are not finite numbers; they are shown as air.")
    source = _source_grid(header, geometry, extensions)
    return Volume(
        voxels=turn_to_ras(voxels, source.orientation),
        affine=ras_affine(geometry.affine, source.orientation, header.shape),
        intercept=intercept,
        name=name_without_suffix(path),
        source=source,
        warnings=(*notes, *remarks),
        in_hu=in_hu,
        filled=filled,
        filled_with=filled_with,
        window=header.window,
    )


def _stored_volume(
    path: Path, header: Header, stored: NDArray[Any], extensions: Extensions
) -> StoredVolume:
    geometry = find_geometry(path, header)
    source = _source_grid(header, geometry, extensions)
    return StoredVolume(
        turn_to_ras(stored, source.orientation),
        header.slope,
        header.intercept,
        ras_affine(geometry.affine, source.orientation, header.shape),
        name_without_suffix(path),
        source,
    )


def _source_grid(header: Header, geometry: Geometry, extensions: Extensions) -> SourceGrid:
    return SourceGrid(
        header.shape,
        find_orientation(geometry.affine),
        FORMAT,
        bytes(header.nifti.binaryblock),
        geometry.repaired,
        geometry.unit_mm,
        tuple(extensions),
        geometry.itk_affine,
    )
