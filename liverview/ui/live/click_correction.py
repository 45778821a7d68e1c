"""Marks that a network completes: each click goes on from the ones before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND
from liverview.core.volume import LabelMap, Volume
from liverview.editing.marks import Marks, MarksError, Proposal, check_marks, is_beside
from liverview.ui.jobs import generators
from liverview.ui.jobs.job import Job
from liverview.ui.live.live_result import StartJob
from liverview.ui.state.session import Session

if TYPE_CHECKING:
    from liverview.measurement.markup.shapes import Ruler

Place = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class _Step:
    """The marks of a correction so far, and what the network made of them.

    Attributes
    ----------
    base : the labels before its first mark.
    proposal : the one before this step, or, after it, its own.
    goes_on : whether the network goes on from that proposal, or begins anew.
    """

    base: LabelMap
    marks: Marks
    proposal: Proposal | None = None
    goes_on: bool = True


class ClickCorrection(QObject):
    """Has a network complete marks on the open scan, and puts what it proposes into the labels.

    A mark in or near what was proposed last goes on with it; one elsewhere, of another label, or
    after another edit begins a new correction. Undoing takes the last mark back.

    Attributes
    ----------
    marks : of the correction under way, as drawn over the views; None for none.

    Signals
    -------
    changed : the marks, or whether the network works on them.
    message : a sentence for the person.
    """

    changed = Signal()
    message = Signal(str)

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._start = start
        self._job: Job | None = None
        self._steps: dict[int, _Step] = {}  # of this correction, by the version of the labels
        self._waiting: _Step | None = None  # what the network is asked for, or will be
        self._more: list[tuple[Place, bool]] = []  # clicks that came while it worked
        session.volume_changed.connect(self.end)
        session.editing.changed.connect(self._on_settings_changed)

    @property
    def marks(self) -> Marks | None:
        """The marks of the correction under way, with those that the network works on."""
        step = self._waiting or self._steps.get(self._session.store.version)
        return None if step is None else step.marks

    @property
    def is_running(self) -> bool:
        """True while the network works."""
        return self._waiting is not None

    def prepare(self) -> None:
        """Load the network, so that the first click does not wait for it."""
        self._start(generators.iter_load_click_network())

    def click(self, places: Sequence[Place], *, negative: bool = False) -> None:
        """Mark places, in voxels, as belonging to the chosen label, or as not."""
        if self._waiting is not None:
            self._more += [(place, negative) for place in places]
            return
        volume = self._session.volume
        if volume is None or not places:
            return
        key = "negative" if negative else "positive"
        new = Marks.in_voxels(volume, self._session.editing.label, **{key: places})
        self._ask(self._continued(new))

    def complete_ruler(self, ruler: Ruler, before: Ruler | None = None) -> None:
        """Make a lesion of the line across it, in place of the one of the line as it was before."""
        volume, store = self._session.volume, self._session.store
        if volume is None or self._waiting is not None:
            return
        label = self._session.editing.label
        new, old = (
            None if one is None else Marks.in_voxels(volume, label, line=(one.start, one.end))
            for one in (ruler, before)
        )
        assert new is not None
        step = self._steps.get(store.version)
        if step is not None and old is not None and step.marks == old:
            self._ask(_Step(step.base, new, step.proposal, goes_on=False))
        else:
            self._ask(_Step(store.snapshot(), new))

    def end(self) -> None:
        """End the correction: the next mark begins another one."""
        if self._job is not None:
            self._job.cancel()
        self._job = self._waiting = None
        self._steps, self._more = {}, []
        self.changed.emit()

    # ---- one mark after the other --------------------------------------------------------------

    def _continued(self, new: Marks) -> _Step:
        """The correction under way with more marks, or one that begins with them."""
        step = self._steps.get(self._session.store.version)
        volume = self._session.volume
        assert volume is not None
        if (
            step is not None
            and step.proposal is not None
            and step.marks.label is new.label
            and (new.negative or is_beside(volume, step.proposal, new.positive))
        ):
            return _Step(step.base, step.marks.with_points_of(new), step.proposal)
        return _Step(self._session.store.snapshot(), new)

    def _ask(self, step: _Step) -> None:
        """Ask the network, unless nothing can be proposed for the marks."""
        volume = self._session.volume
        assert volume is not None
        try:
            check_marks(volume, step.marks)
        except MarksError as error:
            self.message.emit(str(error))
            return
        self._waiting = step
        self.changed.emit()
        previous = step.proposal if step.goes_on else None
        work = generators.iter_propose(volume, step.base, step.marks, previous)
        self._job = self._start(work)
        self._job.yielded.connect(partial(self._on_proposed, volume, step))
        self._job.ended.connect(partial(self._on_ended, self._job))

    def _on_proposed(self, volume: Volume, step: _Step, proposal: object) -> None:
        """Put a proposal in place of the one before it."""
        if self._session.volume is not volume or self._waiting is not step:
            return
        assert isinstance(proposal, Proposal)
        before = step.proposal
        box = proposal.box if before is None else proposal.box.union(before.box)
        label, store = proposal.marks.label, self._session.store
        if store.version not in self._steps:  # the first mark, or edited since the click
            self._steps = {}
        tool = "click" if step.marks.line is None else "ruler to lesion"
        with store.edit(box, f"{tool}, {label.name.lower()}") as voxels:
            self._put(box, step, proposal, voxels)
        self._steps[store.version] = _Step(step.base, step.marks, proposal)
        if proposal.is_empty:
            self.message.emit(
                f"Nothing was found there: {label.name.lower()} stays as it is. Click in its "
                "middle, or draw a line across it."
            )

    def _put(self, box: Box, step: _Step, proposal: Proposal, voxels: NDArray[np.uint8]) -> None:
        """Write a proposal over the labels from before the correction, within the limits."""
        volume, styles = self._session.volume, self._session.styles
        assert volume is not None
        base = step.base.read(box)
        wanted = base.copy()
        there = proposal.box.shifted([-n for n in box.start])
        wanted[there] = proposal.applied(wanted[there])
        visible = [label for label in FOREGROUND if styles[label].visible]
        limits = self._session.editing.limits
        may = limits.allowed(base, volume.voxels[box], volume.intercept, visible)
        voxels[...] = np.where(may, wanted, base)

    def _on_ended(self, job: Job, _: object) -> None:
        if job is not self._job:
            return
        self._job = self._waiting = None
        self.changed.emit()
        if self._more:
            negative = self._more[0][1]
            same = [place for place, other in self._more if other is negative]
            self._more = [one for one in self._more if one[1] is not negative]
            self.click(same, negative=negative)

    def _on_settings_changed(self) -> None:
        """Marks of another label are of another correction."""
        marks = self.marks
        if marks is not None and marks.label is not self._session.editing.label:
            self.end()
