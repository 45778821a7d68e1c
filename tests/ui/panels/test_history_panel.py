"""The History panel: it lists the steps, and goes to any of them."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.volume import Plane
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.history_panel import HistoryPanel

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def paint(window: MainWindow, value: int, name: str) -> np.ndarray:
    store = window.session.store
    with store.edit(Box.from_bounds((value, 2, 2), (5, 6, 7)), name) as voxels:
        voxels[...] = value
    return voxels_of(window)


def voxels_of(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.voxels.copy()


@pytest.fixture
def panel(focused: MainWindow, qtbot: QtBot) -> HistoryPanel:
    """The panel as its key brings it."""
    qtbot.keyClick(focused.views.by_plane[Plane.AXIAL], Qt.Key.Key_H, CTRL | SHIFT)
    QApplication.processEvents()
    panel = focused.panels.history
    assert panel.isVisible()
    return panel


def click(qtbot: QtBot, panel: HistoryPanel, row: int) -> None:
    place = panel.list.visualRect(panel.model.index(row)).center()
    qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)


def rows(panel: HistoryPanel) -> list[str]:
    model = panel.model
    role = Qt.ItemDataRole.AccessibleTextRole
    return [model.data(model.index(row), role) for row in range(model.rowCount())]


def test_a_click_goes_to_any_step(focused: MainWindow, panel: HistoryPanel, qtbot: QtBot) -> None:
    states = [voxels_of(focused)]
    for value, name in ((1, "brush, liver"), (2, "lasso, vessel"), (3, "brush, tumor")):
        states.append(paint(focused, value, name))
    for row in (1, 3, 0, 2):
        click(qtbot, panel, row)
        assert np.array_equal(voxels_of(focused), states[row])
        assert panel.list.currentIndex().row() == row
    assert rows(panel) == [
        "Before all steps, done", "brush, liver, done", "lasso, vessel, now", "brush, tumor, undone"
    ]  # fmt: skip
    panel.list.setFocus()
    qtbot.keyClick(panel.list, Qt.Key.Key_Up)
    qtbot.keyClick(panel.list, Qt.Key.Key_Return)
    assert np.array_equal(voxels_of(focused), states[1])


def test_undone_steps_are_gray_and_the_current_one_is_bold(
    focused: MainWindow, panel: HistoryPanel
) -> None:
    for value in (1, 2, 3):
        paint(focused, value, f"brush {value}")
    focused.session.store.history.jump(2)
    model = panel.model
    bold = [model.data(model.index(n), Qt.ItemDataRole.FontRole) for n in range(4)]
    assert [font is not None and font.bold() for font in bold] == [False, False, True, False]
    gray = [model.data(model.index(n), Qt.ItemDataRole.ForegroundRole) for n in range(4)]
    disabled = QApplication.palette().brush(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
    assert gray == [None, None, None, disabled]


def test_steps_made_while_it_was_hidden_are_there_when_it_comes_back(
    focused: MainWindow, panel: HistoryPanel
) -> None:
    focused.panels.docks["history"].close()
    paint(focused, 1, "brush, liver")
    assert rows(panel) == ["Before all steps, now"]
    focused.actions_.edit.show_history.trigger()
    QApplication.processEvents()
    assert rows(panel) == ["Before all steps, done", "brush, liver, now"]


def test_while_a_segmentation_streams_no_step_can_be_chosen(
    focused: MainWindow, panel: HistoryPanel, qtbot: QtBot
) -> None:
    paint(focused, 1, "brush, liver")
    store = focused.session.store
    store.begin_segmentation("cpu")
    click(qtbot, panel, 0)
    assert store.segmenting
    assert "segmentation is running" in panel.note.text()
    assert panel.note.isVisible()
    store.end_segmentation(complete=True)
    assert not panel.note.isVisible()
    click(qtbot, panel, 0)
    assert not voxels_of(focused).any()


def test_thousands_of_steps_are_listed_at_once(focused: MainWindow, panel: HistoryPanel) -> None:
    store = focused.session.store
    for number in range(3000):
        with store.edit(Box.from_bounds((0, 0, 0), (1, 1, 1)), f"brush {number}") as voxels:
            voxels[...] = 1 + number % 3
    assert panel.model.rowCount() == 3001
    assert panel.list.visualRect(panel.list.currentIndex()).intersects(panel.list.rect())
    assert store.label_at((0, 0, 0)) is Label(1 + 2999 % 3)
