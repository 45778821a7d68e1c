"""Rules of the house that the import contracts cannot see."""

from __future__ import annotations

import re
from pathlib import Path

import liverview

PACKAGE = Path(liverview.__file__).parent


def sources() -> dict[str, str]:
    return {
        path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8")
        for path in PACKAGE.rglob("*.py")
    }


def test_threads_are_made_in_one_place() -> None:
    makers = re.compile(r"\bQThread\b|\bQThreadPool\b|\bQRunnable\b|moveToThread")
    assert [name for name, text in sources().items() if makers.search(text)] == ["ui/job.py"]


def test_broad_catches_are_in_one_place() -> None:
    broad = re.compile(r"except( Base)?Exception\b|except Exception|except:")
    assert [name for name, text in sources().items() if broad.search(text)] == ["ui/job.py"]


def test_nothing_pickled_is_loaded() -> None:
    # numpy's load refuses pickles unless it is told otherwise.
    unsafe = re.compile(r"torch\.load\b|import pickle|allow_pickle")
    assert [name for name, text in sources().items() if unsafe.search(text)] == []
