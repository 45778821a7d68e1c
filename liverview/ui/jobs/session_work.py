"""Generators that read and write session files, with what was edited by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.core.stream import Message, Progress
from liverview.editing.hand_edits import HandEdits
from liverview.files.sessions.content import SessionContent, Stamp
from liverview.files.sessions.locating import ScanAnswer, ScanChanged, ScanMissing
from liverview.ui.state.case_state import described

if TYPE_CHECKING:
    from liverview.files.images import Styles


@dataclass(frozen=True, eq=False)
class OpenedSession:
    """A session that was read.

    Attributes
    ----------
    content : of its file.
    hand : what was edited by hand; None for nothing.
    """

    content: SessionContent
    hand: HandEdits | None


def iter_read_session(
    path: Path, answer: ScanAnswer | None = None
) -> Iterator[Progress | ScanMissing | ScanChanged | OpenedSession]:
    """Read a session file and its scan."""
    from liverview.files.sessions.reading import iter_read_session

    for item in iter_read_session(path, answer):
        if isinstance(item, SessionContent):
            yield OpenedSession(item, _hand_edits(item))
        else:
            yield item


def iter_write_session(
    path: Path,
    content: SessionContent,
    hand: HandEdits | None,
    stamp: Stamp | None,
    styles: Styles,
) -> Iterator[Progress | Message]:
    """Write a session file; the dialog has asked about replacing one.

    Parameters
    ----------
    hand : what was edited by hand, not to be changed any more; None for nothing.
    """
    from liverview.files.sessions.writing import iter_write_session

    if hand is not None and content.labels is not None:
        content = replace(content, result=hand.result_of(content.labels))
    yield from iter_write_session(path, content, stamp, styles)


def _hand_edits(content: SessionContent) -> HandEdits | None:
    if content.result is None or content.labels is None or content.state.labels is None:
        return None
    labels = described(content.labels, content.state.labels, content.volume)
    return HandEdits.between(content.result, labels)
