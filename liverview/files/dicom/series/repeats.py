"""Slices at one place: copies, phases and reconstructions within one DICOM series.

Groups of slices compete where they lie over the same stretch of the patient: they cannot be one
volume. What tells them apart is asked in an order: how they were reconstructed, then when they
were taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import numpy as np

from liverview.files.dicom.pixels import hu_pixels as pixels
from liverview.files.dicom.series.geometry import SAME_PLACE, directions_of, is_even, positions_of
from liverview.files.dicom.series.multiframe import StackSlice
from liverview.files.dicom.series.parts import (
    Part,
    by_place,
    compete,
    has_repeats,
    heights,
    overlap,
    span_of,
)
from liverview.files.opening import ImageFileError

_DAY = 86_400.0  # seconds
_PROBES = 3  # repeated places whose pixels tell whether a series was copied
_WATCHED = 3  # single images of one place; more of them are one row of the table
_ASIDE_MM = 0.5  # in the planes; images farther apart have another center


def split_repeats(part: Part) -> list[Part]:
    """Parts that hold no place twice; what was copied is left out, and that is said."""
    part = _drop_same_file(part)
    if has_repeats(part.slices) and _copies_among(part.slices, _PROBES):
        part = _drop_copies(part)
    parts = _split_centers(part)
    for key, name in _RECONSTRUCTIONS:
        parts = [piece for each in parts for piece in _split_by(each, key, name, packed=False)]
    for key, name in _TIMES:
        parts = [piece for each in parts for piece in _split_by(each, key, name, packed=True)]
    return _gather_watched([piece for each in parts for piece in _split_by_time(each)])


# ---- what tells slices apart ------------------------------------------------------------------


def _type_of(each: StackSlice, values: int | None = None) -> str:
    return "\\".join(each.header.image_type[:values])


_Key = Callable[[StackSlice], Hashable]
_RECONSTRUCTIONS: tuple[tuple[_Key, str], ...] = (
    (lambda each: each.header.study.kernel, "kernel {}"),
    # Original or derived, primary or secondary; what a vendor adds may change within a scan.
    (lambda each: _type_of(each, 2), "image type {}"),
    (lambda each: each.header.frame_of_reference, "frame of reference {n}"),
)
_TIMES: tuple[tuple[_Key, str], ...] = (
    (_type_of, "image type {}"),
    (lambda each: each.header.kilovolts or 0, "{:g} kV"),
    (lambda each: round(each.header.thickness or 0, 3), "{:g} mm thick"),
    (lambda each: each.header.temporal_position or 0, "phase {}"),
    (lambda each: each.header.acquisition_number or 0, "acquisition {}"),
)


def _split_by(part: Part, key: _Key, name: str, *, packed: bool) -> list[Part]:
    """Split by a key whose values compete; ``packed``: values that do not stay together."""
    groups: dict[Hashable, list[StackSlice]] = {}
    for each in part.slices:
        groups.setdefault(key(each), []).append(each)
    if len(groups) < 2 or not compete(part.slices, list(groups.values())):
        return [part]
    if packed and not has_repeats(part.slices) and is_even(np.sort(heights(part.slices))):
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
    for place in by_place(part.slices):
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
    spans = [span_of(slices) for _, slices in ordered]
    for index in range(len(ordered)):
        fitting = (b for b in bins if not any(overlap(spans[index], spans[i]) for i in b))
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


# ---- copies -----------------------------------------------------------------------------------


def _drop_same_file(part: Part) -> Part:
    """Leave out images that are there more than once by their UID, those cut off before others.

    One UID at several places is a writer's fault: these are no copies.
    """
    kept: dict[Hashable, StackSlice] = {}
    for each, place in zip(part.slices, positions_of([e.header for e in part.slices]), strict=True):
        key = each.header.sop_instance or id(each), each.frame, *np.rint(place / SAME_PLACE)
        if key not in kept or not _is_whole(kept[key]):
            kept[key] = each
    dropped = len(part.slices) - len(kept)
    if not dropped:
        return part
    return replace(
        part, slices=list(kept.values()), remarks=(*part.remarks, _copies_remark(dropped))
    )


def _is_whole(each: StackSlice) -> bool:
    """False where a file ends before its pixels do."""
    header = each.file
    if header.pixel_bytes <= 0:
        return True
    try:
        return bool(header.source.read(header.pixel_start + header.pixel_bytes - 1, 1))
    except OSError:
        return False


def _copies_among(slices: Sequence[StackSlice], most: int) -> bool:
    repeated = [place for place in by_place(slices) if len(place) > 1][:most]
    return any(_same_pixels(place[0], other) for place in repeated for other in place[1:])


def _drop_copies(part: Part) -> Part:
    """Leave out slices with the pixels of another one at their place."""
    kept: list[StackSlice] = []
    for place in by_place(part.slices):
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


# ---- one place, watched -----------------------------------------------------------------------


def _gather_watched(parts: list[Part]) -> list[Part]:
    """One part for all the single images of a place, as they are taken until an agent arrives."""
    rows: dict[Hashable, list[Part]] = {}
    for number, part in enumerate(parts):
        single = len(part.slices) == 1
        place = tuple(np.rint(positions_of([part.slices[0].header])[0] / SAME_PLACE))
        rows.setdefault((part.names[:-1], place) if single else number, []).append(part)
    return [
        each for row in rows.values() for each in (row if len(row) <= _WATCHED else [_first(row)])
    ]


def _first(row: list[Part]) -> Part:
    """The first image of a place, which stands for all of them."""
    clock = _Clock([part.slices[0] for part in row])
    first = min(row, key=lambda part: clock.order(part.slices[0]))
    seconds = max(clock.seconds(part.slices[0]) for part in row) - clock.seconds(first.slices[0])
    over = f" over {seconds:.0f} s" if seconds else ""
    remark = (
        f"{len(row)} images were taken of one place{over}, as to watch a contrast agent arrive: "
        "this is the first of them."
    )
    names = (*first.names[:-1], f"{len(row)} images of one place")
    return replace(first, names=names, remarks=(*first.remarks, remark))


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
    places = by_place(part.slices)
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
