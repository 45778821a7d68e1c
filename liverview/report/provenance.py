"""Provenance of reported labels: files, device."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from liverview.core.edited_volume import EditedVolumes

_SHORT = 12  # characters of a hash that are shown


def _now() -> datetime:
    return datetime.now().astimezone().replace(microsecond=0)


@dataclass(frozen=True)
class Provenance:
    """Origin of the labels in a report. Names of files, no folders.

    Attributes
    ----------
    scan : the file's name, or that of a phantom.
    labels : the label map's file; None where the labels are those of a segmentation.
    device : what the segmentation ran on; None where that is not known.
    edited : volumes of labels that were added and removed by hand.
    date : when the report was made, with its time zone.
    """

    scan: str
    labels: str | None = None
    device: str | None = None
    edited: EditedVolumes = field(default_factory=dict)
    date: datetime = field(default_factory=_now)


def short_hash(sha256: str) -> str:
    """As much of a hash as a person compares."""
    return sha256[:_SHORT]
