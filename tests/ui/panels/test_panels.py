"""Layers panel, message bar, start page, status bar, phantom dialog."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog
from pytestqt.qtbot import QtBot

from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Progress, Slab
from liverview.phantom.config import PhantomConfig, Phase
from liverview.ui.dialogs.phantom import PhantomDialog
from liverview.ui.panels import status_bar
from liverview.ui.panels.label_panel import LabelPanel
from liverview.ui.panels.status_bar import ProgressStatus, Readout
from liverview.ui.state.session import Session
from liverview.ui.widgets.formatting import format_ml
from liverview.ui.widgets.message_bar import MessageBar
from liverview.ui.widgets.start_page import StartPage


def test_rows_toggle_and_fade_their_label(session: Session, qtbot: QtBot) -> None:
    panel = LabelPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    row = panel.rows[Label.VESSEL]
    qtbot.mouseClick(row.shown, Qt.MouseButton.LeftButton)
    assert not session.styles[Label.VESSEL].visible
    row.opacity.setValue(80)
    assert session.styles[Label.VESSEL].opacity == pytest.approx(0.8)
    assert session.styles[Label.LIVER].visible
    session.set_style(Label.VESSEL, visible=True, opacity=0.2)
    assert row.shown.isChecked()
    assert row.opacity.value() == 20
    panel.close()


def test_a_color_is_chosen(session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = LabelPanel(session)
    qtbot.addWidget(panel)
    for color, expected in ((QColor(1, 2, 3), (1, 2, 3)), (QColor(), (1, 2, 3))):
        monkeypatch.setattr(QColorDialog, "getColor", lambda *args, color=color: color)
        panel.rows[Label.TUMOR].color.click()
        assert session.styles[Label.TUMOR].color == expected


def test_volumes_grow_while_labels_stream(session: Session, qtbot: QtBot) -> None:
    panel = LabelPanel(session)
    qtbot.addWidget(panel)
    row = panel.rows[Label.LIVER]
    assert row.volume.text() == "–"
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, np.ones((11, 13, 4), np.uint8)))
    qtbot.waitUntil(lambda: row.volume.text() == "13.7 mL")
    session.store.merge_slab(Slab(4, np.full((11, 13, 4), Label.TUMOR, np.uint8)))
    qtbot.waitUntil(lambda: row.volume.text() == "27.5 mL")
    assert panel.rows[Label.TUMOR].volume.text() == "13.7 mL"
    session.store.end_segmentation(complete=False)
    assert panel.rows[Label.TUMOR].volume.text() == "13.7 mL, partial"


@pytest.mark.parametrize(
    ("ml", "text"), [(0, "0.0 mL"), (9.96, "10.0 mL"), (99.96, "100 mL"), (1489.2, "1,489 mL")]
)
def test_milliliters_are_readable(ml: float, text: str) -> None:
    assert format_ml(ml) == text


def test_every_row_has_names_for_those_who_cannot_see(session: Session, qtbot: QtBot) -> None:
    panel = LabelPanel(session)
    qtbot.addWidget(panel)
    for label in FOREGROUND:
        row = panel.rows[label]
        assert row.shown.text()
        assert row.color.accessibleName()
        assert row.opacity.accessibleName()


def test_a_message_is_answered_once(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    said: list[str] = []
    bar.show_message("Keep it?", [("Keep", lambda: said.append("keep")), ("Drop", said.clear)])
    assert bar.isVisible()
    qtbot.mouseClick(bar.buttons[0], Qt.MouseButton.LeftButton)
    assert said == ["keep"]
    assert bar.isHidden()
    assert bar.buttons == []
    bar.show_message("A sentence.", error=True)
    qtbot.mouseClick(bar.close_button, Qt.MouseButton.LeftButton)
    assert bar.isHidden()


def test_the_start_page_offers_three_ways(qtbot: QtBot, tmp_path: Path) -> None:
    page = StartPage()
    qtbot.addWidget(page)
    page.show()
    with qtbot.waitSignal(page.open_requested):
        page.open_button.click()
    with qtbot.waitSignal(page.phantom_requested):
        page.phantom_button.click()
    page.set_recent([tmp_path / f"{n}.nii" for n in range(9)])
    page.set_recent([tmp_path / "a.nii", tmp_path / "b.nii"])
    first, second = page.recent_button.menu().actions()
    assert first.text().endswith("/a.nii")
    with qtbot.waitSignal(page.recent_requested) as caught:
        second.trigger()
    assert caught.args == [tmp_path / "b.nii"]
    page.close()


def test_the_readout_tells_voxel_world_hu_and_label(session: Session, qtbot: QtBot) -> None:
    readout = Readout(session)
    qtbot.addWidget(readout)
    readout.refresh()
    assert readout.text() == "crosshair: voxel 5 6 8  ·  world 0.0 -2.0 2.0 mm  ·  26 HU"
    session.store.merge_slab(Slab(3, np.full((11, 13, 1), Label.VESSEL, np.uint8)))
    readout.set_hovered((1, 2, 3))
    assert readout.text() == "voxel 1 2 3  ·  world -8.0 -14.0 -18.0 mm  ·  -71 HU  ·  Vessels"
    readout.set_hovered(None)
    session.set_crosshair((0, 0, 0))
    assert readout.text().startswith("crosshair: voxel 0 0 0")


def test_progress_shows_phase_and_remaining_time(
    session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(status_bar.time, "monotonic", lambda: now[0])
    shown = ProgressStatus(session)
    qtbot.addWidget(shown)
    session.set_progress(Progress("Refining", 0.1))
    assert not shown.isHidden()
    assert shown.phase.text() == "Refining …"
    now[0] = 102
    session.set_progress(Progress("Refining", 0.25))
    assert shown.phase.text() == "Refining, 6 s left"
    assert shown.bar.value() == 25
    with qtbot.waitSignal(shown.cancel_requested):
        shown.cross.click()
    session.set_progress(None)
    assert shown.isHidden()


def test_the_phantom_dialog_starts_with_what_is_usual(qtbot: QtBot) -> None:
    dialog = PhantomDialog()
    qtbot.addWidget(dialog)
    assert dialog.config() == PhantomConfig()
    for box, n in zip(dialog.size_boxes, (64, 48, 32), strict=True):
        box.setValue(n)
    for box, s in zip(dialog.spacing_boxes, (1.5, 2, 2.5), strict=True):
        box.setValue(s)
    dialog.seed.setValue(9)
    dialog.lesions.setValue(2)
    dialog.noise.setValue(20)
    dialog.phase.setCurrentIndex(1)
    expected = PhantomConfig((64, 48, 32), (1.5, 2, 2.5), 9, 2, 20, Phase.ARTERIAL)
    assert dialog.config() == expected
