"""The docks beside the views: as large as what is in them, and put back on request."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QTabBar

from liverview.ui.main_window import MainWindow
from liverview.ui.panels.docks import PanelDocks

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea


def reset(window: MainWindow) -> None:
    (action,) = [
        action
        for menu in window.menuBar().actions()
        for action in menu.menu().actions()
        if action.objectName() == "reset_panels"
    ]
    action.trigger()
    QApplication.processEvents()


def check_place(window: MainWindow) -> None:
    """Labels above at their own height, the others as whole tabs under them, History closed."""
    panels: PanelDocks = window.panels
    docks = {name: dock for name, dock in panels.docks.items() if name != "history"}
    assert panels.docks["history"].isHidden()
    assert all(window.dockWidgetArea(dock) is RIGHT for dock in docks.values())
    assert not any(dock.isFloating() or dock.isHidden() for dock in docks.values())
    others = [dock for name, dock in docks.items() if name != "labels"]
    assert set(window.tabifiedDockWidgets(others[0])) == set(others[1:])
    labels, findings = docks["labels"], docks["findings"]
    assert labels.geometry().bottom() < findings.geometry().top()
    assert abs(labels.height() - labels.sizeHint().height()) <= 2
    (bar,) = [bar for bar in window.findChildren(QTabBar) if bar.count() == len(others)]
    assert bar.tabText(bar.currentIndex()) == "Findings"
    for tab in range(bar.count()):
        text = bar.fontMetrics().horizontalAdvance(bar.tabText(tab))
        assert bar.tabRect(tab).width() >= text
    assert bar.tabRect(bar.count() - 1).right() <= bar.width()


def test_panels_are_as_large_as_what_is_in_them(window: MainWindow) -> None:
    QApplication.processEvents()
    check_place(window)


@pytest.mark.qt_log_ignore("does not support raise", extend=True)
@pytest.mark.parametrize("size", [(1000, 650), (1280, 720), (1600, 1000)])
def test_reset_puts_every_panel_back(window: MainWindow, size: tuple[int, int]) -> None:
    window.resize(*size)
    docks = window.panels.docks
    docks["network"].close()
    docks["labels"].close()
    docks["findings"].setFloating(True)
    window.addDockWidget(LEFT, docks["compare"])
    QApplication.processEvents()
    reset(window)
    check_place(window)


def test_a_panel_that_comes_back_has_the_height_it_needs(window: MainWindow) -> None:
    window.resize(1000, 650)
    for dock in window.panels.docks.values():
        dock.close()
    QApplication.processEvents()
    for name in ("findings", "labels", "compare", "network", "measurements", "edit"):
        window.panels.docks[name].toggleViewAction().trigger()
        QApplication.processEvents()
    window.panels.show("findings")
    QApplication.processEvents()
    assert window.panels.findings_panel.table.height() >= 3 * 30
    check_place(window)
