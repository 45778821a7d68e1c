"""The content of a session file, as it is written and as it is read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from liverview.core.volume import LabelMap, Volume
from liverview.files.case_state import CaseState

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in ns of a file."""


@dataclass(frozen=True, eq=False)
class SessionContent:
    """A case with its voxels.

    Attributes
    ----------
    state : everything beside voxels.
    volume : the scan.
    scan : path of its file; None of a scan that was never one, or that is in the session file.
    labels : on the grid of the scan; None where there are none.
    reference : the label map that labels are compared with, on the same grid; None for none.
    result : the labels as they were before a person edited them; None where nobody did.
    history : what it takes to undo, as its maker has it; None where it is not kept.
    """

    state: CaseState
    volume: Volume
    scan: Path | None
    labels: LabelMap | None = None
    reference: LabelMap | None = None
    result: LabelMap | None = None
    history: bytes | None = None


def file_stamp(path: Path | None) -> Stamp | None:
    """What tells that a file was changed; None where it is not there."""
    try:
        status = None if path is None else os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return None if status is None else (status.st_size, status.st_mtime_ns)
