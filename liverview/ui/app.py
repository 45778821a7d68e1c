"""The application: platform, look, the window, and what the command line asked for."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QCoreApplication,
    QMessageLogContext,
    QSettings,
    QStandardPaths,
    Qt,
    QTemporaryDir,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication

from liverview.core.errors import LiverviewError
from liverview.core.volume import LabelMap
from liverview.files.case_state import CaseState
from liverview.files.sessions.container import is_session_file
from liverview.ui.flows.recovery import Recovery
from liverview.ui.headless import HeadlessRun
from liverview.ui.live.autosave import Autosave
from liverview.ui.main_window import MainWindow
from liverview.ui.start_mark import Phase, StartMark, mark_folder, set_settings_aside
from liverview.ui.state.case_state import capture, restore
from liverview.ui.state.session import Session
from liverview.ui.views.arrangement import capture_arrangement, restore_arrangement
from liverview.ui.widgets.theme import install_theme

if TYPE_CHECKING:
    from liverview.phantoms.config import PhantomConfig

_SETTLED_MS = 500  # after which the window has been laid out and drawn


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
    if out is None:
        window = _make_window(device)
    else:
        ini = QSettings(temporary.filePath("window.ini"), QSettings.Format.IniFormat)
        window = MainWindow(Session(), ini, device)
        window.show()
    headless = HeadlessRun(window, out) if out is not None else None
    if scan is not None and is_session_file(scan):
        window.open(scan)
    elif scan is not None:
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


def keep_journal(window: MainWindow, folder: Path) -> Recovery:
    """Keep what is done in a window in a journal there, and offer what a crash has left."""
    session, markups, control = window.session, window.markups, window.controller

    def describe() -> Mapping[str, Any]:
        opened = window.sessions.path
        state = capture(session, markups, capture_arrangement(window.views)).to_dict()
        return {**state, "session": None if opened is None else str(opened.absolute())}

    def phantom() -> Mapping[str, Any] | None:
        made = control.loading.phantom_config(session.volume) if session.volume else None
        return made.to_dict() if made is not None else None

    def put_in_force(state: CaseState, labels: LabelMap | None) -> list[str]:
        said = restore(state, session, markups, labels, saved=False)
        restore_arrangement(state.arrangement, window.views)
        return said

    autosave = Autosave(
        session, markups, control.start_background, folder, describe, phantom, window
    )
    recovery = Recovery(autosave, window.files, control, window.messages, put_in_force)
    autosave.failed.connect(window.messages.add_message)
    window.closed.connect(autosave.finish)
    window.closed.connect(recovery.finish)
    return recovery


def journal_folder() -> Path:
    """The folder of the journals, in that of the person's state."""
    where = QStandardPaths.StandardLocation.StateLocation
    return Path(QStandardPaths.writableLocation(where), "journals")


def _make_window(device: str) -> MainWindow:
    """The window with the person's settings, without those that have killed a start."""
    mark = StartMark(mark_folder())
    aside = set_settings_aside() if Phase.READING in mark.killed_in else None
    mark.enter(Phase.READING)
    settings = QSettings()
    mark.enter(Phase.PLACING)
    killed = Phase.PLACING in mark.killed_in
    window = MainWindow(Session(), settings, device, place=not killed)
    window.show()
    if killed:
        window.messages.show_message(
            "The last start did not end: window and panels are where they were first."
        )
    elif aside is not None:
        window.messages.show_message(f"The settings could not be read and are kept as {aside}.")
    keep_journal(window, journal_folder()).start()
    QTimer.singleShot(_SETTLED_MS, partial(StartMark.end, mark))
    atexit.register(mark.end)  # of a window that is closed before
    return window


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
