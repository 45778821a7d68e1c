"""Commands on parts: delete, relabel, keep only, fill, smooth, grow, shrink, split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import Label, label_mask
from liverview.editing import mask_shapes
from liverview.editing.components import Components
from liverview.editing.part_split import CutLine, find_sheet
from liverview.editing.part_workspace import PartGround, PartWorkspace
from liverview.editing.parts import Part, Seed, value_around

_MOST_SEEDS = 50


class PartCommand:
    """One command, with all that a person chose of it.

    Attributes
    ----------
    verb : the command in a few words, as a menu names an edit.
    keeps : whether the parts are there afterwards, to be worked on further.
    unchanged : a sentence for the person where nothing changes.
    """

    verb = ""
    keeps = True
    unchanged = "Nothing changed: the limits of edits keep the part as it is."

    def name(self, parts: Sequence[Part]) -> str:
        """The edit as a menu says it: ``delete part, tumor``."""
        labels = dict.fromkeys(part.label.name.lower() for part in parts)
        verb = self.verb if len(parts) == 1 else self.verb.replace("part", "parts")
        return f"{verb}, {' and '.join(labels)}"

    def prepare(self, parts: Sequence[Part]) -> list[Part]:
        """The parts, each of which the command is for."""
        return list(parts)

    def area(self, ground: PartGround, part: Part) -> Box:
        """The box that the command reads and may change."""
        return part.box

    def work(self, space: PartWorkspace, ground: PartGround) -> None:
        """Change the labels of a workspace."""
        raise NotImplementedError


class DeletePart(PartCommand):
    """What the part lies in takes its place, see `parts.value_without`."""

    verb = "delete part"
    keeps = False

    def work(self, space: PartWorkspace, ground: PartGround) -> None:
        space.remove(space.part)


@dataclass(frozen=True)
class RelabelPart(PartCommand):
    """Another label for the part.

    Attributes
    ----------
    label : the new one.
    """

    label: Label
    keeps = False
    unchanged = "Nothing changed: the part has this label already."

    @property
    def verb(self) -> str:  # type: ignore[override]
        return f"part becomes {self.label.name.lower()}"

    def work(self, space: PartWorkspace, ground: PartGround) -> None:
        space.put(space.part, self.label)


class KeepOnlyPart(PartCommand):
    """Every other part of the same label is deleted, each as `DeletePart` does."""

    verb = "keep only part"
    unchanged = "There is no other part of this label."

    def prepare(self, parts: Sequence[Part]) -> list[Part]:
        """Those of one label as one, for all of them are kept."""
        joined: dict[Label, Part] = {}
        for part in parts:
            other = joined.get(part.label)
            joined[part.label] = part if other is None else _joined(part, other)
        return list(joined.values())

    def area(self, ground: PartGround, part: Part) -> Box:
        """The box of all labels, with the neighbors of their voxels."""
        return ground.label_bbox.union(part.box).expanded(1, ground.labels.shape)

    def work(self, space: PartWorkspace, ground: PartGround) -> None:
        others = Components(label_mask(space.block, space.label) & ~space.part)
        numbers, before = others.numbers(), space.block.copy(order="K")
        for number, bounds in enumerate(zip(*others.bounds(), strict=True), start=1):
            near = Box.from_bounds(*bounds).expanded(1, before.shape)
            mask = numbers[near] == number
            value = value_around(before[near], mask, space.label)
            mask &= ~np.isin(before[near], list(ground.limits.locked))
            space.block[near][mask] = value


@dataclass(frozen=True)
class FillHoles(PartCommand):
    """What the part encloses becomes of its label.

    Attributes
    ----------
    in_axial_slices : holes of each axial slice, also those that are open above or below.
    """

    in_axial_slices: bool = False
    verb = "fill holes of part"
    unchanged = "The part has no holes that may be filled."

    def work(self, space: PartWorkspace, ground: PartGround) -> None:
        filled = mask_shapes.with_holes_filled(space.part, in_axial_slices=self.in_axial_slices)
        space.fill(filled & ~space.part)


@dataclass(frozen=True)
class SmoothPart(PartCommand):
    """The surface blurred, the volume kept.

    Attributes
    ----------
    mm : standard deviation of the blur.
    """

    mm: float
    verb = "smooth part"
    unchanged = "Nothing changed: the part is as smooth as its voxels and the limits allow."

    def area(self, ground: PartGround, part: Part) -> Box:
        margins = mask_shapes.blur_margins(ground.labels.affine, self.mm)
        return _expanded(part.box, margins, ground.labels.shape)

    def work(self, space: PartWorkspace, ground: PartGround) -> None:
        affine = ground.labels.affine
        space.reshape(mask_shapes.smoothed(space.part, space.may_have, affine, self.mm))


@dataclass(frozen=True)
class ResizePart(PartCommand):
    """The part grown, or shrunk where the distance is below 0.

    Attributes
    ----------
    mm : how far the surface moves outward.
    """

    mm: float
    unchanged = "Nothing changed: no voxel so near to the part's surface may change."

    @property
    def verb(self) -> str:  # type: ignore[override]
        return "grow part" if self.mm > 0 else "shrink part"

    def area(self, ground: PartGround, part: Part) -> Box:
        margins = mask_shapes.margins(ground.labels.affine, abs(self.mm))
        return _expanded(part.box, margins, ground.labels.shape)

    def work(self, space: PartWorkspace, ground: PartGround) -> None:
        change = mask_shapes.grown if self.mm > 0 else mask_shapes.shrunk
        space.reshape(change(space.part, ground.labels.affine, abs(self.mm)))


@dataclass(frozen=True)
class SplitPart(PartCommand):
    """The part cut in two along a line, see `part_split.find_sheet`.

    Attributes
    ----------
    line : in voxels of the scan.
    """

    line: CutLine
    verb = "split part"
    unchanged = (
        "The line does not divide the part: draw it across, from one side of the part to the other."
    )

    def work(self, space: PartWorkspace, ground: PartGround) -> None:
        sheet = find_sheet(space.part, self.line.inside(space.area))
        if sheet is not None:
            space.remove(sheet)


@dataclass(frozen=True, eq=False)
class EditedBlock:
    """A block of labels as a command leaves it.

    Attributes
    ----------
    box : of the volume; the smallest one that holds every changed voxel.
    voxels : (i, j, k) uint8, of the box.
    seeds : of what there is of the parts afterwards, the largest first.
    """

    box: Box
    voxels: NDArray[np.uint8]
    seeds: tuple[Seed, ...]


def edit_parts(
    ground: PartGround, parts: Sequence[Part], command: PartCommand
) -> EditedBlock | None:
    """The labels after a command on parts; None where it changes nothing."""
    for step in iter_edit_parts(ground, parts, command):
        block = step
    return block


def iter_edit_parts(
    ground: PartGround, parts: Sequence[Part], command: PartCommand
) -> Iterator[EditedBlock | None]:
    """The same in steps, one per part; the block comes last, None before and without one."""
    prepared = command.prepare(parts)
    areas = [command.area(ground, part) for part in prepared]
    whole = areas[0]
    for area in areas[1:]:
        whole = area.union(whole)
    before = ground.labels.voxels[whole]
    block = before.copy(order="K")
    for part, area in zip(prepared, areas, strict=True):
        yield None
        inner = block[area.shifted([-first for first in whole.start])]
        command.work(PartWorkspace(ground, part, area, inner), ground)
    changed = Box.around(block != before)
    if changed is None:
        yield None
        return
    seeds = _seeds_of(prepared, whole, block) if command.keeps else ()
    yield EditedBlock(changed.shifted(whole.start), block[changed].copy(order="K"), seeds)


def command_voxels(ground: PartGround, parts: Sequence[Part], command: PartCommand) -> int:
    """How many voxels a command has to look at."""
    areas = [command.area(ground, part) for part in command.prepare(parts)]
    return sum(int(np.prod(area.shape)) for area in areas)


def _seeds_of(parts: Sequence[Part], whole: Box, block: NDArray[np.uint8]) -> tuple[Seed, ...]:
    """A voxel in each component that is left of the parts."""
    found: list[tuple[int, Seed]] = []
    for part in parts:
        inner = block[part.box.shifted([-first for first in whole.start])]
        left = Components(part.mask & label_mask(inner, part.label))
        for size, place in zip(left.sizes[1:], left.firsts() + part.start, strict=True):
            i, j, k = (int(v) for v in place)
            found.append((int(size), Seed((i, j, k), part.label)))
    found.sort(key=lambda one: -one[0])
    return tuple(seed for _, seed in found[:_MOST_SEEDS])


def _joined(first: Part, second: Part) -> Part:
    """Two parts of one label as one."""
    area = first.box.union(second.box)
    return replace(first, start=area.start, mask=first.mask_in(area) | second.mask_in(area))


def _expanded(box: Box, margins: Sequence[int], shape: Sequence[int]) -> Box:
    """A box with a margin of its own along each axis, inside an array of a shape."""
    start = np.maximum(0, np.subtract(box.start, margins))
    stop = np.minimum(shape, np.add(box.stop, margins))
    return Box.from_bounds(start.tolist(), stop.tolist())
