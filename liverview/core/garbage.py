"""Garbage collection where it costs most and finds least: while modules are imported, and at exit.

Importing torch makes a hundred thousand objects that stay. The collector looks through all of them
again and again as they come, and once more as the process ends, which together takes as long as
half of the import.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Within the block nothing is collected; what is there at its end is never looked through."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def leave_all() -> None:
    """Before the process ends: its objects are not looked through for cycles, the system frees all.

    Exit functions, threads and files end as ever.
    """
    gc.disable()
    gc.freeze()
