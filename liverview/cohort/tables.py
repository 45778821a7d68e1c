"""A cohort as tables: a row per item and a row per lesion, as CSV and as Parquet."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from liverview.cohort.columns import (
    ITEM_COLUMNS,
    LESION_COLUMNS,
    SCORE_COLUMNS,
    Column,
    ItemColumn,
    Value,
    lesions_of,
    typed,
)
from liverview.cohort.work import Attempt
from liverview.core.about import DISCLAIMER, __version__
from liverview.files.atomic import TargetError, atomic_write, reason_of, write_csv

ITEMS, LESIONS = "cohort", "cohort_lesions"
"""The tables' names without suffix, in the folder of the results."""
NO_PARQUET = "Parquet tables are not written: they need pip install 'liverview[parquet]'."
_EVALUATE = "evaluate"
_GIVEN = "given_"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Tables:
    """The tables that were written.

    Attributes
    ----------
    written : the files.
    sentences : what a person should know of them.
    """

    written: tuple[Path, ...]
    sentences: tuple[str, ...]


def write_cohort_tables(results: Path, attempts: Sequence[Attempt]) -> Tables:
    """Write the tables of a cohort into the folder of its results, in place of what is there.

    Parquet is written where pyarrow is installed.

    Parameters
    ----------
    attempts : one of each item and kind of work, as `states.standing_attempts` returns them.

    Raises
    ------
    TargetError : where a file cannot be written.
    """
    check_cohort_tables(results)
    names, sentences = given_columns(attempts)
    given = [Column(name, "text", "", "of the table of scans") for name in names.values()]
    scored = any(attempt.kind == _EVALUATE for attempt in attempts)
    own = (*ITEM_COLUMNS, *(SCORE_COLUMNS if scored else ()))
    tables: list[tuple[str, Sequence[Column], list[dict[str, Value]]]] = [
        (ITEMS, (*own, *given), [_item_row(a, own, names) for a in attempts]),
        (LESIONS, LESION_COLUMNS, [row for a in attempts for row in _lesion_rows(a)]),
    ]
    parquet = importlib.util.find_spec("pyarrow") is not None
    written = []
    for name, columns, rows in tables:
        written.append(results / f"{name}.csv")
        _write_csv(written[-1], columns, rows)
        if parquet:
            written.append(results / f"{name}.parquet")
            _write_parquet(written[-1], columns, rows)
    return Tables(tuple(written), (*sentences, *(() if parquet else (NO_PARQUET,))))


def check_cohort_tables(results: Path) -> None:
    """Raise `TargetError` where a file of a person's has the name of a table."""
    for name, columns in ((ITEMS, ITEM_COLUMNS), (LESIONS, LESION_COLUMNS)):
        path = results / f"{name}.csv"
        begin = ",".join(column.name for column in columns[:3]).encode()
        try:
            with path.open("rb") as file:
                ours = file.read(len(begin)) == begin
        except FileNotFoundError:
            continue
        except OSError as error:
            raise TargetError(f"{path} cannot be replaced: {reason_of(error)}.") from error
        if not ours:
            raise TargetError(
                f"{path} is no table of a cohort's results: rename it, or choose another folder "
                "for the results."
            )


def given_columns(attempts: Iterable[Attempt]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The person's columns with their names in the table, and what has to be said of these.

    They keep their names, but for those that a column of ours has or could have, in capitals or
    not: those begin with ``given_``. Two of the same name are numbered.
    """
    own = {column.name for column in (*ITEM_COLUMNS, *SCORE_COLUMNS)}
    taken = set(own)
    names: dict[str, str] = {}
    sentences = []
    for name in dict.fromkeys(name for attempt in attempts for name in attempt.columns):
        base = name.strip() or "column"
        first = chosen = f"{_GIVEN}{base}" if base.casefold() in own else base
        number = 1
        while chosen.casefold() in taken:
            number += 1
            chosen = f"{first}_{number}"
        taken.add(chosen.casefold())
        names[name] = chosen
        if chosen != name:
            sentences.append(f'Column "{name}" of the table of scans is "{chosen}" in {ITEMS}.csv.')
    return names, tuple(sentences)


def _item_row(
    attempt: Attempt, columns: Sequence[ItemColumn], given: Mapping[str, str]
) -> dict[str, Value]:
    row = {column.name: typed(column.value(attempt), column.kind) for column in columns}
    return row | {name: attempt.columns.get(key) or None for key, name in given.items()}


def _lesion_rows(attempt: Attempt) -> list[dict[str, Value]]:
    assessed = attempt.figures.get("recist_1_1")
    assessed = assessed if isinstance(assessed, dict) else None
    rows = []
    for lesion in lesions_of(attempt):
        centroid = lesion.get("centroid_mm")
        place = centroid if isinstance(centroid, list) and len(centroid) == 3 else (None,) * 3
        found = {
            **lesion,
            "item": attempt.item,
            "kind": attempt.kind,
            **dict(zip(("centroid_x_mm", "centroid_y_mm", "centroid_z_mm"), place, strict=True)),
            "recist_candidate": _is_among(lesion, assessed, "candidate_lesion_numbers"),
            "recist_target": _is_among(lesion, assessed, "target_lesion_numbers"),
        }
        rows.append({c.name: typed(found.get(c.name), c.kind) for c in LESION_COLUMNS})
    return rows


def _is_among(
    lesion: Mapping[str, object], assessed: Mapping[str, object] | None, key: str
) -> bool | None:
    numbers = assessed.get(key) if assessed else None
    return lesion.get("number") in numbers if isinstance(numbers, list) else None


def _write_csv(path: Path, columns: Sequence[Column], rows: Iterable[Mapping[str, Value]]) -> None:
    names = {column.name: _cell(column.name) for column in columns}
    cells = ({str(names[key]): _cell(value) for key, value in row.items()} for row in rows)
    write_csv(path, cells, [str(name) for name in names.values()])


def _cell(value: Value) -> Value:
    """A value as CSV has it.

    A spreadsheet would take text that begins like a formula for one, and run it: an apostrophe
    stands before it, unless it is a number.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def _write_parquet(
    path: Path, columns: Sequence[Column], rows: Sequence[Mapping[str, Value]]
) -> None:
    import pyarrow
    from pyarrow import parquet

    types = {
        "text": pyarrow.string(),
        "int": pyarrow.int64(),
        "float": pyarrow.float64(),
        "bool": pyarrow.bool_(),
    }
    fields = [
        pyarrow.field(c.name, types[c.kind], metadata={"unit": c.unit, "description": c.words})
        for c in columns
    ]
    about = {"software": f"liverview {__version__}", "disclaimer": DISCLAIMER}
    schema = pyarrow.schema(fields, metadata=about)
    table = pyarrow.Table.from_pylist([dict(row) for row in rows], schema=schema)
    with atomic_write(path) as temporary:
        parquet.write_table(table, temporary)
