"""Slices at one place: copies, phases and reconstructions within one DICOM series.

Groups of slices compete where they lie over the same stretch of the patient: they cannot be one
volume. What tells them apart is asked in an order: how they were reconstructed, then when they
were taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from liverview.files.dicom import pixels
from liverview.files.dicom.geometry import (
    SAME_PLACE,
    directions_of,
    heights_of,
    is_even,
    positions_of,
)
from liverview.files.dicom.multiframe import StackSlice
from liverview.files.opening import ImageFileError

_DAY = 86_400.0  # seconds
_PROBES = 3  # repeated places whose pixels tell whether a series was copied
_ASIDE_MM = 0.5  # in the planes; images farther apart have another center


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


def split_repeats(part: Part) -> list[Part]:
    """Parts that hold no place twice; what was copied is left out, and that is said."""
    part = _drop_same_file(part)
    if _has_repeats(part.slices) and _copies_among(part.slices, _PROBES):
        part = _drop_copies(part)
    parts = _split_centers(part)
    for key, name in _RECONSTRUCTIONS:
        parts = [piece for each in parts for piece in _split_by(each, key, name, packed=False)]
    for key, name in _TIMES:
        parts = [piece for each in parts for piece in _split_by(each, key, name, packed=True)]
    return [piece for each in parts for piece in _split_by_time(each)]


# ---- what tells slices apart ------------------------------------------------------------------


def _texts_of(each: StackSlice) -> str:
    return "\\".join(each.header.image_type)


_Key = Callable[[StackSlice], Hashable]
_RECONSTRUCTIONS: tuple[tuple[_Key, str], ...] = (
    (lambda each: each.header.study.kernel, "kernel {}"),
    (_texts_of, "image type {}"),
    (lambda each: each.header.frame_of_reference, "frame of reference {n}"),
)
_TIMES: tuple[tuple[_Key, str], ...] = (
    (lambda each: round(each.header.thickness or 0, 3), "{:g} mm thick"),
    (lambda each: each.header.temporal_position or 0, "phase {}"),
    (lambda each: each.header.acquisition_number or 0, "acquisition {}"),
)


def _split_by(part: Part, key: _Key, name: str, *, packed: bool) -> list[Part]:
    """Split by a key whose values compete; ``packed``: values that do not stay together."""
    groups: dict[Hashable, list[StackSlice]] = {}
    for each in part.slices:
        groups.setdefault(key(each), []).append(each)
    if len(groups) < 2 or not _compete(part.slices, list(groups.values())):
        return [part]
    if packed and not _has_repeats(part.slices) and is_even(np.sort(_heights(part.slices))):
        return [part]
    ordered = sorted(groups.items(), key=lambda item: (str(type(item[0])), item[0]))
    if packed:
        return _packed_parts(part, ordered, name)
    return [
        part.with_name(slices, name.format(value, n=number + 1))
        for number, (value, slices) in enumerate(ordered)
    ]


def _split_centers(part: Part) -> list[Part]:
    """Split images at one height that were reconstructed about other centers."""
    for place in _places(part.slices):
        centers: list[np.ndarray] = []
        for position in positions_of([each.header for each in place]):
            if all(np.linalg.norm(position - center) > _ASIDE_MM for center in centers):
                centers.append(position)
        if len(centers) > 1:
            break
    else:
        return [part]
    normal = directions_of(part.slices[0].header)[2]
    across = np.eye(3) - np.outer(normal, normal)
    positions = positions_of([each.header for each in part.slices])
    away = (positions[:, None] - np.array(centers)) @ across
    nearest = np.linalg.norm(away, axis=2).argmin(axis=1)
    return [
        part.with_name(
            [part.slices[n] for n in np.flatnonzero(nearest == center)], f"center {center + 1}"
        )
        for center in range(len(centers))
    ]


def _packed_parts(
    part: Part, ordered: list[tuple[Hashable, list[StackSlice]]], name: str
) -> list[Part]:
    """Parts of as many groups each as do not compete."""
    bins: list[list[int]] = []
    spans = [_span(slices) for _, slices in ordered]
    for index in range(len(ordered)):
        fitting = (b for b in bins if not any(_overlap(spans[index], spans[i]) for i in b))
        chosen = next(fitting, None)
        if chosen is None:
            bins.append([index])
        else:
            chosen.append(index)
    return [
        part.with_name(
            [each for i in chosen for each in ordered[i][1]],
            _words(name, [ordered[i][0] for i in chosen], number + 1, len(bins)),
        )
        for number, chosen in enumerate(bins)
    ]


def _words(name: str, values: list[Hashable], number: int, count: int) -> str:
    if len(values) == 1:
        return name.format(values[0])
    return f"{name.partition(' {')[0]}s {values[0]} to {values[-1]} ({number} of {count})"


# ---- places -----------------------------------------------------------------------------------


def _heights(slices: Sequence[StackSlice]) -> np.ndarray:
    return heights_of([each.header for each in slices])


def _span(slices: Sequence[StackSlice]) -> tuple[float, float]:
    heights = _heights(slices)
    return float(heights.min()), float(heights.max())


def _overlap(first: tuple[float, float], second: tuple[float, float]) -> bool:
    return min(first[1], second[1]) - max(first[0], second[0]) > -SAME_PLACE


def _compete(slices: Sequence[StackSlice], groups: list[list[StackSlice]]) -> bool:
    """True where two groups lie over the same stretch."""
    spans = sorted(_span(group) for group in groups)
    highest = spans[0]
    for span in spans[1:]:
        if _overlap(highest, span):
            return True
        highest = max(highest, span, key=lambda each: each[1])
    return False


def _has_repeats(slices: Sequence[StackSlice]) -> bool:
    return bool((np.diff(np.sort(_heights(slices))) < SAME_PLACE).any())


def _places(slices: Sequence[StackSlice]) -> list[list[StackSlice]]:
    """Slices by their place, ascending."""
    heights = _heights(slices)
    order = np.argsort(heights, kind="stable")
    places: list[list[StackSlice]] = []
    last = -np.inf
    for index in order:
        if heights[index] - last < SAME_PLACE:
            places[-1].append(slices[index])
        else:
            places.append([slices[index]])
            last = heights[index]
    return places


# ---- copies -----------------------------------------------------------------------------------


def _drop_same_file(part: Part) -> Part:
    """Leave out images that are there more than once by their UID."""
    kept = {(each.header.sop_instance or id(each), each.frame): each for each in part.slices}
    dropped = len(part.slices) - len(kept)
    if not dropped:
        return part
    first = list(kept.values())
    return replace(part, slices=first, remarks=(*part.remarks, _copies_remark(dropped)))


def _copies_among(slices: Sequence[StackSlice], most: int) -> bool:
    repeated = [place for place in _places(slices) if len(place) > 1][:most]
    return any(_same_pixels(place[0], other) for place in repeated for other in place[1:])


def _drop_copies(part: Part) -> Part:
    """Leave out slices with the pixels of another one at their place."""
    kept: list[StackSlice] = []
    for place in _places(part.slices):
        chosen: list[StackSlice] = []
        for each in sorted(place, key=_instance):
            if not any(_same_pixels(each, other) for other in chosen):
                chosen.append(each)
        kept += chosen
    dropped = len(part.slices) - len(kept)
    if not dropped:
        return part
    return replace(part, slices=kept, remarks=(*part.remarks, _copies_remark(dropped)))


def _copies_remark(dropped: int) -> str:
    images = "image is" if dropped == 1 else "images are"
    return f"{dropped} {images} a copy of another one at the same place and left out."


def _same_pixels(first: StackSlice, second: StackSlice) -> bool:
    one, other = first.header, second.header
    if (one.slope, one.intercept, one.signed) != (other.slope, other.intercept, other.signed):
        return False
    try:
        return bool(
            np.array_equal(
                pixels.read_stored(first.file, max(first.frame - 1, 0)),
                pixels.read_stored(second.file, max(second.frame - 1, 0)),
            )
        )
    except ImageFileError:
        return False


# ---- time -------------------------------------------------------------------------------------


def _instance(each: StackSlice) -> tuple[int, str]:
    return each.header.instance_number or 0, each.header.sop_instance


class _Clock:
    """The order in which images were made, also over midnight."""

    def __init__(self, slices: Sequence[StackSlice]) -> None:
        known = [time for each in slices for time in self._times(each) if time is not None]
        self._late = bool(known) and max(known) - min(known) > _DAY / 2

    def seconds(self, each: StackSlice) -> float:
        """When an image was made; 0 where nothing says."""
        return next((self._on(time) for time in self._times(each) if time is not None), 0.0)

    def order(self, each: StackSlice) -> tuple[float, float, int, str]:
        """What to sort by."""
        content = _seconds(each.header.content_time)
        return self.seconds(each), self._on(content or 0.0), *_instance(each)

    def _on(self, time: float) -> float:
        return time + _DAY if self._late and time < _DAY / 2 else time

    @staticmethod
    def _times(each: StackSlice) -> tuple[float | None, float | None]:
        return _seconds(each.header.acquisition_time), _seconds(each.header.content_time)


def _split_by_time(part: Part) -> list[Part]:
    """Split what still holds places twice: in the order in which the images were made."""
    places = _places(part.slices)
    most = max(len(place) for place in places)
    if most == 1:
        return [part]
    if _copies_among(part.slices, len(places)):
        return _split_by_time(_drop_copies(part))
    clock = _Clock(part.slices)
    number_of = {id(each): number for number, place in enumerate(places) for each in place}
    runs: list[list[StackSlice]] = [[]]
    seen: set[int] = set()
    for each in sorted(part.slices, key=clock.order):
        number = number_of[id(each)]
        if number in seen:
            runs.append([])
            seen = set()
        seen.add(number)
        runs[-1].append(each)
    counts = Counter(len(place) for place in places)
    repeated = len(places) - counts[1]
    if len(runs) > most or 2 * repeated < min(len(run) for run in runs):
        # Single slices were repeated, not the scan.
        ranked = [sorted(place, key=clock.order) for place in places]
        runs = [[place[n] for place in ranked if len(place) > n] for n in range(most)]
    return [
        part.with_name(
            run, f"{number + 1} of {len(runs)} at the same places{_after(clock, runs[0], run)}"
        )
        for number, run in enumerate(runs)
    ]


def _after(clock: _Clock, first: list[StackSlice], run: list[StackSlice]) -> str:
    """How much later a run began, where the files say; no time of the day."""
    later = min(map(clock.seconds, run)) - min(map(clock.seconds, first))
    return f", {later:.0f} s later" if later else ""


def _seconds(time: str) -> float | None:
    digits = time.replace(":", "")
    try:
        return int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + float(digits[4:] or 0)
    except ValueError:
        return None
