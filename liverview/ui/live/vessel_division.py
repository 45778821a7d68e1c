"""Portal vein and hepatic veins of the open scan's vessels, told apart while that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.ui.jobs import following
from liverview.ui.jobs.job import Outcome
from liverview.ui.live.live_result import SETTLED_MS, LiveResult, StartJob
from liverview.ui.state.session import Session
from liverview.vasculature.graph import TREE_STYLES, VesselTree

if TYPE_CHECKING:
    from liverview.vasculature.split import VesselTrees


def begin_words(tree: VesselTree) -> str:
    """The command that lets a tree start at a place: ``Portal vein starts here``."""
    return f"{TREE_STYLES[tree].name} {_STARTS[tree]} here"


_STARTS = {VesselTree.PORTAL: "starts", VesselTree.HEPATIC: "start"}


class VesselDivision(LiveResult):
    """Divides vessels once labels hold still; trees of before stay in sight until then.

    Attributes
    ----------
    shown : a person asked for it; another scan ends that.
    begins : the voxels at which that person said that trees begin; forgotten with the scan.
    found : the trees as they were last found; None where there are none.
    progress : of the division that is under way; None where none is.

    Signals
    -------
    shown_changed : it is asked for, or no longer.
    message : a sentence for the person.
    """

    shown_changed = Signal(bool)
    message = Signal(str)
    only_when_idle = True

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        self.shown = False
        self.begins: dict[VesselTree, Voxel] = {}
        self.found: following.DividedVessels | None = None
        self.progress: Progress | None = None
        self._unsaid = False  # warnings of the next trees
        self._followed: following.Followed | None = None
        self._pause_ms = SETTLED_MS
        super().__init__(session, start, parent)
        session.store.replaced.connect(self._on_replaced)

    @property
    def current_trees(self) -> VesselTrees | None:
        """The trees of the labels as they are; None where these have not been divided yet."""
        return self.found.trees if self.found is not None and self.is_current else None

    # ---- what a person asks for ------------------------------------------------------------

    def set_shown(self, shown: bool) -> None:
        """Show vessels as two trees, or as the vessels that they are."""
        if shown == self.shown:
            return
        self.shown = shown
        self.shown_changed.emit(shown)
        if shown:
            self._unsaid = True
            if not self.session.store.has_labels:
                self.message.emit("There are no vessels yet: trees come with the labels.")
            self._stale = True
            self.set_wanted(True)
        else:
            self.stop()
            self.set_wanted(False)
            self._clear()
            self.changed.emit()

    def begin_at(self, tree: VesselTree, voxel: Voxel) -> None:
        """Let a tree begin in the vessel at a voxel, and divide anew."""
        store = self.session.store
        if store.labels is None or store.label_at(voxel) is not Label.VESSEL:
            self.message.emit(
                f"There is no vessel at the crosshair: put it into the one in which the "
                f"{tree.words} {_STARTS[tree]}."
            )
            return
        self._divide_from({**self.begins, tree: voxel})

    def forget_begins(self) -> None:
        """Let both trees begin where their beginnings are found."""
        self._divide_from({})

    def _divide_from(self, begins: Mapping[VesselTree, Voxel]) -> None:
        self.begins, self._unsaid = dict(begins), True
        if self.shown:
            self.update_now()
            self.changed.emit()
        else:
            self.set_shown(True)

    # ---- following the labels ----------------------------------------------------------------

    def _make_work(self) -> Iterator[object] | None:
        store, volume = self.session.store, self.session.volume
        if volume is None or not store.has_labels:
            return None
        return following.iter_divide_vessels(
            store.snapshot(), volume, dict(self.begins), self._followed
        )

    def _receive(self, item: object) -> None:
        if isinstance(item, Progress):
            self.progress = item
            self.changed.emit()
        elif isinstance(item, following.Followed):
            self._followed, self.found = item, item.found
            self.session.trees.show(item.found.trees.labels)

    def _cancel_job(self) -> None:
        super()._cancel_job()
        self.progress = None

    def _on_ended(self, outcome: Outcome) -> None:
        if self.sender() is not self._job:
            return
        self.progress = None
        self._pause_ms = max(SETTLED_MS, self._clock.elapsed())
        super()._on_ended(outcome)
        if outcome is Outcome.FAILED:
            self._begin_as_before()
        elif self.found is not None and self._unsaid:
            self._unsaid = False  # edits that follow change figures, which panels have
            if self.found.trees.warnings:
                self.message.emit(" ".join(self.found.trees.warnings))

    def _begin_as_before(self) -> None:
        """After a beginning that is none, go back to those that led to trees, or to none."""
        known = self.found.begins if self.found is not None else {}
        if self.begins:
            self._divide_from(known if self.begins != known else {})
        else:
            self.set_shown(False)

    def _on_replaced(self) -> None:
        self._unsaid = True

    def _on_labels_changed(self, box: Box) -> None:
        if not self.session.store.has_labels:
            super()._on_labels_changed(box)
            return
        if not self.shown:
            self._stale = True
            return
        told = self._stale and self._job is None
        self._cancel_job()
        self._stale = True
        self._schedule(self._pause_ms)  # else much that is begun would be for nothing
        if not told:
            self.changed.emit()

    def _on_volume_changed(self) -> None:
        self.begins = {}
        self.set_shown(False)
        super()._on_volume_changed()

    def _let_go(self) -> None:
        self._followed = None

    def _clear(self) -> None:
        self.found = None
        self._let_go()
        self.session.trees.show(None)
