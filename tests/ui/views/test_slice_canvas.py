"""Every pixel shows its voxel, in all planes and orientations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import Plane, Volume
from liverview.files import images
from liverview.ui.state.session import Convention, Session
from liverview.ui.views.annotation import edge_letters
from liverview.ui.views.slice_image import apply_window
from liverview.ui.views.slice_view import SliceView

from support.odd_scans import ORIENTATIONS, SHAPE, oriented
from support.slice_pictures import grab, settle


def voxels_of(session: Session, plane: Plane) -> Iterator[tuple[int, int, int]]:
    """Every voxel of the slice that a view shows."""
    assert session.volume is not None
    voxel = list(session.crosshair)
    for a in range(session.volume.shape[plane.horizontal_axis]):
        for b in range(session.volume.shape[plane.vertical_axis]):
            voxel[plane.horizontal_axis], voxel[plane.vertical_axis] = a, b
            yield voxel[0], voxel[1], voxel[2]


def gray(session: Session, voxel: tuple[int, int, int]) -> int:
    assert session.volume is not None
    low = session.level - session.width / 2
    return int(np.clip((session.volume.hu_at(voxel) - low) / session.width * 255 + 0.5, 0, 255))


def assert_pixels_show_voxels(session: Session, view: SliceView) -> None:
    picture = grab(view)
    for voxel in voxels_of(session, view.plane):
        point = view.widget_position(voxel).toPoint()
        assert abs(picture.pixelColor(point).red() - gray(session, voxel)) <= 1
        assert view.voxel_at(QPointF(point)) == voxel


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("convention", Convention)
def test_every_pixel_shows_its_voxel(
    plane: Plane, convention: Convention, session: Session, views: dict[Plane, SliceView]
) -> None:
    session.set_convention(convention)
    session.set_window(30, 420)
    session.set_crosshair((3, 9, 12))
    settle(views)
    assert_pixels_show_voxels(session, views[plane])


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_patients_sides_are_where_the_letters_say(
    codes: str,
    session: Session,
    views: dict[Plane, SliceView],
    write: Callable[..., Path],
) -> None:
    """However a scan is stored, its right, front and top are drawn on their sides."""
    scan = images.read(write(*oriented(codes)))
    session.open(scan)
    session.set_window(230, 460)
    for view in views.values():
        view.zoom(0.75)
    settle(views)
    for plane, view in views.items():
        left, right, top, bottom = edge_letters(plane, session.convention)
        assert (top, bottom) == (("A", "P") if plane is Plane.AXIAL else ("S", "I"))
        assert (left, right) == (("A", "P") if plane is Plane.SAGITTAL else ("R", "L"))
        # The voxel farthest to the patient's right, front and top, as the world has it.
        high = tuple(n - 1 for n in SHAPE)
        low = (0, 0, 0)
        assert np.all(scan.voxel_to_world(high) > scan.voxel_to_world(low))
        first, last = view.widget_position(high), view.widget_position(low)
        assert first.x() < last.x()  # right, or front in the sagittal view, is on the left
        assert first.y() < last.y()  # front or top is up
        assert_pixels_show_voxels(session, view)


def test_the_switch_puts_the_patients_left_on_the_left(
    session: Session, views: dict[Plane, SliceView]
) -> None:
    session.set_convention(Convention.NEUROLOGICAL)
    settle(views)
    assert edge_letters(Plane.AXIAL, session.convention)[:2] == ("L", "R")
    assert edge_letters(Plane.SAGITTAL, session.convention)[:2] == ("A", "P")
    for plane in (Plane.AXIAL, Plane.CORONAL):
        assert (
            views[plane].widget_position((0, 0, 0)).x()
            < views[plane].widget_position((10, 0, 0)).x()
        )
    sagittal = views[Plane.SAGITTAL]
    assert sagittal.widget_position((0, 12, 0)).x() < sagittal.widget_position((0, 0, 0)).x()


def test_voxels_have_their_shape(session: Session, views: dict[Plane, SliceView]) -> None:
    assert session.volume is not None
    for plane, view in views.items():
        spacing = session.volume.spacing
        a, b = view.widget_position((0, 0, 0)), view.widget_position((10, 12, 16))
        counts = (10, 12, 16)
        across = abs(b.x() - a.x()) / counts[plane.horizontal_axis] / spacing[plane.horizontal_axis]
        up = abs(b.y() - a.y()) / counts[plane.vertical_axis] / spacing[plane.vertical_axis]
        assert across == pytest.approx(up, rel=0.05)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "f4", ">f4", "i8"])
def test_windowing_of_any_type(dtype: str) -> None:
    values = np.array([0, 25, 50, 75, 100, 127], dtype)
    assert apply_window(values, 25, 50).tolist() == [0, 0, 128, 255, 255, 255]


def test_an_intercept_is_part_of_hu(qtbot: QtBot, session: Session) -> None:
    assert session.volume is not None
    stored = (session.volume.voxels + 1024).astype(np.uint16)
    session.open(Volume(stored, session.volume.affine, intercept=-1024))
    session.set_show_crosshair(False)
    session.set_show_text(False)
    session.display.set_interpolated(False)
    view = SliceView(session, Plane.AXIAL)
    qtbot.addWidget(view)
    view.resize(300, 300)
    view.show()
    view.fit_slice()
    view.zoom(0.75)
    view.refresh()
    assert_pixels_show_voxels(session, view)


@pytest.fixture
def labeled(session: Session) -> Session:
    """Stripes of every label along i in every slice."""
    assert session.volume is not None
    i = np.indices(session.volume.shape)[0]
    session.store.merge_slab(Slab(0, (i % 4).astype(np.uint8)))
    session.set_crosshair((2, 6, 8))
    return session


@pytest.mark.parametrize("hidden", [Label.VESSEL, Label.TUMOR, Label.LIVER])
def test_a_toggle_changes_the_pixels_of_its_label_only(
    hidden: Label, labeled: Session, views: dict[Plane, SliceView]
) -> None:
    settle(views)
    before = {plane: grab(view) for plane, view in views.items()}
    labeled.set_style(hidden, visible=False)
    settle(views)
    for plane, view in views.items():
        after = grab(view)
        for voxel in voxels_of(labeled, plane):
            point = view.widget_position(voxel).toPoint()
            same = before[plane].pixelColor(point) == after.pixelColor(point)
            assert same == (labeled.store.label_at(voxel) is not hidden)


def test_labels_are_blended_by_their_opacity(
    labeled: Session, views: dict[Plane, SliceView]
) -> None:
    labeled.set_style(Label.TUMOR, opacity=1.0)
    labeled.set_style(Label.LIVER, opacity=0.5)
    settle(views)
    view = views[Plane.AXIAL]
    picture = grab(view)
    tumor, liver = (3, 6, 8), (1, 6, 8)
    assert picture.pixelColor(view.widget_position(tumor).toPoint()).getRgb()[:3] == (255, 215, 0)
    mixed = picture.pixelColor(view.widget_position(liver).toPoint()).getRgb()[:3]
    expected = [(gray(labeled, liver) + c) / 2 for c in labeled.styles[Label.LIVER].color]
    assert mixed == pytest.approx(expected, abs=3)


def test_a_slab_appears_in_its_slices_only(session: Session, views: dict[Plane, SliceView]) -> None:
    session.set_style(Label.TUMOR, opacity=1.0)
    session.set_crosshair((5, 6, 8))
    settle(views)
    before = grab(views[Plane.AXIAL])
    session.store.merge_slab(Slab(10, np.full((11, 13, 2), Label.TUMOR, np.uint8)))
    settle(views)
    assert grab(views[Plane.AXIAL]) == before
    view = views[Plane.CORONAL]
    picture = grab(view)
    for voxel in voxels_of(session, Plane.CORONAL):
        gold = picture.pixelColor(view.widget_position(voxel).toPoint()).getRgb()[:3] == (
            255,
            215,
            0,
        )
        assert gold == (voxel[2] in (10, 11))


def test_many_changes_make_one_repaint(
    session: Session, views: dict[Plane, SliceView], monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    view = views[Plane.AXIAL]
    drawn: list[int] = []
    real = view._image.show_layers
    monkeypatch.setattr(
        view._image, "show_layers", lambda *a, **k: (drawn.append(1), real(*a, **k))[1]
    )
    for k in range(16):
        session.set_crosshair((5, 6, k))
    qtbot.waitUntil(lambda: not view._timer.isActive())
    assert len(drawn) == 1


def test_the_crosshair_passes_through_its_voxel_with_a_gap(
    session: Session, views: dict[Plane, SliceView]
) -> None:
    view = views[Plane.AXIAL]
    settle(views)
    before = grab(view)
    session.set_show_crosshair(True)
    settle(views)
    after = grab(view)
    center = view.widget_position(session.crosshair).toPoint()
    assert after.pixelColor(center) == before.pixelColor(center)
    for x, y in ((40, 0), (-40, 0), (0, 40), (0, -40)):
        point = center + QPoint(x, y)
        assert after.pixelColor(point) != before.pixelColor(point)
