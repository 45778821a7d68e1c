"""Marks and lesions brought together: which lesions are marked, also in other labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate, find_certainty, labels_otherwise
from liverview.core.review import LesionMark, Verdict
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap
from liverview.measurement.reading import PHASE, READ, Tumor, iter_count_voxels
from liverview.measurement.results import Lesion

if TYPE_CHECKING:
    from liverview.measurement.lesions import LesionComponents


class Matches(NamedTuple):
    """Lesions that are marked.

    Attributes
    ----------
    no_targets : reasons by lesion number, of tumors that are no targets.
    confirmed : numbers of the lesions that were confirmed as targets.
    lost : how many confirmed targets are no lesion any more.
    accepted : numbers of the lesions that a person has said to be lesions, in any way.
    """

    no_targets: dict[int, str]
    confirmed: frozenset[int]
    lost: int
    accepted: frozenset[int]


def match_marks(lesions: Sequence[Lesion], marks: Sequence[LesionMark]) -> Matches:
    """Find the lesions of marks; of two marks on one lesion, the later counts."""
    by_number: dict[int, LesionMark] = {}
    accepted: set[int] = set()
    for mark in marks:
        for lesion in lesions:
            if mark.verdict is not Verdict.RULED_OUT and mark.marks(lesion.start, lesion.mask):
                accepted.add(lesion.number)
                if mark.verdict is not Verdict.ACCEPTED:
                    by_number[lesion.number] = mark
    targets = [mark for mark in marks if mark.verdict is Verdict.TARGET]
    found = [mark for mark in by_number.values() if mark.verdict is Verdict.TARGET]
    return Matches(
        {n: m.reason for n, m in by_number.items() if m.verdict is Verdict.NO_TARGET},
        frozenset(n for n, m in by_number.items() if m.verdict is Verdict.TARGET),
        sum(mark not in found for mark in targets),
        frozenset(accepted),
    )


def with_certainties(
    lesions: Sequence[Lesion], candidates: Sequence[LesionCandidate]
) -> tuple[Lesion, ...]:
    """The lesions with how sure the network is of each; None where it knows nothing of one."""
    found = []
    for lesion in lesions:
        certainty = find_certainty(lesion, candidates)
        same = certainty == lesion.certainty
        found.append(lesion if same else replace(lesion, certainty=certainty))
    return tuple(found)


def iter_find_marked(
    labels: LabelMap, marks: Sequence[LesionMark]
) -> Iterator[Progress | tuple[LesionMark, ...]]:
    """Find marked lesions in other labels; yields progress, then the marks with their new places.

    Lesions are 26-connected parts of the tumor label of any size, so that what is left of one is
    found as well. A mark whose lesion is in several parts has all of them; one of which nothing is
    there is left out.
    """
    from liverview.measurement.lesions import find_lesions

    _, tumor = yield from iter_count_voxels(labels)
    parts = find_lesions(tumor, labels.voxel_ml, 0.0)
    yield Progress(PHASE, READ)
    sizes = np.bincount(parts.numbers.ravel(order="K"))
    owner: dict[int, int] = {}
    for index, mark in enumerate(marks):
        owner |= dict.fromkeys(_numbers_marked(mark, tumor, parts, sizes), index)
    placed = []
    for index, mark in enumerate(marks):
        numbers = [number for number, own in owner.items() if own == index]
        if numbers:
            placed.append(_place_mark(mark, numbers, labels, tumor, parts))
    yield tuple(placed)


def _numbers_marked(
    mark: LesionMark, tumor: Tumor, parts: LesionComponents, sizes: np.ndarray
) -> list[int]:
    """Numbers of the parts of which more than half of the voxels are marked."""
    place = Box.of_shape(parts.numbers.shape).shifted(tumor.start)
    start = np.maximum(mark.box.start, place.start)
    both = Box.from_bounds(start.tolist(), np.minimum(mark.box.stop, place.stop).tolist())
    if 0 in both.shape:
        return []
    marked = mark.voxels[both.shifted([-n for n in mark.start])] != 0
    inside = parts.numbers[both.shifted([-n for n in tumor.start])][marked]
    shared = np.bincount(inside, minlength=len(sizes))
    shared[0] = 0
    return [int(number) for number in np.flatnonzero(2 * shared > sizes)]


def _place_mark(
    mark: LesionMark,
    numbers: Sequence[int],
    labels: LabelMap,
    tumor: Tumor,
    parts: LesionComponents,
) -> LesionMark:
    """The mark on the parts that are its lesion now."""
    box = parts.boxes[numbers[0] - 1]
    for number in numbers[1:]:
        box = parts.boxes[number - 1].union(box)
    mask = np.isin(parts.numbers[box], numbers)
    there = box.shifted(tumor.start)
    voxels = np.where(mask, labels.voxels[there], 0).astype(np.uint8)
    otherwise = labels_otherwise(there, labels.candidates)
    return replace(mark, start=there.start, voxels=voxels, otherwise=otherwise)
