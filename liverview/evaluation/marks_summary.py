"""Tables of `marked_lesions`: a row per lesion, and figures that count by patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from liverview.evaluation.marked_lesions import QUIET_ML, LesionFigures, MarkedCase
from liverview.evaluation.scores import as_json

_WIDTH = 8
_NOTES = (
    "Dice of every lesion of the reference on its own. ruler: after a line over its longest axial "
    "diameter, both ends 2 mm misplaced.",
    "ellipsoid: of the two diameters, the image unseen. labeled: the tumors labeled today that "
    "touch that ellipsoid, with its inner half.",
    "by patient: the mean of the patients' medians. worst tenth: the Dice that a tenth of all "
    "lesions do not reach.",
)


def heading(clicks: int, rulers: bool) -> str:
    """The line above `iter_lesion_rows`."""
    titles = ["mL", "mm", *ways(clicks, rulers)]
    return "".join(f"  {title:>{max(_WIDTH, len(title))}}" for title in titles)


def ways(clicks: int, rulers: bool) -> dict[str, Callable[[LesionFigures], float | None]]:
    """The ways that lesions are marked in, by the titles of their columns."""
    found: dict[str, Callable[[LesionFigures], float | None]] = {}
    if rulers:
        found["ruler"] = lambda lesion: lesion.ruler
    for number in range(clicks):
        found[_click_title(number)] = _after_click(number)
    found["ellipsoid"] = lambda lesion: lesion.ellipsoid
    found["labeled"] = lambda lesion: lesion.labeled
    return found


def _click_title(number: int) -> str:
    return "1 click" if number == 0 else f"{number + 1} clicks"


def _after_click(number: int) -> Callable[[LesionFigures], float | None]:
    return lambda lesion: lesion.clicks[number]


def iter_lesion_rows(case: MarkedCase, clicks: int, rulers: bool) -> Iterator[str]:
    """A row per lesion, under `heading`."""
    for lesion in case.lesions:
        row = f"  {lesion.ml:>{_WIDTH}.2f}  {lesion.mm:>{_WIDTH}.1f}"
        for title, value_of in ways(clicks, rulers).items():
            row += f"  {_shown(value_of(lesion)):>{max(_WIDTH, len(title))}}"
        yield row


def marks_summary(cases: Sequence[MarkedCase], clicks: int, rulers: bool) -> dict[str, Any]:
    """The figures over all patients, for JSON."""
    with_lesions = [case for case in cases if case.lesions]
    found: dict[str, Any] = {
        "patients": len(with_lesions),
        "lesions": sum(len(case.lesions) for case in with_lesions),
    }
    if with_lesions:
        found["dice"] = {
            title: _dice_figures(with_lesions, value_of)
            for title, value_of in ways(clicks, rulers).items()
        }
    if clicks:
        found["quiet_clicks"] = [sum(c.quiet for c in cases), sum(c.quiet_of for c in cases)]
        livers = [case.liver_nsd_3mm for case in cases if case.liver_nsd_3mm]
        if livers:
            found["liver_nsd_3mm_by_scribbles"] = [
                as_json(float(value), 4) for value in np.median(livers, axis=0)
            ]
    seconds = [second for case in cases for second in case.seconds]
    if seconds:
        found["seconds"] = {
            "median": round(float(np.median(seconds)), 3),
            "p95": round(float(np.percentile(seconds, 95)), 3),
        }
    return found


def _dice_figures(
    cases: Sequence[MarkedCase], value_of: Callable[[LesionFigures], float | None]
) -> dict[str, float | str | None]:
    by_patient = [[float(value_of(lesion) or 0) for lesion in case.lesions] for case in cases]
    every = [value for values in by_patient for value in values]
    return {
        "by_patient": as_json(float(np.mean([np.median(values) for values in by_patient])), 4),
        "worst_tenth": as_json(float(np.percentile(every, 10)), 4),
        "median": as_json(float(np.median(every)), 4),
    }


def summary_lines(cases: Sequence[MarkedCase], clicks: int, rulers: bool) -> list[str]:
    """`marks_summary` as lines, with what they mean."""
    found = marks_summary(cases, clicks, rulers)
    lines = [f"{found['patients']} patients, {found['lesions']} lesions"]
    for name, title in (("by_patient", "by patient"), ("worst_tenth", "worst tenth")):
        if "dice" in found:
            row = f"{title:<{2 * _WIDTH + 4}}"
            for way, figures in found["dice"].items():
                row += f"  {_shown(figures[name]):>{max(_WIDTH, len(way))}}"
            lines.append(row)
    if clicks:
        quiet, of = found["quiet_clicks"]
        lines.append(
            f"clicks on normal tissue that proposed at most {QUIET_ML:g} mL: {quiet} of {of}"
        )
    if "liver_nsd_3mm_by_scribbles" in found:
        steps = ", ".join(_shown(value) for value in found["liver_nsd_3mm_by_scribbles"])
        lines.append(f"liver, median NSD at 3 mm, as labeled and after each scribble: {steps}")
    if "seconds" in found:
        times = found["seconds"]
        lines.append(f"seconds for a proposal: median {times['median']}, p95 {times['p95']}")
    return [*lines, "", *_NOTES]


def case_dict(case: MarkedCase) -> dict[str, Any]:
    """The figures of one patient, for JSON."""
    return {
        "lesions": [
            {
                "ml": round(lesion.ml, 3),
                "mm": round(lesion.mm, 1),
                "ruler": None if lesion.ruler is None else round(lesion.ruler, 4),
                "ellipsoid": round(lesion.ellipsoid, 4),
                "labeled": round(lesion.labeled, 4),
                "clicks": [round(value, 4) for value in lesion.clicks],
            }
            for lesion in case.lesions
        ],
        "quiet_clicks": [case.quiet, case.quiet_of],
        "liver_nsd_3mm_by_scribbles": [as_json(value, 4) for value in case.liver_nsd_3mm],
    }


def _shown(value: float | str | None) -> str:
    return format(value, ".3f") if isinstance(value, float | int) else "-"
