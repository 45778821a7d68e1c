"""One place that all threads take memory from, so that they find what others have given back.

By default glibc gives threads places of their own. What one thread has freed and keeps for later,
no other finds: slabs that are computed side by side would add their memory to that of the first
stage, and ask the system for it again and again.
"""

from __future__ import annotations

import sys

_M_ARENA_MAX = -8  # glibc's malloc.h


def share_heap() -> None:
    """Let threads that begin from now on share one heap; does nothing without glibc.

    To be called where a process begins: threads go on to use what other threads have left.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(_M_ARENA_MAX, 1)
