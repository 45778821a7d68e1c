"""A cohort of any work on the terminal: what is done is passed over, the rest is run and noted."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.cohort_run import GentleStop, iter_cohort, write_results
from liverview.cli.run_options import run_choice

if TYPE_CHECKING:
    from liverview.cohort.ledger import Ledger
    from liverview.cohort.work import Attempt, CohortItem, CohortWork


def refuse_without_folder(options: argparse.Namespace, *names: str) -> None:
    """ValueError where --retry, --on or another of these options is given without a ledger."""
    asked = [name for name in ("retry", "on", *names) if getattr(options, name) is not None]
    if options.output is None and asked:
        raise ValueError(f"--{asked[0].replace('_', '-')} needs a ledger: add -o DIR.")


def run_items(
    items: Sequence[CohortItem],
    work: CohortWork,
    options: argparse.Namespace,
    take: Callable[[Attempt], None],
    is_there: Callable[[str], bool] = lambda name: True,
) -> dict[str, Attempt]:
    """Run what is to do, and print what fails; returns what counts of every item, by its name.

    With a ledger (``-o``) that is all in it that was made in the same way, of other parts too, and
    of these items what has failed; tables and page are written, also where it was stopped gently.

    Parameters
    ----------
    take : prints what an item that is done has come to.
    is_there : true where the files of an item that is done are.

    Raises
    ------
    KeyboardInterrupt : where a person has stopped it; what is done is kept.
    RunStoppedError : where no result can be written any more.
    """
    from liverview.cohort import ledger as ledgers
    from liverview.cohort.running import iter_run
    from liverview.cohort.tables import check_cohort_tables
    from liverview.files.atomic import make_folder

    ledger: Ledger | None = None
    if options.output is not None:
        make_folder(options.output)
        check_cohort_tables(options.output)
        ledger = ledgers.Ledger(options.output)
    to_do = _to_do(items, work, ledger, options, is_there)
    ended: dict[str, Attempt] = {}
    planned = None if options.part else len(items)
    stop = GentleStop()
    try:
        with stop:
            stream = iter_run(to_do, work, ledger, run_choice(options), stop)
            for attempt in iter_cohort(stream, len(to_do), stop):
                ended[attempt.item] = attempt
                if attempt.outcome == "done":
                    take(attempt)
                else:
                    print(f"liverview: {attempt.item}: {attempt.error}", file=sys.stderr)
    except KeyboardInterrupt:
        if ledger is not None and not stop.insisted:
            _write_results(options.output, planned)
        raise
    if ledger is None:
        return dict(sorted(ended.items()))
    return _standing(items, work, _write_results(options.output, planned))


def _write_results(folder: Path, planned: int | None) -> Sequence[Attempt]:
    """Write tables and page; returns the attempts that count."""
    written = write_results(folder, planned)
    for path in written.files:
        print(f"{path} written.")
    return written.attempts


def _to_do(
    items: Sequence[CohortItem],
    work: CohortWork,
    ledger: Ledger | None,
    options: argparse.Namespace,
    is_there: Callable[[str], bool],
) -> list[CohortItem]:
    from liverview.cohort.states import ItemState, item_states, state_sentences

    if ledger is None or options.overwrite:
        return list(items)
    content = ledger.read()
    if content.warning:
        print(content.warning, file=sys.stderr)
    states = item_states(items, content, work, lost_after_s=lost_after_s(options))
    for name, state in states.items():
        if state.state == "done" and not is_there(name):
            states[name] = ItemState("new", None, state.tries, ("its results",))
    again = options.retry == "failed"
    for line in state_sentences(states, retry_failed=again):
        print(line, file=sys.stderr)
    return [item for item in items if states[item.name].is_to_do(retry_failed=again)]


def lost_after_s(options: argparse.Namespace) -> float:
    """From when on what another machine began is lost: at once where no other can be at it."""
    from liverview.cohort.states import LOST_AFTER_S

    return 0.0 if options.part is not None or options.on is not None else LOST_AFTER_S


def _standing(
    items: Sequence[CohortItem], work: CohortWork, standing: Sequence[Attempt]
) -> dict[str, Attempt]:
    """Of the attempts that count in a ledger, those of the same work."""
    from liverview.core.text import printable

    own = {printable(item.name) for item in items}
    attempts = {one.item: one for one in standing if one.kind == work.kind}
    return {
        name: attempt
        for name, attempt in sorted(attempts.items())
        if (attempt.outcome == "done" and dict(attempt.made_with) == dict(work.made_with))
        or (attempt.outcome == "failed" and name in own)
    }


def is_own_json(path: Path | None) -> bool:
    """True for the JSON of many items, which a command that goes on may replace."""
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"scans", "failed"} <= content.keys()
