"""Session files in the window: saved, opened in every way, and what can go wrong."""

from __future__ import annotations

import errno
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.cli.main import main
from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.review import LesionMark, Verdict
from liverview.core.volume import Plane
from liverview.files.sessions import container
from liverview.files.sessions.lock import lock_path
from liverview.measurement.markup.shapes import Ruler
from liverview.phantoms.config import PhantomConfig
from liverview.ui import app
from liverview.ui.dialogs.questions import Unsaved
from liverview.ui.dialogs.session_questions import Changed
from liverview.ui.jobs import generators
from liverview.ui.main_window import MainWindow
from liverview.ui.settings import recent_scans
from liverview.ui.views.linked_views import Layout

from support.answers import TIMEOUT_MS, Answers
from support.odd_scans import oriented
from support.sessions import members_of, write_members
from support.window import SlowSave, Stream, start_segmentation

Write = Callable[..., Path]
MakeWindow = Callable[[], MainWindow]


def draw(window: MainWindow, label: Label = Label.LIVER) -> None:
    """A block of a label, and a lesion in it that is no target."""
    session = window.session
    with session.store.edit(Box.of_shape(session.volume.shape), "brush") as voxels:
        voxels[1:4, 1:6, 1:8] = label
        voxels[2, 3:5, 4:6] = Label.TUMOR


def mark_lesion(window: MainWindow) -> None:
    mark = LesionMark(
        Verdict.NO_TARGET, "a cyst", (2, 3, 4), np.full((1, 2, 2), Label.TUMOR, np.uint8)
    )
    window.session.store.set_marks([mark], "no target")
    window.session.review.remember([mark])


def measure(window: MainWindow) -> None:
    window.markups.add(Ruler(Plane.AXIAL, (1, 2, 3), (3, 4.5, 3)))


def save(qtbot: QtBot, window: MainWindow) -> None:
    """By the menu, to its end."""
    with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
        window.actions_.file.save_session.trigger()
    qtbot.waitUntil(lambda: not window.controller.saving.is_running, timeout=TIMEOUT_MS)


def open_session(qtbot: QtBot, window: MainWindow, path: Path) -> None:
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.open(path)
    assert window.sessions.path == path


def labels_in(path: Path, folder: Path) -> np.ndarray:
    """The labels of a session as nibabel reads them, turned to RAS+."""
    with zipfile.ZipFile(path) as archive:
        archive.extract("labels.nii.gz", folder)
    image = nib.as_closest_canonical(nib.load(folder / "labels.nii.gz"))
    return np.asarray(image.dataobj)


@pytest.fixture
def saved(
    qtbot: QtBot, opened: MainWindow, answers: Answers, tmp_path: Path
) -> tuple[MainWindow, Path]:
    """A window with labels, a ruler and a mark, saved as a session."""
    draw(opened)
    mark_lesion(opened)
    measure(opened)
    opened.session.set_crosshair((1, 4, 6))
    opened.session.set_window(77, 333)
    opened.views.set_layout(Layout.ROW)
    answers.session_file = tmp_path / "case.liverview"
    save(qtbot, opened)
    return opened, answers.session_file


# ---- round trips -----------------------------------------------------------------------------


def test_everything_is_as_it_was(
    qtbot: QtBot, saved: tuple[MainWindow, Path], make_window: MakeWindow, tmp_path: Path
) -> None:
    first, path = saved
    voxels = first.session.labels.voxels.copy()
    assert np.array_equal(labels_in(path, tmp_path), voxels)
    first.close()
    # Another person's settings: nothing comes from there.
    (tmp_path / "settings.ini").unlink()
    again = make_window()
    open_session(qtbot, again, path)
    session = again.session
    assert np.array_equal(session.labels.voxels, voxels)
    assert (session.crosshair, session.level, session.width) == ((1, 4, 6), 77, 333)
    assert again.views.layout_ is Layout.ROW
    assert [entry.name for entry in again.markups.entries()] == ["Ruler 1"]
    assert [mark.reason for mark in session.review.remembered] == ["a cyst"]
    assert [mark.reason for mark in session.labels.marks] == ["a cyst"]
    assert session.path == tmp_path / "scan.nii.gz"
    assert not session.store.modified
    assert again.windowTitle() == f"case.liverview[*] ({tmp_path.name}) – liverview"
    assert not again.isWindowModified()


def test_a_lesion_that_was_ruled_out_stays_out(
    qtbot: QtBot, opened: MainWindow, answers: Answers, make_window: MakeWindow, tmp_path: Path
) -> None:
    draw(opened)
    mark = LesionMark(
        Verdict.RULED_OUT, "artifact", (2, 3, 4), np.full((1, 2, 2), Label.TUMOR, np.uint8)
    )
    opened.session.review.remember([mark])
    opened.session.store.set_marks([mark], "ruled out")
    opened.session.store.source = type(opened.session.store.source)(device="cpu")
    answers.session_file = tmp_path / "case.liverview"
    save(qtbot, opened)
    voxels = opened.session.labels.voxels.copy()
    assert not (voxels == Label.TUMOR).any()
    opened.close()
    (tmp_path / "settings.ini").unlink()
    again = make_window()
    open_session(qtbot, again, answers.session_file)
    QApplication.processEvents()
    assert np.array_equal(again.session.labels.voxels, voxels)
    assert again.session.store.source.device == "cpu"
    assert not again.session.store.modified
    again.session.store.set_marks([], "include")  # and can be taken in again
    assert (again.session.labels.voxels[2, 3:5, 4:6] == Label.TUMOR).all()


def test_a_session_without_labels_has_none_again(
    qtbot: QtBot, opened: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    measure(opened)
    answers.session_file = tmp_path / "case.liverview"
    save(qtbot, opened)
    draw(opened)
    answers.unsaved = Unsaved.DISCARD
    with qtbot.waitSignal(opened.session.volume_changed, timeout=TIMEOUT_MS):
        opened.open(answers.session_file)
    assert not opened.session.store.has_labels
    assert len(opened.markups.entries()) == 1


def test_a_phantom_is_in_its_session(
    qtbot: QtBot, window: MainWindow, answers: Answers, make_window: MakeWindow, tmp_path: Path
) -> None:
    answers.config = PhantomConfig(shape=(48, 42, 20), spacing=(8, 8, 10), seed=3)
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.actions_.file.phantom.trigger()
    voxels, truth = window.session.volume.voxels, window.session.reference.voxels
    draw(window)
    answers.session_file = tmp_path / "phantom.liverview"
    save(qtbot, window)
    window.close()
    again = make_window()
    open_session(qtbot, again, answers.session_file)
    assert np.array_equal(again.session.volume.voxels, voxels)
    assert np.array_equal(again.session.reference.voxels, truth)
    assert (again.session.labels.voxels[1:4, 1:6, 1:3] == Label.LIVER).all()
    assert again.session.path is None
    answers.label_map = None
    again.actions_.file.save.trigger()  # is suggested beside the session, not anywhere
    assert answers.asked[-1].endswith("_seg.nii.gz")


def test_what_was_edited_by_hand_is_known_again(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, make_window: MakeWindow, tmp_path: Path
) -> None:
    """What the network found is in the file, so that the layer of differences comes back."""
    found = segmented.session.labels.voxels.copy()
    with segmented.session.store.edit(Box.from_bounds((1, 1, 0), (3, 4, 2)), "brush") as voxels:
        voxels[...] = Label.VESSEL
    changed = int((segmented.session.labels.voxels != found).sum())
    assert changed == 12
    volumes = segmented.session.store.hand.volumes(segmented.session.labels)
    path = answers.session_file = tmp_path / "case.liverview"
    save(qtbot, segmented)
    with zipfile.ZipFile(path) as archive:
        archive.extract("result.nii.gz", tmp_path)
    image = nib.as_closest_canonical(nib.load(tmp_path / "result.nii.gz"))
    assert np.array_equal(np.asarray(image.dataobj), found)
    segmented.close()
    again = make_window()
    open_session(qtbot, again, path)
    store = again.session.store
    assert store.hand.volumes(store.labels) == volumes != {}
    assert again.session.hand_edits.there
    assert np.array_equal(store.hand.result_of(store.labels).voxels, found)
    store.history.undo()  # also after going back and forth
    assert store.hand.volumes(store.labels) == {}
    store.history.redo()
    assert store.hand.volumes(store.labels) == volumes
    assert np.array_equal(store.hand.result_of(store.labels).voxels, found)


def test_a_reference_comes_back(
    qtbot: QtBot, opened: MainWindow, answers: Answers, write: Write, tmp_path: Path
) -> None:
    volume = opened.session.volume
    voxels, affine = oriented("LPS")
    path = write((voxels > 0).astype(np.uint8), affine, name="truth.nii.gz")
    answers.reference, answers.mapping = path, {1: Label.LIVER}
    with qtbot.waitSignal(opened.session.reference_changed, timeout=TIMEOUT_MS):
        opened.actions_.file.compare.trigger()
    reference = opened.session.reference.voxels.copy()
    answers.session_file = tmp_path / "case.liverview"
    save(qtbot, opened)
    path.unlink()
    with qtbot.waitSignal(opened.session.reference_changed, timeout=TIMEOUT_MS):
        opened.open(answers.session_file)
    assert opened.session.volume is not volume
    assert np.array_equal(opened.session.reference.voxels, reference)


# ---- ways to open ----------------------------------------------------------------------------


def test_a_session_that_is_dropped_is_opened(
    qtbot: QtBot, saved: tuple[MainWindow, Path], make_window: MakeWindow
) -> None:
    first, path = saved
    first.close()
    again = make_window()
    content = QMimeData()
    content.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        content,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(again.controller.idle, timeout=TIMEOUT_MS):
        again.dropEvent(event)
    assert again.sessions.path == path


def test_a_session_is_chosen_in_the_dialog_and_is_recent_then(
    qtbot: QtBot, saved: tuple[MainWindow, Path], answers: Answers, make_window: MakeWindow
) -> None:
    first, path = saved
    assert recent_scans(first.settings)[0].path == path
    first.close()
    again = make_window()
    answers.scan = path
    with qtbot.waitSignal(again.controller.idle, timeout=TIMEOUT_MS):
        again.actions_.file.open.trigger()
    assert again.sessions.path == path
    recent = again.actions_.file.recent.actions()
    assert recent[0].toolTip() == str(path)
    # From the list, once more: the same session, in its own window, is read again.
    with qtbot.waitSignal(again.session.volume_changed, timeout=TIMEOUT_MS):
        recent[0].trigger()
    assert again.sessions.path == path


def test_of_several_files_the_session_is_opened(
    qtbot: QtBot, saved: tuple[MainWindow, Path], scan: Path, make_window: MakeWindow
) -> None:
    first, path = saved
    first.close()
    again = make_window()
    with qtbot.waitSignal(again.controller.idle, timeout=TIMEOUT_MS):
        again.files.open_files([scan, path])
    assert again.sessions.path == path
    assert "A session is opened alone: scan.nii.gz left out." in again.messages.text.text()


def test_the_command_line_opens_a_session(
    qtbot: QtBot,
    saved: tuple[MainWindow, Path],
    make_window: MakeWindow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, path = saved
    first.close()
    again = make_window()

    class Application:
        def exec(self) -> int:
            qtbot.waitUntil(lambda: again.sessions.path == path, timeout=TIMEOUT_MS)
            return 0

    monkeypatch.setattr(generators, "iter_warm_up", lambda: iter(()))
    monkeypatch.setattr(app, "make_application", Application)
    monkeypatch.setattr(app, "_make_window", lambda device: again)
    assert main([str(path)]) == 0
    assert (again.session.labels.voxels == Label.TUMOR).sum() == 4


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--labels", "seg.nii.gz"], "is a session, with a scan and labels of its own: leave out"),
        (["--out", "folder"], "is a session, with a scan and labels of its own: leave out"),
    ],
)
def test_the_command_line_takes_no_labels_beside_a_session(
    saved: tuple[MainWindow, Path], capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    _, path = saved
    assert main([str(path), *more]) == 2
    assert f"{path} {said}" in capsys.readouterr().err


def test_commands_without_a_window_say_what_a_session_is(
    saved: tuple[MainWindow, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = saved
    assert main(["measure", str(path)]) == 2
    assert capsys.readouterr().err == (
        f"liverview: {path} is a session of liverview: open it in the window (liverview FILE), or "
        "unpack it as a zip file and give the labels.nii.gz in it.\n"
    )


# ---- what is unsaved -------------------------------------------------------------------------


def test_title_and_dot_say_what_is_not_saved(
    qtbot: QtBot, saved: tuple[MainWindow, Path], tmp_path: Path
) -> None:
    window, _ = saved
    plain = f"case.liverview[*] ({tmp_path.name}) – liverview"
    assert (window.windowTitle(), window.isWindowModified()) == (plain, False)
    window.session.set_crosshair((0, 0, 0))  # how one looks is no reason to ask
    assert not window.isWindowModified()
    draw(window, Label.VESSEL)
    assert window.windowTitle() == (
        f"case.liverview[*] ({tmp_path.name}) – labels not saved – liverview"
    )
    measure(window)
    mark_lesion(window)
    assert "– labels and rulers and marks not saved –" in window.windowTitle()
    assert window.isWindowModified()
    save(qtbot, window)
    assert (window.windowTitle(), window.isWindowModified()) == (plain, False)
    measure(window)
    assert "– rulers not saved –" in window.windowTitle()
    window.session.store.history.undo()
    assert window.windowTitle() == plain


def test_rulers_of_a_scan_without_a_session_are_no_reason_to_ask(
    opened: MainWindow, answers: Answers
) -> None:
    measure(opened)  # the settings keep them with the scan
    assert not opened.isWindowModified()
    opened.close()
    assert answers.asked == []


@pytest.mark.parametrize("choice", Unsaved)
def test_closing_a_session_asks_once(
    qtbot: QtBot,
    saved: tuple[MainWindow, Path],
    answers: Answers,
    tmp_path: Path,
    choice: Unsaved,
) -> None:
    window, path = saved
    before = path.read_bytes()
    draw(window, Label.VESSEL)
    measure(window)
    answers.asked.clear()
    answers.unsaved, answers.label_map = choice, tmp_path / "labels.nii.gz"
    answers.session_file = None  # it has a name
    window.close()
    if choice is Unsaved.STAY:
        assert window.isVisible()
    else:
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=TIMEOUT_MS)
        assert not lock_path(path).exists()
    questions = [asked for asked in answers.asked if asked.startswith("unsaved")]
    assert questions == ["unsaved labels and rulers of case.liverview"]
    assert (path.read_bytes() != before) == (choice is Unsaved.SESSION)
    assert answers.label_map.exists() == (choice is Unsaved.SAVE)


def test_another_scan_asks_for_what_the_session_lacks(
    qtbot: QtBot, saved: tuple[MainWindow, Path], answers: Answers, write: Write
) -> None:
    window, path = saved
    measure(window)
    answers.asked.clear()
    answers.unsaved = Unsaved.STAY
    other = write(np.zeros((8, 8, 3), np.int16) - 500, name="other.nii")
    window.open(other)
    qtbot.waitUntil(lambda: bool(answers.asked), timeout=TIMEOUT_MS)
    assert answers.asked == ["unsaved rulers of case.liverview"]
    assert window.sessions.path == path
    answers.unsaved = Unsaved.SESSION
    with qtbot.waitSignal(window.session.volume_changed, timeout=TIMEOUT_MS):
        window.open(other)
    assert window.sessions.path is None
    assert not lock_path(path).exists()
    assert len(answers.asked) == 2


def test_the_open_session_that_is_opened_again_and_saved_meanwhile_shows_what_was_saved(
    qtbot: QtBot, saved: tuple[MainWindow, Path], answers: Answers
) -> None:
    window, path = saved
    draw(window, Label.VESSEL)
    voxels = window.session.labels.voxels.copy()
    answers.unsaved = Unsaved.SESSION
    with qtbot.waitSignal(window.session.volume_changed, timeout=TIMEOUT_MS):
        window.open(path)
    assert np.array_equal(window.session.labels.voxels, voxels)
    assert window.sessions.path == path
    assert not window.sessions.unsaved


def test_segmenting_asks_about_labels_alone(
    qtbot: QtBot, saved: tuple[MainWindow, Path], answers: Answers, stream: Stream
) -> None:
    window, _ = saved
    measure(window)
    answers.asked.clear()
    start_segmentation(qtbot, window)
    assert [asked for asked in answers.asked if asked.startswith("unsaved")] == []
    answers.asked.clear()
    answers.unsaved = Unsaved.SESSION
    window.close()  # what is saved must hold still
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=TIMEOUT_MS)
    (asked,) = answers.asked
    assert asked.startswith("unsaved ")
    assert asked.endswith("rulers of case.liverview, segmenting")


def test_a_session_is_not_saved_while_labels_stream(
    qtbot: QtBot, opened: MainWindow, stream: Stream
) -> None:
    start_segmentation(qtbot, opened)
    assert not opened.actions_.file.save_session.isEnabled()
    opened.controller.segmenting.stop()
    assert opened.actions_.file.save_session.isEnabled()


def test_labels_that_change_while_a_session_is_saved_stay_unsaved(
    qtbot: QtBot, saved: tuple[MainWindow, Path]
) -> None:
    window, _ = saved
    with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
        window.actions_.file.save_session.trigger()
        draw(window, Label.VESSEL)
        measure(window)
    assert window.sessions.unsaved == "labels and rulers"


def test_save_as_takes_another_name_and_lets_the_old_one_go(
    qtbot: QtBot, saved: tuple[MainWindow, Path], answers: Answers, tmp_path: Path
) -> None:
    window, path = saved
    answers.session_file = tmp_path / "second.liverview"
    with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
        window.actions_.file.save_session_as.trigger()
    qtbot.waitUntil(lambda: window.sessions.path == answers.session_file, timeout=TIMEOUT_MS)
    assert answers.asked[-1] == "case.liverview"
    assert not lock_path(path).exists()
    assert lock_path(answers.session_file).exists()
    assert path.exists()


# ---- opened twice ----------------------------------------------------------------------------


def test_a_session_that_is_open_elsewhere_is_opened_as_a_copy(
    qtbot: QtBot, saved: tuple[MainWindow, Path], answers: Answers, make_window: MakeWindow
) -> None:
    first, path = saved
    second = make_window()
    second.open(path)
    assert f"{path} is open in another window since" in second.messages.text.text()
    (button,) = second.messages.buttons
    assert button.text() == "Open a copy"
    with qtbot.waitSignal(second.session.volume_changed, timeout=TIMEOUT_MS):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert second.sessions.path is None
    assert np.array_equal(second.session.labels.voxels, first.session.labels.voxels)
    # It is saved under another name, and never over the one that is open.
    answers.session_file = path
    before = path.read_bytes()
    with qtbot.waitSignal(second.files.failed, timeout=TIMEOUT_MS):
        second.actions_.file.save_session.trigger()
    assert answers.asked[-1] == "case_copy.liverview"
    assert path.read_bytes() == before
    answers.session_file = path.with_name("case_copy.liverview")
    save(qtbot, second)
    assert second.sessions.path == answers.session_file
    assert first.sessions.path == path


def test_a_session_that_was_closed_can_be_opened_again(
    qtbot: QtBot, saved: tuple[MainWindow, Path], make_window: MakeWindow
) -> None:
    first, path = saved
    first.close()
    assert not lock_path(path).exists()
    again = make_window()
    open_session(qtbot, again, path)
    assert lock_path(path).exists()


# ---- scans that moved or changed -------------------------------------------------------------


def test_a_scan_that_moved_is_asked_for(
    qtbot: QtBot,
    saved: tuple[MainWindow, Path],
    answers: Answers,
    scan: Path,
    make_window: MakeWindow,
    tmp_path: Path,
) -> None:
    first, path = saved
    first.close()
    moved = scan.rename(tmp_path / "moved.nii.gz")
    again = make_window()
    answers.scan = None
    with qtbot.waitSignal(again.controller.idle, timeout=TIMEOUT_MS):
        again.open(path)
    assert answers.asked[-1] == "where is scan.nii.gz"
    assert again.session.volume is None  # and the window is as before
    assert not lock_path(path).exists()
    answers.scan = moved
    open_session(qtbot, again, path)
    assert again.session.path == moved


@pytest.mark.parametrize("choice", Changed)
def test_a_scan_that_changed_is_asked_about(
    qtbot: QtBot,
    saved: tuple[MainWindow, Path],
    answers: Answers,
    scan: Path,
    write: Write,
    make_window: MakeWindow,
    choice: Changed,
) -> None:
    first, path = saved
    first.close()
    original = scan.rename(scan.with_name("original.nii.gz"))
    voxels, affine = oriented("LPS")
    write(voxels // 2, affine, name=scan.name)
    answers.changed, answers.scan = choice, original
    answers.asked.clear()
    again = make_window()
    again.open(path)
    expected = ["scan.nii.gz has changed"]
    if choice is Changed.CHOOSE:
        expected.append("where is scan.nii.gz")
    qtbot.waitUntil(lambda: not again.controller.busy, timeout=TIMEOUT_MS)
    assert answers.asked == expected
    if choice is Changed.STAY:
        assert again.session.volume is None
    else:
        there = {Changed.OPEN: scan, Changed.CHOOSE: original}[choice]
        assert again.session.path.samefile(there)
        assert again.sessions.path == path


# ---- what goes wrong -------------------------------------------------------------------------


def test_a_damaged_session_leaves_what_is_open(
    qtbot: QtBot, saved: tuple[MainWindow, Path], tmp_path: Path
) -> None:
    window, path = saved
    draw(window, Label.VESSEL)
    voxels = window.session.labels.voxels.copy()
    damaged = tmp_path / "damaged.liverview"
    damaged.write_bytes(path.read_bytes()[:-100])
    with qtbot.waitSignal(window.controller.failed, timeout=TIMEOUT_MS):
        window.open(damaged)
    assert "damaged.liverview is no session file, or damaged" in window.messages.text.text()
    assert np.array_equal(window.session.labels.voxels, voxels)
    assert window.sessions.path == path
    assert window.session.store.modified
    assert not lock_path(damaged).exists()


def test_a_save_that_fails_leaves_the_old_file_and_offers_another_place(
    qtbot: QtBot,
    saved: tuple[MainWindow, Path],
    answers: Answers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window, path = saved
    before = path.read_bytes()
    draw(window, Label.VESSEL)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(container, "_iter_file", full)
        window.actions_.file.save_session.trigger()
        qtbot.waitUntil(lambda: bool(window.messages.buttons), timeout=TIMEOUT_MS)
    assert f"{path} could not be saved: the disk is full" in window.messages.text.text()
    assert path.read_bytes() == before
    assert window.session.store.modified
    assert window.sessions.path == path
    answers.session_file = tmp_path / "elsewhere.liverview"
    (button,) = window.messages.buttons
    with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.sessions.unsaved, timeout=TIMEOUT_MS)
    assert window.sessions.path == answers.session_file


def test_a_folder_that_is_gone_is_said(
    qtbot: QtBot, opened: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    draw(opened)
    answers.session_file = tmp_path / "gone" / "case.liverview"
    with qtbot.waitSignal(opened.controller.failed, timeout=TIMEOUT_MS):
        opened.actions_.file.save_session.trigger()
    assert "its folder is not there; choose another one" in opened.messages.text.text()
    assert opened.session.store.modified
    assert opened.sessions.path is None


def test_two_saves_at_once_are_refused(
    qtbot: QtBot, saved: tuple[MainWindow, Path], answers: Answers, tmp_path: Path,
    slow_save: SlowSave,
) -> None:  # fmt: skip
    window, _ = saved
    answers.label_map = tmp_path / "labels.nii.gz"
    window.actions_.file.save.trigger()
    window.actions_.file.save_session.trigger()
    assert "case.liverview was not saved: another save runs." in window.messages.text.text()
    with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
        slow_save.go.set()


# ---- the undo history ------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [False, True])
def test_the_undo_history_is_kept_on_request(
    qtbot: QtBot,
    opened: MainWindow,
    answers: Answers,
    make_window: MakeWindow,
    tmp_path: Path,
    keep: bool,
) -> None:
    draw(opened)
    first = opened.session.labels.voxels.copy()
    measure(opened)
    draw(opened, Label.VESSEL)
    second = opened.session.labels.voxels.copy()
    path = answers.session_file = tmp_path / "case.liverview"
    answers.keep_history = keep
    save(qtbot, opened)
    with zipfile.ZipFile(path) as archive:
        assert ("history.bin" in archive.namelist()) == keep
    opened.close()
    (tmp_path / "settings.ini").unlink()
    again = make_window()
    open_session(qtbot, again, path)
    history = again.session.store.history
    assert np.array_equal(again.session.labels.voxels, second)
    if keep:
        assert [step.name for step in history.steps()] == ["brush", "ruler", "brush"]
        history.undo()
        assert np.array_equal(again.session.labels.voxels, first)
        history.undo()
        assert again.markups.entries() == []
        history.redo()
        history.redo()
        assert np.array_equal(again.session.labels.voxels, second)
    else:
        assert [step.name for step in history.steps()] == ["restore case"]
    answers.asked.clear()
    save(qtbot, again)  # as it was saved before, without a question
    assert answers.asked == []
    with zipfile.ZipFile(path) as archive:
        assert ("history.bin" in archive.namelist()) == keep


def test_a_history_that_is_damaged_is_left_out(
    qtbot: QtBot, opened: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    draw(opened)
    voxels = opened.session.labels.voxels.copy()
    path = answers.session_file = tmp_path / "case.liverview"
    answers.keep_history = True
    save(qtbot, opened)
    members = members_of(path)
    write_members(path, members | {"history.bin": members["history.bin"][:-4] + b"oops"})
    with qtbot.waitSignal(opened.controller.message, timeout=TIMEOUT_MS):
        opened.open(path)
    assert "case.liverview: Its undo history was left out:" in opened.messages.text.text()
    assert np.array_equal(opened.session.labels.voxels, voxels)
    assert opened.sessions.path == path
