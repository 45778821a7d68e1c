"""Vessels shown as two trees in the window: asked for, edited under, begun elsewhere, saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, DrawStyle, Label
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Plane
from liverview.ui.jobs import following
from liverview.ui.jobs.export_work import TreeChoice
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.tree_legend import TreeLegend
from liverview.vasculature.graph import TREE_STYLES, VesselTree

from support.answers import TIMEOUT_MS, Answers
from support.drawn_trees import (
    IN_HEPATIC,
    IN_LIVER,
    IN_PORTAL,
    LEFT_BRANCH,
    SPACING,
    drawn_labels,
    open_trees,
    true_trees,
)

PORTAL, HEPATIC = VesselTree.PORTAL, VesselTree.HEPATIC
Voxel = tuple[int, int, int]


@pytest.fixture
def shown(window: MainWindow) -> MainWindow:
    """A window with a liver whose vessels are two trees, drawn without anything shining through."""
    open_trees(window)
    for label in FOREGROUND:
        window.session.set_style(label, opacity=1.0, draw_style=DrawStyle.FILLED)
    window.session.set_show_crosshair(False)
    return window


MOSTLY = 0.97
"""The share of vessels that is divided right, at least: where two trees meet it may be open."""


def divide(window: MainWindow, qtbot: QtBot) -> None:
    """Ask for the trees and wait for them."""
    window.actions_.trees.divide.trigger()
    wait(window, qtbot)


def wait(window: MainWindow, qtbot: QtBot) -> None:
    division = window.panels.division
    qtbot.waitUntil(lambda: division.current_trees is not None, timeout=TIMEOUT_MS)


def color_at(window: MainWindow, voxel: Voxel, plane: Plane) -> tuple[int, int, int]:
    """The color of a voxel's pixel in a view."""
    view = window.views.by_plane[plane]
    window.session.set_crosshair(voxel)
    view.refresh()
    QApplication.processEvents()
    color = QColor(view.grab().toImage().pixel(view.widget_position(voxel).toPoint()))
    return color.red(), color.green(), color.blue()


def erase(window: MainWindow, box: tuple[slice, ...], label: Label = Label.LIVER) -> None:
    with window.session.store.edit(Box(*box), "erase") as voxels:
        voxels[...] = label


def legend(window: MainWindow) -> dict[VesselTree, str]:
    found = window.panels.labels.findChild(TreeLegend)
    assert found is not None
    return {tree: row.volume.text() for tree, row in found.rows.items()}


@pytest.mark.parametrize("plane", Plane)
def test_both_trees_have_colors_of_their_own_until_they_are_switched_off(
    shown: MainWindow, qtbot: QtBot, plane: Plane
) -> None:
    voxels = (IN_PORTAL, IN_HEPATIC, IN_LIVER)
    styles = shown.session.styles
    vessel, liver = styles[Label.VESSEL].color, styles[Label.LIVER].color
    before = drawn_labels()
    assert [color_at(shown, voxel, plane) for voxel in voxels] == [vessel, vessel, liver]
    divide(shown, qtbot)
    colors = [TREE_STYLES[tree].color for tree in (PORTAL, HEPATIC)]
    assert [color_at(shown, voxel, plane) for voxel in voxels] == [*colors, liver]
    shown.session.set_style(Label.VESSEL, visible=False)
    assert color_at(shown, IN_PORTAL, plane) == liver
    shown.session.set_style(Label.VESSEL, visible=True)
    shown.actions_.trees.divide.trigger()
    assert [color_at(shown, voxel, plane) for voxel in voxels] == [vessel, vessel, liver]
    assert shown.session.labels is not None
    assert np.array_equal(shown.session.labels.voxels, before)


def test_outlines_have_the_colors_of_the_trees(shown: MainWindow, qtbot: QtBot) -> None:
    shown.session.set_style(Label.VESSEL, draw_style=DrawStyle.OUTLINED)
    divide(shown, qtbot)
    shown.session.set_crosshair(IN_PORTAL)
    view = shown.views.by_plane[Plane.CORONAL]
    view.refresh()
    drawn = {color: path for path, color in view._layers.outlines}
    assert not drawn[TREE_STYLES[PORTAL].color].isEmpty()
    assert not drawn[TREE_STYLES[HEPATIC].color].isEmpty()
    assert drawn[shown.session.styles[Label.VESSEL].color].isEmpty()  # nothing is undecided


def test_panel_and_status_bar_name_the_trees(shown: MainWindow, qtbot: QtBot) -> None:
    panel = shown.panels.labels.findChild(TreeLegend)
    assert panel is not None
    assert panel.isHidden()
    divide(shown, qtbot)
    voxel_ml = np.prod(SPACING) / 1000
    for tree in (PORTAL, HEPATIC):
        ml = (true_trees() == tree).sum() * voxel_ml
        assert legend(shown)[tree] == f"{ml:.1f} mL"
    assert not panel.isHidden()
    assert panel.rows[VesselTree.UNDECIDED].name.isHidden()
    shown.readout.set_hovered(IN_HEPATIC)
    assert shown.readout.text().endswith("Vessels, hepatic veins")
    shown.readout.set_hovered(IN_LIVER)
    assert shown.readout.text().endswith("Liver")


def test_labels_without_vessels_are_told_in_one_sentence(window: MainWindow, qtbot: QtBot) -> None:
    open_trees(window, drawn_labels(vessels=False))
    divide(window, qtbot)
    said = "There are no vessels in these labels: nothing was divided."
    qtbot.waitUntil(lambda: window.messages.text.text() == said)


def test_asked_for_before_there_are_labels_trees_come_with_them(
    window: MainWindow, qtbot: QtBot
) -> None:
    open_trees(window)
    volume = window.session.volume
    assert volume is not None
    window.session.open(volume)
    window.actions_.trees.divide.trigger()
    assert window.messages.text.text() == "There are no vessels yet: trees come with the labels."
    window.session.store.open_labels(LabelMap(drawn_labels(), volume.affine, "later"))
    wait(window, qtbot)
    assert window.session.trees.tree_at(IN_HEPATIC, Label.VESSEL) is HEPATIC


def test_an_edit_of_vessels_divides_them_anew_and_no_other_edit(
    shown: MainWindow, qtbot: QtBot
) -> None:
    divide(shown, qtbot)
    division = shown.panels.division
    first = division.found
    assert first is not None
    erase(shown, (slice(3, 5), slice(3, 5), slice(3, 5)), Label.TUMOR)
    assert not division.is_current
    wait(shown, qtbot)
    assert division.found is first
    erase(shown, LEFT_BRANCH)
    assert legend(shown)[PORTAL].endswith("mL …")
    inside = tuple(int(n[0]) + s.start for n, s in zip(
        np.nonzero(true_trees()[LEFT_BRANCH]), LEFT_BRANCH, strict=True
    ))  # fmt: skip
    label = shown.session.store.label_at(inside)  # type: ignore[arg-type]
    assert shown.session.trees.tree_at(inside, label) is VesselTree.UNDECIDED  # type: ignore[arg-type]
    wait(shown, qtbot)
    assert division.found is not None
    lost = (true_trees()[LEFT_BRANCH] == PORTAL).sum() * np.prod(SPACING) / 1000
    gone = first.volumes_ml[PORTAL] - division.found.volumes_ml[PORTAL]
    assert gone == pytest.approx(lost, rel=0.05)
    assert division.found.volumes_ml[HEPATIC] == pytest.approx(first.volumes_ml[HEPATIC], rel=0.05)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Vessels that are divided for as long as the test."""
    closed, go = Event(), Event()

    def run(*arguments: object) -> Iterator[object]:
        try:
            while not go.wait(0.01):
                yield Progress("Dividing vessels", 0.25)
        finally:
            closed.set()

    monkeypatch.setattr(following, "iter_divide_vessels", run)
    yield closed
    go.set()


def test_the_cross_in_the_status_bar_stops_and_shows_vessels(
    shown: MainWindow, qtbot: QtBot, held: Event
) -> None:
    shown.actions_.trees.divide.trigger()
    progress = shown.division_progress
    qtbot.waitUntil(progress.isVisible, timeout=TIMEOUT_MS)
    assert progress.phase.text().startswith("Dividing vessels")
    shown.session.set_crosshair(IN_LIVER)  # the window is free
    assert shown.session.crosshair == IN_LIVER
    qtbot.mouseClick(progress.cross, Qt.MouseButton.LeftButton)
    assert progress.isHidden()
    assert not shown.actions_.trees.divide.isChecked()
    assert shown.session.trees.map is None
    qtbot.waitUntil(held.is_set, timeout=TIMEOUT_MS)


def test_where_a_person_lets_trees_start_decides(shown: MainWindow, qtbot: QtBot) -> None:
    portal, hepatic = shown.actions_.trees._begin
    assert (portal.text(), hepatic.text()) == (
        "Portal vein starts here",
        "Hepatic veins start here",
    )
    division, forget = shown.panels.division, shown.actions_.trees._forget
    assert not forget.isEnabled()
    shown.session.set_crosshair(IN_LIVER)
    portal.trigger()
    assert shown.messages.text.text().startswith("There is no vessel at the crosshair")
    assert not division.shown
    shown.session.set_crosshair(IN_HEPATIC)  # the wrong way round
    portal.trigger()
    shown.session.set_crosshair(IN_PORTAL)
    hepatic.trigger()
    wait(shown, qtbot)
    trees = shown.session.trees
    assert trees.tree_at(IN_HEPATIC, Label.VESSEL) is PORTAL
    assert trees.tree_at(IN_PORTAL, Label.VESSEL) is HEPATIC
    forget.trigger()
    wait(shown, qtbot)
    assert trees.tree_at(IN_PORTAL, Label.VESSEL) is PORTAL


def test_both_trees_in_one_vessel_are_refused_and_what_was_there_comes_back(
    shown: MainWindow, qtbot: QtBot
) -> None:
    divide(shown, qtbot)
    division = shown.panels.division
    division.begin_at(PORTAL, IN_HEPATIC)
    wait(shown, qtbot)
    said: list[str] = []
    shown.controller.failed.connect(lambda text, _: said.append(text))
    division.begin_at(HEPATIC, IN_HEPATIC)
    qtbot.waitUntil(lambda: bool(said), timeout=TIMEOUT_MS)
    assert said[0].startswith("Both trees would begin in the same vessel")
    wait(shown, qtbot)
    assert division.begins == {PORTAL: IN_HEPATIC}


def test_the_menu_of_the_right_button_offers_it_in_vessels_alone(
    shown: MainWindow, qtbot: QtBot
) -> None:
    menu = shown.part_menu.menu
    for voxel, offered in ((IN_LIVER, False), (IN_HEPATIC, True)):
        menu.clear()
        shown.part_menu._add_begins(voxel)
        texts = [action.text() for action in menu.actions()]
        assert ("Hepatic veins start here" in texts) is offered
    next(a for a in menu.actions() if a.text() == "Hepatic veins start here").trigger()
    wait(shown, qtbot)
    assert shown.panels.division.begins == {HEPATIC: IN_HEPATIC}


def test_another_scan_is_shown_without_trees(shown: MainWindow, qtbot: QtBot) -> None:
    shown.panels.division.begin_at(PORTAL, IN_PORTAL)
    wait(shown, qtbot)
    open_trees(shown)
    assert not shown.actions_.trees.divide.isChecked()
    assert shown.session.trees.map is None
    assert shown.panels.division.begins == {}


def export(qtbot: QtBot, window: MainWindow) -> str:
    said: list[str] = []
    for signal in (window.exporting.written, window.exporting.failed, window.controller.failed):
        signal.connect(lambda text, *_: said.append(text))
    (action,) = [a for a in window.actions_.file.export.menu.actions() if "essel" in a.text()]
    action.trigger()
    qtbot.waitUntil(lambda: bool(said) and window.exporting.job is None, timeout=TIMEOUT_MS)
    return said[0]


@pytest.mark.parametrize("divided", [True, False])
def test_saved_trees_are_read_by_nibabel(
    shown: MainWindow, qtbot: QtBot, answers: Answers, tmp_path: Path, divided: bool
) -> None:
    if divided:
        divide(shown, qtbot)
    path = answers.label_map = tmp_path / "mine.nii.gz"
    answers.trees = TreeChoice(json=True, csv=True)
    said = export(qtbot, shown)
    assert said == f"Vessel trees saved and verified: {path}, mine.json, mine.csv."
    assert answers.asked == ["trees", "case_trees.nii.gz"]
    image = nib.load(path)
    voxels = np.asarray(image.dataobj)
    assert np.array_equal(voxels > 0, true_trees() > 0)
    assert (voxels == true_trees())[true_trees() > 0].mean() > MOSTLY
    assert shown.session.volume is not None
    assert np.array_equal(image.affine, shown.session.volume.affine)
    record = json.loads((tmp_path / "mine.json").read_text())
    assert record["trees"]["portal"]["value"] == 4
    assert (tmp_path / "mine.csv").read_text().startswith("number,tree,value")


def test_what_cannot_be_saved_is_said(
    shown: MainWindow, qtbot: QtBot, answers: Answers, tmp_path: Path
) -> None:
    answers.trees = TreeChoice()
    answers.label_map = tmp_path / "mine.dcm"
    assert "would be DICOM, in which vessel trees have no codes" in export(qtbot, shown)
    shown.session.path = answers.label_map = tmp_path / "ct.nii.gz"
    answers.label_map.write_bytes(b"the scan")
    assert export(qtbot, shown).endswith("holds the open scan itself: choose another name.")
    assert answers.label_map.read_bytes() == b"the scan"
    erase(shown, tuple(slice(0, n) for n in true_trees().shape))
    assert export(qtbot, shown) == (
        "No vessel trees were saved: there are no vessels in the labels."
    )


def test_labels_of_another_grid_are_divided_once_they_lie_on_the_scan(
    shown: MainWindow, qtbot: QtBot, answers: Answers, tmp_path: Path
) -> None:
    divide(shown, qtbot)
    affine = np.diag([*SPACING, 1.0])
    affine[0, 3] = 2.0  # a voxel to the right, and one less
    nib.save(nib.Nifti1Image(drawn_labels()[1:], affine), tmp_path / "less.nii.gz")
    answers.labels = tmp_path / "less.nii.gz"
    answers.mapping = {1: Label.LIVER, 2: Label.VESSEL}
    first = shown.panels.division.found
    shown.actions_.file.open_labels.trigger()
    qtbot.waitUntil(lambda: bool(shown.messages.buttons), timeout=TIMEOUT_MS)
    assert shown.panels.division.found is first  # the labels are those of before
    qtbot.mouseClick(shown.messages.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown.panels.division.found is not first, timeout=TIMEOUT_MS)
    wait(shown, qtbot)
    trees = shown.panels.division.current_trees
    assert trees is not None
    assert (trees.labels.voxels == true_trees())[true_trees() > 0].mean() > MOSTLY
