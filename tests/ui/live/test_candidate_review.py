"""Candidates for lesions in the window: the slider, the table, and a key for each verdict."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidates
from liverview.core.labels import Label
from liverview.core.review import Verdict
from liverview.core.volume import Plane
from liverview.ui.app import keep_journal
from liverview.ui.jobs import generators
from liverview.ui.live.candidate_review import CandidateReview
from liverview.ui.live.findings import Findings
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.lesion_model import COLUMNS
from liverview.ui.widgets.certainty_slider import ROW_OF_DOTS

from support.answers import TIMEOUT_MS, Answers
from support.candidates import SHAPE, found_candidates, iter_found, labels_from
from support.journals import answer, labels_of, left_after_a_crash, offer
from support.sessions import change_state
from support.window import open_scan

MakeWindow = Callable[..., MainWindow]
SURE, NUMBER = list(COLUMNS).index("Sure"), 0
TUMOR = int(Label.TUMOR)


@pytest.fixture
def scan(write: Callable[..., Path]) -> Path:
    hu = np.random.default_rng(1).normal(60, 10, SHAPE).astype(np.int16)
    hu[0] = -1000
    return write(hu, np.diag([-1.5, -2.0, 3.0, 1.0]), name="scan.nii.gz")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[LesionCandidates]:
    """What the next segmentation finds: the last one in the list."""
    listed = [found_candidates()]
    monkeypatch.setattr(generators, "iter_segment", lambda *_: iter_found(listed[-1]))
    return listed


@pytest.fixture
def shown(
    qtbot: QtBot, window: MainWindow, scan: Path, found: list[LesionCandidates]
) -> MainWindow:
    """A window whose scan was segmented, with five candidates: three of them shown."""
    open_scan(qtbot, window, scan)
    segment(qtbot, window)
    return window


def segment(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.actions_.segment.run.trigger()


def review_of(window: MainWindow) -> CandidateReview:
    return window.panels.candidates


def measured(qtbot: QtBot, window: MainWindow) -> Findings:
    findings = window.panels.findings
    findings.set_wanted(True)
    qtbot.waitUntil(
        lambda: findings.measurement is not None and findings.is_current, timeout=TIMEOUT_MS
    )
    return findings


def column(window: MainWindow, which: int) -> list[str]:
    model = window.panels.findings_panel.table.model()
    return [model.index(row, which).data() for row in range(model.rowCount())]


def move(qtbot: QtBot, window: MainWindow, percent: int) -> None:
    """Move the slider as a key does, and wait until it is in force."""
    window.panels.findings_panel.candidates.slider.setValue(percent)
    labels = window.session.store
    qtbot.waitUntil(
        lambda: labels.labels is not None and labels.labels.least_certainty == percent / 100,
        timeout=TIMEOUT_MS,
    )


def press(window: MainWindow, key: Qt.Key) -> None:
    window.activateWindow()
    view = window.views.by_plane[Plane.AXIAL]
    view.setFocus()
    QApplication.processEvents()
    QTest.keyClick(view, key)


def judged(window: MainWindow) -> dict[float, str]:
    """Verdicts by certainty of the candidates that they are on."""
    return {
        part.certainty: mark.verdict.value
        for part in review_of(window).parts
        for mark in window.session.review.in_force
        if mark.concerns_part(part.box.start, part.mask)
    }


# ---- the slider ------------------------------------------------------------------------------


def test_a_run_delivers_its_candidates_and_the_slider_says_how_many(shown: MainWindow) -> None:
    controls = shown.panels.findings_panel.candidates
    assert controls.slider.isEnabled()
    assert controls.slider.value() == 50
    assert controls.count.text() == "Lesions from 50 % sure: 3 of 5"
    assert controls.hint.text() == "Y accepts, U rejects"
    assert np.array_equal(labels_of(shown), labels_from(found_candidates(), 0.5))


def test_the_slider_shows_and_hides_at_once_and_back_to_the_bit(
    qtbot: QtBot, shown: MainWindow
) -> None:
    for percent in (10, 90, 32, 50):
        move(qtbot, shown, percent)
        assert np.array_equal(labels_of(shown), labels_from(found_candidates(), percent / 100))
    assert shown.panels.findings_panel.candidates.count.text().endswith("3 of 5")


def test_a_drag_is_one_step_and_a_double_click_goes_back(qtbot: QtBot, shown: MainWindow) -> None:
    slider, store = shown.panels.findings_panel.candidates.slider, shown.session.store
    shown.panels.show("findings")
    QApplication.processEvents()
    steps = len(store.history.core)

    def at(percent: int) -> QPoint:
        return QPointF(slider.position_of(percent / 100), slider.height() / 2 - 5).toPoint()

    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=at(50))
    for percent in (40, 25, 10):
        qtbot.mouseMove(slider, at(percent))
        QApplication.processEvents()
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=at(10))
    assert slider.value() < 20
    assert np.array_equal(labels_of(shown), labels_from(found_candidates(), slider.value() / 100))
    assert len(store.history.core) == steps + 1
    qtbot.mouseDClick(slider, Qt.MouseButton.LeftButton, pos=at(slider.value()))
    qtbot.waitUntil(lambda: slider.value() == 50 and review_of(shown)._wanted is None)
    assert np.array_equal(labels_of(shown), labels_from(found_candidates(), 0.5))
    shown.actions_.edit.undo.trigger()
    assert slider.value() < 20
    shown.actions_.edit.undo.trigger()
    assert slider.value() == 50
    assert store.history.undo_name != "sure lesions"


def test_without_candidates_the_slider_says_why(
    qtbot: QtBot, window: MainWindow, scan: Path, found: list[LesionCandidates]
) -> None:
    controls = window.panels.findings_panel.candidates
    assert "No candidates are known" in controls.toolTip()
    open_scan(qtbot, window, scan)
    found.append(LesionCandidates((), 0.5))
    segment(qtbot, window)
    assert not controls.slider.isEnabled()
    assert controls.count.isHidden()
    assert window.panels.findings_panel.table.isColumnHidden(SURE)
    press(window, Qt.Key.Key_Y)
    assert window.session.review.in_force == ()


def test_labels_of_a_file_have_none_and_a_new_run_brings_its_own(
    qtbot: QtBot, shown: MainWindow, answers: Answers, tmp_path: Path, found: list[LesionCandidates]
) -> None:
    answers.label_map = tmp_path / "seg.nii.gz"
    with qtbot.waitSignal(shown.controller.saving.saved, timeout=TIMEOUT_MS):
        shown.actions_.file.save.trigger()
    shown.controller.loading.open_labels(answers.label_map)
    qtbot.waitUntil(lambda: shown.session.store.source.file == "seg.nii.gz", timeout=TIMEOUT_MS)
    assert not shown.panels.findings_panel.candidates.slider.isEnabled()
    found.append(found_candidates(1))
    segment(qtbot, shown)
    assert [part.certainty for part in review_of(shown).parts] == [0.97]
    shown.actions_.edit.undo.trigger()
    assert review_of(shown).parts == ()
    shown.actions_.edit.undo.trigger()
    assert len(review_of(shown).parts) == 5


# ---- the table -------------------------------------------------------------------------------


def test_the_table_ranks_by_certainty_and_lists_what_is_hidden(
    qtbot: QtBot, shown: MainWindow
) -> None:
    with shown.session.store.edit(Box.from_bounds((30, 26, 18), (33, 29, 21)), "brush") as voxels:
        voxels[...] = Label.TUMOR
    findings = measured(qtbot, shown)
    assert column(shown, SURE) == ["hand", "97 %", "82 %", "55 %", "31 %", "12 %"]
    assert column(shown, NUMBER)[4:] == ["–", "–"]
    table = shown.panels.findings_panel.table
    table.sortByColumn(1, Qt.SortOrder.AscendingOrder)  # by volume: what is hidden stays below
    assert column(shown, SURE)[-2:] == ["12 %", "31 %"]
    findings.choose(findings.hidden[0].number)
    part = review_of(shown).parts[3]
    assert part.contains(shown.session.crosshair)
    assert review_of(shown).current_hidden is part
    assert table.chosen_numbers() == [findings.hidden[0].number]
    move(qtbot, shown, 20)
    measured(qtbot, shown)
    assert column(shown, SURE)[-1] == "12 %"
    assert column(shown, NUMBER)[-1] == "–"
    assert [one.certainty for one in findings.listed if one.number == findings.chosen] == [0.31]


def test_report_and_tables_have_certainty_and_setting(
    qtbot: QtBot, shown: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    shown.session.set_crosshair(review_of(shown).parts[3].inside)
    review_of(shown).accept()  # the one of 31 %
    answers.folder = tmp_path
    with qtbot.waitSignal(shown.reporting.written, timeout=TIMEOUT_MS) as written:
        shown.actions_.file.report.trigger()
    html = written.args[0].read_text(encoding="utf-8")
    assert "from 50 % certainty on" in html
    assert "31 %" in html
    [record] = [json.loads(one.read_text(encoding="utf-8")) for one in tmp_path.glob("*.json")]
    assert record["least_certainty"] == 0.5
    rows = {one["certainty"]: one["accepted"] for one in record["lesions"]}
    assert rows == {0.97: False, 0.82: False, 0.55: False, 0.31: True}
    with next(tmp_path.glob("*_lesions.csv")).open(encoding="utf-8", newline="") as file:
        table = {row["certainty"]: row["accepted"] for row in csv.DictReader(file)}
    assert table == {"0.97": "no", "0.82": "no", "0.55": "no", "0.31": "yes"}


# ---- a key for each verdict ------------------------------------------------------------------


def test_keys_judge_what_is_looked_at_and_go_on(shown: MainWindow, qtbot: QtBot) -> None:
    parts = review_of(shown).parts
    shown.session.set_crosshair((0, 0, 0))
    press(shown, Qt.Key.Key_Y)  # nothing is looked at: it only goes to the surest
    assert judged(shown) == {}
    assert parts[0].contains(shown.session.crosshair)
    for index, key in enumerate((Qt.Key.Key_Y, Qt.Key.Key_U, Qt.Key.Key_Y, Qt.Key.Key_Y)):
        assert review_of(shown).current is parts[index]
        press(shown, key)
        assert parts[index + 1].contains(shown.session.crosshair)
    press(shown, Qt.Key.Key_U)
    said = {0.97: "accepted", 0.82: "ruled_out", 0.55: "accepted", 0.31: "accepted",
            0.12: "ruled_out"}  # fmt: skip
    assert judged(shown) == said
    expected = labels_from(found_candidates(), 0.0)
    for index in (1, 4):
        expected[parts[index].box][parts[index].mask] = parts[index].otherwise[parts[index].mask]
    for percent in (50, 0, 100):
        shown.session.store.set_least_certainty(percent / 100)
        assert np.array_equal(labels_of(shown), expected)
    press(shown, Qt.Key.Key_U)  # all are judged: the last one stays as it is
    assert judged(shown) == said


def test_a_verdict_is_undone_and_done_again(shown: MainWindow) -> None:
    parts, first = review_of(shown).parts, labels_of(shown)
    for index, judge in ((3, review_of(shown).accept), (0, review_of(shown).reject)):
        shown.session.set_crosshair(parts[index].inside)
        judge()
    last = labels_of(shown)
    for _ in range(2):
        shown.actions_.edit.undo.trigger()
    assert np.array_equal(labels_of(shown), first)
    assert judged(shown) == {}
    for _ in range(2):
        shown.actions_.edit.redo.trigger()
    assert np.array_equal(labels_of(shown), last)
    assert judged(shown) == {0.31: "accepted", 0.97: "ruled_out"}
    assert not shown.session.store.hand.has_any(shown.session.labels)


def test_nothing_is_judged_that_is_not_looked_at(shown: MainWindow) -> None:
    review, session = review_of(shown), shown.session
    review.step(1)
    i, j, _ = session.crosshair
    session.set_crosshair((i, j, SHAPE[2] - 1))  # scrolled away in the axial view
    assert review.current is review.parts[0]
    session.set_crosshair((0, 0, SHAPE[2] - 1))
    assert review.current is None
    review.reject()
    assert judged(shown) == {}


def test_all_rejected_leaves_no_tumor_and_the_slider_none(qtbot: QtBot, shown: MainWindow) -> None:
    review = review_of(shown)
    review.step(1)
    for _ in review.parts:
        review.reject()
    assert not (labels_of(shown) == TUMOR).any()
    move(qtbot, shown, 0)
    assert not (labels_of(shown) == TUMOR).any()
    assert review.shown_count == 0
    assert measured(qtbot, shown).lesions == ()


def test_one_candidate_and_a_lesion_that_a_person_drew(
    qtbot: QtBot, shown: MainWindow, found: list[LesionCandidates]
) -> None:
    found.append(found_candidates(1))
    shown.session.store.mark_saved()
    segment(qtbot, shown)
    with shown.session.store.edit(Box.from_bounds((30, 26, 18), (33, 29, 21)), "brush") as voxels:
        voxels[...] = Label.TUMOR
    measured(qtbot, shown)
    shown.session.set_crosshair((31, 27, 19))
    review_of(shown).reject()
    assert labels_of(shown)[31, 27, 19] == Label.LIVER
    assert review_of(shown).current is review_of(shown).parts[0]
    review_of(shown).step(-1)
    assert review_of(shown).current is review_of(shown).parts[0]


def test_a_new_run_takes_over_what_was_said(qtbot: QtBot, shown: MainWindow) -> None:
    parts = review_of(shown).parts
    for index, judge in ((3, review_of(shown).accept), (0, review_of(shown).reject)):
        shown.session.set_crosshair(parts[index].inside)
        judge()
    last = labels_of(shown)
    segment(qtbot, shown)
    qtbot.waitUntil(lambda: np.array_equal(labels_of(shown), last), timeout=TIMEOUT_MS)
    assert judged(shown) == {0.31: "accepted", 0.97: "ruled_out"}


def test_the_views_go_there_when_they_are_enlarged(shown: MainWindow) -> None:
    view = shown.views.by_plane[Plane.AXIAL]
    shown.session.set_crosshair((4, 4, 4))
    for _ in range(4):
        view.zoom(2, view.widget_position(shown.session.crosshair))
    review_of(shown).step(1)
    at = view.widget_position(shown.session.crosshair)
    assert view.viewport().rect().contains(at.toPoint())


def test_a_view_that_shows_all_of_its_slice_does_not_move(shown: MainWindow) -> None:
    view = shown.views.by_plane[Plane.AXIAL]
    view.fit_slice()
    before = view.seen_rect
    for _ in range(5):  # one of them is at the scan's edge
        review_of(shown).step(1)
    assert view.seen_rect == before


def test_dots_have_the_color_of_what_is_a_tumor(qtbot: QtBot, shown: MainWindow) -> None:
    """Also where the verdict is another one than the slider's."""
    parts = review_of(shown).parts
    for index, judge in ((3, review_of(shown).accept), (0, review_of(shown).reject)):
        shown.session.set_crosshair(parts[index].inside)
        judge()
    slider = shown.panels.findings_panel.candidates.slider
    picture, low = slider.grab().toImage(), slider.height() - ROW_OF_DOTS // 2
    tumor = QColor(*shown.session.styles[Label.TUMOR].color)
    colors = [picture.pixelColor(round(slider.position_of(p.certainty)), low) for p in parts]
    assert [color == tumor for color in colors] == [False, True, True, True, False]


def test_the_next_candidate_is_told_and_its_row_comes_into_sight(
    qtbot: QtBot, shown: MainWindow
) -> None:
    measured(qtbot, shown)
    table = shown.panels.findings_panel.table
    table.setFixedHeight(table.minimumHeight())  # three of the five rows
    said: list[str] = []
    review_of(shown).message.connect(said.append)
    shown.session.set_crosshair((4, 4, 4))
    for _ in range(5):
        review_of(shown).step(-1)
        (row,) = table.selectionModel().selectedRows()
        assert table.viewport().rect().contains(table.visualRect(row))
    review_of(shown).reject()
    review_of(shown).step(-1)
    measured(qtbot, shown)  # the row has become another one
    (row,) = table.selectionModel().selectedRows()
    assert table.viewport().rect().contains(table.visualRect(row))
    assert said == [
        "Candidate 5 of 5: 12 % sure, not shown.",
        "Candidate 4 of 5: 31 % sure, not shown.",
        "Candidate 3 of 5: 55 % sure.",
        "Candidate 2 of 5: 82 % sure.",
        "Candidate 1 of 5: 97 % sure.",
        "Rejected. 4 to judge.",
        "Candidate 1 of 5: 97 % sure, rejected.",
    ]


# ---- kept ------------------------------------------------------------------------------------


@pytest.fixture
def changed(qtbot: QtBot, shown: MainWindow) -> MainWindow:
    """A window with another setting, a verdict on a hidden candidate, and one on a shown one."""
    parts = review_of(shown).parts
    move(qtbot, shown, 70)
    for index, judge in ((3, review_of(shown).accept), (1, review_of(shown).reject)):
        shown.session.set_crosshair(parts[index].inside)
        judge()
    return shown


def assert_same(qtbot: QtBot, window: MainWindow, voxels: np.ndarray) -> None:
    """All is as it was, and goes on from there."""
    assert np.array_equal(labels_of(window), voxels)
    slider = window.panels.findings_panel.candidates.slider
    assert (slider.value(), slider.isEnabled()) == (70, True)
    assert judged(window) == {0.31: "accepted", 0.82: "ruled_out"}
    move(qtbot, window, 0)
    parts, expected = review_of(window).parts, labels_from(found_candidates(), 0.0)
    expected[parts[1].box][parts[1].mask] = Label.LIVER
    assert np.array_equal(labels_of(window), expected)


def test_a_session_keeps_candidates_setting_and_verdicts(
    qtbot: QtBot, changed: MainWindow, answers: Answers, make_window: MakeWindow, tmp_path: Path
) -> None:
    path = answers.session_file = tmp_path / "case.liverview"
    voxels, answers.keep_history = labels_of(changed), True
    with qtbot.waitSignal(changed.controller.saving.saved, timeout=TIMEOUT_MS):
        changed.actions_.file.save_session.trigger()
    qtbot.waitUntil(lambda: not changed.controller.saving.is_running, timeout=TIMEOUT_MS)
    changed.close()
    again = make_window()
    with qtbot.waitSignal(again.controller.idle, timeout=TIMEOUT_MS):
        again.open(path)
    assert not again.session.store.modified
    for _ in range(3):
        again.actions_.edit.undo.trigger()
    assert np.array_equal(labels_of(again), labels_from(found_candidates(), 0.5))
    for _ in range(3):
        again.actions_.edit.redo.trigger()
    assert_same(qtbot, again, voxels)


@pytest.mark.parametrize("how", ["older", "damaged"])
def test_a_session_without_candidates_opens(
    qtbot: QtBot,
    shown: MainWindow,
    answers: Answers,
    make_window: MakeWindow,
    tmp_path: Path,
    how: str,
) -> None:
    """Of an older version, which knew none, and one that a disk has damaged."""
    path = answers.session_file = tmp_path / "case.liverview"
    voxels = labels_of(shown)
    with qtbot.waitSignal(shown.controller.saving.saved, timeout=TIMEOUT_MS):
        shown.actions_.file.save_session.trigger()
    qtbot.waitUntil(lambda: not shown.controller.saving.is_running, timeout=TIMEOUT_MS)
    shown.close()

    def change(state: dict[str, dict[str, object]]) -> None:
        labels = state["labels"]
        if how == "older":
            del labels["candidates"], labels["least_certainty"]
        else:
            labels["candidates"] = [{"certainty": 7}]

    change_state(path, change)
    again = make_window()
    with qtbot.waitSignal(again.controller.idle, timeout=TIMEOUT_MS):
        again.open(path)
    assert np.array_equal(labels_of(again), voxels)
    assert review_of(again).parts == ()
    assert ("not known any more" in again.messages.text.text()) == (how == "damaged")


def test_a_crash_costs_no_candidate(
    qtbot: QtBot, shown: MainWindow, make_window: MakeWindow, tmp_path: Path
) -> None:
    """Neither those known when the journal began nor the setting since."""
    autosave = keep_journal(shown, tmp_path / "first").autosave
    parts = review_of(shown).parts
    shown.session.set_crosshair(parts[3].inside)
    review_of(shown).accept()
    qtbot.waitUntil(lambda: autosave.is_written, timeout=TIMEOUT_MS)
    move(qtbot, shown, 70)
    shown.session.set_crosshair(parts[1].inside)
    review_of(shown).reject()
    voxels = labels_of(shown)
    left = left_after_a_crash(qtbot, autosave, tmp_path / "left")
    window = make_window()
    offer(qtbot, window, left)
    answer(window, "Restore")
    qtbot.waitUntil(
        lambda: "scan.nii.gz is as it was" in window.messages.text.text(), timeout=TIMEOUT_MS
    )
    assert_same(qtbot, window, voxels)
    assert all(mark.verdict is not Verdict.TARGET for mark in window.session.review.remembered)
