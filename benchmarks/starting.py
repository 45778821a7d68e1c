"""From the process's start to the window, and to a segmentation that could begin at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from measuring import Row, median

from liverview.core.lean_imports import SWITCH

RUNS = 5
_IMPORTS = """
from liverview.core.lean_imports import lean_imports
with lean_imports():
    import liverview.cohort.local, liverview.files.nifti, liverview.inference.segmentation
"""
# The real window by the real function; what is added writes down when things happened.
_CHILD = """
import sys, time
{before}
from PySide6.QtCore import QEvent, QObject, QTimer
from liverview.ui import app as application
from liverview.ui.main_window import MainWindow

class Watch(QObject):
    shown = 0.0
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and not self.shown:
            self.shown = time.time()
        return False
    def look(self):
        for widget in made.topLevelWidgets():
            if isinstance(widget, MainWindow):
                if self.shown and "liverview.inference.segmentation" in sys.modules:
                    if not widget.controller.runner._live:
                        print(self.shown, time.time(), flush=True)
                        widget.close()

made = application.make_application()
watch = Watch()
made.installEventFilter(watch)
timer = QTimer(interval=5)
timer.timeout.connect(watch.look)
timer.start()
application.run()
"""


def _start(before: str) -> tuple[float, float]:
    """Seconds to the first paint of the window, and until torch and the networks are loaded."""
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    started = time.time()
    done = subprocess.run(
        [sys.executable, "-c", _CHILD.format(before=before)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        timeout=120,
    )
    shown, ready = (float(value) for value in done.stdout.split()[-2:])
    return shown - started, ready - started


def _run(*arguments: str, **environment: str) -> float:
    """Seconds of a process of Python from its start to its end."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        check=True,
        env=os.environ | environment,
    )
    return time.perf_counter() - started


def _command_rows() -> list[Row]:
    """Help, and the imports of ``liverview segment`` with and without what can wait."""
    _run("-c", _IMPORTS)
    nothing, cli, help_text, lean, whole = zip(
        *(
            (
                _run("-c", "pass"),
                _run("-c", "import liverview.cli"),
                _run("-m", "liverview", "--help"),
                _run("-c", _IMPORTS),
                _run("-c", _IMPORTS, **{SWITCH: "1"}),
            )
            for _ in range(RUNS)
        ),
        strict=True,
    )
    return [
        Row(
            "command: import of liverview.cli",
            {"liverview": list(cli), "Python alone": list(nothing)},
            "under 0.1 s",
            median(list(cli)) < 0.1,
        ),
        Row(
            "command: liverview --help",
            {"liverview": list(help_text), "Python alone": list(nothing)},
            "under 0.1 s",
            median(list(help_text)) < 0.1,
        ),
        Row(
            "command: imports of liverview segment, to the end of the process",
            {"liverview": list(lean), "nothing waits": list(whole)},
        ),
    ]


def start_rows() -> list[Row]:
    _start("")
    runs = [(_start(""), _start("import torch")) for _ in range(RUNS)]
    shown = [ours[0] for ours, _ in runs]
    ready = [ours[1] for ours, _ in runs]
    return [
        Row(
            "start: process to window painted",
            {"liverview": shown, "torch imported before": [other[0] for _, other in runs]},
            "under 1.0 s",
            median(shown) < 1.0,
        ),
        Row(
            "start: process to ready to segment",
            {"liverview": ready, "torch imported before": [other[1] for _, other in runs]},
        ),
        *_command_rows(),
    ]
