"""The drawing of slices: interpolation, outlines, slabs, heat maps, the scale bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.labels import FOREGROUND, DrawStyle, Label, label_mask
from liverview.core.stream import Slab
from liverview.core.volume import Plane, Volume
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.label_panel import LabelPanel
from liverview.ui.state.display import Projection, SlabView
from liverview.ui.state.overlay import Overlay
from liverview.ui.state.session import Session
from liverview.ui.views.annotation import nice_length
from liverview.ui.views.outline import Borders
from liverview.ui.views.slice_view import SliceView
from liverview.ui.widgets.color_ramp import color_ramp


@pytest.fixture
def view(session: Session, qtbot: QtBot) -> Iterator[SliceView]:
    """The axial view, without anything drawn over the image."""
    session.set_show_crosshair(False)
    session.set_show_text(False)
    made = SliceView(session, Plane.AXIAL)
    qtbot.addWidget(made)
    made.resize(430, 470)
    made.show()
    made.fit_slice()
    made.zoom(0.75)
    yield made
    made.close()


def grab(view: SliceView) -> QImage:
    view.refresh()
    QApplication.processEvents()
    return view.grab().toImage()


def row(picture: QImage, view: SliceView, j: float) -> np.ndarray:
    """RGB along the screen's row through j, (width, 3)."""
    y = view.widget_position((5, j, 8)).toPoint().y()
    return np.array([picture.pixelColor(x, y).getRgb()[:3] for x in range(picture.width())])


# ---- interpolation -----------------------------------------------------------------------


def test_the_ct_is_interpolated_and_labels_never_are(session: Session, view: SliceView) -> None:
    session.set_window(0, 900)
    labels = np.zeros((11, 13, 1), np.uint8)
    labels[3:7, 4:9] = Label.TUMOR
    session.store.merge_slab(Slab(8, labels))
    session.set_style(Label.TUMOR, opacity=1.0, draw_style=DrawStyle.FILLED)
    left, right = (round(view.widget_position((i, 6, 8)).x()) for i in (10, 7))
    grays, golds = {}, {}
    for smooth in (True, False):
        session.display.set_interpolated(smooth)
        pixels = row(grab(view), view, 6)
        grays[smooth] = len(np.unique(pixels[left:right, 0]))
        golds[smooth] = np.flatnonzero((pixels == (255, 215, 0)).all(axis=1))
    assert grays[False] <= 4  # a voxel, a gray
    assert grays[True] > 3 * grays[False]
    assert np.array_equal(golds[True], golds[False])
    edge = view.widget_position((6.5, 6, 8)).x(), view.widget_position((2.5, 6, 8)).x()
    assert golds[True][0] == pytest.approx(min(edge), abs=1.5)
    assert golds[True][-1] + 1 == pytest.approx(max(edge), abs=1.5)


def test_interpolation_is_kept(make_window: Callable[[], MainWindow]) -> None:
    window = make_window()
    window.actions_.view.interpolation.trigger()
    assert not window.session.display.interpolated
    window.close()
    again = make_window()
    assert not again.session.display.interpolated
    assert not again.actions_.view.interpolation.isChecked()


# ---- outlines ----------------------------------------------------------------------------


@pytest.mark.parametrize("label", FOREGROUND)
def test_edges_go_around_every_voxel_once(label: Label) -> None:
    rng = np.random.default_rng(3)
    block = rng.choice(np.arange(4, dtype=np.uint8), (9, 14), p=(0.4, 0.2, 0.2, 0.2))
    mask = label_mask(block, label)
    x, y = Borders(block).lines(label)
    drawn: set[tuple[int, int, int]] = set()
    for start in range(0, len(x), 2):
        (x0, x1), (y0, y1) = sorted(x[start : start + 2]), sorted(y[start : start + 2])
        assert (x0 == x1) != (y0 == y1)
        pieces = {(0, int(n), int(y0)) for n in range(int(x0), int(x1))}
        pieces |= {(1, int(x0), int(n)) for n in range(int(y0), int(y1))}
        assert not drawn & pieces
        drawn |= pieces
    padded = np.pad(mask, 1)
    across = {(0, int(c), int(r)) for r, c in np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])}
    up = {(1, int(c), int(r)) for r, c in np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])}
    assert drawn == across | up


@pytest.mark.parametrize("zoom", [1.0, 2.5])
def test_outlines_are_as_wide_at_any_zoom(session: Session, view: SliceView, zoom: float) -> None:
    labels = np.zeros((11, 13, 1), np.uint8)
    labels[3:7, 4:9] = Label.LIVER
    labels[4:6, 5:8] = Label.VESSEL
    session.store.merge_slab(Slab(8, labels))
    for label in FOREGROUND:
        session.set_style(label, draw_style=DrawStyle.OUTLINED)
    session.set_style(Label.VESSEL, visible=False)
    before = row(grab(view), view, 6)
    view.zoom(zoom, view.widget_position((5, 6, 8)))
    pixels = row(grab(view), view, 6)
    liver = np.flatnonzero((pixels == session.styles[Label.LIVER].color).all(axis=1))
    # Around the whole organ, with no hole where the vessel is: two edges, each 1 or 2 pixels.
    runs = np.split(liver, np.flatnonzero(np.diff(liver) > 1) + 1)
    assert [len(run) in (1, 2) for run in runs] == [True, True]
    for run, i in zip(runs, (6.5, 2.5), strict=True):
        assert run.mean() == pytest.approx(view.widget_position((i, 6, 8)).x(), abs=1.5)
    assert not np.array_equal(before, pixels) or zoom == 1.0


def test_the_way_labels_are_drawn_is_chosen(
    window: MainWindow, volume: Volume, qtbot: QtBot
) -> None:
    window.session.open(volume)
    panel = window.panels.docks["labels"].widget()
    assert isinstance(panel, LabelPanel)
    box = panel.rows[Label.TUMOR].draw_style
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    box.activated.emit(box.currentIndex())
    assert window.session.styles[Label.TUMOR].draw_style is DrawStyle.FILLED
    view = window.views.by_plane[Plane.AXIAL]
    window.activateWindow()
    view.setFocus()
    seen = []
    for _ in DrawStyle:
        qtbot.keyClick(view, Qt.Key.Key_O)
        seen.append(window.session.styles[Label.VESSEL].draw_style)
        assert box.currentData() is seen[-1]
    assert set(seen) == set(DrawStyle)


# ---- slabs -------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("turned", [False, True])
def test_a_slab_is_the_maximum_or_mean_of_its_slices(
    session: Session, plane: Plane, turned: bool
) -> None:
    volume = session.volume
    assert volume is not None
    if turned:
        slow = Plane.least_contiguous(volume.voxels)
        session.slices.set_volume_copy(
            np.stack([slow.slice_of(volume.voxels, n) for n in range(volume.shape[slow.axis])])
        )
    spacing = volume.spacing[plane.axis]
    for place in (0, 4, volume.shape[plane.axis] - 1):
        session.move_crosshair(plane.axis, place - session.crosshair[plane.axis])
        slices = range(max(place - 2, 0), min(place + 3, volume.shape[plane.axis]))
        stack = np.stack([plane.slice_of(volume.voxels, n) for n in slices])
        session.display.set_slab(SlabView(Projection.MAXIMUM, 4 * spacing))
        assert np.array_equal(session.slices.values(plane), stack.max(axis=0))
        session.display.set_slab(SlabView(Projection.MEAN, 4 * spacing))
        assert session.slices.values(plane) == pytest.approx(stack.mean(axis=0))
        session.display.set_slab(SlabView(Projection.MAXIMUM, 0.9 * spacing))
        assert np.array_equal(session.slices.values(plane), plane.slice_of(volume.voxels, place))


def test_slabs_by_keys_and_a_badge_that_text_does_not_hide(
    window: MainWindow, volume: Volume, qtbot: QtBot
) -> None:
    window.session.open(volume)
    view = window.views.by_plane[Plane.AXIAL]
    window.activateWindow()
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_H)
    plain = grab(view)
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert window.session.display.slab == SlabView(Projection.MAXIMUM, 2.0)
    assert grab(view) != plain  # 4 mm slices: the badge is all that is new
    for _ in range(20):
        qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert window.session.display.slab.mm == 20
    for _ in range(20):
        qtbot.keyClick(view, Qt.Key.Key_Minus)
    assert window.session.display.slab.mm == 0
    assert grab(view) == plain
    mean = next(a for a, s in window.actions_.view.slabs.values.items() if s.words == "mean 10 mm")
    mean.trigger()
    assert window.session.display.slab == SlabView(Projection.MEAN, 10.0)


# ---- heat maps ---------------------------------------------------------------------------


def test_a_heat_map_lies_over_ct_and_labels(session: Session, view: SliceView) -> None:
    session.display.set_interpolated(False)
    labels = np.zeros((11, 13, 1), np.uint8)
    labels[4, 6] = Label.TUMOR
    session.store.merge_slab(Slab(8, labels))
    session.set_style(Label.TUMOR, opacity=1.0, draw_style=DrawStyle.FILLED)
    before = grab(view)
    table = np.zeros((256, 4), np.uint8)
    table[200] = (10, 250, 30, 255)
    values = np.full((3, 4, 2), 200, np.uint8)
    values[2, 3] = 7  # transparent
    box = slice(3, 6), slice(5, 9), slice(8, 10)
    session.set_overlay(Overlay("Test", values, box, table))
    picture = grab(view)

    def color(i: int, j: int, of: QImage = picture) -> tuple[int, ...]:
        return of.pixelColor(view.widget_position((i, j, 8)).toPoint()).getRgb()[:3]

    assert color(3, 5) == (10, 250, 30)
    assert color(4, 6, before) == (255, 215, 0)
    assert color(4, 6) == (10, 250, 30)
    assert color(5, 8) == color(5, 8, before)
    assert color(2, 5) == color(2, 5, before)
    session.set_crosshair((5, 6, 10))
    assert session.overlay is not None
    assert session.overlay.slice_of(Plane.AXIAL, 10) is None
    assert color(3, 5, grab(view)) != (10, 250, 30)


def test_ramps_are_transparent_at_the_low_end_and_grow_lighter() -> None:
    table = color_ramp("inferno")
    assert table.shape == (256, 4)
    assert not table[:26, 3].any()
    light = table[26:, :3].astype(int).sum(axis=1)
    assert light[-1] > light[100] > light[0]


# ---- scale bar ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("longest", "nice"), [(1.0, 1), (4.99, 2), (5.0, 5), (73.0, 50), (0.03, 0.02), (199.9, 100)]
)
def test_scale_bars_have_round_lengths(longest: float, nice: float) -> None:
    assert nice_length(longest) == pytest.approx(nice)


@pytest.mark.parametrize("zoom", [0.8, 3.0])
def test_the_scale_bar_is_as_long_as_it_says(
    session: Session, view: SliceView, zoom: float
) -> None:
    view.zoom(zoom)
    session.set_window(100000, 1)  # black, so that the bar is all that is light
    session.set_show_text(True)
    picture = grab(view)
    pixels = np.array(
        [
            [picture.pixelColor(x, y).lightness() for x in range(picture.width() // 2, 430)]
            for y in range(picture.height() - 14, picture.height())
        ]
    )
    lines = [np.split(line, np.flatnonzero(~line)) for line in pixels > 150]
    longest = max(len(run) for runs in lines for run in runs if run.any())
    a, b = view.widget_position((0, 0, 8)).x(), view.widget_position((1, 0, 8)).x()
    per_mm = abs(b - a) / 2.0
    mm = nice_length(0.22 * (view.viewport().width() - 16) / per_mm)
    assert longest == pytest.approx(mm * per_mm, abs=4)
