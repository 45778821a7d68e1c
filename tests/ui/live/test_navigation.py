"""Going to the liver and from lesion to lesion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from scipy import ndimage

from liverview.core.labels import Label
from liverview.core.stream import Progress, Slab
from liverview.core.volume import Plane, Volume
from liverview.ui.jobs import generators
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS

SHAPE = (40, 36, 24)


def truth() -> np.ndarray:
    """A liver away from the middle, widest in slice 5, with three lesions."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[22:38, 4:16, 2:11] = Label.LIVER
    labels[18:38, 2:18, 5] = Label.LIVER
    labels[24:30, 6:12, 3:8] = Label.TUMOR
    labels[32:36, 6:10, 4:7] = Label.TUMOR
    labels[24:27, 13:15, 8:10] = Label.TUMOR
    return labels


@pytest.fixture
def scan_with_liver(focused: MainWindow) -> MainWindow:
    focused.session.open(Volume(np.full(SHAPE, 60, np.int16), np.diag([2.0, 2, 2, 1])))
    return focused


@pytest.fixture
def segment(
    scan_with_liver: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """A function that segments the open scan; a person does something before it ends."""

    def run(labels: np.ndarray, meanwhile: Callable[[], object] = lambda: None) -> None:
        go = Event()

        def work(*arguments: object) -> Iterator[object]:
            yield Slab(0, labels)
            while not go.wait(0.01):
                yield Progress("Refining", 0.5)

        monkeypatch.setattr(generators, "iter_segment", work)
        segmenting = scan_with_liver.controller.segmenting
        with qtbot.waitSignal(segmenting.segmented, timeout=TIMEOUT_MS):
            scan_with_liver.actions_.segment.run.trigger()
            meanwhile()
            go.set()

    return run


def test_a_segmentation_ends_at_the_liver(
    scan_with_liver: MainWindow, segment: Callable[..., None]
) -> None:
    session = scan_with_liver.session
    segment(truth())
    i, j, k = session.crosshair
    areas = (truth() > 0).sum(axis=(0, 1))
    assert k == int(areas.argmax()) == 5
    assert session.store.label_at((i, j, k)) is not Label.BACKGROUND
    center = ndimage.center_of_mass(truth()[:, :, 5] > 0)
    assert np.hypot(i - center[0], j - center[1]) < 2


@pytest.mark.parametrize("how", ["wheel", "click", "there and back"])
def test_a_person_who_looks_at_something_is_left_there(
    scan_with_liver: MainWindow, segment: Callable[..., None], how: str
) -> None:
    session = scan_with_liver.session
    moves = {
        "wheel": lambda: session.step_slices(Plane.AXIAL, 3),
        "click": lambda: session.set_crosshair((3, 30, 20)),
        "there and back": lambda: (
            session.step_slices(Plane.AXIAL, 1),
            session.step_slices(Plane.AXIAL, -1),
        ),
    }
    there = []
    segment(truth(), lambda: (moves[how](), there.append(session.crosshair)))
    assert [session.crosshair] == there


def test_a_crosshair_on_a_label_stays_and_so_does_one_without_a_liver(
    scan_with_liver: MainWindow, segment: Callable[..., None]
) -> None:
    session = scan_with_liver.session
    session.set_crosshair((25, 8, 6))
    segment(truth())
    assert session.crosshair == (25, 8, 6)
    session.store.mark_saved()
    session.set_crosshair((0, 0, 0))
    segment(np.zeros(SHAPE, np.uint8))
    assert session.crosshair == (0, 0, 0)


@pytest.mark.parametrize("panel_shown", [True, False])
def test_keys_go_to_the_liver_and_from_lesion_to_lesion(
    scan_with_liver: MainWindow, qtbot: QtBot, panel_shown: bool
) -> None:
    window, session = scan_with_liver, scan_with_liver.session
    window.panels.docks["findings"].setVisible(panel_shown)
    view, findings = window.views.by_plane[Plane.AXIAL], window.panels.findings
    qtbot.keyClick(view, Qt.Key.Key_G)
    qtbot.keyClick(view, Qt.Key.Key_Period)
    assert "no lesion" in window.statusBar().currentMessage()
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, truth()))
    session.store.end_segmentation(complete=True)
    session.store.mark_saved()
    qtbot.keyClick(view, Qt.Key.Key_G)
    assert session.crosshair[2] == 5
    seen = []
    for key in [Qt.Key.Key_Period] * 4 + [Qt.Key.Key_Comma] * 2:
        qtbot.keyClick(view, key)
        qtbot.waitUntil(lambda: findings.is_current, timeout=TIMEOUT_MS)
        seen.append(findings.chosen)
        lesion = findings.lesions[findings.chosen - 1]
        assert session.crosshair == lesion.axial_voxel
    assert seen == [1, 2, 3, 1, 3, 2]
