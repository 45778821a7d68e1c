"""The right button on a part, Delete on a row or over a view: with a person's mouse and keys."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.volume import Plane
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.lesion_table import LesionTable

from support.answers import TIMEOUT_MS, Answers
from support.drawn_parts import LEFT, OUTSIDE, RIGHT, SHAPE, SMALL, labels_of, open_parts
from support.mouse import CTRL, NO_KEY, drag_pixels

# The offscreen platform cannot do what menus ask of a window manager.
pytestmark = pytest.mark.qt_log_ignore("does not support (raise|grabbing)", extend=True)
RIGHT_BUTTON = Qt.MouseButton.RightButton
Voxel = tuple[int, int, int]


@pytest.fixture
def shown(window: MainWindow, qtbot: QtBot) -> Iterator[MainWindow]:
    window.resize(1200, 800)
    open_parts(window)
    QApplication.processEvents()
    yield window
    window.part_menu.menu.close()


def place_of(window: MainWindow, voxel: Voxel, plane: Plane = Plane.AXIAL) -> QPoint:
    """The pixel of a voxel, whose slice is shown."""
    window.session.set_crosshair(voxel)
    QApplication.processEvents()
    return window.views.by_plane[plane].widget_position(voxel).toPoint()


def open_menu(qtbot: QtBot, window: MainWindow, voxel: Voxel, plane: Plane = Plane.AXIAL) -> QMenu:
    view = window.views.by_plane[plane]
    qtbot.mouseClick(view.viewport(), RIGHT_BUTTON, pos=place_of(window, voxel, plane))
    menu = window.part_menu.menu
    assert QApplication.activePopupWidget() is menu
    return menu


def texts(menu: QMenu) -> list[str]:
    return [action.text().replace("&", "") for action in menu.actions() if action.text()]


def press(qtbot: QtBot, menu: QMenu, text: str) -> None:
    """Click an entry of an open menu."""
    (action,) = [a for a in menu.actions() if a.text().replace("&", "") == text]
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def selected_voxels(window: MainWindow) -> list[int]:
    return [part.voxel_count for part in window.session.selected.parts]


@pytest.mark.parametrize("plane", Plane)
def test_the_right_button_deletes_a_lesion_in_every_view(
    shown: MainWindow, qtbot: QtBot, plane: Plane
) -> None:
    before = labels_of(shown).copy()
    menu = open_menu(qtbot, shown, SMALL, plane)
    assert texts(menu)[0] == "Tumor 1.1 mL"
    assert selected_voxels(shown) == [125]
    told: list[str] = []
    shown.session.store.add_history(lambda change: told.append(change.name))
    press(qtbot, menu, "Delete part")
    before[28:33, 24:29, 14:19] = Label.LIVER
    assert np.array_equal(labels_of(shown), before)
    assert told == ["delete part, tumor"]
    assert selected_voxels(shown) == []


def test_a_place_without_a_part_says_so(shown: MainWindow, qtbot: QtBot) -> None:
    menu = open_menu(qtbot, shown, OUTSIDE)
    assert texts(menu) == ["No part of a label is shown here"]
    assert not menu.actions()[0].isEnabled()
    assert selected_voxels(shown) == []


def test_beside_the_scan_there_is_no_menu(shown: MainWindow, qtbot: QtBot) -> None:
    view = shown.views.by_plane[Plane.AXIAL]
    view.zoom(0.5)
    QApplication.processEvents()
    assert view.voxel_at(QPoint(3, 3)) is None
    qtbot.mouseClick(view.viewport(), RIGHT_BUTTON, pos=QPoint(3, 3))
    assert not shown.part_menu.menu.isVisible()


def test_a_drag_with_the_right_button_is_no_click(shown: MainWindow, qtbot: QtBot) -> None:
    view, start = shown.views.by_plane[Plane.AXIAL], place_of(shown, SMALL)
    drag_pixels(qtbot, view, RIGHT_BUTTON, start, start + QPoint(20, 10))
    assert not shown.part_menu.menu.isVisible()
    assert selected_voxels(shown) == []


def test_a_hidden_tumor_is_liver_as_it_is_seen(shown: MainWindow, qtbot: QtBot) -> None:
    shown.session.set_style(Label.TUMOR, visible=False)
    menu = open_menu(qtbot, shown, SMALL)
    assert texts(menu)[0].startswith("Liver")
    assert "Exclude" not in texts(menu)
    menu.close()
    shown.session.set_style(Label.LIVER, visible=False)
    assert texts(open_menu(qtbot, shown, SMALL)) == ["No part of a label is shown here"]


def test_a_lesion_is_excluded_and_taken_in_again_from_the_menu(
    shown: MainWindow, qtbot: QtBot
) -> None:
    before = labels_of(shown).copy()
    menu = open_menu(qtbot, shown, SMALL)
    (exclude,) = [a for a in menu.actions() if a.text() == "&Exclude"]
    (reason,) = [a for a in exclude.menu().actions() if a.text() == "Not a lesion"]
    reason.trigger()
    menu.close()
    assert labels_of(shown)[SMALL] == Label.LIVER
    assert [mark.reason for mark in shown.session.review.ruled_out] == ["Not a lesion"]
    press(qtbot, open_menu(qtbot, shown, SMALL), "Include again (ruled out: Not a lesion)")
    assert np.array_equal(labels_of(shown), before)
    assert shown.session.review.ruled_out == ()


def test_keys_and_commands_wait_for_a_selection(shown: MainWindow, qtbot: QtBot) -> None:
    actions = [a for a in shown.actions_.parts.menu.actions() if not a.isSeparator()]
    assert len(actions) > 10
    assert not any(action.isEnabled() for action in actions)
    open_menu(qtbot, shown, SMALL).close()
    assert all(action.isEnabled() for action in actions)
    view = shown.views.by_plane[Plane.AXIAL]
    view.setFocus()
    before = labels_of(shown).copy()
    qtbot.keyClick(view, Qt.Key.Key_Plus, CTRL)
    qtbot.keyClick(view, Qt.Key.Key_Plus, CTRL)
    # Voxels are 1.5 x 2 x 3 mm: none is within 1 mm.
    assert np.array_equal(labels_of(shown), before)
    assert shown.statusBar().currentMessage().startswith("Nothing changed")


def test_a_distance_is_asked_for_and_remembered(
    shown: MainWindow, qtbot: QtBot, answers: Answers
) -> None:
    press(qtbot, open_menu(qtbot, shown, SMALL), "Grow or shrink by …")  # asked, and canceled
    assert answers.asked == ["Grow or shrink, 1 mm"]
    answers.mm = 2.0
    before = labels_of(shown).copy()
    press(qtbot, open_menu(qtbot, shown, SMALL), "Grow or shrink by …")
    assert (labels_of(shown) == Label.TUMOR).sum() - (before == Label.TUMOR).sum() == 4 * 25
    assert selected_voxels(shown) == [225]  # what has grown is still selected
    answers.mm = -2.0
    press(qtbot, open_menu(qtbot, shown, SMALL), "Grow or shrink by …")
    assert np.array_equal(labels_of(shown), before)
    answers.mm = -50.0
    press(qtbot, open_menu(qtbot, shown, SMALL), "Grow or shrink by …")
    assert shown.statusBar().currentMessage() == (
        "Nothing is left of the part. Undo brings it back."
    )
    assert answers.asked[-1] == "Grow or shrink, -2 mm"
    assert labels_of(shown)[SMALL] == Label.LIVER
    assert selected_voxels(shown) == []


def test_delete_over_a_view_takes_the_selected_part_but_a_chosen_ruler_first(
    shown: MainWindow, qtbot: QtBot
) -> None:
    from liverview.measurement.markup.shapes import Ruler

    view = shown.views.by_plane[Plane.AXIAL]
    shown.markups.add(Ruler(Plane.AXIAL, (5.0, 5.0, 9.0), (20.0, 5.0, 9.0)))
    open_menu(qtbot, shown, SMALL).close()
    view.setFocus()
    (entry,) = shown.markups.entries()
    shown.markups.choose(entry.id)
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert shown.markups.entries() == []
    assert labels_of(shown)[SMALL] == Label.TUMOR
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert labels_of(shown)[SMALL] == Label.LIVER
    before = labels_of(shown).copy()
    qtbot.keyClick(view, Qt.Key.Key_Delete)  # nothing is selected any more
    assert np.array_equal(labels_of(shown), before)


def test_escape_selects_nothing(shown: MainWindow, qtbot: QtBot) -> None:
    open_menu(qtbot, shown, SMALL).close()
    view = shown.views.by_plane[Plane.AXIAL]
    view.setFocus()
    shown.messages.show_message("Something to read.")
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert selected_voxels(shown) == []
    assert shown.messages.isVisible()


def test_ctrl_and_a_click_selects_several(shown: MainWindow, qtbot: QtBot) -> None:
    view = shown.views.by_plane[Plane.AXIAL]
    crosshair = None
    for voxel in (SMALL, LEFT):
        at = place_of(shown, voxel)
        crosshair = shown.session.crosshair
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, CTRL, pos=at)
    assert shown.session.crosshair == crosshair  # a click with Ctrl leaves it
    assert selected_voxels(shown) == [125, 9 * 9 * 7 + 11 * 9 * 7 + 4 * 4]
    menu = open_menu(qtbot, shown, RIGHT)  # in the second one: both stay selected
    assert [text[:5] for text in texts(menu)[:2]] == ["Tumor", "Tumor"]
    menu.close()
    at = place_of(shown, SMALL)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, CTRL, pos=at)
    assert len(selected_voxels(shown)) == 1
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, CTRL, pos=at)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert (labels_of(shown) != Label.TUMOR).all()


def measured(qtbot: QtBot, window: MainWindow) -> LesionTable:
    """The table of the lesions as they are."""
    findings, table = window.panels.findings, window.panels.findings_panel.table
    qtbot.waitUntil(lambda: findings.is_current and findings.measurement is not None,
                    timeout=TIMEOUT_MS)  # fmt: skip
    return table


def click_row(
    qtbot: QtBot, table: LesionTable, row: int, keys: Qt.KeyboardModifier = NO_KEY
) -> None:
    at = table.visualRect(table.model().index(row, 1)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, keys, pos=at)


@pytest.mark.parametrize("key", [Qt.Key.Key_Delete, Qt.Key.Key_Backspace])
def test_delete_on_its_row_deletes_a_lesion(shown: MainWindow, qtbot: QtBot, key: Qt.Key) -> None:
    before = labels_of(shown).copy()
    table = measured(qtbot, shown)
    assert table.model().rowCount() == 2
    click_row(qtbot, table, 1)
    assert selected_voxels(shown) == [125]  # outlined in the views
    table.setFocus()
    qtbot.keyClick(table, key)
    before[28:33, 24:29, 14:19] = Label.LIVER
    assert np.array_equal(labels_of(shown), before)
    assert measured(qtbot, shown).model().rowCount() == 1


def test_several_rows_are_deleted_as_one_edit(shown: MainWindow, qtbot: QtBot) -> None:
    table = measured(qtbot, shown)
    click_row(qtbot, table, 0)
    assert shown.panels.findings_panel.exclude_button.isEnabled()
    click_row(qtbot, table, 1, CTRL)
    assert not shown.panels.findings_panel.exclude_button.isEnabled()  # which is for one
    assert sorted(selected_voxels(shown)) == [125, 9 * 9 * 7 + 11 * 9 * 7 + 4 * 4]
    told: list[str] = []
    shown.session.store.add_history(lambda change: told.append(change.name))
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert told == ["delete parts, tumor"]
    assert (labels_of(shown) != Label.TUMOR).all()


def test_a_row_that_is_ruled_out_has_nothing_to_delete(shown: MainWindow, qtbot: QtBot) -> None:
    table = measured(qtbot, shown)
    shown.panels.findings.exclude(2, "Not a lesion")
    measured(qtbot, shown)
    qtbot.waitUntil(lambda: table.model().rowCount() == 2, timeout=TIMEOUT_MS)
    before = labels_of(shown).copy()
    click_row(qtbot, table, 1)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert np.array_equal(labels_of(shown), before)
    assert "nothing to delete" in shown.statusBar().currentMessage()


def test_a_selected_part_is_outlined_in_every_view(shown: MainWindow, qtbot: QtBot) -> None:
    shown.session.set_show_crosshair(False)
    place_of(shown, SMALL)

    def white(plane: Plane) -> int:
        view = shown.views.by_plane[plane]
        view.refresh()
        QApplication.processEvents()
        picture = view.grab().toImage()
        start = view.widget_position([27.5, 23.5, 13.5])
        end = view.widget_position([32.5, 28.5, 18.5])
        y = int((start.y() + end.y()) / 2)
        x = int(start.x())
        colors = [picture.pixelColor(x + d, y).getRgb()[:3] for d in (-2, -1, 0, 1, 2)]
        return colors.count((255, 255, 255))

    assert [white(plane) for plane in Plane] == [0, 0, 0]
    open_menu(qtbot, shown, SMALL).close()
    assert all(white(plane) >= 1 for plane in Plane)
    shown.session.selected.clear()
    assert [white(plane) for plane in Plane] == [0, 0, 0]


def test_another_scan_has_nothing_selected(shown: MainWindow, qtbot: QtBot) -> None:
    open_menu(qtbot, shown, SMALL).close()
    open_parts(shown)
    assert selected_voxels(shown) == []
    assert labels_of(shown).shape == SHAPE
