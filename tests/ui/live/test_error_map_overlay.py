"""The error map over the views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from skimage.color import rgb2lab

from liverview.core.box import Box
from liverview.core.labels import DrawStyle, Label
from liverview.core.stream import Slab
from liverview.core.volume import Plane
from liverview.ui.live.comparison import NAMES, error_map_colors
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.compare_panel import ComparePanel
from liverview.ui.state.overlay import Overlay
from liverview.ui.widgets.color_ramp import color_ramp

from support.answers import Answers
from support.comparisons import (
    compare,
    found,
    segment,
    show,
    truth,
    wait,
    where,
    whole,
)


def test_the_overlay_is_exact_for_every_label(
    qtbot: QtBot, window: MainWindow, compare_panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    organ = truth() > 0
    expected = {
        Label.LIVER: where(found() > 0, organ),
        Label.VESSEL: where((found() == Label.VESSEL) & organ, truth() == Label.VESSEL),
        Label.TUMOR: where(found() == Label.TUMOR, truth() == Label.TUMOR),
    }
    for label, values in expected.items():
        overlay = show(qtbot, window, label)
        np.testing.assert_array_equal(whole(overlay), values)
        assert set(overlay.names) == {1, 2, 3}
    qtbot.keyClick(compare_panel.shown, Qt.Key.Key_Home)
    assert window.session.overlay is None


def test_the_overlay_follows_edits(
    qtbot: QtBot, window: MainWindow, compare_panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    """At once where they lie in the map, else as soon as a new one is there; never without one."""
    compare(qtbot, window, answers, reference)
    segment(window, found())
    session, organ, rng = window.session, truth() > 0, np.random.default_rng(4)
    for label in (Label.TUMOR, Label.VESSEL):
        show(qtbot, window, label)
        for number in range(12):
            start = [int(rng.integers(0, n - 4)) for n in organ.shape]
            box = Box.from_bounds(start, np.add(start, rng.integers(1, 5, 3)))
            with session.store.edit(box, "brush") as voxels:
                voxels[...] = rng.integers(0, 4, voxels.shape)
            assert session.overlay is not None, number
            qtbot.waitUntil(lambda: window.panels.compare.overlay.is_current)
            assert session.labels is not None
            ours = session.labels.voxels == label
            if label is Label.VESSEL:
                ours &= organ
            np.testing.assert_array_equal(whole(session.overlay), where(ours, truth() == label))


def test_the_overlay_is_what_the_view_shows(
    qtbot: QtBot, window: MainWindow, compare_panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    """Its colors are those of the table over the scan, whatever the labels are drawn like."""
    compare(qtbot, window, answers, reference)
    segment(window, found())
    session = window.session
    session.set_show_crosshair(False)
    session.set_show_text(False)
    session.display.set_interpolated(False)
    session.set_style(Label.LIVER, opacity=1.0, draw_style=DrawStyle.BOTH)
    session.set_window(60, 400)  # 60 HU are in the middle
    session.set_crosshair((20, 18, 6))
    show(qtbot, window, Label.LIVER)
    view = window.views.by_plane[Plane.AXIAL]
    view.refresh()
    picture = view.grab().toImage()
    for voxel, value in (((36, 18, 6), 2), ((4, 18, 6), 3), ((20, 20, 6), 1)):
        red, green, blue, alpha = error_map_colors()[value].tolist()
        point = view.widget_position(voxel) * picture.devicePixelRatio()
        shown = picture.pixelColor(point.toPoint()).getRgb()[:3]
        expected = [128 + (c - 128) * alpha / 255 for c in (red, green, blue)]
        assert shown == pytest.approx(expected, abs=2)


def test_another_overlay_takes_its_place(
    qtbot: QtBot, window: MainWindow, compare_panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    for _ in range(2):  # chosen a second time after it was taken away
        show(qtbot, window, Label.TUMOR)
        window.session.set_overlay(None)
        assert compare_panel.shown.currentText() == "None"
    show(qtbot, window, Label.TUMOR)
    box = slice(0, 1), slice(0, 1), slice(0, 1)
    other = Overlay("Other", np.zeros((1, 1, 1), np.uint8), box, color_ramp())
    window.session.set_overlay(other)
    assert compare_panel.shown.currentText() == "None"
    window.session.store.merge_slab(Slab(0, truth()))
    wait(qtbot, compare_panel)
    assert window.session.overlay is other


def test_colors_stay_apart_without_hue() -> None:
    """By lightness (CIE L*) over what a liver looks like, and in the names' squares."""
    colors = error_map_colors()[list(NAMES)].astype(float)
    for gray in (110, 140, 170):
        alpha = colors[:, 3:] / 255
        over = gray + (colors[:, :3] - gray) * alpha
        lightness = np.sort(rgb2lab(over[None] / 255)[0, :, 0])
        assert np.diff(lightness).min() > 15
    squares = np.sort(rgb2lab(colors[None, :, :3] / 255)[0, :, 0])
    assert np.diff(squares).min() > 15
