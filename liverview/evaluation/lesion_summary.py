"""Tables of lesions: to be printed, as CSV and for JSON, and how many are found by size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from liverview.core.labels import Label
from liverview.core.text import printable
from liverview.evaluation.lesion_table import FalseLesion, LesionTable, ReferenceLesion
from liverview.evaluation.scores import MIN_LESION_ML, as_json
from liverview.files.atomic import write_csv

SIZE_BINS_MM: tuple[tuple[float, float], ...] = ((0, 10), (10, 20), (20, 50), (50, math.inf))
"""Of the longest axial diameter; each begins with its first number."""
_CALLED = {label: f"called_{label.name.lower()}" for label in Label}
COLUMNS = (
    "case",
    "kind",
    "number",
    "x_mm",
    "y_mm",
    "z_mm",
    "ml",
    "axial_mm",
    "contrast_hu",
    "dice",
    "covered",
    "found",
    "certainty",
    *_CALLED.values(),
    "place",
    "depth_mm",
)
"""Of the CSV; x, y, z are world coordinates, RAS+."""


def lesion_dict(lesion: ReferenceLesion | FalseLesion) -> dict[str, Any]:
    """The figures of a lesion, for JSON; None is no figure."""
    common = {
        "number": lesion.number,
        "center_mm": [round(value, 1) for value in lesion.center_mm],
        "ml": round(lesion.ml, 3),
        "axial_mm": round(lesion.axial_mm, 1),
        "contrast_hu": as_json(lesion.contrast_hu, 1),
        "certainty": as_json(lesion.certainty, 4),
    }
    if isinstance(lesion, FalseLesion):
        return common | {"place": lesion.place.value, "depth_mm": as_json(lesion.depth_mm, 1)}
    return common | {
        "dice": round(lesion.dice, 4),
        "covered": round(lesion.covered, 4),
        "found": lesion.found,
        "called": {label.name.lower(): round(share, 4) for label, share in lesion.called.items()},
    }


def table_dict(table: LesionTable) -> dict[str, Any]:
    """A table, for JSON."""
    return {
        "lesions": [lesion_dict(lesion) for lesion in table.lesions],
        "false_lesions": [lesion_dict(lesion) for lesion in table.false],
        "left_out": table.left_out,
    }


def write_lesions(path: Path, tables: Mapping[str, LesionTable]) -> None:
    """Write the lesions of all cases as CSV, one a row, the false ones of a case after its others.

    ``tables`` by the name of the case.

    Raises
    ------
    TargetError : where the file cannot be written.
    """
    write_csv(path, (row for item in tables.items() for row in _iter_rows(*item)), COLUMNS)


def _iter_rows(case: str, table: LesionTable) -> Iterator[dict[str, Any]]:
    for kind, lesions in (("reference", table.lesions), ("false", table.false)):
        for lesion in lesions:
            row = lesion_dict(lesion)
            row |= dict(zip(("x_mm", "y_mm", "z_mm"), row.pop("center_mm"), strict=True))
            if isinstance(lesion, ReferenceLesion):
                row["found"] = "yes" if lesion.found else "no"
                called = row.pop("called")
                row |= {column: called[label.name.lower()] for label, column in _CALLED.items()}
            yield {"case": printable(case), "kind": kind, **row}


def found_by_size(tables: Sequence[LesionTable]) -> list[tuple[str, int, int]]:
    """Of each bin of sizes its name, the lesions found, and all of them."""
    lesions = [lesion for table in tables for lesion in table.lesions]
    rows = []
    for low, high in SIZE_BINS_MM:
        own = [lesion for lesion in lesions if low <= lesion.axial_mm < high]
        name = f"{low:g} to {high:g} mm" if low and high < math.inf else ""
        name = name or (f"< {high:g} mm" if not low else f">= {low:g} mm")
        rows.append((name, sum(lesion.found for lesion in own), len(own)))
    return rows


def size_lines(tables: Sequence[LesionTable]) -> list[str]:
    """`found_by_size` in one line, and what was left out in another; none without lesions."""
    cells = [f"{name} {found} of {count}" for name, found, count in found_by_size(tables) if count]
    lines = [f"lesions found, by longest axial diameter: {', '.join(cells)}"] if cells else []
    left_out = sum(table.left_out for table in tables)
    if left_out:
        lines.append(f"components of references below {MIN_LESION_ML} mL, in no row: {left_out}")
    return lines


def table_lines(tables: Mapping[str, LesionTable]) -> list[str]:
    """The tables of all cases, to be printed: lesions of references, then false ones."""
    width = max(4, *(len(name) for name in tables)) if tables else 4
    called = " ".join(f"{label.name.lower():>10}" for label in Label)
    head = f"{'case':<{width}}  no       mL     mm     HU"
    lines = [f"{head}   Dice  covered  certainty  {called}"]
    for name, table in tables.items():
        for lesion in table.lesions:
            shares = " ".join(f"{lesion.called[label]:10.2f}" for label in Label)
            missed = "" if lesion.found else "  missed"
            lines.append(
                f"{name:<{width}}  {_figures(lesion)}  {lesion.dice:5.3f}  {lesion.covered:7.2f}  "
                f"{_shown(lesion.certainty, '9.2f')}  {shares}{missed}"
            )
    lines += ["", f"{head}  certainty  false: place, depth mm"]
    for name, table in tables.items():
        for false in table.false:
            depth = "" if math.isinf(false.depth_mm) else f", {false.depth_mm:.0f}"
            lines.append(
                f"{name:<{width}}  {_figures(false)}  {_shown(false.certainty, '9.2f')}  "
                f"{false.place.value}{depth}"
            )
    return lines


def _figures(lesion: ReferenceLesion | FalseLesion) -> str:
    contrast = _shown(lesion.contrast_hu, "+5.0f")
    return f"{lesion.number:2}  {lesion.ml:7.2f}  {lesion.axial_mm:5.1f}  {contrast}"


def _shown(value: float, form: str) -> str:
    width = int(form.strip("+").split(".")[0])
    return f"{'-':>{width}}" if math.isnan(value) else format(value, form)
