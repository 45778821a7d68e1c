"""Edits by hand in the window: kept over runs and drops, asked about once, marked, and saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QAbstractButton, QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.sidefiles.writing import SideFiles
from liverview.ui.dialogs.questions import Dialogs, EditedLabels, Unsaved
from liverview.ui.jobs import generators
from liverview.ui.main_window import MainWindow
from liverview.ui.state.hand_edits import MEANWHILE

from support.answers import TIMEOUT_MS, Answers
from support.window import Stream, start_segmentation

ORGAN = (Label.LIVER, Label.VESSEL, Label.TUMOR)
NEW, OLD = Box.from_bounds((1, 1, 1), (3, 4, 3)), Box.from_bounds((3, 4, 6), (5, 6, 8))


def voxels_of(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.voxels


def paint(window: MainWindow, box: Box, label: int) -> None:
    with window.session.store.edit(box, "brush") as voxels:
        voxels[...] = label


def network_labels() -> np.ndarray:
    """What the segmentation of the fixture finds."""
    voxels = np.zeros((5, 7, 9), np.uint8)
    voxels[:, :, :4], voxels[:, :, 6:8] = Label.LIVER, Label.TUMOR
    return voxels


def expected_labels() -> np.ndarray:
    voxels = network_labels()
    voxels[NEW], voxels[OLD] = Label.TUMOR, 0
    return voxels


def counted(was: np.ndarray, now: np.ndarray, voxel_ml: float) -> dict[str, dict[str, float]]:
    """Volumes by plain counting, as the JSON has them."""
    found = {}
    for name, values in (("liver", ORGAN), ("vessel", (2,)), ("tumor", (3,))):
        before, after = np.isin(was, values), np.isin(now, values)
        found[name] = {
            "added_ml": np.count_nonzero(after & ~before) * voxel_ml,
            "removed_ml": np.count_nonzero(before & ~after) * voxel_ml,
        }
    return found


@pytest.fixture
def edited(segmented: MainWindow) -> MainWindow:
    """A window whose segmentation has a lesion more and a part less."""
    paint(segmented, NEW, Label.TUMOR)
    paint(segmented, OLD, 0)
    assert np.array_equal(voxels_of(segmented), expected_labels())
    return segmented


def segment(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.actions_.segment.run.trigger()


@pytest.mark.parametrize("keep", [True, False])
def test_segmenting_again_asks_once_and_keeps_edits_or_starts_over(
    qtbot: QtBot, edited: MainWindow, answers: Answers, keep: bool
) -> None:
    answers.edited = EditedLabels(keep, save=False)
    segment(qtbot, edited)
    [asked] = answers.asked
    assert asked.startswith("edited: liver \N{MINUS SIGN}")
    assert asked.endswith("unsaved")
    expected = expected_labels() if keep else network_labels()
    assert np.array_equal(voxels_of(edited), expected)
    assert edited.session.hand_edits.there is keep


def test_a_person_who_cancels_keeps_everything(
    qtbot: QtBot, edited: MainWindow, answers: Answers
) -> None:
    answers.edited = None
    edited.actions_.segment.run.trigger()
    assert not edited.controller.busy
    assert np.array_equal(voxels_of(edited), expected_labels())


def test_labels_can_be_saved_before(
    qtbot: QtBot, edited: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.edited, answers.label_map = EditedLabels(False, save=True), tmp_path / "seg.nii.gz"
    segment(qtbot, edited)
    qtbot.waitUntil(lambda: not edited.controller.busy, timeout=TIMEOUT_MS)
    assert np.array_equal(images.read_labels(answers.label_map).voxels, expected_labels())
    assert np.array_equal(voxels_of(edited), network_labels())


def test_saved_edits_are_asked_about_and_labels_without_edits_as_before(
    qtbot: QtBot, edited: MainWindow, answers: Answers
) -> None:
    edited.session.store.mark_saved()
    answers.edited = EditedLabels(False, save=False)
    segment(qtbot, edited)
    assert not answers.asked.pop().endswith("unsaved")
    answers.unsaved = Unsaved.STAY
    edited.actions_.segment.run.trigger()  # nothing is edited, and nothing is saved
    assert answers.asked == ["unsaved"]
    paint(edited, NEW, Label.TUMOR)
    paint(edited, NEW, Label.LIVER)  # what was taken back is no edit either
    edited.actions_.segment.run.trigger()
    assert answers.asked == ["unsaved"] * 2


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("Keep my edits", EditedLabels(True, save=False)),
        ("Start over", EditedLabels(False, save=False)),
        ("Cancel", None),
        ("Save the labels first", EditedLabels(True, save=True)),
    ],
)
def test_the_question_has_three_answers_and_offers_to_save(
    window: MainWindow, words: str, answer: EditedLabels | None
) -> None:
    texts: list[str] = []

    def choose() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        texts.extend(one.text() for one in box.findChildren(QAbstractButton) if one.isVisible())
        buttons = {text.replace("&", ""): one for one in [*box.buttons(), box.checkBox()]
                   if (text := one.text())}  # fmt: skip
        buttons[words].click()
        if answer is not None and answer.save:
            box.defaultButton().click()

    QTimer.singleShot(0, choose)
    assert Dialogs(window).edited_labels("tumor +1.20 \N{MINUS SIGN}0.30 mL", False) == answer
    keys = [QKeySequence.mnemonic(text).toString() for text in texts]
    assert len(set(keys) - {""}) == len(texts) == 4


def test_edits_win_over_a_segmentation_that_streams(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers
) -> None:
    start_segmentation(qtbot, opened)
    paint(opened, NEW, Label.TUMOR)
    paint(opened, NEW, Label.VESSEL)
    paint(opened, OLD, Label.VESSEL)  # the last slab comes there
    assert opened.messages.text.text() == MEANWHILE
    assert opened.session.store.segmenting
    with qtbot.waitSignal(opened.controller.idle, timeout=TIMEOUT_MS):
        stream.go.set()
    expected = network_labels()
    expected[NEW] = expected[OLD] = Label.VESSEL
    assert np.array_equal(voxels_of(opened), expected)
    assert answers.asked == []


@pytest.mark.parametrize("drop", [True, False])
def test_edits_outlive_a_canceled_segmentation(
    qtbot: QtBot, edited: MainWindow, stream: Stream, answers: Answers, drop: bool
) -> None:
    stream.go.clear()
    answers.edited = EditedLabels(False, save=False)
    edited.actions_.segment.run.trigger()
    qtbot.waitUntil(lambda: bool(voxels_of(edited).any()), timeout=TIMEOUT_MS)
    meanwhile = Box.from_bounds((0, 0, 3), (2, 2, 5))
    paint(edited, meanwhile, Label.VESSEL)
    edited.actions_.segment.cancel.trigger()
    words = [button.text() for button in edited.messages.buttons]
    edited.messages.buttons[words.index("Drop it" if drop else "Keep it")].click()
    found = np.where(np.arange(9) < 4, 1, 0) * np.ones((5, 7, 1), int)
    expected = expected_labels() if drop else found
    expected[meanwhile] = Label.VESSEL
    assert np.array_equal(voxels_of(edited), expected)
    assert edited.session.store.modified
    assert edited.session.hand_edits.there


def test_edits_outlive_a_segmentation_that_fails(
    qtbot: QtBot, edited: MainWindow, stream: Stream, answers: Answers
) -> None:
    stream.go.clear()
    stream.error = MemoryError()
    answers.edited = EditedLabels(False, save=False)
    edited.actions_.segment.run.trigger()
    qtbot.waitUntil(lambda: bool(voxels_of(edited).any()), timeout=TIMEOUT_MS)
    paint(edited, Box.from_bounds((0, 0, 4), (1, 1, 5)), Label.LIVER)
    with qtbot.waitSignal(edited.controller.failed, timeout=TIMEOUT_MS):
        stream.go.set()
    expected = expected_labels()
    expected[0, 0, 4] = Label.LIVER
    assert np.array_equal(voxels_of(edited), expected)


def save(qtbot: QtBot, window: MainWindow, answers: Answers, path: Path) -> dict[str, object]:
    """Save with side files; the JSON."""
    answers.label_map = path
    with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
        window.actions_.file.save_all.trigger()
    content: dict[str, object] = json.loads(SideFiles.of(path).record.read_text(encoding="utf-8"))
    return content


def assert_counted(content: dict[str, object], expected: dict[str, dict[str, float]]) -> None:
    found = content["edited_by_hand"]
    assert isinstance(found, dict)
    assert list(found) == list(expected)
    for name, volumes in expected.items():
        assert found[name] == pytest.approx(volumes, abs=1e-6)


def test_the_json_has_the_volumes_and_carries_them_on(
    qtbot: QtBot, edited: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    path = tmp_path / "seg.nii.gz"
    content = save(qtbot, edited, answers, path)
    stored = nib.load(path)
    voxel_ml = abs(np.linalg.det(stored.affine[:3, :3])) / 1000
    first = counted(network_labels(), expected_labels(), voxel_ml)
    assert first["tumor"]["added_ml"] > 0 < first["liver"]["removed_ml"]
    assert_counted(content, first)
    # Opened again: what was edited before is known, and what comes is added to it.
    edited.controller.loading.open_labels(path)
    qtbot.waitUntil(lambda: edited.session.store.source.file == "seg.nii.gz", timeout=TIMEOUT_MS)
    assert edited.session.hand_edits.volumes[Label.TUMOR].added_ml == pytest.approx(
        first["tumor"]["added_ml"]
    )
    assert not edited.session.hand_edits.there  # nothing differs from the file
    assert not edited.session.store.modified
    before = voxels_of(edited).copy()
    paint(edited, Box.from_bounds((0, 0, 0), (1, 2, 2)), Label.TUMOR)
    second = counted(before, voxels_of(edited), voxel_ml)
    SideFiles.of(path).record.unlink()  # the label map itself says it, too
    both = {
        name: {key: first[name][key] + second[name][key] for key in first[name]} for name in first
    }
    assert_counted(save(qtbot, edited, answers, path), both)


def test_labels_that_nobody_edited_say_so(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    content = save(qtbot, segmented, answers, tmp_path / "seg.nii.gz")
    assert_counted(content, counted(network_labels(), network_labels(), 1))


def test_the_report_says_that_labels_were_edited(
    qtbot: QtBot, edited: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path
    with qtbot.waitSignal(edited.reporting.written, timeout=TIMEOUT_MS) as written:
        edited.actions_.file.report.trigger()
    html = written.args[0].read_text(encoding="utf-8")
    assert "Edited by hand" in html
    [found] = [json.loads(one.read_text(encoding="utf-8")) for one in tmp_path.glob("*.json")]
    assert found["edited_by_hand"]["tumor"]["added_ml"] > 0


class SlowReading:
    """Label maps that are read when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from threading import Event

        self.go = Event()
        self._read = generators.iter_read_labels
        monkeypatch.setattr(generators, "iter_read_labels", self.run)

    def run(self, *arguments: object) -> object:
        from liverview.core.stream import Progress

        while not self.go.wait(0.01):
            yield Progress("Reading", 0.5)
        yield from self._read(*arguments)  # type: ignore[arg-type]


@pytest.fixture
def label_file(edited: MainWindow, write: Callable[..., Path], tmp_path: Path) -> Path:
    assert edited.session.labels is not None
    path = tmp_path / "other.nii.gz"
    volume = edited.session.volume
    assert volume is not None
    other = LabelMap(np.full(volume.shape, Label.VESSEL, np.uint8), volume.affine)
    images.write_labels(path, other, volume)
    return path


@pytest.mark.parametrize("choice", [Unsaved.SAVE, Unsaved.DISCARD, Unsaved.STAY])
def test_opening_a_label_map_asks_about_edits(
    qtbot: QtBot,
    edited: MainWindow,
    answers: Answers,
    label_file: Path,
    tmp_path: Path,
    choice: Unsaved,
) -> None:
    answers.labels, answers.unsaved = label_file, choice
    answers.label_map = tmp_path / "mine.nii.gz"
    edited.actions_.file.open_labels.trigger()
    assert answers.asked[0] == "unsaved"
    if choice is Unsaved.STAY:
        assert np.array_equal(voxels_of(edited), expected_labels())
        return
    qtbot.waitUntil(lambda: edited.session.store.source.file is not None, timeout=TIMEOUT_MS)
    assert (voxels_of(edited) == Label.VESSEL).all()
    assert not edited.session.hand_edits.there
    if choice is Unsaved.SAVE:
        assert np.array_equal(images.read_labels(answers.label_map).voxels, expected_labels())


@pytest.mark.parametrize("choice", [Unsaved.STAY, Unsaved.DISCARD])
def test_what_is_edited_while_a_label_map_is_read_is_asked_about(
    qtbot: QtBot,
    edited: MainWindow,
    answers: Answers,
    label_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    choice: Unsaved,
) -> None:
    reading = SlowReading(monkeypatch)
    edited.session.store.mark_saved()
    answers.labels, answers.unsaved = label_file, choice
    edited.actions_.file.open_labels.trigger()
    assert answers.asked == []
    paint(edited, OLD, Label.LIVER)
    now = voxels_of(edited).copy()
    reading.go.set()
    qtbot.waitUntil(lambda: answers.asked == ["unsaved"], timeout=TIMEOUT_MS)
    if choice is Unsaved.STAY:
        assert np.array_equal(voxels_of(edited), now)
    else:
        assert (voxels_of(edited) == Label.VESSEL).all()


def test_a_label_map_is_not_opened_over_edits_that_stream(
    qtbot: QtBot, edited: MainWindow, stream: Stream, answers: Answers, label_file: Path
) -> None:
    stream.go.clear()
    edited.actions_.segment.run.trigger()
    qtbot.waitUntil(lambda: bool(voxels_of(edited).any()), timeout=TIMEOUT_MS)
    paint(edited, OLD, Label.VESSEL)
    assert not edited.actions_.file.open_labels.isEnabled()
    with qtbot.waitSignal(edited.controller.failed, timeout=TIMEOUT_MS) as failed:
        edited.controller.loading.open_labels(label_file)  # as one that is dropped
    assert failed.args[0].startswith("other.nii.gz was not opened")
    finish_segmentation_with_edits(qtbot, edited, stream)


def finish_segmentation_with_edits(qtbot: QtBot, window: MainWindow, stream: Stream) -> None:
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        stream.go.set()
    assert (voxels_of(window)[OLD] == Label.VESSEL).all()


def test_a_session_knows_what_was_edited(
    qtbot: QtBot,
    edited: MainWindow,
    answers: Answers,
    make_window: Callable[[], MainWindow],
    tmp_path: Path,
) -> None:
    """Marks, figures and what a new run keeps are those of the window that saved it."""
    answers.session_file = tmp_path / "case.liverview"
    with qtbot.waitSignal(edited.controller.saving.saved, timeout=TIMEOUT_MS):
        edited.actions_.file.save_session.trigger()
    qtbot.waitUntil(lambda: not edited.controller.saving.is_running, timeout=TIMEOUT_MS)
    edited.session.hand_edits.refresh()
    volumes = edited.session.hand_edits.volumes
    edited.close()
    other = make_window()
    with qtbot.waitSignal(other.controller.idle, timeout=TIMEOUT_MS):
        other.open(answers.session_file)
    assert np.array_equal(voxels_of(other), expected_labels())
    assert other.session.hand_edits.volumes == volumes
    store = other.session.store
    assert store.labels is not None
    assert np.array_equal(store.hand.result_of(store.labels).voxels, network_labels())
    paint(other, Box.from_bounds((0, 0, 0), (1, 1, 1)), 0)
    store.history.undo()
    other.session.hand_edits.refresh()
    assert other.session.hand_edits.volumes == volumes
    segment(qtbot, other)
    assert np.array_equal(voxels_of(other), expected_labels())
