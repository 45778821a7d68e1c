"""Targets of what is written as DICOM: images, and the scan that is written of, stay."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from liverview.files import atomic
from liverview.files.dicom.headers.header_reading import header_of
from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.places.sources import FileSource
from liverview.files.opening import ImageFileError

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


def check_file_target(path: Path, *, overwrite: bool = False) -> None:
    """Raise `TargetError` now if a segmentation or report could not be written there.

    Of what may be replaced, an image is none, whatever its name: it is a slice of somebody's scan.
    """
    atomic.check_target(path, overwrite=overwrite)
    header = _header_of(path)
    if header is not None and header.rows > 0 and header.sop_class not in _SEGMENTATIONS:
        raise atomic.TargetError(f"{path} is an image of a scan: choose another name.")


def check_keeps_scan(folder: Path, scan: Collection[str]) -> None:
    """Raise `TargetError` if a folder that is to be replaced holds an image of the scan.

    Parameters
    ----------
    scan : SOP instance UIDs of the images that are still needed.
    """
    inside = sorted(folder.iterdir()) if scan and folder.is_dir() else []
    for path in inside:
        header = _header_of(path)
        if header is not None and header.sop_instance in scan:
            raise atomic.TargetError(
                f"{folder} holds the scan itself, such as {path.name}: choose another folder."
            )


def _header_of(path: Path) -> SliceHeader | None:
    """The header of a file; None where there is none, or it is no DICOM."""
    try:
        return header_of(FileSource(path)) if path.is_file() else None
    except (OSError, ImageFileError):
        return None
