"""Generators that read and write session files, with what was edited by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.core.edited_volume import EditedVolumes
from liverview.core.stream import Message, Progress
from liverview.editing.hand_edits import HandEdits
from liverview.files.sessions.content import SessionContent, Stamp
from liverview.files.sessions.locating import ScanAnswer, ScanChanged, ScanMissing
from liverview.ui.state.case_state import described

if TYPE_CHECKING:
    from liverview.files.images import Styles


@dataclass(frozen=True, eq=False)
class KeptEdits:
    """What was edited by hand when a session is saved.

    Attributes
    ----------
    hand : since the result came; not to be changed any more.
    earlier : volumes that were edited before it came, as `LabelMap.edited` has them.
    """

    hand: HandEdits
    earlier: EditedVolumes


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
        if not isinstance(item, SessionContent):
            yield item
            continue
        hand = _hand_edits(item)
        if hand is not None and item.labels is not None and item.result is not None:
            # The label map's own file counts all edits, of which these are counted anew.
            labels = replace(item.labels, edited=item.result.edited)
            item = replace(item, labels=labels)
        yield OpenedSession(item, hand)


def iter_write_session(
    path: Path,
    content: SessionContent,
    edits: KeptEdits | None,
    stamp: Stamp | None,
    styles: Styles,
) -> Iterator[Progress | Message]:
    """Write a session file; the dialog has asked about replacing one.

    Parameters
    ----------
    edits : what was edited by hand; None for nothing.
    """
    from liverview.files.sessions.writing import iter_write_session

    if edits is not None and content.labels is not None:
        result = edits.hand.result_of(content.labels)
        content = replace(content, result=replace(result, edited=edits.earlier))
    yield from iter_write_session(path, content, stamp, styles)


def _hand_edits(content: SessionContent) -> HandEdits | None:
    if content.result is None or content.labels is None or content.state.labels is None:
        return None
    labels = described(content.labels, content.state.labels, content.volume)
    return HandEdits.between(content.result, labels)
