"""The page's lists: outliers with pictures, failures by kind, what was said, all items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from liverview.cohort.page.cohort_state import CohortState
from liverview.cohort.page.failures import FailureKind, failure_kinds, retry_words
from liverview.cohort.page.html import list_html, picture_html, table_html, text_html
from liverview.cohort.page.outliers import Outlier, sentence_pattern, sentences_of
from liverview.cohort.page.pictures import NoPicture, ScanPicture
from liverview.cohort.page.quantities import Distribution
from liverview.cohort.work import Attempt
from liverview.core.labels import default_styles

MOST_PICTURES = 40
_MOST_OUTLIERS = 200  # in the table of those without a picture
_MOST_REASONS = 4
_MOST_NAMES = 300  # in the list of one kind of failure
_MOST_SENTENCES = 30
_MOST_ROWS = 1000
_MOST_FIGURES, _MOST_COLUMNS = 7, 4  # of a row
TABLE = "cohort.csv"


def iter_outlier_html(
    outliers: Sequence[Outlier], pictures: Sequence[ScanPicture | NoPicture]
) -> Iterator[str]:
    """Yield the outliers, as many as there are pictures with one each."""
    if not outliers:
        yield "<p>None was found.</p>"
        return
    keys = "".join(
        f'<li><span style="background: rgb{style.color}"></span>{text_html(style.name)}</li>'
        for style in default_styles().values()
    )
    yield f'<ul class="keys">{keys}</ul><div class="outliers">'
    for outlier, picture in zip(outliers, pictures, strict=False):
        yield _outlier_html(outlier, picture)
    yield "</div>"
    more = outliers[len(pictures) :]
    if more:
        yield f"<p>{len(more):,} more are without a picture.</p>"
        rows = [
            (one.attempt.item, "; ".join(why.text for why in one.reasons[:_MOST_REASONS]))
            for one in more[:_MOST_OUTLIERS]
        ]
        yield table_html(("scan", "why"), rows)
        if len(more) > _MOST_OUTLIERS:
            yield f'<p class="faint">{len(more) - _MOST_OUTLIERS:,} more are left out.</p>'


def _outlier_html(outlier: Outlier, picture: ScanPicture | NoPicture) -> str:
    item, reasons = outlier.attempt.item, outlier.reasons
    texts = [f"{reason.text}." for reason in reasons[:_MOST_REASONS]]
    if len(reasons) > _MOST_REASONS:
        texts.append(f"And {len(reasons) - _MOST_REASONS} more.")
    image, caption = "", ""
    if isinstance(picture, NoPicture):
        caption = picture.reason
    else:
        image, caption = picture_html(picture, item), picture.caption
    return (
        f"<figure>{image}<figcaption><b>{text_html(item)}</b>{list_html(texts)}"
        f'<span class="faint">{text_html(caption)}</span></figcaption></figure>'
    )


def iter_failure_html(state: CohortState) -> Iterator[str]:
    """Yield the kinds of failure, with the items of each folded away."""
    kinds = failure_kinds(state)
    if not kinds:
        yield "<p>None.</p>"
        return
    rows = [
        (one.title, f"{len(one.attempts):,}", one.example, one.way_out, _names_html(one))
        for one in kinds
    ]
    headings = ("kind", "scans", "as", "way out", "which")
    yield table_html(headings, rows, numeric=(1,), raw=(4,))
    words = text_html(retry_words([*state.failed, *state.lost]))
    yield (
        "<p>Once what was wrong is mended, give the same command again with --retry failed: "
        f"<code>{words}</code>. What is done is not done again.</p>"
    )


def _names_html(kind: FailureKind) -> str:
    rows = [
        f"{one.item}: {one.error}" if one.error else f"{one.item} ({one.path})"
        for one in kind.attempts[:_MOST_NAMES]
    ]
    left = len(kind.attempts) - len(rows)
    if left:
        rows.append(f"{left:,} more")
    number = len(kind.attempts)
    words = "1 scan" if number == 1 else f"{number:,} scans"
    return f"<details><summary>{words}</summary>{list_html(rows)}</details>"


def iter_sentence_html(attempts: Sequence[Attempt]) -> Iterator[str]:
    """Yield what was said of scans, alike sentences together."""
    groups: dict[str, list[str]] = {}
    for attempt in attempts:
        for sentence in sentences_of(attempt):
            pattern = sentence_pattern(sentence, attempt.item)
            groups.setdefault(pattern, []).append(f"{attempt.item}: {sentence}")
    ordered = sorted(groups.values(), key=lambda some: (-len(some), some[0]))
    if not ordered:
        yield "<p>Nothing.</p>"
        return
    rows = [(f"{len(some):,}", some[0]) for some in ordered[:_MOST_SENTENCES]]
    yield table_html(("times", "as"), rows, numeric=(0,))
    if len(ordered) > _MOST_SENTENCES:
        yield f'<p class="faint">{len(ordered) - _MOST_SENTENCES:,} more are left out.</p>'


def iter_item_html(
    state: CohortState, distributions: Sequence[Distribution], results: Path
) -> Iterator[str]:
    """Yield a table of the items, at most a thousand."""
    attempts = sorted([*state.done, *state.failed, *state.lost], key=lambda one: one.item)
    if (results / TABLE).is_file():
        yield f'<p>All figures of all scans: <a href="{TABLE}">{TABLE}</a>.</p>'
    places = {id(attempt): place for place, attempt in enumerate(state.done)}
    shown = distributions[:_MOST_FIGURES]
    columns = list(dict.fromkeys(name for one in attempts for name in one.columns))[:_MOST_COLUMNS]
    headings = ["scan", "outcome", *columns]
    headings += [
        f"{d.quantity.title}{f', {d.quantity.unit}' if d.quantity.unit else ''}" for d in shown
    ]
    lost = {id(attempt) for attempt in state.lost}
    rows = []
    for attempt in attempts[:_MOST_ROWS]:
        row = [attempt.item, "lost" if id(attempt) in lost else attempt.outcome]
        row += [attempt.columns.get(column, "") for column in columns]
        row += [_cell(one, places.get(id(attempt))) for one in shown]
        rows.append(row)
    first = 2 + len(columns)
    yield table_html(headings, rows, numeric=range(first, first + len(shown)))
    if len(attempts) > _MOST_ROWS:
        yield f'<p class="faint">{len(attempts) - _MOST_ROWS:,} more scans are left out.</p>'


def _cell(distribution: Distribution, place: int | None) -> str:
    if place is None or not np.isfinite(distribution.values[place]):
        return "-"
    return f"{distribution.values[place]:,.{distribution.quantity.decimals}f}"
