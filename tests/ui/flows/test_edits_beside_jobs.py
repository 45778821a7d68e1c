"""Edits beside jobs that read the labels: no copy of all, and each job has its own state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.files.label_maps import read_labels
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS
from support.window import SlowSave

BOX = Box.from_bounds((1, 2, 1), (4, 5, 7))


def array(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.voxels


def brush(window: MainWindow, value: Label) -> None:
    with window.session.store.edit(BOX, "brush") as voxels:
        voxels[...] = value


@pytest.mark.parametrize("origin", ["file", "segmentation"])
def test_an_edit_is_made_in_the_array_that_there_is(
    qtbot: QtBot,
    segmented: MainWindow,
    write: Callable[..., Path],
    origin: str,
) -> None:
    """Whoever made the labels has let go of them by then, also where findings read them."""
    window = segmented
    if origin == "file":
        assert window.session.volume is not None
        voxels = np.full(window.session.volume.shape, Label.LIVER, np.uint8)
        path = write(voxels, window.session.volume.affine, name="drawn.nii.gz")
        with qtbot.waitSignal(window.controller.loading.labels_opened, timeout=TIMEOUT_MS):
            window.controller.loading.open_labels(path)
        qtbot.waitUntil(lambda: window.controller.loading._label_job is None)
    before = array(window)
    lent = [window.session.store.snapshot() for _ in range(3)]
    brush(window, Label.TUMOR)
    assert array(window) is before
    assert all((one.read(BOX) != Label.TUMOR).any() for one in lent)
    qtbot.waitUntil(lambda: window.panels.findings.is_current, timeout=TIMEOUT_MS)


def test_a_file_has_the_labels_of_the_command_to_save(
    qtbot: QtBot, segmented: MainWindow, slow_save: SlowSave, tmp_path: Path
) -> None:
    expected, saving = array(segmented).copy(), segmented.controller.saving
    path = tmp_path / "saved.nii.gz"
    saving.save_labels(path)
    for value in (Label.TUMOR, Label.VESSEL, Label.BACKGROUND):
        brush(segmented, value)
    with qtbot.waitSignal(saving.saved, timeout=TIMEOUT_MS):
        slow_save.go.set()
    assert np.array_equal(read_labels(path).voxels, expected)
    assert not np.array_equal(array(segmented), expected)
    assert segmented.session.store.modified  # what came meanwhile is not in the file
