"""Esc leaves what is innermost: drawing, tool, message, a view alone; only then the work stops."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane
from liverview.ui.dialogs.tour import Tour
from liverview.ui.main_window import MainWindow
from liverview.ui.tools.toolbox import POINTER, RULER

from support.mouse import move_pointer
from support.window import Stream, start_segmentation

LEFT = Qt.MouseButton.LeftButton


def press_escape(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Escape)


def test_escape_leaves_one_thing_at_a_time(
    opened: MainWindow, qtbot: QtBot, stream: Stream
) -> None:
    window, view = opened, opened.views.by_plane[Plane.AXIAL]
    window.activateWindow()
    view.setFocus()
    start_segmentation(qtbot, window)
    window.views.toggle_maximized(Plane.AXIAL)
    QApplication.processEvents()
    window.messages.show_message("Something to read.")
    window.toolbox.set_active(RULER)
    crosshair = window.session.crosshair
    port = view.viewport()
    qtbot.mousePress(port, LEFT, pos=QPoint(60, 60))
    move_pointer(view, QPoint(120, 120), LEFT)
    assert window.toolbox.is_drawing

    press_escape(qtbot, window)
    assert not window.toolbox.is_drawing
    assert window.toolbox.active is RULER
    move_pointer(view, QPoint(150, 130), LEFT)  # the button is still held
    qtbot.mouseRelease(port, LEFT, pos=QPoint(150, 130))
    assert window.markups.entries() == []
    assert window.session.crosshair == crosshair
    press_escape(qtbot, window)
    assert window.toolbox.active is POINTER
    assert window.messages.isVisible()
    press_escape(qtbot, window)
    assert not window.messages.isVisible()
    assert window.views.is_one_alone
    press_escape(qtbot, window)
    assert not window.views.is_one_alone
    assert window.controller.segmenting.is_running
    press_escape(qtbot, window)
    assert not window.controller.segmenting.is_running


def test_escape_without_work_leaves_the_same_things(opened: MainWindow, qtbot: QtBot) -> None:
    window = opened
    window.activateWindow()
    window.panels.findings_panel.table.setFocus()  # from wherever the keys are
    window.toolbox.set_active(RULER)
    window.cine.toggle()
    press_escape(qtbot, window)
    assert window.toolbox.active is POINTER
    assert window.cine.playing
    press_escape(qtbot, window)
    assert not window.cine.playing
    press_escape(qtbot, window)  # nothing is left
    assert window.isVisible()


def test_escape_in_the_tour_ends_the_tour(opened: MainWindow, qtbot: QtBot) -> None:
    window = opened
    window.activateWindow()
    window.messages.show_message("Something to read.")
    window.help.show_tour()
    tour = window.findChild(Tour)
    with qtbot.waitSignal(tour.finished):
        qtbot.keyClick(tour.next, Qt.Key.Key_Escape)
    assert window.messages.isVisible()


def test_another_key_for_cancel_does_the_same(opened: MainWindow, qtbot: QtBot) -> None:
    from PySide6.QtGui import QKeySequence

    window = opened
    window.activateWindow()
    cancel = window.actions_.segment.cancel
    assert window.help.shortcuts.assign(cancel, QKeySequence("Ctrl+J")) is None
    window.toolbox.set_active(RULER)
    view = window.views.by_plane[Plane.AXIAL]
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert window.toolbox.active is RULER
    qtbot.keyClick(view, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert window.toolbox.active is POINTER


def test_keys_over_an_image_are_for_the_image_after_a_click_in_a_panel(
    focused: MainWindow, qtbot: QtBot
) -> None:
    """A table, a button, a check box: whatever of a panel has taken the keys."""
    window, view = focused, focused.views.by_plane[Plane.CORONAL]
    panels = window.panels
    takers = [panels.findings_panel.table, panels.findings_panel.copy_button]
    takers += [row.shown for row in panels.labels.rows.values()]
    for taker in takers:
        taker.setEnabled(True)
        taker.setFocus()
        assert taker.hasFocus()
        move_pointer(view, QPoint(50, 50))
        before = window.session.crosshair
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_PageUp)
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_PageUp)
        assert window.session.crosshair[1] == before[1] + 2
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_PageDown)
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_PageDown)


def test_the_pointer_takes_no_keys_from_another_view_or_from_typing(
    focused: MainWindow, qtbot: QtBot
) -> None:
    from PySide6.QtWidgets import QLineEdit

    views = focused.views.by_plane
    views[Plane.AXIAL].setFocus()
    move_pointer(views[Plane.CORONAL], QPoint(50, 50))
    assert views[Plane.AXIAL].hasFocus()
    line = QLineEdit(focused.panels.docks["labels"])
    line.show()
    line.setFocus()
    move_pointer(views[Plane.CORONAL], QPoint(60, 60))
    assert line.hasFocus()
    line.deleteLater()
