"""DICOM in one call each: what is in a place, a CT series written, de-identified copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liverview.core.checks import require_volume
from liverview.core.stream import ProgressCallback, drain, result_of
from liverview.core.volume import Volume
from liverview.files.opening import ImageFileError, PathLike, as_path

if TYPE_CHECKING:
    from liverview.files.dicom.deidentification.copying import Kept
    from liverview.files.dicom.places.recommendation import Recommendation


def find_series(
    place: PathLike, *, progress: ProgressCallback | None = None
) -> tuple[Recommendation, ...]:
    """List the volumes of a folder, zip archive, DICOMDIR or file of DICOM, by headers alone.

    CT is first, and of that the likeliest. What stands at index ``n`` is read by
    ``liverview.read(place, n)``.

    Parameters
    ----------
    place : with all that is in it; of a file, the series that it is of.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    ImageFileError : where there is no DICOM, or the place cannot be read.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.write_series("series", lv.read("ct.nii.gz"))
    >>> found, = lv.find_series("series")
    >>> found.volume.shape, found.volume.spacing
    ((96, 84, 40), (4.0, 4.0, 5.0))
    """
    from liverview.files.dicom.places.contents import iter_list_places
    from liverview.files.dicom.places.listing import Listing
    from liverview.files.dicom.places.recommendation import recommend

    place = as_path(place)
    listing = result_of(iter_list_places([place]), Listing, progress)
    if not listing.volumes:
        raise ImageFileError(
            listing.unreadable[0]
            if listing.unreadable
            else f"{place} holds no DICOM: choose the folder of a scan."
        )
    return recommend(listing.volumes)


def write_series(
    folder: PathLike,
    volume: Volume,
    *,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> None:
    """Write a CT volume as a DICOM series: a folder with a file for each slice, verified.

    HU are rounded to whole numbers. Of a volume that was DICOM, patient and study are kept, and
    slices that its series lacks are not written.

    Parameters
    ----------
    folder : is made, and appears once it is whole.
    overwrite : replace a folder where liverview wrote all that is in it.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    TargetError : where the folder may not be replaced, or cannot be written.
    LiverviewError : where the volume is no CT, or does not fit into CT images.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.write_series("series", lv.read("ct.nii.gz"))
    >>> lv.read("series").shape
    (96, 84, 40)
    """
    from liverview.files.dicom.writing.series_writing import iter_write_series

    require_volume(volume)
    drain(iter_write_series(as_path(folder), volume, overwrite=overwrite), progress)


def deidentify(
    place: PathLike,
    folder: PathLike,
    *,
    keep_intervals: bool = False,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> tuple[Kept, ...]:
    """Copy the images of a place without what says whose they are, by the profile of PS3.15.

    Pixels stay as they are; look at them for names. Of one volume the files lie in the folder, of
    several in ``volume_01`` and so on; UIDs fit together in all that one call writes.

    Parameters
    ----------
    place : a folder, zip archive, DICOMDIR or file.
    folder : is made.
    keep_intervals : move all dates of a patient by one number of days, instead of removing them.
    overwrite : replace an earlier copy.
    progress : is called with a `Progress` from time to time.

    Returns
    -------
    kept : what each volume's copy still has.

    Raises
    ------
    ImageFileError : where there is no DICOM image, or a file cannot be read.
    TargetError : where the folder may not be replaced, or cannot be written.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.write_series("series", lv.read("ct.nii.gz"))
    >>> kept, = lv.deidentify("series", "copy")
    >>> kept.files
    40
    """
    from liverview.files.dicom.deidentification.copying import Kept
    from liverview.files.dicom.deidentification.deidentified_copies import (
        iter_write_copies,
        volumes_with_images,
    )
    from liverview.files.dicom.places.listing import Listing, iter_list

    place = as_path(place)
    listing = result_of(iter_list([place]), Listing, progress)
    work = iter_write_copies(
        volumes_with_images(listing, place),
        as_path(folder),
        overwrite=overwrite,
        keep_intervals=keep_intervals,
    )
    made: list[Kept] = []
    for item in work:
        if isinstance(item, Kept):
            made.append(item)
        elif progress is not None:
            progress(item)
    return tuple(made)
