"""Brush and eraser: real mouse and keys on a window, against distances in plain numpy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.editing.adaptive import sample_region
from liverview.editing.brush import BrushShape
from liverview.editing.limits import Scope
from liverview.ui.main_window import MainWindow
from liverview.ui.tools.toolbox import BRUSH, ERASER, PICKER, POINTER
from liverview.ui.views.slice_view import SliceView

from support.mouse import move_pointer, turn_wheel

SHAPE = (60, 50, 30)
AXES = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]]) @ np.diag([1.0, 1.4, 3.0])
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
NO_KEY = Qt.KeyboardModifier.NoModifier
_PRESS_AND_RELEASE = QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease


@pytest.fixture
def drawing(window: MainWindow) -> MainWindow:
    """A window with an oblique scan whose brush is in the hand."""
    affine = np.eye(4)
    affine[:3, :3] = AXES
    hu = np.random.default_rng(0).normal(50, 10, SHAPE).astype(np.int16)
    hu[30:] += 100
    window.session.open(Volume(hu, affine, name="oblique"))
    window.activateWindow()
    window.toolbox.set_active(BRUSH)
    window.session.editing.set_brush(radius_mm=6.0)
    QApplication.processEvents()
    return window


def voxels_of(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.voxels


def steps_of(window: MainWindow) -> list[str]:
    return [step.name for step in window.session.store.history.steps()]


def stroke(
    qtbot: QtBot,
    view: SliceView,
    points: list[QPoint],
    button: Qt.MouseButton = LEFT,
    keys: Qt.KeyboardModifier = NO_KEY,
) -> None:
    qtbot.mousePress(view.viewport(), button, keys, pos=points[0])
    for point in points[1:]:
        move_pointer(view, point, button)
    qtbot.mouseRelease(view.viewport(), button, keys, pos=points[-1])


def points_of(view: SliceView, *places: tuple[float, float, float]) -> list[QPoint]:
    return [view.widget_position(place).toPoint() for place in places]


def covered(view: SliceView, points: list[QPoint], radius: float, *, ball: bool) -> np.ndarray:
    """What lies within the radius of the line through these pixels, in world mm."""
    places = [np.array(view.index_at(point.toPointF())) for point in points]
    axis = view.plane.axis
    if not ball:
        for place in places:
            place[axis] = round(place[axis])
    world = np.indices(SHAPE).reshape(3, -1).T @ AXES.T
    nearest = np.full(len(world), np.inf)
    for a, b in zip(places, [*places[1:], places[-1]], strict=True):
        a, b = AXES @ a, AXES @ b
        share = np.clip((world - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(world - a - share[:, None] * (b - a), axis=1))
    mask = (nearest <= radius).reshape(SHAPE)
    if not ball:
        mask &= np.indices(SHAPE)[axis] == view.session.crosshair[axis]
    return mask


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("ball", [False, True])
def test_a_stroke_is_filled_between_the_events_and_is_one_step(
    drawing: MainWindow, qtbot: QtBot, plane: Plane, ball: bool
) -> None:
    view = drawing.views.by_plane[plane]
    drawing.session.editing.set_brush(ball=ball)
    i, j, k = drawing.session.crosshair
    corners = {0: (i, 8, 5), 1: (8, j, 5), 2: (8, 8, k)}[plane.axis]
    across, up = {0: ((i, 40, 5), (i, 40, 22)), 1: ((45, j, 6), (45, j, 22))}.get(
        plane.axis, ((45, 8, k), (40, 40, k))
    )
    points = points_of(view, corners, across, up)
    before = voxels_of(drawing).copy()
    stroke(qtbot, view, points)
    expected = covered(view, points, 6.0, ball=ball)
    assert expected.sum() > 100
    assert np.array_equal(voxels_of(drawing) == Label.TUMOR, expected)
    assert drawing.session.store.modified
    assert steps_of(drawing) == ["brush, tumor"]
    qtbot.keyClick(view, Qt.Key.Key_Z, CTRL)
    assert np.array_equal(voxels_of(drawing), before)
    qtbot.keyClick(view, Qt.Key.Key_Y, CTRL)
    assert np.array_equal(voxels_of(drawing) == Label.TUMOR, expected)


def test_a_stroke_is_seen_in_all_views_while_the_button_is_held(
    drawing: MainWindow, qtbot: QtBot
) -> None:
    drawing.session.editing.set_brush(ball=True)
    views = drawing.views.by_plane
    view, middle = views[Plane.AXIAL], drawing.session.crosshair
    (point,) = points_of(view, middle)
    qtbot.mousePress(view.viewport(), LEFT, pos=point)
    QApplication.processEvents()
    for other in views.values():
        seen = other.grab().toImage()
        inside = other.widget_position(np.add(middle, 0.4)).toPoint() * other.devicePixelRatio()
        assert seen.pixelColor(inside).blue() < seen.pixelColor(inside).red(), other.plane
    qtbot.mouseRelease(view.viewport(), LEFT, pos=point)


@pytest.mark.parametrize(
    ("button", "keys"), [(RIGHT, NO_KEY), (LEFT, SHIFT)], ids=["right button", "Shift"]
)
def test_right_button_and_shift_erase_the_label_which_becomes_its_parent(
    drawing: MainWindow, qtbot: QtBot, button: Qt.MouseButton, keys: Qt.KeyboardModifier
) -> None:
    labels = np.full(SHAPE, Label.TUMOR, np.uint8, order="F")
    labels[:, :25] = Label.VESSEL
    drawing.session.store.open_labels(LabelMap(labels, drawing.session.volume.affine))  # type: ignore[union-attr]
    view = drawing.views.by_plane[Plane.AXIAL]
    points = points_of(view, (20, 25, 15), (40, 25, 15), (20, 25, 15))  # over itself again
    window = drawing.session.level, drawing.session.width
    stroke(qtbot, view, points, button, keys)
    expected = labels.copy()
    expected[covered(view, points, 6.0, ball=False) & (labels == Label.TUMOR)] = Label.LIVER
    assert np.array_equal(voxels_of(drawing), expected)
    assert steps_of(drawing) == ["open labels", "erase, tumor"]
    assert (drawing.session.level, drawing.session.width) == window
    stroke(qtbot, view, points[:2])  # the next one draws
    assert steps_of(drawing)[-1] == "brush, tumor"


def test_the_eraser_takes_the_label_or_all_of_them(drawing: MainWindow, qtbot: QtBot) -> None:
    labels = np.full(SHAPE, Label.LIVER, np.uint8, order="F")
    labels[30:] = Label.TUMOR
    store = drawing.session.store
    store.open_labels(LabelMap(labels, drawing.session.volume.affine))  # type: ignore[union-attr]
    view = drawing.views.by_plane[Plane.AXIAL]
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_E, SHIFT)
    assert drawing.toolbox.active is ERASER
    drawing.session.editing.set_label(Label.LIVER)
    points = points_of(view, (15, 25, 15), (45, 25, 15))
    where = covered(view, points, 6.0, ball=False)
    stroke(qtbot, view, points)
    assert np.array_equal(voxels_of(drawing), np.where(where, Label.BACKGROUND, labels))
    qtbot.keyClick(view, Qt.Key.Key_Z, CTRL)
    drawing.session.editing.set_label(Label.VESSEL)
    stroke(qtbot, view, points)
    assert np.array_equal(voxels_of(drawing), labels)  # there is none under it
    drawing.panels.edit.erase_all.click()
    stroke(qtbot, view, points)
    assert np.array_equal(voxels_of(drawing), np.where(where, Label.BACKGROUND, labels))


def test_limits_and_locks_count_voxel_by_voxel(drawing: MainWindow, qtbot: QtBot) -> None:
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[:, 25:] = Label.VESSEL
    drawing.session.store.open_labels(LabelMap(labels, drawing.session.volume.affine))  # type: ignore[union-attr]
    view, editing = drawing.views.by_plane[Plane.AXIAL], drawing.session.editing
    points = points_of(view, (15, 25, 15), (45, 25, 15))
    editing.set_limits(hu=(45, 60), locked=frozenset({Label.VESSEL}))
    stroke(qtbot, view, points)
    assert drawing.session.volume is not None
    hu = drawing.session.volume.voxels
    where = covered(view, points, 6.0, ball=False)
    free = where & (hu >= 45) & (hu <= 60) & (labels != Label.VESSEL)
    assert 0 < free.sum() < where.sum()
    assert np.array_equal(voxels_of(drawing), np.where(free, Label.TUMOR, labels))
    editing.set_limits(hu=None, locked=frozenset(), scope=Scope.BACKGROUND)
    stroke(qtbot, view, points)
    expected = np.where(where & (labels == 0), Label.TUMOR, labels)
    assert np.array_equal(voxels_of(drawing), expected)


def test_esc_takes_the_stroke_back_and_the_rest_of_the_drag_draws_nothing(
    drawing: MainWindow, qtbot: QtBot
) -> None:
    view = drawing.views.by_plane[Plane.AXIAL]
    view.setFocus()
    a, b, c = points_of(view, (15, 25, 15), (45, 25, 15), (20, 10, 15))
    stroke(qtbot, view, [a, b])
    drawing.session.store.mark_saved()
    kept = voxels_of(drawing).copy()
    qtbot.mousePress(view.viewport(), RIGHT, pos=a)
    move_pointer(view, c, RIGHT)
    assert not np.array_equal(voxels_of(drawing), kept)
    assert drawing.session.store.modified
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert np.array_equal(voxels_of(drawing), kept)
    assert not drawing.session.store.modified
    move_pointer(view, b, RIGHT)
    qtbot.mouseRelease(view.viewport(), RIGHT, pos=b)
    assert np.array_equal(voxels_of(drawing), kept)
    assert steps_of(drawing) == ["brush, tumor"]
    assert drawing.toolbox.active is BRUSH
    qtbot.keyClick(view, Qt.Key.Key_Escape)  # nothing is drawn: the tool is laid down
    assert drawing.toolbox.active is POINTER


def test_keys_and_wheel_change_size_kind_and_label(drawing: MainWindow, qtbot: QtBot) -> None:
    view, editing = drawing.views.by_plane[Plane.CORONAL], drawing.session.editing
    view.setFocus()
    before = drawing.session.crosshair
    qtbot.keyClick(view, Qt.Key.Key_BracketRight, CTRL)
    assert editing.brush.radius_mm == pytest.approx(7.2)
    qtbot.keyClick(view, Qt.Key.Key_BracketLeft, CTRL)
    qtbot.keyClick(view, Qt.Key.Key_BracketLeft, CTRL)
    assert editing.brush.radius_mm == pytest.approx(5.0)
    move_pointer(view, view.viewport().rect().center())
    turn_wheel(view, 240, SHIFT)
    assert editing.brush.radius_mm == pytest.approx(7.2)
    assert drawing.session.crosshair == before
    assert drawing.panels.edit.brush.radius.value() == pytest.approx(7.2)
    turn_wheel(view, 120, NO_KEY)
    assert drawing.session.crosshair != before  # without Shift, it goes through the slices
    qtbot.keyClick(view, Qt.Key.Key_B, SHIFT)
    assert editing.brush.ball
    qtbot.keyClick(view, Qt.Key.Key_B, CTRL)
    assert editing.adaptive
    for key, label in ((Qt.Key.Key_1, Label.LIVER), (Qt.Key.Key_3, Label.TUMOR)):
        qtbot.keyClick(view, key, Qt.KeyboardModifier.AltModifier)
        assert editing.label is label
    qtbot.keyClick(view, Qt.Key.Key_C)
    qtbot.keyClick(view, Qt.Key.Key_B)
    assert drawing.toolbox.active is BRUSH


def test_ctrl_puts_the_crosshair_while_the_brush_is_in_the_hand(
    drawing: MainWindow, qtbot: QtBot
) -> None:
    view = drawing.views.by_plane[Plane.AXIAL]
    (point,) = points_of(view, (20, 30, 15))
    qtbot.mouseClick(view.viewport(), LEFT, CTRL, pos=point)
    assert drawing.session.crosshair == (20, 30, 15)
    assert not voxels_of(drawing).any()


@pytest.mark.parametrize("button", [LEFT, RIGHT])
def test_quick_dabs_are_no_double_click(
    drawing: MainWindow, qtbot: QtBot, button: Qt.MouseButton
) -> None:
    labels = np.full(SHAPE, Label.TUMOR, np.uint8, order="F")
    labels[:, 25:] = 0
    drawing.session.store.open_labels(LabelMap(labels, drawing.session.volume.affine))  # type: ignore[union-attr]
    view = drawing.views.by_plane[Plane.AXIAL]
    (point,) = points_of(view, (30, 25, 15))
    qtbot.mouseClick(view.viewport(), button, pos=point)
    qtbot.mouseDClick(view.viewport(), button, pos=point)
    qtbot.mouseRelease(view.viewport(), button, pos=point)
    assert not drawing.views.is_one_alone
    assert len(steps_of(drawing)) == 2  # the second press has found nothing to change
    (far,) = points_of(view, (10, 25, 15))
    qtbot.mouseDClick(view.viewport(), button, pos=far)
    qtbot.mouseRelease(view.viewport(), button, pos=far)
    assert len(steps_of(drawing)) == 3


def test_a_stroke_may_leave_the_scan_and_come_back(drawing: MainWindow, qtbot: QtBot) -> None:
    view = drawing.views.by_plane[Plane.AXIAL]
    drawing.session.editing.set_brush(shape=BrushShape.SQUARE, radius_mm=150.0)
    corner = QPoint(2, 2)
    drawing.session.editing.set_brush(radius_mm=0.5)
    points = [corner, *points_of(view, (5, 5, 15), (20, 25, 15)), corner]
    stroke(qtbot, view, points)
    drawn = np.argwhere(voxels_of(drawing) == Label.TUMOR)
    assert len(drawn) > 15
    assert (drawn[:, 2] == 15).all()
    drawing.session.editing.set_brush(radius_mm=150.0, ball=True)
    stroke(qtbot, view, points_of(view, (20, 25, 15)))
    assert (voxels_of(drawing) == Label.TUMOR).all()


def test_a_stroke_wins_over_a_segmentation_that_streams(drawing: MainWindow, qtbot: QtBot) -> None:
    view, store = drawing.views.by_plane[Plane.AXIAL], drawing.session.store
    store.begin_segmentation()
    slab = Slab(10, np.full((*SHAPE[:2], 8), Label.LIVER, np.uint8))
    store.merge_slab(slab)
    stroke(qtbot, view, points_of(view, (15, 25, 15), (45, 25, 15)))
    drawn = voxels_of(drawing) == Label.TUMOR
    assert drawn.any()
    assert "Your edits stay" in drawing.messages.text.text()
    store.merge_slab(slab)
    store.end_segmentation(complete=True)
    np.testing.assert_array_equal(voxels_of(drawing) == Label.TUMOR, drawn)


def press(
    view: SliceView, kind: QEvent.Type, at: QPoint, button: Qt.MouseButton, held: Any
) -> None:
    """A button as Qt reports it with others held; pytest-qt knows of one alone."""
    where = QPointF(view.viewport().mapToGlobal(at))
    QApplication.sendEvent(
        view.viewport(), QMouseEvent(kind, QPointF(at), where, button, held, NO_KEY)
    )


def test_a_second_button_does_not_disturb_a_stroke(drawing: MainWindow, qtbot: QtBot) -> None:
    view, down, up = drawing.views.by_plane[Plane.AXIAL], *_PRESS_AND_RELEASE
    start, between, end = points_of(view, (15, 15, 15), (25, 25, 15), (35, 25, 15))
    stroke(qtbot, view, [start, between, end])
    expected = voxels_of(drawing).copy()
    drawing.session.store.history.undo()
    menus: list[object] = []
    view.menu_requested.connect(lambda *asked: menus.append(asked))
    press(view, down, start, LEFT, LEFT)
    move_pointer(view, between, LEFT)
    press(view, down, between, RIGHT, LEFT | RIGHT)
    press(view, up, between, RIGHT, LEFT)
    move_pointer(view, end, LEFT)
    press(view, up, end, LEFT, Qt.MouseButton.NoButton)
    assert np.array_equal(voxels_of(drawing), expected)
    assert steps_of(drawing) == ["brush, tumor"]
    assert not menus


def test_a_release_that_never_came_costs_no_stroke(drawing: MainWindow, qtbot: QtBot) -> None:
    """As where another window came in front with the button held."""
    view, down = drawing.views.by_plane[Plane.AXIAL], _PRESS_AND_RELEASE[0]
    first, second = points_of(view, (15, 15, 15), (35, 35, 15))
    press(view, down, first, LEFT, LEFT)
    stroke(qtbot, view, [second])
    assert voxels_of(drawing)[15, 15, 15] == voxels_of(drawing)[35, 35, 15] == Label.TUMOR
    assert steps_of(drawing) == ["brush, tumor"] * 2
    drawing.session.store.history.undo()
    assert voxels_of(drawing)[15, 15, 15] == Label.TUMOR
    assert not voxels_of(drawing)[35, 35, 15]
    press(view, down, second, LEFT, LEFT)
    assert not drawing.session.store.history.can_undo
    move_pointer(view, first)
    assert drawing.session.store.history.can_undo
    assert steps_of(drawing) == ["brush, tumor"] * 2
    assert not voxels_of(drawing)[25, 25, 15]  # on the way, with no button held


def test_the_adaptive_brush_stays_on_its_side_of_an_edge(drawing: MainWindow, qtbot: QtBot) -> None:
    drawing.session.editing.set_adaptive(True)
    drawing.session.editing.set_brush(radius_mm=9.0)
    view = drawing.views.by_plane[Plane.AXIAL]
    points = points_of(view, (24, 15, 15), (27, 35, 15))  # the edge is between 29 and 30
    stroke(qtbot, view, points)
    drawn = voxels_of(drawing) == Label.TUMOR
    could = covered(view, points, 9.0, ball=False)
    assert could[30:].sum() > 50
    assert not drawn[30:].any()
    assert drawn[:29].sum() > 0.97 * could[:29].sum()


def test_limits_are_picked_under_the_pointer_and_the_brush_is_back(
    drawing: MainWindow, qtbot: QtBot
) -> None:
    view, editing = drawing.views.by_plane[Plane.AXIAL], drawing.session.editing
    drawing.panels.edit.values.pick.click()
    assert drawing.toolbox.active is PICKER
    (point,) = points_of(view, (45, 25, 15))
    move_pointer(view, point)
    view.grab()  # what is picked is told beside the pointer
    qtbot.mouseClick(view.viewport(), LEFT, pos=point)
    assert drawing.toolbox.active is BRUSH
    assert drawing.session.volume is not None
    expected = sample_region(drawing.session.volume, (45, 25, 15), Plane.AXIAL.axis)
    assert editing.limits.hu == expected.range
    assert editing.limits.hu is not None
    assert 100 < editing.limits.hu[0] < 150 < editing.limits.hu[1] < 200
    assert not voxels_of(drawing).any()


_SCRIPT = """
import json, sys
import numpy as np
from PySide6.QtCore import QEvent, QPointF, QSettings, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtTest import QTest
from liverview.core.labels import Label
from liverview.ui.app import make_application
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Session
from liverview.ui.tools.toolbox import BRUSH
from liverview.core.volume import Plane, Volume

app = make_application()
window = MainWindow(Session(), QSettings(sys.argv[1], QSettings.Format.IniFormat))
window.resize(1100, 700)
window.show()
session = window.session
session.open(Volume(np.full((60, 50, 40), -160, np.int16), np.diag([1.5, 2.0, 3.0, 1.0])))
session.set_show_crosshair(False)
session.set_show_text(False)
window.toolbox.set_active(BRUSH)
session.editing.set_brush(radius_mm=15.0, ball=True)
session.set_style(Label.TUMOR, color=(255, 0, 0))
for _ in range(10):
    app.processEvents()
axial = window.views.by_plane[Plane.AXIAL]
at = axial.widget_position((30, 25, 20))
move = QMouseEvent(QEvent.Type.MouseMove, at, QPointF(axial.viewport().mapToGlobal(at.toPoint())),
    Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)
app.sendEvent(axial.viewport(), move)
found = {"ratio": window.devicePixelRatioF(), "mm": []}
for plane in Plane:
    view = window.views.by_plane[plane]
    for _ in range(5):
        app.processEvents()
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    data = data[:, : 4 * image.width()].reshape(image.height(), image.width(), 4).astype(int)
    red = np.argwhere(data[:, :, 2] > data[:, :, 1] + 100)
    size = (np.ptp(red, axis=0) + 1) / found["ratio"] * view._box.viewPixelSize()[0]
    found["mm"].append(size.tolist())
QTest.mouseClick(axial.viewport(), Qt.MouseButton.LeftButton, pos=at.toPoint())
found["drawn"] = int((session.labels.voxels == Label.TUMOR).sum())
session.store.mark_saved()
window.close()
print(json.dumps(found))
"""


@pytest.mark.parametrize("ratio", [1, 2])
def test_the_outline_is_as_large_as_the_brush_in_every_view(tmp_path: Path, ratio: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path / "settings.ini")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": str(ratio)},
    )
    found = json.loads(run.stdout)
    assert found["ratio"] == ratio
    for height, width in found["mm"]:
        assert (height, width) == pytest.approx((30, 30), abs=1.6)
    i, j, k = np.indices((60, 50, 40))
    ball = (1.5 * (i - 30)) ** 2 + (2 * (j - 25)) ** 2 + (3 * (k - 20)) ** 2 <= 15**2
    assert found["drawn"] == pytest.approx(int(ball.sum()), rel=0.05)
