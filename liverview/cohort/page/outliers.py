"""Scans that a person should look at: figures far from the others, and what is odd by itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.cohort.page.quantities import (
    Distribution,
    Focus,
    Quantity,
    Scale,
    figure_at,
)
from liverview.cohort.work import Attempt

PLAUSIBLE_LIVER_ML = (300.0, 4500.0)
"""A liver of less or more is unusual, as segmentation says, too."""
MOST_BURDEN_PERCENT = 25.0
PLAUSIBLE_LIVER_HU = (30.0, 180.0)
"""Below: much fat, or values that are no HU; above: more than contrast does."""
LEAST_LIVER_DICE = 0.9
FAR = 3.5
"""Of the modified z-score, as Iglewicz and Hoaglin (1993) advise."""
LEAST_SCANS = 12
"""With fewer there is no telling what is far from the others."""
_RARE = 0.05  # of the scans: a sentence that more have tells nothing of one of them
_COMPLEMENT_FLOOR = 0.002
_CERTAIN = 1000.0  # an oddity by itself comes before any distance
_NUMBERS = re.compile(r"\d[\d.,]*")


@dataclass(frozen=True)
class Reason:
    """A reason to look at a scan.

    Attributes
    ----------
    text : one sentence without its end.
    weight : by which scans are ordered, the highest first.
    focus : what a picture shows.
    """

    text: str
    weight: float
    focus: Focus = Focus.LIVER


@dataclass(frozen=True)
class Outlier:
    """A scan with the reasons to look at it, the weightiest first."""

    attempt: Attempt
    reasons: tuple[Reason, ...]


def find_outliers(
    attempts: Sequence[Attempt], distributions: Sequence[Distribution]
) -> list[Outlier]:
    """The scans to look at, the oddest first.

    Parameters
    ----------
    attempts : that are done.
    distributions : of the same attempts.
    """
    reasons: list[list[Reason]] = [list(_iter_conspicuous(one)) for one in attempts]
    for distribution in distributions:
        for index, reason in _iter_far(distribution):
            reasons[index].append(reason)
    for index, reason in _iter_rare_sentences(attempts):
        reasons[index].append(reason)
    found = [
        Outlier(attempt, tuple(sorted(why, key=lambda reason: -reason.weight)))
        for attempt, why in zip(attempts, reasons, strict=True)
        if why
    ]
    return sorted(found, key=lambda one: (-one.reasons[0].weight, one.attempt.item))


def far_scores(values: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Modified z-scores, (n,) float64: .6745 times the distance from the median, by the MAD.

    NaN where there is no value, none that the scale has a place for, or too few of them.
    """
    scores = np.full(values.shape, np.nan)
    if scale is Scale.NONE:
        return scores
    with np.errstate(invalid="ignore", divide="ignore"):
        if scale is Scale.LOGARITHM:
            placed = np.log(values)
        elif scale is Scale.COMPLEMENT:
            placed = np.log(np.maximum(1 - values, 0) + _COMPLEMENT_FLOOR)
        else:
            placed = values
    known = np.isfinite(placed)
    if known.sum() < LEAST_SCANS:
        return scores
    median = np.median(placed[known])
    mad = np.median(np.abs(placed[known] - median))
    if mad > 0:
        scores[known] = 0.6745 * (placed[known] - median) / mad
    return scores


def sentence_pattern(sentence: str, item: str) -> str:
    """A sentence without the numbers and the name in it, which differ from scan to scan."""
    return _NUMBERS.sub("#", sentence.replace(item, "..") if item else sentence)


def sentences_of(attempt: Attempt) -> list[str]:
    """Sentences that reading and segmentation said of a scan, each once."""
    said = figure_at(attempt, "notes")
    more = [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
    return list(dict.fromkeys((*attempt.notes, *more)))


def _iter_far(distribution: Distribution) -> Iterator[tuple[int, Reason]]:
    quantity, values = distribution.quantity, distribution.values
    scores = far_scores(values, quantity.scale)
    if quantity.scale is Scale.COMPLEMENT:  # nobody has to look at what is too good
        scores[scores < 0] = 0
    known = np.sort(distribution.known)
    for index in np.flatnonzero(np.abs(scores) > FAR):
        value = float(values[index])
        yield (
            int(index),
            Reason(_far_words(quantity, value, known), abs(float(scores[index])), quantity.focus),
        )


def _far_words(quantity: Quantity, value: float, known: NDArray[np.float64]) -> str:
    low, median, high = np.percentile(known, [25, 50, 75])
    below = int(np.searchsorted(known, value, "left"))
    above = len(known) - int(np.searchsorted(known, value, "right"))
    place = f"more than {below:,}" if value > median else f"less than {above:,}"
    return (
        f"{quantity.title} {quantity.words(value)}: {place} of {len(known):,} scans "
        f"(median {quantity.words(float(median))}, quartiles "
        f"{low:,.{quantity.decimals}f} to {high:,.{quantity.decimals}f})"
    )


def _iter_conspicuous(attempt: Attempt) -> Iterator[Reason]:
    ml = figure_at(attempt, "liver_with_vessels_and_tumors_ml")
    least, most = PLAUSIBLE_LIVER_ML
    if _is_number(ml):
        if ml == 0:
            yield Reason("No liver was found", 4 * _CERTAIN, Focus.ENDS)
        elif not least <= ml <= most:
            yield Reason(
                f"Liver volume {ml:,.1f} mL is outside of {least:,.0f} to {most:,.0f} mL",
                3 * _CERTAIN,
            )
    if figure_at(attempt, "partial") is True:
        yield Reason("The segmentation was stopped: labels are partial", 2.5 * _CERTAIN)
    ends = [end for end in ("first", "last") if figure_at(attempt, f"liver_on_{end}_slice") is True]
    if ends:
        yield Reason(
            f"The liver reaches the scan's {' and '.join(ends)} axial slice: it is cut, and its "
            "volume too small",
            2 * _CERTAIN,
            Focus.ENDS,
        )
    yield from _iter_conspicuous_figures(attempt)


def _iter_conspicuous_figures(attempt: Attempt) -> Iterator[Reason]:
    burden = figure_at(attempt, "tumor_burden_percent")
    if _is_number(burden) and burden > MOST_BURDEN_PERCENT:
        yield Reason(
            f"Tumor burden {burden:,.1f} % is above {MOST_BURDEN_PERCENT:g} %",
            1.5 * _CERTAIN,
            Focus.TUMOR,
        )
    hu = figure_at(attempt, "liver_mean_hu")
    low, high = PLAUSIBLE_LIVER_HU
    if _is_number(hu) and not low <= hu <= high:
        yield Reason(f"Liver mean {hu:,.0f} HU is outside of {low:g} to {high:g} HU", _CERTAIN)
    dice = figure_at(attempt, "liver", "dice")
    if _is_number(dice) and dice < LEAST_LIVER_DICE:
        yield Reason(f"Liver Dice {dice:.3f} is below {LEAST_LIVER_DICE:g}", 2 * _CERTAIN)


def _iter_rare_sentences(attempts: Sequence[Attempt]) -> Iterator[tuple[int, Reason]]:
    said = [sentences_of(attempt) for attempt in attempts]
    patterns = [
        [sentence_pattern(one, attempt.item) for one in sentences]
        for attempt, sentences in zip(attempts, said, strict=True)
    ]
    counts = Counter(pattern for some in patterns for pattern in set(some))
    most = max(1, int(_RARE * len(attempts)))
    for index, (sentences, some) in enumerate(zip(said, patterns, strict=True)):
        for sentence, pattern in zip(sentences, some, strict=True):
            if counts[pattern] <= most:
                yield index, Reason(f"It was said: {sentence.rstrip('.')}", 1.0)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
