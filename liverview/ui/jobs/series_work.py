"""Generators that list DICOM series, picture them and read one of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liverview.core.display_window import ABDOMEN
from liverview.core.errors import LiverviewError
from liverview.core.stream import Progress
from liverview.core.volume import Volume

if TYPE_CHECKING:
    from liverview.files.dicom.places.listing import Listing
    from liverview.files.dicom.places.recommendation import Recommendation
    from liverview.files.dicom.series.series_volume import SeriesVolume

THUMBNAIL_PX = 96
"""The longer side of a picture of a series."""
_PACE_S = 0.15  # between two words of progress
_CLIPPED = 1.0, 99.0  # percent of values that are no HU, black and white in a picture


@dataclass(frozen=True, eq=False)
class SeriesEntry:
    """A volume of a listing, as the table has it.

    Attributes
    ----------
    key : the same for the same volume in the next listing.
    volume : on the disk.
    likely, reason : whether it is rather the one, and why.
    """

    key: str
    volume: SeriesVolume
    likely: bool
    reason: str

    @property
    def refusal(self) -> str:
        """Why it cannot be opened; nothing of a segmentation, which opens with its scan."""
        from liverview.files.dicom.series.series_volume import SeriesKind

        return "" if self.volume.kind is SeriesKind.LABELS else self.volume.refusal


@dataclass(frozen=True, eq=False)
class SeriesList:
    """What was listed so far.

    Attributes
    ----------
    place : what the person opened; of several files, their folder.
    entries : the likely ones first.
    unreadable : sentences about files that could not be read.
    others : how many files are no DICOM.
    complete : nothing more will come.
    labels : a file that came with the place, to be shown as label map of what is chosen.
    """

    place: Path
    entries: tuple[SeriesEntry, ...]
    unreadable: tuple[str, ...] = ()
    others: int = 0
    complete: bool = True
    labels: Path | None = None

    @property
    def only(self) -> SeriesEntry | None:
        """The one CT volume, where beside it there are at most localizers and what has no image."""
        from liverview.files.dicom.series.series_volume import SeriesKind

        aside = (SeriesKind.LOCALIZER, SeriesKind.NO_IMAGE)
        chosen = [entry for entry in self.entries if entry.volume.kind not in aside]
        if len(chosen) == 1 and chosen[0].volume.kind is SeriesKind.CT:
            return None if chosen[0].volume.refusal else chosen[0]
        return None

    def labels_for(self, entry: SeriesEntry) -> SeriesVolume | None:
        """The one volume that a segmentation of this listing is of; None for none or many.

        That which it refers to; where that is not there, the only one of its frame of reference.
        """
        from liverview.files.dicom.series.references import volumes_referred_to
        from liverview.files.dicom.series.series_volume import SeriesKind

        of, study = entry.volume.slices[0], entry.volume.study.study_uid
        usable = [
            other.volume
            for other in self.entries
            if other.volume.kind is SeriesKind.CT and not other.volume.refusal
        ]
        found = volumes_referred_to(of.source, usable) or [
            volume
            for volume in usable
            if volume.study.study_uid == study
            and volume.slices[0].frame_of_reference == of.frame_of_reference
        ]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, eq=False)
class OpenedSeries:
    """A volume of a series that was read.

    Attributes
    ----------
    volume : the scan.
    path : the place that it is in; None of one from a network.
    labels : a label map that goes with it, if one does.
    left : the listing that it was taken from, where it has more; None else.
    """

    volume: Volume
    path: Path | None
    labels: Path | None = None
    left: SeriesList | None = None


@dataclass(frozen=True)
class LabelsAlone:
    """A DICOM file that is a segmentation or contours, and no scan."""

    path: Path


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A picture of a volume: (rows, columns) uint8; None where it cannot be read."""

    key: str
    gray: NDArray[np.uint8] | None
    aspect: float = field(default=1.0)


def iter_open_place(
    paths: Sequence[Path], series: str = "", *, ask: bool = True, labels: Path | None = None
) -> Iterator[Progress | SeriesList | OpenedSeries | LabelsAlone]:
    """List a place with DICOM and read the volume that is meant, where that is clear.

    Parameters
    ----------
    series : the key of the volume that is meant; empty where nothing says.
    ask : whether somebody is there to choose; else it is the likeliest.
    labels : a label map that came with the place.
    """
    from liverview.files.dicom.places import contents as places
    from liverview.files.dicom.places.listing import Listing

    yield Progress("Listing", 0.0)
    if len(paths) == 1 and places.labels_in(paths[0]):
        yield LabelsAlone(paths[0])
        return
    place = paths[0] if len(paths) == 1 else Path(os.path.commonpath([p.parent for p in paths]))
    listed = SeriesList(place, (), complete=False)
    for item in _iter_paced(places.iter_list_places(paths)):
        if isinstance(item, Listing):
            listed = _listed(place, item, labels)
            yield listed
        else:
            yield item
    meant = _meant(listed, series, ask=ask)
    if meant is not None:
        left = listed if len(listed.entries) > 1 and not series else None
        yield from iter_open_series(meant.volume, place, labels, left)


def _iter_paced(work: Iterator[Progress | Listing]) -> Iterator[Progress | Listing]:
    """The same with less progress: every word of it takes the window's time."""
    told = -_PACE_S
    for item in work:
        now = time.monotonic()
        if not isinstance(item, Progress) or now - told >= _PACE_S:
            told = now if isinstance(item, Progress) else told
            yield item


def iter_open_series(
    volume: SeriesVolume, path: Path | None, labels: Path | None = None,
    left: SeriesList | None = None,
) -> Iterator[Progress | OpenedSeries]:  # fmt: skip
    """Read a volume of a series."""
    from liverview.files.dicom.places.contents import iter_read_named

    for item in iter_read_named(volume, path):
        yield OpenedSeries(item, path, labels, left) if isinstance(item, Volume) else item


def iter_open_labels(listed: SeriesList, entry: SeriesEntry) -> Iterator[Progress | OpenedSeries]:
    """Read the series that a segmentation of a listing is of, to be opened with it."""
    from liverview.files.opening import ImageFileError

    yield Progress("Reading", 0.0)
    scan, path = listed.labels_for(entry), entry.volume.slices[0].source.path
    if scan is None:
        raise ImageFileError(
            "It is not clear which series this segmentation is of: open the series first, then "
            "the file of the segmentation."
        )
    if path is None or path == listed.place:
        raise ImageFileError(
            f"{listed.place.name} is an archive, and a segmentation is read from a file: unpack it "
            "first."
        )
    yield from iter_open_series(scan, listed.place, path)


def iter_thumbnails(entries: Sequence[SeriesEntry]) -> Iterator[Thumbnail]:
    """Picture the middle slices of volumes, one after the other."""
    for entry in entries:
        yield _thumbnail(entry)


def _listed(place: Path, listing: Listing, labels: Path | None) -> SeriesList:
    from liverview.files.dicom.places.recommendation import recommend

    if listing.complete and not listing.volumes:
        raise _nothing(place, listing)
    entries = tuple(_iter_entries(recommend(listing.volumes)))
    return SeriesList(
        place, entries, listing.unreadable, listing.others, listing.complete, labels
    )  # fmt: skip


def _iter_entries(recommended: Sequence[Recommendation]) -> Iterator[SeriesEntry]:
    """The entries, with keys that no two of them share."""
    counts: dict[str, int] = {}
    for one in recommended:
        key = one.volume.study.series_key
        counts[key] = number = counts.get(key, 0) + 1
        yield SeriesEntry(
            key if number == 1 else f"{key}#{number}", one.volume, one.likely, one.reason
        )


def _nothing(place: Path, listing: Listing) -> LiverviewError:
    from liverview.files.opening import ImageFileError

    if listing.unreadable:
        count = len(listing.unreadable)
        more = f" (and {count - 1} more)" if count > 1 else ""
        return ImageFileError(
            f"{place} holds no image that can be read: {listing.unreadable[0]}{more}"
        )
    files = "file" if listing.others == 1 else "files"
    return ImageFileError(
        f"{place} holds no DICOM images ({listing.others} other {files}): choose the folder that "
        "has them, or open a NIfTI file by itself."
    )


def _meant(listed: SeriesList, series: str, *, ask: bool) -> SeriesEntry | None:
    """The entry to open without a question."""
    from liverview.files.dicom.series.series_volume import SeriesKind

    known = next((e for e in listed.entries if series and e.key == series), None)
    if known is not None or ask:
        return known or listed.only
    usable = [e for e in listed.entries if e.volume.kind is SeriesKind.CT and not e.volume.refusal]
    if not usable:
        raise _unusable(listed)
    return usable[0]


def _unusable(listed: SeriesList) -> LiverviewError:
    from liverview.files.opening import ImageFileError

    first = listed.entries[0].volume
    why = first.refusal or f"it is {first.study.modality or first.kind.value}"
    return ImageFileError(f"{listed.place} holds no CT series that can be opened: {why}")


def _thumbnail(entry: SeriesEntry) -> Thumbnail:
    from liverview.files.dicom.pixels.hu_pixels import read_slice_hu
    from liverview.files.dicom.series.series_volume import SeriesKind

    slices, frames = entry.volume.slices, entry.volume.frames
    if not slices or entry.volume.kind is SeriesKind.LABELS:
        return Thumbnail(entry.key, None)
    file, number = frames[len(frames) // 2] if frames else (len(slices) // 2, 1)
    try:
        values = np.asarray(read_slice_hu(slices[file], number - 1), np.float32)
    except (LiverviewError, OSError):
        return Thumbnail(entry.key, None)
    step = max(1, max(values.shape) // THUMBNAIL_PX)
    small = values[step // 2 :: step, step // 2 :: step]
    if entry.volume.kind is SeriesKind.CT:
        level, width = ABDOMEN
        low, high = level - width / 2, level + width / 2
    else:
        low, high = (float(edge) for edge in np.percentile(small, _CLIPPED))
    scaled = (small - low) / max(high - low, 1e-6) * 255
    across, down = entry.volume.spacing[:2]
    aspect = down / across if across > 0 and down > 0 else 1.0
    return Thumbnail(entry.key, np.clip(scaled, 0, 255).astype(np.uint8), aspect)


def unreadable_words(listed: SeriesList) -> str:
    """What of a place is no series, in a few words; empty where there is nothing."""
    parts = []
    if listed.unreadable:
        files = "file" if len(listed.unreadable) == 1 else "files"
        parts.append(f"{len(listed.unreadable):,} {files} could not be read")
    if listed.others:
        files = "file" if listed.others == 1 else "files"
        parts.append(f"{listed.others:,} other {files}")
    return ", ".join(parts)
