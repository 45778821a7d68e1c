"""Every command of the window: the menus, the toolbar, and what can be done now."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenuBar, QSizePolicy, QToolBar, QToolButton, QWidget

from liverview.ui.actions.edit import EditActions
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.actions.file import FileActions
from liverview.ui.actions.help import HelpActions
from liverview.ui.actions.labels import LabelActions
from liverview.ui.actions.parts import PartActions
from liverview.ui.actions.segment import SegmentActions
from liverview.ui.actions.tools import ToolActions
from liverview.ui.actions.trees import TreeActions
from liverview.ui.actions.view import ViewActions
from liverview.ui.panels.docks import PanelDocks
from liverview.ui.panels.status_bar import ProgressStatus
from liverview.ui.tools.toolbox import ELLIPSE, PICKER, RULER


@dataclass(frozen=True, eq=False)
class Actions:
    """The commands by menu."""

    factory: ActionFactory
    file: FileActions
    edit: EditActions
    view: ViewActions
    labels: LabelActions
    parts: PartActions
    trees: TreeActions
    tools: ToolActions
    segment: SegmentActions
    help: HelpActions

    def fill_menus(self, bar: QMenuBar) -> None:
        """Add every menu to a menu bar."""
        menus = (self.file, self.edit, self.view, self.labels, self.tools, self.segment, self.help)
        for menu in menus:
            menu.fill_menu(bar)
        labels = self.labels.menu
        labels.addSeparator()
        labels.addAction(self.trees.divide)
        labels.addMenu(self.trees.menu)
        labels.addSeparator()
        labels.addMenu(self.parts.menu)

    def make_toolbar(self) -> QToolBar:
        """The toolbar: one primary action, and what is used often."""
        bar = QToolBar("Main toolbar")
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        bar.addActions([self.file.open, self.file.phantom])
        bar.addSeparator()
        bar.addActions([self.segment.run, self.segment.cancel])
        bar.addWidget(self.segment.device_box)
        bar.addSeparator()
        bar.addWidget(self.view.windows.box)
        bar.addSeparator()
        for action in self.tools.actions(edits=False):
            bar.addAction(action)
            _icon_only(bar, action)
        bar.addSeparator()
        layouts = self.view.layout_menu.menuAction()
        bar.addAction(layouts)
        _icon_only(bar, layouts).setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(space)
        bar.addAction(self.file.save)
        return bar

    def make_editing_toolbar(self) -> QToolBar:
        """The tools that change labels, on the left, where they take no image its height."""
        bar = QToolBar("Editing toolbar")
        bar.setObjectName("editing_toolbar")
        bar.setMovable(False)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        bar.addActions(self.tools.actions(edits=True))
        bar.addAction(self.labels.fill)
        return bar

    def name_keys(self, panels: PanelDocks, progress: ProgressStatus) -> None:
        """Let the texts of panels and status bar name the keys of commands as they are."""
        labels = self.labels
        panels.labels.set_actions(labels.layers, labels.draw_style, labels.by_hand)
        panels.findings_panel.set_segment_action(self.segment.run)
        panels.findings_panel.candidates.set_actions(labels.accept, labels.reject)
        panels.history.set_actions(self.edit.undo, self.edit.redo)
        panels.compare.set_segment_action(self.segment.run)
        panels.network.set_draw_style_action(self.labels.draw_style)
        drawing = [self.tools.by_entry(RULER), self.tools.by_entry(ELLIPSE)]
        panels.measurements.set_actions(drawing, self.tools.remove)
        draw = self.tools.drawing
        panels.edit.set_actions(
            draw.labels,
            draw.smaller,
            draw.larger,
            draw.ball,
            draw.adaptive,
            self.tools.by_entry(PICKER),
        )
        progress.set_cancel_action(self.segment.cancel)

    def apply_theme(self) -> None:
        """Draw icons in the colors of the current theme, and mark the theme in its menu."""
        self.factory.update_icons()
        self.view.show_theme()

    def update_enabled(self, *, has_volume: bool, busy: bool, savable: bool) -> None:
        """Enable what can be done now."""
        self.file.update_enabled(has_volume=has_volume, busy=busy, savable=savable)
        self.segment.update_enabled(has_volume=has_volume, busy=busy)


def _icon_only(bar: QToolBar, action: QAction) -> QToolButton:
    button = bar.widgetForAction(action)
    assert isinstance(button, QToolButton)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    return button
