"""Generators that open scans, whatever they lie in; they import heavy modules when they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from liverview.core.stream import Message, Progress
from liverview.core.volume import Volume
from liverview.ui.jobs import series_work


def iter_load_volume(
    path: Path, index: int | None = None, series: str = "", labels: Path | None = None
) -> Iterator[object]:
    """Load a volume; of a 4D file with no ``index`` given, yield its summary instead.

    Of a place with DICOM comes what `series_work.iter_open_place` yields; nobody is asked there
    where an ``index`` is given.
    """
    from liverview.files import images
    from liverview.files.kinds import may_hold_dicom

    yield Progress("Opening", 0.0)
    if may_hold_dicom(path):
        yield from series_work.iter_open_place([path], series, ask=index is None, labels=labels)
        return
    if index is None:
        summary = images.read_summary(path)
        if summary.volumes > 1:
            yield summary
            return
    yield from images.iter_read(path, index)


@dataclass(frozen=True, eq=False)
class Together:
    """A scan among several files.

    Attributes
    ----------
    path : of the scan; of the first file where all are label maps.
    volume : the scan; None where its file holds several, and has to be asked about.
    count : how many volumes the file of the scan holds.
    labels : the label map that goes with it, if one does.
    left : files that are neither.
    """

    path: Path
    volume: Volume | None
    count: int
    labels: Path | None
    left: tuple[Path, ...]


def iter_load_together(paths: Sequence[Path]) -> Iterator[object]:
    """Load the scan among files, in whatever order they are; label maps are known by content.

    A 4D file is the scan where no other is, else the label map where no other is. Where there is
    DICOM among them, that is the scan, and one other file its label map.
    """
    from liverview.files import images
    from liverview.files.kinds import may_hold_dicom, resembles_labels

    places = [path for path in paths if may_hold_dicom(path)]
    if places:
        others = [path for path in paths if path not in places]
        if len(others) > 1:
            names = ", ".join(path.name for path in others)
            yield Message(f"One label map at a time: {names} left out.")
        labels = others[0] if len(others) == 1 else None
        yield from series_work.iter_open_place(places, labels=labels)
        return
    scans: list[tuple[Path, Volume | None]] = []
    maps: list[tuple[Path, Volume | None]] = []
    counts = {path: images.read_summary(path).volumes for path in paths}
    for path in paths:
        if counts[path] > 1 or (scans and maps):
            continue
        volume = None
        for item in images.iter_read(path):
            if isinstance(item, Volume):
                volume = item
            else:
                yield item
        assert volume is not None
        (maps if resembles_labels(volume) else scans).append((path, volume))
    deep: list[tuple[Path, Volume | None]] = [(p, None) for p in paths if counts[p] > 1]
    scans, maps = (scans, maps or deep) if scans else (deep, maps)
    path, volume = (scans or maps)[0]
    labels = maps[0][0] if scans and maps else None
    left = tuple(p for p in paths if p not in (path, labels))
    yield Together(path, volume, counts[path], labels, left)
