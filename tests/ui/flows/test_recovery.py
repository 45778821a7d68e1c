"""After a crash: what is offered, and what becomes of every answer."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QStandardPaths
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.review import LesionMark, Verdict
from liverview.core.volume import LabelMap, Plane
from liverview.files.journal.entry import Entry
from liverview.files.journal.reading import read_journal
from liverview.files.journal.records import MAGIC, RecordChain, iter_records
from liverview.measurement.markup.shapes import Ruler
from liverview.phantoms.config import PhantomConfig, PhantomLesions, Phase, Region
from liverview.ui import app
from liverview.ui.app import keep_journal
from liverview.ui.dialogs.questions import Unsaved
from liverview.ui.flows.left_case import ago
from liverview.ui.main_window import MainWindow
from liverview.ui.views.linked_views import Layout

from support.answers import TIMEOUT_MS, Answers
from support.journals import answer, journals, labels_of, left_after_a_crash, offer, paint
from support.window import open_scan

MakeWindow = Callable[..., MainWindow]


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """The folder with what a crash has left."""
    return tmp_path / "left"


@pytest.fixture
def crashed(qtbot: QtBot, opened: MainWindow, tmp_path: Path, left: Path) -> MainWindow:
    """A window whose journal of two edits is as a crash would leave it."""
    autosave = keep_journal(opened, tmp_path / "first").autosave
    paint(opened, (0, 0, 0), (4, 5, 6), Label.LIVER)
    qtbot.waitUntil(lambda: autosave.is_written, timeout=TIMEOUT_MS)
    autosave._clock.invalidate()  # as if some time had passed
    paint(opened, (1, 1, 1), (3, 3, 3), Label.TUMOR)
    opened.session.set_crosshair((1, 2, 3))
    opened.session.set_window(70, 333)
    opened.markups.add(Ruler(Plane.AXIAL, (0, 0, 1), (2, 2, 1)))
    opened.views.set_layout(Layout.ROW)
    left_after_a_crash(qtbot, autosave, left)
    return opened


def restored(qtbot: QtBot, window: MainWindow, name: str = "scan.nii.gz") -> None:
    """Wait until it is said that a case is as it was."""
    said = f"{name} is as it was"
    qtbot.waitUntil(lambda: said in window.messages.text.text(), timeout=TIMEOUT_MS)


def asked(qtbot: QtBot, window: MainWindow, words: str) -> None:
    """Wait for a question with these words."""
    qtbot.waitUntil(
        lambda: words in window.messages.text.text() and bool(window.messages.buttons),
        timeout=TIMEOUT_MS,
    )


def test_what_a_crash_left_is_offered_in_one_sentence_and_restored(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path
) -> None:
    window = make_window()
    offer(qtbot, window, left)
    assert window.messages.text.text() == (
        "liverview ended unexpectedly while you edited scan.nii.gz "
        "(2 edits, less than a minute ago)."
    )
    assert [button.text() for button in window.messages.buttons] == ["Restore", "Discard", "Later"]
    answer(window, "Restore")
    restored(qtbot, window)
    np.testing.assert_array_equal(labels_of(window), labels_of(crashed))
    old, new = crashed.session, window.session
    assert new.path == old.path
    assert (new.crosshair, new.level, new.width) == ((1, 2, 3), 70, 333)
    assert [e.markup for e in window.markups.entries()] == [
        e.markup for e in crashed.markups.entries()
    ]
    assert window.views.layout_ is Layout.ROW
    assert new.store.modified
    # The old journal goes once the new one has all of it.
    (before,) = journals(left)
    qtbot.waitUntil(lambda: journals(left) not in ([before], []) and len(journals(left)) == 1)
    np.testing.assert_array_equal(read_journal(*journals(left)).voxels, labels_of(crashed))
    window.files.dialogs.unsaved = Unsaved.DISCARD
    window.close()
    assert journals(left) == []


def test_the_scan_on_the_command_line_is_shown_first_and_used(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path, scan: Path
) -> None:
    window = make_window()
    keep_journal(window, left).start()
    window.controller.loading.open(scan)
    asked(qtbot, window, "ended unexpectedly")
    volume = window.session.volume
    assert volume is not None
    answer(window, "Restore")
    restored(qtbot, window)
    assert window.session.volume is volume  # it was not read again
    np.testing.assert_array_equal(labels_of(window), labels_of(crashed))


def test_discard_removes_it_and_later_leaves_it_to_the_next_start(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path
) -> None:
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Later")
    assert window.messages.isHidden()
    assert len(journals(left)) == 1
    window.close()
    window = make_window()
    recovery = offer(qtbot, window, left)
    answer(window, "Discard")
    assert journals(left) == []
    recovery.start()
    assert window.messages.isHidden()


def test_a_message_that_is_closed_leaves_it_to_the_next_start(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path, scan: Path
) -> None:
    window = make_window()
    offer(qtbot, window, left)
    window.messages.close_button.click()
    open_scan(qtbot, window, scan)
    assert window.messages.buttons == []
    window.close()
    window = make_window()
    offer(qtbot, window, left)


def test_an_offer_that_was_displaced_comes_again(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path, scan: Path
) -> None:
    window = make_window()
    offer(qtbot, window, left)
    window.messages.show_message("Something else.")
    open_scan(qtbot, window, scan)
    asked(qtbot, window, "ended unexpectedly")
    answer(window, "Restore")
    restored(qtbot, window)
    np.testing.assert_array_equal(labels_of(window), labels_of(crashed))


def test_an_offer_does_not_take_the_place_of_another_question(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path, scan: Path
) -> None:
    window = make_window()
    offer(qtbot, window, left)
    window.messages.show_message("Keep it?", [("Keep", int), ("Drop", int)])
    window.controller.idle.emit()
    assert window.messages.text.text() == "Keep it?"
    answer(window, "Keep")
    window.controller.idle.emit()
    assert "ended unexpectedly" in window.messages.text.text()


def test_a_living_windows_journal_is_not_offered_and_one_offer_is_enough(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path, tmp_path: Path
) -> None:
    other = make_window()
    job = other.controller.start_background
    recovery = keep_journal(other, tmp_path / "first")  # that of the window that lives
    with qtbot.waitSignal(_found(recovery), timeout=TIMEOUT_MS) as found:
        pass
    assert found.args == [[]]
    assert job is not None
    window = make_window()
    offer(qtbot, window, left)
    with qtbot.waitSignal(_found(keep_journal(other, left)), timeout=TIMEOUT_MS) as found:
        pass
    assert found.args == [[]]


def _found(recovery: app.Recovery) -> object:
    """The signal of the job that looks for journals."""
    from liverview.ui.jobs import journaling

    job = recovery._start(journaling.iter_find_left(recovery.autosave.folder))
    return job.yielded


def test_several_are_offered_one_after_the_other_the_newest_first(
    qtbot: QtBot,
    crashed: MainWindow,
    make_window: MakeWindow,
    left: Path,
    tmp_path: Path,
    write: Callable[..., Path],
) -> None:
    second = make_window()
    path = write(np.full((4, 4, 4), -1000, np.int16), name="second.nii.gz")
    open_scan(qtbot, second, path)
    autosave = keep_journal(second, tmp_path / "second").autosave
    paint(second, (0, 0, 0), (2, 2, 2), Label.VESSEL)
    left_after_a_crash(qtbot, autosave, left)
    window = make_window()
    offer(qtbot, window, left)
    assert "edited second.nii.gz (1 edit, less than a minute ago); 1 more to come." in (
        window.messages.text.text()
    )
    answer(window, "Restore")
    asked(qtbot, window, "edited scan.nii.gz (2 edits")
    assert "second.nii.gz is as it was" in window.messages.text.text()
    np.testing.assert_array_equal(labels_of(window), labels_of(second))
    window.files.dialogs.unsaved = Unsaved.DISCARD
    answer(window, "Restore")
    qtbot.waitUntil(
        lambda: window.session.path is not None and window.session.path.name == "scan.nii.gz"
    )
    restored(qtbot, window)
    assert window.files.dialogs.asked == ["unsaved"]
    np.testing.assert_array_equal(labels_of(window), labels_of(crashed))


def test_labels_that_are_not_saved_are_asked_about_before_the_same_scan_is_restored(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path, scan: Path
) -> None:
    window = make_window()
    open_scan(qtbot, window, scan)
    offer(qtbot, window, left)
    paint(window, (0, 0, 0), (5, 7, 9), Label.VESSEL)
    mine = labels_of(window)
    window.files.dialogs.unsaved = Unsaved.STAY
    answer(window, "Restore")
    qtbot.waitUntil(lambda: window.files.dialogs.asked == ["unsaved"], timeout=TIMEOUT_MS)
    np.testing.assert_array_equal(labels_of(window), mine)
    asked(qtbot, window, "ended unexpectedly")  # it can still be restored
    window.files.dialogs.unsaved = Unsaved.DISCARD
    answer(window, "Restore")
    restored(qtbot, window)
    np.testing.assert_array_equal(labels_of(window), labels_of(crashed))


def test_what_the_start_itself_had_to_say_stays_beside_the_offer(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path
) -> None:
    window = make_window()
    window.messages.show_message("The last start did not end.")
    offer(qtbot, window, left)
    first, second = window.messages.text.text().splitlines()
    assert first == "The last start did not end."
    assert second.startswith("liverview ended unexpectedly")


def test_lesions_that_were_ruled_out_are_so_again(
    qtbot: QtBot, opened: MainWindow, make_window: MakeWindow, left: Path, tmp_path: Path
) -> None:
    autosave = keep_journal(opened, tmp_path / "first").autosave
    paint(opened, (0, 0, 0), (5, 7, 9), Label.LIVER)
    paint(opened, (1, 1, 1), (4, 4, 4), Label.TUMOR)
    mask = np.full((3, 3, 3), Label.TUMOR, np.uint8)
    mark = LesionMark(Verdict.RULED_OUT, "a cyst", (1, 1, 1), mask)
    opened.session.store.set_marks([mark], "ruled out")
    opened.session.review.replace_remembered([mark])
    assert not (labels_of(opened) == Label.TUMOR).any()
    left_after_a_crash(qtbot, autosave, left)
    opened.settings.clear()  # where marks of a file are kept as well
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    restored(qtbot, window)
    np.testing.assert_array_equal(labels_of(window), labels_of(opened))
    review = window.session.review
    for marks in (review.in_force, review.remembered):
        ((found,),) = [marks]
        assert (found.verdict, found.reason, found.start) == (mark.verdict, mark.reason, mark.start)
        np.testing.assert_array_equal(found.voxels, mask)
    review.take_back(*review.in_force)
    assert (labels_of(window)[1:4, 1:4, 1:4] == Label.TUMOR).all()


def test_what_was_edited_by_hand_is_known_again(
    qtbot: QtBot, opened: MainWindow, make_window: MakeWindow, left: Path, tmp_path: Path
) -> None:
    """Also of edits that were taken back, and of those of several entries."""
    autosave = keep_journal(opened, tmp_path / "first").autosave
    affine = opened.session.volume.affine
    opened.session.store.open_labels(LabelMap(np.full((5, 7, 9), 1, np.uint8), affine), "a.nii")
    paint(opened, (0, 0, 0), (2, 2, 2), Label.TUMOR)
    qtbot.waitUntil(lambda: autosave.is_written, timeout=TIMEOUT_MS)
    paint(opened, (2, 2, 2), (4, 4, 4), Label.VESSEL)
    paint(opened, (3, 5, 7), (5, 7, 9), Label.TUMOR)
    opened.session.store.history.undo()
    left_after_a_crash(qtbot, autosave, left)
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    restored(qtbot, window)
    store, before = window.session.store, opened.session.store
    assert store.labels is not None
    assert before.labels is not None
    np.testing.assert_array_equal(labels_of(window), labels_of(opened))
    assert store.hand.volumes(store.labels) == before.hand.volumes(before.labels) != {}
    assert store.hand.to_json() == before.hand.to_json()


# ---- scans that moved or changed -----------------------------------------------------------


def test_a_scan_that_moved_is_asked_for(
    qtbot: QtBot,
    crashed: MainWindow,
    make_window: MakeWindow,
    left: Path,
    scan: Path,
    answers: Answers,
    tmp_path: Path,
) -> None:
    moved = tmp_path / "elsewhere.nii.gz"
    scan.rename(moved)
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    asked(qtbot, window, f"scan.nii.gz is not at {scan} any more: where is it?")
    answers.scan = None
    answer(window, "Find the scan …")  # the dialog is canceled
    asked(qtbot, window, "ended unexpectedly")
    answer(window, "Restore")
    asked(qtbot, window, "where is it?")
    answers.scan = moved
    answer(window, "Find the scan …")
    restored(qtbot, window)
    assert window.session.path == moved
    assert window.session.crosshair == (1, 2, 3)
    np.testing.assert_array_equal(labels_of(window), labels_of(crashed))


def test_a_scan_with_other_content_gets_the_labels_alone_where_a_person_says_so(
    qtbot: QtBot,
    crashed: MainWindow,
    make_window: MakeWindow,
    left: Path,
    scan: Path,
) -> None:
    content = bytearray(gzip.decompress(scan.read_bytes()))
    content[-1] ^= 1
    scan.write_bytes(gzip.compress(bytes(content)))
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    asked(qtbot, window, "is not the scan that you edited, its content is another one.")
    assert not labels_of(window).any()
    answer(window, "Restore the labels alone")
    restored(qtbot, window)
    assert "Markups, window and crosshair were left out." in window.messages.text.text()
    np.testing.assert_array_equal(labels_of(window), labels_of(crashed))
    assert window.session.crosshair != (1, 2, 3)


def test_a_scan_on_another_grid_is_refused(
    qtbot: QtBot,
    crashed: MainWindow,
    make_window: MakeWindow,
    left: Path,
    scan: Path,
    write: Callable[..., Path],
    tmp_path: Path,
    answers: Answers,
) -> None:
    shutil.copy(scan, tmp_path / "kept.nii.gz")
    write(np.full((6, 7, 9), -1000, np.int16), name=scan.name)
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    asked(qtbot, window, "its grid is another one, and labels cannot lie on it.")
    words = [button.text() for button in window.messages.buttons]
    assert words == ["Find the scan …", "Discard", "Later"]
    assert not labels_of(window).any()
    answers.scan = tmp_path / "kept.nii.gz"
    answer(window, "Find the scan …")
    restored(qtbot, window)
    np.testing.assert_array_equal(labels_of(window), labels_of(crashed))


def test_a_scan_that_is_damaged_now_is_said_and_the_offer_stays(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path, scan: Path
) -> None:
    scan.write_bytes(b"no scan")
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    asked(qtbot, window, "ended unexpectedly")
    first, second = window.messages.text.text().splitlines()
    assert "scan.nii.gz" in first
    assert "ended unexpectedly" in second
    assert len(journals(left)) == 1


# ---- journals that are odd -----------------------------------------------------------------


def test_a_damaged_journal_is_said_and_can_be_discarded(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path
) -> None:
    (path,) = journals(left)
    content = bytearray(path.read_bytes())
    content[60] ^= 255
    path.write_bytes(content)
    window = make_window()
    offer(qtbot, window, left)
    assert window.messages.text.text() == (
        f"{path} is damaged from its beginning on, and nothing can be restored: discard it."
    )
    assert [button.text() for button in window.messages.buttons] == ["Discard", "Later"]
    answer(window, "Discard")
    assert journals(left) == []


def test_a_journal_that_is_damaged_later_gives_what_came_before(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path
) -> None:
    (path,) = journals(left)
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content)
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    restored(qtbot, window)
    only_first = np.zeros((5, 7, 9), np.uint8)
    only_first[:4, :5, :6] = Label.LIVER
    found = labels_of(window)
    assert (found == only_first).all() or (found == labels_of(crashed)).all()
    assert found.any()


def test_a_journal_of_a_newer_version_is_left_to_it(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path
) -> None:
    (path,) = journals(left)
    with path.open("rb") as file:
        header = json.loads(next(iter_records(file)))
    chain = RecordChain()
    path.write_bytes(MAGIC + chain.frame(json.dumps({**header, "version": 9}).encode()))
    window = make_window()
    offer(qtbot, window, left)
    assert window.messages.text.text() == (
        f"{path} was written by a newer liverview (journal version 9, this one reads 1): "
        "open it with that one."
    )
    answer(window, "Later")
    assert journals(left) == [path]


def test_a_journal_whose_state_cannot_be_used_gives_the_labels(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path
) -> None:
    (path,) = journals(left)
    found = read_journal(path)
    chain = RecordChain()
    entry = Entry(1.0, 2, True, True, ((Box.of_shape((5, 7, 9)), found.voxels),), {"case": {}})
    content = chain.frame(found.summary.header.pack()) + chain.frame(entry.pack())
    path.write_bytes(MAGIC + content)
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    restored(qtbot, window)
    np.testing.assert_array_equal(labels_of(window), labels_of(crashed))
    assert "Markups, window and crosshair were left out." in window.messages.text.text()


def test_a_journal_that_is_gone_when_it_is_wanted_is_said(
    qtbot: QtBot, crashed: MainWindow, make_window: MakeWindow, left: Path
) -> None:
    window = make_window()
    offer(qtbot, window, left)
    journals(left)[0].unlink()
    answer(window, "Restore")
    asked(qtbot, window, "cannot be read: No such file or directory.")
    answer(window, "Discard")
    assert window.messages.isHidden()


# ---- phantoms, other states ----------------------------------------------------------------


def test_a_phantom_is_generated_again(
    qtbot: QtBot, make_window: MakeWindow, left: Path, tmp_path: Path
) -> None:
    config = PhantomConfig((48, 40, 16), (8, 8, 12), seed=5, lesions=1, phase=Phase.NATIVE)
    first = make_window()
    autosave = keep_journal(first, tmp_path / "first").autosave
    with qtbot.waitSignal(first.controller.idle, timeout=TIMEOUT_MS):
        first.controller.loading.generate(config)
    paint(first, (3, 3, 3), (9, 9, 9), Label.TUMOR)
    left_after_a_crash(qtbot, autosave, left)
    window = make_window()
    offer(qtbot, window, left)
    assert "edited phantom-5 (1 edit" in window.messages.text.text()
    answer(window, "Restore")
    restored(qtbot, window, "phantom-5")
    np.testing.assert_array_equal(labels_of(window), labels_of(first))
    assert window.session.volume is not None
    np.testing.assert_array_equal(window.session.volume.voxels, first.session.volume.voxels)
    assert window.session.reference is not None


def test_a_scan_that_lies_in_a_session_file_alone_is_opened_from_it(
    qtbot: QtBot, make_window: MakeWindow, left: Path, tmp_path: Path
) -> None:
    config = PhantomConfig((48, 40, 16), (8, 8, 12), seed=5, lesions=1)
    first = make_window()
    with qtbot.waitSignal(first.controller.idle, timeout=TIMEOUT_MS):
        first.controller.loading.generate(config)
    path = tmp_path / "case.liverview"
    first.sessions._write(path, None)
    qtbot.waitUntil(lambda: first.sessions.path == path, timeout=TIMEOUT_MS)
    first.close()
    second = make_window()
    autosave = keep_journal(second, tmp_path / "first").autosave
    with qtbot.waitSignal(second.session.volume_changed, timeout=TIMEOUT_MS):
        second.open(path)
    paint(second, (3, 3, 3), (9, 9, 9), Label.TUMOR)
    left_after_a_crash(qtbot, autosave, left)
    labels = labels_of(second)
    second.session.store.mark_saved()
    second.close()
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    restored(qtbot, window, "phantom-5")
    np.testing.assert_array_equal(labels_of(window), labels)
    assert window.sessions.path == path
    assert window.session.store.modified


def test_the_settings_of_a_phantom_come_back_from_json() -> None:
    kind = PhantomLesions.MIXED
    config = PhantomConfig((9, 8, 7), (1, 2, 3), 4, 5, 6.5, Phase.DELAYED, Region.HEAD, kind)
    assert PhantomConfig.from_dict(config.to_dict()) == config
    older = {key: value for key, value in config.to_dict().items() if key != "lesion_kind"}
    plain = PhantomConfig((9, 8, 7), (1, 2, 3), 4, 5, 6.5, Phase.DELAYED, Region.HEAD)
    assert PhantomConfig.from_dict(older) == plain
    for key in config.to_dict():
        with pytest.raises(ValueError, match="these are no settings of a phantom"):
            PhantomConfig.from_dict({**config.to_dict(), key: "odd"})


def test_labels_of_a_file_that_were_partial_and_had_voxels_to_ignore_come_back_so(
    qtbot: QtBot, opened: MainWindow, make_window: MakeWindow, left: Path, tmp_path: Path
) -> None:
    autosave = keep_journal(opened, tmp_path / "first").autosave
    ignored = np.zeros((5, 7, 9), bool)
    ignored[1:3, 2:4, 5:] = True
    voxels = np.full((5, 7, 9), Label.LIVER, np.uint8)
    labels = LabelMap(voxels, opened.session.volume.affine, partial=True, ignored=ignored)
    opened.session.store.open_labels(labels, "theirs.nii.gz")
    paint(opened, (0, 0, 0), (2, 2, 2), Label.TUMOR)
    left_after_a_crash(qtbot, autosave, left)
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    restored(qtbot, window)
    found = window.session.labels
    assert found is not None
    assert found.partial
    np.testing.assert_array_equal(found.ignored, ignored)
    assert window.session.store.source.file == "theirs.nii.gz"
    np.testing.assert_array_equal(labels_of(window), labels_of(opened))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "less than a minute ago"),
        (59, "less than a minute ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7300, "2 h ago"),
        (86400, "1 day ago"),
        (5e5, "5 days ago"),
    ],
)
def test_times_are_said_in_words(seconds: float, words: str) -> None:
    assert ago(seconds) == words


def test_journals_lie_in_the_folder_of_the_persons_state() -> None:
    where = QStandardPaths.StandardLocation.StateLocation
    assert app.journal_folder().parent == Path(QStandardPaths.writableLocation(where))
    assert app.journal_folder().is_relative_to(Path.home())  # of the test
