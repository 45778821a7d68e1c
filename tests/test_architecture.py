"""Rules of the house that the import contracts cannot see."""

from __future__ import annotations

import ast
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
    # Between a command and the workers that it has started, and never from a file.
    workers = {"cohort/dask_worker.py", "cohort/worker.py", "cohort/worker_slot.py"}
    assert {name for name, text in sources().items() if unsafe.search(text)} == workers


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


def names_in(text: str) -> set[str]:
    """Names of functions and classes that a module defines."""
    nodes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, nodes)}


def words_of(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def test_no_name_has_a_word_that_the_glossary_avoids() -> None:
    glossary = PACKAGE.parent / "docs" / "glossary.md"
    rows = [line.split("|") for line in glossary.read_text(encoding="utf-8").splitlines()]
    avoided = {word for row in rows if len(row) == 5 for word in re.findall(r"`(\w+)`", row[3])}
    assert len(avoided) > 15
    found = {
        f"{path}: {name}"
        for path, text in sources().items()
        for name in {*names_in(text), Path(path).stem}
        if avoided & {name, *words_of(name)}
    }
    assert found == set()


def test_functions_that_yield_say_so() -> None:
    """Their names begin with iter_; exceptions are what a caller uses as a context."""
    silent = set()
    for path, text in sources().items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and yields(node):
                managed = any("contextmanager" in ast.unparse(d) for d in node.decorator_list)
                if not (managed or re.match(r"_?iter_|__iter__", node.name)):
                    silent.add(f"{path}: {node.name}")
    assert silent == set()


def yields(function: ast.FunctionDef) -> bool:
    """Whether a function itself yields, not one inside it."""
    inner = {
        id(part)
        for node in ast.walk(function)
        if node is not function and isinstance(node, ast.FunctionDef | ast.Lambda)
        for part in ast.walk(node)
    }
    return any(
        isinstance(node, ast.Yield | ast.YieldFrom) and id(node) not in inner
        for node in ast.walk(function)
    )


def documented_names(docstring: str, section: str) -> set[str]:
    """Names that a section of a docstring lists, as in "name, other : text"."""
    found = re.search(rf"^{section}\n-+\n(.*?)(?=^\w[\w ]*\n-+$|\Z)", docstring, re.S | re.M)
    lines = found.group(1).splitlines() if found else []
    listed = [match.group(1) for line in lines if (match := re.match(r"(\w[\w, ]*?) : ", line))]
    return {name.strip() for names in listed for name in names.split(",")}


def test_docstrings_list_parameters_and_attributes_that_there_are() -> None:
    stale = set()
    for path, text in sources().items():
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            known = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
            if isinstance(node, ast.ClassDef):
                parts = list(ast.walk(node))
                known |= {part.name for part in parts if isinstance(part, ast.FunctionDef)}
                known |= {part.id for part in parts if isinstance(part, ast.Name)}
                known |= {part.attr for part in parts if isinstance(part, ast.Attribute)}
            docstring = ast.get_docstring(node) or ""
            for section in ("Parameters", "Attributes", "Signals"):
                for name in documented_names(docstring, section) - known:
                    stale.add(f"{path}: {node.name}: {name}")
    assert stale == set()
