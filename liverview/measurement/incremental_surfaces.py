"""Surfaces that follow changes: only labels that changed are meshed anew.

The level at which a surface encloses its label's volume is one of the whole label, so that every
vertex moves with any change of it: the mesh is made as a whole. The cells that it is made from are
not: only those that a change touches are read anew. The result is that of `iter_surfaces`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from liverview.core.box import Box
from liverview.core.checks import require_labels
from liverview.core.differences import Difference, changes_label
from liverview.core.labels import FOREGROUND, Label, label_mask
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap
from liverview.measurement.surface import (
    LabelCells,
    Surface,
    cell_shares,
    cells_of,
    iter_cells,
    iter_surface,
    progress,
)


@dataclass(frozen=True, eq=False)
class MeshedLabels:
    """Surfaces, with what it takes to follow changes.

    Attributes
    ----------
    surfaces : of the labels that there are.
    cells : that the surfaces are made from.
    """

    surfaces: Mapping[Label, Surface]
    cells: Mapping[Label, LabelCells]


def iter_mesh_labels(labels: LabelMap) -> Iterator[Progress | Surface | MeshedLabels]:
    """Make surfaces as `iter_surfaces` does, ready to follow changes.

    Yields progress, each surface, and in the end all that is known.
    """
    require_labels(labels)
    found: dict[Label, Surface] = {}
    cells: dict[Label, LabelCells] = {}
    for label in FOREGROUND:
        own = yield from iter_cells(labels, label)
        if own is not None:
            cells[label] = own
            surface = yield from iter_surface(labels, own)
            if surface is not None:
                found[label] = surface
                yield surface
    yield MeshedLabels(found, cells)


def iter_mesh_changes(
    known: MeshedLabels, differences: Sequence[Difference], labels: LabelMap
) -> Iterator[Progress | Surface | MeshedLabels]:
    """Make the surfaces of changed labels; yields as `iter_mesh_labels` does.

    Parameters
    ----------
    known : of the labels before the changes.
    differences : of the labels, in boxes that share no voxel.
    labels : as they are now, on the voxels of before; they are read in boxes.
    """
    found, cells = dict(known.surfaces), dict(known.cells)
    for label in FOREGROUND:
        if not changes_label(differences, label):
            continue
        yield progress(label, 0.0)
        before = cells.pop(label, None)
        found.pop(label, None)
        box = _box_after(before, label, differences, labels)
        if box is None:
            continue
        own = cells_of(labels, label, box) if before is None or before.box != box else before
        if own is before:
            own = _cells_after(own, differences, labels)
        cells[label] = own
        surface = yield from iter_surface(labels, own)
        if surface is not None:
            found[label] = surface
            yield surface
    yield MeshedLabels(found, cells)


def _box_after(
    before: LabelCells | None, label: Label, differences: Sequence[Difference], labels: LabelMap
) -> Box | None:
    """The box around a label after changes; None where nothing of it is left."""
    box = None if before is None else before.box
    for one in differences:
        inside = Box.around(label_mask(one.after, label))
        if inside is not None:
            box = inside.shifted(one.box.start).union(box)
    if box is None:
        return None
    start, stop = list(box.start), list(box.stop)
    for axis in range(3):  # faces that have become empty
        while start[axis] < stop[axis] and not _has(labels, label, start, stop, axis, start[axis]):
            start[axis] += 1
        while start[axis] < stop[axis] and not _has(
            labels, label, start, stop, axis, stop[axis] - 1
        ):
            stop[axis] -= 1
        if start[axis] == stop[axis]:
            return None
    return Box.from_bounds(start, stop)


def _has(
    labels: LabelMap,
    label: Label,
    start: Sequence[int],
    stop: Sequence[int],
    axis: int,
    index: int,
) -> bool:
    """True where a label has a voxel in a slice of a box, across an axis."""
    sides = [slice(a, b) for a, b in zip(start, stop, strict=True)]
    sides[axis] = slice(index, index + 1)
    return bool(label_mask(labels.read(Box(*sides)), label).any())


def _cells_after(
    cells: LabelCells, differences: Sequence[Difference], labels: LabelMap
) -> LabelCells:
    """The cells after changes that have left the box around the label as it was."""
    shares, box = cells.shares.copy(order="K"), cells.box
    steps = np.array(cells.step)
    for one in differences:
        both = box.intersection(one.box)
        if both is None or np.array_equal(*one.masks(cells.label)):
            continue
        first = (np.array(both.start) - box.start) // steps
        last = -((box.start - np.array(both.stop)) // steps)
        start = box.start + first * steps
        stop = np.minimum(box.start + last * steps, box.stop)
        mask = label_mask(labels.read(Box.from_bounds(start, stop)), cells.label)
        inside = Box.from_bounds(first, last).shifted((1, 1, 1))  # within the empty border
        shares[inside] = cell_shares(mask, cells.step)
    return replace(cells, shares=shares)
