"""Files of a header and voxels: written beside the target, read back, compared, renamed."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine
from liverview.core.orientation import stored_affine, turn_from_ras
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files import atomic
from liverview.files.opening import ImageFileError
from liverview.files.voxel_data import DATA_ERRORS, GZIP, ZLIB, iter_unpacked

isal_zlib: Any
try:
    from isal import isal_zlib
except ImportError:  # no wheel for this machine
    isal_zlib = None

_STEP = 16  # slices between two yields
_WBITS = {GZIP: 31, ZLIB: 15}


@dataclass(frozen=True, eq=False)
class StoredArray:
    """What is to be written: voxels along the stored axes, and their place.

    Attributes
    ----------
    voxels : (i, j, k), the first axis the fastest in the file.
    affine : stored voxel index -> world mm, RAS+.
    """

    voxels: NDArray[Any]
    affine: Affine


def stored_array(array: Volume | LabelMap) -> StoredArray:
    """Labels, or HU in the stored type where that has them, along the axes of the source."""
    voxels = array.voxels
    if isinstance(array, Volume) and array.intercept:
        voxels = array.to_numpy()
    if array.source is None:
        return StoredArray(voxels, array.affine)
    stored = turn_from_ras(voxels, array.source.orientation)
    affine = stored_affine(array.affine, array.source.orientation, stored.shape)
    return StoredArray(stored, affine)


def iter_write_verified(
    path: Path,
    voxels: NDArray[Any],
    head: Callable[[int], bytes],
    packing: str,
    *,
    overwrite: bool,
) -> Iterator[Progress]:
    """Write a header and packed voxels, little endian, into one file; yields progress.

    Parameters
    ----------
    head : makes the header, always as long, from the bytes that the packed voxels have.
    packing : GZIP or ZLIB.

    Raises
    ------
    TargetError : where the target exists and may not be replaced, or cannot be written.
    ImageFileError : where what was written does not come back.
    """
    atomic.check_target(path, overwrite=overwrite)
    with atomic.atomic_write(path) as temporary:
        yield from _iter_write(temporary, voxels, head, packing)
        yield from _iter_verify(path, temporary, voxels, head, packing)
    yield Progress("Saved", 1.0)


def _iter_write(
    path: Path, voxels: NDArray[Any], head: Callable[[int], bytes], packing: str
) -> Iterator[Progress]:
    library, level = (zlib, 4) if isal_zlib is None else (isal_zlib, 1)
    packer = library.compressobj(level, wbits=_WBITS[packing])
    with path.open("wb") as file:
        start = file.write(head(0))
        for k in range(voxels.shape[2]):
            file.write(packer.compress(_slice_bytes(voxels, k).data))
            if k % _STEP == 0:
                yield Progress("Writing", 0.6 * k / voxels.shape[2])
        file.write(packer.flush())
        size = file.tell() - start
        file.seek(0)
        file.write(head(size))
        file.flush()
        os.fsync(file.fileno())


def _slice_bytes(voxels: NDArray[Any], k: int) -> NDArray[np.uint8]:
    dtype = voxels.dtype.newbyteorder("<")
    return np.ascontiguousarray(voxels[:, :, k].T, dtype).reshape(-1).view(np.uint8)


def _iter_verify(
    path: Path, written: Path, voxels: NDArray[Any], head: Callable[[int], bytes], packing: str
) -> Iterator[Progress]:
    """Read the file back: the header to the byte, the voxels one by one."""
    with written.open("rb") as file:
        start = len(head(0))
        size = os.fstat(file.fileno()).st_size - start
        same = file.read(start) == head(size)
        matching = _iter_matching(file, voxels, packing)
        try:
            for share in matching:
                same = same and share >= 0
                yield Progress("Verifying", 0.6 + 0.4 * max(share, 0.0))
        except DATA_ERRORS as error:
            raise ImageFileError(f"{path} was not saved: it came back damaged.") from error
    if not same:
        raise ImageFileError(
            f"{path} was not saved: what came back from the disk differs from what was written."
        )


def _iter_matching(file: BinaryIO, voxels: NDArray[Any], packing: str) -> Iterator[float]:
    """Compare packed bytes with voxels; yields the share that is done, or -1 where they differ."""
    k, left = 0, np.empty(0, np.uint8)
    for piece in iter_unpacked(file, packing):
        found = np.frombuffer(piece, np.uint8)
        while len(found):
            if not len(left):
                if k == voxels.shape[2]:
                    yield -1.0
                    return
                left, k = _slice_bytes(voxels, k), k + 1
            n = min(len(found), len(left))
            if not np.array_equal(found[:n], left[:n]):
                yield -1.0
                return
            found, left = found[n:], left[n:]
        yield k / voxels.shape[2]
    if k < voxels.shape[2] or len(left):
        yield -1.0
