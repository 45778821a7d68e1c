"""Labels that are not saved, when the window closes or other labels come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.files import images
from liverview.ui.dialogs.questions import Unsaved
from liverview.ui.jobs import opening_work
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers
from support.window import (
    Never,
    SlowSave,
    Stream,
    finish_segmentation,
    label_sum,
    open_scan,
    start_segmentation,
)

Write = Callable[..., Path]


def test_unsaved_labels_are_asked_about_before_they_are_replaced(
    qtbot: QtBot, segmented: MainWindow, answers: Answers
) -> None:
    before = label_sum(segmented)
    answers.unsaved = Unsaved.STAY
    segmented.actions_.segment.run.trigger()
    assert answers.asked == ["unsaved"]
    assert not segmented.controller.busy
    assert label_sum(segmented) == before


def test_a_person_who_stays_keeps_the_running_segmentation(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers, write: Write
) -> None:
    other = write(np.zeros((8, 8, 3), np.int16) - 500, name="other.nii")
    start_segmentation(qtbot, opened)
    answers.unsaved = Unsaved.STAY
    opened.open(other)
    qtbot.waitUntil(lambda: answers.asked == ["unsaved, segmenting"], timeout=TIMEOUT_MS)
    assert opened.session.volume.shape == (5, 7, 9)
    finish_segmentation(qtbot, opened, stream)


@pytest.mark.parametrize("choice", Unsaved)
def test_closing_asks_about_unsaved_labels(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path, choice: Unsaved
) -> None:
    answers.unsaved, answers.label_map = choice, tmp_path / "labels.nii.gz"
    answers.session_file = tmp_path / "case.liverview"
    segmented.close()
    assert answers.asked[0] == "unsaved"
    if choice is Unsaved.STAY:
        assert segmented.isVisible()
    else:
        qtbot.waitUntil(lambda: not segmented.isVisible(), timeout=TIMEOUT_MS)
    assert answers.label_map.exists() == (choice is Unsaved.SAVE)
    assert answers.session_file.exists() == (choice is Unsaved.SESSION)
    assert answers.asked.count("unsaved") == 1


def test_closing_stays_when_saving_fails_or_is_canceled(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.unsaved, answers.label_map = Unsaved.SAVE, None
    segmented.close()
    assert segmented.isVisible()
    answers.label_map = tmp_path / "gone" / "labels.nii.gz"
    with qtbot.waitSignal(segmented.controller.failed, timeout=TIMEOUT_MS):
        segmented.close()
    assert segmented.isVisible()
    # A later save is just a save: it does not close the window any more.
    answers.label_map = tmp_path / "labels.nii.gz"
    with qtbot.waitSignal(segmented.controller.saving.saved, timeout=TIMEOUT_MS):
        segmented.actions_.file.save.trigger()
    assert segmented.isVisible()


def test_opening_another_scan_asks_about_unsaved_labels(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, write: Write, tmp_path: Path
) -> None:
    other = write(np.zeros((8, 8, 3), np.int16) - 500, name="other.nii")
    before = segmented.session.volume
    answers.unsaved = Unsaved.STAY
    open_scan(qtbot, segmented, other)
    assert answers.asked == ["unsaved"]
    assert segmented.session.volume is before
    answers.unsaved, answers.label_map = Unsaved.SAVE, tmp_path / "labels.nii.gz"
    with qtbot.waitSignal(segmented.controller.opened, timeout=TIMEOUT_MS):
        segmented.open(other)
    assert answers.label_map.exists()


def test_no_question_outlives_its_case(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, write: Write, tmp_path: Path
) -> None:
    """A scan that is loaded behind the file dialog waits until the labels are named."""
    other = write(np.zeros((8, 8, 3), np.int16) - 500, name="other.nii")
    before, found = segmented.session.volume, label_sum(segmented)
    target = tmp_path / "labels.nii.gz"

    def choose_slowly(suggested: Path, *, of_dicom: bool = False) -> Path:
        with qtbot.waitSignal(segmented.controller.loading.loaded, timeout=TIMEOUT_MS):
            segmented.open(other)
        QApplication.processEvents()
        assert segmented.session.volume is before
        return target

    answers.label_map_to_write = choose_slowly  # type: ignore[method-assign]
    with qtbot.waitSignal(segmented.controller.opened, timeout=TIMEOUT_MS):
        segmented.actions_.file.save.trigger()
    assert images.read_labels(target).voxels.sum() == found
    assert segmented.session.volume is not before


def test_closing_waits_for_a_save(
    qtbot: QtBot, segmented: MainWindow, slow_save: SlowSave, answers: Answers, tmp_path: Path
) -> None:
    answers.label_map = tmp_path / "labels.nii.gz"
    segmented.actions_.file.save.trigger()
    segmented.close()
    assert segmented.isVisible()
    slow_save.go.set()
    qtbot.waitUntil(lambda: not segmented.isVisible(), timeout=TIMEOUT_MS)
    assert answers.label_map.exists()
    assert "unsaved" not in answers.asked


def test_saving_what_is_still_being_found_stops_the_search(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers, tmp_path: Path
) -> None:
    start_segmentation(qtbot, opened)
    answers.unsaved, answers.label_map = Unsaved.SAVE, tmp_path / "labels.nii.gz"
    opened.close()
    assert answers.asked[0] == "unsaved, segmenting"
    qtbot.waitUntil(lambda: not opened.isVisible(), timeout=TIMEOUT_MS)
    assert stream.closed.is_set()
    assert images.read_labels(answers.label_map).voxels.sum() == 5 * 7 * 4


def test_saving_a_running_segmentation_stops_it_and_nothing_else(
    qtbot: QtBot,
    opened: MainWindow,
    stream: Stream,
    answers: Answers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start_segmentation(qtbot, opened)
    monkeypatch.setattr(opening_work, "iter_load_volume", lambda *a: iter(Never(stream.go)))
    opened.open(tmp_path / "slow.nii")
    answers.unsaved, answers.label_map = Unsaved.SAVE, tmp_path / "labels.nii.gz"
    opened.close()
    qtbot.waitUntil(lambda: not opened.isVisible(), timeout=TIMEOUT_MS)
    assert images.read_labels(answers.label_map).voxels.sum() == 5 * 7 * 4
