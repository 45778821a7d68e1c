"""Modules that wait until something of them is asked for."""

from __future__ import annotations

import gc
import importlib
import inspect
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from liverview.core.deferred_imports import (
    DeferredModule,
    Waiting,
    deferred_imports,
    import_waiting,
)
from liverview.core.garbage import uncollected

FILES = {
    "__init__.py": "from wide import part\nimport wide.deep\nfrom wide.calls import add\n",
    "part.py": "import wide.log\nwide.log.seen.append('part')\nvalue = 7\nback = wide\n",
    "calls.py": "from wide.sums import total as add\nfrom wide.sums import base\n",
    "sums.py": "import wide.log\nwide.log.seen.append('sums')\nbase = 1\n"
    "def total(a, b=0): return a + b\n",
    "log.py": "seen = []\n",
    "broken.py": "raise ImportError('no such library')\n",
    "deep/__init__.py": "import wide.log\nwide.log.seen.append('deep')\nname = 'deep'\n",
    "deep/inner.py": "import wide.log\nwide.log.seen.append('inner')\nfrom wide.deep import name\n",
    "version.py": "__version__ = '2.13.0+cpu'\n",
}
WAITING = {
    "wide": Waiting(frozenset({"wide.part", "wide.deep"})),
    "wide.calls": Waiting(
        frozenset({"wide.sums"}), {"wide.sums.base": 5}, calls=frozenset({"wide.sums.total"})
    ),
}


@pytest.fixture
def wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that is not imported yet."""
    for name, text in FILES.items():
        path = tmp_path / "wide" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "wide"
    for name in [name for name in sys.modules if name.partition(".")[0] == "wide"]:
        del sys.modules[name]


def import_lean(waiting: dict[str, Waiting] | None = None) -> ModuleType:
    with deferred_imports(WAITING if waiting is None else waiting):
        return importlib.import_module("wide")


def seen() -> list[str]:
    log = sys.modules.get("wide.log")
    return [] if log is None else list(log.seen)


def test_a_module_waits_until_something_of_it_is_asked_for(wide: Path) -> None:
    package = import_lean()
    placeholder = package.part
    assert isinstance(placeholder, DeferredModule)
    assert seen() == []
    assert placeholder.value == 7
    assert seen() == ["part"]
    assert package.part is sys.modules["wide.part"]
    assert type(package.part) is ModuleType
    assert placeholder.back is package
    placeholder.value = 8  # whoever still has it changes the real one
    assert package.part.value == 8
    assert "value" in dir(placeholder)


def test_a_module_is_imported_for_those_who_ask_nothing_of_it(wide: Path) -> None:
    import_lean()
    import_waiting("wide.part")
    assert seen() == ["part"]
    import_waiting("wide.part")
    import_waiting("wide.log")
    import_waiting("wide.no_such")
    assert seen() == ["part"]


def test_names_and_submodules_are_found_in_what_waits(wide: Path) -> None:
    import_lean()
    inner = importlib.import_module("wide.deep.inner")
    assert (inner.name, seen()) == ("deep", ["deep", "inner"])
    with pytest.raises(AttributeError, match="nothing"):
        _ = sys.modules["wide"].part.nothing


def test_who_looks_through_all_modules_imports_none(wide: Path) -> None:
    package = import_lean()
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    assert str(wide / "part.py") in files
    assert inspect.getsource(package.part) == FILES["part.py"]  # as PySide6 asks of any import
    assert package.part.__name__ == "wide.part"
    assert seen() == []


def test_a_function_is_taken_now_and_imported_when_it_is_called(wide: Path) -> None:
    package = import_lean()
    assert sys.modules["wide.calls"].base == 5  # as long as it waited
    assert seen() == []
    assert package.add(2, b=3) == 5
    assert seen() == ["sums"]
    assert sys.modules["wide.sums"].base == 1


def test_outside_the_block_nothing_waits(wide: Path) -> None:
    before = list(sys.meta_path)
    with deferred_imports(WAITING):
        pass
    assert sys.meta_path == before
    importlib.import_module("wide")
    assert seen() == ["part", "deep", "sums"]


@pytest.mark.parametrize(("versions", "waits"), [(("2.13.",), True), (("2.14.", "2.1."), False)])
def test_only_versions_that_were_tested(wide: Path, versions: tuple[str, ...], waits: bool) -> None:
    names = frozenset({"wide.part"})
    package = import_lean({"wide": Waiting(names, version_file="version.py", versions=versions)})
    assert isinstance(package.part, DeferredModule) == waits


def test_without_a_version_nothing_waits(wide: Path) -> None:
    (wide / "version.py").unlink()
    names = frozenset({"wide.part"})
    package = import_lean({"wide": Waiting(names, version_file="version.py", versions=("2.",))})
    assert type(package.part) is ModuleType


def test_what_cannot_be_imported_says_so_when_it_is_asked_for(wide: Path) -> None:
    (wide / "__init__.py").write_text("from wide import broken\n")
    package = import_lean({"wide": Waiting(frozenset({"wide.broken"}))})
    for _ in range(2):
        with pytest.raises(ImportError, match="no such library"):
            _ = package.broken.anything


def test_threads_that_ask_at_once_import_once(wide: Path) -> None:
    package = import_lean()
    placeholder, start, values = package.part, threading.Barrier(8), []

    def ask() -> None:
        start.wait()
        values.append(placeholder.value)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (values, seen()) == ([7] * 8, ["part"])


def test_other_threads_import_as_ever(wide: Path) -> None:
    """While one thread executes the package, nothing waits for another one."""
    (wide / "__init__.py").write_text(
        "import threading, importlib\n"
        "thread = threading.Thread(target=importlib.import_module, args=['narrow'])\n"
        "thread.start()\nthread.join()\n"
    )
    (wide.parent / "narrow.py").write_text("value = 1\n")
    import_lean({"wide": Waiting(frozenset({"narrow"}))})
    narrow = sys.modules.pop("narrow")
    assert type(narrow) is ModuleType


def test_nothing_is_collected_within_the_block_and_what_is_there_never_again() -> None:
    frozen = gc.get_freeze_count()
    try:
        with uncollected():
            assert not gc.isenabled()
            kept: list[list[int]] = [[] for _ in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= frozen + len(kept)
    finally:
        gc.unfreeze()
