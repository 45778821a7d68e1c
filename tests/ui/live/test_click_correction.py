"""Clicks and rulers in the window, completed by a network whose proposals are known."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from threading import Event
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.editing.marks import Marks, Proposal
from liverview.measurement.markup.shapes import Ruler
from liverview.ui.main_window import MainWindow
from liverview.ui.tools.toolbox import CLICK, LESION_LINE

from support.answers import TIMEOUT_MS
from support.mouse import Place, drag_places, move_pointer

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NO_KEY, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


class Blocks:
    """Proposes a block of 3 voxels around every point that belongs to the label.

    Attributes
    ----------
    asked : the marks, the labels as they were given, and what went before, of every call.
    may_answer : cleared, it works until this is set.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[Marks, NDArray[np.uint8], Proposal | None]] = []
        self.may_answer = Event()
        self.may_answer.set()

    def propose(
        self, volume: Volume, labels: Any, marks: Marks, network: Any, previous: Proposal | None
    ) -> Proposal:
        assert self.may_answer.wait(TIMEOUT_MS / 1000)
        voxels = np.array(labels[Box.of_shape(labels.shape)])
        self.asked.append((marks, voxels, previous))
        mask = np.zeros(volume.shape, bool)
        points = [*marks.positive, *(marks.line or ())]
        for keep, places in ((True, points), (False, marks.negative)):
            for place in places:
                i, j, k = np.rint(np.linalg.solve(volume.affine, [*place, 1.0])[:3]).astype(int)
                mask[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2] = keep
        box = Box.of_shape(volume.shape)
        held = voxels == marks.label
        return Proposal(marks, box, mask | held, mask & ~held, np.zeros_like(mask))


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Blocks]:
    blocks = Blocks()
    module = ModuleType("interactive")
    vars(module).update(load_click_network=lambda: None, propose=blocks.propose)
    monkeypatch.setitem(sys.modules, "liverview.inference.interactive", module)
    yield blocks
    blocks.may_answer.set()


def block(window: MainWindow, *places: Place) -> NDArray[np.bool_]:
    assert window.session.volume is not None
    mask = np.zeros(window.session.volume.shape, bool)
    for i, j, k in np.rint(places).astype(int):
        mask[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2] = True
    return mask


def tumor(window: MainWindow) -> NDArray[np.bool_]:
    assert window.session.labels is not None
    return window.session.labels.voxels == Label.TUMOR


def click(
    qtbot: QtBot, window: MainWindow, place: Place, keys: Qt.KeyboardModifier = NO_KEY
) -> None:
    """Click a place in the axial view, and wait until the network has said what it proposes."""
    window.session.set_crosshair((5, 6, round(place[2])))
    view = window.views.by_plane[Plane.AXIAL]
    qtbot.mouseClick(view.viewport(), LEFT, keys, view.widget_position(place).toPoint())
    qtbot.waitUntil(lambda: not window.clicks.is_running, timeout=TIMEOUT_MS)


def test_a_click_becomes_what_the_network_proposes_and_the_next_goes_on_with_it(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    focused.toolbox.set_active(CLICK)
    one, beside = (4.0, 6.0, 8.0), (5.0, 6.0, 9.0)
    click(qtbot, focused, one)
    np.testing.assert_array_equal(tumor(focused), block(focused, one))
    click(qtbot, focused, beside)
    np.testing.assert_array_equal(tumor(focused), block(focused, one, beside))
    click(qtbot, focused, one, CTRL)
    np.testing.assert_array_equal(tumor(focused), block(focused, beside) & ~block(focused, one))
    marks, base, previous = network.asked[-1]
    assert len(marks.positive) == 2
    assert len(marks.negative) == 1
    assert previous is not None
    assert not base.any()  # the labels from before the first click


def test_a_click_elsewhere_begins_anew_and_leaves_what_was_made(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    focused.toolbox.set_active(CLICK)
    one, far = (2.0, 2.0, 3.0), (8.0, 10.0, 13.0)
    click(qtbot, focused, one)
    click(qtbot, focused, far)
    marks, base, previous = network.asked[-1]
    assert len(marks.positive) == 1
    assert previous is None
    np.testing.assert_array_equal(base == Label.TUMOR, block(focused, one))
    np.testing.assert_array_equal(tumor(focused), block(focused, one, far))


def test_an_edit_between_two_clicks_stays(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    focused.toolbox.set_active(CLICK)
    one = (4.0, 6.0, 8.0)
    click(qtbot, focused, one)
    with focused.session.store.edit(Box.from_bounds((0, 0, 0), (1, 1, 1)), "brush") as voxels:
        voxels[...] = Label.TUMOR
    click(qtbot, focused, (5.0, 6.0, 8.0))
    assert tumor(focused)[0, 0, 0]
    assert network.asked[-1][2] is None


def test_clicks_that_come_while_the_network_works_are_not_lost(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    places = [(4.0, 6.0, 8.0), (5.0, 6.0, 8.0), (6.0, 6.0, 8.0)]
    for place in places:
        focused.clicks.click([place])
    qtbot.waitUntil(lambda: not focused.clicks.is_running, timeout=TIMEOUT_MS)
    np.testing.assert_array_equal(tumor(focused), block(focused, *places))


def test_a_scribble_is_many_clicks(focused: MainWindow, network: Blocks, qtbot: QtBot) -> None:
    focused.toolbox.set_active(CLICK)
    view = focused.views.by_plane[Plane.AXIAL]
    k = focused.session.crosshair[2]
    start, end = (view.widget_position(place) for place in ((2, 6, k), (9, 6, k)))
    qtbot.mousePress(view.viewport(), LEFT, NO_KEY, start.toPoint())
    for share in np.linspace(0, 1, 30):
        move_pointer(view, (start + (end - start) * float(share)).toPoint(), LEFT)
    qtbot.mouseRelease(view.viewport(), LEFT, NO_KEY, end.toPoint())
    qtbot.waitUntil(lambda: not focused.clicks.is_running, timeout=TIMEOUT_MS)
    assert len(network.asked[-1][0].positive) > 3
    assert tumor(focused)[2:10, 6, k].all()


def test_a_ruler_becomes_a_lesion_and_follows_when_it_is_dragged(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    focused.toolbox.set_active(LESION_LINE)
    view, k = focused.views.by_plane[Plane.AXIAL], focused.session.crosshair[2]
    drag_places(qtbot, view, (2, 6, k), (8, 6, k))
    qtbot.waitUntil(lambda: not focused.clicks.is_running, timeout=TIMEOUT_MS)
    (entry,) = focused.markups.entries()
    assert isinstance(entry.markup, Ruler)
    np.testing.assert_array_equal(tumor(focused), block(focused, (2, 6, k), (8, 6, k)))
    drag_places(qtbot, view, (8, 6, k), (8, 10, k))
    qtbot.waitUntil(lambda: not focused.clicks.is_running, timeout=TIMEOUT_MS)
    np.testing.assert_array_equal(tumor(focused), block(focused, (2, 6, k), (8, 10, k)))
    assert focused.toolbox.active is LESION_LINE


@pytest.mark.parametrize("right", [True, False])
def test_a_click_takes_away_from_labels_that_are_there(
    focused: MainWindow, network: Blocks, qtbot: QtBot, right: bool
) -> None:
    focused.toolbox.set_active(CLICK)
    view = focused.views.by_plane[Plane.AXIAL]
    point: QPoint = view.widget_position((4, 6, 8)).toPoint()
    button, keys = (RIGHT, NO_KEY) if right else (LEFT, CTRL)
    qtbot.mouseClick(view.viewport(), button, keys, point)
    qtbot.waitUntil(lambda: not focused.clicks.is_running, timeout=TIMEOUT_MS)
    ((marks, _, _),) = network.asked
    assert len(marks.negative) == 1
    assert not marks.positive


def test_a_click_in_air_is_refused_in_a_sentence(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    air = Volume(np.full((11, 13, 17), -1000, np.int16), np.diag([2.0, 3.0, 4.0, 1.0]), name="air")
    focused.session.open(air)
    focused.toolbox.set_active(CLICK)
    with qtbot.waitSignal(focused.clicks.message, timeout=TIMEOUT_MS) as told:
        click(qtbot, focused, (4.0, 6.0, 8.0))
    assert "outside the body" in told.args[0]
    assert not network.asked
    assert not focused.session.store.has_labels


def test_locked_labels_stay(focused: MainWindow, network: Blocks, qtbot: QtBot) -> None:
    with focused.session.store.edit(Box.from_bounds((4, 6, 8), (5, 7, 9)), "brush") as voxels:
        voxels[...] = Label.VESSEL
    focused.session.editing.set_limits(locked=frozenset({Label.VESSEL}))
    focused.toolbox.set_active(CLICK)
    click(qtbot, focused, (4.0, 6.0, 8.0))
    assert focused.session.labels is not None
    assert focused.session.labels.voxels[4, 6, 8] == Label.VESSEL
    assert tumor(focused).sum() == 26


# ---- what happens while the network works ---------------------------------------------------

ONE, OTHER = (4.0, 6.0, 8.0), (8.0, 10.0, 13.0)
NEAR = Box.from_bounds((3, 5, 7), (5, 6, 8))  # a corner of the block around ONE, and beyond it


def brush(window: MainWindow, box: Box, label: Label) -> None:
    with window.session.store.edit(box, "brush") as voxels:
        voxels[...] = label


def all_voxels(window: MainWindow) -> NDArray[np.uint8]:
    assert window.session.labels is not None
    return window.session.labels.voxels


def let_answer(qtbot: QtBot, window: MainWindow, network: Blocks) -> None:
    network.may_answer.set()
    qtbot.waitUntil(lambda: not window.clicks.is_running, timeout=TIMEOUT_MS)


def test_what_is_edited_while_the_network_works_stays(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    brush(focused, Box.from_bounds((0, 0, 0), (2, 2, 2)), Label.LIVER)
    network.may_answer.clear()
    focused.clicks.click([ONE])
    expected = all_voxels(focused).copy()
    expected[block(focused, ONE)] = Label.TUMOR
    for box, label in ((NEAR, Label.VESSEL), (Box.from_bounds((0, 0, 0), (1, 9, 9)), Label.LIVER)):
        brush(focused, box, label)
        expected[box] = label
    let_answer(qtbot, focused, network)
    np.testing.assert_array_equal(all_voxels(focused), expected)
    focused.session.store.history.undo()
    assert not tumor(focused).any()
    assert (all_voxels(focused)[NEAR] == Label.VESSEL).all()


def test_undoing_while_the_network_works_drops_the_click(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    brush(focused, NEAR, Label.VESSEL)
    network.may_answer.clear()
    focused.clicks.click([ONE])
    focused.clicks.click([OTHER])
    focused.session.store.history.undo()
    assert not focused.clicks.is_running
    assert focused.clicks.marks is None
    network.may_answer.set()
    qtbot.waitUntil(lambda: not focused.controller.runner._live, timeout=TIMEOUT_MS)
    assert not all_voxels(focused).any()
    assert focused.session.store.history.can_redo


def test_a_segmentation_that_begins_while_the_network_works_keeps_what_it_finds(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    brush(focused, Box.of_shape((11, 13, 17)), Label.VESSEL)
    network.may_answer.clear()
    focused.clicks.click([ONE])
    store = focused.session.store
    store.begin_segmentation()
    store.merge_slab(Slab(0, np.full((11, 13, 9), Label.LIVER, np.uint8)))
    let_answer(qtbot, focused, network)
    store.merge_slab(Slab(9, np.full((11, 13, 8), Label.LIVER, np.uint8)))
    store.end_segmentation(complete=True)
    expected = np.full((11, 13, 17), Label.LIVER, np.uint8)
    expected[block(focused, ONE)] = Label.TUMOR
    np.testing.assert_array_equal(all_voxels(focused), expected)


def test_slabs_that_stream_in_while_the_network_works_are_kept(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    store = focused.session.store
    store.begin_segmentation()
    network.may_answer.clear()
    focused.clicks.click([ONE])
    store.merge_slab(Slab(0, np.full((11, 13, 17), Label.LIVER, np.uint8)))
    let_answer(qtbot, focused, network)
    store.end_segmentation(complete=True)
    expected = np.full((11, 13, 17), Label.LIVER, np.uint8)
    expected[block(focused, ONE)] = Label.TUMOR
    np.testing.assert_array_equal(all_voxels(focused), expected)


def test_a_ruler_and_a_label_chosen_while_the_network_works_are_not_lost(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    network.may_answer.clear()
    focused.clicks.click([ONE])
    ruler = Ruler(Plane.AXIAL, (7.0, 10.0, 13.0), (9.0, 10.0, 13.0))
    focused.clicks.complete_ruler(ruler)
    focused.session.editing.set_label(Label.VESSEL)
    focused.clicks.click([(2.0, 2.0, 3.0)])
    let_answer(qtbot, focused, network)
    expected = np.zeros((11, 13, 17), np.uint8)
    expected[block(focused, ONE, ruler.start, ruler.end)] = Label.TUMOR
    expected[block(focused, (2.0, 2.0, 3.0))] = Label.VESSEL
    np.testing.assert_array_equal(all_voxels(focused), expected)


def test_a_click_names_the_label_in_labels_that_did_not(
    focused: MainWindow, network: Blocks, qtbot: QtBot
) -> None:
    store, volume = focused.session.store, focused.session.volume
    assert volume is not None
    voxels = np.full(volume.shape, Label.LIVER, np.uint8)
    store.open_labels(LabelMap(voxels, volume.affine, defined=frozenset({Label.LIVER})))
    assert np.isnan(store.volume_ml(Label.TUMOR))
    focused.clicks.click([ONE])
    let_answer(qtbot, focused, network)
    assert store.volume_ml(Label.TUMOR) == pytest.approx(27 * 24 / 1000)
    store.history.undo()
    assert np.isnan(store.volume_ml(Label.TUMOR))
