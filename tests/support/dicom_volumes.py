"""Volumes of small DICOM series, read as the program reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from liverview.core.stream import result_of
from liverview.core.volume import Volume
from liverview.files.dicom.places.listing import Listing, iter_list
from liverview.files.dicom.series.series_volume import SeriesVolume
from liverview.files.dicom.series.volume_reading import iter_read_volume


def listed(folder: Path) -> tuple[SeriesVolume, ...]:
    """The volumes in a folder."""
    return result_of(iter_list([folder]), Listing).volumes


def read_volumes(folder: Path) -> list[Volume]:
    """Those that can be opened, with their pixels."""
    return [
        result_of(iter_read_volume(each), Volume) for each in listed(folder) if not each.refusal
    ]


def read_only_volume(folder: Path) -> Volume:
    """The one volume of a folder."""
    (volume,) = read_volumes(folder)
    return volume


def expected_affine(
    first: np.ndarray, step: np.ndarray, orientation: tuple[float, ...], spacing: tuple[float, ...]
) -> np.ndarray:
    """Column, row, slice -> world mm, RAS+, by the formula of PS3.3, C.7.6.2.1.1."""
    affine = np.eye(4)
    affine[:3, 0] = np.array(orientation[:3]) * spacing[1]
    affine[:3, 1] = np.array(orientation[3:]) * spacing[0]
    affine[:3, 2], affine[:3, 3] = step, first
    return np.diag([-1, -1, 1, 1]) @ affine
