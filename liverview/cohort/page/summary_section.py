"""The page's head: how many scans, how fast, and what they were made with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from liverview.cohort.page.cohort_state import CohortState
from liverview.cohort.page.html import table_html, text_html
from liverview.cohort.work import Attempt

_SHA256 = re.compile(r"[0-9a-f]{64}")
_HASH = 12  # of its characters are shown


def iter_summary_html(state: CohortState, outliers: int = 0) -> Iterator[str]:
    """Yield the parts of the head.

    Parameters
    ----------
    outliers : how many scans are to be looked at.
    """
    lost = [('<a href="#failures">lost, or under way elsewhere</a>', len(state.lost))]
    counts = [
        ("done", len(state.done)),
        ('of them <a href="#outliers">to look at</a>', outliers),
        ('<a href="#failures">failed</a>', len(state.failed)),
        *(lost if state.lost else []),
        *([("not tried yet", state.left)] if state.left is not None else []),
    ]
    items = "".join(f"<li><b>{number:,}</b>{name}</li>" for name, number in counts)
    yield f'<ul class="counts">{items}</ul>'
    facts = list(_iter_facts(state))
    if facts:
        cells = "".join(
            f"<dt>{text_html(name)}</dt><dd>{text_html(what)}</dd>" for name, what in facts
        )
        yield f"<dl>{cells}</dl>"
    computed = [one for one in state.done if one.seconds is not None]
    if computed:
        yield _devices_html(computed)
    yield from _iter_made_with_html(state.done)


def _iter_facts(state: CohortState) -> Iterator[tuple[str, str]]:
    attempts = [*state.done, *state.failed]
    times = sorted(t for one in attempts if (t := _time(one.ended)) is not None)
    begun = sorted(t for one in attempts if (t := _time(one.began)) is not None)
    if times and begun:
        hours = (times[-1] - begun[0]).total_seconds() / 3600
        yield "From, to (UTC)", f"{begun[0]:%Y-%m-%d %H:%M} to {times[-1]:%Y-%m-%d %H:%M}"
        if hours > 0 and len(times) > 1:
            yield (
                "Scans per hour, all together",
                f"{len(times) / hours:,.1f}, pauses between runs counted",
            )
    machines = len({one.host for one in attempts if one.host})
    if machines:
        yield (
            "Machines, processes",
            f"{machines:,}, {len({(one.host, one.process) for one in attempts}):,}",
        )
    peaks = [one.peak_mb for one in attempts if one.peak_mb is not None]
    if peaks:
        yield "Most memory of a process", f"{max(peaks):,.0f} MB"
    again = sum(1 for one in attempts if one.number > 1)
    if again:
        yield "Tried more than once", f"{again:,}"


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _devices_html(attempts: Sequence[Attempt]) -> str:
    rows = []
    for device in sorted({one.device for one in attempts}):
        some = [one for one in attempts if one.device == device]
        seconds = np.array([one.seconds for one in some], np.float64)
        low, median, high = np.percentile(seconds, [25, 50, 75])
        peaks = [one.peak_mb for one in some if one.peak_mb is not None]
        rate = f"{3600 / median:,.0f}" if median > 0 else "-"
        peak = f"{max(peaks):,.0f}" if peaks else "-"
        name = device or "unknown"
        row = name, f"{len(some):,}", f"{median:.1f}", f"{low:.1f} to {high:.1f}", rate, peak
        rows.append(row)
    headings = (
        "device",
        "scans",
        "median, s",
        "quartiles, s",
        "scans per hour and worker",
        "most memory, MB",
    )
    return table_html(headings, rows, numeric=(1, 2, 3, 4, 5))


def _iter_made_with_html(attempts: Sequence[Attempt]) -> Iterator[str]:
    """Yield software, weights and options; several sets are a reason to wonder."""
    made = Counter(tuple(sorted(one.made_with.items())) for one in attempts)
    if len(made) > 1:
        differing = _differing([dict(one) for one in made])
        yield (
            f'<p class="warning">The results were made with {len(made)} different sets of '
            f"software, weights or options ({text_html(', '.join(differing))} differ): figures "
            "of one and another may not be compared. The same command again makes those "
            "anew that are not of the present one.</p>"
        )
    if any(made):
        keys = sorted({key for one in made for key, _ in one})
        rows = [
            [f"{count:,}", *(_short(dict(one).get(key, "-")) for key in keys)]
            for one, count in made.most_common(20)
        ]
        yield "<h3>Made with</h3>"
        yield table_html(["scans", *(key.replace("_", " ") for key in keys)], rows, numeric=(0,))
    if len(made) > 20:
        yield f'<p class="faint">{len(made) - 20:,} more are left out.</p>'


def _short(value: str) -> str:
    """A hash by its beginning, as people compare them; the tables have all of it."""
    return f"{value[:_HASH]}..." if _SHA256.fullmatch(value) else value


def _differing(made: Sequence[dict[str, str]]) -> list[str]:
    keys = sorted({key for one in made for key in one})
    return [key.replace("_", " ") for key in keys if len({one.get(key) for one in made}) > 1]
