"""The journal of a window: what is in it, when it is there, and when it goes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.files.journal import writing
from liverview.files.journal.masks import pack_mask, unpack_mask
from liverview.files.journal.reading import Restored, read_journal
from liverview.measurement.markup.shapes import Ruler
from liverview.ui.app import keep_journal
from liverview.ui.dialogs.questions import Unsaved
from liverview.ui.live import autosave as module
from liverview.ui.live.autosave import Autosave
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers
from support.journals import journals, labels_of, paint
from support.window import Stream, finish_segmentation, open_scan, start_segmentation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journals"


@pytest.fixture
def autosave(opened: MainWindow, folder: Path) -> Autosave:
    return keep_journal(opened, folder).autosave


def read(qtbot: QtBot, autosave: Autosave) -> Restored:
    """The journal of a window once nothing waits to be written."""
    qtbot.waitUntil(lambda: autosave.is_written, timeout=TIMEOUT_MS)
    (path,) = journals(autosave.folder)
    return read_journal(path)


def test_nothing_is_written_of_what_is_only_looked_at(
    qtbot: QtBot, opened: MainWindow, autosave: Autosave
) -> None:
    opened.session.set_crosshair((1, 2, 3))
    opened.session.set_window(70, 300)
    assert autosave.is_written
    assert journals(autosave.folder) == []


def test_every_edit_is_in_the_journal(qtbot: QtBot, opened: MainWindow, autosave: Autosave) -> None:
    rng = np.random.default_rng(0)
    shape = opened.session.volume.shape
    for n in range(30):
        corners = [sorted(rng.choice(side + 1, 2, replace=False)) for side in shape]
        paint(opened, *zip(*corners, strict=True), int(rng.integers(0, 4)))
        if n % 7 == 0:
            found = read(qtbot, autosave)
            np.testing.assert_array_equal(found.voxels, labels_of(opened))
    found = read(qtbot, autosave)
    np.testing.assert_array_equal(found.voxels, labels_of(opened))
    assert found.summary.unsaved
    assert found.summary.header.scan["path"] == str(opened.session.path)


def test_what_is_looked_at_goes_along(qtbot: QtBot, opened: MainWindow, autosave: Autosave) -> None:
    paint(opened, (0, 0, 0), (2, 2, 2), Label.LIVER)
    read(qtbot, autosave)
    opened.session.set_crosshair((1, 2, 3))
    opened.session.set_window(70, 300)
    opened.markups.add(Ruler(Plane.AXIAL, (0, 0, 1), (1, 1, 1)))
    case = read(qtbot, autosave).sections["case"]
    assert case["view"]["crosshair"] == [1, 2, 3]
    assert (case["view"]["level"], case["view"]["width"]) == (70, 300)
    assert len(case["markups"]) == 1


def test_strokes_are_counted_until_the_labels_are_saved(
    qtbot: QtBot, opened: MainWindow, autosave: Autosave, answers: Answers, tmp_path: Path
) -> None:
    paint(opened, (0, 0, 0), (2, 2, 2), Label.LIVER)
    assert read(qtbot, autosave).summary.edits == 1
    answers.label_map = tmp_path / "saved.nii.gz"
    with qtbot.waitSignal(opened.controller.saving.saved, timeout=TIMEOUT_MS):
        opened.files.save()
    found = read(qtbot, autosave)
    assert (found.summary.edits, found.summary.unsaved) == (0, False)
    paint(opened, (0, 0, 0), (2, 2, 2), Label.TUMOR)
    found = read(qtbot, autosave)
    assert (found.summary.edits, found.summary.unsaved) == (1, True)
    np.testing.assert_array_equal(found.voxels, labels_of(opened))


def test_labels_of_a_file_and_what_is_said_of_them_are_kept_once_edited(
    qtbot: QtBot, opened: MainWindow, autosave: Autosave
) -> None:
    rng = np.random.default_rng(1)
    shape = opened.session.volume.shape
    ignored = rng.random(shape) < 0.2
    labels = LabelMap(
        rng.integers(0, 4, shape).astype(np.uint8),
        opened.session.volume.affine,
        partial=True,
        ignored=ignored,
        defined=frozenset([Label.LIVER, Label.TUMOR]),
    )
    opened.session.store.open_labels(labels, "other.nii.gz")
    assert journals(autosave.folder) == []  # they are in their file
    paint(opened, (1, 1, 1), (3, 3, 3), Label.VESSEL)
    found = read(qtbot, autosave)
    np.testing.assert_array_equal(found.voxels, labels_of(opened))
    np.testing.assert_array_equal(unpack_mask(found.sections["ignored"], shape), ignored)
    said = found.sections["case"]["labels"]
    assert (said["partial"], said["file"]) == (True, "other.nii.gz")
    assert said["defined"] == ["liver", "tumor"]


def test_a_segmentation_is_kept_as_it_streams_but_not_before_it_has_found_something(
    qtbot: QtBot, opened: MainWindow, autosave: Autosave, stream: Stream
) -> None:
    paint(opened, (0, 0, 0), (2, 2, 2), Label.TUMOR)
    before = labels_of(opened)
    read(qtbot, autosave)
    stream.steps = []
    opened.files.dialogs.unsaved = Unsaved.DISCARD
    opened.actions_.segment.run.trigger()
    store = opened.session.store
    assert store.segmenting
    autosave._collect()  # as its timer does
    np.testing.assert_array_equal(read_journal(*journals(autosave.folder)).voxels, before)
    store.merge_slab(Slab(0, np.full((5, 7, 4), 1, np.uint8)))
    found = read(qtbot, autosave)
    np.testing.assert_array_equal(found.voxels, labels_of(opened))
    assert found.sections["case"]["labels"]["partial"]
    finish_segmentation(qtbot, opened, stream)
    found = read(qtbot, autosave)
    np.testing.assert_array_equal(found.voxels, labels_of(opened))
    assert not found.sections["case"]["labels"]["partial"]
    assert found.summary.unsaved


def test_labels_that_come_back_after_a_segmentation_without_any_are_kept(
    qtbot: QtBot, opened: MainWindow, autosave: Autosave, stream: Stream
) -> None:
    paint(opened, (0, 0, 0), (2, 2, 2), Label.TUMOR)
    before = labels_of(opened)
    start_segmentation(qtbot, opened)
    read(qtbot, autosave)
    opened.controller.cancel()
    opened.session.store.drop_unfinished_labels()
    found = read(qtbot, autosave)
    np.testing.assert_array_equal(found.voxels, before)
    np.testing.assert_array_equal(labels_of(opened), before)


def test_a_large_change_is_copied_in_steps_and_is_whole(
    qtbot: QtBot, opened: MainWindow, autosave: Autosave, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edits between the steps, too, also of what was copied already."""
    monkeypatch.setattr(module, "_STEP", 40)
    shape = opened.session.volume.shape
    rng = np.random.default_rng(2)
    with opened.session.store.edit(Box.of_shape(shape), "lasso, liver") as voxels:
        voxels[...] = rng.integers(0, 4, shape)
    autosave._timer.stop()
    for n in range(4):
        autosave._collect()
        assert autosave._job is None  # there is more to copy
        paint(opened, (n, 0, 0), (n + 1, 2, 9), n % 4)
    found = read(qtbot, autosave)
    np.testing.assert_array_equal(found.voxels, labels_of(opened))


def test_a_long_journal_begins_anew(
    qtbot: QtBot, opened: MainWindow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_LEAST_LIMIT", 1000)
    monkeypatch.setattr(module, "_SOON_MS", 0)
    autosave = keep_journal(opened, folder).autosave
    names = set()
    for n in range(60):
        paint(opened, (n % 5, 0, 0), (n % 5 + 1, 7, 9), 1 + n % 3)
        opened.session.set_crosshair((n % 5, n % 7, n % 9))
        found = read(qtbot, autosave)
        np.testing.assert_array_equal(found.voxels, labels_of(opened))
        assert found.sections["case"]["view"]["crosshair"] == [n % 5, n % 7, n % 9]
        (path,) = journals(folder)
        names.add(path.name)
    assert len(names) > 2


def test_an_edit_right_after_all_labels_were_replaced_is_kept_with_all_of_them(
    qtbot: QtBot, opened: MainWindow, autosave: Autosave
) -> None:
    paint(opened, (0, 0, 0), (2, 2, 2), Label.LIVER)
    read(qtbot, autosave)
    affine = opened.session.volume.affine
    opened.session.store.open_labels(LabelMap(np.full((5, 7, 9), 1, np.uint8), affine))
    paint(opened, (1, 1, 1), (3, 3, 3), Label.TUMOR)
    np.testing.assert_array_equal(read(qtbot, autosave).voxels, labels_of(opened))


# ---- when it goes --------------------------------------------------------------------------


def test_it_goes_when_the_window_is_closed(
    qtbot: QtBot, opened: MainWindow, autosave: Autosave, answers: Answers
) -> None:
    paint(opened, (0, 0, 0), (2, 2, 2), Label.LIVER)
    read(qtbot, autosave)
    paint(opened, (0, 0, 0), (2, 2, 2), Label.TUMOR)
    answers.unsaved = Unsaved.STAY
    opened.close()
    assert len(journals(autosave.folder)) == 1
    answers.unsaved = Unsaved.DISCARD
    opened.close()
    assert journals(autosave.folder) == []


def test_closing_in_the_middle_of_writing_leaves_nothing(
    qtbot: QtBot, opened: MainWindow, autosave: Autosave, answers: Answers
) -> None:
    paint(opened, (0, 0, 0), (2, 2, 2), Label.LIVER)
    autosave._collect()
    assert not autosave.is_written
    answers.unsaved = Unsaved.DISCARD
    opened.close()
    assert journals(autosave.folder) == []


def test_it_goes_when_another_scan_is_opened(
    qtbot: QtBot, opened: MainWindow, autosave: Autosave, write: Callable[..., Path]
) -> None:
    paint(opened, (0, 0, 0), (2, 2, 2), Label.LIVER)
    read(qtbot, autosave)
    other = write(np.full((4, 4, 4), -1000, np.int16), name="other.nii.gz")
    paint(opened, (0, 0, 0), (2, 2, 2), Label.TUMOR)
    autosave._collect()  # while a job writes
    open_scan(qtbot, opened, other)
    qtbot.waitUntil(lambda: journals(autosave.folder) == [], timeout=TIMEOUT_MS)
    paint(opened, (0, 0, 0), (2, 2, 2), Label.LIVER)
    found = read(qtbot, autosave)
    assert found.summary.header.scan["path"] == str(other)
    assert found.voxels.shape == (4, 4, 4)


def test_rulers_of_a_volume_that_is_no_file_are_kept(
    qtbot: QtBot, window: MainWindow, volume: Volume, folder: Path
) -> None:
    autosave = keep_journal(window, folder).autosave
    window.session.open(volume)
    assert not autosave.unsaved
    window.markups.add(Ruler(Plane.AXIAL, (0, 0, 1), (1, 1, 1)))
    assert autosave.unsaved
    found = read(qtbot, autosave)
    assert len(found.sections["case"]["markups"]) == 1
    assert found.sections["case"]["labels"] is None


# ---- disks and folders ---------------------------------------------------------------------


def test_a_full_disk_is_said_once_and_all_is_written_once_there_is_room(
    qtbot: QtBot, opened: MainWindow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AGAIN_MS", 0)
    autosave = keep_journal(opened, folder).autosave
    paint(opened, (0, 0, 0), (5, 7, 9), Label.LIVER)
    before = read(qtbot, autosave)
    write, tries = os.write, []

    def full(handle: int, content: bytes) -> int:
        tries.append(len(content))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    said: list[str] = []
    autosave.failed.connect(said.append)
    monkeypatch.setattr(writing.os, "write", full)
    paint(opened, (0, 0, 0), (2, 2, 2), Label.TUMOR)
    qtbot.waitUntil(lambda: len(tries) >= 3, timeout=TIMEOUT_MS)
    assert said == [
        f"What you do is not kept against a crash in {folder}, its disk is full: free some space; "
        "save often."
    ]
    assert opened.messages.text.text() == said[0]
    (path,) = journals(folder)
    np.testing.assert_array_equal(read_journal(path).voxels, before.voxels)
    paint(opened, (1, 1, 1), (3, 3, 3), Label.VESSEL)  # the window can be used
    monkeypatch.setattr(writing.os, "write", write)
    found = read(qtbot, autosave)
    np.testing.assert_array_equal(found.voxels, labels_of(opened))
    assert len(said) == 1


def test_a_folder_that_cannot_be_made_is_said(
    qtbot: QtBot, opened: MainWindow, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file")
    autosave = keep_journal(opened, tmp_path / "state" / "journals").autosave
    with qtbot.waitSignal(autosave.failed, timeout=TIMEOUT_MS) as failed:
        paint(opened, (0, 0, 0), (2, 2, 2), Label.LIVER)
    assert "it is no folder: make it one" in failed.args[0]
    paint(opened, (0, 0, 0), (2, 2, 2), Label.TUMOR)
    assert (labels_of(opened)[:2, :2, :2] == Label.TUMOR).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 9), (8, 8, 8)])
def test_masks_come_back(shape: tuple[int, int, int]) -> None:
    mask = np.random.default_rng(0).random(shape) < 0.4
    np.testing.assert_array_equal(unpack_mask(pack_mask(mask), shape), mask)
    for odd in (None, "", "????", pack_mask(np.ones((9, 9, 9), bool)), 7):
        assert unpack_mask(odd, shape) is None
