"""What a result needs most, by a person's mouse and keys: as few steps as docs/window.md says."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.ui.main_window import MainWindow
from liverview.ui.views.slice_view import SliceView

from support.answers import TIMEOUT_MS
from support.mouse import Place, drag_places

# The offscreen platform cannot do what menus ask of a window manager.
pytestmark = pytest.mark.qt_log_ignore("does not support (raise|grabbing)", extend=True)
RIGHT, LEFT = Qt.MouseButton.RightButton, Qt.MouseButton.LeftButton
SHAPE = (48, 40, 24)
FALSE, MISSED, STOMACH, BRIDGE = (12, 12, 8), (14, 27, 12), (39, 20, 12), (33, 20, 12)
MISSED_MM = 9.0  # radius, of voxels of 2 x 2 x 3 mm


def liver_alone() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[4:32, 4:36, 2:22] = Label.LIVER
    labels[20:28, 20, 12] = Label.VESSEL
    return labels


def is_missed() -> np.ndarray:
    i, j, k = np.indices(SHAPE) - np.reshape(MISSED, (3, 1, 1, 1))
    return (2 * i) ** 2 + (2 * j) ** 2 + (3 * k) ** 2 <= MISSED_MM**2


@pytest.fixture
def shown(window: MainWindow) -> MainWindow:
    """A result with a false tumor, a tumor that it misses, and stomach on the liver."""
    window.resize(1200, 800)
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    hu = np.random.default_rng(2).normal(100, 8, SHAPE)
    hu[is_missed()] -= 60
    labels = liver_alone()
    labels[10:15, 10:15, 6:11] = Label.TUMOR
    labels[35:44, 12:30, 6:18] = Label.LIVER
    labels[32:35, 18:22, 11:14] = Label.LIVER
    window.session.open(Volume(hu.astype(np.int16), affine, name="case"))
    window.session.store.open_labels(LabelMap(labels, affine))
    window.activateWindow()
    window.views.by_plane[Plane.AXIAL].setFocus()
    QApplication.processEvents()
    return window


def view_of(window: MainWindow, voxel: tuple[int, int, int]) -> SliceView:
    """The axial view, at the slice of a voxel."""
    window.session.set_crosshair(voxel)
    QApplication.processEvents()
    return window.views.by_plane[Plane.AXIAL]


def point_of(view: SliceView, place: Place) -> QPoint:
    return view.widget_position(place).toPoint()


def labels_of(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.voxels


def steps_of(window: MainWindow) -> list[str]:
    return [step.name for step in window.session.store.history.steps()][1:]  # but the opening


def delete_a_false_tumor(window: MainWindow, qtbot: QtBot) -> None:
    view = view_of(window, FALSE)
    qtbot.mouseClick(view.viewport(), RIGHT, pos=point_of(view, FALSE))
    menu = window.part_menu.menu
    (entry,) = [a for a in menu.actions() if a.text().replace("&", "") == "Delete part"]
    qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(entry).center())


def add_a_missed_tumor(window: MainWindow, qtbot: QtBot) -> None:
    """A dab of the adaptive ball."""
    view = view_of(window, MISSED)
    qtbot.keyClick(view, Qt.Key.Key_B)
    qtbot.keyClick(view, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(view, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    for _ in range(3):
        qtbot.keyClick(view, Qt.Key.Key_BracketRight, Qt.KeyboardModifier.ControlModifier)
    qtbot.mouseClick(view.viewport(), LEFT, pos=point_of(view, MISSED))


def cut_the_stomach_off(window: MainWindow, qtbot: QtBot) -> None:
    view = view_of(window, BRIDGE)
    qtbot.keyClick(view, Qt.Key.Key_K, Qt.KeyboardModifier.ShiftModifier)
    drag_places(qtbot, view, (33.0, 15.0, 12.0), (33.0, 25.0, 12.0))
    qtbot.waitUntil(lambda: len(window.session.selected.parts) == 1, timeout=TIMEOUT_MS)
    qtbot.keyClick(view, Qt.Key.Key_Delete)


def test_a_false_tumor_is_gone_in_one_step(shown: MainWindow, qtbot: QtBot) -> None:
    before = labels_of(shown).copy()
    delete_a_false_tumor(shown, qtbot)
    before[10:15, 10:15, 6:11] = Label.LIVER
    assert np.array_equal(labels_of(shown), before)
    assert steps_of(shown) == ["delete part, tumor"]


def test_a_missed_tumor_is_there_after_one_step(shown: MainWindow, qtbot: QtBot) -> None:
    before = labels_of(shown).copy()
    add_a_missed_tumor(shown, qtbot)
    drawn = (labels_of(shown) == Label.TUMOR) & (before != Label.TUMOR)
    assert 2 * (drawn & is_missed()).sum() / (drawn.sum() + is_missed().sum()) > 0.85
    assert np.array_equal(labels_of(shown)[~drawn], before[~drawn])
    assert steps_of(shown) == ["brush, tumor"]


def test_the_stomach_is_off_in_two_steps(shown: MainWindow, qtbot: QtBot) -> None:
    before = labels_of(shown).copy()
    cut_the_stomach_off(shown, qtbot)
    assert (labels_of(shown)[35:] == 0).all()
    assert np.array_equal(labels_of(shown)[:32], before[:32])
    assert steps_of(shown) == ["split part, liver", "delete part, liver"]
    for _ in range(2):
        qtbot.keyClick(view_of(shown, BRIDGE), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(labels_of(shown), before)


def test_the_right_button_on_what_was_cut_off_has_no_more(shown: MainWindow, qtbot: QtBot) -> None:
    """Delete in its menu would else take the liver as well."""
    view = view_of(shown, BRIDGE)
    qtbot.keyClick(view, Qt.Key.Key_K, Qt.KeyboardModifier.ShiftModifier)
    drag_places(qtbot, view, (33.0, 15.0, 12.0), (33.0, 25.0, 12.0))
    qtbot.mouseClick(view.viewport(), RIGHT, pos=point_of(view, STOMACH))
    menu = shown.part_menu.menu
    (title, *_) = [action.text() for action in menu.actions() if action.text()]
    menu.close()
    assert title.startswith("Liver")
    (selected,) = shown.session.selected.parts
    assert selected.contains(STOMACH)
    assert not selected.contains(MISSED)
