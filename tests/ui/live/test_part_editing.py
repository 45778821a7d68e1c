"""Parts of organs are found and worked on in jobs, and follow the labels as they change."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Plane
from liverview.editing.part_commands import (
    DeletePart,
    FillHoles,
    RelabelPart,
    ResizePart,
    SmoothPart,
)
from liverview.editing.part_split import CutLine
from liverview.ui.jobs import generators
from liverview.ui.live import part_editing, part_search
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS
from support.drawn_parts import LEFT, SMALL, labels_of, open_parts


@pytest.fixture
def shown(window: MainWindow) -> MainWindow:
    open_parts(window)
    return window


@pytest.fixture
def in_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything counts as large."""
    monkeypatch.setattr(part_editing, "_AT_ONCE", 0)
    monkeypatch.setattr(part_search, "_AT_ONCE", 0)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Commands in jobs go on once this is set."""
    go, edit = Event(), generators.iter_edit_parts

    def iter_edit_parts(*arguments: object) -> Iterator[object]:
        while not go.wait(0.01):
            yield None
        yield from edit(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(generators, "iter_edit_parts", iter_edit_parts)
    yield go
    go.set()


def said(window: MainWindow) -> list[str]:
    """What is told from now on."""
    messages: list[str] = []
    window.parts.message.connect(messages.append)
    return messages


def counts(window: MainWindow) -> list[int]:
    return [part.voxel_count for part in window.session.selected.parts]


def wait_idle(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: not window.controller.runner._live, timeout=TIMEOUT_MS)


def test_jobs_find_and_change_what_is_done_at_once_elsewhere(
    shown: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, in_jobs: None
) -> None:
    def run(steps: list[object]) -> np.ndarray:
        open_parts(shown)
        shown.parts.select_at(LEFT)
        qtbot.waitUntil(lambda: bool(counts(shown)), timeout=TIMEOUT_MS)
        for command in steps:
            with qtbot.waitSignal(shown.session.store.changed, timeout=TIMEOUT_MS):
                shown.parts.run(command)  # type: ignore[arg-type]
            qtbot.waitUntil(lambda: shown.parts.can_run, timeout=TIMEOUT_MS)
        wait_idle(qtbot, shown)
        return labels_of(shown).copy()

    steps: list[object] = [ResizePart(3.0), SmoothPart(3.0), ResizePart(-2.0)]
    in_background = run(steps)
    monkeypatch.undo()
    assert np.array_equal(run(steps), in_background)
    assert (in_background == Label.TUMOR).any()


def test_both_sides_of_a_split_are_found_in_jobs(
    shown: MainWindow, qtbot: QtBot, in_jobs: None
) -> None:
    shown.parts.split(CutLine(Plane.AXIAL, 9, (17.0, 3.0), (17.0, 17.0)))
    with qtbot.waitSignal(shown.session.store.changed, timeout=TIMEOUT_MS):
        pass
    assert counts(shown) == []  # while the pieces are looked for, Delete takes nothing
    shown.parts.run(DeletePart())
    qtbot.waitUntil(lambda: len(counts(shown)) == 1, timeout=TIMEOUT_MS)
    wait_idle(qtbot, shown)
    lesions, _ = ndimage.label(labels_of(shown) == Label.TUMOR, np.ones((3, 3, 3)))
    sizes = np.bincount(lesions.ravel())
    assert counts(shown) == [sizes[lesions[LEFT]]]  # the smaller side
    assert sizes[1:].sum() == 9 * 9 * 7 + 11 * 9 * 7 + 3 * 4 + 125


def test_the_window_is_free_while_a_command_runs(
    shown: MainWindow, qtbot: QtBot, in_jobs: None, held: Event
) -> None:
    messages = said(shown)
    shown.parts.select_at(SMALL)
    qtbot.waitUntil(lambda: counts(shown) == [125], timeout=TIMEOUT_MS)
    before = labels_of(shown).copy()
    shown.parts.run(DeletePart())
    assert not shown.parts.can_run
    assert not shown.actions_.parts.delete.isEnabled()
    shown.parts.run(DeletePart())
    assert messages[-1] == "Wait for the last command on a part to end."
    assert np.array_equal(labels_of(shown), before)
    with qtbot.waitSignal(shown.session.store.changed, timeout=TIMEOUT_MS):
        held.set()
    assert labels_of(shown)[SMALL] == Label.LIVER
    wait_idle(qtbot, shown)


def test_labels_that_change_meanwhile_are_kept_and_it_is_said(
    shown: MainWindow, qtbot: QtBot, in_jobs: None, held: Event
) -> None:
    messages, store = said(shown), shown.session.store
    shown.parts.select_at(SMALL)
    qtbot.waitUntil(lambda: counts(shown) == [125], timeout=TIMEOUT_MS)
    shown.parts.run(DeletePart())
    with store.edit(Box.from_bounds(SMALL, np.add(SMALL, 1)), "brush, vessel") as voxels:
        voxels[...] = Label.VESSEL
    edited = labels_of(shown).copy()
    held.set()
    qtbot.waitUntil(lambda: "changed meanwhile" in messages[-1], timeout=TIMEOUT_MS)
    assert np.array_equal(labels_of(shown), edited)
    qtbot.waitUntil(lambda: counts(shown) == [124], timeout=TIMEOUT_MS)
    wait_idle(qtbot, shown)


def test_labels_that_change_elsewhere_do_no_harm(
    shown: MainWindow, qtbot: QtBot, in_jobs: None, held: Event
) -> None:
    shown.parts.select_at(SMALL)
    qtbot.waitUntil(lambda: counts(shown) == [125], timeout=TIMEOUT_MS)
    shown.parts.run(DeletePart())
    with shown.session.store.edit(Box.from_bounds((0, 0, 0), (2, 2, 2)), "brush") as voxels:
        voxels[...] = Label.VESSEL
    held.set()
    qtbot.waitUntil(lambda: labels_of(shown)[SMALL] == Label.LIVER, timeout=TIMEOUT_MS)
    assert (labels_of(shown)[:2, :2, :2] == Label.VESSEL).all()
    wait_idle(qtbot, shown)


def test_another_scan_ends_a_command(
    shown: MainWindow, qtbot: QtBot, in_jobs: None, held: Event
) -> None:
    shown.parts.select_at(SMALL)
    qtbot.waitUntil(lambda: counts(shown) == [125], timeout=TIMEOUT_MS)
    shown.parts.run(DeletePart())
    before = open_parts(shown)
    held.set()
    wait_idle(qtbot, shown)
    assert np.array_equal(labels_of(shown), before)
    assert counts(shown) == []


def test_a_selection_follows_the_labels(shown: MainWindow, qtbot: QtBot) -> None:
    store = shown.session.store
    shown.parts.select_at(SMALL)
    with store.edit(Box.from_bounds((28, 24, 14), (29, 29, 19)), "erase, tumor") as voxels:
        voxels[...] = Label.LIVER
    qtbot.waitUntil(lambda: counts(shown) == [100], timeout=TIMEOUT_MS)
    with store.edit(Box.from_bounds((33, 24, 14), (34, 25, 15)), "brush, tumor") as voxels:
        voxels[...] = Label.TUMOR
    assert counts(shown) == [100]
    shown.parts.run(DeletePart())  # at once: what was drawn just now goes as well
    assert (labels_of(shown)[28:34, 24:29, 14:19] == Label.LIVER).all()
    assert counts(shown) == []
    shown.parts.select_at(LEFT)
    shown.session.store.begin_segmentation()
    qtbot.waitUntil(lambda: counts(shown) == [], timeout=TIMEOUT_MS)
    shown.session.store.end_segmentation(complete=False)


def test_an_edit_while_a_segmentation_streams_is_made_or_refused_in_a_sentence(
    shown: MainWindow, qtbot: QtBot
) -> None:
    store, messages = shown.session.store, said(shown)
    labels = labels_of(shown).copy()
    store.begin_segmentation()
    store.merge_slab(Slab(12, labels[:, :, 12:21]))
    shown.parts.select_at(SMALL)
    assert counts(shown) == [125]
    shown.parts.run(DeletePart())
    refused = any("cannot be edited while a segmentation streams" in text for text in messages)
    assert (labels_of(shown)[SMALL] == Label.TUMOR) == refused
    store.end_segmentation(complete=True)
    if refused:
        shown.parts.run(DeletePart())
    assert labels_of(shown)[SMALL] == Label.LIVER


def test_what_cannot_change_is_said(shown: MainWindow) -> None:
    messages = said(shown)
    shown.parts.run(DeletePart())
    assert messages[-1].startswith("Select a part first")
    shown.parts.select_at(SMALL)
    shown.parts.run(FillHoles())
    assert messages[-1] == "The part has no holes that may be filled."
    shown.session.editing.set_limits(locked=frozenset({Label.TUMOR}))
    before = labels_of(shown).copy()
    shown.parts.run(DeletePart())
    assert messages[-1] == "Nothing changed: Tumor cannot be changed while locked."
    assert np.array_equal(labels_of(shown), before)


def test_a_part_that_becomes_another_label_names_it(shown: MainWindow) -> None:
    store, volume = shown.session.store, shown.session.volume
    assert volume is not None
    labels = np.where(labels_of(shown) > 0, np.uint8(Label.TUMOR), np.uint8(0))
    store.open_labels(LabelMap(labels, volume.affine, defined=frozenset({Label.TUMOR})))
    assert np.isnan(store.volume_ml(Label.VESSEL))
    shown.parts.select_at(SMALL)
    (count,) = counts(shown)
    shown.parts.run(RelabelPart(Label.VESSEL))
    assert store.volume_ml(Label.VESSEL) == pytest.approx(count * volume.voxel_ml)
    store.history.undo()
    assert np.isnan(store.volume_ml(Label.VESSEL))
