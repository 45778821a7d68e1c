"""Keep freed memory for the next tensor instead of giving it back to the system."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # glibc's malloc.h


def reuse_large_blocks() -> None:
    """Make glibc recycle large blocks; does nothing elsewhere.

    By default every block above some megabytes is mapped afresh and zeroed by the kernel,
    page by page. Networks ask for the same large blocks again and again: recycling them
    takes the system's share of training on the CPU from half of the time to nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
