"""The right button on a candidate for a lesion: accept or reject what is under the mouse."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import Plane, Volume
from liverview.ui.main_window import MainWindow

from support.candidates import SHAPE, found_candidates, labels_from
from support.journals import labels_of

# The offscreen platform cannot do what menus ask of a window manager.
pytestmark = pytest.mark.qt_log_ignore("does not support (raise|grabbing)", extend=True)
FOUND = found_candidates()
SHOWN, HIDDEN = FOUND.parts[0], FOUND.parts[3]
Voxel = tuple[int, int, int]


@pytest.fixture
def segmented(window: MainWindow) -> Iterator[MainWindow]:
    """A window whose labels a segmentation with candidates has made."""
    window.resize(1200, 800)
    store = window.session.store
    window.session.open(Volume(np.zeros(SHAPE, np.int16), np.diag([1.5, 2.0, 3.0, 1.0])))
    store.begin_segmentation(keep_edits=False)
    store.merge_slab(Slab(0, labels_from(FOUND, FOUND.least_certainty)))
    store.take_candidates(FOUND)
    store.end_segmentation(complete=True)
    window.activateWindow()
    QApplication.processEvents()
    yield window
    window.part_menu.menu.close()


def offered(qtbot: QtBot, window: MainWindow, voxel: Voxel) -> list[QAction]:
    """What the right button offers for a lesion at a place."""
    window.session.set_crosshair(voxel)
    QApplication.processEvents()
    view = window.views.by_plane[Plane.AXIAL]
    at = view.widget_position(voxel).toPoint()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.RightButton, pos=at)
    menu = window.part_menu.menu
    assert QApplication.activePopupWidget() is menu
    menu.close()
    return [action for action in menu.actions() if "lesion (" in action.text()]


def test_a_candidate_that_is_not_shown_is_accepted_by_the_menu(
    qtbot: QtBot, segmented: MainWindow
) -> None:
    accept, reject = offered(qtbot, segmented, HIDDEN.inside)
    texts = [action.text().replace("&", "") for action in (accept, reject)]
    assert texts == ["Accept lesion (31 % sure)", "Reject lesion (31 % sure)"]
    before = segmented.session.crosshair
    accept.trigger()
    expected = labels_from(FOUND, 0.5)
    expected[HIDDEN.box][HIDDEN.mask] = Label.TUMOR
    assert np.array_equal(labels_of(segmented), expected)
    assert segmented.session.crosshair == before  # the mouse is there: nothing moves away
    segmented.actions_.edit.undo.trigger()
    assert np.array_equal(labels_of(segmented), labels_from(FOUND, 0.5))


def test_a_shown_candidate_is_rejected_and_then_accepted_after_all(
    qtbot: QtBot, segmented: MainWindow
) -> None:
    _, reject = offered(qtbot, segmented, SHOWN.inside)
    reject.trigger()
    expected = labels_from(FOUND, 0.5)
    expected[SHOWN.box][SHOWN.mask] = Label.LIVER
    assert np.array_equal(labels_of(segmented), expected)
    assert [mark.reason for mark in segmented.session.review.ruled_out] == ["Not a lesion"]
    accept, _ = offered(qtbot, segmented, SHOWN.inside)
    accept.trigger()
    assert np.array_equal(labels_of(segmented), labels_from(FOUND, 0.5))
    assert segmented.session.review.ruled_out == ()


def test_a_place_without_a_candidate_offers_neither(qtbot: QtBot, segmented: MainWindow) -> None:
    assert offered(qtbot, segmented, (20, 16, 11)) == []
    assert labels_of(segmented)[20, 16, 11] == Label.LIVER
