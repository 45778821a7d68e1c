"""Parts of one computation side by side on the cores of the CPU.

One convolution on two of torch's threads takes .67 to .83 of its time on one, and what lies between
convolutions is computed by one thread anyhow. Slabs side by side, each with threads of its own,
use cores better, and do not wait for one another at the end of every operation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

import torch

_MOST = 4  # at once: each holds the memory of one, and the other cores are shared among them
_numbers = Lock()  # held while numbers of torch's threads are looked at or changed here

Item = TypeVar("Item")
Result = TypeVar("Result")


def iter_side_by_side(
    work: Callable[[Item], Result], items: Sequence[Item], device: torch.device
) -> Generator[Result, None, None]:
    """The results of ``work`` for all items, in their order.

    On the CPU several are computed at once: together they have as many of torch's threads as the
    caller has. With one thread, or on another device, each is computed when it is asked for. One
    more than are computed at once are begun and held at most.

    What ``work`` raises is raised when its result is due. When the generator is closed, its
    threads have ended, after the items that they were at.
    """
    shares = _share_threads(len(items)) if device.type == "cpu" else []
    if len(shares) < 2:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(len(shares), "side by side", _take_share, (deque(shares),))
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) > len(shares):
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _share_threads(items: int) -> list[int]:
    """The number of torch's threads for each of those that compute at once."""
    with _numbers:
        threads = torch.get_num_threads()
    at_once = min(threads, items, _MOST)
    return [(threads + other) // at_once for other in range(at_once)]


def _take_share(shares: deque[int]) -> None:
    """Give this thread, and no other, a number of torch's threads.

    torch keeps one number for each thread, and one more that threads begin with. To set the first
    sets the second, too; a thread that ends at once reads it before and puts it back. A thread
    takes the second when it is first asked for its own, so it is asked before.
    """
    with _numbers, ThreadPoolExecutor(1) as other:
        torch.get_num_threads()
        for_new_threads = other.submit(torch.get_num_threads).result()
        torch.set_num_threads(shares.popleft())
        other.submit(torch.set_num_threads, for_new_threads).result()
