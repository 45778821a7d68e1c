"""The figures of a cohort that are distributed: one number per scan, with a title and a unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.cohort.work import Attempt
from liverview.core.labels import FOREGROUND, Label, label_entry

_MOST = 1e12  # of any figure
_LIVER_ML = "liver_with_vessels_and_tumors_ml"


class Scale(Enum):
    """How far a value lies from the others is judged on one of these."""

    NONE = "not judged"
    LINEAR = "linear"
    LOGARITHM = "logarithm, of values above zero"
    COMPLEMENT = "logarithm of what lacks to 1"


class Focus(Enum):
    """Things that a picture of a scan can show."""

    LIVER = "liver"
    TUMOR = "tumor"
    ENDS = "the ends of the field of view"


@dataclass(frozen=True)
class Quantity:
    """A figure that every scan has one of.

    Attributes
    ----------
    name : a key, as in ``cohort.csv`` where that has it.
    title, unit : for people; the unit is empty for counts and ratios.
    of : the figure of an attempt; None where there is none.
    decimals : that are written.
    scale : on which outliers are looked for.
    focus : what a picture of an outlier shows.
    """

    name: str
    title: str
    unit: str
    of: Callable[[Attempt], float | None]
    decimals: int = 0
    scale: Scale = Scale.NONE
    focus: Focus = Focus.LIVER

    def words(self, value: float) -> str:
        """A value with its unit."""
        return f"{value:,.{self.decimals}f}{f' {self.unit}' if self.unit else ''}"


@dataclass(frozen=True)
class Distribution:
    """The values of a quantity, (n,) float64 in the order of the attempts, NaN for none."""

    quantity: Quantity
    values: NDArray[np.float64]

    @property
    def known(self) -> NDArray[np.float64]:
        return self.values[np.isfinite(self.values)]


def distributions(attempts: Sequence[Attempt]) -> list[Distribution]:
    """The quantities that at least one attempt has a figure of."""
    found = []
    for quantity in _iter_quantities():
        values = [_number(quantity.of(attempt)) for attempt in attempts]
        array = np.array(values, np.float64)
        if np.isfinite(array).any():
            found.append(Distribution(quantity, array))
    return found


def figure_at(attempt: Attempt, *keys: str) -> Any:
    """A figure of an attempt by its keys, outermost first; None where it is not there."""
    value: Any = attempt.figures
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _iter_quantities() -> Iterator[Quantity]:
    tumor = Focus.TUMOR
    for label in FOREGROUND:
        key = _LIVER_ML if label is Label.LIVER else f"{label.name.lower()}_ml"
        focus = Focus.LIVER if label is Label.LIVER else tumor
        title = f"{label_entry(label).name} volume"
        yield Quantity(key, title, "mL", _at(key), 1, Scale.LOGARITHM, focus)
    key = "tumor_burden_percent"
    yield Quantity(key, "Tumor burden", "%", _at(key), 1, Scale.LOGARITHM, tumor)
    yield Quantity("lesion_count", "Lesions", "", _at("lesion_count"), 0, Scale.LOGARITHM, tumor)
    yield Quantity(
        "longest_mm", "Longest diameter of a lesion", "mm", _longest, 1, Scale.LOGARITHM, tumor
    )
    yield Quantity("liver_mean_hu", "Liver mean", "HU", _at("liver_mean_hu"), 0, Scale.LINEAR)
    for label in FOREGROUND:
        name, title = label.name.lower(), label_entry(label).name
        focus = Focus.LIVER if label is Label.LIVER else tumor
        keys = name, "dice"
        yield Quantity(f"{name}_dice", f"{title} Dice", "", _at(*keys), 3, Scale.COMPLEMENT, focus)
        keys = name, "hd95_mm"
        yield Quantity(
            f"{name}_hd95_mm", f"{title} HD95", "mm", _at(*keys), 1, Scale.LOGARITHM, focus
        )
    yield Quantity("slices", "Slices", "", _axis("shape_voxels"))
    yield Quantity("slice_spacing_mm", "Slice spacing", "mm", _axis("spacing_mm"), 2)
    yield Quantity("seconds", "Computation", "s", lambda attempt: attempt.seconds, 1)
    yield Quantity("peak_mb", "Peak memory of the process", "MB", lambda attempt: attempt.peak_mb)


def _at(*keys: str) -> Callable[[Attempt], float | None]:
    return lambda attempt: figure_at(attempt, *keys)


def _axis(key: str) -> Callable[[Attempt], float | None]:
    """The last of three figures: across axial slices."""

    def of(attempt: Attempt) -> float | None:
        values = figure_at(attempt, key)
        return values[2] if isinstance(values, list | tuple) and len(values) == 3 else None

    return of


def _longest(attempt: Attempt) -> float | None:
    lesions = figure_at(attempt, "lesions")
    if not isinstance(lesions, list | tuple):
        return None
    lengths = (one.get("axial_diameter_mm") for one in lesions if isinstance(one, dict))
    known = [number for value in lengths if math.isfinite(number := _number(value))]
    return max(known, default=None)


def _number(value: Any) -> float:
    """A figure as a number; NaN for none, and for what is infinite or makes no sense."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if -_MOST <= value <= _MOST else math.nan
