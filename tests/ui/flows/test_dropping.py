"""Scans and label maps that come together or alone: by drop, and from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot

from liverview.cli.main import main
from liverview.core.labels import Label
from liverview.ui import app
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS

SHAPE = (20, 22, 12)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])


@pytest.fixture
def ct(write: Callable[..., Path]) -> Path:
    voxels = np.random.default_rng(0).normal(40, 20, SHAPE).astype(np.int16)
    voxels[:3] = -1000
    return write(voxels, AFFINE, name="ct.nii.gz")


def blocks() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:16, 4:18, 2:10] = Label.LIVER
    labels[6:9, 6:9, 4:8] = Label.VESSEL
    labels[10:14, 10:14, 4:8] = Label.TUMOR
    return labels


@pytest.fixture
def seg(write: Callable[..., Path]) -> Path:
    return write(blocks(), AFFINE, name="seg.nii.gz")


def drop(window: MainWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    no_key, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    window.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, left, no_key))


def shows_both(window: MainWindow) -> bool:
    session = window.session
    named = session.volume is not None and session.volume.name == "ct"
    return named and session.labels is not None and np.array_equal(session.labels.voxels, blocks())


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("dtype", ["u1", "f4", "i2"])
def test_scan_and_labels_are_shown_as_such_in_any_order(
    qtbot: QtBot, window: MainWindow, ct: Path, write: Callable[..., Path],
    order: tuple[int, int], dtype: str,
) -> None:  # fmt: skip
    labels = write(blocks().astype(dtype), AFFINE, name="a_seg.nii.gz")
    drop(window, *((ct, labels)[n] for n in order))
    qtbot.waitUntil(lambda: shows_both(window), timeout=TIMEOUT_MS)
    assert window.session.path == ct


def test_what_is_too_much_is_named(
    qtbot: QtBot, window: MainWindow, ct: Path, seg: Path, write: Callable[..., Path]
) -> None:
    other = write(np.full(SHAPE, -7, np.int16), AFFINE, name="other.nii.gz")
    drop(window, seg, ct, other)
    qtbot.waitUntil(lambda: shows_both(window), timeout=TIMEOUT_MS)
    assert "other.nii.gz left out" in window.messages.text.text()


@pytest.mark.parametrize("answer", ["Show its labels", "Open it as a scan"])
def test_a_label_map_alone_is_offered_as_labels(
    qtbot: QtBot, window: MainWindow, ct: Path, seg: Path, answer: str
) -> None:
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        drop(window, ct)
    with qtbot.waitSignal(window.files.asked, timeout=TIMEOUT_MS):
        drop(window, seg)
    assert window.session.volume is not None
    assert window.session.volume.name == "ct"  # nothing has happened yet
    assert "label map" in window.messages.text.text()
    next(b for b in window.messages.buttons if b.text() == answer).click()
    if answer == "Show its labels":
        qtbot.waitUntil(lambda: shows_both(window), timeout=TIMEOUT_MS)
    else:
        qtbot.waitUntil(lambda: window.session.volume.name == "seg", timeout=TIMEOUT_MS)


def test_a_label_map_of_another_grid_and_a_second_scan_are_opened_as_scans(
    qtbot: QtBot, window: MainWindow, ct: Path, write: Callable[..., Path]
) -> None:
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        drop(window, ct)
    elsewhere = write(blocks(), np.diag([2.0, 2.0, 5.0, 1.0]), name="elsewhere.nii.gz")
    again = write(np.random.default_rng(1).normal(40, 9, SHAPE), AFFINE, name="again.nii.gz")
    for path in (elsewhere, again):
        with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
            drop(window, path)
        assert window.session.path == path


def test_a_4d_scan_asks_which_and_shows_the_labels_then(
    qtbot: QtBot, window: MainWindow, seg: Path, write: Callable[..., Path], ct: Path
) -> None:
    from liverview.files import images

    voxels = images.read(ct).voxels
    both = write(np.stack([voxels * 0 - 5, voxels], axis=3), AFFINE, name="ct.nii.gz")
    window.files.dialogs.number = 1
    drop(window, seg, both)
    qtbot.waitUntil(lambda: shows_both(window), timeout=TIMEOUT_MS)
    assert np.array_equal(window.session.volume.voxels, voxels)


def test_the_command_line_gives_the_window_scan_and_labels(
    monkeypatch: pytest.MonkeyPatch, ct: Path, seg: Path
) -> None:
    given: list[tuple[object, ...]] = []
    monkeypatch.setattr(app, "run", lambda *arguments: given.append(arguments) or 0)
    assert main([str(ct), "--labels", str(seg)]) == 0
    assert main(["--labels", str(seg), str(ct)]) == 0
    assert [(call[0], call[5]) for call in given] == [(ct, seg)] * 2
    assert main(["--labels", str(seg)]) == 2
    assert main([str(ct), "--labels", str(seg), "--segment"]) == 2
    assert len(given) == 2


def test_labels_of_the_command_line_are_shown(
    qtbot: QtBot, window: MainWindow, ct: Path, seg: Path
) -> None:
    window.controller.loading.open(ct, None, seg)
    qtbot.waitUntil(lambda: shows_both(window), timeout=TIMEOUT_MS)
