"""The FROC as a picture (PNG, SVG), a table (CSV) or for programs (JSON)."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from liverview.evaluation.chart import GRAY, Area, Axes, Chart, Color, Dot, Line, Mark, Place, Text
from liverview.evaluation.froc import Froc, FrocPoint
from liverview.files.atomic import TargetError, atomic_write, write_csv, write_json, write_text

# Okabe and Ito's blue, vermilion and bluish green: apart for color-blind eyes.
_LARGE, _ALL, _CLEAR = (0, 114, 178), (213, 94, 0), (0, 158, 115)
_SIDE = 380
_MOST_RATE = 10.0  # what is right of it helps nobody
_LEAST_RATE = 4.0
COLUMNS = (
    "certainty",
    "recall",
    "recall_large",
    "false_per_scan",
    "false_per_healthy",
    "clear_share",
    "default",
)


def draw_froc(froc: Froc) -> Chart:
    """The curve with its band and the default marked; beside it, livers without tumors.

    Beyond ten false lesions per scan nothing is drawn.
    """
    chart = Chart(_SIDE + 110 + (_SIDE + 80 if froc.healthy else 0), _SIDE + 160)
    most = max((point.false_per_scan for point in froc.points), default=0.0)
    most = min(max(most, _LEAST_RATE), _MOST_RATE)
    step = 1 if most <= 6 else 2
    most = float(step * math.ceil(most / step))
    axes = Axes(60, 50, _SIDE, _SIDE, most)
    title = f"lesions found, {froc.scans} scan{'' if froc.scans == 1 else 's'}"
    chart.marks += axes.marks(step, 0.2, "false lesions per scan", title)
    band = [place for place in froc.band if place.false_per_scan <= most]
    if band:
        edges = [(p.false_per_scan, p.high) for p in band] + [
            (p.false_per_scan, p.low) for p in band[::-1]
        ]
        chart.marks.append(Area([axes.place(*edge) for edge in edges], _LARGE))
    lines: list[tuple[int, str, Color, Callable[[FrocPoint], float]]] = [
        (froc.lesions, "all", _ALL, lambda point: point.recall),
        (froc.large, "of 10 mm or more (band: 95 %)", _LARGE, lambda point: point.recall_large),
    ]
    for row, (count, words, color, share_of) in enumerate(lines):
        place = (60.0, _SIDE + 104.0 + 18 * row)
        if count:
            values = [(0.0, 0.0), *((p.false_per_scan, share_of(p)) for p in froc.points)]
            chart.marks += _curve(axes, values, color)
            usual = froc.usual.false_per_scan, share_of(froc.usual)
            chart.marks += [Dot(axes.place(*usual), color)] if usual[0] <= most else []
            words = f"{count} lesions, {words}; dot: {usual[1]:.2f} at {usual[0]:.2g}"
        else:
            words = f"no lesions, {words}"
        chart.marks.append(Text(place, words, color))
    note = f"dots: the default, certainty {froc.usual.certainty:g}"
    chart.marks.append(Text((60.0, _SIDE + 140.0), note, GRAY))
    if froc.healthy:
        chart.marks += _healthy_marks(froc)
    return chart


def _healthy_marks(froc: Froc) -> list[Mark]:
    """The share of livers without tumors in which nothing is false, by certainty."""
    axes = Axes(_SIDE + 140, 50, _SIDE, _SIDE, 1.0)
    title = f"without a false lesion, of the {froc.healthy} without tumors"
    marks = axes.marks(0.2, 0.2, "least certainty", title)
    steps: list[Place] = []
    high = 1.0
    for share, certainty in [(1.0, 1.0), *((p.clear_share, p.certainty) for p in froc.points)]:
        steps += [(certainty, high), (certainty, share)]
        high = share
    steps.append((0.0, high))
    marks.append(Line([axes.place(*step) for step in steps], _CLEAR, 2.5))
    usual = froc.usual
    marks.append(Dot(axes.place(usual.certainty, usual.clear_share), _CLEAR))
    told = f"dot: {usual.clear_share:.2f}, {usual.false_per_healthy:.2g} false ones per such scan"
    marks.append(Text((axes.left, _SIDE + 104.0), told, _CLEAR))
    return marks


def _curve(axes: Axes, values: list[Place], color: Color) -> list[Mark]:
    """A line with a dot at each of its points, where these are few."""
    places = axes.line(values)
    marks: list[Mark] = [Line(places, color, 2.5)]
    if len(values) <= 40:
        marks += [Dot(place, color, 2.0) for place in places[1:]]
    return marks


def _save_png(path: Path, froc: Froc) -> None:
    with atomic_write(path) as temporary:
        draw_froc(froc).to_image().save(temporary, "PNG")


def _save_csv(path: Path, froc: Froc) -> None:
    rows = [{**point.to_dict(), "default": "no"} for point in froc.points] + [
        {**froc.usual.to_dict(), "default": "yes"}
    ]
    write_csv(path, rows, COLUMNS)


_WRITERS: dict[str, Callable[[Path, Froc], None]] = {
    ".png": _save_png,
    ".svg": lambda path, froc: write_text(path, draw_froc(froc).to_svg()),
    ".csv": _save_csv,
    ".json": lambda path, froc: write_json(path, froc.to_dict()),
}


def check_froc_name(path: Path) -> None:
    """Refuse a name whose suffix says none of the kinds.

    Raises
    ------
    TargetError
    """
    if path.suffix.lower() not in _WRITERS:
        kinds = ", ".join(_WRITERS)
        raise TargetError(f"{path} must end in one of {kinds}: it says what is written.")


def save_froc(path: Path, froc: Froc) -> None:
    """Write the curve as its suffix says, whole or not at all.

    Raises
    ------
    TargetError : where the suffix is unknown, or the file cannot be written.
    """
    check_froc_name(path)
    _WRITERS[path.suffix.lower()](path, froc)
