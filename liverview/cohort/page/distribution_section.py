"""The page's charts: every quantity as a histogram, some by the groups that a person knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from liverview.cohort.page.charts import box_plot_svg, histogram_svg
from liverview.cohort.page.html import text_html
from liverview.cohort.page.quantities import Distribution
from liverview.cohort.work import Attempt

_MOST_GROUPS, _LEAST_GROUPS = 8, 2
_MOST_COLUMNS = 6
_GROUPED = (
    "liver_with_vessels_and_tumors_ml",
    "tumor_ml",
    "liver_mean_hu",
    "liver_dice",
    "tumor_dice",
)
"""Names of the quantities that are shown by group."""


def iter_distribution_html(
    attempts: Sequence[Attempt], distributions: Sequence[Distribution]
) -> Iterator[str]:
    """Yield the histograms, then the box plots by the person's columns."""
    yield (
        '<p class="faint">Scans by value. The line is the median, the band lies between the '
        "quartiles.</p>"
    )
    yield '<div class="charts">'
    yield from (_histogram_html(one) for one in distributions)
    yield "</div>"
    columns = grouping_columns(attempts)
    for number, (column, groups) in enumerate(columns.items()):
        if number == _MOST_COLUMNS:
            left = len(columns) - number
            yield f'<p class="faint">{left:,} more columns are left out.</p>'
            break
        charts = [
            chart
            for one in distributions
            if one.quantity.name in _GROUPED and (chart := _box_plot_html(one, column, groups))
        ]
        if charts:
            yield f"<h3>By {text_html(column, 60)}</h3>"
            yield (
                '<p class="faint">Boxes lie between the quartiles, lines between the 5th and the '
                "95th percentile.</p>"
            )
            yield f'<div class="charts">{"".join(charts)}</div>'


def grouping_columns(attempts: Sequence[Attempt]) -> dict[str, dict[str, list[int]]]:
    """The person's columns with few values, and the numbers of the attempts of each value."""
    columns: dict[str, dict[str, list[int]]] = {}
    for index, attempt in enumerate(attempts):
        for column, value in attempt.columns.items():
            if value:
                columns.setdefault(column, {}).setdefault(value, []).append(index)
    return {
        column: dict(sorted(groups.items()))
        for column, groups in columns.items()
        if _LEAST_GROUPS <= len(groups) <= _MOST_GROUPS
        and max(len(some) for some in groups.values()) > 1
    }


def quartile_words(distribution: Distribution) -> str:
    """Number of scans, median, quartiles, least and most; the value where it is the only one."""
    quantity, known = distribution.quantity, distribution.known
    scans = f"{len(known):,} {'scan' if len(known) == 1 else 'scans'}"
    if known.min() == known.max():
        return f"{scans}, {'all ' if len(known) > 1 else ''}{quantity.words(float(known[0]))}"
    low, median, high = (float(q) for q in np.percentile(known, [25, 50, 75]))
    plain = f",.{quantity.decimals}f"
    return (
        f"{scans}, median {quantity.words(median)}, quartiles {low:{plain}} to "
        f"{high:{plain}}, range {known.min():{plain}} to {known.max():{plain}}"
    )


def _histogram_html(distribution: Distribution) -> str:
    quantity = distribution.quantity
    unit = f", {quantity.unit}" if quantity.unit else ""
    title = f"{quantity.title}{unit}"
    words = quartile_words(distribution)
    known, chart = distribution.known, ""
    if known.min() < known.max():  # one bar says nothing that a sentence does not
        chart = histogram_svg(known, f"{title}: {words}", quantity.decimals)
    return f'<div class="chart"><h3>{text_html(title)}</h3>{chart}<p>{text_html(words)}</p></div>'


def _box_plot_html(
    distribution: Distribution, column: str, groups: Mapping[str, Sequence[int]]
) -> str:
    shown = []
    for name, indices in groups.items():
        values = distribution.values[np.asarray(indices)]
        known = values[np.isfinite(values)]
        if len(known):
            shown.append((name, known))
    if len(shown) < _LEAST_GROUPS:
        return ""
    quantity = distribution.quantity
    title = f"{quantity.title}{f', {quantity.unit}' if quantity.unit else ''}"
    medians = ", ".join(f"{name} {quantity.words(float(np.median(v)))}" for name, v in shown)
    chart = box_plot_svg(shown, f"{title} by {column}: medians {medians}")
    return (
        f'<div class="chart"><h3>{text_html(title)}</h3>{chart}'
        f"<p>{text_html(f'Medians: {medians}')}</p></div>"
    )
