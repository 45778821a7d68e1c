"""Places that hold DICOM: what of them is listed, and one volume of them read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from liverview.core.stream import Progress
from liverview.core.text import shown
from liverview.core.volume import Volume
from liverview.files.dicom.headers.header_reading import header_of
from liverview.files.dicom.places.dicomdir import is_dicomdir
from liverview.files.dicom.places.listing import Listing, iter_list
from liverview.files.dicom.places.sources import FileSource
from liverview.files.dicom.places.zip_archive import is_zip
from liverview.files.dicom.series.series_volume import SeriesKind, SeriesVolume
from liverview.files.dicom.series.splitting import split_series
from liverview.files.dicom.series.volume_reading import iter_read_volume
from liverview.files.formats import case_name
from liverview.files.opening import ImageFileError

_HEAD = 600  # bytes to know an archive or the directory of a disc by


def iter_list_places(paths: Sequence[Path]) -> Iterator[Progress | Listing]:
    """List what is in folders, archives and files; yields progress and what is there so far.

    Of one image file alone, it is the series that the file is of, with the files beside it.

    Raises
    ------
    ImageFileError : where a place cannot be read.
    """
    if len(paths) == 1 and paths[0].is_file() and is_image(paths[0]):
        yield from _iter_list_series_of(paths[0])
    else:
        yield from iter_list(paths)


def labels_in(path: Path) -> bool:
    """True for a file that is a segmentation or contours, of whatever scan."""
    if not (path.is_file() and is_image(path)):
        return False
    (volume, *_) = split_series([header_of(FileSource(path))])
    return volume.kind is SeriesKind.LABELS


def find_series(volumes: Sequence[SeriesVolume], key: str) -> SeriesVolume | None:
    """The volume of a listing that has this `StudyFacts.series_key`."""
    return next((volume for volume in volumes if volume.study.series_key == key), None)


def iter_read_series(place: Path, key: str) -> Iterator[Progress | Volume]:
    """Read a volume of a place, known by its key; yields progress, then the volume.

    Raises
    ------
    ImageFileError : where the place does not have it, or it cannot be read.
    """
    listing = None
    for item in iter_list_places([place]):
        if isinstance(item, Listing):
            listing = item
        else:
            yield item
    found = find_series(listing.volumes, key) if listing is not None else None
    if found is None:
        raise ImageFileError(
            f"{place} does not hold the series that was opened from it before: choose the folder "
            "where it is now."
        )
    yield from iter_read_named(found, place)


def iter_read_named(volume: SeriesVolume, place: Path | None) -> Iterator[Progress | Volume]:
    """Read a volume, called as its place is: nothing that its files say goes into file names."""
    for item in iter_read_volume(volume):
        if isinstance(item, Volume):
            name = case_name(place) if place is not None else f"series_{_digits(volume)}"
            yield replace(item, name=shown(name))
        else:
            yield item


def _digits(volume: SeriesVolume) -> str:
    """The series' number, or 0."""
    number = volume.study.series_number.strip()
    return number if number.isascii() and number.isdigit() else "0"


def is_image(path: Path) -> bool:
    """True for a file of one image; false for an archive and for the directory of a disc."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return not is_zip(head) and not is_dicomdir(head)


def _iter_list_series_of(path: Path) -> Iterator[Progress | Listing]:
    yield Progress("Listing", 0.0)
    header = header_of(FileSource(path))
    (itself, *_) = split_series([header])
    labels = itself.kind is SeriesKind.LABELS
    alone = header.frames > 1 or bool(itself.refusal) or labels or not header.study.series_uid
    beside = [path] if alone else sorted(p for p in path.parent.iterdir() if p.is_file())
    uid = header.study.series_uid
    for item in iter_list(beside):
        if isinstance(item, Listing):
            mine = tuple(v for v in item.volumes if v.study.series_uid == uid)
            yield replace(item, volumes=mine, others=0)
        else:
            yield item
