"""From the process's start to the window, and to a segmentation that could begin at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from measuring import Row, median

RUNS = 5
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
    ]
