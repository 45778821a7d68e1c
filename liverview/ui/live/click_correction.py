"""Marks that a network completes: each click goes on from the ones before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label
from liverview.core.volume import Volume
from liverview.editing.marks import Marks, MarksError, Proposal, check_marks, is_beside
from liverview.ui.jobs import generators
from liverview.ui.jobs.job import Job
from liverview.ui.live.live_result import StartJob
from liverview.ui.state.lent_labels import LentLabels
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
    asked : the labels as they were when the network was asked.
    proposal : the one before this step, or, after it, its own.
    goes_on : whether the network goes on from that proposal, or begins anew.
    """

    base: LentLabels
    asked: LentLabels
    marks: Marks
    proposal: Proposal | None = None
    goes_on: bool = True


@dataclass(frozen=True)
class _Click:
    """A click that waits for the network: its place in voxels, and what it says of which label."""

    place: Place
    label: Label
    negative: bool


class ClickCorrection(QObject):
    """Has a network complete marks on the open scan, and puts what it proposes into the labels.

    A mark in or near what was proposed last goes on with it; one elsewhere, of another label, or
    after another edit begins a new correction. Undoing takes the last mark back, and drops those
    that the network still works on. What is edited while it works stays.

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
        self._result = 0  # of the labels when it was asked
        self._more: list[_Click] = []  # that came while it worked
        self._lines: list[tuple[Ruler, Ruler | None, Label]] = []  # the same
        session.volume_changed.connect(self.end)
        session.store.history.moved.connect(self._drop_asked)
        session.store.changed.connect(self._on_labels_changed)
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
        label = self._session.editing.label
        self._more += [_Click(place, label, negative) for place in places]
        self._go_on()

    def complete_ruler(self, ruler: Ruler, before: Ruler | None = None) -> None:
        """Make a lesion of the line across it, in place of the one of the line as it was before."""
        self._lines.append((ruler, before, self._session.editing.label))
        self._go_on()

    def end(self) -> None:
        """End the correction: the next mark begins another one."""
        self._steps = {}
        self._drop_asked()

    # ---- what waits ----------------------------------------------------------------------------

    def _drop_asked(self) -> None:
        """Drop what the network works on, and all that waits for it."""
        if self._job is not None:
            self._job.cancel()
        self._job = self._waiting = None
        self._more, self._lines = [], []
        self.changed.emit()

    def _go_on(self) -> None:
        """Ask the network for what waits, as long as it has nothing to work on."""
        while self._waiting is None and (self._more or self._lines):
            if self._more:
                self._take_clicks()
            else:
                self._take_line(*self._lines.pop(0))

    def _take_clicks(self) -> None:
        """Ask for all clicks that wait and say the same as the first."""
        first, clicks, volume = self._more[0], self._more, self._session.volume
        key = (first.label, first.negative)
        places = [one.place for one in clicks if (one.label, one.negative) == key]
        self._more = [one for one in clicks if (one.label, one.negative) != key]
        if volume is not None:
            side = "negative" if first.negative else "positive"
            self._ask(self._continued(Marks.in_voxels(volume, first.label, **{side: places})))

    def _take_line(self, ruler: Ruler, before: Ruler | None, label: Label) -> None:
        volume, store = self._session.volume, self._session.store
        if volume is None:
            return
        new, old = (
            None if one is None else Marks.in_voxels(volume, label, line=(one.start, one.end))
            for one in (ruler, before)
        )
        assert new is not None
        step, now = self._steps.get(store.version), store.snapshot()
        if step is not None and old is not None and step.marks == old:
            self._ask(_Step(step.base, now, new, step.proposal, goes_on=False))
        else:
            self._ask(_Step(now, now, new))

    # ---- one mark after the other --------------------------------------------------------------

    def _continued(self, new: Marks) -> _Step:
        """The correction under way with more marks, or one that begins with them."""
        step = self._steps.get(self._session.store.version)
        volume, now = self._session.volume, self._session.store.snapshot()
        assert volume is not None
        if (
            step is not None
            and step.proposal is not None
            and step.marks.label is new.label
            and (new.negative or is_beside(volume, step.proposal, new.positive))
        ):
            return _Step(step.base, now, step.marks.with_points_of(new), step.proposal)
        return _Step(now, now, new)

    def _ask(self, step: _Step) -> None:
        """Ask the network, unless nothing can be proposed for the marks."""
        volume = self._session.volume
        assert volume is not None
        try:
            check_marks(volume, step.marks)
        except MarksError as error:
            self.message.emit(str(error))
            return
        self._waiting, self._result = step, self._session.store.result
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
            wanted = self._wanted(box, step, proposal, voxels)
            if ((wanted == label) & (voxels != label)).any():
                store.define(label)
            voxels[...] = wanted
        self._steps[store.version] = replace(step, proposal=proposal)
        if proposal.is_empty:
            self.message.emit(
                f"Nothing was found there: {label.name.lower()} stays as it is. Click in its "
                "middle, or draw a line across it."
            )

    def _wanted(
        self, box: Box, step: _Step, proposal: Proposal, now: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """The labels of a box with a proposal over those from before the correction."""
        store = self._session.store
        over_now = partial(self._applied, box, proposal, now)
        if store.result != self._result:
            return over_now()
        wanted = self._applied(box, proposal, step.base.read(box))
        # A person's edits since the click win; what streamed in is as good as what was there.
        meanwhile = now != step.asked.read(box)
        if meanwhile.any():
            np.copyto(wanted, over_now() if store.segmenting else now, where=meanwhile)
        return wanted

    def _applied(
        self, box: Box, proposal: Proposal, labels: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """A proposal over labels of a box, within the limits."""
        volume, styles = self._session.volume, self._session.styles
        assert volume is not None
        wanted = labels.copy()
        there = proposal.box.shifted([-n for n in box.start])
        wanted[there] = proposal.applied(wanted[there])
        visible = [label for label in FOREGROUND if styles[label].visible]
        limits = self._session.editing.limits
        may = limits.allowed(labels, volume.voxels[box], volume.intercept, visible)
        return np.where(may, wanted, labels)

    def _on_ended(self, job: Job, _: object) -> None:
        if job is not self._job:
            return
        self._job = self._waiting = None
        self.changed.emit()
        self._go_on()
        self._on_settings_changed()

    def _on_labels_changed(self) -> None:
        """Another edit ends the correction: what it was based on need not be kept."""
        if self._waiting is None and self._steps and self._session.store.version not in self._steps:
            self._steps = {}
            self.changed.emit()

    def _on_settings_changed(self) -> None:
        """Marks of another label are of another correction; what is asked for is still wanted."""
        marks = self.marks
        other = marks is not None and marks.label is not self._session.editing.label
        if other and not self.is_running:
            self.end()
