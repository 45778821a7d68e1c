"""Histograms and box plots as SVG inside of HTML; colors are those of the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.cohort.page.html import text_html

_WIDTH, _HEIGHT = 380, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 8, 18, 22
_MOST_BINS, _LEAST_BINS = 36, 5
_WIDE = 3.0  # quartile distances beyond the quartiles: what is farther is counted, not placed
_ROW, _NAME = 22, 120
_APART = 1e-6  # of a value: what is closer is one


class Bins(NamedTuple):
    """A histogram.

    Attributes
    ----------
    edges : (n + 1,) float64.
    counts : (n,) of the values between them; the last edge belongs to the last bin.
    below, above : how many values lie outside of the edges.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    below: int
    above: int


def histogram(values: NDArray[np.float64]) -> Bins:
    """Bins of round width by Freedman and Diaconis; a few far values do not squeeze the rest.

    Parameters
    ----------
    values : (n,) finite, n at least 1.
    """
    low, high = chart_range(values)
    quartiles = np.percentile(values, [25, 75])
    wanted = 2 * float(quartiles[1] - quartiles[0]) / len(values) ** (1 / 3)
    whole = bool((values == np.rint(values)).all())
    span = high - low
    width = _round_up(min(max(wanted, span / _MOST_BINS), span / _LEAST_BINS))
    if whole:
        width = max(1.0, width)
    shift = 0.5 if whole and width == 1 else 0.0  # a whole number is in the middle of its bin
    first = math.floor((low + shift) / width) * width - shift
    number = max(1, math.ceil((high - first) / width - 1e-9))
    edges = first + width * np.arange(number + 1)
    edges[-1] = max(float(edges[-1]), high)  # which rounding may have left outside
    counts, _ = np.histogram(values, edges)
    return Bins(
        edges.astype(np.float64),
        counts.astype(np.int64),
        int((values < edges[0]).sum()),
        int((values > edges[-1]).sum()),
    )


def chart_range(values: NDArray[np.float64]) -> tuple[float, float]:
    """The range to draw, at most as wide as outliers leave it; its ends are apart."""
    low, high = float(values.min()), float(values.max())
    first, third = (float(edge) for edge in np.percentile(values, [25, 75]))
    if third > first:
        low = max(low, first - _WIDE * (third - first))
        high = min(high, third + _WIDE * (third - first))
    if high - low <= _APART * max(abs(low), abs(high)):
        low, high = low - 0.5 * max(1.0, abs(low) * 0.1), high + 0.5 * max(1.0, abs(high) * 0.1)
    return low, high


def histogram_svg(values: NDArray[np.float64], title: str, decimals: int) -> str:
    """A histogram with the median as a line and the quartiles as a band."""
    bins = histogram(values)
    low, high = float(bins.edges[0]), float(bins.edges[-1])
    inner = _WIDTH - _LEFT - _RIGHT
    base = _HEIGHT - _BOTTOM

    def x_of(value: float) -> float:
        return _LEFT + inner * (min(max(value, low), high) - low) / (high - low)

    quartiles = [x_of(float(q)) for q in np.percentile(values, [25, 50, 75])]
    most = max(1, int(bins.counts.max()))
    parts = [
        f'<rect class="band" x="{quartiles[0]:.1f}" y="{_TOP}" '
        f'width="{max(1.0, quartiles[2] - quartiles[0]):.1f}" height="{base - _TOP}"/>'
    ]
    for start, end, count in zip(bins.edges[:-1], bins.edges[1:], bins.counts, strict=True):
        if count:
            height = max(1.0, (base - _TOP) * count / most)
            left, right = x_of(float(start)), x_of(float(end))
            words = f"{start:,.{decimals}f} to {end:,.{decimals}f}: {count:,}"
            parts.append(
                f'<rect class="bar" x="{left + 0.5:.1f}" y="{base - height:.1f}" '
                f'width="{max(0.8, right - left - 1):.1f}" height="{height:.1f}">'
                f"<title>{words}</title></rect>"
            )
    parts.append(
        f'<line class="middle" x1="{quartiles[1]:.1f}" x2="{quartiles[1]:.1f}" y1="{_TOP}" '
        f'y2="{base}"/>'
    )
    parts += _axis(low, high, x_of(low), x_of(high), base)
    parts.append(f'<text x="{_LEFT}" y="12">{most:,} {"scan" if most == 1 else "scans"}</text>')
    beyond = [
        *([f"{bins.below:,} further left"] if bins.below else []),
        *([f"{bins.above:,} further right"] if bins.above else []),
    ]
    if beyond:
        parts.append(
            f'<text class="far" x="{_WIDTH - _RIGHT}" y="12" text-anchor="end">'
            f"{', '.join(beyond)}</text>"
        )
    return _svg(_WIDTH, _HEIGHT, title, parts)


def box_plot_svg(groups: Sequence[tuple[str, NDArray[np.float64]]], title: str) -> str:
    """A row per group: quartiles as a box, the 5th and 95th percentile as a line.

    Parameters
    ----------
    groups : name and (n,) finite values of each, n at least 1.
    """
    low, high = chart_range(np.concatenate([values for _, values in groups]))
    inner = _WIDTH - _LEFT - _RIGHT - _NAME
    base = _TOP // 2 + _ROW * len(groups)

    def x_of(value: float) -> float:
        return _LEFT + _NAME + inner * (min(max(value, low), high) - low) / (high - low)

    parts: list[str] = []
    for number, (name, values) in enumerate(groups):
        middle = _TOP // 2 + _ROW * number + _ROW / 2
        ends = [x_of(float(q)) for q in np.percentile(values, [5, 25, 50, 75, 95])]
        parts += [
            f'<text class="name" x="{_LEFT + _NAME - 8}" y="{middle + 4:.1f}" text-anchor="end">'
            f"{text_html(name, 14)} ({len(values):,})</text>",
            f'<line class="reach" x1="{ends[0]:.1f}" x2="{ends[4]:.1f}" y1="{middle:.1f}" '
            f'y2="{middle:.1f}"/>',
            f'<rect class="bar" x="{ends[1]:.1f}" y="{middle - 6:.1f}" '
            f'width="{max(1.0, ends[3] - ends[1]):.1f}" height="12"/>',
            f'<line class="middle" x1="{ends[2]:.1f}" x2="{ends[2]:.1f}" y1="{middle - 8:.1f}" '
            f'y2="{middle + 8:.1f}"/>',
        ]
    parts += _axis(low, high, x_of(low), x_of(high), base)
    return _svg(_WIDTH, base + _BOTTOM, title, parts)


def _axis(low: float, high: float, left: float, right: float, base: float) -> list[str]:
    """The line below with its numbers."""
    step = _round_up((high - low) / 6)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    decimals = next(n for n in range(20) if abs(step * 10**n - round(step * 10**n)) < 1e-6)
    parts = [f'<line class="axis" x1="{left:.1f}" x2="{right:.1f}" y1="{base}" y2="{base}"/>']
    for number in range(first, last + 1):
        x = left + (right - left) * (number * step - low) / (high - low)
        anchor = "start" if x < left + 14 else "end" if x > right - 14 else "middle"
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}"/>')
        words = f"{number * step:,.{decimals}f}"
        parts.append(f'<text x="{x:.1f}" y="{base + 17}" text-anchor="{anchor}">{words}</text>')
    return parts


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    label = text_html(title)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )


def _round_up(width: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(width))
    return next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= width * (1 - 1e-9))
