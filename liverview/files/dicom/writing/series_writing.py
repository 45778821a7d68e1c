"""Writing volumes as CT series: a folder with a file for each slice, verified."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from liverview.core.errors import LiverviewError
from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files import atomic
from liverview.files.atomic_folder import atomic_folder, check_folder_target
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.series.source_header import SeriesHeader
from liverview.files.dicom.writing.series_elements import (
    IMPLEMENTATION_UID,
    PixelCoding,
    common_elements,
    image_elements,
)
from liverview.files.dicom.writing.series_grid import FORMAT, SeriesGrid, find_series_grid
from liverview.files.dicom.writing.targets import check_keeps_scan
from liverview.files.opening import ImageFileError

_STEP = 8  # slices between two yields
_INT16 = np.iinfo(np.int16)
_MOST_VALUES = 1 << 16
_SUFFIX = ".dcm"


def check_series_target(folder: Path, *, overwrite: bool = False) -> None:
    """Raise `TargetError` now if no series could be written there, before long work."""
    check_folder_target(folder, _is_own, overwrite=overwrite)


def iter_write_series(
    folder: Path,
    volume: Volume,
    *,
    overwrite: bool,
    description: str = "",
    phantom: bool = False,
) -> Iterator[Progress]:
    """Write a volume as a CT series of its own into a new folder; yields progress.

    Files are CT0001.dcm and so on, ascending along the normal of the slices; explicit VR little
    endian, 16 bits, HU rounded to whole numbers. Of a volume that was DICOM, patient, study and
    frame of reference are kept, and slices that its series lacks are not written. Each file is
    read back and compared before the folder takes its name.

    Parameters
    ----------
    folder : is made; if there is one already, it must be empty, or hold what liverview wrote.
    overwrite : replace what liverview wrote.
    description : of the series, by default that of the scan.
    phantom : it is synthetic, and its files say so.

    Raises
    ------
    TargetError : where the folder may not be replaced, or cannot be written.
    LiverviewError : where the volume is no CT, or does not fit into CT images.
    ImageFileError : where what was written does not come back.
    """
    check_series_target(folder, overwrite=overwrite)
    check_keeps_scan(folder, _instances_of(volume))
    grid, coding = find_series_grid(volume), _find_coding(volume)
    with quiet_pydicom():
        common = common_elements(volume, grid, coding, description, phantom=phantom)
    indices = _slices_to_write(volume, grid)
    width = max(4, len(str(len(indices))))
    with atomic_folder(folder) as filled:
        for number, index in enumerate(indices):
            path = filled / f"CT{number + 1:0{width}d}{_SUFFIX}"
            hu = _hu_of_slice(volume, grid, index)
            with quiet_pydicom():
                image = image_elements(common, grid, index, coding.encode(hu))
                image.save_as(path, enforce_file_format=True)
                _verify(folder, path, image, hu)
            if number % _STEP == 0:
                yield Progress("Writing", number / len(indices))
    yield Progress("Saved", 1.0)


def iter_write_volume(path: Path, volume: Volume, *, overwrite: bool) -> Iterator[Progress]:
    """Write a volume as a CT series, as `iter_write_series`; ``path`` is the folder.

    Raises
    ------
    TargetError : for the name of a file: a series is many of them.
    """
    if path.name.lower().endswith(_SUFFIX):
        raise atomic.TargetError(
            f"{path} is the name of one DICOM file, and a scan is one for each slice: give the "
            f"name of a folder, such as {path.name[: -len(_SUFFIX)] or 'series'}."
        )
    yield from iter_write_series(path, volume, overwrite=overwrite)


def _instances_of(volume: Volume) -> set[str]:
    """UIDs of the images of a volume that was DICOM."""
    if volume.source is None or volume.source.format != FORMAT:
        return set()
    return {each.sop_instance for each in SeriesHeader.decode(volume.source.header).slices}


def _slices_to_write(volume: Volume, grid: SeriesGrid) -> list[int]:
    """The slices but those that were interpolated: their place in the copy is empty, too."""
    missing = volume.missing
    filled: set[int] = set()
    if missing is not None and missing.axis == grid.axis:
        along = grid.affine[:3, 2] * (-1, -1, 1) @ volume.affine[:3, grid.axis]
        last = volume.shape[grid.axis] - 1
        filled = {i if along > 0 else last - i for i in missing.indices}
    every = list(range(grid.voxels.shape[2]))
    return [index for index in every if index not in filled] or every


def _find_coding(volume: Volume) -> PixelCoding:
    """Signed 16 bits where HU fit, for dcm2niix mends tilt and gaps of signed values alone."""
    if volume.study is not None and volume.study.modality not in ("", "CT"):
        raise LiverviewError(
            f"{volume.name} is {volume.study.modality}: only a CT can be saved as a CT series."
        )
    if not volume.in_hu:
        raise LiverviewError(
            f"{volume.name} holds values that are no HU, as a CT series must: save it as NIfTI."
        )
    low, high = (round(float(edge)) + volume.intercept for edge in _extremes(volume))
    if _INT16.min <= low and high <= _INT16.max:
        return PixelCoding(signed=True, intercept=0)
    if high - low < _MOST_VALUES:
        return PixelCoding(signed=False, intercept=low)
    raise LiverviewError(
        f"{volume.name} holds values from {low} to {high}, more than the 16 bits of a DICOM "
        "series: save it as NIfTI."
    )


def _extremes(volume: Volume) -> tuple[float, float]:
    return volume.voxels.min(), volume.voxels.max()


def _hu_of_slice(volume: Volume, grid: SeriesGrid, index: int) -> NDArray[np.int64]:
    """HU of a slice, (rows, columns)."""
    stored = grid.voxels[:, :, index].T
    whole = np.rint(stored) if stored.dtype.kind == "f" else stored
    hu: NDArray[np.int64] = whole.astype(np.int64) + volume.intercept
    return hu


def _verify(folder: Path, path: Path, image: Dataset, hu: NDArray[np.int64]) -> None:
    """Read an image back, its HU and its place."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    read = dcmread(path)
    kind = "<i2" if read.PixelRepresentation else "<u2"
    stored = np.frombuffer(read.PixelData, kind, count=hu.size).reshape(hu.shape)
    same = np.array_equal(stored.astype(np.int64) + int(read.RescaleIntercept), hu)
    places = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    if not same or any(read[name].value != image[name].value for name in places):
        raise ImageFileError(
            f"{folder} was not saved: what came back from the disk differs from what was written."
        )


def _is_own(path: Path) -> bool:
    """True for a DICOM file that liverview wrote."""
    try:
        return path.is_file() and (
            read_file_meta_info(path).get("ImplementationClassUID") == IMPLEMENTATION_UID
        )
    except (OSError, InvalidDicomError, ValueError, KeyError):
        return False
