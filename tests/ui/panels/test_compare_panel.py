"""The Compare compare_panel: figures against a reference, and when they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.scoring import evaluate
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.compare_panel import ComparePanel

from support.answers import TIMEOUT_MS, Answers
from support.comparisons import (
    FIGURES,
    HeldComparison,
    cells,
    compare,
    expected_dice,
    found,
    printed,
    segment,
    truth,
    wait,
)

Write = Callable[..., Path]


def test_figures_are_those_of_the_command_line(
    qtbot: QtBot,
    window: MainWindow,
    compare_panel: ComparePanel,
    answers: Answers,
    reference: Path,
    write: Write,
    compared_scan: Volume,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "Open a reference" in compare_panel.state.text()
    window.panels.docks["findings"].raise_()
    compare(qtbot, window, answers, reference)
    qtbot.waitUntil(compare_panel.isVisible)  # its tab is in front
    assert compare_panel.reference.text() == "Reference: truth"
    assert "F5" in compare_panel.state.text()
    segment(window, found())
    wait(qtbot, compare_panel)
    assert compare_panel.state.text() == ""
    expected = printed(capsys, write(found(), compared_scan.affine, name="found.nii"), reference)
    for label in FOREGROUND:
        for name, text in cells(compare_panel, label).items():
            assert (text or "-").replace("–", "-") == expected[label][name]
    assert cells(compare_panel, Label.LIVER)["dice"] == f"{expected_dice():.3f}"
    tumor = cells(compare_panel, Label.TUMOR)
    assert (tumor["lesion_recall"], tumor["lesion_precision"]) == ("0.50", "0.50")
    assert tumor["false_lesions"] == "1"


def test_what_is_not_defined_says_why(
    qtbot: QtBot, window: MainWindow, compare_panel: ComparePanel, answers: Answers, write: Write
) -> None:
    assert window.session.volume is not None
    only_liver = (truth() > 0).astype(np.uint8)
    path = write(only_liver, window.session.volume.affine, name="liver.nii")
    compare(qtbot, window, answers, path)
    segment(window, found())
    wait(qtbot, compare_panel)
    tumor = cells(compare_panel, Label.TUMOR)
    assert (tumor["dice"], tumor["hd95_mm"], tumor["lesion_recall"]) == ("–", "–", "–")
    assert (tumor["reference_ml"], tumor["false_lesions"]) == ("–", "–")
    assert "The reference was drawn without vessels" in compare_panel.state.text()
    item = compare_panel.table.item(FIGURES.index("dice"), FOREGROUND.index(Label.TUMOR))
    assert item is not None
    assert "The reference was drawn without tumors" in item.toolTip()
    assert cells(compare_panel, Label.LIVER)["cl_dice"] == ""
    item = compare_panel.table.item(FIGURES.index("cl_dice"), FOREGROUND.index(Label.LIVER))
    assert item is not None
    assert item.toolTip() == "Only for vessels."


def test_the_table_is_copied_with_its_units(
    qtbot: QtBot, window: MainWindow, compare_panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    assert not compare_panel.copy_button.isEnabled()
    compare(qtbot, window, answers, reference)
    segment(window, found())
    wait(qtbot, compare_panel)
    qtbot.mouseClick(compare_panel.copy_button, Qt.MouseButton.LeftButton)
    lines = [line.split("\t") for line in QApplication.clipboard().text().split("\n")]
    assert lines[0] == ["Reference: truth", "Liver", "Vessels", "Tumor"]
    assert {len(line) for line in lines} == {4}
    table = {line[0]: line[1:] for line in lines[1:]}
    assert table["HD95 mm"] == [cells(compare_panel, label)["hd95_mm"] for label in FOREGROUND]
    assert table["Difference mL"][0] == cells(compare_panel, Label.LIVER)["volume_error_ml"]
    assert {"Volume mL", "Reference mL", "Difference %", "NSD 2 mm", "NSD 3 mm"} <= set(table)


def test_figures_wait_while_labels_stream_and_follow_them(
    qtbot: QtBot, window: MainWindow, compare_panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    compare(qtbot, window, answers, reference)
    session = window.session
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, found()[:, :, :10]))
    assert "waits" in compare_panel.state.text()
    session.store.merge_slab(Slab(10, found()[:, :, 10:]))
    assert not compare_panel.comparison.is_running
    session.store.end_segmentation(complete=True)
    wait(qtbot, compare_panel)
    assert cells(compare_panel, Label.LIVER)["dice"] == f"{expected_dice():.3f}"
    # A second segmentation that is stopped and dropped: the figures are gone, then back.
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, truth()))
    assert set(cells(compare_panel, Label.LIVER).values()) == {""}
    session.store.end_segmentation(complete=False)
    wait(qtbot, compare_panel)
    assert cells(compare_panel, Label.LIVER)["dice"] == "1.000"
    assert "Partial" in compare_panel.state.text()
    session.store.drop_unfinished_labels()
    wait(qtbot, compare_panel)
    assert cells(compare_panel, Label.LIVER)["dice"] == f"{expected_dice():.3f}"


def test_nothing_is_compared_behind_a_closed_panel(
    qtbot: QtBot, window: MainWindow, compare_panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    compare(qtbot, window, answers, reference)
    window.panels.docks["compare"].close()
    segment(window, found())
    QApplication.processEvents()
    assert not compare_panel.comparison.is_running
    assert compare_panel.comparison.scores == {}
    window.panels.show("compare")
    wait(qtbot, compare_panel)


def test_a_comparison_is_stopped_and_begun_again(
    qtbot: QtBot,
    window: MainWindow,
    compare_panel: ComparePanel,
    answers: Answers,
    reference: Path,
    held_comparison: HeldComparison,
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    qtbot.waitUntil(lambda: cells(compare_panel, Label.LIVER)["dice"] != "", timeout=TIMEOUT_MS)
    qtbot.waitUntil(lambda: compare_panel.state.text() == "Waiting …")
    qtbot.mouseClick(compare_panel.stop_button, Qt.MouseButton.LeftButton)
    assert "stopped" in compare_panel.state.text()
    qtbot.waitUntil(held_comparison.closed.is_set)
    assert cells(compare_panel, Label.TUMOR)["dice"] == ""
    held_comparison.go.set()
    assert compare_panel.stop_button.text() == "Again"
    qtbot.mouseClick(compare_panel.stop_button, Qt.MouseButton.LeftButton)
    wait(qtbot, compare_panel)
    assert compare_panel.state.text() == ""
    assert not compare_panel.stop_button.isEnabled()


def test_labels_that_change_take_the_place_of_those_that_are_compared(
    qtbot: QtBot,
    window: MainWindow,
    compare_panel: ComparePanel,
    answers: Answers,
    reference: Path,
    held_comparison: HeldComparison,
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    qtbot.waitUntil(lambda: cells(compare_panel, Label.LIVER)["dice"] != "", timeout=TIMEOUT_MS)
    window.session.store.merge_slab(Slab(0, truth()))
    assert cells(compare_panel, Label.LIVER)["dice"] == ""
    qtbot.waitUntil(held_comparison.closed.is_set)
    held_comparison.go.set()
    wait(qtbot, compare_panel)
    assert [cells(compare_panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3


def test_a_comparison_that_fails_says_so(
    qtbot: QtBot,
    window: MainWindow,
    compare_panel: ComparePanel,
    answers: Answers,
    reference: Path,
    held_comparison: HeldComparison,
) -> None:
    held_comparison.error = MemoryError("There is not enough memory: close other programs.")
    held_comparison.go.set()
    compare(qtbot, window, answers, reference)
    segment(window, found())
    qtbot.waitUntil(lambda: "failed" in compare_panel.state.text(), timeout=TIMEOUT_MS)
    assert "not enough memory" in window.messages.text.text()
    assert cells(compare_panel, Label.TUMOR)["dice"] == ""
    held_comparison.error = None
    qtbot.mouseClick(compare_panel.stop_button, Qt.MouseButton.LeftButton)
    wait(qtbot, compare_panel)


def test_counted_figures_follow_an_edit_before_distances_do(
    qtbot: QtBot, window: MainWindow, compare_panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    wait(qtbot, compare_panel)
    comparison, store = compare_panel.comparison, window.session.store
    comparison._settling.setInterval(TIMEOUT_MS)  # until the test says that they hold still
    before = {label: cells(compare_panel, label) for label in FOREGROUND}
    voxels, phases = found(), set[str]()
    comparison.changed.connect(lambda: phases.add(comparison.phase))
    for place in ((28, 6, 14), (30, 8, 16)):
        box = Box.from_bounds(place, np.add(place, (4, 5, 3)))
        voxels[box][voxels[box] == Label.TUMOR] = Label.LIVER
        with store.edit(box, "erase") as edited:
            edited[edited == Label.TUMOR] = Label.LIVER
    tumor = voxels == Label.TUMOR
    true = truth() == Label.TUMOR
    dice = 2 * (tumor & true).sum() / (tumor.sum() + true.sum())
    qtbot.waitUntil(lambda: cells(compare_panel, Label.TUMOR)["dice"] == f"{dice:.3f}")
    shown = cells(compare_panel, Label.TUMOR)
    assert shown["predicted_ml"] == f"{tumor.sum() * 0.009:.1f}"
    assert shown["hd95_mm"] == shown["nsd_2mm"] == shown["lesion_recall"] == ""
    for label in (Label.LIVER, Label.VESSEL):  # they are where they were
        assert cells(compare_panel, label) == before[label]
    assert not comparison.is_current
    assert "Comparing" in compare_panel.state.text()
    comparison._settling.start(0)
    wait(qtbot, compare_panel)
    scores = {score.label: score for score in evaluate(labels_of(window), window.session.reference)}
    assert comparison.scores == scores
    assert cells(compare_panel, Label.TUMOR)["hd95_mm"] != ""
    assert {phase for phase in phases if phase} <= {"Comparing tumors", "Comparing vessels"}
    # Another result has nothing in common with what is known.
    store.open_labels(LabelMap(np.asfortranarray(truth()), labels_of(window).affine))
    wait(qtbot, compare_panel)
    assert [cells(compare_panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3


def labels_of(window: MainWindow) -> LabelMap:
    assert window.session.labels is not None
    return window.session.labels
