"""Reading the pixels of a DICOM volume: every slice at its true place, in HU."""

from __future__ import annotations

import contextlib
import math
import mmap
import re
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.orientation import Orientation, find_orientation, ras_affine, turn_to_ras
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.study import FilledSlices, StudyFacts
from liverview.core.volume import Volume
from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.pixels import hu_pixels as pixels
from liverview.files.dicom.pixels.codecs import is_native
from liverview.files.dicom.series.geometry import SliceGrid, grid_of
from liverview.files.dicom.series.multiframe import StackSlice
from liverview.files.dicom.series.sentences import grid_sentences
from liverview.files.dicom.series.series_volume import SeriesKind, SeriesVolume
from liverview.files.dicom.series.slice_pool import THREADS, iter_slices
from liverview.files.dicom.series.splitting import expand
from liverview.files.dicom.series.template import Template, read_template, series_header
from liverview.files.opening import ImageFileError
from liverview.files.values import AIR_HU, check_plausibility

FORMAT = "DICOM"
_STEP_S = 0.2  # between two reports of progress
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From DICOM's world to that of volumes, and back."""
_UNREADABLE_NAMED = 3
_NO_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f]')  # what no file name may hold


def iter_read_volume(volume: SeriesVolume) -> Iterator[Progress | Volume]:
    """Read the pixels of a volume; yields progress, then the `Volume` last.

    Raises
    ------
    ImageFileError : one sentence, where it cannot be opened, or none of its slices can be read.
    """
    if volume.refusal:
        raise ImageFileError(volume.refusal)
    yield Progress("Reading", 0.0)
    slices = expand(volume)
    template = read_template(slices[0].file)
    stack = _Stack(slices)
    yield from stack.iter_read()
    kept, unreadable = stack.kept()
    grid = grid_of([each.header for each in slices])
    told = [text for text in volume.remarks if text not in grid_sentences(slices, grid)]
    if unreadable:
        told.append(_unreadable_sentence(volume, unreadable, len(kept)))
        grid = grid_of([each.header for each in kept])
    told += grid_sentences(kept, grid)
    voxels = yield from stack.iter_on_grid(grid)
    yield _finished(volume, stack, kept, grid, voxels, template, told)


class _Stack:
    """The slices of a volume while they are read: in their stored type where HU are exact in it.

    Attributes
    ----------
    voxels : (slices, rows, columns).
    intercept : HU are ``voxels + intercept``.
    """

    def __init__(self, slices: Sequence[StackSlice]) -> None:
        self._slices = slices
        first = slices[0].header
        self._shape = (len(slices), first.rows, first.columns)
        self._failed: dict[int, str] = {}
        self._headers = _held_headers(slices)
        plain = _stored_scale(slices)
        self._plain = plain is not None
        kind, self.intercept = plain if plain is not None else (np.dtype(np.int16), 0)
        self.voxels = _allocate(self._shape, kind)

    def iter_read(self) -> Iterator[Progress]:
        """Read all slices; those that cannot be are remembered."""
        told = time.monotonic()
        # A compressed frame is looked for in all that its file holds, which is held meanwhile.
        alone = any(
            header.frames > 1 and not is_native(header.transfer_syntax) for header in self._headers
        )
        threads = 1 if alone else THREADS
        for index, found in enumerate(iter_slices(self._read, len(self._slices), threads)):
            if isinstance(found, ImageFileError):
                self._failed[index] = str(found)
            elif found is not None:
                self._put(index, found)
            if time.monotonic() - told > _STEP_S:
                told = time.monotonic()
                yield Progress("Reading", index / len(self._slices))

    def _read(self, index: int) -> NDArray[np.float64] | ImageFileError | None:
        """Read a slice to its place, where voxels are as stored; else its HU are returned.

        On any thread; what fails is returned, too: the other slices are read all the same.
        """
        header, frame = self._headers[index], max(self._slices[index].frame - 1, 0)
        try:
            if self._plain:
                target = self.voxels[index]
                pixels.read_stored_into(target, header, frame)
                if pixels.has_padding(header):
                    target[pixels.find_padding(target, header)] = AIR_HU - self.intercept
                return None
            stored = pixels.read_stored(header, frame)
        except ImageFileError as error:
            return error
        hu: NDArray[np.float64] = stored * np.float64(header.slope) + header.intercept
        hu[pixels.find_padding(stored, header)] = AIR_HU
        return hu

    def _put(self, index: int, hu: NDArray[np.float64]) -> None:
        if self.voxels.dtype == np.int16 and not _fits(hu):
            self.voxels = self.voxels.astype(np.float32)
        self.voxels[index] = hu

    def kept(self) -> tuple[list[StackSlice], list[tuple[StackSlice, str]]]:
        """The slices that were read, and those that could not be, with the reason.

        Raises
        ------
        ImageFileError : where it is not half of them.
        """
        kept = [each for n, each in enumerate(self._slices) if n not in self._failed]
        failed = [(self._slices[n], why) for n, why in self._failed.items()]
        if 2 * len(kept) < len(self._slices):
            raise ImageFileError(failed[0][1])
        return kept, failed

    def iter_on_grid(self, grid: SliceGrid) -> Generator[Progress, None, NDArray[Any]]:
        """Yields progress; returns the slices on the grid, (slices, rows, columns)."""
        if not self._failed and grid.exact and grid.count == len(self._slices):
            return self.voxels
        rows = [n for n in range(len(self._slices)) if n not in self._failed]
        result = _allocate((grid.count, *self._shape[1:]), self.voxels.dtype)
        for k in range(grid.count):
            above = int(np.searchsorted(grid.places, k))
            below = max(min(above, len(rows)) - 1, 0)
            above = min(above, len(rows) - 1)
            if grid.places[above] == k or above == below:
                result[k] = self.voxels[rows[above]]
                continue
            share = (k - grid.places[below]) / (grid.places[above] - grid.places[below])
            share = np.float32(np.clip(share, 0, 1))
            mixed = self.voxels[rows[below]] * (1 - share) + self.voxels[rows[above]] * share
            result[k] = np.rint(mixed) if result.dtype.kind in "iu" else mixed
            yield Progress("Reading", 1.0)
        return result


def _held_headers(slices: Sequence[StackSlice]) -> list[SliceHeader]:
    """The header of each slice, of a file in memory where each frame would take reading it anew."""
    held: dict[int, SliceHeader] = {}
    for each in slices:
        if not each.frame or each.header.frames < 2 or pixels.is_at_hand(each.header):
            continue
        if id(each.file) not in held:
            frames = max(other.frame for other in slices if other.file is each.file)
            # What cannot be read now fails once more, by name, where its slices are read.
            with contextlib.suppress(ImageFileError):
                held[id(each.file)] = pixels.hold(each.header, frames)
    return [
        replace(each.header, source=memory.source, transfer_syntax=memory.transfer_syntax)
        if each.frame and (memory := held.get(id(each.file))) is not None
        else each.header
        for each in slices
    ]


def _stored_scale(slices: Sequence[StackSlice]) -> tuple[np.dtype[Any], int] | None:
    """The type and the intercept of stored values, where they are HU but for that intercept."""
    first = slices[0].header
    kind = pixels.stored_type(first)
    alike = {(e.header.slope, e.header.intercept, pixels.stored_type(e.header)) for e in slices}
    if len(alike) > 1 or first.slope != 1 or not float(first.intercept).is_integer():
        return None
    air = AIR_HU - int(first.intercept)
    fits = np.iinfo(kind).min <= air <= np.iinfo(kind).max
    padded = any(pixels.has_padding(each.header) for each in slices)
    return None if padded and not fits else (kind, int(first.intercept))


def _fits(hu: NDArray[np.float64]) -> bool:
    """True where HU are whole numbers of 16 bits."""
    limits = np.iinfo(np.int16)
    return bool(limits.min <= hu.min() and hu.max() <= limits.max and (hu == np.rint(hu)).all())


def _allocate(shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
    """An array whose values are not set yet.

    Raises
    ------
    ImageFileError : where there is not so much memory.
    """
    size = math.prod(shape) * np.dtype(kind).itemsize
    try:
        if sys.platform == "win32" or not size:
            return np.empty(shape, kind)
        # NumPy asks for huge pages, for which Linux may have to move others' memory about first:
        # that has taken longer than all the rest.
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        return np.frombuffer(memory, kind).reshape(shape)
    except (MemoryError, ValueError, OverflowError, OSError) as error:
        raise ImageFileError(
            f"The series needs {size / 2**30:.1f} GiB of memory, more than there is: have a "
            "thicker reconstruction sent."
        ) from error


def _unreadable_sentence(
    volume: SeriesVolume, failed: Sequence[tuple[StackSlice, str]], kept: int
) -> str:
    named = "; ".join(why.rstrip(".") for _, why in failed[:_UNREADABLE_NAMED])
    more = len(failed) - _UNREADABLE_NAMED
    also = f" and {more} more" if more > 0 else ""
    return (
        f"{len(failed)} of {kept + len(failed)} slices could not be read and count as missing: "
        f"{named}{also}."
    )


# ---- the volume -------------------------------------------------------------------------------


def _finished(
    volume: SeriesVolume,
    stack: _Stack,
    kept: Sequence[StackSlice],
    grid: SliceGrid,
    voxels: NDArray[Any],
    template: Template,
    told: Sequence[str],
) -> Volume:
    """The volume of voxels, (slices, rows, columns), on the grid; RAS+."""
    affine = LPS_TO_RAS @ grid.affine
    shape = (voxels.shape[2], voxels.shape[1], voxels.shape[0])
    orientation = find_orientation(affine)
    turned = turn_to_ras(voxels.T, orientation)
    sentences, may_be_hu = check_plausibility(turned, stack.intercept)
    is_ct = volume.kind is not SeriesKind.OTHER_MODALITY
    filled = None
    if grid.filled:
        filled = _turn_filled(grid, orientation)
    return Volume(
        voxels=turned,
        affine=ras_affine(affine, orientation, shape),
        intercept=stack.intercept,
        name=volume_name(volume.study),
        source=SourceGrid(
            shape, orientation, FORMAT, series_header(kept, grid, template.data).encode()
        ),
        warnings=(*told, *template.warnings, *(sentences if is_ct else ())),
        in_hu=is_ct and may_be_hu,
        window=kept[len(kept) // 2].header.window,
        study=volume.study,
        missing=filled,
    )


def volume_name(study: StudyFacts) -> str:
    """What to call a volume: by its series, never by whose it is."""
    described = " ".join(_NO_NAME.sub(" ", study.series_description).split())
    return described or f"{study.modality or 'CT'} series {study.series_number}".strip()


def _turn_filled(grid: SliceGrid, orientation: Orientation) -> FilledSlices:
    """The slices that were filled, along RAS+ axes."""
    axis, direction = (int(value) for value in orientation[2])
    indices = grid.filled if direction > 0 else [grid.count - 1 - k for k in grid.filled]
    return FilledSlices(axis, tuple(sorted(indices)))
