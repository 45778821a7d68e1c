"""Reading NIfTI: voxels as stored, turned to RAS+ as a view."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from nibabel import orientations
from numpy.typing import NDArray

from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, SourceGrid, Volume
from liverview.files.gzipped import GzipError, GzipReader
from liverview.files.nifti.extensions import Extensions, read_extensions
from liverview.files.nifti.geometry import find_geometry
from liverview.files.nifti.header import Header, NiftiError, read_header

_AIR_HU = -1024
_PIECE = 8 << 20
_SLICES = 16  # worked on between two yields
_LEAST_SPAN = 50  # HU; no CT has less


@dataclass(frozen=True)
class Summary:
    """What the header says, before any voxel is read.

    Attributes
    ----------
    shape : voxels along the three stored axes.
    volumes : how many volumes the file holds; more than one for 4D.
    """

    shape: tuple[int, int, int]
    volumes: int


def read_summary(path: Path) -> Summary:
    """Read the header only.

    Raises
    ------
    NiftiError : as `iter_read` does for whatever the header shows.
    """
    with _open_file(path) as file:
        header = read_header(path, GzipReader(file))
    return Summary(header.shape, header.volumes)


def iter_read(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
    """Read one volume; yields progress, then the volume as the last value.

    ``index`` picks one of the volumes of a 4D file.

    Raises
    ------
    NiftiError : one sentence, for anything that is not a usable CT volume.
    """
    with _open_file(path) as file:
        reader = GzipReader(file)
        try:
            header = read_header(path, reader)
            if not 0 <= index < header.volumes:
                raise NiftiError(
                    f"{path} holds {header.volumes} volume(s), there is no number {index}: "
                    f"choose 0 to {header.volumes - 1}."
                )
            extensions, skipped = read_extensions(reader, header)
            header = replace(header, consumed=header.consumed + skipped)
            voxels = yield from _read_voxels(path, reader, header, index)
        except GzipError as error:
            raise NiftiError(
                f"{path} is incomplete or damaged: {error}; copy or export it again."
            ) from error
        except OSError as error:
            raise NiftiError(f"{path} cannot be read: {error.strerror or error}.") from error
    volume = yield from _to_canonical(path, header, voxels, reader, extensions)
    yield volume


def read(path: Path, index: int = 0) -> Volume:
    """`iter_read` for callers that do not want progress."""
    *_, volume = iter_read(path, index)
    assert isinstance(volume, Volume)
    return volume


def read_labels(path: Path) -> LabelMap:
    """Read a label map; any numeric type, as long as it holds whole numbers 0..255.

    Raises
    ------
    NiftiError : where the file cannot be read or holds other values.
    """
    volume = read(path)
    return LabelMap(whole_numbers(path, volume, 255), volume.affine, volume.name)


def whole_numbers(path: Path, volume: Volume, most: int) -> NDArray[Any]:
    """The volume's values as uint8, or as uint16 where some are above 255.

    Raises
    ------
    NiftiError : where they are no whole numbers from 0 to ``most``.
    """
    stored = volume.voxels
    low, high = (float(edge) + volume.intercept for edge in (stored.min(), stored.max()))
    numbers = np.empty_like(stored, np.uint8 if high <= 255 else np.uint16)
    fits = 0 <= low <= high <= most
    for k in range(stored.shape[2] if fits else 0):
        wide = stored[:, :, k].astype(np.float32 if stored.dtype.kind == "f" else np.int32)
        values = wide + np.asarray(volume.intercept, wide.dtype)
        numbers[:, :, k] = values
        fits = fits and np.array_equal(numbers[:, :, k], values)
    if not fits:
        raise NiftiError(
            f"{path} is not a label map: it holds values that are no whole numbers from 0 to "
            f"{most} ({low:g} to {high:g}); is it the scan itself?"
        )
    return numbers


@contextlib.contextmanager
def _open_file(path: Path) -> Iterator[BinaryIO]:
    """The file, with every way it can fail to open put into a sentence."""
    if path.is_dir():
        raise NiftiError(
            f"{path} is a folder: choose a NIfTI file (.nii or .nii.gz); DICOM folders have to "
            "be converted first, for example with dcm2niix."
        )
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise NiftiError(f"{path} is not a regular file: copy the scan into one.")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise NiftiError(f"{path} does not exist: check the name.") from error
    except PermissionError as error:
        raise NiftiError(f"{path} may not be read: ask for read permission.") from error
    except OSError as error:
        raise NiftiError(f"{path} cannot be opened: {error.strerror or error}.") from error
    with file:
        if os.fstat(file.fileno()).st_size == 0:
            raise NiftiError(f"{path} is empty (0 bytes): copy or export it again.")
        yield file


def _read_voxels(
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
        raise NiftiError(
            f"{path} needs {size / 2**30:.1f} GiB of memory for {header.shape} voxels, more "
            "than there is; crop it or store it as int16."
        ) from error
    skipped = yield from _skip_bytes(reader, header.offset - header.consumed + index * size)
    target = memoryview(buffer.view(np.uint8))  # type: ignore[arg-type]
    filled = 0
    while filled < size and skipped:
        got = reader.read_into(target[filled : min(size, filled + _PIECE)])
        if got == 0:
            break
        filled += got
        yield Progress("Reading", min(1.0, reader.position() / max(total, 1)))
    if filled < size:
        raise NiftiError(
            f"{path} is incomplete: the header promises {count} voxels "
            f"({size} bytes), the file holds {filled} bytes of them; copy or export it again."
        )
    for _ in reader.finish():
        yield Progress("Reading", min(1.0, reader.position() / max(total, 1)))
    if not header.dtype.isnative:
        buffer = buffer.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    return buffer.reshape(header.shape, order="F")


def _refuse_impossible(
    path: Path, header: Header, size: int, stored: int, compressed: bool
) -> None:
    """Sizes that the file cannot hold, before memory is asked for."""
    # Deflate cannot shrink data more than about 1,032 times.
    most = stored * 1040 if compressed else stored
    if size > most:
        raise NiftiError(
            f"{path} is incomplete: the header promises {header.shape} voxels in "
            f"{header.volumes} volume(s), {size} bytes, but the file has {stored} bytes; "
            "copy or export it again."
        )


def _skip_bytes(reader: GzipReader, count: int) -> Generator[Progress, None, bool]:
    """Leave ``count`` bytes behind; returns whether there were as many."""
    while count > 0:
        got = len(reader.read(min(count, _PIECE)))
        if got == 0:
            return False
        count -= got
        yield Progress("Reading", 0.0)
    return True


def _to_canonical(
    path: Path, header: Header, stored: NDArray[Any], reader: GzipReader, extensions: Extensions
) -> Generator[Progress, None, Volume]:
    """Scale, find the affine, turn to RAS+ (a view, nothing is copied), check the values."""
    geometry = find_geometry(path, header)
    voxels, intercept = yield from _scale_voxels(stored, header.slope, header.intercept)
    remarks, in_hu = check_plausibility(voxels, intercept)
    bad = yield from _fill_non_finite(voxels)
    ornt = orientations.io_orientation(geometry.affine)
    canonical = geometry.affine @ orientations.inv_ornt_aff(ornt, header.shape)
    notes = [*header.notes, *geometry.notes]
    if reader.trailing:
        notes.append("There are extra bytes after the end of the compressed data; they were left.")
    if bad:
        notes.append(f"{bad} voxels are not finite numbers; they are shown as air.")
    return Volume(
        voxels=orientations.apply_orientation(voxels, ornt),
        affine=canonical,
        intercept=intercept,
        name=name_without_suffix(path),
        source=SourceGrid(
            header.shape,
            ornt,
            bytes(header.nifti.binaryblock),
            geometry.repaired,
            geometry.unit_mm,
            tuple(extensions),
        ),
        warnings=(*notes, *remarks),
        in_hu=in_hu,
    )


def name_without_suffix(path: Path) -> str:
    """The file's name without its endings."""
    name = path.name
    for ending in (".nii.gz", ".nii", ".gz"):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def _scale_voxels(
    stored: NDArray[Any], slope: float, intercept: float
) -> Generator[Progress, None, tuple[NDArray[Any], int]]:
    """Voxels and the integer to add for HU; the stored type stays where that is exact."""
    if slope == 1 and float(intercept).is_integer() and stored.dtype.kind in "iu":
        return stored, int(intercept)
    if slope == 1 and intercept == 0 and stored.dtype == np.float32:
        return stored, 0
    scaled = np.empty(stored.shape, np.float32, order="F")
    for k in range(0, stored.shape[2], _SLICES):
        part = np.s_[:, :, k : k + _SLICES]
        with np.errstate(
            over="ignore"
        ):  # too large for single precision: infinite, see `_fill_non_finite`
            scaled[part] = stored[part]
            scaled[part] *= np.float32(slope)
        scaled[part] += np.float32(intercept)
        yield Progress("Reading", 1.0)
    return scaled, 0


def _fill_non_finite(voxels: NDArray[Any]) -> Generator[Progress, None, int]:
    """Air where there is no finite number; returns how many voxels that were."""
    if voxels.dtype.kind != "f":
        return 0
    count = 0
    for k in range(0, voxels.shape[2], _SLICES):
        part = voxels[:, :, k : k + _SLICES]
        bad = ~np.isfinite(part)
        found = int(bad.sum())
        if found:
            part[bad] = _AIR_HU
        count += found
        yield Progress("Reading", 1.0)
    return count


def check_plausibility(voxels: NDArray[Any], intercept: int) -> tuple[list[str], bool]:
    """What looks wrong about the values, from a sample of them, and whether they may be HU."""
    step = tuple(slice(None, None, max(1, n // 64)) for n in voxels.shape)
    sample = voxels[step].astype(np.float32) + intercept
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return [], True
    low, high = float(sample.min()), float(sample.max())
    notes = []
    if low == high:
        notes.append(f"All voxels seem to have the value {low:g}.")
    elif low >= -1 and high <= 1:
        span = "0..1" if low >= 0 else "-1..1"
        notes.append(f"The values lie in {span}: normalized data, not HU; labels will be wrong.")
    elif low >= 0 and high <= 255:
        notes.append("The values lie in 0..255: gray values, not HU; labels will be wrong.")
    elif high - low < _LEAST_SPAN:
        notes.append(f"The values span {low:.3g} to {high:.3g} only: no HU; labels will be wrong.")
    elif low >= 0 and high > 1000:
        notes.append("No value is below 0: probably HU + 1024, labels will be wrong.")
    elif low >= 0:
        notes.append("No value is below 0, not even air: perhaps no CT; labels may be wrong.")
    if min(voxels.shape) == 1:
        notes.append("It is a single slice; a volume is needed for good labels.")
    return notes, not (0 <= low < high <= 255 or 0 < high - low < _LEAST_SPAN)
