"""Voxels that a person edited: where labels differ from the result that they began with.

The result is a network's, or the labels of a file. It is kept where it was edited alone, in blocks
of 32 voxels a side, so that nothing is as large as the scan. An edit that is undone, or that paints
what the result had, leaves no trace, for all is derived from the difference.

Lesions that a person has ruled out are marks of the label map and no edits: everything here looks
at the labels with those lesions put back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.edited_volume import EditedVolume, sum_edited
from liverview.core.labels import FOREGROUND, Label, label_family
from liverview.core.review import LesionMark
from liverview.core.volume import LabelMap
from liverview.editing.edited_blocks import (
    BLOCK_SIDE,
    EditedBlock,
    PaintedVoxels,
    Place,
    compact,
    iter_blocks,
    make_block,
    overlap,
    without_marks,
)

_Pairs: TypeAlias = Counter[int]  # voxels by 256 * the result's value + the value now


class HandEdits:
    """What a person edited since a result came.

    Labels are given to the methods; they are those that `follow` was told of last.

    Attributes
    ----------
    revision : another number after every change.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._blocks: dict[Place, EditedBlock] = {}
        self._holding = False
        self._pairs: dict[Place, _Pairs] = {}
        self._sum: _Pairs = Counter()
        self._outdated: set[Place] = set()
        self._marks: Sequence[LesionMark] = ()  # those of the labels that were counted

    def copy(self) -> HandEdits:
        """The same, to go back to; blocks are shared, for they never change."""
        made = HandEdits()
        made.revision = self.revision
        made._blocks, made._holding = dict(self._blocks), self._holding
        made._pairs, made._sum = dict(self._pairs), self._sum.copy()
        made._outdated, made._marks = set(self._outdated), self._marks
        return made

    @classmethod
    def between(cls, result: LabelMap, labels: LabelMap) -> HandEdits:
        """The edits that made labels of a result, on the same grid, without marks."""
        made = cls()
        made.follow(Box.of_shape(labels.shape), result.voxels, labels)
        return made

    @property
    def blocks(self) -> tuple[EditedBlock, ...]:
        """The blocks that were edited; others take their place, none ever changes."""
        return tuple(self._blocks.values())

    def to_json(self) -> list[dict[str, Any]]:
        """The edits for JSON, block by block: what it takes to know them beside the labels."""
        return [block.content for block in self._blocks.values()]

    @classmethod
    def from_json(cls, items: Sequence[Any], shape: Sequence[int]) -> HandEdits:
        """The edits that `to_json` has written, of labels of a shape that hold still.

        Raises
        ------
        KeyError, TypeError, ValueError, zlib.error : where they are none.
        """
        made = cls()
        for item in items:
            block = EditedBlock.read(item, shape)
            i, j, k = (first // BLOCK_SIDE for first in block.box.start)
            made._blocks[i, j, k] = block
        made._outdated = set(made._blocks)
        return made

    # ---- changes ---------------------------------------------------------------------------

    def follow(
        self,
        box: Box,
        before: NDArray[np.uint8],
        labels: LabelMap,
        painted: NDArray[np.bool_] | None = None,
        marks: Sequence[LesionMark] | None = None,
    ) -> None:
        """Take in that a person has changed voxels of a box.

        Parameters
        ----------
        before : of the box's shape, its labels before the change.
        labels : as they are now.
        painted : of the box's shape, voxels that were painted even where this changed nothing.
        marks : those before the change; by default those of the labels.
        """
        after = without_marks(labels.voxels[box], box, labels.marks)
        before = without_marks(before, box, labels.marks if marks is None else marks)
        changed = before != after
        if painted is not None:
            changed |= painted
        inner = Box.around(changed)
        if inner is None:
            return
        self.revision += 1
        for place, whole in iter_blocks(inner.shifted(box.start), labels.shape):
            part = overlap(whole, box)
            inside = part.shifted([-n for n in box.start])
            if changed[inside].any():
                at = part.shifted([-n for n in whole.start])
                block = self._blocks.get(place) or make_block(whole, at, before[inside], labels)
                block = self._held_anew(block, at, changed[inside], after[inside])
                if block.held is not None and painted is not None:
                    block.held[at] |= painted[inside]
                self._blocks[place] = block
                self._outdated.add(place)

    def _held_anew(
        self, block: EditedBlock, at: Box, changed: NDArray[np.bool_], after: NDArray[np.uint8]
    ) -> EditedBlock:
        """The block with the voxels held that were changed, while they have to be."""
        if block.held is None and not self._holding:
            return block
        held = np.zeros(block.result.shape, bool, order="F") if block.held is None else block.held
        held = held.copy(order="F")
        # Once nothing streams, what a person makes as it was found is no edit any more.
        held[at][changed] = True if self._holding else (after != block.result[at])[changed]
        return replace(block, held=held)

    def hold(self) -> None:
        """From now on keep edits from a segmentation, which begins, also where it has the same."""
        self._holding = True

    def release(self, *, complete: bool) -> None:
        """The segmentation has ended; where it is complete, what differs from it is edited.

        Where it was stopped, all edits that were made meanwhile are still known.
        """
        self._holding = False
        self.revision += 1
        if complete:
            for place, block in self._blocks.items():
                self._blocks[place] = EditedBlock(block.box, compact(block.result))
            self._outdated |= set(self._blocks)

    def take_result(
        self, box: Box, result: NDArray[np.uint8], labels: LabelMap
    ) -> NDArray[np.uint8]:
        """Take in what a segmentation found in a box; the labels of the box with the edits on top.

        Parameters
        ----------
        result : of the box's shape.
        labels : as they are before it.
        """
        merged = result
        self.revision += 1
        for place, block in list(self._blocks.items()):
            part = overlap(block.box, box)
            if 0 in part.shape:
                continue
            inside = part.shifted([-n for n in box.start])
            at = part.shifted([-n for n in block.box.start])
            own = block.result.copy(order="F")
            own[at] = result[inside]
            self._blocks[place] = replace(block, result=own)
            self._outdated.add(place)
            if block.held is not None:
                merged = result.copy(order="K") if merged is result else merged
                np.copyto(merged[inside], labels.voxels[part], where=block.held[at])
        return merged

    def exchange(self, block: EditedBlock) -> None:
        """Take a block in place of the one that lies there."""
        i, j, k = (first // BLOCK_SIDE for first in block.box.start)
        self.revision += 1
        self._blocks[i, j, k] = block
        self._outdated.add((i, j, k))

    def take_back(
        self,
        box: Box,
        mask: NDArray[np.bool_],
        values: NDArray[np.uint8],
        before: HandEdits,
        labels: LabelMap,
    ) -> NDArray[np.uint8]:
        """Forget edits that were made while a segmentation went on: what it found there is next.

        Parameters
        ----------
        mask : of the box's shape, the voxels that were edited.
        values : of the box's shape, its labels before that.
        before : the edits as they were then: what was held stays, and is held on.
        labels : as they are now.

        Returns
        -------
        values : of the box's shape, what the voxels of the mask have to be made.
        """
        found = labels.voxels[box].copy(order="K")
        self.revision += 1
        for place, block in list(self._blocks.items()):
            part = overlap(block.box, box)
            inside = part.shifted([-n for n in box.start])
            if 0 in part.shape or not mask[inside].any():
                continue
            at = part.shifted([-n for n in block.box.start])
            earlier = before._blocks.get(place)
            held = np.zeros(part.shape, bool)
            if earlier is not None and earlier.held is not None:
                held = earlier.held[at]
            found[inside] = np.where(held, values[inside], block.result[at])
            if block.held is not None:
                own = block.held.copy(order="F")
                np.copyto(own[at], held, where=mask[inside])
                self._blocks[place] = replace(block, held=own)
                self._outdated.add(place)
        return found

    # ---- questions -------------------------------------------------------------------------

    def find_painted(self, labels: LabelMap) -> list[PaintedVoxels]:
        """What a person edited, to be laid over other labels of the same grid."""
        found = []
        for _, block, now in self._iter_current(labels):
            mask = block.find_edited(now)
            around = Box.around(mask)
            if around is not None:
                box = around.shifted(block.box.start)
                values = now[around].copy(order="F")
                found.append(PaintedVoxels(box, mask[around], values, block.result[around]))
        return found

    def has_any(self, labels: LabelMap) -> bool:
        """True where labels differ from the result anywhere."""
        self._count(labels)
        return bool(self._sum)

    def volumes(self, labels: LabelMap) -> dict[Label, EditedVolume]:
        """Volumes of labels that were edited, as reported; what their file said before included."""
        return sum_edited(labels.edited, self.volumes_since(labels))

    def volumes_since(self, labels: LabelMap) -> dict[Label, EditedVolume]:
        """Volumes of labels that were edited since the result came, as reported."""
        self._count(labels)
        found = {}
        for label in FOREGROUND:
            added = removed = 0
            for code, count in self._sum.items():
                before, now = divmod(code, 256)
                was, is_ = before in label_family(label), now in label_family(label)
                added += count * (is_ and not was)
                removed += count * (was and not is_)
            if added or removed:
                found[label] = EditedVolume(added * labels.voxel_ml, removed * labels.voxel_ml)
        return found

    def result_of(self, labels: LabelMap) -> LabelMap:
        """The result under the labels, without marks; the same labels where nothing was edited."""
        if not self._blocks and not labels.marks:
            return labels
        whole = Box.of_shape(labels.shape)
        voxels = without_marks(labels.voxels, whole, labels.marks)
        voxels = voxels.copy(order="K") if voxels is labels.voxels else voxels
        for block in self._blocks.values():
            voxels[block.box] = block.result
        return replace(labels, voxels=voxels, marks=(), edited={})

    def slice_of(
        self, labels: LabelMap, axis: int, index: int
    ) -> tuple[Box, NDArray[np.uint8], NDArray[np.uint8]] | None:
        """The edited part of a slice: its box, the result's labels there, and those of now.

        All blocks that the slice cuts lie in the box, which is one voxel thick along the axis;
        both arrays have its shape. None where the slice cuts no block.
        """
        cut = [block for place, block in self._blocks.items() if place[axis] == index // BLOCK_SIDE]
        if not cut:
            return None
        around = cut[0].box
        for block in cut[1:]:
            around = around.union(block.box)
        sides = list(around)
        sides[axis] = slice(index, index + 1)
        box = Box(*sides)
        now = without_marks(labels.voxels[box], box, labels.marks)
        before = now.copy(order="F")
        for block in cut:
            part = overlap(block.box, box)
            own = block.result[part.shifted([-n for n in block.box.start])]
            before[part.shifted([-n for n in box.start])] = own
        return box, before, now

    # ---- counting --------------------------------------------------------------------------

    def _iter_current(
        self, labels: LabelMap
    ) -> Iterator[tuple[Place, EditedBlock, NDArray[np.uint8]]]:
        for place, block in self._blocks.items():
            yield place, block, without_marks(labels.voxels[block.box], block.box, labels.marks)

    def _count(self, labels: LabelMap) -> None:
        """Count anew where something has changed; what agrees with the result again goes."""
        if labels.marks is not self._marks:
            self._outdated |= set(self._blocks)
            self._marks = labels.marks
        outdated, self._outdated = self._outdated, set()
        for place in outdated:
            self._sum.subtract(self._pairs.pop(place, Counter()))
            block = self._blocks.get(place)
            if block is None:
                continue
            now = without_marks(labels.voxels[block.box], block.box, labels.marks)
            differs = now != block.result
            if differs.any():
                codes = block.result[differs].astype(np.int64) * 256 + now[differs]
                values, counts = np.unique(codes, return_counts=True)
                pairs = Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))
                self._pairs[place] = pairs
                self._sum.update(pairs)
            elif block.held is None or not block.held.any():
                del self._blocks[place]
        self._sum = +self._sum  # without zeros
