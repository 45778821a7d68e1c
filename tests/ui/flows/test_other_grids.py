"""Label maps on another grid than the scan's: ITK's own place of it, and resampling as an offer."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.placing import place_labels
from liverview.core.stream import Slab
from liverview.files import images
from liverview.ui.dialogs.questions import Unsaved
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers
from support.drawn_labels import SHAPE, drawn, write_scan
from support.odd_scans import patch
from support.window import open_scan


@pytest.fixture
def opened(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    """A window with a scan that stores no orientation, which ITK turns front to back."""
    scan = write_scan(tmp_path / "ct.nii")
    patch(scan, sform_code=0, qform_code=0)
    open_scan(qtbot, window, scan)
    return window


@pytest.fixture
def by_itk(tmp_path: Path) -> Path:
    image = sitk.GetImageFromArray(np.ascontiguousarray(drawn().transpose(2, 1, 0)))
    image.CopyInformation(sitk.ReadImage(str(tmp_path / "ct.nii")))
    sitk.WriteImage(image, str(tmp_path / "itk.nii.gz"))
    return tmp_path / "itk.nii.gz"


@pytest.fixture
def coarse(opened: MainWindow, tmp_path: Path) -> Path:
    """Every second voxel of the labels, with values that no label has."""
    scan = opened.session.volume
    assert scan is not None
    affine = scan.affine @ np.diag([-2.0, 2, 1, 1])
    affine[:3, 3] = scan.voxel_to_world((SHAPE[0] - 1, 0, 0))
    values = np.array([0, 40, 50, 60], np.uint8)[drawn()[::2, ::2]]
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "coarse.nii.gz")
    return tmp_path / "coarse.nii.gz"


def press_offer(qtbot: QtBot, window: MainWindow) -> None:
    (button,) = window.messages.buttons
    assert button.text() == "Resample onto the scan"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_labels_that_itk_placed_are_shown_and_saved_on_the_scan(
    opened: MainWindow, by_itk: Path, qtbot: QtBot, answers: Answers, tmp_path: Path
) -> None:
    answers.labels = by_itk
    with qtbot.waitSignal(opened.session.store.changed, timeout=TIMEOUT_MS):
        opened.actions_.file.open_labels.trigger()
    qtbot.waitUntil(lambda: "taken one to one" in opened.messages.text.text())
    answers.label_map = tmp_path / "mine.nii.gz"
    with qtbot.waitSignal(opened.controller.saving.saved, timeout=TIMEOUT_MS):
        opened.files.save()
    saved = nib.load(tmp_path / "mine.nii.gz")
    assert np.array_equal(np.asanyarray(saved.dataobj), drawn())
    assert np.array_equal(saved.affine, nib.load(tmp_path / "ct.nii").affine)


def test_so_is_a_reference(
    opened: MainWindow, by_itk: Path, qtbot: QtBot, answers: Answers
) -> None:
    answers.reference = by_itk
    with qtbot.waitSignal(opened.controller.loading.reference_opened, timeout=TIMEOUT_MS):
        opened.files.choose_reference()
    reference, scan = opened.session.reference, opened.session.volume
    assert reference is not None
    assert scan is not None
    assert np.array_equal(reference.affine, scan.affine)
    assert np.array_equal(reference.voxels, drawn()[::-1])


def test_a_reference_on_another_grid_is_resampled_when_that_is_asked_for(
    opened: MainWindow, coarse: Path, qtbot: QtBot, answers: Answers
) -> None:
    answers.reference = coarse
    answers.mapping = {40: Label.LIVER, 50: Label.VESSEL, 60: Label.TUMOR}
    loading = opened.controller.loading
    with qtbot.waitSignal(loading.resampling_offered, timeout=TIMEOUT_MS):
        opened.files.choose_reference()
    assert opened.session.reference is None
    assert "do not lie on the same voxels" in opened.messages.text.text()
    with qtbot.waitSignal(loading.reference_opened, timeout=TIMEOUT_MS):
        press_offer(qtbot, opened)
    reference, scan = opened.session.reference, opened.session.volume
    assert reference is not None
    assert scan is not None
    read = images.read_named_labels(coarse).to_label_map(answers.mapping)
    expected = place_labels(read, scan, resample=True).voxels
    assert set(np.unique(expected)) == {0, 1, 2, 3}
    assert np.array_equal(reference.voxels, expected)
    assert "was resampled to the voxels of ct" in opened.messages.text.text()


def test_labels_are_resampled_only_after_the_question_about_unsaved_ones(
    opened: MainWindow, coarse: Path, qtbot: QtBot, answers: Answers
) -> None:
    store = opened.session.store
    store.begin_segmentation()
    store.merge_slab(Slab(0, np.full((*SHAPE[:2], 2), Label.TUMOR, np.uint8, order="F")))
    store.end_segmentation(complete=True)
    before = store.volume_ml(Label.TUMOR)
    answers.labels, answers.mapping = coarse, {40: Label.LIVER}
    with qtbot.waitSignal(opened.controller.loading.resampling_offered, timeout=TIMEOUT_MS):
        opened.actions_.file.open_labels.trigger()
    answers.unsaved = Unsaved.STAY
    press_offer(qtbot, opened)
    assert answers.asked == ["unsaved", "unsaved"]  # before the file was read, and again now
    assert store.volume_ml(Label.TUMOR) == before
    answers.unsaved = Unsaved.DISCARD
    with qtbot.waitSignal(opened.controller.loading.resampling_offered, timeout=TIMEOUT_MS):
        opened.actions_.file.open_labels.trigger()
    with qtbot.waitSignal(opened.controller.loading.labels_opened, timeout=TIMEOUT_MS):
        press_offer(qtbot, opened)
    assert np.isnan(store.volume_ml(Label.TUMOR))  # a label that the mapping does not have
    assert store.volume_ml(Label.LIVER) > 0
