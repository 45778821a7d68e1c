"""After a crash: what was not saved is offered, its scan opened, its labels put back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from liverview.core.errors import LiverviewError
from liverview.core.text import shown
from liverview.core.volume import LabelMap, Volume
from liverview.files.case_state import CaseState
from liverview.files.journal.entry import JournalError
from liverview.files.journal.reading import LeftJournal, Restored
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.flows.left_case import LeftCase, offer_sentence
from liverview.ui.jobs import journaling
from liverview.ui.jobs.controller import Controller
from liverview.ui.jobs.job import Job
from liverview.ui.live.autosave import Autosave
from liverview.ui.state.case_state import described
from liverview.ui.widgets.message_bar import Button, MessageBar

PutInForce = Callable[[CaseState, LabelMap | None], list[str]]


class Recovery(QObject):
    """Offers the journals that a crash has left, one after the other, the newest first.

    One is held, so that no other window offers it, until it is restored and the journal of this
    window has all of it, or it is discarded; else the next start offers it again.

    Attributes
    ----------
    autosave : writes the journal of this window, into the folder that the others lie in.
    """

    def __init__(
        self,
        autosave: Autosave,
        files: CaseFiles,
        controller: Controller,
        messages: MessageBar,
        put_in_force: PutInForce,
    ) -> None:
        super().__init__(files)
        self.autosave, self._files, self._controller = autosave, files, controller
        self._messages, self._put_in_force = messages, put_in_force
        self._session = autosave.session
        self._waiting: list[LeftJournal] = []  # to be offered
        self._offered: LeftJournal | None = None
        self._later: list[LeftJournal] = []
        self._restored: list[LeftJournal] = []  # until they are in the journal of this window
        self._case: LeftCase | None = None  # whose scan is being opened
        self._text = ""
        self._working = False  # reading, or looking at the scan: an answer comes by itself
        autosave.written.connect(self._on_written)
        controller.idle.connect(self._on_idle)
        self._session.volume_changed.connect(self._on_volume_changed)
        messages.close_button.clicked.connect(self._on_closed)

    def start(self) -> None:
        """Look for journals, and offer them once nothing is being loaded."""
        job = self._start(journaling.iter_find_left(self.autosave.folder))
        job.yielded.connect(self._on_found)

    def finish(self) -> None:
        """Leave to the next start what has no answer."""
        offered = [] if self._offered is None else [self._offered]
        for journal in [*offered, *self._waiting, *self._later, *self._restored]:
            journal.let_go()

    # ---- offering --------------------------------------------------------------------------

    def _on_found(self, found: list[LeftJournal]) -> None:
        self._waiting += found
        self._on_idle()

    def _on_idle(self) -> None:
        """Offer the next one; or one that was displaced by other messages before an answer."""
        if self._controller.busy or self._working or self._messages.buttons:
            return  # or while there is a question, be it this one
        if self._offered is None and self._waiting:
            self._offered = self._waiting.pop(0)
        if self._offered is not None:
            self._offer(self._offered)

    def _offer(self, journal: LeftJournal) -> None:
        if journal.summary is None:
            self._ask(journal.problem)
            return
        sentence = offer_sentence(journal.summary, time.time(), len(self._waiting))
        self._ask(sentence, ("Restore", partial(self._restore, journal)))

    def _ask(self, text: str, *choices: Button) -> None:
        """Say something of the journal that is offered; it can be discarded or left as well."""
        usual = ("Discard", self._discard), ("Later", self._postpone)
        self._messages.add_message(shown(text), [*choices, *usual])
        self._text, self._working = self._messages.text.text(), False

    def _discard(self) -> None:
        if self._offered is not None:
            self._offered.remove()
        self._go_on()

    def _postpone(self) -> None:
        if self._offered is not None:
            self._later.append(self._offered)
        self._go_on()

    def _go_on(self) -> None:
        self._offered, self._case, self._working = None, None, False
        self._on_idle()

    def _on_closed(self) -> None:
        """The message was closed without an answer."""
        if self._offered is not None and self._messages.text.text() == self._text:
            self._postpone()

    # ---- restoring -------------------------------------------------------------------------

    def _restore(self, journal: LeftJournal) -> None:
        self._working = True
        job = self._start(journaling.iter_read_left(journal))
        job.yielded.connect(self._on_read)

    def _on_read(self, found: Restored | JournalError) -> None:
        if isinstance(found, JournalError):
            self._ask(str(found))
            return
        self._case = LeftCase(found)
        self._find_scan(self._case, self._case.path)

    def _find_scan(self, case: LeftCase, path: Path | None) -> None:
        """Take the scan that is open where it is the one, else open it, or ask for it."""
        loading, volume = self._controller.loading, self._session.volume
        if volume is not None and self._is_open(case, path):
            self._identify(case, volume)
        elif case.phantom is not None:
            from liverview.phantoms.config import PhantomConfig

            self._working = False
            try:
                loading.generate(PhantomConfig.from_dict(case.phantom))
            except LiverviewError as error:
                self._ask(f"{case.name} cannot be generated again: {error}.", *self._finding)
        elif path is None and case.session is not None and os.path.exists(case.session):  # noqa: PTH110
            self._working = False
            self._files.open(case.session)  # the scan is in it
        elif path is None:
            self._ask(f"{case.name} was never a file: nothing says where it is.", *self._finding)
        elif not os.path.exists(path):  # noqa: PTH110  # which raises where a network folder has gone
            self._ask(f"{case.name} is not at {path} any more: where is it?", *self._finding)
        else:
            case.path, self._working = path, False
            loading.open(path, None if case.series else case.index, series=case.series)

    @property
    def _finding(self) -> tuple[Button, ...]:
        return (("Find the scan …", self._find),)

    def _find(self) -> None:
        case, path = self._case, self._files.ask(self._files.dialogs.scan_to_open)
        if case is not None and path is not None:
            case.phantom = None
            self._find_scan(case, path)
        else:
            self._on_idle()

    def _is_open(self, case: LeftCase, path: Path | None) -> bool:
        """True where what is open can be the scan."""
        volume, opened = self._session.volume, self._session.path
        assert volume is not None
        if path is None or opened is None:
            made = self._controller.loading.phantom_config(volume)
            same = case.phantom is None or (made is not None and made.to_dict() == case.phantom)
            return path is None and opened is None and volume.name == case.name and same
        series = "" if volume.study is None else volume.study.series_key
        same = (series, volume.index) == (case.series, case.index)
        return same and os.path.realpath(opened) == os.path.realpath(path)

    def _on_volume_changed(self) -> None:
        volume, case = self._session.volume, self._case
        if case is None or volume is None:
            return
        if self._is_open(case, None if case.phantom is not None else case.path):
            self._identify(case, volume)

    def _identify(self, case: LeftCase, volume: Volume) -> None:
        """Look whether it is the same scan still."""
        self._working = True
        found: list[str] = []
        job = self._start(journaling.iter_identify(volume, self._session.path))
        job.yielded.connect(lambda item: found.append(item) if item else None)
        job.ended.connect(lambda _: self._on_identified(case, volume, found))

    def _on_identified(self, case: LeftCase, volume: Volume, found: list[str]) -> None:
        self._working = False
        if self._session.volume is not volume or self._case is not case:
            return
        fits = case.fits(volume)
        same = case.identity is None or case.identity in found
        if same and fits:
            self._put_back_after_saving(case, volume, whole=True)
        elif fits:
            anyway = partial(self._put_back_after_saving, case, volume, whole=False)
            self._ask(
                f"{volume.name} is not the scan that you edited, its content is another one.",
                ("Restore the labels alone", anyway),
                *self._finding,
            )
        else:
            self._ask(
                f"{volume.name} is not the scan that you edited: its grid is another one, and "
                "labels cannot lie on it.",
                *self._finding,
            )

    def _put_back_after_saving(self, case: LeftCase, volume: Volume, *, whole: bool) -> None:
        """Ask about labels that are not saved; who stays with them is offered it again."""
        self._files.after_saving(partial(self._put_back, case, volume, whole=whole))
        if not self._controller.saving.is_running:
            self._on_idle()

    def _put_back(self, case: LeftCase, volume: Volume, *, whole: bool) -> None:
        if self._session.volume is not volume or self._offered is None:
            return
        if self._session.store.segmenting:
            self._controller.segmenting.stop()
        said, state, labels = [], case.state, case.labels(volume)
        if whole and state is not None:
            said = self._put_in_force(state, labels)
        elif labels is not None:
            # First, for marks that nobody remembers are taken out of force in labels that come.
            self._session.review.replace_remembered(case.remembered(volume))
            if state is not None and state.labels is not None:
                labels = described(labels, state.labels, volume)
            self._session.store.open_labels(labels, saved=False)
            said = ["Markups, window and crosshair were left out."]
        self._restored.append(self._offered)
        self.autosave.note_restored(case.edits)
        if not self.autosave.unsaved:
            self._remove_restored()
        self._messages.add_message(shown(" ".join([f"{case.name} is as it was; save it.", *said])))
        self._go_on()

    def _on_written(self) -> None:
        """What was restored is in the journal of this window now."""
        if self.autosave.is_written:
            self._remove_restored()

    def _remove_restored(self) -> None:
        for journal in self._restored:
            journal.remove()
        self._restored = []

    def _start(self, work: Iterator[object]) -> Job:
        return self._controller.start_background(work)
