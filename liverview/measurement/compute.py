"""The measurement itself, in steps that can be stopped between."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from liverview.core.box import Box
from liverview.core.checks import require_labels, require_volume
from liverview.core.placing import place_labels
from liverview.core.review import Verdict
from liverview.core.stream import Progress, ProgressCallback, result_of
from liverview.core.volume import LabelMap, Volume
from liverview.measurement.reading import PHASE, READ, Tumor, iter_count_voxels
from liverview.measurement.results import SMALLEST_LESION_ML, Measurement, RuledOut


def measure(
    labels: LabelMap,
    volume: Volume | None = None,
    *,
    smallest_lesion_ml: float = SMALLEST_LESION_ML,
    progress: ProgressCallback | None = None,
) -> Measurement:
    """Measure volumes and lesions of a label map.

    Parameters
    ----------
    labels : the label map.
    volume : the scan on its grid, whose HU are read; without one, lesions have none.
    smallest_lesion_ml : smaller 26-connected parts of the tumor are no lesions.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    TypeError : where ``labels`` is no label map, as with the two arguments swapped.
    GridMismatchError : where volume and labels lie on different grids.

    Examples
    --------
    >>> import liverview as lv
    >>> scan, labels = lv.read("ct.nii.gz"), lv.read_labels("labels.nii.gz")
    >>> measurement = lv.measure(labels, scan)
    >>> measurement
    Measurement liver 2608 mL, vessel 64.1 mL, tumor 6.88 mL, 4 lesions
    >>> largest = measurement.lesions[0]
    >>> largest.longest_mm > 10, largest.mean_hu < 150
    (True, True)
    """
    work = iter_measure(labels, volume, smallest_lesion_ml=smallest_lesion_ml)
    return result_of(work, Measurement, progress)


def iter_measure(
    labels: LabelMap,
    volume: Volume | None = None,
    *,
    smallest_lesion_ml: float = SMALLEST_LESION_ML,
) -> Iterator[Progress | Measurement]:
    """Measure a label map in short steps; the measurement comes last.

    Labels are read once, so that a map which grows meanwhile does no harm: the figures are
    those of about this moment, and the lesions fit the tumor's volume.

    Parameters
    ----------
    labels : the label map.
    volume : the scan on its grid, whose HU are read; without one, lesions have none.
    smallest_lesion_ml : smaller 26-connected parts of the tumor are no lesions.

    Raises
    ------
    TypeError : where ``labels`` is no label map, as with the two arguments swapped.
    GridMismatchError : where volume and labels lie on different grids.
    """
    require_labels(labels)
    if volume is not None:
        require_volume(volume)
        labels = place_labels(labels, volume)
    yield Progress(PHASE, 0.0)
    # Slow to import, and not needed by who only shows figures.
    from liverview.measurement.lesions import find_lesions, measure_lesion
    from liverview.measurement.review import match_marks, with_certainties

    counts, tumor = yield from iter_count_voxels(labels)
    parts = find_lesions(tumor, labels.voxel_ml, smallest_lesion_ml)
    found = []
    for number, box in enumerate(parts.boxes, start=1):
        yield Progress(PHASE, READ + (1 - READ) * (number - 1) / len(parts.boxes))
        mask = parts.numbers[box] == number
        found.append(measure_lesion(number, mask, box, tumor, labels, volume))
    ruled_out = yield from _iter_measure_ruled_out(labels, volume, len(found))
    no_targets, confirmed, lost, accepted = match_marks(found, labels.marks)
    yield Measurement(
        voxel_count=counts,
        grid=labels.grid,
        lesions=with_certainties(found, labels.candidates),
        smallest_lesion_ml=smallest_lesion_ml,
        left_out=parts.left_out,
        left_out_ml=parts.left_out_ml,
        partial=labels.partial,
        defined=labels.defined,
        ruled_out=ruled_out,
        no_targets=no_targets,
        confirmed=confirmed,
        lost_targets=lost,
        accepted=accepted,
        least_certainty=labels.least_certainty,
    )


def _iter_measure_ruled_out(
    labels: LabelMap, volume: Volume | None, lesions: int
) -> Generator[Progress, None, tuple[RuledOut, ...]]:
    """Measure what is ruled out, numbered after the lesions, in the order of the marks."""
    from liverview.measurement.lesions import measure_lesion
    from liverview.measurement.review import with_certainties

    found: list[RuledOut] = []
    for mark in labels.marks:
        if mark.verdict is Verdict.RULED_OUT:
            yield Progress(PHASE, 1.0)
            number, mask = lesions + len(found) + 1, mark.voxels != 0
            alone, box = Tumor(mask, mark.start), Box.of_shape(mask.shape)
            lesion = measure_lesion(number, mask, box, alone, labels, volume)
            [lesion] = with_certainties([lesion], labels.candidates)
            found.append(RuledOut(lesion, mark.reason))
    return tuple(found)
