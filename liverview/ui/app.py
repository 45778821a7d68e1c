"""The application: platform, look, the window, and what the command line asked for."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QCoreApplication,
    QMessageLogContext,
    QSettings,
    Qt,
    QTemporaryDir,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication

from liverview.core.errors import LiverviewError
from liverview.ui.headless import HeadlessRun
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Session
from liverview.ui.widgets.theme import install_theme

if TYPE_CHECKING:
    from liverview.phantoms.config import PhantomConfig


class NoDisplayError(LiverviewError):
    """There is no screen to show a window on."""


def run(
    scan: Path | None = None,
    phantom: PhantomConfig | None = None,
    segment: bool = False,
    device: str = "auto",
    out: Path | None = None,
    labels: Path | None = None,
) -> int:
    """Show the window and run until it is closed; returns the exit code.

    With ``labels``, that label map is shown on the scan.
    With ``out``, segment, write the results there and quit; that works without a screen.

    Raises
    ------
    NoDisplayError : where a window is wanted and there is no screen.
    """
    _choose_platform(screen_needed=out is None)
    if out is not None:
        qInstallMessageHandler(_print_message)
    app = make_application()
    temporary = QTemporaryDir()
    ini = QSettings.Format.IniFormat
    settings = QSettings() if out is None else QSettings(temporary.filePath("window.ini"), ini)
    window = MainWindow(Session(), settings, device)
    headless = HeadlessRun(window, out) if out is not None else None
    window.show()
    if scan is not None:
        window.controller.loading.open(scan, None if headless is None else 0, labels)
    elif phantom is not None:
        window.controller.loading.generate(phantom)
    if segment and headless is None:
        window.session.volume_changed.connect(
            window.segment_when_idle, Qt.ConnectionType.SingleShotConnection
        )
    QTimer.singleShot(0, window.controller.runner.warm_up)
    code: int = app.exec()
    return code if headless is None else headless.exit_code


def make_application() -> QApplication:
    """The one QApplication with its name and theme; Ctrl-C and other signals end it."""
    QCoreApplication.setOrganizationName("liverview")
    QCoreApplication.setApplicationName("liverview")
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    # Python's own handlers do not run while Qt waits for events.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    install_theme(app)
    return app


def _choose_platform(*, screen_needed: bool) -> None:
    """Without a screen on Linux, draw in memory, or say so where that would be no use."""
    named = os.environ.get("QT_QPA_PLATFORM")
    has_screen = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if named or has_screen or not sys.platform.startswith("linux"):
        return
    if screen_needed:
        raise NoDisplayError(
            "There is no screen to show the window on: use --out DIR, or liverview segment."
        )
    os.environ["QT_QPA_PLATFORM"] = "offscreen"


def _print_message(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    """Print a message of Qt, but for those about what a window in memory cannot do."""
    if not text.startswith("This plugin does not support"):
        print(text, file=sys.stderr)
