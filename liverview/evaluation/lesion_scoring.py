"""Scoring a label map lesion by lesion; lesions are 26-connected components of the tumor label."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidates
from liverview.core.labels import Label, label_mask
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.lesion_places import LiverPlaces
from liverview.evaluation.lesion_table import FalseLesion, LesionTable, Point, ReferenceLesion
from liverview.evaluation.metrics import MIN_DETECTED_SHARE, Mask, judge_lesions
from liverview.evaluation.scan_curve import CandidateCurve, KnownLesions, curve_of_candidates
from liverview.evaluation.scores import LARGE_LESION_ML, MIN_LESION_ML
from liverview.measurement.diameters import longest_axial

_AROUND_MM = 2.0, 15.0  # of a lesion: beyond its blurred edge


@dataclass(frozen=True, eq=False)
class Evidence:
    """What else is known of a segmentation.

    Attributes
    ----------
    volume : the scan, on the voxels of the label map.
    network : (I, J, K) uint8, the labels before the clean-up.
    candidates : parts that may be lesions.
    """

    volume: Volume | None = None
    network: NDArray[np.uint8] | None = None
    candidates: LesionCandidates | None = None


class _Component(NamedTuple):
    """A lesion: its number in its block, its box in the scan and its mask in that."""

    number: int
    box: Box
    mask: Mask


@dataclass(frozen=True, eq=False)
class _Scan:
    """Figures of lesions that come from the scan and its grid alone.

    Attributes
    ----------
    liver : (I, J, K) bool, liver proper.
    """

    reference: LabelMap
    volume: Volume | None
    liver: Mask

    def center(self, lesion: _Component) -> Point:
        """World mm of the middle of the voxels."""
        middle = np.argwhere(lesion.mask).mean(axis=0) + lesion.box.start
        x, y, z = self.reference.grid.voxel_to_world(middle.tolist()).tolist()
        return x, y, z

    def axial_mm(self, lesion: _Component) -> float:
        affine = self.reference.affine
        ends = longest_axial(lesion.mask, affine).ends
        return float(np.linalg.norm(affine[:3, :3] @ (ends[1] - ends[0])))

    def contrast(self, lesion: _Component) -> float:
        """Mean HU of a lesion minus the median of the liver around it; NaN where there is none."""
        if self.volume is None or not self.volume.in_hu:
            return math.nan
        spacing, shape = self.reference.spacing, self.reference.voxels.shape
        margins = [math.ceil(_AROUND_MM[1] / s) for s in spacing]
        start = np.maximum(np.subtract(lesion.box.start, margins), 0)
        stop = np.minimum(np.add(lesion.box.stop, margins), shape)
        around = Box.from_bounds(start.tolist(), stop.tolist())
        outside = np.ones(around.shape, bool)
        outside[lesion.box.shifted((-start).tolist())] = ~lesion.mask
        away = ndimage.distance_transform_edt(outside, spacing)
        ring = self.liver[around] & (away >= _AROUND_MM[0]) & (away <= _AROUND_MM[1])
        if not ring.any():
            return math.nan
        own = self.volume.voxels[lesion.box][lesion.mask].astype(np.float64)
        return float(own.mean() - np.median(self.volume.voxels[around][ring]))


def score_lesions(
    predicted: LabelMap,
    reference: LabelMap,
    masks: tuple[Mask, Mask],
    *,
    liver_judged: bool,
    evidence: Evidence,
) -> LesionTable:
    """Say what became of each lesion of a reference, and what the false ones are.

    Parameters
    ----------
    predicted, reference : on the same voxels.
    masks : the tumors of both as they are compared: (I, J, K) bool, without voxels that nobody
        judged.
    liver_judged : the reference is a measure of the liver, which is then its own; else the
        predicted one is taken for it.
    evidence : what else is known; without the scan there is no contrast, without candidates no
        certainty and no curve.
    """
    # With what lies beside them: voxels there may be ones that nobody judged.
    box = _block(masks, evidence.candidates).expanded(1, reference.voxels.shape)
    found, true = (
        cc3d.connected_components(np.asfortranarray(mask[box]), connectivity=26) for mask in masks
    )
    ignored = None if reference.ignored is None else reference.ignored[box]
    known = KnownLesions(true, _sizes(true), box, ignored, reference.voxel_ml)
    candidates = evidence.candidates
    curve = None if candidates is None else curve_of_candidates(candidates, known)
    organ = reference if liver_judged else predicted
    liver = (organ.voxels == Label.LIVER) & ~masks[1]
    if reference.ignored is not None:
        liver &= ~reference.ignored
    scan = _Scan(reference, evidence.volume, liver)
    labels = predicted.voxels if evidence.network is None else evidence.network
    lesions = tuple(_iter_reference_lesions(scan, known, found, labels, curve))
    judged = judge_lesions(found, true > 0, reference.voxel_ml, box, reference.ignored)
    wrong = np.flatnonzero(judged.counted & ~judged.shared) + 1
    false = tuple(_iter_false_lesions(scan, known, found, wrong, organ, candidates))
    left_out = len(known.sizes) - 1 - len(lesions)
    return LesionTable(lesions, false, left_out, None if curve is None else curve.curve)


def _block(masks: tuple[Mask, Mask], candidates: LesionCandidates | None) -> Box:
    """The box of all tumors and candidates; that of the first voxel where there are none."""
    box = Box.around(masks[0] | masks[1])
    for candidate in () if candidates is None else candidates.parts:
        box = candidate.box.union(box)
    return Box.of_shape((1, 1, 1)) if box is None else box


def _sizes(numbers: NDArray[np.integer]) -> NDArray[np.integer]:
    return np.bincount(numbers.ravel(order="K"), minlength=1)


def _iter_components(
    numbers: NDArray[np.integer], chosen: NDArray[np.integer], box: Box
) -> Iterator[_Component]:
    """Yields the chosen components of a block, the largest first."""
    sizes, places = _sizes(numbers), ndimage.find_objects(numbers.astype(np.int32))
    for number in chosen[np.argsort(-sizes[chosen], kind="stable")]:
        place = Box(*places[number - 1])
        yield _Component(int(number), place.shifted(box.start), numbers[place] == number)


def _iter_reference_lesions(
    scan: _Scan,
    known: KnownLesions,
    found: NDArray[np.integer],
    labels: NDArray[np.uint8],
    curve: CandidateCurve | None,
) -> Iterator[ReferenceLesion]:
    overlaps = _Overlaps.of(known.numbers, found)
    chosen = np.flatnonzero(known.large_enough(MIN_LESION_ML))
    large = known.large_enough(LARGE_LESION_ML)
    for row, lesion in enumerate(_iter_components(known.numbers, chosen, known.box)):
        n, size = lesion.number, int(known.sizes[lesion.number])
        hit = overlaps.covered(n)
        counts = np.bincount(labels[lesion.box][lesion.mask], minlength=max(Label) + 1)
        yield ReferenceLesion(
            number=row + 1,
            center_mm=scan.center(lesion),
            ml=size * known.voxel_ml,
            axial_mm=scan.axial_mm(lesion),
            contrast_hu=scan.contrast(lesion),
            dice=overlaps.dice(n),
            covered=hit / size,
            found=hit >= MIN_DETECTED_SHARE * size,
            large=bool(large[n]),
            certainty=math.nan if curve is None else float(curve.found_at[n]),
            called={label: int(counts[label]) / size for label in Label},
        )


def _iter_false_lesions(
    scan: _Scan,
    known: KnownLesions,
    found: NDArray[np.integer],
    wrong: NDArray[np.integer],
    organ: LabelMap,
    candidates: LesionCandidates | None,
) -> Iterator[FalseLesion]:
    if not len(wrong):
        return
    certainty = np.full(int(found.max()) + 1, np.nan)
    for candidate in () if candidates is None else candidates.parts:
        touched = np.unique(found[known.in_block(candidate.box)][candidate.mask])
        certainty[touched] = np.fmax(certainty[touched], candidate.certainty)
    liver = LiverPlaces(label_mask(organ.voxels, Label.LIVER), scan.reference.spacing)
    for row, lesion in enumerate(_iter_components(found, wrong, known.box)):
        placed = liver.place_of(np.argwhere(lesion.mask) + lesion.box.start)
        yield FalseLesion(
            number=row + 1,
            center_mm=scan.center(lesion),
            ml=int(np.count_nonzero(lesion.mask)) * known.voxel_ml,
            axial_mm=scan.axial_mm(lesion),
            contrast_hu=scan.contrast(lesion),
            certainty=float(certainty[lesion.number]),
            place=placed.place,
            depth_mm=placed.depth_mm,
        )


@dataclass(frozen=True, eq=False)
class _Overlaps:
    """Voxels that each lesion of the reference shares with each predicted one.

    Attributes
    ----------
    shared : (known + 1, found + 1); row and column 0 are what the other one alone has.
    """

    shared: NDArray[np.int64]

    @classmethod
    def of(cls, known: NDArray[np.integer], found: NDArray[np.integer]) -> _Overlaps:
        columns = int(found.max()) + 1
        either = (known > 0) | (found > 0)
        pairs = known[either].astype(np.int64) * columns + found[either]
        rows = int(known.max()) + 1
        return cls(np.bincount(pairs, minlength=rows * columns).reshape(rows, columns))

    def covered(self, number: int) -> int:
        """Voxels of a lesion that were predicted."""
        return int(self.shared[number, 1:].sum())

    def dice(self, number: int) -> float:
        """Dice of a lesion and the predicted ones that overlap it.

        What these have of other lesions is right there, and counts for nothing here.
        """
        overlapping = self.shared[number] > 0
        overlapping[0] = False
        hit = self.covered(number)
        alone = int(self.shared[0, overlapping].sum())
        return 2 * hit / (int(self.shared[number].sum()) + hit + alone)
