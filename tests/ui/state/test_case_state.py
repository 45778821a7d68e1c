"""The state of an open case, taken and put in force again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import DrawStyle, Label
from liverview.core.review import LesionMark, Verdict
from liverview.core.volume import LabelMap, Plane
from liverview.editing.limits import EditLimits, Scope
from liverview.files.case_state import CaseState, read_case_state
from liverview.measurement.markup.shapes import Ellipse, Ruler
from liverview.ui.main_window import MainWindow
from liverview.ui.state.case_state import capture, described, restore
from liverview.ui.state.display import Projection, SlabView
from liverview.ui.state.session import Convention
from liverview.ui.views.arrangement import capture_arrangement, restore_arrangement
from liverview.ui.views.linked_views import Layout

from support.window import open_scan


def captured(window: MainWindow) -> CaseState:
    return capture(window.session, window.markups, capture_arrangement(window.views))


def put_back(window: MainWindow, state: CaseState) -> list[str]:
    said = restore(state, window.session, window.markups)
    restore_arrangement(state.arrangement, window.views)
    QApplication.processEvents()
    return said


def change_everything(window: MainWindow) -> None:
    session = window.session
    session.set_crosshair((1, 4, 6))
    session.set_window(77, 333)
    session.set_convention(Convention.NEUROLOGICAL)
    session.set_show_crosshair(False)
    session.set_show_text(False)
    session.display.set_interpolated(False)
    session.display.set_slab(SlabView(Projection.MEAN, 4.0))
    session.review.set_shown(False)
    session.set_style(
        Label.VESSEL, visible=False, opacity=0.25, color=(1, 2, 3), draw_style=DrawStyle.OUTLINED
    )
    session.editing.set_label(Label.VESSEL)
    session.editing.set_limits(
        scope=Scope.ONE, one=Label.TUMOR, locked=frozenset({Label.LIVER}), hu=(-50.5, 150.0)
    )
    window.markups.add(Ruler(Plane.AXIAL, (1, 2, 3), (3, 4.5, 3)))
    window.markups.add(Ellipse(Plane.CORONAL, 2, (2.0, 3.5), (1.0, 2.0)))
    window.markups.rename(window.markups.entries()[0].id, "Left lobe")
    window.markups.set_shown(False)
    window.views.set_layout(Layout.ROW)
    window.views.set_linked(False)
    for plane, view in window.views.by_plane.items():
        view.zoom(2.0 + plane.axis)
        view.pan(1.5, -0.5)


def draw_lesion(window: MainWindow) -> None:
    """A liver with a lesion that a person has ruled out."""
    session = window.session
    with session.store.edit(Box.of_shape(session.volume.shape), "brush, liver") as voxels:
        voxels[1:4, 1:6, 1:8] = Label.LIVER
    mark = LesionMark(
        Verdict.RULED_OUT, "a cyst", (2, 3, 4), np.full((1, 2, 2), Label.TUMOR, np.uint8)
    )
    session.store.set_marks([mark], "ruled out")
    session.review.remember([mark])


def test_everything_that_was_changed_comes_back(opened: MainWindow) -> None:
    plain = captured(opened)
    draw_lesion(opened)
    change_everything(opened)
    QApplication.processEvents()
    state = captured(opened)
    # Nothing is left out by chance: each field of each part is another one than before.
    for part, before in ((state.view, plain.view), (state.editing, plain.editing)):
        same = [name for name, value in vars(part).items() if value == vars(before)[name]]
        assert same == []
    assert state.arrangement.rects.keys() == {"axial", "coronal", "sagittal"}
    assert all(state.arrangement.rects[n] != r for n, r in plain.arrangement.rects.items())
    put_back(opened, plain)
    assert captured(opened).view == plain.view
    assert opened.session.editing.limits == EditLimits()
    assert opened.markups.entries() == []
    said = put_back(opened, read_case_state(state.to_json()))
    assert said == []
    again = captured(opened)
    for plane, rect in state.arrangement.rects.items():
        assert again.arrangement.rects[plane] == pytest.approx(rect)
    # What was remembered in between has changed the labels, which are not put back here.
    apart = {"arrangement": replace(state.arrangement, rects={}), "labels": None}
    assert replace(again, **apart) == replace(state, **apart)
    assert [entry.name for entry in opened.markups.entries()] == ["Left lobe", "Ellipse 1"]


def test_markups_and_marks_that_were_there_come_back_by_undo(opened: MainWindow) -> None:
    state = captured(opened)
    opened.markups.add(Ruler(Plane.AXIAL, (1, 2, 3), (3, 4.5, 3)))
    draw_lesion(opened)
    put_back(opened, state)
    assert opened.markups.entries() == []
    assert opened.session.review.remembered == ()
    assert opened.session.store.history.undo_name == "restore case"
    opened.session.store.history.undo()
    assert [entry.name for entry in opened.markups.entries()] == ["Ruler 1"]
    assert [mark.reason for mark in opened.session.review.remembered] == ["a cyst"]


def test_what_is_said_of_labels_comes_back(opened: MainWindow) -> None:
    volume = opened.session.volume
    assert captured(opened).labels is None
    mark = LesionMark(Verdict.NO_TARGET, "", (2, 3, 4), np.full((1, 1, 1), Label.TUMOR, np.uint8))
    voxels = np.zeros(volume.shape, np.uint8, order="F")
    voxels[2, 3, 4] = Label.TUMOR
    labels = LabelMap(
        voxels,
        volume.affine,
        partial=True,
        made_by="a network",
        defined=frozenset({Label.LIVER, Label.TUMOR}),
        marks=(mark,),
    )
    opened.session.store.open_labels(labels, "found.nii.gz")
    state = read_case_state(captured(opened).to_json()).labels
    assert (state.file, state.device, state.ignored) == ("found.nii.gz", None, False)
    assert state.defined == ("liver", "tumor")
    again = described(LabelMap(voxels, volume.affine), state, volume)
    assert (again.partial, again.made_by, again.defined) == (True, "a network", labels.defined)
    (found,) = again.marks
    assert (found.verdict, found.start) == (mark.verdict, mark.start)
    assert np.array_equal(found.voxels, mark.voxels)


def test_the_scan_is_named_with_its_grid(
    opened: MainWindow, scan: Path, write: Callable[..., Path], qtbot: QtBot
) -> None:
    state = captured(opened).scan
    assert state.path == str(scan.resolve())
    assert (state.shape, state.volume_index) == (opened.session.volume.shape, 0)
    assert np.array_equal(state.grid.affine, opened.session.volume.affine)
    deep = write(np.zeros((4, 5, 6, 3), np.int16) - 500, name="deep.nii")
    with qtbot.waitSignal(opened.session.volume_changed):
        opened.controller.loading.open(deep, 2)
    assert captured(opened).scan.volume_index == 2


def test_parts_that_do_not_fit_the_scan_are_left_out_in_a_sentence(
    qtbot: QtBot, opened: MainWindow, write: Callable[..., Path]
) -> None:
    draw_lesion(opened)
    change_everything(opened)
    state = captured(opened)
    other = write(np.zeros((9, 9, 9), np.int16) - 500, np.diag([2.0, 2, 2, 1]), name="other.nii")
    opened.session.store.mark_saved()
    open_scan(qtbot, opened, other)
    said = put_back(opened, state)
    assert len(said) == 2
    assert "Left lobe does not lie in other where it says" in said[0]
    assert said[1].startswith("1 marks on lesions in it do not fit the scan")


def test_names_and_places_that_are_not_known_leave_what_is_there(opened: MainWindow) -> None:
    before = captured(opened)
    odd = replace(
        before,
        view=replace(before.view, convention="UPSIDE_DOWN", crosshair=(60000, 0, 0)),
        arrangement=replace(
            before.arrangement, layout="HELIX", alone="oblique", rects={"axial": (0, 0, 1e300, 1)}
        ),
        styles={"spleen": before.styles["liver"]},
        editing=replace(before.editing, label="spleen", scope="NONE", locked=("spleen",)),
    )
    put_back(opened, odd)
    after = captured(opened)
    assert after.view.crosshair == (opened.session.volume.shape[0] - 1, 0, 0)
    assert replace(after, view=before.view) == before
    rect = opened.views.by_plane[Plane.AXIAL].seen_rect
    assert rect.intersects(QRectF(-1000, -1000, 2000, 2000))
