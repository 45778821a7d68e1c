"""Marks: what a person has said of lesions, and how it finds its lesion again.

One rule says whether a lesion is the one that was marked: **more than half of its voxels were
marked**. So a mark stays with a lesion that shrinks, falls apart or grows a little, and is never
taken for a larger one that has swallowed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.labels import Label, label_family, label_parent

BENEATH = label_parent(Label.TUMOR) or Label.BACKGROUND
"""The label of what a lesion lies in, which voxels have where a lesion is ruled out."""


class Verdict(Enum):
    """Verdicts of a person on a lesion.

    One that is ruled out is no lesion and no tumor; an accepted one is a lesion, however sure a
    network is of it; one that is no target is a tumor that RECIST does not take; a target was
    confirmed to be one.
    """

    RULED_OUT = "ruled_out"
    ACCEPTED = "accepted"
    NO_TARGET = "no_target"
    TARGET = "target"


@dataclass(frozen=True, eq=False)
class LesionMark:
    """A verdict on a lesion, with the lesion's place.

    Attributes
    ----------
    verdict : what the person said.
    reason : why, in words; empty for a target, and for what is accepted.
    start : the first voxel of the lesion's box.
    voxels : (i, j, k) uint8, of the box: the labels of the lesion's voxels, 0 elsewhere.
    otherwise : (i, j, k) uint8, of the box: the labels that these voxels have where the lesion is
        ruled out; None for `BENEATH` everywhere.
    """

    verdict: Verdict
    reason: str
    start: Voxel
    voxels: NDArray[np.uint8]
    otherwise: NDArray[np.uint8] | None = None

    @property
    def box(self) -> Box:
        return Box.of_shape(self.voxels.shape).shifted(self.start)

    @property
    def voxel_count(self) -> int:
        return int(np.count_nonzero(self.voxels))

    def marks(self, start: Voxel, mask: NDArray[np.bool_]) -> bool:
        """True where more than half of a lesion's voxels were marked.

        Parameters
        ----------
        start, mask : the first voxel of the lesion's box, and which voxels of it are the lesion's.
        """
        return 2 * self._shared(start, mask) > int(np.count_nonzero(mask))

    def concerns(self, other: LesionMark) -> bool:
        """True where both are of one lesion: more than half of the smaller lies in the larger."""
        shared = self._shared(other.start, other.voxels != 0)
        return 2 * shared > min(self.voxel_count, other.voxel_count)

    def concerns_part(self, start: Voxel, mask: NDArray[np.bool_]) -> bool:
        """True where more than half of the smaller lies in the larger: of this and of a part.

        Parameters
        ----------
        start, mask : the first voxel of the part's box, and which voxels of it are the part's.
        """
        smaller = min(self.voxel_count, int(np.count_nonzero(mask)))
        return 2 * self._shared(start, mask) > smaller

    def within(self, part: Box, origin: Voxel) -> LesionMark:
        """The mark on a part of its box, its place counted from another first voxel."""
        inside = part.shifted([-n for n in self.start])
        return replace(
            self,
            start=part.shifted([-n for n in origin]).start,
            voxels=self.voxels[inside],
            otherwise=None if self.otherwise is None else self.otherwise[inside],
        )

    def _shared(self, start: Voxel, mask: NDArray[np.bool_]) -> int:
        """The number of voxels that this and a mask share."""
        other = Box.of_shape(mask.shape).shifted(start)
        first = np.maximum(self.box.start, other.start)
        both = Box.from_bounds(first.tolist(), np.minimum(self.box.stop, other.stop).tolist())
        if 0 in both.shape:
            return 0
        own = self.voxels[both.shifted([-n for n in self.start])]
        return int(np.count_nonzero(own.astype(bool) & mask[both.shifted([-n for n in start])]))


def take_out(voxels: NDArray[np.uint8], mark: LesionMark) -> None:
    """Take a lesion out of a label map's voxels, (I, J, K): what it lies in is there then."""
    part = voxels[mark.box]
    where = (mark.voxels != 0) & np.isin(part, label_family(Label.TUMOR))
    part[where] = BENEATH if mark.otherwise is None else mark.otherwise[where]


def take_out_of_slice(
    labels: NDArray[np.uint8], marks: Sequence[LesionMark], box: Box, axis: int, index: int
) -> None:
    """Take lesions out of a slice of a box, the one of ``index`` of the volume along ``axis``."""
    place = list(box)
    place[axis] = slice(index, index + 1)
    thick = np.expand_dims(labels, axis)
    for mark in marks:
        start = np.maximum(mark.box.start, [side.start for side in place])
        stop = np.minimum(mark.box.stop, [side.stop for side in place])
        both = Box.from_bounds(start.tolist(), stop.tolist())
        if 0 not in both.shape:
            i, j, k = (side.start for side in place)
            take_out(thick, mark.within(both, (i, j, k)))


def put_back(voxels: NDArray[np.uint8], mark: LesionMark) -> None:
    """Undo `take_out`, but for voxels that have become something else since."""
    part = voxels[mark.box]
    where = (mark.voxels != 0) & (part == (BENEATH if mark.otherwise is None else mark.otherwise))
    part[where] = mark.voxels[where]


def apply_marks(
    voxels: NDArray[np.uint8], old: Sequence[LesionMark], new: Sequence[LesionMark]
) -> None:
    """Bring voxels, (I, J, K), that follow the old marks to the new ones."""
    for mark in _ruled_out(old):
        if mark not in new:
            put_back(voxels, mark)
    for mark in _ruled_out(new):
        if mark not in old:
            take_out(voxels, mark)


def changed_box(old: Sequence[LesionMark], new: Sequence[LesionMark]) -> Box:
    """The box outside of which `apply_marks` changes nothing."""
    found: Box | None = None
    for mark in [*_ruled_out(old), *_ruled_out(new)]:
        if (mark in old) != (mark in new):
            found = mark.box.union(found)
    return found or Box.of_shape((0, 0, 0))


def _ruled_out(marks: Sequence[LesionMark]) -> list[LesionMark]:
    return [mark for mark in marks if mark.verdict is Verdict.RULED_OUT]
