"""SHA-256 of what a volume shows, for scans that are many files, or came from a network."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import numpy as np

from liverview.core.stream import Progress
from liverview.core.volume import Volume


def iter_hash_voxels(volume: Volume) -> Iterator[Progress | str]:
    """Take the SHA-256 of a volume's values and size; yields progress, then hexadecimal digits.

    Of HU as int32, little endian, or as float32, axial slice by axial slice: the same however
    the volume was stored, compressed or packed.
    """
    digest = sha256(repr(volume.shape).encode())
    kind = "<i4" if volume.voxels.dtype.kind in "iu" else "<f4"
    count = volume.shape[2]
    for k in range(count):
        values = volume.voxels[:, :, k].astype(kind)
        digest.update((values + np.dtype(kind).type(volume.intercept)).tobytes("F"))
        yield Progress("Checking the scan", (k + 1) / count)
    yield digest.hexdigest()
