"""Labels lent to jobs: read later, on another thread, as they were when they were lent.

The store goes on writing into the array that it has lent. Before it writes into a box, it notes
what the box holds. Who reads copies first and looks at the notes afterwards: whatever was being
written while it copied, also half of it, was noted before, and the oldest note of a voxel since
the lending is what was there then. Looking at the notes takes the interpreter's lock, which the
store had when it noted, so that no note of a write that was seen is missed. Nobody waits.

Notes lead from older to newer ones alone: those that nobody needs any more go by themselves.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.differences import Difference, disjoint_boxes
from liverview.core.volume import LabelMap

_MOST_OF_ALL = 8  # of this share of the voxels on, everything is looked at anew


class Moment:
    """A moment in the life of an array, from which what was written afterwards is reached.

    Attributes
    ----------
    box, before : where was written next, and what was there; set before `later`.
    later : the moment after that; None where nothing was written yet.
    """

    __slots__ = ("before", "box", "later")

    def __init__(self) -> None:
        self.box: Box | None = None
        self.before: NDArray[np.uint8] | None = None
        self.later: Moment | None = None

    def iter_writes(self) -> Iterator[tuple[Box, NDArray[np.uint8], Moment]]:
        """Yield what was written since, oldest first: where, what was there, and the moment after.

        Ends with what is noted by then.
        """
        moment = self
        while moment.later is not None:
            assert moment.box is not None
            assert moment.before is not None
            yield moment.box, moment.before, moment.later
            moment = moment.later


class Ledger:
    """Notes of what is written into one array of labels, and who else has that array.

    Attributes
    ----------
    now : the moment after the last write.
    """

    def __init__(self, maker: LabelMap | None = None) -> None:
        self.now = Moment()
        self._maker = None if maker is None else weakref.ref(maker)

    @property
    def is_shared(self) -> bool:
        """True where whoever made the array may read it, without looking at the notes."""
        return self._maker is not None and self._maker() is not None

    def lend(self, labels: LabelMap) -> LentLabels:
        """Lend the array, which is that of ``labels``, as it is now."""
        return LentLabels.of(labels, self.now)

    def note(self, box: Box, before: NDArray[np.uint8]) -> None:
        """Note what a box holds: to be called before it is written into.

        Parameters
        ----------
        box : of the array.
        before : what it holds, of the box's shape, not to be written into any more.
        """
        moment = self.now
        moment.box, moment.before = box, before
        self.now = moment.later = Moment()  # last of all: then the note is found


class LentLabels(LabelMap):
    """A label map as it was when it was lent, whatever was written into its array since.

    Its voxels are copied on the thread that asks for them: of a box by `read`, all of them by
    `take`, or where `voxels` is used, once.
    """

    def __new__(cls, *args: Any, **fields: Any) -> LabelMap:  # type: ignore[misc]
        """What `dataclasses.replace` makes of one is a label map with an array of its own."""
        return LabelMap(*args, **fields)

    @classmethod
    def of(cls, labels: LabelMap, since: Moment) -> LentLabels:
        """The labels as they are at the latest moment of their array."""
        lent = object.__new__(cls)
        known = {**vars(labels), "grid": labels.grid}
        vars(lent).update(known, _array=known.pop("voxels"), _since=since, _taken=None)
        vars(lent).pop("voxels", None)
        return lent

    @property
    def voxels(self) -> NDArray[np.uint8]:  # type: ignore[override]
        """All voxels, copied when they are first asked for."""
        known = vars(self)
        if known["_taken"] is None:
            known["_taken"] = self.read(Box.of_shape(self.shape))
            known["_array"] = known["_taken"]
            known["_since"] = Moment()
        taken: NDArray[np.uint8] = known["_taken"]
        return taken

    def take(self) -> LabelMap:
        """The same as a label map with an array of its own."""
        return replace(LabelMap(self.read(Box.of_shape(self.shape)), self.affine), **self._others)

    def read(self, box: Box) -> NDArray[np.uint8]:
        """The labels of a box, a copy in the array's own order."""
        since: Moment = vars(self)["_since"]  # first, for `voxels` sets it last
        array: NDArray[np.uint8] = vars(self)["_array"]
        out = array[box].copy(order="K")
        # Only now: what was written while the copy was made has to be among them.
        for written, before, _ in reversed(list(since.iter_writes())):
            both = box.intersection(written)
            if both is not None:
                out[both.shifted([-n for n in box.start])] = before[
                    both.shifted([-n for n in written.start])
                ]
        return out

    def changed_boxes(self, earlier: LentLabels) -> list[Box] | None:
        """The boxes in which these labels may differ from earlier ones; none overlap.

        None where the two are not of one array, or differ in a large share of it: then everything
        has to be looked at anew.
        """
        boxes, moment = [], vars(earlier)["_since"]
        until = vars(self)["_since"]
        for box, _, later in moment.iter_writes():
            if moment is until:
                break
            boxes.append(box)
            moment = later
        if moment is not until:
            return None
        boxes = disjoint_boxes(boxes)
        too_much = sum(box.size for box in boxes) * _MOST_OF_ALL > Box.of_shape(self.shape).size
        return None if too_much else boxes

    def differences(self, earlier: LentLabels) -> list[Difference] | None:
        """What these labels and earlier ones hold in `changed_boxes`; None where that is None."""
        boxes = self.changed_boxes(earlier)
        if boxes is None:
            return None
        return [Difference(box, earlier.read(box), self.read(box)) for box in boxes]

    @property
    def _others(self) -> dict[str, Any]:
        own = ("voxels", "affine", "grid", "_array", "_since", "_taken")
        return {name: value for name, value in vars(self).items() if name not in own}
