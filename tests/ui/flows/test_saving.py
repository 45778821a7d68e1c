"""Saving label maps, masks and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
from pytestqt.qtbot import QtBot

from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Slab
from liverview.files import images
from liverview.ui.dialogs.questions import Unsaved
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers
from support.window import (
    SlowSave,
)


def test_save_the_label_map(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path, scan: Path
) -> None:
    answers.label_map = tmp_path / "labels.nii.gz"
    with qtbot.waitSignal(segmented.controller.saving.saved, timeout=TIMEOUT_MS):
        segmented.actions_.file.save.trigger()
    assert answers.asked == [f"{tmp_path.name}_seg.nii.gz"]
    assert "Saved and verified" in segmented.statusBar().currentMessage()
    assert not segmented.session.store.modified
    assert not segmented.isWindowModified()
    assert segmented.actions_.file.save.isEnabled()  # a second copy is nobody's harm
    assert segmented.session.labels is not None
    saved = images.read_labels(answers.label_map)
    assert np.array_equal(saved.voxels, segmented.session.labels.voxels)
    assert np.array_equal(nib.load(answers.label_map).affine, nib.load(scan).affine)


def test_side_files_carry_the_colors_of_the_session(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    segmented.session.set_style(Label.TUMOR, color=(9, 8, 7))
    answers.label_map = tmp_path / "labels.nii.gz"
    with qtbot.waitSignal(segmented.controller.saving.saved, timeout=TIMEOUT_MS):
        segmented.actions_.file.save_all.trigger()
    assert answers.asked == [f"{tmp_path.name}_seg.nii.gz"]
    assert not segmented.session.store.modified
    assert " 9 8 7 255" in (tmp_path / "labels.ctbl").read_text()
    assert "9    8    7" in (tmp_path / "labels.txt").read_text()
    record = json.loads((tmp_path / "labels.json").read_text())
    assert [row["color_rgb"] for row in record["labels"]][2] == [9, 8, 7]
    judges = {"coarse.safetensors", "fine.safetensors", "lesions.safetensors"}
    assert set(record["weights_sha256"]) == judges
    table = nib.load(answers.label_map).header.extensions[0].get_content()
    assert f'Blue="{7 / 255:.6g}"'.encode() in table
    # Once more: what lies beside is asked about, which the file dialog has not done.
    before = (tmp_path / "labels.json").stat().st_mtime_ns
    answers.replace = False
    segmented.actions_.file.save_all.trigger()
    assert answers.asked[1:] == [f"{tmp_path.name}_seg.nii.gz", "replace"]
    assert not segmented.controller.saving.is_running
    assert (tmp_path / "labels.json").stat().st_mtime_ns == before


def test_save_masks_asks_before_it_replaces(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path
    with qtbot.waitSignal(segmented.controller.saving.saved, timeout=TIMEOUT_MS):
        segmented.actions_.file.save_masks.trigger()
    assert answers.asked == []
    names = {f"{tmp_path.name}_{label.name.lower()}.nii.gz" for label in FOREGROUND}
    assert names <= {path.name for path in tmp_path.iterdir()}
    answers.replace = False
    running = set(segmented.controller.runner._live)  # findings may still be measured
    segmented.actions_.file.save_masks.trigger()
    assert answers.asked == ["replace"]
    assert segmented.controller.runner._live <= running
    assert not segmented.controller.saving.is_running


def test_the_scan_itself_is_never_replaced(
    segmented: MainWindow, answers: Answers, scan: Path, tmp_path: Path
) -> None:
    before = scan.read_bytes()
    link = tmp_path / "link.nii.gz"
    link.symlink_to(scan)
    for path in (scan, link):
        answers.label_map = path
        segmented.actions_.file.save.trigger()
        assert "the open scan itself" in segmented.messages.text.text()
        assert not segmented.controller.saving.is_running
    assert scan.read_bytes() == before


def test_a_save_that_ends_late_says_nothing_about_newer_labels(
    qtbot: QtBot, segmented: MainWindow, slow_save: SlowSave, answers: Answers, tmp_path: Path
) -> None:
    answers.label_map = tmp_path / "labels.nii.gz"
    segmented.actions_.file.save.trigger()
    assert not segmented.actions_.file.save.isEnabled()  # one save at a time
    segmented.session.store.begin_segmentation()  # other labels take the place of those
    segmented.session.store.merge_slab(Slab(0, np.ones((5, 7, 1), np.uint8)))
    segmented.session.store.end_segmentation(complete=True)
    with qtbot.waitSignal(segmented.controller.saving.saved, timeout=TIMEOUT_MS):
        slow_save.go.set()
    assert answers.label_map.exists()
    assert segmented.session.store.modified
    assert segmented.actions_.file.save.isEnabled()


def test_nothing_is_saved_where_there_is_nothing(
    qtbot: QtBot, opened: MainWindow, tmp_path: Path
) -> None:
    opened.controller.saving.save_labels(tmp_path / "labels.nii.gz")
    assert "nothing to save" in opened.messages.text.text()
    assert not (tmp_path / "labels.nii.gz").exists()


def test_a_failing_save_keeps_the_labels_unsaved(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.label_map = tmp_path / "gone" / "labels.nii.gz"
    with qtbot.waitSignal(segmented.controller.failed, timeout=TIMEOUT_MS):
        segmented.actions_.file.save.trigger()
    assert "folder" in segmented.messages.text.text()
    assert segmented.session.store.modified


def test_save_a_screenshot(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.image = tmp_path / "window.png"
    segmented.actions_.file.screenshot.trigger()
    assert answers.image.stat().st_size > 1000
    answers.image = tmp_path / "gone" / "window.png"
    segmented.actions_.file.screenshot.trigger()
    assert "could not be written" in segmented.messages.text.text()


def test_a_failed_save_offers_another_place(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    saving = segmented.controller.saving
    answers.unsaved = Unsaved.SAVE
    answers.label_map = tmp_path / "gone" / "labels.nii.gz"
    with qtbot.waitSignal(saving.labels_not_saved, timeout=TIMEOUT_MS):
        segmented.close()
    assert segmented.isVisible()
    assert segmented.session.store.modified
    assert "its folder is not there" in segmented.messages.text.text()
    (button,) = segmented.messages.buttons
    assert button.text() == "Save elsewhere …"
    answers.label_map = tmp_path / "labels.nii.gz"
    with qtbot.waitSignal(saving.saved, timeout=TIMEOUT_MS):
        button.click()
    assert answers.label_map.exists()
    qtbot.waitUntil(lambda: not segmented.isVisible(), timeout=TIMEOUT_MS)  # it goes on to close


def test_masks_that_fail_offer_no_place_for_labels(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path / "gone"
    with qtbot.waitSignal(segmented.controller.failed, timeout=TIMEOUT_MS):
        segmented.actions_.file.save_masks.trigger()
    qtbot.waitUntil(lambda: not segmented.controller.saving.is_running, timeout=TIMEOUT_MS)
    assert segmented.messages.buttons == []
