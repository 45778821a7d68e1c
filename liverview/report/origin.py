"""Where reported labels come from: files, device, weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from liverview import paths

_SHORT = 12  # characters of a hash that are shown
_WEIGHTS = ("coarse.safetensors", "fine.safetensors")


def _now() -> datetime:
    return datetime.now().astimezone().replace(microsecond=0)


@dataclass(frozen=True)
class Origin:
    """What a report says of its labels beside their figures. Names of files, no folders.

    Attributes
    ----------
    scan : the file's name, or that of a phantom.
    labels : the label map's file; None where the labels are those of a segmentation.
    device : what the segmentation ran on; None where that is not known.
    date : when the report was made, with its time zone.
    """

    scan: str
    labels: str | None = None
    device: str | None = None
    date: datetime = field(default_factory=_now)


def weights_sha256(folder: Path | None = None) -> dict[str, str]:
    """SHA-256 of the weights in hexadecimal, by file name; without those that are not there."""
    where = folder or paths.weights()
    found = {}
    for name in _WEIGHTS:
        if (where / name).is_file():
            with (where / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def short(sha256: str) -> str:
    """As much of a hash as a person compares."""
    return sha256[:_SHORT]
