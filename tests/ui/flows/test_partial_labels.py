"""Labels of a stopped segmentation are partial wherever they go, until others are there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.files import images
from liverview.ui.main_window import MainWindow
from liverview.ui.state.label_changes import LabelState

from support.answers import TIMEOUT_MS, Answers
from support.window import Stream, finish_segmentation, open_scan, start_segmentation


@pytest.fixture
def stopped(qtbot: QtBot, opened: MainWindow, stream: Stream) -> MainWindow:
    """A window whose segmentation was canceled after its first slab."""
    start_segmentation(qtbot, opened)
    opened.controller.cancel()
    assert opened.session.store.state is LabelState.PARTIAL
    return opened


def save(qtbot: QtBot, window: MainWindow, answers: Answers, path: Path) -> None:
    answers.label_map = path
    with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
        window.actions_.file.save.trigger()


def is_partial(window: MainWindow) -> bool:
    """As the state, every row of the Labels panel and the badge over the images say it."""
    window.session.volumes.refresh()  # which follow a moment later
    rows = {"partial" in row.volume.text() for row in window.panels.labels.rows.values()}
    assert rows == {window.session.store.has_unfinished_labels}
    assert window.session.labels is not None
    assert window.session.labels.partial == window.session.store.has_unfinished_labels
    return window.session.store.has_unfinished_labels


def test_a_run_that_is_stopped_before_it_finds_anything_leaves_the_labels_partial(
    qtbot: QtBot, stopped: MainWindow, stream: Stream
) -> None:
    """F5 and Esc at once, which once lost the mark."""
    before = stopped.session.labels
    stream.steps = []
    stopped.actions_.segment.run.trigger()
    stopped.controller.cancel()
    assert is_partial(stopped)
    assert stopped.session.labels is not None
    assert before is not None
    assert np.array_equal(stopped.session.labels.voxels, before.voxels)
    stopped.controller.cancel()  # Esc again
    assert is_partial(stopped)


def test_discarding_keeps_what_the_labels_are(
    qtbot: QtBot, stopped: MainWindow, stream: Stream, answers: Answers
) -> None:
    """Segment, Discard, and stop: the labels that come back are the partial ones."""
    stream.steps = []
    with qtbot.waitSignal(stopped.session.store.state_changed):
        stopped.segment()
    assert answers.asked == ["unsaved"]
    stopped.controller.cancel()
    assert is_partial(stopped)
    assert stopped.session.store.modified


def test_an_edit_leaves_them_partial_and_a_whole_run_does_not(
    qtbot: QtBot, stopped: MainWindow, stream: Stream
) -> None:
    store = stopped.session.store
    assert store.labels is not None
    with store.edit(store._whole, "brush") as voxels:
        voxels[0, 0, 0] = Label.TUMOR
    assert is_partial(stopped)
    store.replace_labels(store.snapshot(), store._whole, "thresholds")
    assert is_partial(stopped)
    store.mark_saved()
    start_segmentation(qtbot, stopped)
    finish_segmentation(qtbot, stopped, stream)
    assert not is_partial(stopped)


def test_dropping_them_brings_back_what_was_whole(
    qtbot: QtBot, segmented: MainWindow, stream: Stream
) -> None:
    segmented.session.store.mark_saved()
    stream.go.clear()
    start_segmentation(qtbot, segmented)
    segmented.controller.cancel()
    assert is_partial(segmented)
    segmented.session.store.drop_unfinished_labels()
    assert not is_partial(segmented)


def test_the_file_says_it_and_says_it_again_when_it_is_opened(
    qtbot: QtBot,
    stopped: MainWindow,
    stream: Stream,
    scan: Path,
    make_window: Callable[[], MainWindow],
    answers: Answers,
    tmp_path: Path,
) -> None:
    path, whole = tmp_path / "stopped.nii.gz", tmp_path / "whole.nii.gz"
    save(qtbot, stopped, answers, path)
    assert b"PARTIAL" in bytes(nib.load(path).header["descrip"])
    assert images.read_labels(path).partial
    start_segmentation(qtbot, stopped)
    finish_segmentation(qtbot, stopped, stream)
    save(qtbot, stopped, answers, whole)
    assert not images.read_labels(whole).partial
    later = make_window()
    open_scan(qtbot, later, scan)
    for file, expected in ((path, True), (whole, False), (path, True)):
        with qtbot.waitSignal(later.controller.loading.labels_opened, timeout=TIMEOUT_MS):
            later.controller.loading.open_labels(file)
        assert is_partial(later) is expected
        assert not later.session.store.modified
    assert "partial" in later.messages.text.text()


def test_a_report_of_them_says_it(
    qtbot: QtBot, stopped: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path
    with qtbot.waitSignal(stopped.reporting.written, timeout=TIMEOUT_MS) as done:
        stopped.actions_.file.report.trigger()
    assert "PARTIAL" in done.args[0].read_text(encoding="utf-8")
    (figures,) = tmp_path.glob("*_measurement.json")
    said = json.loads(figures.read_text(encoding="utf-8"))
    assert said["partial"] is True
    assert said["recist_1_1"]["sum_of_diameters_mm"] is None


def test_what_has_not_ended_counts_as_partial_for_who_reads_it_meanwhile(
    opened: MainWindow,
) -> None:
    store = opened.session.store
    store.begin_segmentation()
    store.merge_slab(Slab(0, np.ones((5, 7, 4), np.uint8)))
    assert store.snapshot().partial
    store.end_segmentation(complete=True)
    assert not store.snapshot().partial
