"""Status bar: readout of the voxel under the pointer, progress."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.stream import Progress, Slab
from liverview.core.volume import Plane, Volume
from liverview.ui.main_window import MainWindow
from liverview.ui.panels import status_bar
from liverview.ui.panels.status_bar import ProgressStatus, Readout
from liverview.ui.state.session import Session


def test_the_readout_tells_voxel_world_hu_and_label(session: Session, qtbot: QtBot) -> None:
    readout = Readout(session)
    qtbot.addWidget(readout)
    readout.refresh()
    assert readout.text() == "crosshair: voxel 5 6 8  ·  world RAS 0.0 -2.0 2.0 mm  ·  26 HU"
    session.store.merge_slab(Slab(3, np.full((11, 13, 1), Label.VESSEL, np.uint8)))
    readout.set_hovered((1, 2, 3))
    assert readout.text() == "voxel 1 2 3  ·  world RAS -8.0 -14.0 -18.0 mm  ·  -71 HU  ·  Vessels"
    readout.set_hovered(None)
    session.set_crosshair((0, 0, 0))
    assert readout.text().startswith("crosshair: voxel 0 0 0")


def test_what_was_filled_is_read_as_no_number(qtbot: QtBot) -> None:
    session = Session()
    readout = Readout(session)
    qtbot.addWidget(readout)
    voxels = np.full((3, 3, 3), 0.5, np.float32)
    voxels[1, 1, 1] = -1e-6
    volume = Volume(voxels, np.eye(4), in_hu=False, filled=1, filled_with=float(voxels[1, 1, 1]))
    session.open(volume)
    assert readout.text().endswith("no number")
    readout.set_hovered((0, 0, 0))
    assert readout.text().endswith("value 0.5")


def test_the_readout_follows_the_pointer(qtbot: QtBot, opened: MainWindow) -> None:
    opened.views.by_plane[Plane.AXIAL].hovered.emit((1, 2, 3))
    assert opened.readout.text().startswith("voxel 1 2 3")
    assert "123 HU" in opened.readout.text()


def test_the_readout_follows_what_moves_under_a_still_pointer(
    qtbot: QtBot, opened: MainWindow
) -> None:
    view = opened.views.by_plane[Plane.AXIAL]
    view.refresh()
    at = view.widget_position((1, 2, opened.session.crosshair[2])).toPoint()
    qtbot.mouseMove(view.viewport(), at)
    qtbot.waitUntil(lambda: opened.readout.text().startswith("voxel 1 2 4"))
    opened.session.step_slices(Plane.AXIAL, 2)
    assert opened.readout.text().startswith("voxel 1 2 6")
    opened.session.store.begin_segmentation()
    opened.session.store.merge_slab(Slab(6, np.full((5, 7, 1), Label.VESSEL, np.uint8)))
    assert opened.readout.text().endswith("Vessels")
    opened.session.store.end_segmentation(complete=True)
    opened.session.store.mark_saved()


def test_progress_shows_phase_and_remaining_time(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(status_bar.time, "monotonic", lambda: now[0])
    shown = ProgressStatus(session)
    qtbot.addWidget(shown)
    session.set_progress(Progress("Refining", 0.1))
    assert not shown.isHidden()
    assert shown.phase.text() == "Refining …"
    now[0] = 102
    session.set_progress(Progress("Refining", 0.25))
    assert shown.phase.text() == "Refining, 6 s left"
    assert shown.bar.value() == 25
    with qtbot.waitSignal(shown.cancel_requested):
        shown.cross.click()
    session.set_progress(None)
    assert shown.isHidden()
