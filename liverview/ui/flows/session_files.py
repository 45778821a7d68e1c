"""Session files: opening one with its scan, saving what is open, and what of it is not saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from liverview.core.errors import LiverviewError
from liverview.core.review import LesionMark
from liverview.core.stream import Message
from liverview.core.text import shown
from liverview.files.atomic import resolved
from liverview.files.formats import case_name
from liverview.files.sessions.container import SUFFIX
from liverview.files.sessions.content import SessionContent, Stamp, file_stamp
from liverview.files.sessions.locating import ScanAnswer, ScanChanged, ScanMissing
from liverview.files.sessions.lock import SessionLock, SessionLockedError
from liverview.measurement.markup.listing import Entry
from liverview.ui.dialogs.session_questions import Changed
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.jobs.job import Outcome
from liverview.ui.jobs.saving import Callback
from liverview.ui.jobs.session_work import OpenedSession
from liverview.ui.state.case_state import capture, restore
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.views.arrangement import capture_arrangement, restore_arrangement
from liverview.ui.views.linked_views import LinkedViews
from liverview.ui.widgets.message_bar import MessageBar


@dataclass(frozen=True, eq=False)
class _Request:
    """A session that is to be opened, and the answers of a person so far."""

    path: Path
    copy: bool = False
    answer: ScanAnswer | None = None
    stamp: Stamp | None = None  # of the session's file when reading it began


@dataclass(frozen=True, eq=False)
class _Kept:
    """What a session file holds beside labels, to tell whether there is more now."""

    markups: Sequence[Entry] = ()
    marks: tuple[LesionMark, ...] = ()


class SessionFiles(QObject):
    """The open session file: a lock beside it while it is open.

    What is unsaved are labels, and of an open session rulers, ellipses and marks on lesions; how
    the scan is looked at goes with them, but is no reason to ask.

    Attributes
    ----------
    path : of the session that is open; None where none is.
    files : the files of the case, whose questions it puts.
    history : the undo history.

    Signals
    -------
    changed : another session is open, or something of it is saved or not.
    """

    changed = Signal()

    def __init__(
        self,
        files: CaseFiles,
        markups: ScanMarkups,
        views: LinkedViews,
        messages: MessageBar,
    ) -> None:
        super().__init__(files)
        self.path: Path | None = None
        self.files = files
        self.session = files.session
        self.history = self.session.store.history
        self._controller = files.controller
        self._markups, self._views, self._messages = markups, views, messages
        self._lock: SessionLock | None = None
        self._kept = _Kept()
        self._keeps_history = False
        self._copy_of: Path | None = None
        self._reference: Path | None = None
        self._stamp: Stamp | None = None  # of the scan's file when it was opened
        files.sessions = self
        self.session.volume_changed.connect(self._on_volume_changed)
        self._controller.loading.reference_opened.connect(self._on_reference_opened)
        self._told = ""  # what was unsaved when that was last told
        for signal in (markups.changed, self.session.review.changed):
            signal.connect(self._on_extras_changed)

    # ---- what is open ----------------------------------------------------------------------

    @property
    def name(self) -> str | None:
        """The name of the open session's file."""
        return None if self.path is None else self.path.name

    @property
    def unsaved(self) -> str:
        """What would be lost if the case were closed now, in words; empty where nothing would."""
        if self.session.volume is None:
            return ""
        now = self._extras()
        parts = {
            "labels": self.session.store.modified,
            "rulers": self.path is not None and now.markups != self._kept.markups,
            "marks": self.path is not None and now.marks != self._kept.marks,
        }
        return " and ".join(name for name, lost in parts.items() if lost)

    @property
    def title(self) -> str:
        """The window's title: the session or the scan, a dot and in words what is not saved."""
        volume, scan = self.session.volume, self.session.path
        if volume is None:
            return "liverview"
        near, unsaved = self.path or scan, self.unsaved
        folder = f" ({near.parent.name})" if near is not None else ""
        lost = f" – {unsaved} not saved" if unsaved else ""
        return shown(f"{self.name or volume.name}[*]{folder}{lost} – liverview")

    def pass_over_extras(self) -> None:
        """The person was asked, and wants no more of rulers and marks to be saved."""
        self._kept = self._extras()
        self.changed.emit()

    def close(self) -> None:
        """Let go of the open session's file."""
        if self._lock is not None:
            self._lock.release()
        self.path, self._lock, self._copy_of = None, None, None
        self._keeps_history = False

    def _extras(self) -> _Kept:
        return _Kept(self._markups.entries(), self.session.review.remembered)

    def _on_extras_changed(self) -> None:
        """At every step of a drag."""
        if self.unsaved != self._told:
            self._told = self.unsaved
            self.changed.emit()

    def _on_volume_changed(self) -> None:
        self.close()
        self._reference, self._stamp = None, file_stamp(self.session.path)
        self.changed.emit()

    def _on_reference_opened(self, path: Path) -> None:
        self._reference = path

    # ---- opening ---------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a session with its scan; what is open stays until all of it is there."""
        try:
            if self.path is None or resolved(path) != resolved(self.path):
                SessionLock(path).release()
        except SessionLockedError as error:
            copy = partial(self._read, _Request(path, copy=True))
            self.files.asked.emit(shown(str(error)), [("Open a copy", copy)])
            return
        except LiverviewError as error:
            self.files.failed.emit(shown(str(error)))
            return
        self._read(_Request(path))

    def _read(self, request: _Request) -> None:
        request = replace(request, stamp=file_stamp(request.path))
        self._controller.loading.read_session(
            request.path, request.answer, partial(self._on_item, request)
        )

    def _on_item(self, request: _Request, item: object) -> None:
        if isinstance(item, OpenedSession):
            self.files.offer(partial(self._show, request, item))
        elif isinstance(item, ScanMissing):
            self._choose_scan(request, item.name, item.place)
        elif isinstance(item, ScanChanged):
            dialogs, name = self.files.dialogs, request.path.name
            choice = self.files.ask(dialogs.changed_scan, name, item.scan)
            if choice is Changed.OPEN:
                self._read(replace(request, answer=ScanAnswer(item.scan, changed=True)))
            elif choice is Changed.CHOOSE:
                self._choose_scan(request, item.scan.name, str(item.scan.parent))

    def _choose_scan(self, request: _Request, name: str, place: str) -> None:
        dialogs = self.files.dialogs
        scan = self.files.ask(dialogs.scan_of_session, request.path.name, name, place)
        if scan is not None:
            self._read(replace(request, answer=ScanAnswer(scan)))

    def _show(self, request: _Request, opened: OpenedSession) -> None:
        """Show a session that was read, in place of the open case."""
        if file_stamp(request.path) != request.stamp:  # it was the open one, and was saved now
            self._read(request)
            return
        session, content, state = self.session, opened.content, opened.content.state
        said = []
        self.close()  # the lock, which may be that of the same file
        self._controller.show_volume(content.volume, content.scan)
        if request.copy:
            self._copy_of = request.path
        else:
            said += self._adopt(request.path)
        if content.reference is not None:
            session.set_reference(content.reference)
            self._reference = Path(state.reference) if state.reference else None
        said += restore(state, session, self._markups, content.labels)
        if opened.hand is not None:
            session.store.adopt_hand(opened.hand)
            session.hand_edits.refresh()
        restore_arrangement(state.arrangement, self._views)
        said += self._load_history(content.history)
        session.store.mark_saved()
        self._kept = self._extras()
        self._controller.opened.emit(request.path)
        if said:
            self._controller.message.emit(shown(f"{request.path.name}: {' '.join(said)}"))
        self.changed.emit()

    def _adopt(self, path: Path) -> list[str]:
        """Make a file the open session; returns what is to be said of it."""
        try:
            self._lock = SessionLock(path)
        except LiverviewError as error:
            self._copy_of = path
            return [f"{error} This is a copy."]
        self.path = path
        return []

    def _load_history(self, stored: bytes | None) -> list[str]:
        if stored is None:
            return []
        try:
            self.history.load(stored)
        except LiverviewError as error:
            return [f"Its undo history was left out: {error}"]
        self._keeps_history = True
        return []

    # ---- saving ----------------------------------------------------------------------------

    def save(self, then: Callback | None = None) -> None:
        """Save the session under its name, or ask for one; ``then`` is called once it is."""
        if self.path is None:
            self.save_as(then)
        else:
            self._write(self.path, then)

    def save_as(self, then: Callback | None = None) -> None:
        """Ask for a name and save the session there; ``then`` is called once it is."""
        ask, suggested = self.files.dialogs.session_to_write, self._suggested()
        chosen = self.files.ask(ask, suggested, self._keeps_history)
        if chosen is not None:
            path, self._keeps_history = chosen
            self._write(path, then)

    def _suggested(self) -> Path:
        if self.path is not None:
            return self.path
        if self._copy_of is not None:
            return self._copy_of.with_name(f"{case_name(self._copy_of.stem)}_copy{SUFFIX}")
        return self.files.beside(SUFFIX)

    def _write(self, path: Path, then: Callback | None) -> None:
        if self.session.volume is None or self.session.store.segmenting:
            self.files.failed.emit(
                shown(f"{path} was not saved: there is nothing that holds still just now.")
            )
            return
        lock, mine = self._lock, self.path is not None and resolved(path) == resolved(self.path)
        try:
            if lock is None or not mine:
                lock = SessionLock(path)
        except LiverviewError as error:
            self.files.failed.emit(shown(str(error)))
            return
        kept = self._extras()
        done = partial(self._on_written, path, lock, kept)
        job = self._controller.saving.save_session(
            path, self._content(), self._stamp, [done, *([then] if then is not None else [])]
        )
        if job is None:
            self._drop(lock)
            return
        job.yielded.connect(self._on_written_item)
        job.ended.connect(partial(self._on_write_ended, lock, then))

    def _content(self) -> SessionContent:
        session, store = self.session, self.session.store
        assert session.volume is not None
        arrangement = capture_arrangement(self._views)
        reference = None if self._reference is None else str(self._reference)
        return SessionContent(
            state=capture(session, self._markups, arrangement, reference),
            volume=session.volume,
            scan=session.path,
            labels=store.snapshot() if store.has_labels else None,
            reference=session.reference,
            history=self._dumped_history(),
        )

    def _dumped_history(self) -> bytes | None:
        """The undo history where it is wanted and can be kept; a session is saved without it."""
        if not self._keeps_history:
            return None
        try:
            return self.history.dump()
        except LiverviewError as error:
            self._controller.message.emit(shown(f"The undo history is not kept: {error}"))
            return None

    def _on_written(self, path: Path, lock: SessionLock, kept: _Kept) -> None:
        if self._lock is not None and self._lock is not lock:
            self._lock.release()
        self.path, self._lock, self._copy_of, self._kept = path, lock, None, kept
        self._controller.opened.emit(path)
        self.changed.emit()

    def _on_written_item(self, item: object) -> None:
        if isinstance(item, Message):
            self._controller.message.emit(shown(item.text))

    def _on_write_ended(self, lock: SessionLock, then: Callback | None, outcome: Outcome) -> None:
        if outcome is not Outcome.DONE:
            self._drop(lock)
            elsewhere = partial(self.save_as, then)
            self._messages.add_choice("Save elsewhere …", elsewhere)

    def _drop(self, lock: SessionLock) -> None:
        """Let go of the lock of a file that is not the open session."""
        if lock is not self._lock:
            lock.release()
