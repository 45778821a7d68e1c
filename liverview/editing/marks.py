"""Marks that a person makes on a scan for a network to complete, and what it proposes for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.errors import LiverviewError
from liverview.core.labels import FOREGROUND, Label, label_entry
from liverview.core.volume import Volume
from liverview.editing.limits import erased_value

Point = tuple[float, float, float]
_BODY_HU = -400.0
_BODY_MM = 10.0
_SHORTEST_MM = 1.0
_LONGEST_MM = 400.0
_NEAR_MM, _NEAR_SHARE = 5.0, 0.5  # or of the radius: how far a click may miss its lesion


class LabelBlocks(Protocol):
    """Labels on a volume's voxels: an array (I, J, K) uint8, or what reads blocks of one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""

    def __getitem__(self, box: Any, /) -> NDArray[np.uint8]:
        """The labels of a block, given as slices with a start and a stop."""


class MarksError(LiverviewError):
    """Marks that nothing can be proposed for; the message says which and the way out."""


@dataclass(frozen=True)
class Marks:
    """The marks that a person made for one label.

    Attributes
    ----------
    label : what is marked.
    positive : world mm, RAS+, points inside it; a scribble is many of them.
    negative : world mm, points that are not of it.
    line : the two ends, world mm, of a line across it, as a diameter is drawn; None for none.
    """

    label: Label
    positive: tuple[Point, ...] = ()
    negative: tuple[Point, ...] = ()
    line: tuple[Point, Point] | None = None

    @classmethod
    def in_voxels(
        cls,
        volume: Volume,
        label: Label,
        positive: Iterable[Sequence[float]] = (),
        negative: Iterable[Sequence[float]] = (),
        line: Sequence[Sequence[float]] | None = None,
    ) -> Marks:
        """The marks given in voxels (i, j, k) of a volume instead of in mm."""

        def world(voxel: Sequence[float]) -> Point:
            x, y, z = volume.grid.voxel_to_world(voxel)
            return float(x), float(y), float(z)

        ends = None if line is None else (world(line[0]), world(line[1]))
        return cls(label, tuple(map(world, positive)), tuple(map(world, negative)), ends)

    def adding(self, point: Sequence[float], *, negative: bool = False) -> Marks:
        """The marks with one point more, world mm."""
        new: Point = (float(point[0]), float(point[1]), float(point[2]))
        if negative:
            return replace(self, negative=(*self.negative, new))
        return replace(self, positive=(*self.positive, new))

    def with_points_of(self, other: Marks) -> Marks:
        """The marks with the points of others of the same label."""
        positive, negative = self.positive + other.positive, self.negative + other.negative
        return replace(self, positive=positive, negative=negative)

    @property
    def points(self) -> tuple[Point, ...]:
        """All points and the line's ends, world mm."""
        return (*self.positive, *self.negative, *(self.line or ()))


@dataclass(frozen=True, eq=False)
class Proposal:
    """The proposal for the marks of one label.

    Attributes
    ----------
    marks : what it was made for.
    box : the voxels of the volume that it is about; nothing outside it changes.
    mask : (box.shape) bool, what the label holds in the box if the proposal is taken.
    add : (box.shape) bool, the voxels that become of the label.
    remove : (box.shape) bool, the voxels that are of the label and no more.
    kept : what makes the next proposal for more marks in the same place faster.
    """

    marks: Marks
    box: Box
    mask: NDArray[np.bool_]
    add: NDArray[np.bool_]
    remove: NDArray[np.bool_]
    kept: Any = field(default=None, repr=False)

    @property
    def is_empty(self) -> bool:
        """True where nothing would change."""
        return not (self.add.any() or self.remove.any())

    def applied(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The labels of the box with the proposal, a new array; ``labels`` are those of the box."""
        out = labels.copy()
        out[self.add] = self.marks.label
        out[self.remove] = erased_value(self.marks.label)
        return out


def check_marks(volume: Volume, marks: Marks) -> None:
    """Refuse marks that nothing can be proposed for.

    Raises
    ------
    MarksError : where a point lies outside the scan or the body, a line has no length or more than
        any organ, there is no mark at all, or only negative ones for a lesion.
    """
    if marks.label not in FOREGROUND:
        known = ", ".join(label_entry(label).plural for label in FOREGROUND)
        raise MarksError(f"Nothing can be marked as background: choose one of {known}.")
    if not marks.points:
        raise MarksError("There is no mark: click on what is to be marked, or draw a line over it.")
    for point in marks.points:
        _check_place(volume, point)
    if marks.line is not None:
        _check_line(marks.line)


def _check_place(volume: Volume, point: Point) -> None:
    """Refuse a point outside the scan, or with nothing but air around it."""
    where = ", ".join(f"{mm:.1f}" for mm in point)
    if not np.isfinite(point).all():
        raise MarksError(f"The point ({where}) mm is no place: give three finite numbers.")
    voxel = volume.grid.world_to_place(point)
    if not all(-0.5 <= v < n - 0.5 for v, n in zip(voxel, volume.shape, strict=True)):
        raise MarksError(
            f"The point ({where}) mm lies outside the scan {volume.name}: mark inside its images."
        )
    reach = [int(np.ceil(_BODY_MM / mm)) for mm in volume.spacing]
    middle = np.rint(voxel).astype(int)
    around = tuple(
        slice(max(0, v - r), min(n, v + r + 1))
        for v, r, n in zip(middle, reach, volume.shape, strict=True)
    )
    at = tuple(int(np.clip(v, 0, n - 1)) for v, n in zip(middle, volume.shape, strict=True))
    here = float(volume.voxels[at]) + volume.intercept
    if here < _BODY_HU and (volume.voxels[around] < _BODY_HU - volume.intercept).mean() > 0.5:
        raise MarksError(
            f"The point ({where}) mm lies outside the body, in air: mark inside the body."
        )


def _check_line(line: tuple[Point, Point]) -> None:
    """Refuse a line without length, and one longer than any lesion."""
    mm = float(np.linalg.norm(np.subtract(*line)))
    if mm < _SHORTEST_MM:
        raise MarksError(
            f"The line is {mm:.1f} mm long: draw it across the lesion, from border to border."
        )
    if mm > _LONGEST_MM:
        raise MarksError(
            f"The line is {mm:.0f} mm long, more than {_LONGEST_MM:.0f}: draw it across one lesion."
        )


def is_beside(volume: Volume, proposal: Proposal, points: Iterable[Point]) -> bool:
    """Whether points belong to what was proposed: in it, or nearer to it than it is large.

    Of liver and vessels, which are one organ, all of the proposal's box belongs to it.

    Parameters
    ----------
    volume : that the proposal was made for.
    points : world mm.
    """
    inside = np.argwhere(proposal.mask)
    voxels = [volume.grid.world_to_place(point) - proposal.box.start for point in points]
    if proposal.marks.label is not Label.TUMOR:
        shape = np.array(proposal.box.shape)
        return all(((voxel >= -0.5) & (voxel < shape - 0.5)).all() for voxel in voxels)
    if not len(inside):
        return False
    spacing = np.array(volume.spacing)
    radius = np.cbrt(len(inside) * np.prod(spacing) * 3 / (4 * np.pi))
    gaps = [np.linalg.norm((inside - voxel) * spacing, axis=1).min() for voxel in voxels]
    return bool(max(gaps) <= max(_NEAR_MM, _NEAR_SHARE * radius))
