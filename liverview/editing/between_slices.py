"""Contours of a few slices interpolated into the slices between them.

Shape-based interpolation (Raya and Udupa 1990, doi:10.1109/42.52980): between two contours the
signed distances to both are mixed. Before that the contours are laid over each other by their
centroids, so that a shape that runs obliquely through the slices is followed and does not thin
out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box

MOST_DRAWN = 3
"""A part that is as many slices thick, or thinner, was drawn to be interpolated from."""


@dataclass(frozen=True, eq=False)
class _End:
    """A contour with which a part of a label ends towards one side.

    Attributes
    ----------
    part : the number of the part.
    index : the slice.
    corner : the first pixel of a block of the slice, (2,).
    mask : of the contour in this block.
    drawn : whether the part is thin.
    """

    part: int
    index: int
    corner: NDArray[np.int64]
    mask: NDArray[np.bool_]
    drawn: bool

    @cached_property
    def points(self) -> NDArray[np.int64]:
        """Its pixels, (n, 2)."""
        return np.argwhere(self.mask) + self.corner

    @cached_property
    def center(self) -> NDArray[np.float64]:
        return self.points.mean(axis=0)

    def overlaps(self, other: _End) -> bool:
        """Whether both have a pixel in common."""
        low = np.maximum(self.corner, other.corner)
        high = np.minimum(*(one.corner + one.mask.shape for one in (self, other)))
        if (high <= low).any():
            return False
        mine, theirs = (
            one.mask[tuple(map(slice, low - one.corner, high - one.corner))]
            for one in (self, other)
        )
        return bool((mine & theirs).any())

    def is_near(self, other: _End, pixel: NDArray[np.float64]) -> bool:
        """Whether their centroids are no farther apart than both are large."""
        sizes = [np.multiply(one.mask.shape, pixel).max() / 2 for one in (self, other)]
        return bool(np.hypot(*((self.center - other.center) * pixel)) <= sum(sizes))


_Link = tuple[_End, _End]


def fill_between_slices(
    mask: NDArray[np.bool_], axis: int, spacing: tuple[float, float, float]
) -> list[tuple[Box, NDArray[np.bool_]]]:
    """The slices between contours that were drawn in some of them.

    Parts of the mask that are at most `MOST_DRAWN` slices thick count as drawn. They are joined
    with the next part along the axis, drawn or not, that overlaps them in the plane, or, where
    none does, with the next one that is near.

    Parameters
    ----------
    mask : (I, J, K), with contours in some slices.
    axis : that the slices cut.
    spacing : mm along each axis of the array.

    Returns
    -------
    For each slice to be filled, its box in the array, one voxel thick along the axis, and the
    mask in it; nothing where nothing was drawn or no slice lies between.
    """
    stack = np.moveaxis(mask, axis, 0)
    others = [one for one in range(3) if one != axis]
    pixel = np.array([spacing[one] for one in others])
    size = np.array(stack.shape[1:])
    filled = []
    for lower, upper in _iter_joined(*_find_ends(stack), pixel):
        for index, corner, inside in _iter_between(lower, upper, pixel):
            low, high = np.maximum(corner, 0), np.minimum(corner + inside.shape, size)
            start, stop = np.full(3, index), np.full(3, index + 1)
            start[others], stop[others] = low, high
            a, b = (slice(f - c, s - c) for f, s, c in zip(low, high, corner, strict=True))
            filled.append(
                (Box.from_bounds(start.tolist(), stop.tolist()), np.expand_dims(inside[a, b], axis))
            )
    return filled


def _find_ends(stack: NDArray[np.bool_]) -> tuple[list[_End], list[_End]]:
    """The contours at the first and at the last slices of all parts."""
    import cc3d

    first_ends: list[_End] = []
    last_ends: list[_End] = []
    around = Box.around(stack)
    if around is None:
        return first_ends, last_ends
    parts = cc3d.connected_components(stack[around], connectivity=26)
    boxes = cc3d.statistics(parts)["bounding_boxes"]
    for number, found in list(enumerate(boxes))[1:]:
        first, last = found[0].start, found[0].stop - 1
        corner = [
            side.start + start for side, start in zip(found[1:], around.start[1:], strict=True)
        ]
        for index, ends in ((first, first_ends), (last, last_ends)):
            section = parts[(index, *found[1:])] == number
            contours = cc3d.connected_components(section, connectivity=8)
            drawn = last - first < MOST_DRAWN
            for block, mask in _iter_parts(contours):
                at = np.add(corner, [side.start for side in block])
                ends.append(_End(number, index + around.start[0], at, mask, drawn))
    return first_ends, last_ends


def _iter_parts(
    numbered: NDArray[np.integer],
) -> Iterator[tuple[tuple[slice, slice], NDArray[np.bool_]]]:
    """The block of each part of a slice, and its mask there."""
    from scipy import ndimage

    for number, block in enumerate(ndimage.find_objects(numbered), 1):
        rows, columns = block
        yield (rows, columns), numbered[block] == number


def _iter_joined(
    first_ends: list[_End], last_ends: list[_End], pixel: NDArray[np.float64]
) -> Iterator[tuple[list[_End], list[_End]]]:
    """Contours that belong together across a gap: those before it and those behind it."""
    links: set[_Link] = set()
    for end in last_ends:
        links |= {(end, other) for other in _next_ends(end, first_ends, 1, pixel)}
    for end in first_ends:
        links |= {(other, end) for other in _next_ends(end, last_ends, -1, pixel)}
    left = sorted(links, key=lambda link: (link[0].index, link[1].index, link[0].part))
    while left:
        group, left = [left[0]], left[1:]
        while grown := [link for link in left if any(_is_joined(link, one) for one in group)]:
            group += grown
            left = [link for link in left if link not in grown]
        before, behind = (list(dict.fromkeys(ends)) for ends in zip(*group, strict=True))
        if behind[0].index - before[0].index > 1:
            yield before, behind


def _is_joined(one: _Link, other: _Link) -> bool:
    """Whether two links of one gap share a contour."""
    gaps = [(link[0].index, link[1].index) for link in (one, other)]
    return gaps[0] == gaps[1] and (one[0] is other[0] or one[1] is other[1])


def _next_ends(end: _End, others: list[_End], step: int, pixel: NDArray[np.float64]) -> list[_End]:
    """The contours of the next slice, up or down, that belong to one: overlapping ones first."""
    ahead = [
        other
        for other in others
        if other.part != end.part
        and (other.index - end.index) * step > 0
        and (end.drawn or other.drawn)
    ]
    slices = sorted({other.index for other in ahead}, key=lambda index: abs(index - end.index))
    for belongs in (end.overlaps, lambda other: end.is_near(other, pixel)):
        for index in slices:
            found = [other for other in ahead if other.index == index and belongs(other)]
            if found:
                return found
    return []


def _iter_between(
    before: list[_End], behind: list[_End], pixel: NDArray[np.float64]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.bool_]]]:
    """Each slice of a gap: its index, the first pixel of a block of it, and the mask there."""
    contours = [np.concatenate([end.points for end in ends]) for ends in (before, behind)]
    centers = [points.mean(axis=0).round().astype(np.int64) for points in contours]
    centered = [points - center for points, center in zip(contours, centers, strict=True)]
    corner = np.min([points.min(axis=0) for points in centered], axis=0) - 1
    shape = np.max([points.max(axis=0) for points in centered], axis=0) + 2 - corner
    near, far = (_signed_distance(points - corner, shape, pixel) for points in centered)
    first, last = before[0].index, behind[0].index
    for index in range(first + 1, last):
        share = (index - first) / (last - first)
        moved = np.round(centers[0] + share * (centers[1] - centers[0])).astype(np.int64)
        yield index, corner + moved, (1 - share) * near + share * far > 0


def _signed_distance(
    points: NDArray[np.int64], shape: NDArray[np.int64], pixel: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distances in mm to the border of a contour, positive inside, of a slice's ``shape``."""
    from scipy import ndimage

    inside = np.zeros(shape, bool)
    inside[tuple(points.T)] = True
    depth, height = (ndimage.distance_transform_edt(m, sampling=pixel) for m in (inside, ~inside))
    return np.asarray(depth - height)
