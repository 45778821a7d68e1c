"""All that a cohort leaves in the folder of its results at the end: tables and page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from liverview.cohort.ledger import Ledger
from liverview.cohort.page.writing import iter_write_cohort_page
from liverview.cohort.states import LOST_AFTER_S, standing_attempts
from liverview.cohort.tables import write_cohort_tables
from liverview.cohort.work import Attempt
from liverview.core.stream import Message, Progress

_PHASE = "Reading the ledger"


def scan_name(attempt: Attempt) -> str:
    """The name of an item as the person's own table has it; the ledger has that of the result."""
    return attempt.item.removesuffix("_seg") if attempt.kind == "segment" else attempt.item


@dataclass(frozen=True)
class ResultsWritten:
    """What was written, and from what.

    Attributes
    ----------
    attempts : the one that counts of each item and kind of work, by the scans' names.
    files : tables and page.
    """

    attempts: tuple[Attempt, ...]
    files: tuple[Path, ...]


def iter_write_results(
    results: Path, planned: int | None = None, *, lost_after_s: float = LOST_AFTER_S
) -> Iterator[Progress | Message | ResultsWritten]:
    """Write ``cohort.csv``, ``.parquet`` and ``.html`` from the ledger in a folder of results.

    Other machines may be at the cohort meanwhile: the last one to end has all of it. The
    result comes last.

    Parameters
    ----------
    planned : how many items there are, tried or not; None where that is not known.
    lost_after_s : see `states.item_states`.

    Raises
    ------
    TargetError : where a file cannot be written.
    """
    yield Progress(_PHASE, 0.0)
    ledger = Ledger(results)
    content = ledger.read()
    if content.warning:
        yield Message(content.warning)
    standing = standing_attempts(content, lost_after_s=lost_after_s)
    attempts = [replace(one, item=scan_name(one)) for one in standing]
    tables = write_cohort_tables(results, attempts)
    for sentence in tables.sentences:
        yield Message(sentence)
    written = list(tables.written)
    for item in iter_write_cohort_page(results, attempts, planned):
        if isinstance(item, Path):
            written.append(item)
        else:
            yield item
    ledger.tidy()
    yield ResultsWritten(tuple(attempts), tuple(written))
