"""Copies of volume and labels for the plane whose slices are slow to read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Plane
from liverview.ui.main_window import MainWindow


def test_slices_come_from_a_turned_copy_once_it_is_there(
    window: MainWindow, scan: Path, qtbot: QtBot
) -> None:
    """The views show the same, and the copy is dropped with its volume."""
    with qtbot.waitSignal(window.controller.idle):
        window.open(scan)
    session = window.session
    qtbot.waitUntil(lambda: session.slices._volume_copy is not None)
    assert session.volume is not None
    plane = Plane.least_contiguous(session.volume.voxels)
    for index in range(session.volume.shape[plane.axis]):
        voxel = list(session.crosshair)
        voxel[plane.axis] = index
        session.set_crosshair((voxel[0], voxel[1], voxel[2]))
        shown = session.slices.values(plane)
        assert np.array_equal(shown, plane.slice_of(session.volume.voxels, index))
        assert np.shares_memory(shown, session.slices._volume_copy)
    session.open(session.volume)
    assert not np.shares_memory(session.slices.values(plane), shown)


def test_labels_that_hold_still_are_turned_as_well(opened: MainWindow, qtbot: QtBot) -> None:
    session = opened.session
    assert session.volume is not None
    voxels = np.zeros(session.volume.shape, np.uint8, order="F")
    voxels[2:6, 3:7, 4:8] = Label.LIVER
    session.store.open_labels(LabelMap(voxels, session.volume.affine))
    qtbot.waitUntil(lambda: session.slices._label_copy is not None)
    plane = Plane.least_contiguous(voxels)
    session.set_crosshair((4, 5, 6))
    found = session.slices.labels(plane)
    assert found is not None
    assert np.shares_memory(found[0], session.slices._label_copy)
    assert (found[0] == Label.LIVER).all()
    session.store.open_labels(LabelMap(voxels.copy(order="F"), session.volume.affine))
    assert session.slices._label_copy is None
