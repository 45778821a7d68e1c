"""Summaries of scores: the lines of a table, and medians over patients with intervals.

Every median is over the patients whose reference has the label and who have the figure; false
lesions count in all patients whose reference is a measure of tumors, also where it has none, and
what was invented where there is none is summed up on its own. A patient whose reference is no
measure of a label counts for nothing there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liverview.core.labels import FOREGROUND, Label
from liverview.evaluation.scores import LabelScore, as_json

_COLUMNS = {  # attribute of LabelScore: title, format
    "dice": ("Dice", ".3f"),
    "nsd_2mm": ("NSD 2 mm", ".3f"),
    "nsd_3mm": ("NSD 3 mm", ".3f"),
    "hd95_mm": ("HD95 mm", ".1f"),
    "volume_error_ml": ("volume error mL", "+z.1f"),
    "volume_error_percent": ("volume error %", "+z.1f"),
    "predicted_ml": ("predicted mL", ".1f"),
    "reference_ml": ("reference mL", ".1f"),
    "cl_dice": ("clDice", ".3f"),
    "lesion_recall": ("lesions found", ".2f"),
    "lesion_precision": ("lesion precision", ".2f"),
    "false_lesions": ("false lesions", ".0f"),
    "soft_slice_dice": ("soft slice Dice", ".3f"),
}
_PARTS = ("cl_dice", "lesion_recall", "lesion_precision", "false_lesions")
_VOLUME = ("volume_error_ml", "volume_error_percent")
_AGREEMENT = ("dice", "nsd_2mm", "nsd_3mm", "hd95_mm", *_VOLUME, *_PARTS)
MAP_FIGURES = (*_AGREEMENT, "predicted_ml", "reference_ml")
"""Columns for two label maps."""
SCAN_FIGURES = (*_AGREEMENT, "soft_slice_dice")
"""Columns for scans that were segmented, which the medians are of."""
_EVERYWHERE = ("false_lesions",)  # where there is no tumor they matter most
NSD_COUNTS = {
    "voxels": "the voxels of both surfaces",
    "area": "the area of both surfaces (marching cubes, as DeepMind's surface-distance)",
}
"""What NSD is a share of, by `LabelScore.nsd_by`."""
_RESAMPLES = 10_000
_NAME_WIDTH = max(7, *(len(label.name) for label in FOREGROUND))


@dataclass(frozen=True)
class Median:
    """A median over patients.

    Attributes
    ----------
    n : patients.
    value : NaN where there are none.
    interval : 95 % percentile bootstrap interval; None below two patients.
    """

    n: int
    value: float
    interval: tuple[float, float] | None

    def text(self, form: str) -> str:
        """As shown: 0.938 (0.825 to 0.955)."""
        ends = [_shown(end, form) for end in self.interval or ()]
        return _shown(self.value, form) + (f" ({' to '.join(ends)})" if ends else "")

    def to_dict(self) -> dict[str, Any]:
        ends = None if self.interval is None else [as_json(end, 4) for end in self.interval]
        return {"n": self.n, "median": as_json(self.value, 4), "interval_95": ends}


def median_with_interval(values: Sequence[float], seed: int = 0) -> Median:
    """The median of one figure per patient, infinite ones included, and its interval.

    Patients are drawn with replacement; the same values and seed give the same interval.
    """
    n = len(values)
    if n < 2:
        return Median(n, values[0] if values else math.nan, None)
    drawn = np.random.default_rng(seed).choice(np.asarray(values), (_RESAMPLES, n))
    # No interpolation: between two infinite medians there is nothing to interpolate.
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5], method="inverted_cdf")
    return Median(n, float(np.median(values)), (float(low), float(high)))


def medians_of_label(scores: Sequence[LabelScore]) -> dict[str, Median]:
    """The median of every figure of one label, one score per patient, and ``invented_ml``."""
    invented = [s.predicted_ml for s in scores if not (s.in_reference or s.reason)]
    figures = {
        name: [getattr(s, name) for s in scores if s.in_reference or name in _EVERYWHERE]
        for name in SCAN_FIGURES
    }
    found = {
        name: median_with_interval([value for value in values if not math.isnan(value)])
        for name, values in figures.items()
    }
    return found | {"invented_ml": median_with_interval(invented)}


def table_heading(columns: Sequence[str]) -> str:
    """The line above `table_row`."""
    return f"{'label':<{_NAME_WIDTH}}" + "".join(f"  {_COLUMNS[name][0]:>8}" for name in columns)


def table_row(score: LabelScore, columns: Sequence[str]) -> str:
    """One label's figures as a line: "-" is none, "inf" an infinite one."""
    line = f"{score.label.name.lower():<{_NAME_WIDTH}}"
    for name in columns:
        title, form = _COLUMNS[name]
        line += f"  {_shown(getattr(score, name), form):>{max(len(title), 8)}}"
    return line


def counting_lines(nsd: str) -> list[str]:
    """How the figures of a table are counted: what other programs do in another way."""
    return [
        f"NSD: share of {NSD_COUNTS[nsd]} within the tolerance of the other one.",
        "HD95: the worse of the two directions, between the centers of surface voxels.",
        "clDice: centerlines thinned on half voxels. Lesions: 26-connected components.",
    ]


def reason_lines(scores: Sequence[LabelScore]) -> list[str]:
    """The labels that the reference is no measure of, and why."""
    return [f"{score.label.name.lower()}: {score.reason}" for score in scores if score.reason]


def summary_lines(scans: Sequence[Sequence[LabelScore]]) -> list[str]:
    """The medians as lines, a figure in each, a label in each column; one score per label.

    Where a figure has another number of patients than the label, it says so.
    """
    found = _by_label(scans)
    titles = [f"{label.name.lower()}, n = {found[label]['dice'].n}" for label in FOREGROUND]
    lines = [_line("median (95 % interval)", titles)]
    for name in SCAN_FIGURES:
        title, form = _COLUMNS[name]
        cells = []
        for label in FOREGROUND:
            figure = found[label][name]
            other = figure.n not in (0, found[label]["dice"].n)
            cells.append(figure.text(form) + (f", n = {figure.n}" if other else ""))
        lines.append(_line(title, cells))
    invented = [found[label]["invented_ml"] for label in FOREGROUND]
    cells = [f"{m.text('.1f')}, n = {m.n}" if m.n else "-" for m in invented]
    return [*lines, _line("invented mL", cells)]


def summary_dict(scans: Sequence[Sequence[LabelScore]]) -> dict[str, Any]:
    """`summary_lines` for JSON."""
    return {
        label.name.lower(): {name: figure.to_dict() for name, figure in figures.items()}
        for label, figures in _by_label(scans).items()
    }


def _by_label(scans: Sequence[Sequence[LabelScore]]) -> dict[Label, dict[str, Median]]:
    scores = [score for scan in scans for score in scan]
    return {
        label: medians_of_label([s for s in scores if s.label is label]) for label in FOREGROUND
    }


def _line(title: str, cells: Sequence[str]) -> str:
    return (f"{title:<24}" + "".join(f"{cell:<34}" for cell in cells)).rstrip()


def _shown(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)
