"""What a person rules out is out of the labels: in figures and files, over runs and restarts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.review import Verdict
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.files import images
from liverview.measurement.compute import measure
from liverview.ui.live.findings import Findings
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers
from support.window import open_scan

SHAPE = (40, 36, 24)
LARGE, SMALL = np.s_[6:18, 6:12, 4:9], np.s_[25:34, 20:24, 14:18]


def found_labels() -> np.ndarray:
    voxels = np.zeros(SHAPE, np.uint8, order="F")
    voxels[4:36, 4:32, 2:22] = Label.LIVER
    voxels[LARGE] = voxels[SMALL] = Label.TUMOR
    return voxels


def left_labels(*out: tuple[slice, slice, slice]) -> np.ndarray:
    voxels = found_labels()
    for part in out:
        voxels[part] = Label.LIVER
    return voxels


@pytest.fixture
def scan(write: Callable[..., Path]) -> Path:
    hu = np.random.default_rng(1).normal(60, 10, SHAPE).astype(np.int16)
    hu[0] = -1000
    return write(hu, np.diag([-1.5, -2.0, 3.0, 1.0]), name="scan.nii.gz")


def segment(window: MainWindow, voxels: np.ndarray, *, complete: bool = True) -> None:
    store = window.session.store
    store.begin_segmentation()
    store.merge_slab(Slab(0, voxels))
    store.end_segmentation(complete=complete)
    window._update_actions()  # what the end of the work does


def voxels_of(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.voxels


def wait_for(qtbot: QtBot, window: MainWindow, voxels: np.ndarray) -> None:
    qtbot.waitUntil(lambda: np.array_equal(voxels_of(window), voxels), timeout=TIMEOUT_MS)


def wait_until_measured(qtbot: QtBot, window: MainWindow) -> Findings:
    findings = window.panels.findings
    findings.set_wanted(True)
    qtbot.waitUntil(
        lambda: findings.measurement is not None and findings.is_current, timeout=TIMEOUT_MS
    )
    return findings


@pytest.fixture
def excluded(qtbot: QtBot, window: MainWindow, scan: Path) -> MainWindow:
    """A window whose larger lesion is ruled out."""
    open_scan(qtbot, window, scan)
    segment(window, found_labels())
    findings = wait_until_measured(qtbot, window)
    findings.exclude(1, "Not a lesion")
    assert np.array_equal(voxels_of(window), left_labels(LARGE))
    return window


def test_the_file_has_the_figures_of_the_window(
    qtbot: QtBot, excluded: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.label_map = tmp_path / "seg.nii.gz"
    with qtbot.waitSignal(excluded.controller.saving.saved, timeout=TIMEOUT_MS):
        excluded.actions_.file.save.trigger()
    saved = images.read_labels(answers.label_map)
    assert np.array_equal(saved.voxels, left_labels(LARGE))
    found = measure(saved)
    shown = wait_until_measured(qtbot, excluded).measurement
    assert shown is not None
    assert found.volume_ml == pytest.approx(shown.volume_ml)
    assert excluded.session.store.volume_ml(Label.TUMOR) == found.volume_ml[Label.TUMOR]
    assert [(one.reason, one.lesion.voxel_count) for one in found.ruled_out] == [
        ("Not a lesion", 12 * 6 * 5)
    ]
    # Opened again it is as it was, and Include brings the very voxels back.
    excluded.controller.loading.open_labels(answers.label_map)
    qtbot.waitUntil(lambda: excluded.session.store.source.file == "seg.nii.gz")
    findings = wait_until_measured(qtbot, excluded)
    qtbot.waitUntil(lambda: findings.excluded == {2: "Not a lesion"}, timeout=TIMEOUT_MS)
    assert not excluded.session.store.modified
    findings.include(2)
    assert np.array_equal(voxels_of(excluded), found_labels())
    assert excluded.session.store.modified


@pytest.mark.parametrize("complete", [True, False])
def test_it_is_ruled_out_of_a_new_run_as_well(
    qtbot: QtBot, excluded: MainWindow, complete: bool
) -> None:
    """Most of what the new run finds there was ruled out; the other lesion grows and stays."""
    other, expected = found_labels(), left_labels(LARGE)
    for voxels in (other, expected):
        voxels[24:35, 18:26, 13:20] = Label.TUMOR
    other[6:18, 5:13, 4:9] = Label.TUMOR  # 360 of its 480 voxels
    segment(excluded, other, complete=complete)
    wait_for(qtbot, excluded, expected)
    findings = wait_until_measured(qtbot, excluded)
    assert [one.voxel_count for one in findings.lesions] == [11 * 8 * 7]
    assert findings.excluded == {2: "Not a lesion"}
    findings.include(2)
    assert np.array_equal(voxels_of(excluded), other)


def test_a_lesion_that_has_swallowed_it_is_none_that_was_ruled_out(
    qtbot: QtBot, excluded: MainWindow
) -> None:
    larger = found_labels()
    larger[5:22, 5:20, 3:12] = Label.TUMOR
    segment(excluded, larger)
    findings = wait_until_measured(qtbot, excluded)
    assert len(findings.lesions) == 2
    assert np.array_equal(voxels_of(excluded), larger)
    segment(excluded, found_labels())  # and it waits for labels that have it again
    wait_for(qtbot, excluded, left_labels(LARGE))


def test_it_stays_out_while_thresholds_move(qtbot: QtBot, excluded: MainWindow) -> None:
    """Less and less is left of it, and then it is whole again: always out."""
    store = excluded.session.store
    assert store.labels is not None
    for first in (12, 17, 6):
        moved = left_labels(LARGE)
        moved[first:18, 6:12, 4:9] = Label.TUMOR
        store.replace_labels(LabelMap(moved, store.labels.affine), store._whole, "thresholds")
        wait_for(qtbot, excluded, left_labels(LARGE))
    findings = wait_until_measured(qtbot, excluded)
    findings.include(2)
    assert np.array_equal(voxels_of(excluded), found_labels())


def test_it_is_ruled_out_after_a_restart(
    qtbot: QtBot, excluded: MainWindow, scan: Path, make_window: Callable[[], MainWindow]
) -> None:
    later = make_window()
    open_scan(qtbot, later, scan)
    segment(later, found_labels())
    wait_for(qtbot, later, left_labels(LARGE))
    findings = wait_until_measured(qtbot, later)
    assert findings.excluded == {2: "Not a lesion"}
    findings.include(2)
    third = make_window()
    open_scan(qtbot, third, scan)
    segment(third, found_labels())
    wait_until_measured(qtbot, third)
    assert np.array_equal(voxels_of(third), found_labels())


def test_labels_that_never_heard_of_it_are_without_it_as_well(
    qtbot: QtBot, excluded: MainWindow, tmp_path: Path
) -> None:
    """Of another program, or saved before: then they are not what is in the file, and say so."""
    scan = excluded.session.volume
    assert scan is not None
    path = tmp_path / "theirs.nii.gz"
    images.write_labels(path, LabelMap(found_labels(), scan.affine), scan)
    excluded.controller.loading.open_labels(path)
    qtbot.waitUntil(lambda: excluded.session.store.source.file == "theirs.nii.gz")
    wait_for(qtbot, excluded, left_labels(LARGE))
    assert excluded.session.store.modified
    assert "ruled out before" in excluded.statusBar().currentMessage()


def test_every_verdict_can_be_undone(qtbot: QtBot, excluded: MainWindow) -> None:
    undo, findings = excluded.actions_.edit.undo, excluded.panels.findings
    wait_until_measured(qtbot, excluded)
    findings.exclude(1, "cyst")
    assert np.array_equal(voxels_of(excluded), left_labels(LARGE, SMALL))
    wait_until_measured(qtbot, excluded)
    findings.include(2)  # of the two that are ruled out, in the order they were
    wait_for(qtbot, excluded, left_labels(LARGE))
    review = excluded.session.review
    states = [left_labels(LARGE, SMALL), left_labels(LARGE), found_labels()]
    for state, said in zip(states, (2, 1, 0), strict=True):
        undo.trigger()
        assert np.array_equal(voxels_of(excluded), state)
        assert len(review.remembered) == len(review.in_force) == said
    undo.trigger()  # the segmentation
    assert not voxels_of(excluded).any()
    for state in (*reversed(states), left_labels(LARGE)):
        excluded.actions_.edit.redo.trigger()
        assert np.array_equal(voxels_of(excluded), state)
    wait_until_measured(qtbot, excluded)  # nothing that was said is applied a second time
    assert np.array_equal(voxels_of(excluded), left_labels(LARGE))
    assert not excluded.session.store.history.can_redo


def test_another_scan_has_marks_of_its_own(
    qtbot: QtBot, excluded: MainWindow, volume: Volume
) -> None:
    excluded.session.store.mark_saved()
    excluded.session.open(volume)
    assert excluded.session.review.remembered == ()
    assert excluded.session.review.ruled_out == ()


def test_what_is_ruled_out_is_outlined_in_gray(qtbot: QtBot, excluded: MainWindow) -> None:
    session = excluded.session
    session.set_crosshair((12, 8, 6))
    session.set_show_crosshair(False)
    for label in Label:
        if label:
            session.set_style(label, visible=False)
    for plane in Plane:
        view = excluded.views.by_plane[plane]
        session.review.set_shown(True)
        with_outline = view.grab().toImage()
        session.review.set_shown(False)
        assert view.grab().toImage() != with_outline
    assert [mark.verdict for mark in session.review.ruled_out] == [Verdict.RULED_OUT]
