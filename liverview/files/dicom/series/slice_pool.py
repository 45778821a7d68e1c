"""Slices read by several threads, in their order.

Reading, inflating and some decoders let go of the interpreter; new memory costs time by itself.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = min(4, os.cpu_count() or 1)
"""That read at once; with more, they only wait for the disk together."""
_AHEAD = 3  # slices per thread that are begun before they are asked for, and held in memory

Result = TypeVar("Result")


def iter_slices(
    read: Callable[[int], Result], count: int, threads: int = THREADS
) -> Iterator[Result]:
    """The results of ``read`` for 0, 1, ... , in this order; no more than a few are held.

    What ``read`` raises is raised when its result is due. When the generator is closed, all of
    its threads have ended.
    """
    begun: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="dicom slices")
    try:
        for index in range(count):
            begun.append(pool.submit(read, index))
            if len(begun) >= threads * _AHEAD:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
