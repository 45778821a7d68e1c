"""A PACS in the window: its nodes, searching and retrieving, sending."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QDialog, QInputDialog, QLineEdit, QWidget

from liverview.core.stream import Message, Progress
from liverview.core.text import shown
from liverview.files.formats import DICOM
from liverview.pacs.nodes import Node
from liverview.ui.dialogs.export import ExportProgress
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.jobs import pacs_work
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.jobs.pacs_work import Refused, Retrieved, TokenKept
from liverview.ui.state.pacs_nodes import PacsNodes

if TYPE_CHECKING:
    from liverview.files.dicom.series.series_volume import SeriesVolume
    from liverview.pacs.query import FoundSeries, Query
    from liverview.pacs.send import Sent
    from liverview.ui.dialogs.pacs_nodes import PacsNodesDialog
    from liverview.ui.dialogs.pacs_query import PacsQueryDialog
    from liverview.ui.dialogs.pacs_send import SendChoice


class PacsFlow(QObject):
    """Runs one search or retrieval, and one sending, at a time; nothing before it is asked to.

    Attributes
    ----------
    nodes : that the person has set up.
    query_dialog : while it is open; None else.

    Signals
    -------
    message : what was done, in a sentence.
    failed : a sentence about what went wrong.
    """

    message = Signal(str)
    failed = Signal(str)

    def __init__(self, window: QWidget, files: CaseFiles, settings: QSettings) -> None:
        super().__init__(files)
        self._window, self._files, self._controller = window, files, files.controller
        self.nodes = PacsNodes(settings, self)
        self.query_dialog: PacsQueryDialog | None = None
        self._job: Job | None = None  # of the query dialog
        self._sending: Job | None = None
        self._progress: ExportProgress | None = None
        self._results: list[Sent] = []
        self._refused: Refused | None = None

    # ---- nodes -----------------------------------------------------------------------------

    def edit_nodes(self) -> None:
        """Show the nodes, to be changed."""
        from liverview.ui.dialogs.pacs_nodes import PacsNodesDialog

        dialog = PacsNodesDialog(self.nodes.nodes, self._window)
        testing: set[Job] = set()
        dialog.test_wanted.connect(partial(self._test, dialog, testing))
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        for job in testing:
            job.cancel()
        if accepted:
            self._keep(dialog)
        dialog.deleteLater()

    def _keep(self, dialog: PacsNodesDialog) -> None:
        self.nodes.set_nodes(dialog.nodes())
        tokens = dialog.tokens()
        for node, token in tokens:
            self.nodes.set_token(node, token)
        if tokens:
            self._keep_tokens(tokens)
        if self.query_dialog is not None:
            self.query_dialog.set_nodes(self.nodes.nodes, self.nodes.last)

    def _keep_tokens(self, tokens: list[tuple[Node, str]]) -> None:
        job = self._controller.start_background(pacs_work.iter_keep_tokens(tokens))
        job.yielded.connect(self._on_token_kept)

    def _on_token_kept(self, kept: TokenKept) -> None:
        if not kept.in_keyring:
            self.message.emit(
                "This system has no keyring, so that the token of the PACS is kept nowhere: "
                "it is asked for once per start."
            )

    def _test(self, dialog: PacsNodesDialog, testing: set[Job], node: Node) -> None:
        asked = node if node.token else self.nodes.with_token(node)
        job = self._controller.start_background(pacs_work.iter_test_node(asked))
        testing.add(job)
        job.ended.connect(lambda _: testing.discard(job))
        job.yielded.connect(partial(self._on_test_item, dialog))

    def _on_test_item(self, dialog: PacsNodesDialog, item: Progress | Message | Refused) -> None:
        if isinstance(item, Message):
            dialog.show_result(item.text)
        elif isinstance(item, Refused):
            dialog.show_result(item.sentence)

    # ---- searching and retrieving --------------------------------------------------------------

    def query(self) -> None:
        """Show the dialog that searches; without a node, those are asked for first."""
        from liverview.ui.dialogs.pacs_query import PacsQueryDialog

        if not self.nodes.nodes:
            self.edit_nodes()
            if not self.nodes.nodes:
                return
        if self.query_dialog is None:
            self.query_dialog = dialog = PacsQueryDialog(
                self.nodes.nodes, self.nodes.last, self._window
            )
            dialog.search_wanted.connect(self._search)
            dialog.retrieve_wanted.connect(self._retrieve)
            dialog.volume_chosen.connect(self._open)
            dialog.stop_wanted.connect(self._stop)
            dialog.finished.connect(self._on_closed)
        self.query_dialog.show()
        self.query_dialog.activateWindow()

    def _search(self, node: Node, query: Query) -> None:
        self.nodes.set_last(node.name)
        asked = self.nodes.with_token(node)
        again = partial(self._search, node, query)
        self._run("Searching …", pacs_work.iter_search(asked, query), node, again)

    def _retrieve(self, node: Node, series: FoundSeries) -> None:
        asked = self.nodes.with_token(node)
        again = partial(self._retrieve, node, series)
        self._run("Retrieving …", pacs_work.iter_retrieve_series(asked, series), node, again)

    def _run(self, words: str, work: Any, node: Node, again: Any) -> None:
        dialog = self.query_dialog
        if dialog is None or self._job is not None:
            return
        self._refused = None
        counts = [0, 0]
        remarks: list[str] = []
        dialog.begin(words)
        self._job = job = self._controller.start_background(work)
        job.yielded.connect(partial(self._on_item, job, counts, remarks))
        job.ended.connect(partial(self._on_ended, job, counts, remarks, node, again))

    def _on_item(self, job: Job, counts: list[int], remarks: list[str], item: object) -> None:
        from liverview.pacs.query import FoundSeries, FoundStudy

        dialog = self.query_dialog
        if dialog is None or job is not self._job:
            return
        if isinstance(item, Progress):
            dialog.show_progress(item)
        elif isinstance(item, FoundStudy | FoundSeries):
            counts[isinstance(item, FoundSeries)] += 1
            dialog.add_found(item)
        elif isinstance(item, Message):
            remarks.append(item.text)
        elif isinstance(item, Refused):
            self._refused = item
        elif isinstance(item, Retrieved):
            self._take(item)

    def _on_ended(
        self,
        job: Job,
        counts: list[int],
        remarks: list[str],
        node: Node,
        again: Any,
        outcome: Outcome,
    ) -> None:
        if job is not self._job:
            return
        self._job = None
        dialog = self.query_dialog
        if dialog is None:
            return
        refused = self._refused
        if refused is not None:
            dialog.end(refused.sentence)
            if refused.token_needed and self._ask_token(node, dialog):
                again()
        elif outcome is Outcome.FAILED:
            dialog.end("Something went wrong; the window says what.")
        elif counts != [0, 0] or remarks:
            found = f"{_plural(counts[0], 'study', 'studies')}, {counts[1]} series."
            dialog.end(" ".join([found, *remarks]))
        elif dialog.tree.topLevelItemCount() == 0:
            dialog.end(
                "Nothing was found: search by less, as any date and modality, or with * for what "
                "is not known."
            )
        else:
            dialog.end(dialog.words.text())

    def _take(self, retrieved: Retrieved) -> None:
        """Open what came; where it is several volumes, have one chosen."""
        assert self.query_dialog is not None
        usable = [volume for volume in retrieved.volumes if not volume.refusal]
        if len(usable) == 1:
            self._open(usable[0])
        elif usable:
            self.query_dialog.add_volumes(retrieved.volumes)
        else:
            reasons = [volume.refusal for volume in retrieved.volumes]
            self.query_dialog.say(reasons[0] if reasons else "The series holds no images.")

    def _open(self, volume: SeriesVolume) -> None:
        """Open a volume in the window, which asks about unsaved labels as ever."""
        if self.query_dialog is not None:
            self.query_dialog.say("Opened in the window.")
        self._controller.loading.open_series(volume, None)

    def _stop(self) -> None:
        if self._job is not None:
            job, self._job = self._job, None
            job.cancel()
            if self.query_dialog is not None:
                self.query_dialog.end("Stopped.")

    def _on_closed(self) -> None:
        """What was found is forgotten with the dialog."""
        dialog, self.query_dialog = self.query_dialog, None
        if dialog is not None:
            dialog.deleteLater()

    # ---- sending -------------------------------------------------------------------------------

    def send(self) -> None:
        """Ask what is sent where, and send it."""
        if not self._can_send():
            return
        if not self.nodes.nodes:
            self.edit_nodes()
            if not self.nodes.nodes:
                return
        from liverview.ui.dialogs.pacs_send import PacsSendDialog

        dialog = PacsSendDialog(self.nodes.nodes, self.nodes.last, self._window)
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        choice = dialog.choice()
        dialog.deleteLater()
        if accepted:
            self.start_sending(choice)

    def start_sending(self, choice: SendChoice) -> None:
        """Write what was chosen to a temporary folder, and send it."""
        session = self._files.session
        if not self._can_send() or session.volume is None:
            return
        self.nodes.set_last(choice.node.name)
        self._results, self._refused = [], None
        node = self.nodes.with_token(choice.node)
        work = pacs_work.iter_send_case(
            node,
            session.volume,
            session.store.snapshot(),
            dict(session.styles),
            "labels",
            segmentation=choice.segmentation,
            report=choice.report,
        )
        self._sending = job = self._controller.start_background(work)
        self._progress = ExportProgress("Sending to the PACS", self._window)
        self._progress.canceled.connect(job.cancel)
        job.yielded.connect(self._on_sending_item)
        job.ended.connect(partial(self._on_sending_ended, choice))

    def _can_send(self) -> bool:
        session = self._files.session
        volume = session.volume
        if self._sending is not None:
            self.failed.emit("Something is being sent already: wait until it is done.")
        elif volume is None or not session.store.can_be_saved:
            self.failed.emit("Nothing was sent: there are no complete labels just now.")
        elif volume.source is None or volume.source.format != DICOM.name:
            self.failed.emit(
                "A PACS takes labels of a DICOM series, and this scan is none: "
                "open its DICOM files, or retrieve it from the PACS."
            )
        else:
            return True
        return False

    def _on_sending_item(self, item: Any) -> None:
        if isinstance(item, Progress):
            if self._progress is not None:
                self._progress.setLabelText(shown(f"{item.phase} …"))
                self._progress.setValue(round(100 * item.fraction))
        elif isinstance(item, Refused):
            self._refused = item
        else:
            self._results.append(item)

    def _on_sending_ended(self, choice: SendChoice, outcome: Outcome) -> None:
        self._sending = None
        if self._progress is not None:
            self._progress.canceled.disconnect()
            self._progress.close()
            self._progress.deleteLater()
            self._progress = None
        accepted = [sent for sent in self._results if sent.accepted]
        remarks = [sent.sentence for sent in self._results if sent.sentence]
        if self._refused is not None:
            remarks.append(self._refused.sentence)
        if outcome is Outcome.CANCELED:
            remarks.append("The sending was canceled.")
        count = _plural(len(accepted), "file", "files")
        if accepted:
            self.message.emit(shown(" ".join([f"{choice.node.name} took {count}.", *remarks])))
        elif remarks:
            self.failed.emit(shown(" ".join(remarks)))
        token_needed = self._refused is not None and self._refused.token_needed
        if token_needed and self._ask_token(choice.node, self._window):
            self.start_sending(choice)

    # ---- tokens --------------------------------------------------------------------------------

    def _ask_token(self, node: Node, parent: QWidget) -> bool:
        """Ask for the token of a node; False where the person gives none."""
        token, given = QInputDialog.getText(
            parent,
            "Token of the PACS",
            shown(f"Token of {node.name}, or USER:PASSWORD:"),
            QLineEdit.EchoMode.Password,
        )
        if not given or not token.strip():
            return False
        self.nodes.set_token(node, token.strip())
        self._keep_tokens([(node, token.strip())])
        return True


def _plural(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
