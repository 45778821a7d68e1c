"""Slices that may be one volume, and where they lie along their normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from liverview.files.dicom.series.geometry import SAME_PLACE, heights_of
from liverview.files.dicom.series.multiframe import StackSlice


@dataclass(frozen=True, repr=False)
class Part:
    """Slices that may be one volume.

    Attributes
    ----------
    slices : of one orientation and size.
    names : what tells them from the others of their series.
    remarks : what a person should know of how they were chosen.
    """

    slices: list[StackSlice]
    names: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=())

    def with_name(self, slices: list[StackSlice], name: str) -> Part:
        """A part of these slices."""
        return replace(self, slices=slices, names=(*self.names, name) if name else self.names)


def heights(slices: Sequence[StackSlice]) -> np.ndarray:
    """How far slices lie along their normal, mm, (slices,)."""
    return heights_of([each.header for each in slices])


def span_of(slices: Sequence[StackSlice]) -> tuple[float, float]:
    """The lowest and the highest place of slices, mm."""
    along = heights(slices)
    return float(along.min()), float(along.max())


def overlap(first: tuple[float, float], second: tuple[float, float]) -> bool:
    """True where two stretches share a place."""
    return min(first[1], second[1]) - max(first[0], second[0]) > -SAME_PLACE


def compete(slices: Sequence[StackSlice], groups: list[list[StackSlice]]) -> bool:
    """True where two groups lie over the same stretch."""
    spans = sorted(span_of(group) for group in groups)
    highest = spans[0]
    for span in spans[1:]:
        if overlap(highest, span):
            return True
        highest = max(highest, span, key=lambda each: each[1])
    return False


def has_repeats(slices: Sequence[StackSlice]) -> bool:
    """True where two slices lie at one place."""
    return bool((np.diff(np.sort(heights(slices))) < SAME_PLACE).any())


def by_place(slices: Sequence[StackSlice]) -> list[list[StackSlice]]:
    """Slices by their place, ascending."""
    along = heights(slices)
    order = np.argsort(along, kind="stable")
    places: list[list[StackSlice]] = []
    last = -np.inf
    for index in order:
        if along[index] - last < SAME_PLACE:
            places[-1].append(slices[index])
        else:
            places.append([slices[index]])
            last = along[index]
    return places
