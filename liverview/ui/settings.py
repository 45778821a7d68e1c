"""The settings that survive a restart: the window's place, looks, recent files."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace

from PySide6.QtCore import QRect, QSettings, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from liverview.core.labels import FOREGROUND, DrawStyle
from liverview.files.format import TableOrder
from liverview.ui.jobs.controller import Controller
from liverview.ui.state.kept_editing import load_editing, save_editing
from liverview.ui.state.session import Convention, Session
from liverview.ui.stored import (
    keep_bytes,
    stored_bytes,
    stored_flag,
    stored_member,
    stored_number,
    stored_text,
    stored_texts,
)
from liverview.ui.widgets.recent import RecentScan
from liverview.ui.widgets.theme import Theme, current_theme, set_theme

_MAX_RECENT = 10
FIRST_SIZE = QSize(1400, 860)
"""Of the window at the first start, where the screen has room."""
_WITHOUT_SCREEN = ("offscreen", "minimal")  # drawn in memory, whatever size they claim
_TITLE_BAR, _EDGE = 36, 4  # pixels that a desktop may draw around a window
# Raised with every new panel: beside an older arrangement it would be squeezed in.
_VERSION = 3


def load_settings(
    window: QMainWindow, controller: Controller, settings: QSettings, *, place: bool = True
) -> bool:
    """Put window and session back as they were; without ``place``, not where the window was.

    Returns whether its panels are where they were.
    """
    session = controller.session
    geometry = stored_bytes(settings, "geometry") if place else None
    state = stored_bytes(settings, "state") if place else None
    if geometry is None or not window.restoreGeometry(geometry):
        window.resize(FIRST_SIZE)
    if QGuiApplication.platformName() not in _WITHOUT_SCREEN:
        fit_screen(window, window.screen().availableGeometry())
    if state is not None:
        window.restoreState(state, _VERSION)
    level, width = (stored_number(settings, name) for name in ("level", "width"))
    if level is not None and width is not None:
        session.set_window(level, width)
    session.set_convention(stored_member(settings, "convention", Convention.RADIOLOGICAL))
    session.set_show_patient(stored_flag(settings, "show_patient", True))
    session.display.set_interpolated(stored_flag(settings, "interpolated", True))
    _restore_styles(session, settings)
    load_editing(session.editing, settings)
    controller.segmenting.keep_maps = stored_flag(settings, "keep_maps", False)
    with contextlib.suppress(ValueError):
        controller.saving.label_table = TableOrder(stored_text(settings, "label_table"))
    set_theme(stored_member(settings, "theme", Theme.SYSTEM))
    return state is not None


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
    keep_bytes(settings, "geometry", window.saveGeometry())
    keep_bytes(settings, "state", window.saveState(_VERSION))
    level, width = session.hu_window
    settings.setValue("level", level)
    settings.setValue("width", width)
    settings.setValue("convention", session.convention.name)
    settings.setValue("show_patient", session.show_patient)
    settings.setValue("interpolated", session.display.interpolated)
    for label in FOREGROUND:
        style = session.styles[label]
        parts = (*style.color, style.opacity, style.draw_style.name)
        settings.setValue(f"labels/{label.name.lower()}", " ".join(str(part) for part in parts))
    save_editing(session.editing, settings)
    settings.setValue("keep_maps", controller.segmenting.keep_maps)
    settings.setValue("label_table", controller.saving.label_table.value)
    settings.setValue("theme", current_theme().name)
    settings.sync()


def _restore_styles(session: Session, settings: QSettings) -> None:
    """Colors, opacities, outlines; all labels are visible at the start."""
    for label in FOREGROUND:
        with contextlib.suppress(KeyError, ValueError):
            stored = stored_text(settings, f"labels/{label.name.lower()}") or ""
            *color, opacity, draw_style = stored.split()
            red, green, blue = (min(max(int(part), 0), 255) for part in color)
            alpha = float(opacity)
            if math.isfinite(alpha):
                session.set_style(
                    label, color=(red, green, blue), opacity=alpha, draw_style=DrawStyle[draw_style]
                )


def recent_scans(settings: QSettings) -> list[RecentScan]:
    """Scans and sessions opened lately that are still there, the latest first."""
    texts = (text for text in stored_texts(settings, "recent") if "\0" not in text)
    return [scan for scan in map(RecentScan.parse, texts) if scan.there]


def remember_scan(settings: QSettings, scan: RecentScan) -> None:
    """Put a scan or session at the top of the recent ones."""
    scan = replace(scan, path=scan.path.absolute())
    key = (scan.path, scan.series)
    others = [other for other in recent_scans(settings) if (other.path, other.series) != key]
    settings.setValue("recent", [one.to_text() for one in [scan, *others][:_MAX_RECENT]])
