"""The command line where Qt is not installed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

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
    phantom = [
        "phantom",
        "p",
        "--seed",
        "3",
        "--shape",
        "64",
        "56",
        "24",
        "--spacing",
        "5",
        "5",
        "8",
    ]
    scan, truth = "p/phantom_3.nii.gz", "p/phantom_3_labels.nii.gz"
    results = run_without_qt(
        tmp_path,
        phantom,
        ["segment", scan, scan, "-o", "seg"],
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
    by_name = dict(
        zip(
            (
                "phantom",
                "segment",
                "measure",
                "evaluate",
                "convert",
                "report",
                "system",
                "help",
                "window help",
                "window",
                "out",
            ),
            results,
            strict=True,
        )
    )
    print(by_name)
    for name in ("phantom", "measure", "evaluate", "convert", "report", "system", "help"):
        assert by_name[name][0] == "0", by_name[name]
