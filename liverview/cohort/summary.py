"""What became of a cohort, in figures and in lines to print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from liverview.cohort.page.cohort_state import CohortState, cohort_state
from liverview.cohort.page.failures import failure_kinds
from liverview.cohort.work import Attempt
from liverview.core.text import shortened

_MOST_FAILURES = 20  # rows of a table that a person reads
_WIDEST = 40  # characters of a name in it
_HOUR_S = 3600.0


@dataclass(frozen=True)
class DeviceRate:
    """How fast a kind of device was.

    Attributes
    ----------
    device : as cpu or cuda:0.
    machines : how many there were with it.
    scans : that were done on it.
    median_seconds : of the computation of one.
    scans_per_hour : of all together, in the time in which at least one was under way.
    """

    device: str
    machines: int
    scans: int
    median_seconds: float
    scans_per_hour: float | None


def device_rates(attempts: Iterable[Attempt]) -> list[DeviceRate]:
    """The rates of the devices on which something was computed; attempts that were done count."""
    by_device: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.outcome == "done" and attempt.seconds is not None:
            by_device.setdefault(attempt.device or "unknown", []).append(attempt)
    rates = []
    for device, done in sorted(by_device.items()):
        hours = _covered_s(done) / _HOUR_S
        rates.append(
            DeviceRate(
                device,
                len({attempt.host for attempt in done}),
                len(done),
                round(median(float(attempt.seconds or 0) for attempt in done), 2),
                round(len(done) / hours, 1) if hours else None,
            )
        )
    return rates


def summary_figures(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """For JSON: what is done, what failed by kind, and the rates by device.

    Parameters
    ----------
    attempts : one of each item and kind of work, as `states.standing_attempts` returns them.
    """
    state, under_way = _states(attempts)
    return {
        "done_count": len(state.done),
        "failed_count": len(state.failed),
        "lost_count": len(state.lost),
        "under_way_count": under_way,
        "failures": [
            {"kind": one.kind, "count": len(one.attempts), "example": one.example}
            for one in failure_kinds(state)
        ],
        "devices": [
            {
                "device": rate.device,
                "machines": rate.machines,
                "scans": rate.scans,
                "median_seconds": rate.median_seconds,
                "scans_per_hour": rate.scans_per_hour,
            }
            for rate in device_rates(attempts)
        ],
    }


def summary_lines(attempts: Sequence[Attempt]) -> list[str]:
    """The same to print."""
    figures = summary_figures(attempts)
    counts = ("done", "failed", "lost", "under_way")
    lines = [f"{name.replace('_', ' '):<10} {figures[f'{name}_count']:>8,}" for name in counts]
    for one in figures["failures"]:
        lines.append(f"{one['count']:>6,}  {one['kind']}, as: {one['example']}")
    for rate in device_rates(attempts):
        machines = "1 machine" if rate.machines == 1 else f"{rate.machines:,} machines"
        hourly = (
            "" if rate.scans_per_hour is None else f", {rate.scans_per_hour:,.0f} scans an hour"
        )
        lines.append(
            f"{rate.device}: {rate.scans:,} scans on {machines}, {rate.median_seconds:.1f} s "
            f"each (median){hourly}"
        )
    return lines


def failure_lines(failed: Sequence[Attempt], table: str | None = "cohort.csv") -> list[str]:
    """The table of failures at the end of a run; nothing where there are none.

    Parameters
    ----------
    failed : the attempts that failed.
    table : the file in which all of them are; None where there is no ledger.
    """
    if not failed:
        return []
    rows = sorted(failed, key=lambda attempt: (attempt.error_kind, attempt.item))
    listed = rows[:_MOST_FAILURES]
    names = [shortened(attempt.item, _WIDEST) for attempt in listed]
    width = max(map(len, names))
    kinds = max(len(attempt.error_kind) for attempt in listed)
    lines = ["1 scan failed:" if len(rows) == 1 else f"{len(rows):,} scans failed:"]
    for name, attempt in zip(names, listed, strict=True):
        lines.append(f"  {name:<{width}}  {attempt.error_kind:<{kinds}}  {attempt.error}".rstrip())
    if len(rows) > len(listed):
        where = "." if table is None else f": {table} has all of them."
        lines.append(f"  and {len(rows) - len(listed):,} more{where}")
    if table is not None:
        lines.append("The same command with --retry failed tries them again.")
    return lines


def _states(attempts: Sequence[Attempt]) -> tuple[CohortState, int]:
    """What is done, failed and lost, and how many are under way."""
    ended = [attempt for attempt in attempts if attempt.outcome != "begun"]
    kinds = sorted({attempt.kind for attempt in ended})
    of_kinds = [cohort_state(a for a in ended if a.kind == kind) for kind in kinds]
    state = CohortState(
        tuple(one for state in of_kinds for one in state.done),
        tuple(one for state in of_kinds for one in state.failed),
        tuple(one for state in of_kinds for one in state.lost),
        None,
    )
    return state, len(attempts) - len(ended)


def _covered_s(attempts: Iterable[Attempt]) -> float:
    """The time in which at least one of some attempts was under way; pauses between runs not."""
    spans = sorted(
        (
            datetime.fromisoformat(one.began).timestamp(),
            datetime.fromisoformat(one.ended).timestamp(),
        )
        for one in attempts
        if one.ended
    )
    covered, until = 0.0, float("-inf")
    for begin, end in spans:
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    return covered
