"""Reading DICOM: a place (folder, archive, DICOMDIR or file) and the volumes in it.

Volumes have the order of `liverview.files.dicom.places.recommendation`: CT first, the likeliest
at 0.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

from liverview.core.stream import Progress, drain
from liverview.core.volume import Volume
from liverview.files.dicom.places.contents import is_image, iter_list_places, iter_read_named
from liverview.files.dicom.places.listing import Listing
from liverview.files.dicom.places.recommendation import recommend
from liverview.files.dicom.series.series_volume import SeriesKind, SeriesVolume
from liverview.files.dicom.series.volume_reading import iter_read_volume
from liverview.files.format import ONLY, Summary
from liverview.files.opening import ImageFileError

__all__ = ["iter_read", "iter_read_volume", "read_summary"]

_NAMED = 6  # volumes that a sentence names


def read_summary(path: Path) -> Summary:
    """Read the headers only.

    Raises
    ------
    ImageFileError : as `iter_read` does for whatever headers show.
    """
    found: list[tuple[SeriesVolume, ...]] = []
    drain(_iter_find(path, found))
    choices = _to_choose_from(found[0])
    return Summary((choices or found[0])[0].shape, max(len(choices), 1))


def iter_read(path: Path, index: int = ONLY) -> Iterator[Progress | Volume]:
    """Read a volume of a place; yields progress, then the volume.

    Parameters
    ----------
    path : a folder, with those in it; a zip archive; a DICOMDIR; or a file, which stands for all of
        its series.
    index : of the place's volumes, in their order; `ONLY` where there is one alone to choose.

    Raises
    ------
    ImageFileError : one sentence, where there is none, or several and no index.
    """
    found: list[tuple[SeriesVolume, ...]] = []
    yield from _iter_find(path, found)
    volumes = found[0]
    chosen = _choose(path, volumes, index)
    number = next(n for n, each in enumerate(volumes) if each is chosen)
    told = _told_of_file(path, chosen)
    for item in iter_read_named(chosen, path):
        if isinstance(item, Volume):
            yield replace(item, index=number, warnings=(*told, *item.warnings))
        else:
            yield item


def _iter_find(
    path: Path, found: list[tuple[SeriesVolume, ...]]
) -> Generator[Progress, None, None]:
    """Yields progress; appends the volumes of a place, in their order."""
    listing = None
    for item in iter_list_places([path]):
        if isinstance(item, Listing):
            listing = item
        else:
            yield item
    if listing is None or not listing.volumes:
        if listing is not None and listing.unreadable:
            raise ImageFileError(listing.unreadable[0])
        raise ImageFileError(f"{path} holds no DICOM images: choose the folder of a scan.")
    volumes = tuple(each.volume for each in recommend(listing.volumes))
    if listing.unreadable:
        volumes = tuple(_with_unreadable(each, listing.unreadable) for each in volumes)
    found.append(volumes)


def _with_unreadable(volume: SeriesVolume, sentences: tuple[str, ...]) -> SeriesVolume:
    """What could not be read may be a slice of it."""
    more = len(sentences) - 1
    also = f" {more} more files cannot be read." if more else ""
    return replace(volume, remarks=(*volume.remarks, f"{sentences[0]}{also}"))


def _to_choose_from(volumes: tuple[SeriesVolume, ...]) -> list[SeriesVolume]:
    """The CT volumes that can be opened; where there is none, the others."""
    usable = [each for each in volumes if not each.refusal]
    return [each for each in usable if each.kind is SeriesKind.CT] or usable


def _choose(path: Path, volumes: tuple[SeriesVolume, ...], index: int) -> SeriesVolume:
    if index != ONLY:
        if not 0 <= index < len(volumes):
            raise ImageFileError(
                f"{path} holds {len(volumes)} volume(s), there is no number {index}: "
                f"choose 0 to {len(volumes) - 1}."
            )
        return volumes[index]
    choices = _to_choose_from(volumes)
    if len(choices) == 1:
        return choices[0]
    if not choices:
        return volumes[0]  # its refusal says why
    kind = "CT volumes" if choices[0].kind is SeriesKind.CT else "volumes and no CT"
    named = [f"{volumes.index(each)} {_described(each)}" for each in choices[:_NAMED]]
    more = f"; and {len(choices) - _NAMED} more" if len(choices) > _NAMED else ""
    raise ImageFileError(
        f"{path} holds {len(choices)} {kind} ({'; '.join(named)}{more}): choose one with --volume "
        "N; liverview series PLACE lists them."
    )


def _described(volume: SeriesVolume) -> str:
    study = volume.study
    words = [" ".join(study.series_description.split()), study.part]
    series = f"series {study.series_number}".strip()
    return f"{' '.join(filter(None, words)) or series}, {volume.shape[2]} slices"


def _told_of_file(path: Path, volume: SeriesVolume) -> list[str]:
    """A sentence where one file was chosen, and all of its series was read."""
    if not (path.is_file() and is_image(path)) or len(volume.slices) < 2:
        return []
    return [f"{path.name} is one of {len(volume.slices)} files of its series: all were read."]
