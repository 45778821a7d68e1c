"""The volumes in folders, archives and discs, by their headers, as the list of them grows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from liverview.core.stream import Progress
from liverview.files.dicom.headers.header_pool import HeaderBatch, Unreadable, iter_headers
from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.places.dicomdir import MEDIA_DIRECTORY
from liverview.files.dicom.places.finding import FolderTimes, iter_sources
from liverview.files.dicom.places.sources import DicomSource
from liverview.files.dicom.series.series_volume import SeriesVolume
from liverview.files.dicom.series.splitting import split_series
from liverview.files.opening import ImageFileError

_MOST_SENTENCES = 50
_MOST_TRIED_AGAIN = 1_000
_ROUNDS = 3  # that folders are looked at again, while files come
_AT_ONCE = 500  # files that are found between two words of progress
_LEAST_WAIT = 0.3  # seconds between two lists
_SHARE = 6  # times that making a list took, which pass at least until the next


@dataclass(frozen=True, eq=False, repr=False)
class Listing:
    """The volumes that were found so far.

    Attributes
    ----------
    volumes : in the order in which their series were met.
    unreadable : what could not be read, one sentence each; beyond 50, how many more.
    others : files that are not DICOM.
    complete : nothing is left to read.
    """

    volumes: tuple[SeriesVolume, ...]
    unreadable: tuple[str, ...]
    others: int
    complete: bool


def iter_list(paths: Sequence[Path]) -> Iterator[Progress | Listing]:
    """List the volumes in folders, files, zip archives and discs, from headers alone.

    Lists come as it goes on, now and then, the complete one last. Files that come into the
    folders meanwhile, or that were still being written, are read at the end; if more come even
    then, a sentence says so. Closing the generator ends its threads.
    """
    state = _State()
    times = FolderTimes()
    sources: list[DicomSource] = []
    for number, found in enumerate(iter_sources(paths, times)):
        if number % _AT_ONCE == 0:
            yield Progress("Looking for files", 0.0)
        if isinstance(found, ImageFileError):
            state.sentences.append(str(found))
        else:
            sources.append(found)
    yield from _iter_read(state, sources)
    yield from _iter_read_late(state, sources, times)
    yield Progress("Reading headers", 1.0)
    yield state.listing(complete=True)


def _iter_read(state: _State, sources: Sequence[DicomSource]) -> Iterator[Progress | Listing]:
    """Read headers into the state; lists of what is there come at a pace."""
    done = 0
    pace = _Pace()
    for batch in iter_headers(sources):
        done += batch.files
        state.add(batch)
        yield Progress("Reading headers", min(done / max(len(sources), 1), 1.0))
        if pace.is_due():
            yield state.listing(complete=False)
            pace.restart()


def _iter_read_late(
    state: _State, sources: Iterable[DicomSource], times: FolderTimes
) -> Iterator[Progress | Listing]:
    """Read what came meanwhile, and once more what was perhaps still being written."""
    seen: set[str] = set()
    for _ in range(_ROUNDS):
        folders = times.changed()
        if not folders:
            break
        seen = seen or {source.name for source in sources}
        found = [each for each in iter_sources(folders, times) if isinstance(each, DicomSource)]
        late = [source for source in found if source.name not in seen]
        seen |= {source.name for source in late}
        yield from _iter_read(state, late)
    again = [each.source for each in state.unreadable[:_MOST_TRIED_AGAIN]]
    if again:
        del state.unreadable[:_MOST_TRIED_AGAIN]
        yield from _iter_read(state, again)
    growing = times.changed()
    if growing:
        state.sentences.append(
            f"{growing[0]} changes while it is read: open it again when all files are there."
        )


class _State:
    """Headers and sentences so far; only series that changed are split into volumes anew."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.unreadable: list[Unreadable] = []
        self._others = 0
        self._series: dict[str, list[SliceHeader]] = {}
        self._volumes: dict[str, tuple[SeriesVolume, ...]] = {}
        self._changed: set[str] = set()

    def add(self, batch: HeaderBatch) -> None:
        self._others += batch.others
        self.unreadable += batch.unreadable
        for header in batch.headers:
            if header.sop_class == MEDIA_DIRECTORY:
                continue
            uid = header.study.series_uid
            self._series.setdefault(uid, []).append(header)
            self._changed.add(uid)

    def listing(self, *, complete: bool) -> Listing:
        for uid in self._changed:
            self._volumes[uid] = split_series(self._series[uid])
        self._changed.clear()
        volumes = tuple(each for uid in self._series for each in self._volumes[uid])
        sentences = [*self.sentences, *(each.sentence for each in self.unreadable)]
        more = len(sentences) - _MOST_SENTENCES
        if more > 0:
            sentences[_MOST_SENTENCES:] = [f"{more:,} more files cannot be read."]
        return Listing(volumes, tuple(sentences), self._others, complete)


class _Pace:
    """Says when the next list is due, so that lists cost a small share of the time."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._wait = _LEAST_WAIT

    def is_due(self) -> bool:
        self._asked = time.monotonic()
        return self._asked - self._started >= self._wait

    def restart(self) -> None:
        self._started = time.monotonic()
        self._wait = max(_LEAST_WAIT, _SHARE * (self._started - self._asked))
