"""The settings that survive a restart: the window's place, looks, recent files."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

from PySide6.QtCore import QByteArray, QRect, QSettings, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from liverview.core.labels import FOREGROUND, DrawStyle
from liverview.files.format import TableOrder
from liverview.ui.jobs.controller import Controller
from liverview.ui.state.session import Convention, Session
from liverview.ui.widgets.file_names import path_from_settings, text_for_settings
from liverview.ui.widgets.theme import Theme, current_theme, set_theme

_MAX_RECENT = 10
FIRST_SIZE = QSize(1400, 860)
"""Of the window at the first start, where the screen has room."""
_WITHOUT_SCREEN = ("offscreen", "minimal")  # drawn in memory, whatever size they claim
_TITLE_BAR, _EDGE = 36, 4  # pixels that a desktop may draw around a window
# Raised with every new panel: beside an older arrangement it would be squeezed in.
_VERSION = 2


def load_settings(window: QMainWindow, controller: Controller, settings: QSettings) -> None:
    """Put window and session back as they were."""
    session = controller.session
    geometry, state = settings.value("geometry"), settings.value("state")
    if not (isinstance(geometry, QByteArray) and window.restoreGeometry(geometry)):
        window.resize(FIRST_SIZE)
    if QGuiApplication.platformName() not in _WITHOUT_SCREEN:
        fit_screen(window, window.screen().availableGeometry())
    if isinstance(state, QByteArray):
        window.restoreState(state, _VERSION)
    with contextlib.suppress(TypeError, ValueError):
        level, width = (float(str(settings.value(name))) for name in ("level", "width"))
        session.set_window(level, width)
    name = settings.value("convention", Convention.RADIOLOGICAL.name)
    session.set_convention(Convention.__members__.get(str(name), Convention.RADIOLOGICAL))
    session.display.set_interpolated(bool(settings.value("interpolated", True, bool)))
    _restore_styles(session, settings)
    controller.segmenting.keep_maps = bool(settings.value("keep_maps", False, bool))
    with contextlib.suppress(ValueError):
        controller.saving.label_table = TableOrder(str(settings.value("label_table")))
    theme = str(settings.value("theme", Theme.SYSTEM.name))
    set_theme(Theme.__members__.get(theme, Theme.SYSTEM))


def fit_screen(window: QMainWindow, available: QRect) -> None:
    """Make a window that is no larger than the screen's free area, and inside it."""
    if window.isMaximized() or window.isFullScreen():
        return
    room = available.adjusted(_EDGE, _TITLE_BAR, -_EDGE, -_EDGE)
    size = window.size().boundedTo(room.size())
    window.resize(size)
    at = window.pos()
    left = min(max(at.x(), available.left()), room.right() + 1 - size.width())
    top = min(max(at.y(), available.top()), room.bottom() + 1 - size.height())
    window.move(left, top)


def save_settings(window: QMainWindow, controller: Controller, settings: QSettings) -> None:
    """Keep window and session for the next start."""
    session = controller.session
    settings.setValue("geometry", window.saveGeometry())
    settings.setValue("state", window.saveState(_VERSION))
    level, width = session.hu_window
    settings.setValue("level", level)
    settings.setValue("width", width)
    settings.setValue("convention", session.convention.name)
    settings.setValue("interpolated", session.display.interpolated)
    for label in FOREGROUND:
        style = session.styles[label]
        parts = (*style.color, style.opacity, style.draw_style.name)
        settings.setValue(f"labels/{label.name.lower()}", " ".join(str(part) for part in parts))
    settings.setValue("keep_maps", controller.segmenting.keep_maps)
    settings.setValue("label_table", controller.saving.label_table.value)
    settings.setValue("theme", current_theme().name)
    settings.sync()


def _restore_styles(session: Session, settings: QSettings) -> None:
    """Colors, opacities, outlines; all labels are visible at the start."""
    for label in FOREGROUND:
        with contextlib.suppress(KeyError, ValueError):
            *color, opacity, draw_style = str(
                settings.value(f"labels/{label.name.lower()}")
            ).split()
            red, green, blue = (min(max(int(part), 0), 255) for part in color)
            alpha = float(opacity)
            if math.isfinite(alpha):
                session.set_style(
                    label, color=(red, green, blue), opacity=alpha, draw_style=DrawStyle[draw_style]
                )


def recent_files(settings: QSettings) -> list[Path]:
    """Files opened lately that are still there, the latest first."""
    names = settings.value("recent", [])
    if isinstance(names, str):  # an INI file gives a list of one back as its item
        names = [names]
    paths = [path_from_settings(name) for name in names] if isinstance(names, list) else []
    # Not Path.is_file, which raises where a network folder has gone.
    return [path for path in paths if os.path.isfile(path)]  # noqa: PTH113


def remember_file(settings: QSettings, path: Path) -> None:
    """Put a file at the top of the recent ones."""
    path = path.absolute()
    others = [other for other in recent_files(settings) if other != path]
    settings.setValue("recent", [text_for_settings(p) for p in [path, *others][:_MAX_RECENT]])
