"""What a person has said of the open scan's lesions, remembered and in force in its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate, labels_otherwise
from liverview.core.grid import Voxel
from liverview.core.labels import Label, label_family
from liverview.core.review import LesionMark, Verdict
from liverview.editing.beneath import find_edited
from liverview.editing.step import Change
from liverview.ui.state.label_facts import marks_from_json, marks_to_json
from liverview.ui.state.label_store import LabelStore

REMEMBERED = "remembered marks"
"""The part of the state that the history knows as this."""


class Marked(Protocol):
    """A component that can be marked: a lesion that was measured, or a part that was selected."""

    @property
    def start(self) -> Voxel:
        """The first voxel of its box."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The voxels of the box that are its own."""


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
        store.history.register(RememberedMarks(self))

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

    def mark(self, lesions: Sequence[Marked], verdict: Verdict, reason: str = "") -> None:
        """Say something of lesions, in place of what was said of them before."""
        if not self.can_change:
            return
        self._say([mark for one in lesions if (mark := self._mark_of(one, verdict, reason))])

    def _say(self, new: Sequence[LesionMark]) -> None:
        """Take marks of one verdict in place of those on the same lesions."""
        if new:
            kept, others = (
                [mark for mark in marks if not any(mark.concerns(one) for one in new)]
                for marks in (self.remembered, self.in_force)
            )
            self._change([*kept, *new], [*others, *new], _step_name(new[0].verdict))

    def judge(self, candidate: LesionCandidate, verdict: Verdict, reason: str = "") -> bool:
        """Say something of a candidate, also of one that is no tumor as the labels are.

        It stays as was said, whatever certainty is asked for. False where nothing is left of it.
        """
        labels, store = self._store.labels, self._store
        if labels is None or not self.can_change:
            return False
        voxels = labels.voxels[candidate.box]
        painted = find_edited(store.hand, candidate.box, labels)
        there = candidate.mask & (~painted | np.isin(voxels, label_family(Label.TUMOR)))
        if not there.any():
            return False
        start = candidate.box.start
        tumor = np.where(there, Label.TUMOR, 0).astype(np.uint8, order="F")
        otherwise = labels_otherwise(candidate.box, labels.candidates)
        self._say([LesionMark(verdict, reason, start, tumor, otherwise)])
        return True

    def take_back(self, *marks: LesionMark) -> None:
        """Take back what was said, as marks in force have it."""
        if self.can_change and marks:
            kept, others = (
                [mark for mark in known if not any(mark.concerns(one) for one in marks)]
                for known in (self.remembered, self.in_force)
            )
            self._change(kept, others, "include")

    def confirm(self, lesions: Sequence[Marked]) -> None:
        """Confirm lesions as the targets, in place of those that were; none takes it back."""
        if not self.can_change:
            return
        new = [mark for one in lesions if (mark := self._mark_of(one, Verdict.TARGET, ""))]
        kept, others = (
            [mark for mark in marks if mark.verdict is not Verdict.TARGET]
            for marks in (self.remembered, self.in_force)
        )
        self._change([*kept, *new], [*others, *new], "confirm targets")

    def set_shown(self, shown: bool) -> None:
        if shown != self.shown:
            self.shown = shown
            self.changed.emit()

    def _change(
        self, remembered: Sequence[LesionMark], in_force: Sequence[LesionMark], name: str
    ) -> None:
        history, change = self._store.history, self._change_to(remembered)
        with history.joined(name):
            self._store.set_marks(in_force, name)
            if change.before != change.after:
                history.record(name, (change,))
        self.changed.emit()

    def _change_to(self, remembered: Sequence[LesionMark]) -> Change:
        """Remember other marks."""
        before, self.remembered = self.remembered, tuple(remembered)
        return Change(REMEMBERED, before, self.remembered)

    def _mark_of(self, lesion: Marked, verdict: Verdict, reason: str) -> LesionMark | None:
        """A mark on what is still there of a lesion, which was measured a moment ago."""
        assert self._store.labels is not None
        box = Box.of_shape(lesion.mask.shape).shifted(lesion.start)
        voxels = self._store.labels.voxels[box]
        there = lesion.mask & np.isin(voxels, label_family(Label.TUMOR))
        if not there.any():
            return None
        return LesionMark(
            verdict,
            reason,
            lesion.start,
            np.where(there, voxels, 0).astype(np.uint8, order="F"),
            labels_otherwise(box, self._store.labels.candidates),
        )

    # ---- scans and labels ----------------------------------------------------------------------

    def forget(self) -> None:
        """Another scan is being opened: whoever follows it is told by that."""
        self.remembered = ()

    def remember(self, marks: Sequence[LesionMark]) -> None:
        """Begin with the marks of a scan that was opened, which has no labels yet."""
        self.forget()
        self.remembered = tuple(marks)
        self.changed.emit()

    def replace_remembered(self, marks: Sequence[LesionMark]) -> None:
        """Remember other marks in place of these, as a step."""
        change = self._change_to(marks)
        if change.before != change.after:
            self._store.history.record("take other verdicts", (change,))
        self.changed.emit()

    def adopt(self, marks: Sequence[LesionMark]) -> None:
        """Remember the marks that came with a label map, in place of others on its lesions.

        It goes with the step that has opened the label map.
        """
        kept = [mark for mark in self.remembered if not any(mark.concerns(one) for one in marks)]
        change = self._change_to((*kept, *marks))
        self._store.history.amend("marks of a label map", (change,))
        self.changed.emit()

    def find_hidden(self, marks: Sequence[LesionMark]) -> list[LesionMark]:
        """Marks that are on candidates which are no tumors as the labels are, put on these."""
        labels = self._store.labels
        if labels is None:
            return []
        shown, found = self._store.shown_candidates, []
        for index, part in enumerate(labels.candidates):
            own = [one for one in marks if one.marks(part.box.start, part.mask)]
            if index not in shown and own:
                tumor = np.where(part.mask, Label.TUMOR, 0).astype(np.uint8, order="F")
                otherwise = labels_otherwise(part.box, labels.candidates)
                mark = replace(own[-1], start=part.box.start, voxels=tumor, otherwise=otherwise)
                found.append(mark)
        return found

    def compare(self) -> tuple[list[LesionMark], list[LesionMark]]:
        """The marks in force that are remembered, and those remembered that are not in force."""
        kept = [
            mark
            for mark in self.in_force
            if any(mark.verdict is one.verdict and mark.concerns(one) for one in self.remembered)
        ]
        missing = [mark for mark in self.remembered if not any(mark.concerns(one) for one in kept)]
        return kept, missing


def _step_name(verdict: Verdict) -> str:
    return verdict.value.replace("_", " ")


class RememberedMarks:
    """The marks that are remembered, as the history sees them."""

    def __init__(self, review: LesionReview) -> None:
        self.name = REMEMBERED
        self.shared: list[Any] = []
        self._review = review

    def restore(self, value: Any) -> None:
        """Have marks back."""
        self._review.remembered = value

    def tell_back(self) -> None:
        """Tell that they have come back."""
        self._review.changed.emit()

    def to_json(self, value: Any) -> Any:
        """Marks, to the bit."""
        return marks_to_json(value)

    def from_json(self, item: Any, shared: Sequence[Any]) -> tuple[LesionMark, ...]:
        """Marks; raises what a wrong type or key raises."""
        return marks_from_json(item)

    def shared_to_json(self) -> list[Any]:
        """Nothing: marks share nothing."""
        return []

    def shared_from_json(self, items: list[Any]) -> list[Any]:
        """Nothing: marks share nothing."""
        return []
