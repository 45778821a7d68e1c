"""De-identified copies of all the volumes of a place, which fit together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from liverview.core.stream import Progress
from liverview.files.atomic import make_folder
from liverview.files.dicom.deidentification.copying import Kept, iter_write_deidentified, new_key
from liverview.files.dicom.places.listing import Listing
from liverview.files.dicom.series.series_volume import SeriesKind, SeriesVolume
from liverview.files.dicom.writing.series_writing import check_series_target
from liverview.files.opening import ImageFileError


def volumes_with_images(listing: Listing, place: Path) -> tuple[SeriesVolume, ...]:
    """The volumes of a place that there are images of.

    Raises
    ------
    ImageFileError : where there is none.
    """
    volumes = [each for each in listing.volumes if each.kind is not SeriesKind.NO_IMAGE]
    if not volumes:
        raise ImageFileError(f"{place} holds no DICOM images: choose a folder that does.")
    return tuple(volumes)


def copy_folders(folder: Path, count: int) -> tuple[Path, ...]:
    """The folder of each copy: of one, the folder itself; of several, volume_01 and so on in it."""
    if count == 1:
        return (folder,)
    width = max(2, len(str(count)))
    return tuple(folder / f"volume_{number + 1:0{width}d}" for number in range(count))


def iter_write_copies(
    volumes: Sequence[SeriesVolume],
    folder: Path,
    *,
    overwrite: bool = False,
    keep_intervals: bool = False,
) -> Iterator[Progress | Kept]:
    """Write a copy of each volume into its one of `copy_folders`; yields progress, `Kept` of each.

    All have one key, so that a patient is called the same in each of them.

    Raises
    ------
    TargetError, ImageFileError : as `iter_write_deidentified` does; no copy is written where one
        of them may not be replaced.
    """
    folders = copy_folders(folder, len(volumes))
    if len(folders) > 1:
        make_folder(folder)
    for each in folders:
        check_series_target(each, overwrite=overwrite)
    key = new_key()
    for volume, target in zip(volumes, folders, strict=True):
        yield from iter_write_deidentified(
            volume, target, overwrite=overwrite, keep_intervals=keep_intervals, key=key
        )
