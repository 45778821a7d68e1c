"""A liver that is compared with its truth, in the Compare panel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from liverview.cli import main
from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Progress, Slab
from liverview.core.volume import LabelMap
from liverview.evaluation.error_map import VoxelOutcome
from liverview.evaluation.scores import LabelScore
from liverview.evaluation.scoring import iter_evaluate
from liverview.evaluation.summary import MAP_FIGURES
from liverview.ui.jobs import following
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.compare_panel import ComparePanel
from liverview.ui.state.overlay import Overlay

from support.answers import TIMEOUT_MS, Answers

SHAPE = (40, 36, 24)


FIGURES = (
    "dice",
    "nsd_2mm",
    "nsd_3mm",
    "hd95_mm",
    "predicted_ml",
    "reference_ml",
    "volume_error_ml",
    "volume_error_percent",
    "cl_dice",
    "lesion_recall",
    "lesion_precision",
    "false_lesions",
)


def truth() -> np.ndarray:
    """A liver with a vessel and two lesions."""
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[4:36, 4:32, 2:22] = Label.LIVER
    labels[20:22, 10:30, 11] = Label.VESSEL
    labels[6:18, 6:12, 4:9] = Label.TUMOR
    labels[25:34, 20:24, 14:18] = Label.TUMOR
    return labels


def found() -> np.ndarray:
    """A liver that is shifted, with half of the vessel, a lesion that is right and a false one."""
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[5:37, 4:32, 3:22] = Label.LIVER
    labels[20:22, 10:20, 11] = Label.VESSEL
    labels[7:18, 6:12, 4:8] = Label.TUMOR
    labels[28:32, 6:12, 14:18] = Label.TUMOR
    return labels


def segment(window: MainWindow, voxels: np.ndarray) -> None:
    session = window.session
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, voxels))
    session.store.end_segmentation(complete=True)


def compare(qtbot: QtBot, window: MainWindow, answers: Answers, path: Path) -> None:
    """Open a reference by its key."""
    answers.reference = path
    with qtbot.waitSignal(window.controller.loading.reference_opened, timeout=TIMEOUT_MS):
        qtbot.keyClick(
            window,
            Qt.Key.Key_O,
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
        )


def wait(qtbot: QtBot, panel: ComparePanel) -> None:
    """Until every figure is that of the labels as they are."""
    found = panel.comparison
    qtbot.waitUntil(lambda: found.is_current and len(found.scores) == 3, timeout=TIMEOUT_MS)


def cells(panel: ComparePanel, label: Label) -> dict[str, str]:
    column = FOREGROUND.index(label)
    texts = [panel.table.item(n, column).text() for n in range(panel.table.rowCount())]
    return dict(zip(FIGURES, texts, strict=True))


def printed(
    capsys: pytest.CaptureFixture[str], predicted: Path, reference: Path
) -> dict[Label, dict[str, str]]:
    """The figures that the command line prints, by label and attribute."""
    assert main(["evaluate", str(predicted), str(reference)]) == 0
    lines = capsys.readouterr().out.splitlines()[1 : 1 + len(FOREGROUND)]
    rows = (dict(zip(MAP_FIGURES, line.split()[1:], strict=True)) for line in lines)
    return dict(zip(FOREGROUND, rows, strict=True))


def where(predicted: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The outcome of every voxel of two masks."""
    who = np.zeros(SHAPE, np.uint8)
    who[predicted & reference] = VoxelOutcome.TRUE_POSITIVE
    who[predicted & ~reference] = VoxelOutcome.FALSE_POSITIVE
    who[~predicted & reference] = VoxelOutcome.FALSE_NEGATIVE
    return who


def whole(overlay: Overlay) -> np.ndarray:
    """An overlay's values on the scan's grid."""
    values = np.zeros(SHAPE, np.uint8)
    values[overlay.box] = overlay.voxels
    return values


def show(qtbot: QtBot, window: MainWindow, label: Label) -> Overlay:
    """Choose a label's overlay with the keys and wait for it."""
    box = window.panels.compare.shown
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Home)
    for _ in range(label):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.currentData() is label
    name = window.session.styles[label].name
    qtbot.waitUntil(
        lambda: window.session.overlay is not None and name in window.session.overlay.title
    )
    assert window.session.overlay is not None
    return window.session.overlay


class HeldComparison:
    """A comparison that goes on after each label only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.closed = Event(), Event()
        self.error: Exception | None = None
        monkeypatch.setattr(following, "iter_compare", self.run)

    def run(self, labels: LabelMap, reference: LabelMap, *rest: object) -> Iterator[object]:
        try:
            for item in iter_evaluate(labels, reference):
                yield item
                while isinstance(item, LabelScore) and not self.go.wait(0.01):
                    yield Progress("Waiting", 0.5)
                if self.error is not None and isinstance(item, LabelScore):
                    raise self.error
        finally:
            self.closed.set()


def expected_dice() -> float:
    both = np.count_nonzero((truth() > 0) & (found() > 0))
    return 2 * both / (np.count_nonzero(truth()) + np.count_nonzero(found()))
