"""Words in the views: none hides another."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF

from liverview.core.volume import Plane, Volume
from liverview.measurement.markup.shapes import Ellipse, Ruler
from liverview.ui.main_window import MainWindow
from liverview.ui.views import annotation
from liverview.ui.views.annotation import LabelPlacer

AREA = QRectF(0, 0, 500, 400)
PLACES = st.tuples(st.integers(-100, 600), st.integers(-100, 500))
SIZES = st.tuples(st.integers(1, 300), st.integers(1, 60))


@given(st.lists(st.tuples(PLACES, SIZES), max_size=12))
def test_words_never_overlap_or_leave_at_the_sides(
    wanted: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    notes = LabelPlacer(AREA)
    found = [notes.find_place(QPointF(*at), *size) for at, size in wanted]
    for rect, (_, size) in zip(found, wanted, strict=True):
        assert (rect.width(), rect.height()) == size
        assert AREA.left() <= rect.left()
        assert rect.right() <= AREA.right()
        assert rect.top() >= AREA.top()
    for one, other in combinations(found, 2):
        assert not one.intersects(other)


def test_words_with_room_stay_where_they_are_wanted() -> None:
    notes = LabelPlacer(AREA)
    assert notes.find_place(QPointF(40, 50), 100, 20).topLeft() == QPointF(40, 50)
    assert notes.find_place(QPointF(140, 60), 100, 20).topLeft() == QPointF(140, 60)
    assert notes.find_place(QPointF(100, 55), 50, 20).top() >= 70


def test_markups_at_one_place_can_both_be_read(window: MainWindow, volume: Volume) -> None:
    window.session.open(volume)
    session, view = window.session, window.views.by_plane[Plane.AXIAL]
    i, j, k = session.crosshair
    window.markups.add(Ruler(Plane.AXIAL, (i - 2, j + 2, k), (i, j, k)))
    window.markups.add(Ellipse(Plane.AXIAL, k, (i, j + 2.0), (2.0, 2.0)))
    view.repaint()
    placed = view.label_placer.placed
    assert len(placed) == 2
    assert not placed[0].intersects(placed[1])
    view.repaint()
    assert view.label_placer.placed == placed  # anew, not on top of the last ones


@pytest.mark.parametrize(
    ("plane", "words", "size"),
    [
        (Plane.AXIAL, "Axial\n8 (0–16)", "2 x 3 mm\nslices 4 mm"),
        (Plane.CORONAL, "Coronal\n6 (0–12)", "2 x 4 mm\nslices 3 mm"),
        (Plane.SAGITTAL, "Sagittal\n5 (0–10)", "3 x 4 mm\nslices 2 mm"),
    ],
)
def test_slice_and_spacing_stand_on_the_image(
    window: MainWindow,
    volume: Volume,
    monkeypatch: pytest.MonkeyPatch,
    plane: Plane,
    words: str,
    size: str,
) -> None:
    """The slice's number is the voxel index that the status bar tells."""
    window.session.open(volume)
    view = window.views.by_plane[plane]
    written: list[str] = []
    monkeypatch.setattr(
        annotation, "draw_text", lambda painter, area, anchor, text, *_, **__: written.append(text)
    )
    view.grab()
    assert {words, size, "W 400  L 40"} <= set(written)
    i, j, k = window.session.crosshair
    assert words.split("\n")[1].startswith(f"{(i, j, k)[plane.axis]} ")
    assert f"voxel {i} {j} {k} " in window.readout.text()
    written.clear()
    window.session.set_show_text(False)
    view.grab()
    assert not {words, size} & set(written)
