"""Masks as a text for JSON: a few KB for what is a few blocks."""

from __future__ import annotations

import math
import zlib
from base64 import b64decode, b64encode

import numpy as np
from numpy.typing import NDArray


def pack_mask(mask: NDArray[np.bool_]) -> str:
    """A mask, (I, J, K), as a text."""
    bits = np.packbits(np.asfortranarray(mask).reshape(-1, order="F"))
    return b64encode(zlib.compress(bits.tobytes(), 1)).decode("ascii")


def unpack_mask(text: object, shape: tuple[int, int, int]) -> NDArray[np.bool_] | None:
    """The mask of a text, (I, J, K); None where it is none of this shape."""
    if not isinstance(text, str):
        return None
    count = math.prod(shape)
    wanted = (count + 7) // 8
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(b64decode(text, validate=True), wanted + 1)
    except (ValueError, zlib.error):
        return None
    if len(data) != wanted:
        return None
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count)
    return bits.reshape(shape, order="F").astype(bool)
