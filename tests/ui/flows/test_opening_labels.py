"""Opening a label map in place of the labels: ours, others', and what does not fit."""

from __future__ import annotations

import json
import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Slab
from liverview.core.volume import Plane
from liverview.ui.dialogs.questions import Unsaved
from liverview.ui.main_window import MainWindow
from liverview.ui.widgets.formatting import format_ml

from support.answers import TIMEOUT_MS, Answers
from support.drawn_labels import AFFINE, drawn, write_scan
from support.window import open_scan


@pytest.fixture
def opened(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    """A window with a scan from a file."""
    open_scan(qtbot, window, write_scan(tmp_path / "ct.nii"))
    return window


def show(qtbot: QtBot, window: MainWindow, answers: Answers, path: Path) -> None:
    answers.labels = path
    with qtbot.waitSignal(window.session.store.changed, timeout=TIMEOUT_MS):
        qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)


def shown(window: MainWindow) -> np.ndarray:
    """The labels on the stored grid, which is mirrored."""
    assert window.session.labels is not None
    return window.session.labels.voxels[::-1]


def test_what_was_saved_is_shown_again(
    opened: MainWindow, qtbot: QtBot, answers: Answers, tmp_path: Path
) -> None:
    session = opened.session
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, np.asfortranarray(drawn()[::-1])))
    session.store.end_segmentation(complete=True)
    volumes = [session.store.volume_ml(label) for label in FOREGROUND]
    answers.label_map = tmp_path / "mine.nii.gz"
    with qtbot.waitSignal(opened.controller.saving.saved, timeout=TIMEOUT_MS):
        opened.files.save()
    session.store.begin_segmentation()
    session.store.end_segmentation(complete=True)
    assert session.store.volume_ml(Label.LIVER) == 0
    show(qtbot, opened, answers, tmp_path / "mine.nii.gz")
    np.testing.assert_array_equal(shown(opened), drawn())
    assert [session.store.volume_ml(label) for label in FOREGROUND] == volumes
    assert not session.store.modified
    assert opened.actions_.file.save.isEnabled()
    assert session.store.source.file == "mine.nii.gz"
    view = opened.views.by_plane[Plane.AXIAL]
    session.set_crosshair((8, 8, 5))
    QApplication.processEvents()
    cut = session.slices.labels(view.plane)
    assert cut is not None
    assert {1, 2} <= set(np.unique(cut[0]).tolist())


def test_others_labels_come_with_the_right_names(
    opened: MainWindow, qtbot: QtBot, answers: Answers, tmp_path: Path
) -> None:
    theirs = np.array([0, 2, 3, 1], np.uint8)[drawn()]
    nib.save(nib.Nifti1Image(theirs, AFFINE), tmp_path / "nnunet.nii.gz")
    names = {"background": 0, "tumour": 1, "liver": 2, "hepatic_vessel": 3}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": names}))
    show(qtbot, opened, answers, tmp_path / "nnunet.nii.gz")
    np.testing.assert_array_equal(shown(opened), drawn())
    assert "dataset.json" in opened.messages.text.text()


def test_values_without_a_name_are_asked_about(
    opened: MainWindow, qtbot: QtBot, answers: Answers, tmp_path: Path
) -> None:
    theirs = np.array([0, 40, 50, 60], np.uint8)[drawn()]
    nib.save(nib.Nifti1Image(theirs, AFFINE), tmp_path / "plain.nii")
    answers.mapping = {40: Label.LIVER, 50: Label.VESSEL, 60: Label.TUMOR}
    show(qtbot, opened, answers, tmp_path / "plain.nii")
    np.testing.assert_array_equal(shown(opened), drawn())
    assert opened.session.reference is None


def test_values_of_another_coding_are_asked_about_and_no_figure_is_invented(
    opened: MainWindow, qtbot: QtBot, answers: Answers, tmp_path: Path
) -> None:
    theirs = np.array([0, 1, 1, 2], np.uint8)[drawn()]
    nib.save(nib.Nifti1Image(theirs, AFFINE), tmp_path / "segmentation-0.nii")
    answers.mapping = {1: Label.LIVER, 2: Label.TUMOR}
    show(qtbot, opened, answers, tmp_path / "segmentation-0.nii")
    assert answers.asked[-1] == "labels of (1, 2)"
    np.testing.assert_array_equal(shown(opened) == Label.TUMOR, drawn() == Label.TUMOR)
    assert math.isnan(opened.session.store.volume_ml(Label.VESSEL))
    assert opened.session.store.snapshot().defined == {Label.LIVER, Label.TUMOR}
    assert format_ml(opened.session.store.volume_ml(Label.VESSEL)) == "–"


def test_volumes_of_classes_are_asked_about(
    opened: MainWindow, qtbot: QtBot, answers: Answers, tmp_path: Path
) -> None:
    volumes = np.stack([drawn() == 3, drawn() > 0, drawn() == 2], -1).astype(np.uint8)
    nib.save(nib.Nifti1Image(volumes, AFFINE), tmp_path / "onehot.nii.gz")
    answers.mapping = {0: Label.TUMOR, 1: Label.LIVER, 2: Label.VESSEL}
    show(qtbot, opened, answers, tmp_path / "onehot.nii.gz")
    assert answers.asked[-1] == "labels of (0, 1, 2)"
    np.testing.assert_array_equal(shown(opened), drawn())
    answers.reference = tmp_path / "onehot.nii.gz"
    with qtbot.waitSignal(opened.session.reference_changed, timeout=TIMEOUT_MS):
        opened.actions_.file.compare.trigger()
    assert opened.session.reference is not None
    np.testing.assert_array_equal(opened.session.reference.voxels[::-1], drawn())


def test_unsaved_labels_are_asked_about_and_another_grid_is_refused(
    opened: MainWindow, qtbot: QtBot, answers: Answers, tmp_path: Path
) -> None:
    session = opened.session
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, np.asfortranarray(drawn()[::-1])))
    session.store.end_segmentation(complete=True)
    nib.save(nib.Nifti1Image(drawn()[:, :, :10], AFFINE), tmp_path / "short.nii")
    answers.labels, answers.unsaved = tmp_path / "short.nii", Unsaved.STAY
    opened.actions_.file.open_labels.trigger()
    assert answers.asked[-1] == "unsaved"
    answers.unsaved = Unsaved.DISCARD
    with qtbot.waitSignal(opened.controller.failed, timeout=TIMEOUT_MS):
        opened.actions_.file.open_labels.trigger()
    np.testing.assert_array_equal(shown(opened), drawn())
    assert session.store.modified
    assert "short" in opened.messages.text.text()
