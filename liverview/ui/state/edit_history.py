"""Undo and redo of the window: one history of labels, verdicts on lesions, and measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from PySide6.QtCore import QObject, Signal

from liverview.editing.differences import Difference, HistoryError, join_differences
from liverview.editing.history import History
from liverview.editing.step import Change, Step, join_steps
from liverview.editing.step_codec import Part

LABELS = "labels"
"""The part of the state that `Difference`s belong to."""


class StatePart(Part, Protocol):
    """A part of the window's state that steps change."""

    def restore(self, value: Any) -> None:
        """Have a value back; nobody is told yet."""

    def tell_back(self) -> None:
        """Tell whoever listens that it has come back."""


class LabelPart(StatePart, Protocol):
    """The labels: their voxels follow differences, all else of them is a value."""

    def apply(self, differences: tuple[Difference, ...], value: Any) -> None:
        """Change voxels to those of a value; raises HistoryError, and changes none, or all."""

    def describe(self) -> dict[str, Any]:
        """What the labels are known by, for JSON."""

    def adapter(self) -> Callable[[Any, Step], Step]:
        """A function that fits steps that are read to the labels that are open."""


class StepEntry(NamedTuple):
    """A step in the list: its name, and whether it is done or undone."""

    name: str
    done: bool


class Back(NamedTuple):
    """A way back to labels: differences, and what was known of them before and after a step."""

    differences: tuple[Difference, ...]
    before: Any
    after: Any


class EditHistory(QObject):
    """Steps back and forth, each with all that one command has changed.

    Attributes
    ----------
    core : the steps themselves, and the memory that they take.
    moving : True while a step is undone or done again.

    Signals
    -------
    changed : the list of steps, or what can be undone now.
    moved : steps were undone or done again; all parts of the state have told of it before.
    failed : a sentence about steps that can no longer be undone.
    """

    changed = Signal()
    moved = Signal()
    failed = Signal(str)

    def __init__(self, labels: LabelPart, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts: dict[str, Any] = {LABELS: labels}
        self._labels = labels
        self.core = History(self._parts, tell=self.failed.emit)
        self.moving = False
        self._held = ""
        self._open: list[Step] | None = None
        self._open_name = ""
        self._joins = False  # what `joined` has inside, so that nothing else ends it

    def register(self, part: StatePart) -> None:
        """Let steps change another part of the state."""
        self._parts[part.name] = part

    # ---- what can be done --------------------------------------------------------------------

    @property
    def why_not(self) -> str:
        """Says why nothing can be undone or done again just now; empty where it can."""
        return self._held or ("A stroke is being drawn." if self._open is not None else "")

    @property
    def is_step_open(self) -> bool:
        """True between `begin_step` and its end."""
        return self._open is not None

    @property
    def can_undo(self) -> bool:
        return self.position > 0 and not self.why_not

    @property
    def can_redo(self) -> bool:
        return self.position < len(self.core) and not self.why_not

    @property
    def undo_name(self) -> str:
        """The step that `undo` takes back; empty where there is none."""
        return self.core.name(self.position - 1) if self.position else ""

    @property
    def redo_name(self) -> str:
        """The step that `redo` does again; empty where there is none."""
        return self.core.name(self.position) if self.position < len(self.core) else ""

    @property
    def position(self) -> int:
        """The number of steps that are done."""
        return self.core.position

    @property
    def last(self) -> object:
        """The last done step, to be known again; None where there is none."""
        return self.core.last

    def steps(self) -> list[StepEntry]:
        """All steps, the oldest first."""
        names = self.core.names()
        return [StepEntry(name, number < self.position) for number, name in enumerate(names)]

    def hold(self, why: str) -> None:
        """Let nobody undo anything, for a reason that is told; an empty one lets them again."""
        if why != self._held:
            self.end_step()
            self._held = why
            self.changed.emit()

    # ---- steps -------------------------------------------------------------------------------

    def undo(self) -> None:
        """Take the last step back, if there is one."""
        self.jump(self.position - 1)

    def redo(self) -> None:
        """Do the step again that was undone last, if there is one."""
        self.jump(self.position + 1)

    def jump(self, position: int) -> None:
        """Undo steps, or do them again, until so many are done; all at once for who looks."""
        position = min(max(position, 0), len(self.core))
        if self.why_not or position == self.position:
            return
        values: dict[str, object] = {}
        self.moving = True
        try:
            while self.position != position:
                back = position < self.position
                step = self.core.step(self.position - 1 if back else self.position)
                self._apply(step, back=back)
                values |= {one.part: one.before if back else one.after for one in step.changes}
                self.core.position += -1 if back else 1
        except HistoryError as error:  # as far as it came
            self.failed.emit(str(error))
        finally:
            self._restore(values)

    def _apply(self, step: Step, *, back: bool) -> None:
        """Change voxels back or forth, where the step has changed any."""
        for one in step.changes:
            if one.part == LABELS:
                self._labels.apply(step.differences, one.before if back else one.after)

    def _restore(self, values: dict[str, object]) -> None:
        try:
            for name, value in values.items():
                self._parts[name].restore(value)
            for name in values:
                self._parts[name].tell_back()
        finally:
            self.moving = False
        self.moved.emit()
        self.changed.emit()

    def record(
        self, name: str, changes: tuple[Change, ...], differences: tuple[Difference, ...] = ()
    ) -> None:
        """Add a step that has just been done, or join it to the one that is open."""
        step = Step(name, differences, changes)
        if self._open is not None:
            self._open.append(step)
            return
        self.core.push(step)
        self.changed.emit()

    def amend(
        self, name: str, changes: tuple[Change, ...], differences: tuple[Difference, ...] = ()
    ) -> None:
        """Let the last step do this as well, for it follows from it; without one, a step."""
        if self._open is not None:
            self.record(name, changes, differences)
            return
        self.core.amend(Step(name, differences, changes))
        self.changed.emit()

    def begin_step(self, name: str) -> None:
        """Join what follows to one step, until `end_step`: a stroke of a brush."""
        self.end_step()
        self._open, self._open_name = [], name
        self.changed.emit()

    def end_step(self) -> None:
        """End the step that is open, if one is."""
        if self._open is None:
            return
        steps, self._open = self._open, None
        if steps:
            self.core.push(join_steps(self._open_name, steps))
        self.changed.emit()

    def cancel_step(self) -> None:
        """Take back what the open step has done so far; nothing remains of it."""
        if self._open is None:
            return
        step, self._open = join_steps(self._open_name, self._open), None
        self.moving = True
        self._apply(step, back=True)
        self._restore({one.part: one.before for one in step.changes})

    @contextmanager
    def joined(self, name: str) -> Iterator[None]:
        """Join what happens inside to one step, or to the one that is open."""
        if self._open is not None:
            yield
            return
        self.begin_step(name)
        self._joins = True
        try:
            yield
        finally:
            self._joins = False
            self.end_step()

    def end_stroke(self) -> None:
        """End a step that is drawn just now: labels of another origin are a step of their own."""
        if not self._joins:
            self.end_step()

    def find_last(self, name: str) -> int | None:
        """The index of the last done step of a name."""
        return next((n for n in reversed(range(self.position)) if self.core.name(n) == name), None)

    def labels_before(self, index: int) -> Back | None:
        """The way from the labels as they are to those before a done step.

        None where the step cannot be read any more.
        """
        try:
            steps = [self.core.step(number) for number in range(index, self.position)]
        except HistoryError as error:
            self.failed.emit(str(error))
            return None
        (change, *_) = (one for one in steps[0].changes if one.part == LABELS)
        differences = join_differences([one for step in steps for one in step.differences])
        return Back(differences, change.before, change.after)

    def clear(self) -> None:
        """Forget all steps."""
        self._open = None
        self.core.clear()
        for part in self._parts.values():
            part.shared.clear()
        self.changed.emit()

    # ---- with a file -------------------------------------------------------------------------

    def dump(self) -> bytes:
        """All steps as bytes, for `load` with the same labels; no pickle.

        Raises
        ------
        HistoryError : where older steps cannot be read any more.
        """
        self.end_step()
        return self.core.dump(self._labels.describe())

    def load(self, data: bytes) -> None:
        """Take the steps of `dump` in place of those that are there; the labels stay as they are.

        Raises
        ------
        HistoryError : where they are damaged, newer, or of other labels; nothing changes then.
        """
        self.end_step()
        self.core.load(data, self._labels.adapter())
        self.changed.emit()
