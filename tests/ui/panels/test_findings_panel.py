"""The Findings panel: figures of the labels as they are, lesions, exclusions, drawn diameters."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from threading import Event
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QFontMetrics
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.measurement.compute import measure
from liverview.ui.jobs import following
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.findings_panel import FindingsPanel
from liverview.ui.panels.lesion_delegate import LINES_ROLE
from liverview.ui.widgets.formatting import format_ml

from support.answers import TIMEOUT_MS

SHAPE = (40, 36, 24)


@pytest.fixture
def scan() -> Volume:
    rng = np.random.default_rng(1)
    affine = np.diag([1.5, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-20, 10, 5)
    return Volume(rng.normal(60, 10, SHAPE).astype(np.int16), affine, name="case")


def truth() -> np.ndarray:
    """A liver with a large, a middle and a small lesion, and a vessel."""
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[4:36, 4:32, 2:22] = Label.LIVER
    labels[20:22, 10:30, 11] = Label.VESSEL
    labels[6:18, 6:12, 4:9] = Label.TUMOR
    labels[25:34, 20:24, 14:18] = Label.TUMOR
    labels[30:32, 8:10, 6:8] = Label.TUMOR
    return labels


def segment(window: MainWindow, *slabs: Slab) -> None:
    window.session.store.begin_segmentation()
    for slab in slabs:
        window.session.store.merge_slab(slab)
    window.session.store.end_segmentation(complete=True)


@pytest.fixture
def panel(window: MainWindow, scan: Volume) -> FindingsPanel:
    window.session.open(scan)
    found = window.panels.docks["findings"].widget()
    assert isinstance(found, FindingsPanel)
    return found


@pytest.fixture
def slow_measurement(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Measurements begin once this is set."""
    go, measured = Event(), following.iter_measure

    def iter_measure(*given: Any) -> Iterator[object]:
        go.wait(TIMEOUT_MS / 1000)
        yield from measured(*given)

    monkeypatch.setattr(following, "iter_measure", iter_measure)
    yield go
    go.set()


def wait(qtbot: QtBot, panel: FindingsPanel) -> None:
    """Until the figures are those of the labels."""
    findings = panel.findings
    qtbot.waitUntil(lambda: findings.measurement is not None and findings.is_current)


def texts(panel: FindingsPanel, column: int) -> list[str]:
    model = panel.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def click(qtbot: QtBot, panel: FindingsPanel, row: int) -> None:
    place = panel.table.visualRect(panel.table.model().index(row, 0)).center()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_figures_are_those_of_the_labels(
    window: MainWindow, panel: FindingsPanel, scan: Volume, qtbot: QtBot
) -> None:
    assert "F5" in panel.state.text()
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    assert window.session.labels is not None
    expected = measure(window.session.labels, scan)
    shown = {name: label.text() for name, label in panel.figures.items()}
    assert shown["organ"] == f"{32 * 28 * 20 * 0.009:,.0f} mL"
    assert shown["tumor"] == f"{(12 * 6 * 5 + 9 * 4 * 4 + 8) * 0.009:.1f} mL"
    assert shown["burden"] == f"{expected.tumor_burden_percent:.1f} %"
    assert texts(panel, 0) == ["1", "2", "3"]
    assert texts(panel, 2) == [f"{lesion.longest_mm:.1f}" for lesion in expected.lesions]
    assert texts(panel, 5) == [f"{lesion.mean_hu:.1f}" for lesion in expected.lesions]
    assert panel.state.text() == ""
    assert "Candidates 1 (" in panel.recist.text()


def test_figures_grow_while_labels_stream(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    labels, session = truth(), window.session
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, labels[:, :, :10]))
    qtbot.waitUntil(lambda: panel.table.model().rowCount() == 2)
    assert "So far" in panel.state.text()
    session.store.merge_slab(Slab(10, labels[:, :, 10:]))
    qtbot.waitUntil(lambda: panel.table.model().rowCount() == 3)
    session.store.end_segmentation(complete=True)
    wait(qtbot, panel)
    assert panel.table.model().rowCount() == 3


def test_a_click_goes_there_and_columns_sort(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    click(qtbot, panel, 1)
    i, j, k = window.session.crosshair
    assert truth()[i, j, k] == Label.TUMOR
    assert (25 <= i < 34, 20 <= j < 24, 14 <= k < 18) == (True, True, True)
    assert k == panel.findings.lesions[1].axial_slice
    header = panel.table.horizontalHeader()
    middle = header.sectionViewportPosition(1) + header.sectionSize(1) // 2
    at = QPointF(middle, header.height() / 2).toPoint()
    for order in (["3", "2", "1"], ["1", "2", "3"]):
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)
        assert texts(panel, 0) == order
    # The keys of the table choose as well, and what is chosen stays chosen.
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    assert panel.findings.chosen == 3
    assert truth()[window.session.crosshair] == Label.TUMOR


def choose_reason(panel: FindingsPanel, reason: str) -> None:
    [action] = [a for a in panel.exclude_button.menu().actions() if a.text() == reason]
    action.trigger()


def candidates(panel: FindingsPanel) -> list[int]:
    proposal = panel.findings.recist
    assert proposal is not None
    return [lesion.number for lesion in proposal.candidates]


def test_a_tumor_that_is_no_target_stays_in_the_figures(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    assert candidates(panel) == [1, 2]
    tumor = panel.figures["tumor"].text()
    click(qtbot, panel, 0)
    choose_reason(panel, "Treated before")
    assert candidates(panel) == [2]
    wait(qtbot, panel)
    assert panel.figures["tumor"].text() == tumor
    assert "Treated before" in texts(panel, panel.table.model().columnCount() - 1)
    assert "Candidate 2 (" in panel.recist.text()
    # The labels change, and with them the numbers: the reason stays with its lesion.
    larger = truth()
    larger[24:35, 18:31, 12:20] = Label.TUMOR
    segment(window, Slab(0, larger))
    qtbot.waitUntil(lambda: panel.findings.excluded == {2: "Treated before"})
    wait(qtbot, panel)
    click(qtbot, panel, 1)
    qtbot.mouseClick(panel.include_button, Qt.MouseButton.LeftButton)
    assert panel.findings.excluded == {}


def test_what_is_no_lesion_is_out_of_every_figure_and_comes_back(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    """Figures, labels and RECIST are those of the other lesions alone; Include restores it."""
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    store, whole = window.session.store, truth()
    click(qtbot, panel, 0)
    choose_reason(panel, "Not a lesion")
    wait(qtbot, panel)
    others = whole.copy()
    others[6:18, 6:12, 4:9] = Label.LIVER
    assert store.labels is not None
    assert np.array_equal(store.labels.voxels, others)
    assert panel.figures["tumor"].text() == f"{(9 * 4 * 4 + 8) * 0.009:.1f} mL"
    assert panel.figures["organ"].text() == f"{32 * 28 * 20 * 0.009:,.0f} mL"
    assert store.volume_ml(Label.TUMOR) == pytest.approx((9 * 4 * 4 + 8) * 0.009)
    assert [lesion.voxel_count for lesion in panel.findings.lesions] == [144, 8]
    assert panel.findings.excluded == {3: "Not a lesion"}
    assert candidates(panel) == [1]
    assert panel.findings.chosen == 3  # the one that was looked at
    qtbot.mouseClick(panel.include_button, Qt.MouseButton.LeftButton)
    assert np.array_equal(store.labels.voxels, whole)
    wait(qtbot, panel)
    assert panel.findings.excluded == {}
    assert panel.findings.chosen == 1
    assert candidates(panel) == [1, 2]


def test_targets_are_candidates_until_a_person_confirms_them(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    session, labels = window.session, truth()
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, labels[:, :, :10]))
    qtbot.waitUntil(lambda: panel.table.model().rowCount() == 2)
    assert panel.recist.text() == "RECIST 1.1: after the segmentation."
    assert not panel.confirm_button.isEnabled()
    session.store.merge_slab(Slab(10, labels[:, :, 10:]))
    session.store.end_segmentation(complete=True)
    wait(qtbot, panel)
    assert "not confirmed" in panel.recist.text()
    assert "arget lesions 1" not in panel.recist.text()
    qtbot.mouseClick(panel.confirm_button, Qt.MouseButton.LeftButton)
    assert "Target lesions 1 (" in panel.recist.text()
    assert "confirmed by a reader" in panel.recist.text()
    wait(qtbot, panel)
    assert panel.findings.recist is not None
    assert panel.findings.recist.confirmed
    assert session.store.modified
    # One that is ruled out is no target: what is left has to be confirmed again.
    panel.findings.exclude(1, "Not a lesion")
    qtbot.waitUntil(lambda: len(panel.findings.lesions) == 2)
    wait(qtbot, panel)
    window.actions_.edit.undo.trigger()
    qtbot.waitUntil(lambda: len(panel.findings.lesions) == 3)
    wait(qtbot, panel)
    assert "Target lesions 1 (" in panel.recist.text()
    qtbot.mouseClick(panel.confirm_button, Qt.MouseButton.LeftButton)
    assert "not confirmed" in panel.recist.text()


def test_nothing_is_proposed_of_partial_labels(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    store = window.session.store
    store.begin_segmentation()
    store.merge_slab(Slab(0, truth()))
    qtbot.waitUntil(lambda: panel.table.model().rowCount() == 3)
    store.end_segmentation(complete=False)
    wait(qtbot, panel)
    assert "partial" in panel.recist.text()
    assert panel.findings.recist is not None
    assert panel.findings.recist.sum_of_diameters_mm is None
    assert not panel.confirm_button.isEnabled()
    assert "Partial" in panel.state.text()


def test_diameters_are_drawn_in_their_slice_only(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    session, view = window.session, window.views.by_plane[Plane.AXIAL]
    session.set_show_crosshair(False)
    session.set_show_text(False)
    lesion = panel.findings.lesions[0]

    def on_the_line() -> list[QColor]:
        """The brightest pixel around each of two points of the line."""
        QApplication.processEvents()
        image = view.grab().toImage()
        start, end = (view.widget_position(p) for p in lesion.axial.ends_voxel)
        found = []
        for share in (0.2, 0.7):
            point = (start + (end - start) * share).toPoint()
            around = [point + QPoint(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
            found.append(max((image.pixelColor(p) for p in around), key=QColor.value))
        return found

    session.set_crosshair((0, 0, lesion.axial_slice))
    assert all(c.value() > 230 and c.saturation() < 30 for c in on_the_line())
    panel.findings.choose(1)
    session.set_crosshair((0, 0, lesion.axial_slice))
    assert all(c.value() > 230 and c.hue() in range(30, 45) for c in on_the_line())
    session.set_crosshair((0, 0, 20))
    assert not any(c.value() > 230 for c in on_the_line())


def test_nothing_is_measured_while_nobody_looks(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    dock = window.panels.docks["findings"]
    dock.hide()
    segment(window, Slab(0, truth()))
    QApplication.processEvents()
    assert panel.findings.measurement is None
    assert not panel.findings.is_current
    dock.show()
    dock.raise_()
    wait(qtbot, panel)
    assert len(panel.findings.lesions) == 3


def test_another_scan_has_no_findings(
    window: MainWindow, panel: FindingsPanel, volume: Volume, qtbot: QtBot
) -> None:
    segment(window, Slab(0, truth()))
    window.session.store.mark_saved()
    window.session.open(volume)  # while the first one is being measured, or about to be
    QApplication.processEvents()
    assert panel.table.model().rowCount() == 0
    assert {label.text() for label in panel.figures.values()} == {"–"}
    assert panel.findings.measurement is None


def test_the_table_is_copied_with_units(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    lines = QApplication.clipboard().text().split("\n")
    assert lines[3].split("\t") == ["Tumor", panel.figures["tumor"].text()]
    header = lines[6].split("\t")
    assert header[1:4] == ["mL", "Axial mm", "Across mm"]
    assert len(lines) == 7 + 3
    assert all(len(line.split("\t")) == len(header) for line in lines[7:])


def test_a_narrow_table_shows_figures_place_and_reason(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    """Every column whole at the width that the dock has at least, and three lesions in sight."""
    window.resize(1000, 650)
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    panel.findings.set_no_target(2, "Treated before")
    qtbot.waitUntil(lambda: 2 in panel.findings.excluded, timeout=TIMEOUT_MS)
    window.panels.reset()
    QApplication.processEvents()
    table, metrics = panel.table, panel.table.fontMetrics()
    shown = [c for c in range(table.model().columnCount()) if not table.isColumnHidden(c)]
    names = [table.model().headerData(c, Qt.Orientation.Horizontal) for c in shown]
    assert names == ["#", "mL", "Axial\nmm", "Across\nmm", "3D\nmm", "Mean\nHU"]
    widest = table.columnViewportPosition(shown[-1]) + table.columnWidth(shown[-1])
    assert widest <= table.viewport().width()
    for column in shown:
        for row in range(3):
            text = table.model().index(row, column).data()
            assert metrics.horizontalAdvance(text) + 10 <= table.columnWidth(column)
    last = table.visualRect(table.model().index(2, 0))
    assert table.viewport().rect().contains(last)
    assert panel.verticalScrollBar().maximum() == 0
    first, second = (table.model().index(row, 0).data(LINES_ROLE) for row in (0, 1))
    lesion = panel.findings.lesions[0]
    x, y, z = (abs(round(mm)) for mm in lesion.centroid_mm)
    spread = f"SD {lesion.sd_hu:.1f} HU"
    assert first == [f"slice {lesion.axial_slice} · L {x} A {y} S {z} mm · {spread}"]
    assert second[1:] == ["Excluded: Treated before"]
    assert table.rowHeight(1) > table.rowHeight(0)
    below = QFontMetrics(table.font()).horizontalAdvance(second[1])
    assert below <= table.viewport().width()


def test_the_lines_below_reach_over_the_columns(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    """Each cell draws its part: together, what one wide picture of the words would be."""
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    table = panel.table
    picture = table.viewport().grab().toImage()
    row = table.visualRect(table.model().index(0, 0))
    ground = picture.pixelColor(picture.width() - 2, row.center().y())
    lower = range(row.center().y() + 2, row.bottom() - 1)
    inked = [
        x
        for x in range(picture.width())
        if any(abs(picture.pixelColor(x, y).lightness() - ground.lightness()) > 60 for y in lower)
    ]
    text = table.model().index(0, 0).data(LINES_ROLE)[0]
    expected = table.fontMetrics().horizontalAdvance(text) * 0.88
    assert inked[-1] - inked[0] == pytest.approx(expected, rel=0.08)
    assert max(b - a for a, b in itertools.pairwise(inked)) < 12  # no cell is left out


def test_every_figure_sorts_by_the_menu_and_keys_copy(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    lesions = panel.findings.lesions
    for number, name in ((9, "S mm"), (6, "SD HU"), (7, "R mm")):
        action = panel.table.sort_menu().actions()[number]
        assert action.text() == name
        action.trigger()
        by = {9: lambda one: one.centroid_mm[2], 6: lambda one: one.sd_hu}.get(
            number, lambda one: one.centroid_mm[0]
        )
        assert texts(panel, 0) == [str(one.number) for one in sorted(lesions, key=by)]
        panel.table.sort_menu().actions()[number].trigger()  # again, the other way round
        assert texts(panel, 0) == [str(one.number) for one in sorted(lesions, key=by, reverse=True)]
    QApplication.clipboard().clear()
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text().count("\n") == 6 + 3


def test_both_panels_say_the_same_while_labels_stream(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot, slow_measurement: Event
) -> None:
    """The measurement takes its time, and volumes do not wait for it."""
    session, rows = window.session, window.panels.labels.rows
    session.store.begin_segmentation()
    for end in (8, 16, 24):
        session.store.merge_slab(Slab(end - 8, truth()[:, :, end - 8 : end]))
        whole, tumor = (truth()[:, :, :end] > 0).sum(), (truth()[:, :, :end] == 3).sum()
        qtbot.waitUntil(
            lambda ml=whole * 0.009: session.volumes.ml[Label.LIVER] == pytest.approx(ml)
        )
        for name, label, voxels in (("organ", 1, whole), ("tumor", 3, tumor)):
            assert panel.figures[name].text() == rows[Label(label)].volume.text()
            assert panel.figures[name].text() == format_ml(voxels * 0.009)
    store = session.store
    parts = sum(store.volume_ml(label) for label in (Label.VESSEL, Label.TUMOR))
    assert panel.figures["parenchyma"].text() == format_ml(store.volume_ml(Label.LIVER) - parts)
    assert panel.findings.measurement is None
    session.store.end_segmentation(complete=True)


def test_lesions_from_before_a_change_are_faded_and_said_to_be_older(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot, slow_measurement: Event
) -> None:
    slow_measurement.set()
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    assert not panel.table.delegate.faded
    assert panel.copy_button.isEnabled()
    labels = truth()
    labels[25:34, 20:24, 14:18] = Label.LIVER
    other = LabelMap(labels, window.session.labels.affine)
    slow_measurement.clear()
    window.session.store.replace_labels(other, Box.of_shape(SHAPE), "threshold")
    qtbot.waitUntil(lambda: panel.figures["tumor"].text() == "3.3 mL")
    qtbot.waitUntil(lambda: panel.table.delegate.faded)
    assert not panel.copy_button.isEnabled()
    assert "Measuring" in panel.state.text()
    slow_measurement.set()
    wait(qtbot, panel)
    assert not panel.table.delegate.faded
    assert len(panel.findings.lesions) == 2


def test_lesions_follow_an_edit_without_a_word(
    window: MainWindow, panel: FindingsPanel, qtbot: QtBot
) -> None:
    """What is touched is measured anew, and says what a fresh measurement says."""
    segment(window, Slab(0, truth()))
    wait(qtbot, panel)
    panel._patience.setInterval(TIMEOUT_MS)  # however slow the machine is
    said: list[str] = []
    panel.findings.changed.connect(lambda: said.append(panel.state.text()))
    untouched = panel.findings.lesions[0].mask
    store = window.session.store
    for place, value, count in (
        ((25, 20, 14), Label.LIVER, 3),  # a bite
        ((10, 26, 18), Label.TUMOR, 4),  # one more
        ((10, 26, 18), Label.LIVER, 3),
        ((30, 8, 6), Label.LIVER, 2),  # one less
    ):
        box = Box.from_bounds(place, np.add(place, (3, 4, 2)))
        with store.edit(box, "brush") as voxels:
            voxels[...] = value
        qtbot.waitUntil(lambda count=count: len(panel.findings.lesions) == count)
        wait(qtbot, panel)
        assert store.labels is not None
        fresh = measure(store.labels, window.session.volume)
        assert panel.findings.lesions == fresh.lesions
        assert texts(panel, 0) == [str(one.number) for one in fresh.lesions]
        assert panel.findings.lesions[0].mask is untouched
    assert said == [""] * len(said)
    assert not panel.table.delegate.faded
