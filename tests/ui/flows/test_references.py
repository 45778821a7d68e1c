"""References that labels are compared with: other grids, names, phantoms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from liverview.core.labels import FOREGROUND, Label
from liverview.core.volume import Volume
from liverview.evaluation.error_map import VoxelOutcome
from liverview.evaluation.scoring import evaluate
from liverview.phantoms.config import Phantom, PhantomConfig
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.compare_panel import ComparePanel

from support.answers import TIMEOUT_MS, Answers
from support.comparisons import (
    SHAPE,
    cells,
    compare,
    found,
    segment,
    show,
    truth,
    wait,
    whole,
)

Write = Callable[..., Path]


def test_another_reference_takes_the_place_of_the_first(
    qtbot: QtBot,
    window: MainWindow,
    compare_panel: ComparePanel,
    answers: Answers,
    reference: Path,
    write: Write,
    compared_scan: Volume,
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    wait(qtbot, compare_panel)
    first = show(qtbot, window, Label.LIVER)
    answers.reference = write(found(), compared_scan.affine, name="same.nii")
    with qtbot.waitSignal(window.controller.loading.reference_opened, timeout=TIMEOUT_MS):
        qtbot.mouseClick(compare_panel.open_button, Qt.MouseButton.LeftButton)
    wait(qtbot, compare_panel)
    assert compare_panel.reference.text() == "Reference: same"
    assert [cells(compare_panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3
    qtbot.waitUntil(lambda: window.session.overlay not in (None, first))
    assert window.session.overlay is not None
    assert set(np.unique(whole(window.session.overlay))) == {0, VoxelOutcome.TRUE_POSITIVE}


def test_a_reference_on_flipped_axes_is_the_same(
    qtbot: QtBot,
    window: MainWindow,
    compare_panel: ComparePanel,
    answers: Answers,
    write: Write,
    compared_scan: Volume,
) -> None:
    affine = compared_scan.affine @ np.diag([-1.0, 1, -1, 1])
    affine[:3, 3] = compared_scan.affine[:3] @ (SHAPE[0] - 1, 0, SHAPE[2] - 1, 1)
    compare(qtbot, window, answers, write(found()[::-1, :, ::-1], affine, name="flipped.nii"))
    segment(window, found())
    wait(qtbot, compare_panel)
    assert [cells(compare_panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3


def test_a_reference_on_another_grid_is_refused(
    qtbot: QtBot,
    window: MainWindow,
    compare_panel: ComparePanel,
    answers: Answers,
    reference: Path,
    write: Write,
    compared_scan: Volume,
) -> None:
    compare(qtbot, window, answers, reference)
    moved = compared_scan.affine.copy()
    moved[2, 3] += 3
    for name, voxels, affine, told in (
        ("short.nii", truth()[:, :, :20], compared_scan.affine, "(40, 36, 20)"),
        ("moved.nii", truth(), moved, "3 mm"),
    ):
        answers.reference = write(np.ascontiguousarray(voxels), affine, name=name)
        with qtbot.waitSignal(window.controller.failed, timeout=TIMEOUT_MS):
            window.actions_.file.compare.trigger()
        said = window.messages.text.text()
        assert name.removesuffix(".nii") in said
        assert told in said
    assert compare_panel.reference.text() == "Reference: truth"


def test_names_in_the_file_say_which_value_is_which_label(
    qtbot: QtBot,
    window: MainWindow,
    compare_panel: ComparePanel,
    answers: Answers,
    write: Write,
    compared_scan: Volume,
    tmp_path: Path,
) -> None:
    table = '5 0 0 0 1 1 1 "Liver"\n7 0 0 0 1 1 1 "Hepatic vessel"\n2 0 0 0 1 1 1 "Tumor"\n'
    (tmp_path / "theirs.txt").write_text(table)
    theirs = np.array([0, 5, 7, 2], np.uint8)[truth()]
    compare(qtbot, window, answers, write(theirs, compared_scan.affine, name="theirs.nii.gz"))
    assert "5 (Liver) as liver" in window.messages.text.text()
    assert answers.asked == []
    segment(window, truth())
    wait(qtbot, compare_panel)
    assert [cells(compare_panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3


def test_values_that_nothing_names_are_asked_about(
    qtbot: QtBot,
    window: MainWindow,
    compare_panel: ComparePanel,
    answers: Answers,
    write: Write,
    compared_scan: Volume,
) -> None:
    theirs = np.array([0, 40, 7, 2], np.uint8)[truth()]
    answers.reference = write(theirs, compared_scan.affine, name="plain.nii")
    with qtbot.waitSignal(window.controller.loading.mapping_needed, timeout=TIMEOUT_MS):
        window.actions_.file.compare.trigger()
    qtbot.waitUntil(lambda: not window.controller.runner._live)
    assert answers.asked == ["labels of (2, 7, 40)"]
    assert window.session.reference is None  # the question was canceled
    answers.mapping = {40: Label.LIVER, 7: Label.VESSEL, 2: Label.TUMOR}
    compare(qtbot, window, answers, answers.reference)
    segment(window, truth())
    wait(qtbot, compare_panel)
    assert [cells(compare_panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3


def test_a_phantom_brings_its_truth(
    qtbot: QtBot,
    window: MainWindow,
    answers: Answers,
    case: Phantom,
    write: Write,
    compared_scan: Volume,
) -> None:
    answers.config = PhantomConfig((96, 84, 40), (4.0, 4.0, 5.0), 3, noise_hu=8)  # as `case`
    with qtbot.waitSignal(window.session.volume_changed, timeout=TIMEOUT_MS):
        window.actions_.file.phantom.trigger()
    window.panels.show("compare")
    compare_panel = window.panels.compare
    qtbot.waitUntil(lambda: compare_panel.reference.text() == "Reference: truth of phantom-3")
    reference = window.session.reference
    assert reference is not None
    np.testing.assert_array_equal(reference.voxels, case.labels.voxels)
    segment(window, np.roll(case.labels.voxels, 1, axis=0))
    wait(qtbot, compare_panel)
    assert window.session.labels is not None
    for score in evaluate(window.session.labels, case.labels):
        assert cells(compare_panel, score.label)["dice"] == f"{score.dice:.3f}"
    window.session.store.mark_saved()
    with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
        window.open(write(compared_scan.voxels, compared_scan.affine))
    assert window.session.reference is None
    assert "Open a reference" in compare_panel.state.text()


def test_a_reference_of_another_scan_does_not_arrive(
    qtbot: QtBot,
    window: MainWindow,
    compare_panel: ComparePanel,
    reference: Path,
    compared_scan: Volume,
) -> None:
    """The scan is replaced while the reference is read."""
    window.controller.loading.open_reference(reference)
    with qtbot.assertNotEmitted(window.controller.loading.reference_opened):
        window.controller.show_volume(compared_scan, None)
        qtbot.waitUntil(lambda: not window.controller.runner._live)
    assert window.session.reference is None


def test_the_command_is_there_once_a_scan_is(window: MainWindow, compared_scan: Volume) -> None:
    command = window.actions_.file.compare
    assert not command.isEnabled()
    assert not command.icon().isNull()
    window.session.open(compared_scan)
    assert command.isEnabled()
