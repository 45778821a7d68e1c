"""Lesions found and false ones of one scan, at every certainty that its candidates have.

What is counted at a threshold is what `metrics.lesion_agreement` counts in the label map in which
the candidates of that certainty or more are tumors: those that touch each other are one lesion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate, LesionCandidates
from liverview.evaluation.lesion_table import CurveStep, ScanCurve
from liverview.evaluation.metrics import MIN_DETECTED_SHARE, Mask
from liverview.evaluation.scores import LARGE_LESION_ML, MIN_LESION_ML

_NEIGHBORS_26 = np.ones((3, 3, 3), np.bool_)


@dataclass(frozen=True, eq=False)
class KnownLesions:
    """The lesions of a reference in a block of the scan.

    Attributes
    ----------
    numbers : (I, J, K) of the block, of each component of the tumor, from 1; 0 elsewhere.
    sizes : voxels of each number, that of 0 too.
    box : the block, which holds all components and candidates.
    ignored : (I, J, K) of the block, voxels that nobody judged; None for none.
    voxel_ml : the volume of a voxel.
    """

    numbers: NDArray[np.integer]
    sizes: NDArray[np.integer]
    box: Box
    ignored: Mask | None
    voxel_ml: float

    def large_enough(self, least_ml: float) -> Mask:
        """Of each number whether its volume is at least so large; that of 0 never is."""
        large = self.sizes * self.voxel_ml >= least_ml
        large[0] = False
        return large

    def in_block(self, box: Box) -> Box:
        """A box of the scan, in the block."""
        return box.shifted([-n for n in self.box.start])


@dataclass(frozen=True)
class CandidateCurve:
    """The curve of a scan, and the certainty at which each lesion is found.

    Attributes
    ----------
    curve : see `ScanCurve`.
    found_at : by the lesion's number; NaN for those that are never found, and for 0.
    """

    curve: ScanCurve
    found_at: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Parts:
    """The judged, connected parts of all candidates.

    Attributes
    ----------
    certainty : (N,)
    voxels : (N,)
    overlap : (N, numbers), voxels shared with each lesion.
    doubtful : (N,), next to voxels that nobody judged.
    touching : (N, N), parts that are one where both are labeled.
    """

    certainty: NDArray[np.float64]
    voxels: NDArray[np.int64]
    overlap: NDArray[np.int64]
    doubtful: Mask
    touching: Mask


def curve_of_candidates(candidates: LesionCandidates, known: KnownLesions) -> CandidateCurve:
    """Count the lesions found and the false ones where ever less certain candidates are labeled."""
    parts = _take_apart(candidates.parts, known)
    counted, large = (known.large_enough(ml) for ml in (MIN_LESION_ML, LARGE_LESION_ML))
    found_at = np.full(len(known.sizes), np.nan)
    steps = []
    for certainty in np.unique(parts.certainty)[::-1]:
        labeled = parts.certainty >= certainty
        hit = parts.overlap[labeled].sum(axis=0)
        found = (hit >= MIN_DETECTED_SHARE * known.sizes) & counted
        found_at[found & np.isnan(found_at)] = certainty
        false = _count_false(parts, labeled, known.voxel_ml)
        steps.append(
            CurveStep(float(certainty), int(found.sum()), int((found & large).sum()), false)
        )
    curve = ScanCurve(
        tuple(steps),
        lesions=int(counted.sum()),
        large=int(large.sum()),
        healthy=len(known.sizes) == 1,
        least_certainty=candidates.least_certainty,
    )
    return CandidateCurve(curve, found_at)


def _take_apart(candidates: Sequence[LesionCandidate], known: KnownLesions) -> _Parts:
    """What is judged of candidates, as connected parts, and what each of them touches."""
    shape = known.numbers.shape
    numbers = np.zeros(shape, np.int32)
    certainty: list[float] = []
    places: list[Box] = []
    for candidate, box, mask in _iter_judged(candidates, known):
        labeled, count = ndimage.label(mask, _NEIGHBORS_26)
        block = numbers[box]
        block[mask] = labeled[mask] + len(certainty)
        certainty += [candidate.certainty] * count
        places += [Box(*place).shifted(box.start) for place in ndimage.find_objects(labeled)]
    overlap = np.zeros((len(places), len(known.sizes)), np.int64)
    touching = np.eye(len(places), dtype=bool)
    doubtful = np.zeros(len(places), bool)
    for index, place in enumerate(places):
        around = place.expanded(1, shape)
        own = numbers[around] == index + 1
        overlap[index] = np.bincount(known.numbers[around][own], minlength=len(known.sizes))
        grown = ndimage.binary_dilation(own, _NEIGHBORS_26)
        beside = np.unique(numbers[around][grown])
        touching[index, beside[beside > 0] - 1] = True
        doubtful[index] = known.ignored is not None and bool(known.ignored[around][grown].any())
    sizes = overlap.sum(axis=1)
    return _Parts(np.array(certainty), sizes, overlap, doubtful, touching)


def _iter_judged(
    candidates: Sequence[LesionCandidate], known: KnownLesions
) -> Iterator[tuple[LesionCandidate, Box, Mask]]:
    """Yields candidates with their boxes in the block, and what of them is judged there."""
    for candidate in candidates:
        box = known.in_block(candidate.box)
        mask = candidate.mask if known.ignored is None else candidate.mask & ~known.ignored[box]
        yield candidate, box, mask


def _count_false(parts: _Parts, labeled: Mask, voxel_ml: float) -> int:
    """The false lesions where some of the parts are labeled, as `lesion_agreement` counts them."""
    if not labeled.any():
        return 0
    graph = parts.touching[np.ix_(labeled, labeled)].astype(np.int8)
    count, lesion = connected_components(graph, directed=False)
    ml = np.bincount(lesion, parts.voxels[labeled], count) * voxel_ml
    shared = np.bincount(lesion, parts.overlap[labeled, 1:].sum(axis=1), count) > 0
    doubtful = np.bincount(lesion, parts.doubtful[labeled], count) > 0
    return int(np.sum((ml >= MIN_LESION_ML) & ~shared & ~doubtful))
