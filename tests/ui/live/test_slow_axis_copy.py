"""Copies of volume and labels for the plane whose slices are slow to read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
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


@pytest.mark.parametrize("order", ["F", "C"])
def test_edits_go_into_the_copy(opened: MainWindow, qtbot: QtBot, order: Literal["F", "C"]) -> None:
    """Random edits: every slice is that of the labels, from the copy that was made once."""
    session = opened.session
    assert session.volume is not None
    shape = session.volume.shape
    voxels = np.zeros(shape, np.uint8, order=order)
    voxels[1:, 1:, 2:] = Label.LIVER
    session.store.open_labels(LabelMap(voxels, session.volume.affine))
    qtbot.waitUntil(lambda: session.slices.has_label_copy)
    copy, rng = session.slices._label_copy, np.random.default_rng(5)
    plane = Plane.least_contiguous(voxels)
    for number in range(40):
        start = [int(rng.integers(1, n - 1)) for n in shape]
        start[2] = max(2, start[2])
        stop = [int(rng.integers(a + 1, n + 1)) for a, n in zip(start, shape, strict=True)]
        with session.store.edit(Box.from_bounds(start, stop), "brush") as box:
            box[...] = rng.integers(0, 4, box.shape)
        assert session.slices._label_copy is copy
        session.set_crosshair(tuple(int(rng.integers(1, n)) for n in shape))  # type: ignore[arg-type]
        found = session.slices.labels(plane)
        index = session.crosshair[plane.axis]
        assert session.store.labels is not None
        if found is None:
            assert index < 2, number
            continue
        block, (row, column) = found
        assert np.shares_memory(block, copy)
        whole = plane.slice_of(session.store.labels.voxels, index)
        assert np.array_equal(block, whole[row:, column:])
        assert not whole[:row].any()
        assert not whole[:, :column].any()
    with session.store.edit(Box.of_shape(shape), "brush") as box:  # beyond what was copied
        box[...] = Label.TUMOR
    assert not session.slices.has_label_copy
    found = session.slices.labels(plane)
    assert found is not None
    assert (found[0] == Label.TUMOR).all()
    qtbot.waitUntil(lambda: session.slices.has_label_copy)  # made anew, once they hold still
    assert (session.slices._label_copy == Label.TUMOR).all()
