"""The window as a person uses it: open, look, segment, cancel, save, close."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtCore import QByteArray, QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDropEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from liverview.core.labels import FOREGROUND, DrawStyle, Label, default_styles
from liverview.core.stream import Message, Progress, Slab
from liverview.core.volume import LabelMap, Plane
from liverview.files import images
from liverview.phantom.config import PhantomConfig
from liverview.ui.dialogs.questions import Dialogs, Unsaved
from liverview.ui.jobs import generators
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Convention

from support.answers import TIMEOUT_MS, Answers
from support.odd_scans import oriented

Write = Callable[..., Path]
MakeWindow = Callable[..., MainWindow]


@pytest.fixture
def scan(write: Write) -> Path:
    voxels, affine = oriented("LPS")
    voxels[voxels == voxels.max()] = -1000  # a scan without air would be remarked upon
    return write(voxels, affine, name="scan.nii.gz")


def open_scan(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.open(path)


@pytest.fixture
def opened(qtbot: QtBot, window: MainWindow, scan: Path) -> MainWindow:
    open_scan(qtbot, window, scan)
    return window


class Stream:
    """A segmentation that goes on only when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[object] = []
        self.go = Event()
        self.closed = Event()
        self.error: Exception | None = None
        monkeypatch.setattr(generators, "iter_segment", self.run)

    def run(self, *arguments: object) -> Iterator[object]:
        self.arguments = arguments
        try:
            yield Progress("Looking", 0.1)
            yield from self.steps
            while not self.go.wait(0.01):
                yield Progress("Refining", 0.5)
            if self.error is not None:
                raise self.error
            yield Slab(6, np.full((5, 7, 2), Label.TUMOR, np.uint8))
        finally:
            self.closed.set()


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    made = Stream(monkeypatch)
    made.steps = [Slab(0, np.ones((5, 7, 4), np.uint8))]
    yield made
    made.go.set()


def label_sum(window: MainWindow) -> int:
    assert window.session.labels is not None
    return int(window.session.labels.voxels.sum())


def start(qtbot: QtBot, window: MainWindow) -> None:
    """Press Segment and wait for the first slab."""
    with qtbot.waitSignal(window.session.labels_changed, timeout=TIMEOUT_MS):
        window.actions_.segment.trigger()
    qtbot.waitUntil(lambda: label_sum(window) > 0, timeout=TIMEOUT_MS)


def finish(qtbot: QtBot, window: MainWindow, stream: Stream) -> None:
    """Let the segmentation run to its end, where the last slab is in."""
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        stream.go.set()
    assert window.session.labels is not None
    assert (window.session.labels.voxels[:, :, 6:8] == Label.TUMOR).all()


# ---- opening -----------------------------------------------------------------------------


def test_an_empty_window_offers_to_open(window: MainWindow) -> None:
    assert window.start_page.isVisible()
    assert not window.actions_.segment.isEnabled()
    assert not window.actions_.save.isEnabled()
    assert window.windowTitle() == "liverview"


def test_open_from_the_menu(qtbot: QtBot, window: MainWindow, answers: Answers, scan: Path) -> None:
    answers.scan = scan
    with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
        window.actions_.open.trigger()
    assert window.views.isVisible()
    assert window.session.volume is not None
    assert window.session.volume.shape == (5, 7, 9)
    assert window.windowTitle().startswith("scan")
    qtbot.waitUntil(lambda: not window.controller.busy)
    assert window.actions_.segment.isEnabled()


def test_a_dialog_that_is_canceled_changes_nothing(window: MainWindow) -> None:
    for action in (window.actions_.open, window.actions_.phantom):
        action.trigger()
    assert window.session.volume is None


def test_a_file_is_dropped(qtbot: QtBot, window: MainWindow, scan: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(scan))])
    event = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
        window.dropEvent(event)


def test_bad_files_are_one_sentence_and_the_window_stays_usable(
    qtbot: QtBot, window: MainWindow, scan: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(scan.read_bytes()[:-40])
    missing, folder = tmp_path / "none.nii", tmp_path / "folder"
    folder.mkdir()
    for path, word in ((bad, "incomplete"), (missing, "does not exist"), (folder, "folder")):
        with qtbot.waitSignal(window.controller.failed, timeout=TIMEOUT_MS):
            window.open(path)
        assert word in window.messages.text.text()
        assert str(path) in window.messages.text.text()
        assert window.messages.isVisible()
        assert window.start_page.isVisible()
        qtbot.waitUntil(lambda: not window.controller.busy)
    open_scan(qtbot, window, scan)
    assert window.session.volume is not None
    assert window.messages.isHidden()


def test_a_bad_file_leaves_the_open_one(qtbot: QtBot, opened: MainWindow, tmp_path: Path) -> None:
    before = opened.session.volume
    with qtbot.waitSignal(opened.controller.failed, timeout=TIMEOUT_MS):
        opened.open(tmp_path / "none.nii")
    assert opened.session.volume is before
    assert opened.session.path is not None
    assert opened.session.path.name == "scan.nii.gz"


def test_remarks_about_a_scan_are_shown(qtbot: QtBot, window: MainWindow, write: Write) -> None:
    path = write(np.zeros((4, 5, 6), np.int16) + 3, name="flat.nii")
    with qtbot.waitSignal(window.controller.message, timeout=TIMEOUT_MS):
        window.open(path)
    qtbot.waitUntil(lambda: "value 3" in window.messages.text.text())


def test_one_volume_of_several_is_asked_for(
    qtbot: QtBot, window: MainWindow, write: Write, answers: Answers
) -> None:
    four = np.stack([oriented("RAS")[0] + n for n in range(3)], axis=3)
    path = write(four, oriented("RAS")[1], name="four.nii.gz")
    answers.number = 2
    with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
        window.open(path)
    assert answers.asked == ["one of 3"]
    assert window.session.volume is not None
    assert window.session.volume.hu_at((0, 0, 0)) == 2
    answers.number = None  # the person cancels: what is open stays
    before = window.session.volume
    qtbot.waitUntil(lambda: not window.controller.busy)
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.open(path)
    assert window.session.volume is before


def test_a_phantom_is_generated(qtbot: QtBot, window: MainWindow, answers: Answers) -> None:
    answers.config = PhantomConfig((40, 36, 12), (9.0, 9.0, 18.0), seed=2)
    with qtbot.waitSignal(window.session.volume_changed, timeout=TIMEOUT_MS):
        window.actions_.phantom.trigger()
    assert window.session.volume is not None
    assert window.session.volume.name == "phantom-2"
    assert window.session.path is None
    qtbot.waitUntil(lambda: not window.controller.busy)


def test_recent_files_are_offered(
    qtbot: QtBot, make_window: MakeWindow, scan: Path, tmp_path: Path
) -> None:
    window = make_window()
    open_scan(qtbot, window, scan)
    again = make_window()
    (action,) = again.actions_.recent.actions()
    assert action.text() == f"{scan.parent.name}/scan.nii.gz"
    with qtbot.waitSignal(again.controller.opened, timeout=TIMEOUT_MS):
        action.trigger()
    scan.unlink()
    qtbot.waitUntil(lambda: not again.controller.busy)
    assert make_window().actions_.recent.actions() == []


# ---- segmenting --------------------------------------------------------------------------


def test_labels_stream_in_while_the_window_works(
    qtbot: QtBot, opened: MainWindow, stream: Stream
) -> None:
    opened.session.set_crosshair((1, 2, 3))
    start(qtbot, opened)
    assert stream.arguments[1:] == ("auto", (1, 2, 3), False)
    assert opened.session.labels is not None
    assert opened.session.labels.voxels[:, :, :4].all()
    assert not opened.session.labels.voxels[:, :, 4:].any()
    assert opened.actions_.cancel.isVisible()
    assert not opened.actions_.segment.isVisible()
    assert not opened.actions_.save.isEnabled()
    assert not opened.progress.isHidden()
    opened.session.set_crosshair((0, 0, 0))  # the person looks around meanwhile
    finish(qtbot, opened, stream)
    assert opened.actions_.segment.isVisible()
    assert opened.actions_.save.isEnabled()
    assert opened.progress.isHidden()
    assert opened.isWindowModified()


@pytest.mark.parametrize("choice", ["Keep it", "Drop it", "close"])
def test_cancel_keeps_or_drops_what_was_found(
    qtbot: QtBot, opened: MainWindow, stream: Stream, choice: str
) -> None:
    start(qtbot, opened)
    found = label_sum(opened)
    with qtbot.waitSignal(opened.controller.segmented, timeout=TIMEOUT_MS):
        opened.actions_.cancel.trigger()
    assert opened.session.progress is None
    qtbot.waitUntil(stream.closed.is_set)
    buttons = {button.text(): button for button in opened.messages.buttons}
    assert set(buttons) == {"Keep it", "Drop it"}
    buttons.get(choice, opened.messages.close_button).click()
    assert label_sum(opened) == (0 if choice == "Drop it" else found)
    assert opened.session.modified == (choice != "Drop it")
    assert opened.messages.isHidden()
    qtbot.waitUntil(lambda: opened.actions_.segment.isVisible())


def test_cancel_before_anything_was_found_goes_back(
    qtbot: QtBot, opened: MainWindow, stream: Stream
) -> None:
    stream.steps = []
    opened.actions_.segment.trigger()
    with qtbot.waitSignal(opened.controller.segmented, timeout=TIMEOUT_MS):
        opened.actions_.cancel.trigger()
    assert opened.messages.isHidden()
    assert not opened.session.modified


def test_canceling_keeps_older_labels_until_something_new_came(
    qtbot: QtBot, opened: MainWindow, stream: Stream
) -> None:
    start(qtbot, opened)
    with qtbot.waitSignal(opened.controller.idle, timeout=TIMEOUT_MS):
        stream.go.set()
    before = label_sum(opened)
    stream.go.clear()
    stream.steps = []
    opened.actions_.segment.trigger()
    with qtbot.waitSignal(opened.controller.segmented, timeout=TIMEOUT_MS):
        opened.actions_.cancel.trigger()
    assert label_sum(opened) == before
    assert opened.session.modified


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
    start(qtbot, opened)
    with qtbot.waitSignal(opened.controller.failed, timeout=TIMEOUT_MS):
        stream.go.set()
    qtbot.waitUntil(lambda: not opened.controller.busy)
    assert words in opened.messages.text.text()
    assert label_sum(opened) == 0
    assert opened.actions_.segment.isEnabled()
    if isinstance(error, RuntimeError):
        opened.messages.buttons[0].click()
        assert "shape mismatch" in opened.messages.text.text()


def test_notices_are_shown(qtbot: QtBot, opened: MainWindow, stream: Stream) -> None:
    stream.steps = [Message("No liver was found in this scan.")]
    with qtbot.waitSignal(opened.controller.message, timeout=TIMEOUT_MS):
        opened.actions_.segment.trigger()
    assert opened.messages.text.text() == "No liver was found in this scan."


def test_a_new_scan_ignores_the_slabs_of_the_old_one(
    qtbot: QtBot, opened: MainWindow, stream: Stream, write: Write
) -> None:
    other = write(np.zeros((8, 8, 3), np.int16) - 500, name="other.nii")
    start(qtbot, opened)
    with qtbot.waitSignal(opened.controller.opened, timeout=TIMEOUT_MS):
        opened.open(other)
    qtbot.waitUntil(stream.closed.is_set)
    qtbot.waitUntil(lambda: not opened.controller.busy)
    assert opened.session.volume is not None
    assert opened.session.volume.shape == (8, 8, 3)
    assert label_sum(opened) == 0
    assert not opened.session.segmenting
    assert opened.actions_.segment.isEnabled()


def test_segmenting_twice(qtbot: QtBot, opened: MainWindow, stream: Stream) -> None:
    stream.go.set()
    for _ in range(2):
        with qtbot.waitSignal(opened.controller.idle, timeout=TIMEOUT_MS):
            opened.actions_.segment.trigger()
        assert label_sum(opened) == 5 * 7 * 4 + 5 * 7 * 2 * 3


def test_unsaved_labels_are_asked_about_before_they_are_replaced(
    qtbot: QtBot, segmented: MainWindow, answers: Answers
) -> None:
    before = label_sum(segmented)
    answers.unsaved = Unsaved.STAY
    segmented.actions_.segment.trigger()
    assert answers.asked == ["unsaved"]
    assert not segmented.controller.busy
    assert label_sum(segmented) == before


def test_what_cannot_be_opened_leaves_the_segmentation_running(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers, tmp_path: Path
) -> None:
    start(qtbot, opened)
    with qtbot.waitSignal(opened.controller.failed, timeout=TIMEOUT_MS):
        opened.open(tmp_path / "none.nii")
    assert answers.asked == []
    assert not stream.closed.is_set()
    finish(qtbot, opened, stream)


def test_a_person_who_stays_keeps_the_running_segmentation(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers, write: Write
) -> None:
    other = write(np.zeros((8, 8, 3), np.int16) - 500, name="other.nii")
    start(qtbot, opened)
    answers.unsaved = Unsaved.STAY
    opened.open(other)
    qtbot.waitUntil(lambda: answers.asked == ["unsaved, segmenting"], timeout=TIMEOUT_MS)
    assert opened.session.volume.shape == (5, 7, 9)
    finish(qtbot, opened, stream)


def test_remarks_stay_when_segmentation_starts(
    qtbot: QtBot, window: MainWindow, stream: Stream, write: Write, answers: Answers
) -> None:
    open_scan(qtbot, window, write(np.full((5, 7, 9), 200, np.uint8), name="gray.nii"))
    assert "value 200" in window.messages.text.text()
    stream.go.set()
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.actions_.segment.trigger()
    assert "value 200" in window.messages.text.text()
    window.actions_.scan_info.trigger()
    assert answers.asked == ["scan info of gray"]


def test_questions_about_an_old_case_go_with_it(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers
) -> None:
    start(qtbot, opened)
    opened.actions_.cancel.trigger()
    assert opened.messages.buttons
    answers.config = PhantomConfig((40, 36, 12), (9.0, 9.0, 18.0), seed=2)
    with qtbot.waitSignal(opened.session.volume_changed, timeout=TIMEOUT_MS):
        opened.actions_.phantom.trigger()
    assert opened.messages.isHidden()


def test_segment_while_segmenting_does_nothing(
    qtbot: QtBot, opened: MainWindow, stream: Stream
) -> None:
    start(qtbot, opened)
    job = opened.controller._segmentation
    opened.segment()
    assert opened.controller._segmentation is job is not None


# ---- saving ------------------------------------------------------------------------------


@pytest.fixture
def segmented(qtbot: QtBot, opened: MainWindow, stream: Stream) -> MainWindow:
    stream.go.set()
    with qtbot.waitSignal(opened.controller.idle, timeout=TIMEOUT_MS):
        opened.actions_.segment.trigger()
    return opened


def test_save_the_label_map(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path, scan: Path
) -> None:
    answers.label_map = tmp_path / "labels.nii.gz"
    with qtbot.waitSignal(segmented.controller.saved, timeout=TIMEOUT_MS):
        segmented.actions_.save.trigger()
    assert answers.asked == ["scan_seg.nii.gz"]
    assert "Saved and verified" in segmented.statusBar().currentMessage()
    assert not segmented.session.modified
    assert not segmented.isWindowModified()
    assert segmented.actions_.save.isEnabled()  # a second copy is nobody's harm
    assert segmented.session.labels is not None
    saved = images.read_labels(answers.label_map)
    assert np.array_equal(saved.voxels, segmented.session.labels.voxels)
    assert np.array_equal(nib.load(answers.label_map).affine, nib.load(scan).affine)


def test_side_files_carry_the_colors_of_the_session(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    segmented.session.set_style(Label.TUMOR, color=(9, 8, 7))
    answers.label_map = tmp_path / "labels.nii.gz"
    with qtbot.waitSignal(segmented.controller.saved, timeout=TIMEOUT_MS):
        segmented.actions_.save_all.trigger()
    assert answers.asked == ["scan_seg.nii.gz"]
    assert not segmented.session.modified
    assert " 9 8 7 255" in (tmp_path / "labels.ctbl").read_text()
    assert "9    8    7" in (tmp_path / "labels.txt").read_text()
    record = json.loads((tmp_path / "labels.json").read_text())
    assert [row["color_rgb"] for row in record["labels"]][2] == [9, 8, 7]
    assert set(record["weights_sha256"]) == {"coarse.safetensors", "fine.safetensors"}
    table = nib.load(answers.label_map).header.extensions[0].get_content()
    assert f'Blue="{7 / 255:.6g}"'.encode() in table
    # Once more: what lies beside is asked about, which the file dialog has not done.
    before = (tmp_path / "labels.json").stat().st_mtime_ns
    answers.replace = False
    segmented.actions_.save_all.trigger()
    assert answers.asked[1:] == ["scan_seg.nii.gz", "replace"]
    assert not segmented.controller.saving
    assert (tmp_path / "labels.json").stat().st_mtime_ns == before


def test_save_masks_asks_before_it_replaces(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path
    with qtbot.waitSignal(segmented.controller.saved, timeout=TIMEOUT_MS):
        segmented.actions_.save_masks.trigger()
    assert answers.asked == []
    names = {f"scan_{label.name.lower()}.nii.gz" for label in FOREGROUND}
    assert names <= {path.name for path in tmp_path.iterdir()}
    answers.replace = False
    segmented.actions_.save_masks.trigger()
    assert answers.asked == ["replace"]
    assert not segmented.controller._live


def test_the_scan_itself_is_never_replaced(
    segmented: MainWindow, answers: Answers, scan: Path, tmp_path: Path
) -> None:
    before = scan.read_bytes()
    link = tmp_path / "link.nii.gz"
    link.symlink_to(scan)
    for path in (scan, link):
        answers.label_map = path
        segmented.actions_.save.trigger()
        assert "the open scan itself" in segmented.messages.text.text()
        assert not segmented.controller.saving
    assert scan.read_bytes() == before


@pytest.mark.parametrize("may", [False, True])
def test_a_name_that_is_completed_is_asked_about(
    segmented: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, may: bool
) -> None:
    """The file dialog has seen another name than the one that would be replaced."""
    asked: list[list[Path]] = []
    dialogs = Dialogs(segmented)
    monkeypatch.setattr(dialogs, "may_replace", lambda paths: asked.append(paths) or may)
    chosen = tmp_path / "labels"
    for ask, ending in ((dialogs.label_map_to_write, ".nii.gz"), (dialogs.image_to_write, ".png")):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(chosen), ""))
        completed = chosen.with_name(f"labels{ending}")
        assert ask(chosen) == completed
        assert asked == []
        completed.write_text("something")
        assert ask(chosen) == (completed if may else None)
        assert asked == [[completed]]
        asked.clear()


class SlowSave:
    """Saves that go on only when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = Event()
        self._write = generators.iter_write_labels
        monkeypatch.setattr(generators, "iter_write_labels", self.run)

    def run(self, *arguments: object) -> Iterator[object]:
        while not self.go.wait(0.01):
            yield Progress("Saving", 0.5)
        yield from self._write(*arguments)  # type: ignore[arg-type]


@pytest.fixture
def slow_save(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowSave]:
    made = SlowSave(monkeypatch)
    yield made
    made.go.set()


def test_a_save_that_ends_late_says_nothing_about_newer_labels(
    qtbot: QtBot, segmented: MainWindow, slow_save: SlowSave, answers: Answers, tmp_path: Path
) -> None:
    answers.label_map = tmp_path / "labels.nii.gz"
    segmented.actions_.save.trigger()
    assert not segmented.actions_.save.isEnabled()  # one save at a time
    segmented.session.begin_segmentation()  # other labels take the place of those
    segmented.session.merge_slab(Slab(0, np.ones((5, 7, 1), np.uint8)))
    segmented.session.end_segmentation(complete=True)
    with qtbot.waitSignal(segmented.controller.saved, timeout=TIMEOUT_MS):
        slow_save.go.set()
    assert answers.label_map.exists()
    assert segmented.session.modified
    assert segmented.actions_.save.isEnabled()


def test_closing_waits_for_a_save(
    qtbot: QtBot, segmented: MainWindow, slow_save: SlowSave, answers: Answers, tmp_path: Path
) -> None:
    answers.label_map = tmp_path / "labels.nii.gz"
    segmented.actions_.save.trigger()
    segmented.close()
    assert segmented.isVisible()
    slow_save.go.set()
    qtbot.waitUntil(lambda: not segmented.isVisible(), timeout=TIMEOUT_MS)
    assert answers.label_map.exists()
    assert "unsaved" not in answers.asked


def test_saving_what_is_still_being_found_stops_the_search(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers, tmp_path: Path
) -> None:
    start(qtbot, opened)
    answers.unsaved, answers.label_map = Unsaved.SAVE, tmp_path / "labels.nii.gz"
    opened.close()
    assert answers.asked[0] == "unsaved, segmenting"
    qtbot.waitUntil(lambda: not opened.isVisible(), timeout=TIMEOUT_MS)
    assert stream.closed.is_set()
    assert images.read_labels(answers.label_map).voxels.sum() == 5 * 7 * 4


def test_no_question_outlives_its_case(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, write: Write, tmp_path: Path
) -> None:
    """A scan that is loaded behind the file dialog waits until the labels are named."""
    other = write(np.zeros((8, 8, 3), np.int16) - 500, name="other.nii")
    before, found = segmented.session.volume, label_sum(segmented)
    target = tmp_path / "labels.nii.gz"

    def choose_slowly(suggested: Path) -> Path:
        with qtbot.waitSignal(segmented.controller.loaded, timeout=TIMEOUT_MS):
            segmented.open(other)
        QApplication.processEvents()
        assert segmented.session.volume is before
        return target

    answers.label_map_to_write = choose_slowly  # type: ignore[method-assign]
    with qtbot.waitSignal(segmented.controller.opened, timeout=TIMEOUT_MS):
        segmented.actions_.save.trigger()
    assert images.read_labels(target).voxels.sum() == found
    assert segmented.session.volume is not before


def test_saving_a_running_segmentation_stops_it_and_nothing_else(
    qtbot: QtBot,
    opened: MainWindow,
    stream: Stream,
    answers: Answers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start(qtbot, opened)
    monkeypatch.setattr(generators, "iter_load_volume", lambda *a: iter(Never(stream.go)))
    opened.open(tmp_path / "slow.nii")
    answers.unsaved, answers.label_map = Unsaved.SAVE, tmp_path / "labels.nii.gz"
    opened.close()
    qtbot.waitUntil(lambda: not opened.isVisible(), timeout=TIMEOUT_MS)
    assert images.read_labels(answers.label_map).voxels.sum() == 5 * 7 * 4


class Never:
    """A loading that takes as long as the test."""

    def __init__(self, end: Event) -> None:
        self.end = end

    def __iter__(self) -> Iterator[object]:
        while not self.end.wait(0.01):
            yield Progress("Reading", 0.5)


def test_nothing_is_saved_where_there_is_nothing(
    qtbot: QtBot, opened: MainWindow, tmp_path: Path
) -> None:
    opened.controller.save_labels(tmp_path / "labels.nii.gz")
    assert "nothing to save" in opened.messages.text.text()
    assert not (tmp_path / "labels.nii.gz").exists()


def test_a_failing_save_keeps_the_labels_unsaved(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.label_map = tmp_path / "gone" / "labels.nii.gz"
    with qtbot.waitSignal(segmented.controller.failed, timeout=TIMEOUT_MS):
        segmented.actions_.save.trigger()
    assert "folder" in segmented.messages.text.text()
    assert segmented.session.modified


def test_save_a_screenshot(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.image = tmp_path / "window.png"
    segmented.actions_.screenshot.trigger()
    assert answers.image.stat().st_size > 1000
    answers.image = tmp_path / "gone" / "window.png"
    segmented.actions_.screenshot.trigger()
    assert "could not be written" in segmented.messages.text.text()


# ---- unsaved labels, closing, restarting ---------------------------------------------------


@pytest.mark.parametrize("choice", Unsaved)
def test_closing_asks_about_unsaved_labels(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path, choice: Unsaved
) -> None:
    answers.unsaved, answers.label_map = choice, tmp_path / "labels.nii.gz"
    segmented.close()
    assert answers.asked[0] == "unsaved"
    if choice is Unsaved.STAY:
        assert segmented.isVisible()
    else:
        qtbot.waitUntil(lambda: not segmented.isVisible(), timeout=TIMEOUT_MS)
    assert answers.label_map.exists() == (choice is Unsaved.SAVE)


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
    with qtbot.waitSignal(segmented.controller.saved, timeout=TIMEOUT_MS):
        segmented.actions_.save.trigger()
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


def test_closing_while_it_works_waits_for_every_job(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers
) -> None:
    start(qtbot, opened)
    opened.controller.warm_up()
    jobs = list(opened.controller._live)
    assert len(jobs) == 2
    answers.unsaved = Unsaved.DISCARD
    opened.close()
    assert stream.closed.is_set()
    assert not any(job.isRunning() for job in jobs)


def test_nothing_begins_once_the_window_is_closed(
    opened: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop may come to the warm-up only then, and its thread would outlive Qt."""
    begun: list[str] = []
    monkeypatch.setattr(generators, "iter_warm_up", lambda: iter(begun.append("warm-up") or ()))
    opened.close()
    opened.controller.warm_up()
    assert begun == []


def test_window_and_looks_survive_a_restart(make_window: MakeWindow) -> None:
    first = make_window()
    first.resize(701, 603)
    first.session.set_window(90, 150)
    first.actions_.look.radiological.trigger()
    first.session.set_style(
        Label.TUMOR, color=(1, 2, 3), opacity=0.25, draw_style=DrawStyle.OUTLINED, visible=False
    )
    first.panels.network.keep.click()
    first.close()
    second = make_window()
    assert (second.size().width(), second.size().height()) == (701, 603)
    assert (second.session.level, second.session.width) == (90, 150)
    assert second.session.convention is Convention.NEUROLOGICAL
    assert not second.actions_.look.radiological.isChecked()
    assert second.actions_.look.preset.currentText().startswith("Liver")
    tumor, liver = (second.session.styles[label] for label in (Label.TUMOR, Label.LIVER))
    assert (tumor.color, tumor.opacity, tumor.draw_style) == ((1, 2, 3), 0.25, DrawStyle.OUTLINED)
    assert tumor.visible
    assert liver == default_styles()[Label.LIVER]
    assert second.controller.keep_maps
    assert second.panels.network.keep.isChecked()


def test_settings_that_make_no_sense_are_left(make_window: MakeWindow, tmp_path: Path) -> None:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    settings.setValue("geometry", QByteArray(b"garbage"))
    settings.setValue("level", "nan")
    settings.setValue("width", "wide")
    settings.setValue("convention", "upside down")
    settings.setValue("labels/liver", "red green blue")
    settings.setValue("labels/vessel", "1 2 3 nan BOTH")
    settings.setValue("labels/tumor", "1 2 3 0.5 DOTTED")
    settings.setValue("recent", [f"/{'long' * 200}/scan.nii.gz", "/no/such/file.nii"])
    settings.sync()
    window = make_window()
    assert (window.session.level, window.session.width) == (40, 400)
    assert window.session.convention is Convention.RADIOLOGICAL
    assert window.session.styles == default_styles()
    assert window.width() > 1000
    assert window.actions_.recent.actions() == []


# ---- looking -----------------------------------------------------------------------------


def test_wheel_and_keys_stay_with_the_views(opened: MainWindow) -> None:
    device = opened.actions_.device
    before = device.currentIndex()
    event = QWheelEvent(
        QPointF(5, 5),
        device.mapToGlobal(QPointF(5, 5)),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(device, event)
    assert device.currentIndex() == before
    takes_click = Qt.FocusPolicy.ClickFocus.value
    assert not device.focusPolicy().value & takes_click
    assert not opened.actions_.look.preset.focusPolicy().value & takes_click


def test_values_that_are_no_hu_get_a_window_of_their_own(
    qtbot: QtBot, window: MainWindow, write: Write, scan: Path
) -> None:
    window.session.set_window(90, 150)
    ramp = np.linspace(0, 1, 5 * 7 * 9, dtype=np.float32).reshape(5, 7, 9)
    open_scan(qtbot, window, write(ramp, name="ramp.nii"))
    assert 0.8 < window.session.width < 1
    assert window.session.level == pytest.approx(0.5, abs=0.05)
    assert "value 0." in window.readout.text()
    assert "HU" not in window.readout.text()
    open_scan(qtbot, window, scan)
    assert (window.session.level, window.session.width) == (90, 150)


def test_the_readout_follows_what_moves_under_a_still_pointer(
    qtbot: QtBot, opened: MainWindow
) -> None:
    view = opened.views.by_plane[Plane.AXIAL]
    view.refresh()
    at = view.widget_position((1, 2, opened.session.crosshair[2])).toPoint()
    qtbot.mouseMove(view.viewport(), at)
    qtbot.waitUntil(lambda: opened.readout.text().startswith("voxel 1 2 4"))
    opened.session.step_slices(Plane.AXIAL, 2)
    assert opened.readout.text().startswith("voxel 1 2 6")
    opened.session.begin_segmentation()
    opened.session.merge_slab(Slab(6, np.full((5, 7, 1), Label.VESSEL, np.uint8)))
    assert opened.readout.text().endswith("Vessels")
    opened.session.end_segmentation(complete=True)
    opened.session.mark_saved()


def test_keys_toggle_layers_and_choose_windows(qtbot: QtBot, opened: MainWindow) -> None:
    session, view = opened.session, opened.views.by_plane[Plane.AXIAL]
    view.setFocus()
    for key, label in ((Qt.Key.Key_L, Label.LIVER), (Qt.Key.Key_V, Label.VESSEL)):
        qtbot.keyClick(opened, key)
        assert not session.styles[label].visible
    qtbot.keyClick(opened, Qt.Key.Key_S)  # one is still shown: hide all
    assert not any(session.styles[label].visible for label in FOREGROUND)
    qtbot.keyClick(opened, Qt.Key.Key_S)
    assert all(session.styles[label].visible for label in FOREGROUND)
    before = session.styles[Label.TUMOR].opacity
    qtbot.keyClick(opened, Qt.Key.Key_BracketRight)
    assert session.styles[Label.TUMOR].opacity == pytest.approx(before + 0.1)
    for key, window in (
        (Qt.Key.Key_2, (150, 90)),
        (Qt.Key.Key_3, (1800, 400)),
        (Qt.Key.Key_4, (1500, -600)),
        (Qt.Key.Key_1, (400, 40)),
    ):
        qtbot.keyClick(opened, key)
        assert (session.width, session.level) == window
    qtbot.keyClick(opened, Qt.Key.Key_0)
    assert opened.actions_.look.preset.currentIndex() == -1
    qtbot.keyClick(opened, Qt.Key.Key_X)
    qtbot.keyClick(opened, Qt.Key.Key_H)
    assert not session.show_crosshair
    assert not session.show_text


def test_a_preset_is_chosen_from_the_toolbar(opened: MainWindow) -> None:
    opened.actions_.look.preset.activated.emit(3)
    assert (opened.session.width, opened.session.level) == (1500, -600)


def test_the_convention_is_switched(qtbot: QtBot, opened: MainWindow) -> None:
    qtbot.keyClick(opened, Qt.Key.Key_N)
    assert opened.session.convention is Convention.NEUROLOGICAL
    qtbot.keyClick(opened, Qt.Key.Key_N)
    assert opened.session.convention is Convention.RADIOLOGICAL


@pytest.mark.parametrize("plane", Plane)
def test_a_double_click_gives_one_view_all_the_space_and_back(
    qtbot: QtBot, opened: MainWindow, plane: Plane
) -> None:
    view = opened.views.by_plane[plane]
    before = view.size()
    qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton)
    assert [p for p, v in opened.views.by_plane.items() if v.isVisible()] == [plane]
    QApplication.processEvents()
    assert view.width() > 0.95 * opened.views.width()
    qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton)
    assert all(v.isVisible() for v in opened.views.by_plane.values())
    QApplication.processEvents()
    assert view.size() == before


def test_reset_shows_everything_again(qtbot: QtBot, opened: MainWindow) -> None:
    opened.views.toggle_maximized(Plane.CORONAL)
    opened.session.set_crosshair((0, 0, 0))
    opened.views.by_plane[Plane.AXIAL].zoom(5)
    qtbot.keyClick(opened, Qt.Key.Key_R)
    assert opened.views.maximized is None
    assert opened.session.crosshair == (2, 3, 4)


def test_the_readout_follows_the_pointer(qtbot: QtBot, opened: MainWindow) -> None:
    opened.views.by_plane[Plane.AXIAL].hovered.emit((1, 2, 3))
    assert opened.readout.text().startswith("voxel 1 2 3")
    assert "123 HU" in opened.readout.text()


def test_every_command_has_words_a_tooltip_and_its_own_shortcut(window: MainWindow) -> None:
    actions = [a for menu in window.menuBar().actions() for a in _leaves(menu.menu())]
    keys = [a.shortcut().toString() for a in actions if not a.shortcut().isEmpty()]
    assert len(keys) == len(set(keys)) >= 20
    assert all(a.text() and a.toolTip() for a in actions)


def _leaves(menu: object) -> Iterator[object]:
    for action in menu.actions():  # type: ignore[attr-defined]
        if action.menu() is not None:
            yield from _leaves(action.menu())
        elif not action.isSeparator():
            yield action


def test_five_thousand_crosshair_steps(qtbot: QtBot, opened: MainWindow) -> None:
    """Every step goes through signals, views and the status bar."""
    rng = np.random.default_rng(0)
    for n, voxel in enumerate(rng.integers(0, (5, 7, 9), (5000, 3))):
        opened.session.set_crosshair(tuple(int(v) for v in voxel))  # type: ignore[arg-type]
        if n % 10 == 0:
            QApplication.processEvents()
    for view in opened.views.by_plane.values():
        view.refresh()
        assert view._index == opened.session.crosshair[view.plane.axis]


def test_slices_come_from_a_turned_copy_once_it_is_there(
    window: MainWindow, scan: Path, qtbot: QtBot
) -> None:
    """The views show the same, and the copy is dropped with its volume."""
    with qtbot.waitSignal(window.controller.idle):
        window.open(scan)
    session = window.session
    qtbot.waitUntil(lambda: session._turned is not None)
    assert session.volume is not None
    plane = Plane.least_contiguous(session.volume.voxels)
    for index in range(session.volume.shape[plane.axis]):
        voxel = list(session.crosshair)
        voxel[plane.axis] = index
        session.set_crosshair((voxel[0], voxel[1], voxel[2]))
        shown = session.slice_values(plane)
        assert np.array_equal(shown, plane.slice_of(session.volume.voxels, index))
        assert np.shares_memory(shown, session._turned)
    session.open(session.volume)
    assert not np.shares_memory(session.slice_values(plane), shown)


def test_labels_that_hold_still_are_turned_as_well(opened: MainWindow, qtbot: QtBot) -> None:
    session = opened.session
    assert session.volume is not None
    voxels = np.zeros(session.volume.shape, np.uint8, order="F")
    voxels[2:6, 3:7, 4:8] = Label.LIVER
    session.open_labels(LabelMap(voxels, session.volume.affine))
    qtbot.waitUntil(lambda: session._turned_labels is not None)
    plane = Plane.least_contiguous(voxels)
    session.set_crosshair((4, 5, 6))
    found = session.slice_labels(plane)
    assert found is not None
    assert np.shares_memory(found[0], session._turned_labels)
    assert (found[0] == Label.LIVER).all()
    session.open_labels(LabelMap(voxels.copy(order="F"), session.volume.affine))
    assert session._turned_labels is None
