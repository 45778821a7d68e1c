"""Parts of a liver that may be lesions, each with how sure the network is of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.labels import Label, label_family
from liverview.core.review import BENEATH, LesionMark

DEFAULT_CERTAINTY = 0.5
"""The certainty from which a candidate is labeled a tumor unless a person asks for another."""


@dataclass(frozen=True, eq=False)
class LesionCandidate:
    """A connected part that may be a lesion.

    Attributes
    ----------
    box : of the volume's voxels, around the part.
    mask : its voxels, (I, J, K) of the box.
    otherwise : the labels of these voxels where it is no lesion, (I, J, K) of the box, uint8.
    certainty : how sure the judge of lesions is that it is one, 0..1.

    Examples
    --------
    >>> import liverview as lv
    >>> labels = lv.segment(lv.read("ct.nii.gz"), device="cpu")
    >>> all(0 <= candidate.certainty <= 1 for candidate in labels.candidates)
    True
    """

    box: Box
    mask: NDArray[np.bool_]
    otherwise: NDArray[np.uint8]
    certainty: float

    @cached_property
    def voxel_count(self) -> int:
        """The number of its voxels."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def inside(self) -> Voxel:
        """A voxel of it: the one nearest to the middle of its largest axial slice."""
        k = int(np.argmax(self.mask.sum(axis=(0, 1))))
        places = np.argwhere(self.mask[:, :, k])
        apart = places - places.mean(axis=0)
        i, j = places[np.argmin((apart**2).sum(axis=1))].tolist()
        first = self.box.start
        return first[0] + i, first[1] + j, first[2] + k

    def contains(self, voxel: Voxel) -> bool:
        """True for a voxel of it."""
        i, j, k = (v - first for v, first in zip(voxel, self.box.start, strict=True))
        return self.box.contains(voxel) and bool(self.mask[i, j, k])


@dataclass(frozen=True, eq=False)
class LesionCandidates:
    """All candidates of a segmentation, the most certain first; the last item but progress.

    Attributes
    ----------
    parts : they do not overlap.
    least_certainty : those of this certainty or more are tumors in the labels that came before.

    Examples
    --------
    >>> import liverview as lv
    >>> *_, found, done = lv.iter_segment(lv.read("ct.nii.gz"), device="cpu")
    >>> isinstance(found, lv.LesionCandidates)
    True
    """

    parts: tuple[LesionCandidate, ...]
    least_certainty: float


def write_candidate(
    labels: NDArray[np.uint8], candidate: LesionCandidate, least_certainty: float
) -> None:
    """Write a candidate into labels of the whole volume, in place: a tumor where it is certain."""
    block = labels[candidate.box]
    if candidate.certainty >= least_certainty:
        block[candidate.mask] = Label.TUMOR
    else:
        block[candidate.mask] = candidate.otherwise[candidate.mask]


def shown_candidates(
    parts: Sequence[LesionCandidate], least_certainty: float | None, marks: Sequence[LesionMark]
) -> frozenset[int]:
    """Indices of the candidates that are tumors beneath what was edited and ruled out.

    Those are sure enough, or a person has spoken of them, so that the certainty decides no more.
    """
    least = DEFAULT_CERTAINTY if least_certainty is None else least_certainty
    return frozenset(
        index
        for index, part in enumerate(parts)
        if part.certainty >= least or find_marks(part, marks)
    )


def find_marks(part: LesionCandidate, marks: Sequence[LesionMark]) -> list[LesionMark]:
    """The marks that are on a candidate, the latest last."""
    near = (mark for mark in marks if _meet(part.box, mark.box))
    return [mark for mark in near if mark.concerns_part(part.box.start, part.mask)]


def _meet(one: Box, other: Box) -> bool:
    """True where two boxes share a voxel; of many pairs, few do."""
    sides = zip(one, other, strict=True)
    return all(a.start < b.stop and b.start < a.stop for a, b in sides)


def write_shown(
    voxels: NDArray[np.uint8],
    box: Box,
    parts: Sequence[LesionCandidate],
    shown: Collection[int],
    drawn: Collection[int],
) -> None:
    """Bring labels that were made with some candidates as tumors to others, in place.

    Parameters
    ----------
    voxels : (I, J, K) uint8, of the box.
    box : of the volume; what of a candidate lies outside of it is passed over.
    shown, drawn : indices of the candidates that are to be tumors, and that were. Of those that
        are no longer, only what is a tumor changes.
    """
    for index, part in enumerate(parts):
        both = part.box.intersection(box)
        if both is None or (index in shown and index in drawn):
            continue
        inside = both.shifted([-n for n in part.box.start])
        at = both.shifted([-n for n in box.start])
        mask = part.mask[inside]
        if index in shown:
            voxels[at][mask] = Label.TUMOR
        else:
            mask = mask & np.isin(voxels[at], label_family(Label.TUMOR))
            voxels[at][mask] = part.otherwise[inside][mask]


def labels_otherwise(box: Box, parts: Sequence[LesionCandidate]) -> NDArray[np.uint8] | None:
    """The labels of a box's voxels, (I, J, K) uint8, where no candidate in it is a lesion.

    None where that is what a lesion lies in, `BENEATH`, everywhere.
    """
    found = np.full(box.shape, BENEATH, np.uint8, order="F")
    for part in parts:
        both = part.box.intersection(box)
        if both is not None:
            inside = both.shifted([-n for n in part.box.start])
            at = both.shifted([-n for n in box.start])
            np.copyto(found[at], part.otherwise[inside], where=part.mask[inside])
    return found if (found != BENEATH).any() else None


class Component(Protocol):
    """A component of the tumor label."""

    @property
    def start(self) -> Voxel:
        """The first voxel of its box."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The voxels of the box that are its own."""


def find_certainty(component: Component, parts: Sequence[LesionCandidate]) -> float | None:
    """The certainty of a lesion: that of its surest candidate; None where it has none.

    A candidate is the lesion's where more than half of the smaller of both lies in the larger: so
    it stays with a lesion that a person has mended, and what only touches it is another's.
    """
    box = Box.of_shape(component.mask.shape).shifted(component.start)
    size = None
    best: float | None = None
    for part in parts:
        if not _meet(part.box, box) or (best is not None and best >= part.certainty):
            continue
        both = part.box.intersection(box)
        assert both is not None
        size = int(np.count_nonzero(component.mask)) if size is None else size
        own = part.mask[both.shifted([-n for n in part.box.start])]
        other = component.mask[both.shifted([-n for n in box.start])]
        if 2 * int(np.count_nonzero(own & other)) > min(size, part.voxel_count):
            best = part.certainty
    return best
