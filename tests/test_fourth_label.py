"""A label that only the table knows: everything else has to follow by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import liverview

from support.fourth_label import CYST

REPOSITORY = Path(__file__).parent.parent
CHECKS = "tests/ui/checks_of_a_fourth_label.py"


def copy_with_cyst(folder: Path) -> None:
    """The package, its resources and tests, with one entry more in the table; weights linked."""
    left_out = shutil.ignore_patterns("__pycache__")
    package = Path(liverview.__file__).parent
    shutil.copytree(package, folder / "liverview", ignore=left_out)
    for name in ("resources", "tests"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=left_out)
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    (folder / "weights").symlink_to(REPOSITORY / "weights")
    with (folder / "resources" / "labels.toml").open("a", encoding="utf-8") as table:
        table.write(CYST)


def test_an_entry_in_the_table_is_all_that_a_label_takes(tmp_path: Path) -> None:
    copy_with_cyst(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", CHECKS]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    checks = re.findall(r"^def test_", (tmp_path / CHECKS).read_text(encoding="utf-8"), re.M)
    assert f"{len(checks)} passed" in run.stdout
    assert len(checks) > 10
