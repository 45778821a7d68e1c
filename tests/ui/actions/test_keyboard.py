"""The main job with keys alone, and names for those who hear the window instead of seeing it."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.volume import Plane
from liverview.phantoms.config import PhantomConfig
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers

CONTROL = Qt.KeyboardModifier.ControlModifier


def test_the_main_job_needs_no_mouse(
    window: MainWindow, answers: Answers, qtbot: QtBot, tmp_path: Path
) -> None:
    answers.config = PhantomConfig(seed=3, shape=(48, 48, 24), spacing=(7.0, 7.0, 8.0))
    answers.label_map = tmp_path / "labels.nii.gz"
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=TIMEOUT_MS)
    with qtbot.waitSignal(window.session.volume_changed, timeout=TIMEOUT_MS):
        qtbot.keyClick(window, Qt.Key.Key_N, CONTROL)
    qtbot.waitUntil(lambda: not window.controller.busy, timeout=TIMEOUT_MS)
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_F5)
    assert window.session.store.has_labels
    view = window.views.by_plane[Plane.AXIAL]
    qtbot.keyClick(view, Qt.Key.Key_V)
    assert not window.session.styles[Label.VESSEL].visible
    before = window.session.crosshair
    qtbot.keyClick(view, Qt.Key.Key_PageUp)
    qtbot.keyClick(view, Qt.Key.Key_Up)
    moved = np.subtract(window.session.crosshair, before)
    assert moved.tolist() == [0, 1, 1]
    with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
        qtbot.keyClick(view, Qt.Key.Key_S, CONTROL)
    assert window.session.labels is not None
    written = np.asanyarray(nib.load(answers.label_map).dataobj)
    np.testing.assert_array_equal(written, window.session.labels.voxels)


def test_tab_reaches_views_and_panels(window: MainWindow, qtbot: QtBot) -> None:
    from liverview.core.volume import Volume

    window.session.open(Volume(np.zeros((8, 8, 8), np.int16), np.eye(4)))
    window.activateWindow()
    window.views.by_plane[Plane.AXIAL].setFocus()
    reached = set()
    for _ in range(80):
        widget = QApplication.focusWidget()
        assert widget is not None
        reached.add(widget)
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    assert set(window.views.by_plane.values()) <= reached
    for dock in window.panels.docks.values():
        if dock.widget().isVisible():
            assert any(dock.isAncestorOf(widget) for widget in reached), dock.windowTitle()


def test_what_can_be_used_has_a_name(window: MainWindow) -> None:
    kinds = (QAbstractButton, QComboBox, QAbstractSlider, QAbstractItemView, QLineEdit)
    nameless = []
    for widget in window.findChildren(QWidget):
        inner = isinstance(widget, QScrollBar | QHeaderView) or not isinstance(widget, kinds)
        helper = widget.objectName().startswith("qt_") or type(widget.parent()) is QComboBox
        inside = isinstance(widget.parent(), QAbstractItemView | QAbstractSlider)
        popup = "QComboBoxPrivateContainer" in type(widget.parent()).__name__
        popup = popup or widget.metaObject().className().startswith("QComboBox")
        if inner or helper or inside or popup or widget.focusPolicy() is Qt.FocusPolicy.NoFocus:
            continue
        name = QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)
        if not name:
            nameless.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    assert nameless == []
    for view in window.views.by_plane.values():
        assert QAccessible.queryAccessibleInterface(view).text(QAccessible.Text.Name)
