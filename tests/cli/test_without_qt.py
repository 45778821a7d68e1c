"""The command line where Qt is not installed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from liverview.core.missing_qt import is_without_qt, missing_qt

from support.without_qt import run_without_qt

ROOT = Path(__file__).parents[2]
QT_PACKAGES = {"pyside6-essentials", "pyqtgraph", "pyopengl"}


def package(requirement: str) -> str:
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0].lower()


def test_the_list_without_qt_is_that_of_the_project_less_what_the_window_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = set(project["dependencies"])
    window = {one for one in wanted if package(one) in QT_PACKAGES}
    assert {package(one) for one in window} == QT_PACKAGES
    lines = (ROOT / "requirements-without-qt.txt").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    assert set(listed) == wanted - window
    assert len(listed) == len(set(listed))


def test_every_command_but_the_window_runs_without_qt(tmp_path: Path) -> None:
    shape = ["--shape", "48", "40", "20", "--spacing", "7", "7", "10"]
    scan, truth = "p/ct.nii.gz", "p/labels.nii.gz"
    results = run_without_qt(
        tmp_path,
        ["phantom", "p", "--seed", "3", *shape],
        ["segment", "p", "-o", "seg"],
        ["measure", truth, "--json", "m.json"],
        ["evaluate", truth, truth],
        ["convert", truth, "c.nii.gz"],
        ["report", scan, truth, "-o", "r"],
        ["system"],
        ["segment", "--help"],
        ["--help"],
        [scan],
        [scan, "--out", "o"],
    )
    assert [code for code, _, _ in results] == ["0"] * 9 + ["2"] * 2, results
    report = results[5]
    assert "The PDF of a report needs Qt, which is not installed here: pip install" in report[2]
    names = {path.name for path in (tmp_path / "r").iterdir()}
    assert names == {*("p_report.html", "p_measurement.json", "p_lesions.csv", "p_measurement.csv")}
    for _, _, said in results[-2:]:
        assert said.startswith("liverview: The window (and --out) needs Qt, which is not installed")
        assert len(said.splitlines()) == 1
    assert not (tmp_path / "o").exists()


def test_a_library_that_is_missing_and_is_not_qt_is_no_want_of_qt() -> None:
    other = ModuleNotFoundError("No module named 'scipy'", name="scipy")
    with pytest.raises(ModuleNotFoundError, match="scipy"):
        missing_qt(other, "The window")
    assert not is_without_qt(other)
    system = ImportError("libGL.so.1: cannot open shared object file")
    assert "libGL.so.1" in str(missing_qt(system, "The window"))
    assert not is_without_qt(system)
    assert is_without_qt(ModuleNotFoundError(name="PySide6.QtCore"))
