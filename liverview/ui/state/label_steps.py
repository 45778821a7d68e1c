"""Steps of the history that change labels: how they are told, and how they come back."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.volume import LabelMap
from liverview.editing.differences import (
    Difference,
    HistoryError,
    apply_differences,
    find_differences,
    join_differences,
    joint_box,
)
from liverview.editing.hand_edits import HandEdits
from liverview.editing.step import Change, Step
from liverview.ui.state.edit_history import LABELS
from liverview.ui.state.label_changes import LabelChange, LabelSource
from liverview.ui.state.label_facts import (
    About,
    LabelFacts,
    abouts_from_json,
    abouts_to_json,
)
from liverview.ui.state.lent_labels import Ledger

if TYPE_CHECKING:
    from liverview.ui.state.label_store import LabelStore


class WrittenPart(NamedTuple):
    """A box that was written into.

    Attributes
    ----------
    box : of the volume.
    before : its labels before that, (i, j, k) uint8, on their own memory.
    differences : of the labels before and right after it.
    """

    box: Box
    before: NDArray[np.uint8]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, eq=False)
class LabelSnapshot:
    """Labels with what is known of them, to go back to."""

    labels: LabelMap
    lent: Ledger
    facts: LabelFacts


class LabelSteps:
    """The labels as the history sees them, and hooks that are told of every change.

    What was known of the labels before a change is what was known after the last one.

    Attributes
    ----------
    hooks : called with each `LabelChange`.
    """

    def __init__(self, store: LabelStore) -> None:
        self.name = LABELS
        self.shared: list[About] = []
        self.hooks: list[Callable[[LabelChange], object]] = []
        self._store = store
        self._last: LabelFacts | None = None  # of the labels after the last step
        self._box: Box | None = None  # of what has come back and was not told yet

    def begin(self) -> None:
        """Begin with the labels as they are, and without steps."""
        self._store.history.clear()
        self._last = self._store.facts()

    # ---- telling -----------------------------------------------------------------------------

    def tell(
        self,
        name: str,
        box: Box,
        before: NDArray[np.uint8],
        *,
        follows: bool = False,
        old: LabelFacts | None = None,
    ) -> None:
        """A box was edited.

        Parameters
        ----------
        name : of the change, as a menu says it.
        box : of the volume.
        before : its labels before the change, (i, j, k) uint8, on their own memory.
        follows : it goes with the step before, and is undone with it.
        old : what was known before it, where the result is another one.
        """
        assert self._store.labels is not None
        after = self._store.labels.voxels[box]
        found = find_differences(before, after, box.start)
        self.tell_written(name, [WrittenPart(box, before, found)], follows=follows, old=old)

    def tell_written(
        self,
        name: str,
        written: Sequence[WrittenPart],
        *,
        follows: bool = False,
        old: LabelFacts | None = None,
    ) -> None:
        """Boxes were written into, one after the other; the rest is as for `tell`."""
        if old is not None:
            self._store.history.end_stroke()
        by_hand = old is not None or (follows and self._last is not None and bool(self._last.hand))
        self._last = old or self._last
        found = [difference for one in written for difference in one.differences]
        self._record(name, join_differences(found), follows, by_hand)
        for hook in self.hooks:
            for one in written:
                hook(LabelChange(name, one.box, one.before, self._store.version))

    def tell_replaced(self, name: str, old: LabelSnapshot) -> None:
        """All labels are others: the old ones, in the box that holds both, are what was before."""
        boxes = [one for one in (old.facts.label_bbox, self._store.label_bbox) if one is not None]
        box = boxes[0].union(boxes[-1]) if boxes else Box.of_shape((0, 0, 0))
        before = old.labels.voxels[box]
        self.tell(name, box, before.copy(order="K") if self.hooks else before, old=old.facts)

    def _record(
        self, name: str, found: tuple[Difference, ...], follows: bool, by_hand: bool
    ) -> None:
        old, self._last = self._last, self._store.facts(by_hand=by_hand)
        changes = (Change(LABELS, old or self._last, self._last),)
        history = self._store.history
        (history.amend if follows else history.record)(name, changes, found)

    # ---- going back --------------------------------------------------------------------------

    def apply(self, differences: tuple[Difference, ...], value: Any) -> None:
        """Change the voxels of the store's labels, which are not told of yet.

        Parameters
        ----------
        value : what is known of the labels then.

        Raises
        ------
        HistoryError : where they do not fit; nothing has changed then.
        """
        store, before = self._store, None
        assert store.labels is not None
        marks = store.labels.marks
        if differences:
            box = joint_box(differences)
            voxels = store.writable_voxels(box)
            before = voxels[box].copy(order="K")
            apply_differences(voxels, differences)
            self._box = box.union(self._box)
        store.adopt_about(value.about)  # of every step, for marks say how its voxels are read
        if before is not None and value.hand is None:
            store.hand.follow(box, before, store.labels, marks=marks)
        if value.hand is not None:
            self._store.hand = value.hand.copy()

    def restore(self, value: Any) -> None:
        """Have the store know of its labels what it knew then."""
        self._last = value
        self._store.adopt_facts(value)

    def tell_back(self) -> None:
        """Have the store tell that labels have come back."""
        box, self._box = self._box or Box.of_shape((0, 0, 0)), None
        self._store.tell_back(box)

    # ---- as JSON -----------------------------------------------------------------------------

    def to_json(self, value: Any) -> Any:
        """Facts, with a number in place of what many share."""
        number = next((n for n, one in enumerate(self.shared) if one is value.about), None)
        if number is None:
            number = len(self.shared)
            self.shared.append(value.about)
        box = value.label_bbox
        return [
            value.version,
            value.result,
            value.counts.tolist(),
            None if box is None else [*box.start, *box.stop],
            value.has_labels,
            value.source.device,
            value.source.file,
            number,
            None if value.hand is None else value.hand.to_json(),
        ]

    def from_json(self, item: Any, shared: Sequence[Any]) -> LabelFacts:
        """Facts; raises what a wrong type or number raises."""
        version, result, counts, bounds, has_labels, device, file, number, edits = item
        known = np.zeros(len(self._store.facts().counts), np.int64)
        known[: len(counts)] = counts
        box = None if bounds is None else Box.from_bounds(bounds[:3], bounds[3:])
        source = LabelSource(device, file)
        assert self._store.labels is not None
        hand = None if edits is None else HandEdits.from_json(edits, self._store.labels.shape)
        return LabelFacts(
            int(version), int(result), known, box, bool(has_labels), source, shared[number], hand
        )

    def shared_to_json(self) -> list[Any]:
        """What many facts share."""
        return abouts_to_json(self.shared)

    def shared_from_json(self, items: list[Any]) -> list[About]:
        """What many facts share; raises what a wrong type or key raises."""
        return abouts_from_json(items)

    def describe(self) -> dict[str, Any]:
        """What the labels are known by."""
        store = self._store
        assert store.labels is not None
        return {
            "shape": list(store.labels.shape),
            "checksum": zlib.crc32(store.labels.voxels.tobytes(order="F")),
            "version": store.version,
            "result": store.result,
        }

    def adapter(self) -> Callable[[Any, Step], Step]:
        """A function that gives steps that are read the numbers of this store.

        It takes what `describe` said when they were written, and a step; it raises HistoryError
        where they are of other labels than those that are open.
        """
        own = self.describe()
        versions, results = {}, dict[int, int]()

        def numbered(known: Any, facts: Any) -> LabelFacts:
            if facts.version not in versions:
                is_own = facts.version == known["version"]
                versions[facts.version] = own["version"] if is_own else self._store.new_version()
            if facts.result not in results:
                is_own = facts.result == known["result"]
                results[facts.result] = own["result"] if is_own else self._store.new_result()
            return replace(facts, version=versions[facts.version], result=results[facts.result])

        def adapt(known: Any, step: Step) -> Step:
            if any(known[key] != own[key] for key in ("shape", "checksum")):
                raise HistoryError("the history is of other labels: go on without it.")
            changes = [
                Change(LABELS, *(numbered(known, value) for value in (one.before, one.after)))
                if one.part == LABELS
                else one
                for one in step.changes
            ]
            return replace(step, changes=tuple(changes))

        return adapt
