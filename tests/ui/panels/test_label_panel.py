"""The Labels panel."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QColorDialog
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Slab
from liverview.ui.panels.label_panel import LabelPanel
from liverview.ui.state.session import Session


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


def test_every_row_has_names_for_those_who_cannot_see(session: Session, qtbot: QtBot) -> None:
    panel = LabelPanel(session)
    qtbot.addWidget(panel)
    for label in FOREGROUND:
        row = panel.rows[label]
        assert row.shown.text()
        assert row.color.accessibleName()
        assert row.opacity.accessibleName()


def test_rows_tell_what_was_edited_by_hand(session: Session, qtbot: QtBot) -> None:
    panel = LabelPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    rows = panel.rows
    with session.store.edit(Box.of_shape((11, 13, 17)), "brush") as voxels:
        voxels[...] = Label.LIVER
    store = session.store
    store.begin_segmentation()  # whose result is what counts
    store.merge_slab(Slab(0, np.full((11, 13, 17), Label.LIVER, np.uint8)))
    store.end_segmentation(complete=True)
    assert not any(row.by_hand.isVisible() for row in rows.values())
    assert not panel.by_hand.isVisible()
    with store.edit(Box.from_bounds((0, 0, 0), (10, 10, 10)), "brush") as voxels:
        voxels[...] = 0
        voxels[:5, :5, :5] = Label.TUMOR  # a voxel is 0.024 mL
    qtbot.waitUntil(rows[Label.TUMOR].by_hand.isVisible)
    assert rows[Label.TUMOR].by_hand.text() == "by hand +3.00"
    assert rows[Label.LIVER].by_hand.text() == "by hand \N{MINUS SIGN}21.0"
    assert rows[Label.LIVER].by_hand.toolTip().endswith("edited by hand: \N{MINUS SIGN}21.0 mL")
    assert not rows[Label.VESSEL].by_hand.isVisible()
    qtbot.mouseClick(panel.by_hand, Qt.MouseButton.LeftButton)
    assert session.hand_edits.shown
    session.hand_edits.set_shown(False)
    assert not panel.by_hand.isChecked()
    panel.close()
