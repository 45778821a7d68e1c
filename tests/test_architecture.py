"""Rules of the house that the import contracts cannot see."""

from __future__ import annotations

import re
import subprocess
import sys
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
    assert [name for name, text in sources().items() if makers.search(text)] == ["ui/jobs/job.py"]


def test_broad_catches_are_in_one_place() -> None:
    broad = re.compile(r"except( Base)?Exception\b|except Exception|except:")
    assert [name for name, text in sources().items() if broad.search(text)] == ["ui/jobs/job.py"]


def test_nothing_pickled_is_loaded() -> None:
    # numpy's load refuses pickles unless it is told otherwise.
    unsafe = re.compile(r"torch\.load\b|import pickle|allow_pickle")
    assert [name for name, text in sources().items() if unsafe.search(text)] == []


def test_state_knows_qtcore_alone_and_printing_no_widgets() -> None:
    found = sources()
    state = [n for n, t in found.items() if n.startswith("ui/state/") and "import" in t]
    printing = [n for n in found if n.startswith("printing/")]
    assert len(state) > 3
    assert [n for n in state if re.search(r"PySide6\.(?!QtCore\b)\w+", found[n])] == []
    assert [n for n in printing if "QtWidgets" in found[n]] == []


def test_the_window_is_imported_without_what_only_its_jobs_need() -> None:
    """A package that imports more than it says would slow the start down, unseen by contracts."""
    heavy = ("torch", "scipy", "skimage", "nibabel", "cc3d", "safetensors")
    code = f"import sys, liverview.ui.main_window; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_state_is_imported_without_widgets_and_graphics() -> None:
    code = (
        "import sys, liverview.ui.state.session, liverview.ui.state.markups;"
        "heavy = ('pyqtgraph', 'PySide6.QtGui', 'PySide6.QtWidgets');"
        "print([m for m in heavy if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
