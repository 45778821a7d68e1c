"""Headers of many files, read by several threads: of a slow disk or a share, all wait at once."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TypeAlias

from liverview.files.dicom.headers.element_scanner import NotDicomError
from liverview.files.dicom.headers.header_layout import LayoutCache
from liverview.files.dicom.headers.header_reading import StudyCache, header_of, make_layouts
from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.places.sources import DicomSource
from liverview.files.opening import ImageFileError

THREADS = 4
"""That read: as fast as one where all is in memory already, above that they only get in each
other's way; the latency of a share is hidden by each of them."""
_BATCH = 16  # files that a thread takes at once
_AHEAD = 3  # batches per thread that are begun before they are asked for


@dataclass(frozen=True, repr=False)
class Unreadable:
    """A file that is DICOM and cannot be used, with its sentence."""

    source: DicomSource
    sentence: str


@dataclass(frozen=True, repr=False)
class HeaderBatch:
    """The yield of a few files; ``others`` counts those that are no DICOM."""

    headers: list[SliceHeader]
    unreadable: list[Unreadable]
    others: int

    @property
    def files(self) -> int:
        return len(self.headers) + len(self.unreadable) + self.others


_Batches: TypeAlias = "deque[Future[HeaderBatch]]"


def iter_headers(sources: Iterable[DicomSource], threads: int = THREADS) -> Iterator[HeaderBatch]:
    """The headers of files, in their order, a few at a time.

    When the generator is closed, its threads have ended: none begins another file.
    """
    stopped = Event()
    studies: StudyCache = {}
    layouts = make_layouts()
    left = iter(sources)
    begun: _Batches = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="dicom headers") as pool:
        try:
            while True:
                while len(begun) < threads * _AHEAD and (
                    some := list(itertools.islice(left, _BATCH))
                ):
                    begun.append(pool.submit(_read_batch, some, (studies, layouts), stopped))
                if not begun:
                    return
                yield begun.popleft().result()
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _read_batch(
    sources: list[DicomSource], known: tuple[StudyCache, LayoutCache], stopped: Event
) -> HeaderBatch:
    batch = HeaderBatch([], [], 0)
    others = 0
    for source in sources:
        if stopped.is_set():
            break
        try:
            batch.headers.append(header_of(source, *known))
        except NotDicomError:
            others += 1
        except ImageFileError as error:
            batch.unreadable.append(Unreadable(source, str(error)))
    return HeaderBatch(batch.headers, batch.unreadable, others)
