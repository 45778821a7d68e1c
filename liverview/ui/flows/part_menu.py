"""The right button on a part: what it is, and all that can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from liverview.core.grid import Voxel
from liverview.core.labels import Label
from liverview.core.review import Verdict
from liverview.editing.part_commands import DeletePart
from liverview.editing.parts import Part, Seed
from liverview.ui.live.candidate_review import NOT_A_LESION, CandidateReview
from liverview.ui.live.findings import Findings
from liverview.ui.live.part_editing import PartEditing
from liverview.ui.live.vessel_division import VesselDivision, begin_words
from liverview.ui.panels.lesion_table import LesionTable
from liverview.ui.panels.verdict_menu import fill_verdict_menu
from liverview.ui.state.markups import ScanMarkups
from liverview.ui.views.linked_views import LinkedViews
from liverview.ui.views.selected_outlines import part_words
from liverview.ui.views.slice_view import SliceView
from liverview.vasculature.graph import VesselTree

_MESSAGE_MS = 6000


class PartMenu(QObject):
    """Connects views, table and keys with what is done to parts.

    Parameters
    ----------
    commands : the menu of all commands on the selected parts.
    split : activates the tool that splits them.
    remove : the command that removes a measurement, whose keys delete parts where none is chosen.

    Attributes
    ----------
    menu : what the right button opens, filled anew each time.
    """

    def __init__(
        self,
        window: QMainWindow,
        editing: PartEditing,
        commands: QMenu,
        split: QAction,
        remove: QAction,
        views: LinkedViews,
        markups: ScanMarkups,
        candidates: CandidateReview,
    ) -> None:
        super().__init__(window)
        self._window, self._editing, self._session = window, editing, editing.session
        self._commands, self._split = commands, split
        self._remove, self._markups, self._candidates = remove, markups, candidates
        self.menu = QMenu(window)
        self._verdicts = QMenu(window)
        self._division: VesselDivision | None = None
        views.menu_requested.connect(self._on_menu_requested)
        editing.message.connect(self._say)
        window.installEventFilter(self)

    def follow_table(self, table: LesionTable, findings: Findings) -> None:
        """Select the lesions that are chosen in a table, and delete them by its key."""
        table.rows_selected.connect(partial(self._on_rows_selected, findings))
        table.delete_requested.connect(partial(self._on_delete_requested, findings))

    def follow_division(self, division: VesselDivision) -> None:
        """Offer, in vessels, to say that a tree starts there."""
        self._division = division

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the keys that remove a measurement for the selected parts, over a view."""
        if not isinstance(event, QKeyEvent) or not self._deletes(event):
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # comes again as a key, not as the shortcut
        elif event.type() == QEvent.Type.KeyPress:
            self._editing.run(DeletePart())
        return True

    def _deletes(self, event: QKeyEvent) -> bool:
        return (
            bool(self._session.selected.parts)
            and self._markups.chosen is None
            and QKeySequence(event.keyCombination()) in self._remove.shortcuts()
            and isinstance(self._window.focusWidget(), SliceView)
        )

    # ---- the menu --------------------------------------------------------------------------

    def _on_menu_requested(self, voxel: Voxel, at: QPoint) -> None:
        self._editing.select_at(voxel, then=partial(self._open, voxel, at))

    def _open(self, voxel: Voxel, at: QPoint) -> None:
        """Open the menu of the selected parts; of a place without any, it says so."""
        menu = self.menu
        menu.clear()
        parts = self._session.selected.parts
        for part in parts:  # no section: the style cuts the title of a first one off
            menu.addAction(part_words(self._session, part)).setEnabled(False)
        if not parts:
            menu.addAction("No part of a label is shown here").setEnabled(False)
        if len(parts) <= 1:
            self._add_candidate(voxel)
        if parts:
            menu.addSeparator()
            menu.addActions([*self._commands.actions(), self._split])
        self._add_verdicts(parts)
        self._add_begins(voxel)
        self._add_ruled_out(voxel)
        menu.popup(at)

    def _add_candidate(self, voxel: Voxel) -> None:
        """What the network is more or less sure of at this place, also where it is not shown."""
        part = self._candidates.find_at(voxel)
        if part is None:
            return
        self.menu.addSeparator()
        judge, sure = partial(self._candidates.judge, part), f"{100 * part.certainty:.0f} % sure"
        accept = self.menu.addAction(f"&Accept lesion ({sure})", partial(judge, Verdict.ACCEPTED))
        rule_out = partial(judge, Verdict.RULED_OUT, NOT_A_LESION)
        reject = self.menu.addAction(f"&Reject lesion ({sure})", rule_out)
        for action in (accept, reject):
            action.setEnabled(self._session.review.can_change)

    def _add_verdicts(self, parts: Sequence[Part]) -> None:
        """What can be said of lesions: Delete is for what was drawn wrong, this for the rest."""
        lesions = [part for part in parts if part.label is Label.TUMOR]
        if not lesions or len(lesions) < len(parts):
            return
        self.menu.addSeparator()
        verdicts = self._verdicts
        verdicts.clear()
        verdicts.setTitle("&Exclude" if len(lesions) == 1 else "&Exclude all of them")
        self.menu.addMenu(verdicts)
        verdicts.setEnabled(self._session.review.can_change)
        review = self._session.review
        fill_verdict_menu(
            verdicts,
            partial(review.mark, lesions, Verdict.RULED_OUT),
            partial(review.mark, lesions, Verdict.NO_TARGET),
        )

    def _add_begins(self, voxel: Voxel) -> None:
        """Where vessel trees start, a person knows better than the shape of the liver."""
        division = self._division
        if division is None or self._session.store.label_at(voxel) is not Label.VESSEL:
            return
        self.menu.addSeparator()
        for tree in (VesselTree.PORTAL, VesselTree.HEPATIC):
            self.menu.addAction(begin_words(tree), partial(division.begin_at, tree, voxel))

    def _add_ruled_out(self, voxel: Voxel) -> None:
        """The way back for a lesion that was ruled out at this place."""
        review = self._session.review
        for mark in review.ruled_out if review.shown else ():
            i, j, k = (v - first for v, first in zip(voxel, mark.start, strict=True))
            if mark.box.contains(voxel) and mark.voxels[i, j, k]:
                self.menu.addSeparator()
                words = f"Include again (ruled out: {mark.reason})"
                take_back = partial(review.take_back, mark)
                action = self.menu.addAction(words.replace("&", "&&"), take_back)
                action.setEnabled(review.can_change)

    def _say(self, text: str) -> None:
        self._window.statusBar().showMessage(text, _MESSAGE_MS)

    # ---- the table of lesions ------------------------------------------------------------------

    def _on_rows_selected(self, findings: Findings, numbers: Sequence[int]) -> None:
        self._editing.select(_seeds(findings, numbers))

    def _on_delete_requested(self, findings: Findings, numbers: Sequence[int]) -> None:
        seeds = _seeds(findings, numbers)
        if seeds:
            self._editing.run_at(seeds, DeletePart())
        else:
            self._say(
                "What is ruled out or not shown is not in the labels: there is nothing to delete."
            )


def _seeds(findings: Findings, numbers: Sequence[int]) -> list[Seed]:
    """Seeds of the lesions with these numbers; what is ruled out has none."""
    return [Seed(one.inside, Label.TUMOR) for one in findings.lesions if one.number in numbers]
