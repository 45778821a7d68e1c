"""Commands where Qt is not installed, as far as imports can tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

QT_MODULES = ("PySide6", "shiboken6", "pyqtgraph", "OpenGL")
_CODE = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {QT_MODULES}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
from liverview.cli import main
for line in sys.stdin.read().splitlines():
    arguments = line.split("\\t") if line else []
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    print(f"exit {{code}}", flush=True)
    print(f"exit {{code}}", file=sys.stderr, flush=True)
"""


def run_without_qt(folder: Path, *commands: list[str]) -> list[tuple[str, str, str]]:
    """Exit code, output and errors of each command, run one after the other in one process."""
    run = subprocess.run(
        [sys.executable, "-c", _CODE],
        input="\n".join("\t".join(command) for command in commands) + "\n",
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert run.returncode == 0, run.stderr
    streams = [_by_command(text) for text in (run.stdout, run.stderr)]
    return [(code, out, errors) for (code, out), (_, errors) in zip(*streams, strict=True)]


def _by_command(text: str) -> list[tuple[str, str]]:
    found, lines = [], []
    for line in text.splitlines():
        if line.startswith("exit "):
            found.append((line.removeprefix("exit "), "\n".join(lines)))
            lines = []
        else:
            lines.append(line)
    return found
