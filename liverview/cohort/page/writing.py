"""Writing the page of a cohort."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from liverview.cohort.page.cohort_state import CohortState, cohort_state
from liverview.cohort.page.distribution_section import iter_distribution_html
from liverview.cohort.page.html import page_html, text_html
from liverview.cohort.page.outliers import FAR, Outlier, find_outliers
from liverview.cohort.page.pictures import NoPicture, ScanPicture, iter_picture
from liverview.cohort.page.quantities import Distribution, distributions
from liverview.cohort.page.scan_sections import (
    MOST_PICTURES,
    iter_failure_html,
    iter_item_html,
    iter_outlier_html,
    iter_sentence_html,
)
from liverview.cohort.page.summary_section import iter_summary_html
from liverview.cohort.work import Attempt
from liverview.core.about import DISCLAIMER, __version__
from liverview.core.stream import Progress, result_of
from liverview.files.atomic import write_text

PAGE = "cohort.html"
"""The page's name in the folder of the results."""
_PHASE = "Writing the cohort's page"


def write_cohort_page(
    results: Path, attempts: Iterable[Attempt], planned: int | None = None
) -> Path:
    """Write ``cohort.html`` into a folder of results, in place of what is there; returns its path.

    It is one file that needs nothing else, and its size is bounded however many scans there are:
    pictures are those of the oddest scans, and it says how many are left out.

    Parameters
    ----------
    attempts : of the ledger; the newest at each item counts.
    planned : how many items there are, tried or not; None where that is not known.

    Raises
    ------
    TargetError : where the page cannot be written.
    """
    return result_of(iter_write_cohort_page(results, attempts, planned), Path)


def iter_write_cohort_page(
    results: Path, attempts: Iterable[Attempt], planned: int | None = None
) -> Iterator[Progress | Path]:
    """Write as `write_cohort_page` does; yields progress, then the path."""
    yield Progress(_PHASE, 0.0)
    state = cohort_state(attempts, planned)
    found = distributions(state.done)
    outliers = find_outliers(state.done, found)
    pictures: list[ScanPicture | NoPicture] = []
    wanted = outliers[:MOST_PICTURES]
    for number, outlier in enumerate(wanted):
        yield Progress(_PHASE, number / len(wanted))
        drawing = iter_picture(outlier.attempt, outlier.reasons[0].focus, results)
        pictures.append((yield from _iter_quietly(drawing, number / len(wanted))))
    title = f"Cohort of {state.tried if planned is None else planned:,} scans"
    body = _iter_body(title, state, found, outliers, pictures, results)
    path = results / PAGE
    write_text(path, page_html(title, body))
    yield Progress(_PHASE, 1.0)
    yield path


def _iter_quietly(
    drawing: Generator[Progress, None, ScanPicture | NoPicture], share: float
) -> Generator[Progress, None, ScanPicture | NoPicture]:
    """Draw one picture; its steps are the page's."""
    with closing(drawing):
        while True:
            try:
                next(drawing)
            except StopIteration as end:
                picture: ScanPicture | NoPicture = end.value
                return picture
            yield Progress(_PHASE, share)


def _iter_body(
    title: str,
    state: CohortState,
    found: Sequence[Distribution],
    outliers: Sequence[Outlier],
    pictures: Sequence[ScanPicture | NoPicture],
    results: Path,
) -> Iterator[str]:
    failed = len(state.failed) + len(state.lost)
    sections = [
        ("distributions", "Distributions", iter_distribution_html(state.done, found)),
        ("outliers", f"Outliers ({len(outliers):,})", iter_outlier_html(outliers, pictures)),
        ("failures", f"Failures ({failed:,})", iter_failure_html(state)),
        ("said", "What was said of scans", iter_sentence_html(state.done)),
        ("scans", "Scans", iter_item_html(state, found, results)),
    ]
    if not found:
        sections = sections[1:]
    yield f"<h1>{text_html(title)}</h1>"
    yield f'<p class="disclaimer">{text_html(DISCLAIMER)}</p>'
    yield from iter_summary_html(state, len(outliers))
    links = "".join(f'<a href="#{name}">{text_html(words)}</a>' for name, words, _ in sections)
    yield f"<nav>{links}</nav>"
    for name, words, parts in sections:
        yield f'<section id="{name}"><h2>{text_html(words)}</h2>'
        if name == "outliers":
            yield f'<p class="faint">{text_html(_OUTLIER_WORDS, 1000)}</p>'
        yield from parts
        yield "</section>"
    yield f'<p class="faint">Written by liverview {text_html(__version__)}.</p>'


_OUTLIER_WORDS = (
    "Scans to look at, the most unusual first: no liver or one of an unusual volume, a liver that "
    "the scan's ends cut, a large tumor burden, an unusual mean HU, a sentence that few scans "
    f"have, or a figure far from the others (modified z-score above {FAR:g}, by the median "
    "absolute deviation; of volumes, counts and lengths on their logarithms). An outlier need not "
    "be wrong."
)
