"""A measurement that follows changes: only the lesions that a change touches are measured anew.

The result is that of `compute.iter_measure` on the changed labels, to the bit. A part of the tumor
that no changed voxel belongs to or touches is the same part, and its figures depend on nothing
but its own voxels; what is touched is taken apart and put together again. Parts are kept in the
order of their first voxels, with i fastest, which is the order that ties and sums go by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.checks import require_labels, require_volume
from liverview.core.differences import Difference
from liverview.core.grid import Voxel
from liverview.core.labels import FOREGROUND, Label
from liverview.core.placing import place_labels
from liverview.core.review import LesionMark, Verdict
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.measurement.lesions import measure_lesion
from liverview.measurement.reading import PHASE, READ, Tumor, iter_count_voxels
from liverview.measurement.results import SMALLEST_LESION_ML, Lesion, Measurement, RuledOut
from liverview.measurement.review import match_marks, with_certainties

_NEIGHBORS_26 = np.ones((3, 3, 3), np.bool_)


@dataclass(frozen=True, eq=False)
class TumorPart:
    """A 26-connected part of the tumor label, of any size.

    Attributes
    ----------
    start, mask : the first voxel of its box, and its voxels there, (i, j, k).
    voxel_count : how many they are.
    lesion : its figures, numbered as they were last; None where they are not known.
    """

    start: Voxel
    mask: NDArray[np.bool_]
    voxel_count: int
    lesion: Lesion | None = None

    @property
    def box(self) -> Box:
        return Box.of_shape(self.mask.shape).shifted(self.start)

    @property
    def place(self) -> tuple[int, int, int]:
        """Where its first voxel comes in the order of (k, j, i)."""
        first = self.mask[:, :, 0]
        j = int(np.argmax(first.any(axis=0)))
        i = int(np.argmax(first[:, j]))
        return self.start[2], self.start[1] + j, self.start[0] + i

    def touches(self, box: Box) -> bool:
        """True where a voxel of it lies in a box."""
        both = self.box.intersection(box)
        return both is not None and bool(self.mask[both.shifted([-n for n in self.start])].any())


@dataclass(frozen=True, eq=False)
class MeasuredParts:
    """A measurement, with what it takes to follow changes.

    Attributes
    ----------
    measurement : of the labels as they were then.
    parts : all parts of the tumor, in the order of their first voxels.
    ruled_out : figures of what is ruled out, by mark.
    """

    measurement: Measurement
    parts: tuple[TumorPart, ...]
    ruled_out: Mapping[LesionMark, Lesion]


def iter_measure_parts(
    labels: LabelMap,
    volume: Volume | None = None,
    *,
    smallest_lesion_ml: float = SMALLEST_LESION_ML,
) -> Iterator[Progress | MeasuredParts]:
    """Measure a label map as `compute.iter_measure` does, ready to follow changes.

    Parameters and errors are the same; the measurement with its parts comes last.
    """
    require_labels(labels)
    if volume is not None:
        require_volume(volume)
        labels = place_labels(labels, volume)
    yield Progress(PHASE, 0.0)
    counts, tumor = yield from iter_count_voxels(labels)
    parts = _find_parts(tumor.mask, tumor.start)
    yield from _iter_finish(counts, parts, labels, volume, smallest_lesion_ml, {})


def iter_measure_changes(
    known: MeasuredParts,
    differences: Sequence[Difference],
    labels: LabelMap,
    volume: Volume | None = None,
) -> Iterator[Progress | MeasuredParts]:
    """Measure changed labels in short steps; the measurement with its parts comes last.

    Parameters
    ----------
    known : of the labels before the changes.
    differences : of the labels, in boxes that share no voxel.
    labels : as they are now, on the voxels of before; of its voxels none is read.
    volume : the same as before.
    """
    yield Progress(PHASE, 0.0)
    counts = dict(known.measurement.voxel_count)
    parts = known.parts
    for one in differences:
        for label in FOREGROUND:
            counts[label] += int(np.count_nonzero(one.after == label))
            counts[label] -= int(np.count_nonzero(one.before == label))
        parts = _follow_change(parts, one, labels.shape)
        yield Progress(PHASE, READ)
    smallest = known.measurement.smallest_lesion_ml
    yield from _iter_finish(counts, parts, labels, volume, smallest, known.ruled_out)


def _find_parts(mask: NDArray[np.bool_], start: Voxel) -> tuple[TumorPart, ...]:
    """The parts of a mask whose first voxel is ``start``, in the order of their first voxels."""
    # scipy's labeling lets other threads go on, and goes along the last axis: hence turned.
    numbers, _ = ndimage.label(mask.T, _NEIGHBORS_26)
    found = []
    for number, (k, j, i) in enumerate(ndimage.find_objects(numbers), start=1):
        own = (numbers[k, j, i] == number).T
        place = Box(i, j, k).shifted(start)
        found.append(TumorPart(place.start, own, int(np.count_nonzero(own))))
    return tuple(found)


def _follow_change(
    parts: tuple[TumorPart, ...], change: Difference, shape: tuple[int, int, int]
) -> tuple[TumorPart, ...]:
    """The parts after a change."""
    was, now = change.masks(Label.TUMOR)
    inside = Box.around(was != now)
    if inside is None:
        return parts
    place = inside.shifted(change.box.start)
    near = place.expanded(1, shape)
    touched = {id(part): part for part in parts if part.touches(near)}
    whole = place
    for part in touched.values():
        whole = whole.union(part.box)
    to_whole = [-n for n in whole.start]
    canvas = np.zeros(whole.shape, np.bool_, order="F")
    for part in touched.values():
        canvas[part.box.shifted(to_whole)] |= part.mask
    canvas[place.shifted(to_whole)] = now[inside]
    kept = [part for part in parts if id(part) not in touched]
    made = _find_parts(canvas, whole.start)
    return tuple(sorted((*kept, *made), key=lambda part: part.place))


def _iter_finish(
    counts: Mapping[Label, int],
    parts: Sequence[TumorPart],
    labels: LabelMap,
    volume: Volume | None,
    smallest_ml: float,
    known_out: Mapping[LesionMark, Lesion],
) -> Iterator[Progress | MeasuredParts]:
    """Measure the parts that are lesions and are not measured yet, and number them all."""
    sizes = np.array([part.voxel_count for part in parts], np.int64)
    volumes = sizes * labels.voxel_ml
    large = np.flatnonzero(volumes >= smallest_ml)
    order = large[np.argsort(-sizes[large], kind="stable")]
    measured, lesions = list(parts), []
    for number, index in enumerate(order.tolist(), start=1):
        part = parts[index]
        lesion = part.lesion
        if lesion is None:
            yield Progress(PHASE, READ + (1 - READ) * (number - 1) / len(order))
            alone = Tumor(part.mask, part.start)
            box = Box.of_shape(part.mask.shape)
            lesion = measure_lesion(number, part.mask, box, alone, labels, volume)
        lesion = lesion if lesion.number == number else replace(lesion, number=number)
        measured[index] = replace(part, lesion=lesion)
        lesions.append(lesion)
    ruled_out: dict[LesionMark, Lesion] = {}
    for mark in labels.marks:
        if mark.verdict is Verdict.RULED_OUT:
            yield Progress(PHASE, 1.0)
            number = len(lesions) + len(ruled_out) + 1
            ruled_out[mark] = _ruled_out_lesion(mark, number, labels, volume, known_out)
    small = np.setdiff1d(np.arange(len(sizes)), large)
    no_targets, confirmed, lost, accepted = match_marks(lesions, labels.marks)
    measurement = Measurement(
        voxel_count=counts,
        grid=labels.grid,
        lesions=with_certainties(lesions, labels.candidates),
        smallest_lesion_ml=smallest_ml,
        left_out=len(small),
        left_out_ml=float(volumes[small].sum()),
        partial=labels.partial,
        defined=labels.defined,
        ruled_out=tuple(
            RuledOut(lesion, mark.reason)
            for mark, lesion in zip(
                ruled_out,
                with_certainties(list(ruled_out.values()), labels.candidates),
                strict=True,
            )
        ),
        no_targets=no_targets,
        confirmed=confirmed,
        lost_targets=lost,
        accepted=accepted,
        least_certainty=labels.least_certainty,
    )
    yield MeasuredParts(measurement, tuple(measured), ruled_out)


def _ruled_out_lesion(
    mark: LesionMark,
    number: int,
    labels: LabelMap,
    volume: Volume | None,
    known: Mapping[LesionMark, Lesion],
) -> Lesion:
    """The figures of what is ruled out; a mark never changes, and so they do not."""
    if mark in known:
        return replace(known[mark], number=number)
    mask = mark.voxels != 0
    alone, box = Tumor(mask, mark.start), Box.of_shape(mask.shape)
    return measure_lesion(number, mask, box, alone, labels, volume)
