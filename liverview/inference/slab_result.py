"""The second stage's results for one slab: kept in boxes, put together, put on the volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray
from torch import Tensor, zeros

from liverview.core.stream import Slab
from liverview.inference.second_stage import RefinedSlab

PlaneWindow: TypeAlias = tuple[slice, slice]
"""Voxels of the volume, or cells of the coarse grid, along i and j."""
Extra: TypeAlias = tuple[tuple[int, ...], DTypeLike]
"""The leading axes of what slabs hold beside labels, and its type."""
_NOWHERE = (slice(0, 0), slice(0, 0))


@dataclass(frozen=True)
class SlabFrame:
    """The stored slices of one slab.

    Attributes
    ----------
    plane_shape : voxels of the volume, I and J.
    start, depth : the first stored slice, and their number.
    group : stored slices per working slice; the last working slice may have fewer.
    """

    plane_shape: tuple[int, ...]
    start: int
    depth: int
    group: int

    def zeros(self, leading: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Zeros of shape (*leading, I, J, slices)."""
        # One value per voxel: axial slices are contiguous, as in the volume.
        order: Literal["C", "F"] = "C" if leading else "F"
        return np.zeros((*leading, *self.plane_shape, self.depth), dtype, order=order)

    def expand(self, values: NDArray[Any], box: PlaneWindow) -> NDArray[Any]:
        """Copy (..., i, j, working slices) of a box to the stored slices, 0 beyond it."""
        out = self.zeros(values.shape[:-3], values.dtype)
        if self.group > 1:
            values = values.repeat(self.group, axis=-1)
        out[..., *box, :] = values[..., : self.depth]
        return out


@dataclass(frozen=True, eq=False)
class SlabResult:
    """The second stage's result for one slab, by its working slices.

    Attributes
    ----------
    box : the voxels of the volume that may have labels.
    labels : of the box, (i, j, slices).
    tumor : the probability of tumor there, (i, j, slices), in 255ths.
    organ : the probability of the organ, on the coarse grid in plane, (i, j, slices).
    extras : "probabilities" and "gates" where they were asked for, as `Slab` has them, each with
        its own box.
    """

    box: PlaneWindow
    labels: NDArray[np.uint8]
    tumor: NDArray[np.uint8]
    organ: Tensor
    extras: Mapping[str, tuple[NDArray[Any], PlaneWindow]] = field(default_factory=dict)

    @classmethod
    def empty(cls, coarse_shape: tuple[int, int, int]) -> SlabResult:
        """The result where the first stage saw no liver."""
        nothing = np.zeros((0, 0, coarse_shape[2]), np.uint8)
        return cls(_NOWHERE, nothing, nothing, zeros(coarse_shape))

    def replaced(self, other: SlabResult, cells: PlaneWindow, voxels: PlaneWindow) -> SlabResult:
        """The same with what a later look at a window, in coarse cells and in voxels, found there.

        Where that look has no result, there is no liver in the window.
        """
        organ = self.organ.clone()
        organ[cells] = other.organ[cells]
        extras = dict(self.extras)
        for name, (values, box) in self.extras.items():
            new = other.extras.get(name)
            extras[name] = (_replaced(values, box, voxels, new), box)
        labels, tumor = (
            _replaced(old, self.box, voxels, (new, other.box))
            for old, new in ((self.labels, other.labels), (self.tumor, other.tumor))
        )
        return replace(self, labels=labels, tumor=tumor, organ=organ, extras=extras)

    def on_volume(self, frame: SlabFrame, wanted: Mapping[str, Extra], done: float) -> RefinedSlab:
        """The result in the stored slices, with zeros for what is wanted and was not computed."""
        extras = {
            name: frame.expand(*self.extras[name]) if name in self.extras else frame.zeros(*extra)
            for name, extra in wanted.items()
        }
        labels = frame.expand(self.labels, self.box)
        slab = Slab(
            frame.start,
            labels,
            probabilities=extras.get("probabilities"),
            gates=extras.get("gates"),
        )
        if self.box != _NOWHERE:
            slab = replace(slab, label_bbox=self.box)
        return RefinedSlab(slab, frame.expand(self.tumor, self.box), done)


def _replaced(
    values: NDArray[Any],
    box: PlaneWindow,
    voxels: PlaneWindow,
    new: tuple[NDArray[Any], PlaneWindow] | None,
) -> NDArray[Any]:
    """Values (..., i, j, slices) of a box, with new ones, or zeros, in a window."""
    out = values.copy(order="K")
    i, j = (_moved(_common(a, b), a) for a, b in zip(box, voxels, strict=True))
    out[..., i, j, :] = 0
    if new is not None:
        later, later_box = new
        both = [_common(_common(a, b), c) for a, b, c in zip(box, voxels, later_box, strict=True)]
        i, j = (_moved(side, a) for side, a in zip(both, box, strict=True))
        from_i, from_j = (_moved(side, c) for side, c in zip(both, later_box, strict=True))
        out[..., i, j, :] = later[..., from_i, from_j, :]
    return out


def _common(one: slice, other: slice) -> slice:
    """The part of two ranges that both have; of no length where there is none."""
    start = min(max(one.start, other.start), one.stop)
    return slice(start, max(start, min(one.stop, other.stop)))


def _moved(side: slice, box: slice) -> slice:
    """A range of the volume's voxels in those of a box."""
    return slice(side.start - box.start, side.stop - box.start)
