"""Sentences of everything that works for the window, over its images or in its status bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QObject, SignalInstance
from PySide6.QtWidgets import QStatusBar

from liverview.core.labels import Label
from liverview.core.text import shown
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.flows.reporting import ReportFlow, open_in_browser
from liverview.ui.jobs.controller import Controller
from liverview.ui.jobs.job import Outcome
from liverview.ui.jobs.saving import Callback
from liverview.ui.widgets.formatting import format_ml
from liverview.ui.widgets.message_bar import MessageBar

_MESSAGE_MS = 6000


class Announcements(QObject):
    """Says what was done, and what failed with the way out; what passes is in the status bar."""

    def __init__(
        self,
        files: CaseFiles,
        controller: Controller,
        messages: MessageBar,
        status_bar: QStatusBar,
    ) -> None:
        super().__init__(messages)
        self._files, self._controller = files, controller
        self._session = controller.session
        self._messages, self._status_bar = messages, status_bar
        self._clock = QElapsedTimer()  # of the segmentation
        files.asked.connect(messages.show_message)
        self._session.volume_changed.connect(messages.dismiss)
        controller.loading.resampling_offered.connect(self._on_resampling_offered)
        controller.segmenting.segmented.connect(self._on_segmented)
        controller.saving.saved.connect(self._on_saved)
        controller.saving.labels_not_saved.connect(self._on_labels_not_saved)
        self.say(controller.message, self._session.hand_edits.message)
        self.say_failures(files.failed, controller.failed, self._session.store.history.failed)

    def say(self, *sentences: SignalInstance) -> None:
        """Say over the images what these signals bring: a sentence each."""
        for signal in sentences:
            signal.connect(self._messages.add_message)

    def say_failures(self, *failures: SignalInstance) -> None:
        """The same for what failed: a sentence, and perhaps details."""
        for signal in failures:
            signal.connect(self._on_failed)

    def show_in_passing(self, sentences: Iterable[SignalInstance]) -> None:
        """Show in the status bar, for a while, what these signals bring."""
        for signal in sentences:
            signal.connect(self._on_status)

    def follow_reports(self, reporting: ReportFlow) -> None:
        """Say what becomes of reports."""
        self.say_failures(reporting.failed)
        reporting.progressed.connect(self._status_bar.showMessage)
        reporting.written.connect(self._on_report_written)

    def begin_segmentation(self) -> None:
        """Forget questions about labels that are now replaced."""
        if self._messages.buttons:
            self._messages.dismiss()
        self._clock.start()

    # ---- what comes ----------------------------------------------------------------------------

    def _on_status(self, text: str) -> None:
        self._status_bar.showMessage(text, _MESSAGE_MS)

    def _on_failed(self, text: str, details: str = "") -> None:
        show = self._messages.show_message
        choices = [("Details", partial(show, details))] if details else []
        show(text, choices, error=True)

    def _on_resampling_offered(
        self, text: str, resample: Callable[[], None], replaces_labels: bool
    ) -> None:
        """Beside the sentence about another grid, offer the way around it."""
        answer = partial(self._files.after_saving, resample) if replaces_labels else resample
        self._messages.show_message(text, [("Resample onto the scan", answer)], error=True)

    def _on_segmented(self, outcome: Outcome) -> None:
        store = self._session.store
        if outcome is Outcome.DONE:
            liver = format_ml(store.volume_ml(Label.LIVER))
            self._on_status(f"Done in {self._clock.elapsed() / 1000:.0f} s: liver {liver}")
        elif outcome is Outcome.CANCELED and store.has_unfinished_labels:
            choices = [
                ("Keep it", self._controller.busy_changed.emit),
                ("Drop it", store.drop_unfinished_labels),
            ]
            self._messages.show_message("Canceled. What was found so far is shown.", choices)

    def _on_saved(self, path: Path) -> None:
        self._on_status(shown(f"Saved and verified: {path}"))

    def _on_labels_not_saved(self, then: Callback | None) -> None:
        self._messages.add_choice("Save elsewhere …", partial(self._files.save, then))

    def _on_report_written(self, path: Path) -> None:
        self._messages.show_message(
            shown(f"Report written: {path}"), [("Open it", partial(open_in_browser, path))]
        )
