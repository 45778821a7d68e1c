"""What was edited by hand is marked over the slices, pixel by pixel, and for all eyes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PySide6.QtGui import QImage

from liverview.core.box import Box
from liverview.core.labels import Label, default_styles
from liverview.core.stream import Slab
from liverview.core.volume import Plane
from liverview.ui.state.hand_edits import Edited
from liverview.ui.state.session import Session
from liverview.ui.views.hand_edit_layer import LOOKS, HandEditLayer
from liverview.ui.views.slice_view import SliceView

from support.color_vision import EYES, difference
from support.slice_pictures import grab, settle

ADDED = Box.from_bounds((2, 2, 4), (5, 6, 9))
REMOVED = Box.from_bounds((6, 7, 4), (9, 11, 9))


@pytest.fixture
def marked(session: Session, views: dict[Plane, SliceView]) -> dict[Plane, SliceView]:
    """Views of labels that were edited, with the layer over them."""
    for view in views.values():
        view.overlay_painters.append(HandEditLayer(session.hand_edits))
    store = session.store
    store.begin_segmentation()
    store.merge_slab(Slab(0, np.full((11, 13, 17), Label.LIVER, np.uint8)))
    store.end_segmentation(complete=True)
    for box, label in ((ADDED, Label.TUMOR), (REMOVED, 0)):
        with store.edit(box, "brush") as voxels:
            voxels[...] = label
    return views


def pixels(image: QImage) -> np.ndarray:
    """RGB, (height, width, 3)."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), np.uint8)
    rows = flat.reshape(image.height(), image.bytesPerLine() // 4, 4)
    return rows[:, : image.width(), 2::-1].astype(int)


def picture(views: dict[Plane, SliceView], plane: Plane) -> np.ndarray:
    settle(views)
    return pixels(grab(views[plane]))


def rectangle(view: SliceView, box: Box) -> tuple[slice, slice]:
    """Rows and columns of the widget's pixels that show a box."""
    first = view.widget_position([start - 0.5 for start in box.start])
    last = view.widget_position([stop - 0.5 for stop in box.stop])
    (left, right), (top, bottom) = (
        sorted((round(a), round(b))) for a, b in ((first.x(), last.x()), (first.y(), last.y()))
    )
    return slice(top, bottom), slice(left, right)


@pytest.mark.parametrize("plane", Plane)
def test_added_and_removed_voxels_are_marked_and_nothing_else(
    plane: Plane, session: Session, marked: dict[Plane, SliceView]
) -> None:
    session.set_crosshair((4, 5, 6) if plane is not Plane.SAGITTAL else (3, 5, 6))
    view = marked[plane]
    before = picture(marked, plane)
    session.hand_edits.set_shown(True)
    changed = (picture(marked, plane) != before).any(axis=2)
    boxes = [
        box
        for box in (ADDED, REMOVED)
        if box[plane.axis].start <= session.crosshair[plane.axis] < box[plane.axis].stop
    ]
    assert ADDED in boxes
    for box in boxes:
        rows, columns = rectangle(view, box)
        inside = changed[rows, columns]
        assert 0.1 < inside.mean() < 0.9  # hatched: what is beneath can be seen
        around = slice(rows.start - 3, rows.stop + 3), slice(columns.start - 3, columns.stop + 3)
        assert changed[around].any(axis=0).sum() >= columns.stop - columns.start
        changed[around] = False
    assert not changed.any()
    session.hand_edits.set_shown(False)
    assert np.array_equal(picture(marked, plane), before)


def test_the_two_ways_look_different(session: Session, marked: dict[Plane, SliceView]) -> None:
    session.set_crosshair((4, 5, 6))
    session.hand_edits.set_shown(True)
    now = picture(marked, Plane.AXIAL)
    view = marked[Plane.AXIAL]
    white, violet = (
        (now == LOOKS[way].color.getRgb()[:3]).all(axis=2) for way in (Edited.ADDED, Edited.REMOVED)
    )
    assert white[rectangle(view, ADDED)].sum() > 100
    assert not violet[rectangle(view, ADDED)].any()
    assert violet[rectangle(view, REMOVED)].sum() > 100
    rising, falling = white[rectangle(view, ADDED)], violet[rectangle(view, REMOVED)]
    inner = np.s_[8:-8, 8:-8]
    # Along its own diagonal a hatched line goes on, along the other one it ends.
    assert share_of_diagonal(rising[inner], up=True) > 0.9 > share_of_diagonal(rising[inner])
    assert share_of_diagonal(falling[inner]) > 0.9 > share_of_diagonal(falling[inner], up=True)


def share_of_diagonal(mask: np.ndarray, *, up: bool = False) -> float:
    """The share of set pixels whose neighbor to the right and down, or up, is set as well."""
    mask = mask[::-1] if up else mask
    return float(mask[1:, 1:][mask[:-1, :-1]].mean())


def test_marks_follow_every_edit_and_go_with_it(
    session: Session, marked: dict[Plane, SliceView]
) -> None:
    session.set_crosshair((4, 5, 6))
    before = picture(marked, Plane.AXIAL)
    session.hand_edits.set_shown(True)
    for box in (ADDED, REMOVED):
        with session.store.edit(box, "undo") as voxels:
            voxels[...] = Label.LIVER
    unmarked = picture(marked, Plane.AXIAL)
    session.hand_edits.set_shown(False)
    assert np.array_equal(picture(marked, Plane.AXIAL), unmarked)
    for box, label in ((ADDED, Label.TUMOR), (REMOVED, 0)):
        with session.store.edit(box, "brush") as voxels:
            voxels[...] = label
    assert np.array_equal(picture(marked, Plane.AXIAL), before)


@pytest.mark.parametrize("eyes", EYES)
def test_their_colors_are_no_labels_and_stay_apart(eyes: str) -> None:
    colors = [look.color.getRgb()[:3] for look in LOOKS.values()]
    for first, second in combinations(colors, 2):
        assert difference(first, second, eyes) > 10
    for style in default_styles().values():
        for color in colors:
            assert difference(color, style.color, eyes) > 15
