"""Segmenting in the window: labels stream in; cancel, failures, other scans meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview.core.stream import Message
from liverview.phantoms.config import PhantomConfig
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers
from support.window import (
    Stream,
    finish_segmentation,
    label_sum,
    open_scan,
    start_segmentation,
)

Write = Callable[..., Path]


def test_labels_stream_in_while_the_window_works(
    qtbot: QtBot, opened: MainWindow, stream: Stream
) -> None:
    opened.session.set_crosshair((1, 2, 3))
    start_segmentation(qtbot, opened)
    assert stream.arguments[1:] == ("auto", (1, 2, 3), False)
    assert opened.session.labels is not None
    assert opened.session.labels.voxels[:, :, :4].all()
    assert not opened.session.labels.voxels[:, :, 4:].any()
    assert opened.actions_.segment.cancel.isVisible()
    assert not opened.actions_.segment.run.isVisible()
    assert not opened.actions_.file.save.isEnabled()
    assert not opened.progress.isHidden()
    opened.session.set_crosshair((0, 0, 0))  # the person looks around meanwhile
    finish_segmentation(qtbot, opened, stream)
    assert opened.actions_.segment.run.isVisible()
    assert opened.actions_.file.save.isEnabled()
    assert opened.progress.isHidden()
    assert opened.isWindowModified()


@pytest.mark.parametrize("choice", ["Keep it", "Drop it", "close"])
def test_cancel_keeps_or_drops_what_was_found(
    qtbot: QtBot, opened: MainWindow, stream: Stream, choice: str
) -> None:
    start_segmentation(qtbot, opened)
    found = label_sum(opened)
    with qtbot.waitSignal(opened.controller.segmenting.segmented, timeout=TIMEOUT_MS):
        opened.actions_.segment.cancel.trigger()
    assert opened.session.progress is None
    qtbot.waitUntil(stream.closed.is_set)
    buttons = {button.text(): button for button in opened.messages.buttons}
    assert set(buttons) == {"Keep it", "Drop it"}
    buttons.get(choice, opened.messages.close_button).click()
    assert label_sum(opened) == (0 if choice == "Drop it" else found)
    assert opened.session.store.modified == (choice != "Drop it")
    assert opened.messages.isHidden()
    qtbot.waitUntil(lambda: opened.actions_.segment.run.isVisible())


def test_cancel_before_anything_was_found_goes_back(
    qtbot: QtBot, opened: MainWindow, stream: Stream
) -> None:
    stream.steps = []
    opened.actions_.segment.run.trigger()
    with qtbot.waitSignal(opened.controller.segmenting.segmented, timeout=TIMEOUT_MS):
        opened.actions_.segment.cancel.trigger()
    assert opened.messages.isHidden()
    assert not opened.session.store.modified


def test_canceling_keeps_older_labels_until_something_new_came(
    qtbot: QtBot, opened: MainWindow, stream: Stream
) -> None:
    start_segmentation(qtbot, opened)
    with qtbot.waitSignal(opened.controller.idle, timeout=TIMEOUT_MS):
        stream.go.set()
    before = label_sum(opened)
    stream.go.clear()
    stream.steps = []
    opened.actions_.segment.run.trigger()
    with qtbot.waitSignal(opened.controller.segmenting.segmented, timeout=TIMEOUT_MS):
        opened.actions_.segment.cancel.trigger()
    assert label_sum(opened) == before
    assert opened.session.store.modified


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("The device 'mps' is not on this machine."), "mps"),
        (RuntimeError("shape mismatch in layer 3"), "Something went wrong"),
    ],
)
def test_a_failure_is_one_sentence_and_the_old_labels_come_back(
    qtbot: QtBot, opened: MainWindow, stream: Stream, error: Exception, words: str
) -> None:
    stream.error = error
    start_segmentation(qtbot, opened)
    with qtbot.waitSignal(opened.controller.failed, timeout=TIMEOUT_MS):
        stream.go.set()
    qtbot.waitUntil(lambda: not opened.controller.busy)
    assert words in opened.messages.text.text()
    assert label_sum(opened) == 0
    assert opened.actions_.segment.run.isEnabled()
    if isinstance(error, RuntimeError):
        opened.messages.buttons[0].click()
        assert "shape mismatch" in opened.messages.text.text()


def test_notices_are_shown(qtbot: QtBot, opened: MainWindow, stream: Stream) -> None:
    stream.steps = [Message("No liver was found in this scan.")]
    with qtbot.waitSignal(opened.controller.message, timeout=TIMEOUT_MS):
        opened.actions_.segment.run.trigger()
    assert opened.messages.text.text() == "No liver was found in this scan."


def test_a_new_scan_ignores_the_slabs_of_the_old_one(
    qtbot: QtBot, opened: MainWindow, stream: Stream, write: Write
) -> None:
    other = write(np.zeros((8, 8, 3), np.int16) - 500, name="other.nii")
    start_segmentation(qtbot, opened)
    with qtbot.waitSignal(opened.controller.opened, timeout=TIMEOUT_MS):
        opened.open(other)
    qtbot.waitUntil(stream.closed.is_set)
    qtbot.waitUntil(lambda: not opened.controller.busy)
    assert opened.session.volume is not None
    assert opened.session.volume.shape == (8, 8, 3)
    assert label_sum(opened) == 0
    assert not opened.session.store.segmenting
    assert opened.actions_.segment.run.isEnabled()


def test_segmenting_twice(qtbot: QtBot, opened: MainWindow, stream: Stream) -> None:
    stream.go.set()
    for _ in range(2):
        with qtbot.waitSignal(opened.controller.idle, timeout=TIMEOUT_MS):
            opened.actions_.segment.run.trigger()
        assert label_sum(opened) == 5 * 7 * 4 + 5 * 7 * 2 * 3


def test_what_cannot_be_opened_leaves_the_segmentation_running(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers, tmp_path: Path
) -> None:
    start_segmentation(qtbot, opened)
    with qtbot.waitSignal(opened.controller.failed, timeout=TIMEOUT_MS):
        opened.open(tmp_path / "none.nii")
    assert answers.asked == []
    assert not stream.closed.is_set()
    finish_segmentation(qtbot, opened, stream)


def test_remarks_stay_when_segmentation_starts(
    qtbot: QtBot, window: MainWindow, stream: Stream, write: Write, answers: Answers
) -> None:
    open_scan(qtbot, window, write(np.full((5, 7, 9), 200, np.uint8), name="gray.nii"))
    assert "value 200" in window.messages.text.text()
    stream.go.set()
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.actions_.segment.run.trigger()
    assert "value 200" in window.messages.text.text()
    window.actions_.file.scan_info.trigger()
    assert answers.asked == ["scan info of gray"]


def test_questions_about_an_old_case_go_with_it(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers
) -> None:
    start_segmentation(qtbot, opened)
    opened.actions_.segment.cancel.trigger()
    assert opened.messages.buttons
    answers.config = PhantomConfig((40, 36, 12), (9.0, 9.0, 18.0), seed=2)
    with qtbot.waitSignal(opened.session.volume_changed, timeout=TIMEOUT_MS):
        opened.actions_.file.phantom.trigger()
    assert opened.messages.isHidden()


def test_segment_while_segmenting_does_nothing(
    qtbot: QtBot, opened: MainWindow, stream: Stream
) -> None:
    start_segmentation(qtbot, opened)
    job = opened.controller.segmenting._job
    opened.segment()
    assert opened.controller.segmenting._job is job is not None
