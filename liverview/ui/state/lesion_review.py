"""What a person has said of the open scan's lesions, remembered and in force in its labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.labels import Label, label_family
from liverview.core.review import LesionMark, Verdict
from liverview.measurement.results import Lesion
from liverview.ui.state.label_store import LabelStore

_STEPS_BACK = 50


class LesionReview(QObject):
    """Marks on lesions: remembered for the scan, in force where the labels have their lesions.

    Other labels of the scan, of a new run or other thresholds, begin without marks;
    `liverview.ui.live.marked_labels` finds the lesions again and puts the marks in force.

    Attributes
    ----------
    remembered : the marks, the latest last.
    shown : whether views outline what is ruled out.

    Signals
    -------
    changed : what is remembered, or shown.
    """

    changed = Signal()

    def __init__(self, store: LabelStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.remembered: tuple[LesionMark, ...] = ()
        self.shown = True
        self._store = store
        self._before: list[tuple[LesionMark, ...]] = []

    @property
    def in_force(self) -> tuple[LesionMark, ...]:
        """The marks of the labels as they are."""
        return self._store.labels.marks if self._store.labels is not None else ()

    @property
    def ruled_out(self) -> tuple[LesionMark, ...]:
        """Those in force of what is no lesion."""
        return tuple(mark for mark in self.in_force if mark.verdict is Verdict.RULED_OUT)

    @property
    def can_change(self) -> bool:
        """True where there are labels that hold still."""
        return self._store.can_be_saved

    # ---- what the person says ------------------------------------------------------------------

    def mark(self, lesions: Sequence[Lesion], verdict: Verdict, reason: str = "") -> None:
        """Say something of lesions, in place of what was said of them before."""
        if not self.can_change:
            return
        new = [mark for one in lesions if (mark := self._mark_of(one, verdict, reason))]
        if new:
            kept, others = (
                [mark for mark in marks if not any(mark.concerns(one) for one in new)]
                for marks in (self.remembered, self.in_force)
            )
            self._change([*kept, *new], [*others, *new], verdict.value.replace("_", " "))

    def take_back(self, *marks: LesionMark) -> None:
        """Take back what was said, as marks in force have it."""
        if self.can_change and marks:
            kept, others = (
                [mark for mark in known if not any(mark.concerns(one) for one in marks)]
                for known in (self.remembered, self.in_force)
            )
            self._change(kept, others, "include")

    def confirm(self, lesions: Sequence[Lesion]) -> None:
        """Confirm lesions as the targets, in place of those that were; none takes it back."""
        if not self.can_change:
            return
        new = [mark for one in lesions if (mark := self._mark_of(one, Verdict.TARGET, ""))]
        kept, others = (
            [mark for mark in marks if mark.verdict is not Verdict.TARGET]
            for marks in (self.remembered, self.in_force)
        )
        self._change([*kept, *new], [*others, *new], "confirm targets")

    def undo(self) -> None:
        """Take the last of these back."""
        if self._before and self.can_change:
            self.remembered = self._before.pop()
            self.changed.emit()

    def set_shown(self, shown: bool) -> None:
        if shown != self.shown:
            self.shown = shown
            self.changed.emit()

    def _change(
        self, remembered: Sequence[LesionMark], in_force: Sequence[LesionMark], name: str
    ) -> None:
        self._before = [*self._before[1 - _STEPS_BACK :], self.remembered]
        self.remembered = tuple(remembered)
        self._store.set_marks(in_force, name)
        self.changed.emit()

    def _mark_of(self, lesion: Lesion, verdict: Verdict, reason: str) -> LesionMark | None:
        """A mark on what is still there of a lesion, which was measured a moment ago."""
        assert self._store.labels is not None
        voxels = self._store.labels.voxels[Box.of_shape(lesion.mask.shape).shifted(lesion.start)]
        there = lesion.mask & np.isin(voxels, label_family(Label.TUMOR))
        if not there.any():
            return None
        return LesionMark(
            verdict, reason, lesion.start, np.where(there, voxels, 0).astype(np.uint8, order="F")
        )

    # ---- scans and labels ----------------------------------------------------------------------

    def forget(self) -> None:
        """Another scan is being opened: whoever follows it is told by that."""
        self.remembered, self._before = (), []

    def remember(self, marks: Sequence[LesionMark]) -> None:
        """Begin with the marks of a scan that was opened, which has no labels yet."""
        self.forget()
        self.remembered = tuple(marks)
        self.changed.emit()

    def replace_remembered(self, marks: Sequence[LesionMark]) -> None:
        """Remember other marks in place of these; `undo` brings these back."""
        self._before = [*self._before[1 - _STEPS_BACK :], self.remembered]
        self.remembered = tuple(marks)
        self.changed.emit()

    def adopt(self, marks: Sequence[LesionMark]) -> None:
        """Remember the marks that came with a label map, in place of others on its lesions."""
        kept = [mark for mark in self.remembered if not any(mark.concerns(one) for one in marks)]
        self.remembered, self._before = (*kept, *marks), []
        self.changed.emit()

    def compare(self) -> tuple[list[LesionMark], list[LesionMark]]:
        """The marks in force that are remembered, and those remembered that are not in force."""
        kept = [
            mark
            for mark in self.in_force
            if any(mark.verdict is one.verdict and mark.concerns(one) for one in self.remembered)
        ]
        missing = [mark for mark in self.remembered if not any(mark.concerns(one) for one in kept)]
        return kept, missing
