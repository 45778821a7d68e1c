"""Parts: what hangs together of a label at a voxel, and what is there once a part is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.labels import Label, label_family, label_mask, label_parent
from liverview.editing.components import Components

_FIRST_MARGIN = 24  # voxels around the seed that are looked at first


class Seed(NamedTuple):
    """A voxel by which a part is found, and the label that is meant."""

    voxel: Voxel
    label: Label


@dataclass(frozen=True, eq=False)
class Part:
    """A 26-connected component of a label with its parts, as lesions are those of the tumor.

    Attributes
    ----------
    seed : by which it was found; the liver's parts have the vessels and tumors in them, as the
        organ has.
    start : the first voxel of the component's bounding box.
    mask : (i, j, k) bool, of the bounding box: the voxels of the component.
    """

    seed: Seed
    start: Voxel
    mask: NDArray[np.bool_]

    @property
    def label(self) -> Label:
        return self.seed.label

    @property
    def box(self) -> Box:
        return Box.of_shape(self.mask.shape).shifted(self.start)

    @cached_property
    def voxel_count(self) -> int:
        return int(np.count_nonzero(self.mask))

    def contains(self, voxel: Voxel) -> bool:
        """True for a voxel of the component."""
        i, j, k = (v - first for v, first in zip(voxel, self.start, strict=True))
        return self.box.contains(voxel) and bool(self.mask[i, j, k])

    def mask_in(self, area: Box) -> NDArray[np.bool_]:
        """The component in a box that holds it, bool, of the box's shape."""
        out = np.zeros(area.shape, np.bool_, order="F")
        out[self.box.shifted([-first for first in area.start])] = self.mask
        return out


def find_part(voxels: NDArray[np.uint8], seed: Seed) -> Part | None:
    """The part at a seed; None where its voxel is not of its label.

    Parameters
    ----------
    voxels : (I, J, K) of a label map.
    """
    found = None
    for step in iter_find_part(voxels, seed):
        found = step if isinstance(step, Part) else None
    return found


def iter_find_part(voxels: NDArray[np.uint8], seed: Seed) -> Iterator[Box | Part | None]:
    """Find the part at a seed in a box that grows with it.

    Yields the box before each look, so that whoever asked can stop there, and the part last; None
    where the seed's voxel is not of its label. Voxels far from the part are not read.
    """
    voxel, label = seed
    whole = Box.of_shape(voxels.shape)
    if not (whole.contains(voxel) and label_mask(voxels[Box(*map(_only, voxel))], label).any()):
        yield None
        return
    box: Box | None = Box(*map(_only, voxel)).expanded(_FIRST_MARGIN, voxels.shape)
    while box is not None:
        yield box
        component = _component_at(label_mask(voxels[box], label), np.subtract(voxel, box.start))
        grown = _grown_where_touched(component, box, whole)
        if grown is None:
            inner = Box.around(component)
            assert inner is not None
            mask = np.asfortranarray(component[inner])
            yield Part(seed, inner.shifted(box.start).start, mask)
        box = grown


def find_parts(voxels: NDArray[np.uint8], seeds: Sequence[Seed]) -> tuple[Part, ...]:
    """The parts at seeds, each once; a seed whose voxel is not of its label has none."""
    found: list[Part] = []
    for seed in seeds:
        known = any(one.label is seed.label and one.contains(seed.voxel) for one in found)
        part = None if known else find_part(voxels, seed)
        if part is not None:
            found.append(part)
    return tuple(found)


def seed_of(voxels: NDArray[np.uint8], part: Part) -> Seed | None:
    """A seed by which a part is found again in labels that have changed; None where it is gone."""
    if label_mask(voxels[Box(*map(_only, part.seed.voxel))], part.label).any():
        return part.seed
    left = part.mask & label_mask(voxels[part.box], part.label)
    places = np.argwhere(left)
    if len(places) == 0:
        return None
    middle = places.mean(axis=0)
    i, j, k = places[np.argmin(((places - middle) ** 2).sum(axis=1))] + part.start
    return Seed((int(i), int(j), int(k)), part.label)


def _only(index: int) -> slice:
    return slice(index, index + 1)


def _component_at(mask: NDArray[np.bool_], seed: NDArray[np.intp]) -> NDArray[np.bool_]:
    """The 26-connected component of a mask at one of its voxels."""
    components = Components(mask)
    if components.count == 1:
        return mask
    return components.mask_of(np.arange(components.count + 1) == components.at(seed))


def _grown_where_touched(component: NDArray[np.bool_], box: Box, whole: Box) -> Box | None:
    """The box twice as large on each side that the component touches; None where on none."""
    start, stop, grows = list(box.start), list(box.stop), False
    for axis, size in enumerate(box.shape):
        faces = np.moveaxis(component, axis, 0)
        if start[axis] > whole.start[axis] and faces[0].any():
            start[axis], grows = max(whole.start[axis], start[axis] - size), True
        if stop[axis] < whole.stop[axis] and faces[-1].any():
            stop[axis], grows = min(whole.stop[axis], stop[axis] + size), True
    return Box.from_bounds(start, stop) if grows else None


def dilated(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask, (i, j, k), and the 26 neighbors of its voxels inside the array."""
    for axis in range(3):
        out = mask.copy(order="K")
        to, of = np.moveaxis(out, axis, 0), np.moveaxis(mask, axis, 0)
        to[1:] |= of[:-1]
        to[:-1] |= of[1:]
        mask = out
    return mask


def value_without(voxels: NDArray[np.uint8], part: Part) -> Label:
    """The label that is there once a part is deleted.

    A part of the liver becomes liver where it lies in it: where at least half of the voxels around
    it are of the organ. Elsewhere, and where the liver itself is deleted, it becomes background.

    Parameters
    ----------
    voxels : (I, J, K) of the label map that the part was found in.
    """
    area = part.box.expanded(1, voxels.shape)
    return value_around(voxels[area], part.mask_in(area), part.label)


def value_around(block: NDArray[Any], mask: NDArray[np.bool_], label: Label) -> Label:
    """The label that takes a mask's place in a block, by the rule of `value_without`.

    Parameters
    ----------
    block, mask : (i, j, k) labels and bool, with the neighbors of the mask's voxels.
    label : of the mask.
    """
    around = block[dilated(mask) & ~mask]
    outer = label_parent(label) if label is not Label.BACKGROUND else None
    while outer is not None:
        if 2 * np.count_nonzero(np.isin(around, label_family(outer))) >= len(around):
            return outer
        outer = label_parent(outer)
    return Label.BACKGROUND
