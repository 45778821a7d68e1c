"""Waiting for a node without being held by it: the talk is on a thread of its own.

A generator can only be closed where it yields. What waits for a node may not come to that for a
minute, so it runs on a thread, and the generator yields meanwhile; where it is closed, the line is
cut, which ends the wait, and the thread is joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

_TICK = 0.1  # seconds between two looks at whether anybody still wants it
_END = object()

Put: TypeAlias = Callable[[Any], None]
"""Takes an item from the thread to whoever iterates."""


def iter_waited(talk: Callable[[Put], object], stop: Callable[[], object]) -> Iterator[Any]:
    """Yield what a talk puts, and None now and then while it puts nothing.

    Parameters
    ----------
    talk : is run on a thread; what it raises is raised here.
    stop : cuts the line, so that the talk ends soon; called where the iteration ends early.
    """
    items: SimpleQueue[Any] = SimpleQueue()
    with ThreadPoolExecutor(1, "pacs") as pool:
        talking = pool.submit(_talk_quietly, talk, items.put)
        talking.add_done_callback(lambda _: items.put(_END))
        try:
            while (item := _next_of(items)) is not _END:
                yield item
        finally:
            if not talking.done():
                stop()
        talking.result()


def _talk_quietly(talk: Callable[[Put], object], put: Put) -> None:
    from liverview.files.dicom.quiet import quiet_pydicom

    with quiet_pydicom():
        talk(put)


def _next_of(items: SimpleQueue[Any]) -> Any:
    try:
        return items.get(timeout=_TICK)
    except Empty:
        return None
