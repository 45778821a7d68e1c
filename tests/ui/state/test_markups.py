"""Rulers and ellipses in the views, their panel, layouts, linked zoom and cine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane, Volume
from liverview.files import images
from liverview.measurement.markup.shapes import Ellipse, Ruler
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.markup_panel import MarkupPanel
from liverview.ui.state.session import Convention
from liverview.ui.tools.markup_tool import Tool
from liverview.ui.views.linked_views import Layout
from liverview.ui.views.slice_view import SliceView

Place = tuple[float, float, float]


@pytest.fixture
def opened(window: MainWindow, volume: Volume) -> MainWindow:
    """A window with the small volume, which has the keys."""
    window.session.open(volume)
    window.activateWindow()
    window.views.by_plane[Plane.AXIAL].setFocus()
    QApplication.processEvents()
    return window


def drag(qtbot: QtBot, view: SliceView, start: Place, end: Place) -> None:
    """Press at a place of the volume, move to another in steps, release."""
    a, b = view.widget_position(start), view.widget_position(end)
    qtbot.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=a.toPoint())
    for share in (0.3, 0.7, 1.0):
        point = (a + (b - a) * share).toPoint()
        where = QPointF(point)
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            where,
            QPointF(view.viewport().mapToGlobal(point)),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(view.viewport(), event)
    qtbot.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=b.toPoint())


def draw(
    qtbot: QtBot, window: MainWindow, key: Qt.Key, plane: Plane, start: Place, end: Place
) -> None:
    view = window.views.by_plane[plane]
    view.setFocus()
    qtbot.keyClick(view, key)
    drag(qtbot, view, start, end)


# ---- rulers and ellipses -----------------------------------------------------------------


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("convention", Convention)
def test_a_ruler_is_drawn_in_mm(
    opened: MainWindow, qtbot: QtBot, plane: Plane, convention: Convention
) -> None:
    session = opened.session
    session.set_convention(convention)
    before = session.crosshair
    start, end = list(map(float, before)), list(map(float, before))
    end[plane.horizontal_axis] += 4
    end[plane.vertical_axis] -= 3
    draw(qtbot, opened, Qt.Key.Key_M, plane, tuple(start), tuple(end))  # type: ignore[arg-type]
    (entry,) = opened.markups.entries()
    assert isinstance(entry.markup, Ruler)
    assert entry.markup.plane is plane
    assert session.volume is not None
    spacing = session.volume.spacing
    expected = np.hypot(4 * spacing[plane.horizontal_axis], 3 * spacing[plane.vertical_axis])
    # As exact as the pixels that were pressed.
    pixel = 2 * opened.views.by_plane[plane]._box.viewPixelSize()[0]
    assert entry.markup.length_mm(session.volume.affine) == pytest.approx(expected, abs=pixel)
    assert session.crosshair == before
    assert opened.tool.tool is Tool.POINTER  # one at a time


def test_a_ruler_is_right_on_an_oblique_scan(window: MainWindow, qtbot: QtBot) -> None:
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.7, 1.4, 3.0])
    window.session.open(Volume(np.zeros((60, 50, 12), np.int16), affine))
    window.activateWindow()
    draw(qtbot, window, Qt.Key.Key_M, Plane.AXIAL, (10, 10, 6), (40, 30, 6))
    (entry,) = window.markups.entries()
    expected = np.hypot(30 * 0.7, 20 * 1.4)
    assert isinstance(entry.markup, Ruler)
    assert entry.markup.length_mm(affine) == pytest.approx(expected, abs=0.6)


def test_an_ellipse_measures_what_it_holds(opened: MainWindow, qtbot: QtBot) -> None:
    draw(qtbot, opened, Qt.Key.Key_E, Plane.AXIAL, (2.6, 3.6, 8), (7.4, 8.4, 8))
    (entry,) = opened.markups.entries()
    volume = opened.session.volume
    assert volume is not None
    assert isinstance(entry.markup, Ellipse)
    found = entry.markup.stats(volume)
    i, j = np.indices((11, 13))
    inside = ((i - 5) / 2.4) ** 2 + ((j - 6) / 2.4) ** 2 <= 1
    values = volume.voxels[:, :, 8][inside]
    assert found.mean == pytest.approx(values.mean(), abs=0.01)
    assert found.sd == pytest.approx(values.std(), abs=0.01)
    assert found.area_mm2 == pytest.approx(np.pi * 2.4 * 2 * 2.4 * 3, rel=0.03)


def test_ends_are_dragged_and_changes_taken_back(opened: MainWindow, qtbot: QtBot) -> None:
    view = opened.views.by_plane[Plane.AXIAL]
    draw(qtbot, opened, Qt.Key.Key_M, Plane.AXIAL, (2, 3, 8), (8, 3, 8))
    (entry,) = opened.markups.entries()
    assert isinstance(entry.markup, Ruler)
    drag(qtbot, view, entry.markup.end, (8, 10, 8))
    (moved,) = opened.markups.entries()
    assert isinstance(moved.markup, Ruler)
    assert moved.markup.start == entry.markup.start
    assert moved.markup.end == pytest.approx((8, 10, 8), abs=0.2)
    middle = tuple((a + b) / 2 for a, b in zip(moved.markup.start, moved.markup.end, strict=True))
    drag(qtbot, view, middle, (middle[0] + 1, middle[1], 8))  # type: ignore[arg-type]
    (whole,) = opened.markups.entries()
    assert isinstance(whole.markup, Ruler)
    assert whole.markup.start[0] == pytest.approx(moved.markup.start[0] + 1, abs=0.2)
    assert whole.markup.end[0] == pytest.approx(moved.markup.end[0] + 1, abs=0.2)
    for expected in (moved.markup, entry.markup):
        qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert [one.markup for one in opened.markups.entries()] == [expected]
    qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert opened.markups.entries() == []


@pytest.mark.parametrize(
    ("grip", "to", "center", "half"),
    [
        ((8.0, 6.0, 8.0), (10.0, 6.0, 8.0), (6.0, 6.0), (4.0, 3.0)),
        ((5.0, 3.0, 8.0), (5.0, 1.0, 8.0), (5.0, 5.0), (3.0, 4.0)),
    ],
)
def test_an_ellipse_is_stretched_by_its_handles(
    opened: MainWindow,
    qtbot: QtBot,
    grip: Place,
    to: Place,
    center: tuple[float, float],
    half: tuple[float, float],
) -> None:
    opened.markups.add(Ellipse(Plane.AXIAL, 8, (5.0, 6.0), (3.0, 3.0)))
    drag(qtbot, opened.views.by_plane[Plane.AXIAL], grip, to)
    (entry,) = opened.markups.entries()
    assert isinstance(entry.markup, Ellipse)
    assert entry.markup.center == pytest.approx(center, abs=0.2)
    assert entry.markup.half_axes == pytest.approx(half, abs=0.2)


def test_markups_are_drawn_on_their_slice_only(opened: MainWindow, qtbot: QtBot) -> None:
    view, session = opened.views.by_plane[Plane.AXIAL], opened.session

    def picture() -> object:
        view.refresh()
        QApplication.processEvents()
        return view.grab().toImage()

    plain = {k: (session.move_crosshair(2, k - session.crosshair[2]), picture())[1] for k in (7, 8)}
    opened.markups.add(Ruler(Plane.AXIAL, (2, 3, 8), (8, 9, 8)))
    assert picture() != plain[8]
    session.move_crosshair(2, -1)
    assert picture() == plain[7]
    session.move_crosshair(2, 1)
    qtbot.keyClick(view, Qt.Key.Key_D)
    assert picture() == plain[8]
    before = session.crosshair
    drag(qtbot, view, (2, 3, 8), (4, 4, 8))  # hidden ones cannot be grabbed
    assert session.crosshair != before


def test_clicks_draw_nothing_and_delete_removes_the_chosen(
    opened: MainWindow, qtbot: QtBot
) -> None:
    view = opened.views.by_plane[Plane.AXIAL]
    qtbot.keyClick(view, Qt.Key.Key_M)
    point = view.widget_position((4, 4, 8)).toPoint()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert opened.markups.entries() == []
    qtbot.keyClick(view, Qt.Key.Key_C)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert opened.session.crosshair == (4, 4, 8)
    first, second = (
        Ruler(Plane.AXIAL, (2, 3, 8), (8, 3, 8)),
        Ruler(Plane.AXIAL, (2, 9, 8), (8, 9, 8)),
    )
    opened.markups.add(first)
    opened.markups.add(second)
    qtbot.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, pos=view.widget_position((5, 3, 8)).toPoint()
    )
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert [entry.markup for entry in opened.markups.entries()] == [second]


def test_markups_come_back_with_their_file(
    make_window: Callable[[], MainWindow], qtbot: QtBot, volume: Volume, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        for _ in images.iter_write_volume(tmp_path / f"{name}.nii", volume):
            pass
    window = make_window()

    def load(where: MainWindow, name: str) -> None:
        with qtbot.waitSignal(where.session.volume_changed):
            where.open(tmp_path / f"{name}.nii")

    load(window, "a")
    ruler = Ruler(Plane.AXIAL, (2, 3, 8), (8, 3, 8))
    window.markups.add(ruler)
    window.markups.rename(window.markups.entries()[0].id, "Left lobe")
    load(window, "b")
    assert window.markups.entries() == []
    window.close()
    again = make_window()
    load(again, "a")
    (entry,) = again.markups.entries()
    assert (entry.name, entry.markup) == ("Left lobe", ruler)


def test_the_panel_lists_copies_and_goes_there(opened: MainWindow, qtbot: QtBot) -> None:
    opened.markups.add(Ruler(Plane.CORONAL, (2, 3, 8), (8, 3, 8)))
    opened.markups.add(Ellipse(Plane.AXIAL, 8, (5.0, 6.0), (3.0, 3.0)))
    panel = opened.panels.docks["measurements"].widget()
    assert isinstance(panel, MarkupPanel)
    table = panel.table
    assert [table.item(0, n).text() for n in range(3)] == ["Ruler 1", "coronal 4", "12.0"]
    table.cellClicked.emit(0, 1)
    assert opened.session.crosshair == (5, 3, 8)
    table.item(0, 0).setText("Segment 4")
    assert opened.markups.entries()[0].name == "Segment 4"
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    header, first, second = QApplication.clipboard().text().split("\n")
    assert header.split("\t")[2] == "Length mm"
    assert first.split("\t")[0] == "Segment 4"
    assert float(second.split("\t")[5]) == pytest.approx(np.pi * 9 * 6, abs=1)
    qtbot.mouseClick(panel.remove_button, Qt.MouseButton.LeftButton)
    assert len(opened.markups.entries()) == 1


# ---- layouts, linked zoom, cine ----------------------------------------------------------


def test_layouts_show_every_view_and_one_alone(opened: MainWindow, qtbot: QtBot) -> None:
    views = opened.views
    axial = views.by_plane[Plane.AXIAL]
    for layout, key in ((Layout.ROW, Qt.Key.Key_F7), (Layout.ONE_AND_TWO, Qt.Key.Key_F6)):
        qtbot.keyClick(axial, key)
        QApplication.processEvents()
        assert views.layout_ is layout
        assert all(view.isVisible() for view in views.by_plane.values())
        tops = {view.mapTo(views, QPoint()).y() for view in views.by_plane.values()}
        assert (len(tops) == 1) == (layout is Layout.ROW)
        for plane, view in views.by_plane.items():
            view.setFocus()
            qtbot.keyClick(view, Qt.Key.Key_F)
            assert [other.isVisible() for other in views.by_plane.values()] == [
                other is view for other in views.by_plane.values()
            ]
            qtbot.waitUntil(lambda one=view: one.width() > 0.95 * views.width())
            assert views.maximized is plane
            qtbot.keyClick(view, Qt.Key.Key_F)
            assert all(other.isVisible() for other in views.by_plane.values())


def wheel(view: SliceView, at: QPointF, turn: int) -> None:
    event = QWheelEvent(
        at,
        QPointF(view.viewport().mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, turn),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.viewport(), event)


def scale(view: SliceView) -> float:
    return 1 / float(view._box.viewPixelSize()[0])


@pytest.mark.parametrize("linked", [True, False])
def test_zoom_and_pan_are_linked(opened: MainWindow, qtbot: QtBot, linked: bool) -> None:
    views = opened.views.by_plane
    axial, coronal, sagittal = (views[p] for p in (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL))
    if not linked:
        qtbot.keyClick(axial, Qt.Key.Key_K)
    before = {view: scale(view) for view in views.values()}
    crosshair = opened.session.crosshair
    stays = coronal.widget_position(crosshair)
    wheel(axial, axial.widget_position((8, 3, 8)), 360)
    factor = scale(axial) / before[axial]
    assert factor > 1.3
    for other in (coronal, sagittal):
        expected = factor if linked else 1.0
        assert scale(other) / before[other] == pytest.approx(expected, rel=0.01)
    assert (coronal.widget_position(crosshair) - stays).manhattanLength() < 1.5
    at = coronal.widget_position(crosshair), sagittal.widget_position(crosshair)
    start = QPoint(100, 100)
    qtbot.mousePress(axial.viewport(), Qt.MouseButton.MiddleButton, pos=start)
    end = QPointF(130, 90)
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        end,
        QPointF(axial.viewport().mapToGlobal(end.toPoint())),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.MiddleButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(axial.viewport(), event)
    qtbot.mouseRelease(axial.viewport(), Qt.MouseButton.MiddleButton, pos=end.toPoint())
    ratio = scale(coronal) / scale(axial)
    moved = coronal.widget_position(crosshair) - at[0]
    assert moved.x() == pytest.approx(30 * ratio if linked else 0, abs=1.5)
    assert moved.y() == pytest.approx(0, abs=0.5)  # up is another axis there
    moved = sagittal.widget_position(crosshair) - at[1]
    assert abs(moved.x()) == pytest.approx(
        10 * scale(sagittal) / scale(axial) if linked else 0, abs=1.5
    )


def test_cine_plays_there_and_back(opened: MainWindow, qtbot: QtBot) -> None:
    session = opened.session
    opened.cine.set_rate(25)
    view = opened.views.by_plane[Plane.AXIAL]
    session.move_crosshair(2, 20)
    assert session.crosshair[2] == 16
    seen: list[int] = []
    session.crosshair_changed.connect(lambda: seen.append(session.crosshair[2]))
    qtbot.keyClick(view, Qt.Key.Key_P)
    assert opened.cine.playing
    qtbot.waitUntil(lambda: len(seen) >= 4)
    assert seen[:4] == [15, 14, 13, 12]
    session.move_crosshair(2, -20)
    qtbot.waitUntil(lambda: seen[-1] == 2)
    qtbot.keyClick(view, Qt.Key.Key_P)
    assert not opened.cine.playing
    opened.cine.toggle()
    assert session.volume is not None
    session.open(session.volume)
    assert not opened.cine.playing
