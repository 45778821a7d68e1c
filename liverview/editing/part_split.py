"""Splitting a part at a bridge: by a line drawn across, through all slices of the view's plane."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.labels import FOREGROUND, Label, label_family, label_mask
from liverview.core.volume import Plane
from liverview.editing.components import Components, join
from liverview.editing.parts import Seed

_EXTENSIONS = (0.0, 0.25, 0.5, 1.0, 2.0)  # of the line at both ends, in its own lengths
_CRUMB = 0.01  # of a part's voxels; what a cut sets free beyond its two sides must be larger
_STEPS = ((1, 0), (0, 1), (1, 1), (1, -1))  # to neighbors within a slice, each pair once
Point2D = tuple[float, float]
Mask = NDArray[np.bool_]
Pairs = NDArray[np.intp]


@dataclass(frozen=True)
class CutLine:
    """A line across a slice; the cut goes along the axis that the slice cuts.

    Attributes
    ----------
    plane, index : of the slice in which it was drawn.
    start, end : its ends in voxels, along the plane's horizontal and vertical axis.
    """

    plane: Plane
    index: int
    start: Point2D
    end: Point2D

    @property
    def is_point(self) -> bool:
        """True where the line has no length."""
        return self.start == self.end

    def inside(self, box: Box) -> CutLine:
        """The line in voxels of a box."""
        across, up = box.start[self.plane.horizontal_axis], box.start[self.plane.vertical_axis]
        (a, b), (c, d) = self.start, self.end
        index = self.index - box.start[self.plane.axis]
        return CutLine(self.plane, index, (a - across, b - up), (c - across, d - up))


def crossed_seeds(
    labels: NDArray[np.uint8], line: CutLine, visible: Collection[Label]
) -> list[Seed]:
    """Seeds of the parts that a line crosses from one side to the other.

    Where it crosses an organ so, what lies in the organ is crossed with it.

    Parameters
    ----------
    labels : (rows, columns) of the line's slice.
    visible : the labels that are looked at.
    """
    count = int(4 * np.abs(np.subtract(line.end, line.start)).max()) + 2
    points = np.linspace(line.start, line.end, count)
    columns, rows = np.floor(points + 0.5).astype(int).T
    inside = (rows >= 0) & (columns >= 0) & (rows < labels.shape[0]) & (columns < labels.shape[1])
    values = np.where(inside, labels[rows * inside, columns * inside], 0)
    seeds: list[Seed] = []
    covered: set[Label] = set()
    for label in FOREGROUND:
        if label not in visible or label in covered:
            continue
        edges = np.flatnonzero(np.diff(label_mask(values, label).astype(np.int8)))
        if label_mask(values[:1], label)[0]:
            edges = edges[1:]
        for first, last in zip(edges[::2], edges[1::2], strict=False):
            middle = (first + 1 + last) // 2
            covered |= set(label_family(label))
            seeds.append(Seed(_voxel(line, int(columns[middle]), int(rows[middle])), label))
    return seeds


def _voxel(line: CutLine, column: int, row: int) -> Voxel:
    place = [line.index] * 3
    place[line.plane.horizontal_axis], place[line.plane.vertical_axis] = column, row
    return place[0], place[1], place[2]


@dataclass(frozen=True)
class _Crossings:
    """Pairs of touching voxels on the two sides of the line, or of its extension.

    Attributes
    ----------
    left, right : (n, 3) voxels of each pair.
    at : (n,) where the line passes between them: 0 at its start, 1 at its end.
    """

    left: Pairs
    right: Pairs
    at: NDArray[np.float64]


def find_sheet(mask: Mask, line: CutLine) -> Mask | None:
    """The voxels to take away from a part so that it falls apart along a line.

    Voxels on the two sides of the line no longer hang together. Where that does not divide the
    part, for it is wider in other slices, the line is made longer, at most to five times its
    length. The sheet is one voxel thick, and lies on the smaller side.

    Parameters
    ----------
    mask : (i, j, k) bool, one 26-connected component in its box.
    line : in voxels of that box.

    Returns
    -------
    The sheet, (i, j, k) bool; None where the line crosses nothing or does not divide the part.
    """
    if line.is_point:
        return None
    across, up, along = line.plane.horizontal_axis, line.plane.vertical_axis, line.plane.axis
    turned = mask.transpose(across, up, along)
    side = _side_of_line(turned.shape[:2], line)
    ids = _number_sides(turned, side)
    pairs = _crossings(turned, side, line)
    drawn = (pairs.left[:, 2] == line.index) & (pairs.right[:, 2] == line.index)
    drawn &= (pairs.at >= 0) & (pairs.at <= 1)
    if not drawn.any():
        return None
    ends = np.stack([_at(ids, pairs.left), _at(ids, pairs.right)])
    candidates, counts = _distinct(ends[:, drawn])
    main = candidates[:, np.argmax(counts)]
    for extension in _EXTENSIONS:
        cut = (pairs.at >= -extension) & (pairs.at <= 1 + extension)
        group = join(_distinct(ends[:, ~cut])[0], int(ids.max()) + 1)
        if group[main[0]] != group[main[1]]:
            voxels = np.bincount(ids[ids > 0])
            group = _join_crumbs(group, _distinct(ends[:, cut])[0], voxels, main)
            sheet = _sheet(
                turned.shape, pairs, group[ends], np.bincount(group, voxels).astype(np.intp)
            )
            if sheet is None:
                return None
            return np.asfortranarray(sheet.transpose(np.argsort([across, up, along])))
    return None


def _side_of_line(shape: tuple[int, ...], line: CutLine) -> Mask:
    """The columns of voxels on the left of the line, which is taken as endless."""
    a, b = np.indices(shape)
    along = line.end[0] - line.start[0], line.end[1] - line.start[1]
    left: Mask = along[0] * (b - line.start[1]) - along[1] * (a - line.start[0]) >= 0
    return left


def _number_sides(mask: Mask, left: Mask) -> NDArray[np.int32]:
    """Numbers of the components on each side alone, 0 outside the mask."""
    one, other = Components(mask & left[:, :, None]), Components(mask & ~left[:, :, None])
    others = other.numbers()
    return np.where(others > 0, others + np.int32(one.count), one.numbers())


def _crossings(mask: Mask, left: Mask, line: CutLine) -> _Crossings:
    """Every pair of touching voxels of a mask on different sides."""
    lefts, rights, places = [], [], []
    for step in (*_STEPS, *((-a, -b) for a, b in _STEPS)):
        first = np.argwhere(left)
        second = first + step
        inside = ((second >= 0) & (second < left.shape)).all(axis=1)
        first, second = first[inside], second[inside]
        over = ~left[tuple(second.T)]
        first, second = first[over], second[over]
        for k in (-1, 0, 1):
            n, slices = _touching(mask, first, second, k)
            lefts.append(np.column_stack([first[n], slices]))
            rights.append(np.column_stack([second[n], slices + k]))
            places.append(_place_on_line(first[n], second[n], line))
    return _Crossings(np.concatenate(lefts), np.concatenate(rights), np.concatenate(places))


def _touching(mask: Mask, first: Pairs, second: Pairs, shift: int) -> tuple[Pairs, Pairs]:
    """Columns, by their place in a list, and slices in which both voxels are of the mask."""
    depth = mask.shape[2]
    lower, upper = max(0, -shift), depth - max(0, shift)
    one = mask[first[:, 0], first[:, 1], lower:upper]
    other = mask[second[:, 0], second[:, 1], lower + shift : upper + shift]
    n, k = np.nonzero(one & other)
    return n, k + lower


def _place_on_line(first: Pairs, second: Pairs, line: CutLine) -> NDArray[np.float64]:
    """The place of the line, 0 at its start and 1 at its end, between columns on its two sides."""
    start, along = np.array(line.start), np.subtract(line.end, line.start)
    step = second - first
    cross = step[:, 0] * along[1] - step[:, 1] * along[0]  # never 0: the sides differ
    away = start - first
    share = (away[:, 0] * along[1] - away[:, 1] * along[0]) / cross
    points = first + share[:, None] * step
    return ((points - start) @ along) / float(along @ along)


def _at(ids: NDArray[np.int32], voxels: Pairs) -> NDArray[np.int32]:
    numbers: NDArray[np.int32] = ids[tuple(voxels.T)]
    return numbers


def _distinct(ends: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of numbers without repetition, (2, m), and how often each is there."""
    base = int(ends.max(initial=0)) + 1
    codes, counts = np.unique(ends[0].astype(np.int64) * base + ends[1], return_counts=True)
    return np.stack(np.divmod(codes, base)), counts


def _join_crumbs(
    group: NDArray[np.intp],
    cut: NDArray[np.intp],
    voxels: NDArray[np.intp],
    main: NDArray[np.intp],
) -> NDArray[np.intp]:
    """Groups in which what is tiny, and on neither side by itself, stays where it hung.

    Parameters
    ----------
    group : of each number.
    cut : (2, m) numbers that touch where the line is.
    voxels : of each number, 0 of number 0.
    main : the numbers on the two sides of the line.
    """
    crumb = np.bincount(group, weights=voxels) < _CRUMB * voxels.sum()
    crumb[group[main]] = False
    group = group.copy()
    for left, right in cut.T:
        for one, other in ((left, right), (right, left)):
            if crumb[group[one]] and group[one] != group[other]:
                group[group == group[one]] = group[other]
    return group


def _sheet(
    shape: tuple[int, ...],
    pairs: _Crossings,
    groups: NDArray[np.intp],
    voxels: NDArray[np.intp],
) -> Mask | None:
    """Of every pair that must not touch, the voxel of the smaller group.

    A group so thin that nothing of it would be left is spared; None where there are several such.

    Parameters
    ----------
    groups : (2, n) those of each pair's voxels.
    voxels : of each group.
    """
    spared = np.zeros(len(voxels), np.bool_)
    for _ in range(2):
        sheet, taken = _choose_voxels(shape, pairs, groups, np.where(spared, np.inf, voxels))
        gone = (taken > 0) & (taken == voxels)
        if not gone.any():
            return sheet
        spared |= gone
    return None


def _choose_voxels(
    shape: tuple[int, ...],
    pairs: _Crossings,
    groups: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> tuple[Mask, NDArray[np.intp]]:
    """The voxels of the lighter group of each pair, and how many of each group they are."""
    sheet, taken = np.zeros(shape, np.bool_), np.zeros(len(weights), np.intp)
    apart = groups[0] != groups[1]
    one, other = weights[groups[0]], weights[groups[1]]
    from_left = (one < other) | ((one == other) & (groups[0] < groups[1]))
    for side, voxels, chosen in (
        (groups[0], pairs.left, apart & from_left),
        (groups[1], pairs.right, apart & ~from_left),
    ):
        places, first = np.unique(voxels[chosen], axis=0, return_index=True)
        sheet[tuple(places.T)] = True
        taken += np.bincount(side[chosen][first], minlength=len(weights))
    return sheet, taken
