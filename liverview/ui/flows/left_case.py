"""A case that a crash has left, as its journal has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liverview.core.errors import LiverviewError
from liverview.core.review import LesionMark
from liverview.core.volume import LabelMap, Volume
from liverview.files.case_state import CaseState, read_case_state
from liverview.files.journal.masks import unpack_mask
from liverview.files.journal.reading import Restored, Summary
from liverview.files.review_record import read_marks
from liverview.ui.jobs.journaling import CANDIDATES, EDITS


class LeftCase:
    """A case that is being restored.

    Attributes
    ----------
    name, path, index, series, phantom : of its scan; the path follows where the scan was found.
    edits : how many there were since the labels were saved.
    identity : a text that tells the scan from others; None where it had not been taken.
    session : of the session file that was open; None where none was.
    state : all beside the voxels; None where it cannot be used.
    """

    def __init__(self, found: Restored) -> None:
        scan = found.summary.header.scan
        self._found = found
        self.name, self.edits = scan_name(scan), found.summary.edits
        path, index, phantom = scan.get("path"), scan.get("index"), scan.get("phantom")
        self.path = Path(path) if isinstance(path, str) else None
        self.index = index if type(index) is int else 0
        series = scan.get("series")
        self.series = series if isinstance(series, str) else ""
        self.phantom: Mapping[str, Any] | None = phantom if isinstance(phantom, dict) else None
        identity = found.sections.get("identity")
        self.identity = identity if isinstance(identity, str) else None
        case = found.sections.get("case")
        session = case.get("session") if isinstance(case, dict) else None
        self.session = Path(session) if isinstance(session, str) else None
        self.state: CaseState | None = None
        try:
            self.state = read_case_state(json.dumps(_with_edits(case, found.sections)))
        except LiverviewError:
            self.state = None

    def fits(self, volume: Volume) -> bool:
        """Whether the labels lie on the grid of a scan."""
        shape = self._found.summary.header.shape
        return volume.shape == shape and (
            self.state is None or self.state.scan.grid.same_as(volume.grid)
        )

    def remembered(self, volume: Volume) -> tuple[LesionMark, ...]:
        """What was said of the scan's lesions."""
        stored = list(self.state.remembered) if self.state is not None else []
        return read_marks({"lesion_marks": stored}, volume)[0]

    def labels(self, volume: Volume) -> LabelMap | None:
        """The labels on their scan, without what is said of them; None where there were none."""
        if self.state is not None and self.state.labels is None:
            return None
        ignored = unpack_mask(self._found.sections.get("ignored"), volume.shape)
        return LabelMap(self._found.voxels, volume.affine, volume.name, ignored=ignored)


def _with_edits(case: object, sections: Mapping[str, Any]) -> object:
    """The state of a case with what a journal has apart: edits by hand, and candidates."""
    labels = case.get("labels") if isinstance(case, dict) else None
    if not isinstance(case, dict) or not isinstance(labels, dict):
        return case
    edits = [block for name, block in sections.items() if name.startswith(f"{EDITS} ") and block]
    candidates = sections.get(CANDIDATES) or []
    return {**case, "labels": {**labels, "edits": edits, "candidates": candidates}}


def offer_sentence(summary: Summary, now: float, others: int) -> str:
    """A sentence that offers a case, ``now`` in seconds since 1970; others are to follow."""
    count = summary.edits
    edits = "1 edit" if count == 1 else f"{count} edits" if count else "not saved"
    more = f"; {others} more to come" if others else ""
    return (
        f"liverview ended unexpectedly while you edited {scan_name(summary.header.scan)} "
        f"({edits}, {ago(now - summary.time)}){more}."
    )


def ago(seconds: float) -> str:
    """A time that has passed, in words."""
    units = (("day", 86400), ("h", 3600), ("min", 60))
    for word, length in units:
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {word}{'s' if word == 'day' and count > 1 else ''} ago"
    return "less than a minute ago"


def scan_name(scan: Mapping[str, Any]) -> str:
    """The name of a scan, of what a journal's header says of it."""
    path, name = scan.get("path"), scan.get("name")
    if isinstance(path, str):
        return Path(path).name
    return name if isinstance(name, str) else "a scan"
