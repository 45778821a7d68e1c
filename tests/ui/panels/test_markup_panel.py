"""The Measurements panel."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane, Volume
from liverview.measurement.markup.shapes import Ellipse, Ruler
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.markup_panel import MarkupPanel


def test_the_panel_lists_copies_and_goes_there(focused: MainWindow, qtbot: QtBot) -> None:
    focused.markups.add(Ruler(Plane.CORONAL, (2, 3, 8), (8, 3, 8)))
    focused.markups.add(Ellipse(Plane.AXIAL, 8, (5.0, 6.0), (3.0, 3.0)))
    panel = focused.panels.docks["measurements"].widget()
    assert isinstance(panel, MarkupPanel)
    table = panel.table
    assert [table.item(0, n).text() for n in range(3)] == ["Ruler 1", "coronal 3", "12.0"]
    table.cellClicked.emit(0, 1)
    assert focused.session.crosshair == (5, 3, 8)
    table.item(0, 0).setText("Segment 4")
    assert focused.markups.entries()[0].name == "Segment 4"
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    header, first, second = QApplication.clipboard().text().split("\n")
    assert header.split("\t")[2] == "Length mm"
    assert first.split("\t")[0] == "Segment 4"
    assert float(second.split("\t")[5]) == pytest.approx(np.pi * 9 * 6, abs=1)
    qtbot.mouseClick(panel.remove_button, Qt.MouseButton.LeftButton)
    assert len(focused.markups.entries()) == 1


def test_every_column_fits_the_narrowest_panel(window: MainWindow, volume: Volume) -> None:
    window.session.open(volume)
    window.resize(1000, 650)
    window.markups.add(Ruler(Plane.AXIAL, (1, 1, 1), (9, 9, 1)))
    window.markups.add(Ellipse(Plane.CORONAL, 3, (5.0, 6.0), (3.0, 4.0)))
    window.panels.show("measurements")
    window.panels.reset()
    window.panels.show("measurements")
    QApplication.processEvents()
    table = window.panels.measurements.table
    assert table.horizontalScrollBar().maximum() == 0
