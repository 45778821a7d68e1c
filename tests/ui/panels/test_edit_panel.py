"""The Edit panel: every choice of drawing by mouse and keys, as the session has it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QSlider,
    QTabBar,
)
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.volume import Volume
from liverview.editing.brush import Brush, BrushShape
from liverview.editing.limits import EditLimits, Scope
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.edit_panel import EditPanel
from liverview.ui.tools.toolbox import BRUSH
from liverview.ui.widgets.range_slider import RangeSlider
from liverview.ui.widgets.theme import Theme, set_theme

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(focused: MainWindow) -> EditPanel:
    focused.toolbox.set_active(BRUSH)
    QApplication.processEvents()
    return focused.panels.edit


def pick(box: QComboBox, value: object) -> None:
    box.setCurrentIndex(box.findData(value))
    box.activated.emit(box.currentIndex())


@pytest.mark.qt_log_ignore("does not support raise", extend=True)
def test_the_panel_comes_to_the_front_with_a_tool_but_not_when_closed(focused: MainWindow) -> None:
    def front() -> str:
        QApplication.processEvents()
        bars = [bar for bar in focused.findChildren(QTabBar) if bar.count() > 2]
        return bars[0].tabText(bars[0].currentIndex())

    assert front() == "Findings"
    focused.toolbox.set_active(BRUSH)
    assert front() == "Edit"
    focused.toolbox.lay_down()
    dock = focused.panels.docks["edit"]
    dock.close()
    focused.toolbox.set_active(BRUSH)
    assert front() != "Edit"
    assert dock.isHidden()


def test_everything_in_it_has_a_name_and_a_tip(panel: EditPanel) -> None:
    kinds = (QAbstractButton, QComboBox, QSlider, RangeSlider, QAbstractSpinBox)
    found = [w for kind in kinds for w in panel.widget().findChildren(kind)]
    assert len(found) >= 18
    for widget in found:
        named = widget.accessibleName() or getattr(widget, "text", str)()
        assert named, widget
        assert widget.toolTip(), named
    names = [w.accessibleName() for w in found if w.accessibleName()]
    assert len(names) == len(set(names))


def test_label_brush_and_eraser_are_chosen(panel: EditPanel, qtbot: QtBot) -> None:
    editing = panel._session.editing
    qtbot.mouseClick(panel.labels.buttons[Label.VESSEL], LEFT)
    assert editing.label is Label.VESSEL
    pick(panel.brush.shape, BrushShape.SQUARE)
    panel.brush.ball.click()
    panel.brush.adaptive.click()
    panel.erase_all.click()
    panel.brush.radius.setFocus()
    panel.brush.radius.selectAll()
    qtbot.keyClicks(panel.brush.radius, "12.5")
    qtbot.keyClick(panel.brush.radius, Qt.Key.Key_Return)
    assert editing.brush == Brush(12.5, BrushShape.SQUARE, ball=True)
    assert (editing.adaptive, editing.erase_all) == (True, True)
    panel.brush.slider.setValue(panel.brush.slider.maximum())
    assert editing.brush.radius_mm == 150
    assert panel.brush.radius.value() == 150
    assert panel.summary.text() == "Draws vessel over all labels, up to the edge."


def test_scope_and_locks_are_chosen(panel: EditPanel) -> None:
    editing = panel._session.editing
    assert panel.scope.one.isHidden()
    pick(panel.scope.scope, Scope.ONE)
    pick(panel.scope.one, Label.VESSEL)
    assert not panel.scope.one.isHidden()
    panel.scope.locks[Label.LIVER].click()
    assert editing.limits == EditLimits(Scope.ONE, Label.VESSEL, frozenset({Label.LIVER}))
    assert panel.summary.text() == "Draws tumor over vessel, not liver."
    panel.scope.locks[Label.LIVER].click()
    assert editing.limits.locked == frozenset()


def test_intensity_limits_are_dragged_typed_and_switched_off(
    panel: EditPanel, qtbot: QtBot
) -> None:
    editing, values = panel._session.editing, panel.values
    values.setChecked(True)
    assert editing.limits.hu == (-50, 150)
    slider = values.slider
    for handle, x in ((0, 0.5), (1, 0.75)):
        start = slider.handle_position(handle).toPoint()
        end = QPoint(round(slider.width() * x), start.y())
        qtbot.mousePress(slider, LEFT, pos=start)
        qtbot.mouseMove(slider, end)
        qtbot.mouseRelease(slider, LEFT, pos=end)
    assert editing.limits.hu is not None
    low, high = editing.limits.hu
    assert low == pytest.approx(100, abs=10)
    assert high == pytest.approx(250, abs=15)
    assert (values.low.value(), values.high.value()) == (low, high)
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert editing.limits.hu == (low, high + 1)
    start = slider.handle_position(0).toPoint()
    qtbot.mousePress(slider, LEFT, pos=start)
    qtbot.mouseMove(slider, QPoint(slider.width() - 1, start.y()))  # not beyond the other one
    qtbot.mouseRelease(slider, LEFT)
    assert editing.limits.hu == (high + 1, high + 1)
    values.low.setValue(90)
    values.high.setValue(-900)  # beyond the slider, and the wrong way around
    values.high.editingFinished.emit()
    assert editing.limits.hu == (-900, 90)
    assert panel.summary.text().endswith("within -900 to 90 HU.")
    values.setChecked(False)
    assert editing.limits.hu is None
    assert values.pick.isEnabled()
    values.setChecked(True)
    assert editing.limits.hu == (-900, 90)  # as they were


def test_values_that_are_no_hu_have_their_own_slider(panel: EditPanel) -> None:
    voxels = np.linspace(0, 1, 1000, dtype=np.float32).reshape(10, 10, 10)
    panel._session.open(Volume(voxels, np.eye(4), in_hu=False))
    assert panel.values.low.suffix() == ""
    panel.values.slider._move_to(panel.values.slider.width() / 2)
    panel.values.refresh()
    low, high = panel.values.slider._span
    assert 0 <= low < high <= 1


def test_choices_survive_a_restart(make_window: Callable[[], MainWindow]) -> None:
    first = make_window()
    editing = first.session.editing
    editing.set_label(Label.LIVER)
    editing.set_brush(radius_mm=23.4, shape=BrushShape.SQUARE, ball=True)
    editing.set_adaptive(True)
    editing.set_erase_all(True)
    locked = frozenset({Label.VESSEL})
    editing.set_limits(scope=Scope.ONE, one=Label.TUMOR, locked=locked, hu=(-3.0, 77.0))
    first.close()
    again = make_window().session.editing
    assert again.label is Label.LIVER
    assert again.brush == Brush(23.4, BrushShape.SQUARE, ball=True)
    assert (again.adaptive, again.erase_all) == (True, True)
    assert again.limits == EditLimits(Scope.ONE, Label.TUMOR, locked, (-3.0, 77.0))


def test_tips_name_keys_as_they_are_now(panel: EditPanel, focused: MainWindow) -> None:
    action = focused.actions_.tools.drawing.labels[Label.TUMOR]
    assert "(Alt+3)" in panel.labels.buttons[Label.TUMOR].toolTip()
    action.setShortcut(QKeySequence("Ctrl+J"))
    assert "(Ctrl+J)" in panel.labels.buttons[Label.TUMOR].toolTip()
    assert "Shift+I" in panel.values.pick.toolTip()


def test_the_chosen_label_is_seen_in_both_themes(panel: EditPanel) -> None:
    try:
        for theme in (Theme.LIGHT, Theme.DARK):
            set_theme(theme)
            QApplication.processEvents()
            panel.refresh()
            colors = {
                label: button.grab().toImage().pixelColor(4, button.height() // 2).blue()
                for label, button in panel.labels.buttons.items()
            }
            assert colors[Label.LIVER] == colors[Label.VESSEL]
            assert abs(colors[Label.TUMOR] - colors[Label.LIVER]) > 30
    finally:
        set_theme(Theme.SYSTEM)
