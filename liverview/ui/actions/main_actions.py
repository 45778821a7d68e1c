"""The window's commands, and where they are in menus and toolbar."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from liverview.ui.actions.arranging import Arranging
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.actions.looking import Looking
from liverview.ui.state.session import Session
from liverview.ui.tools.markup_tool import MarkupTool
from liverview.ui.views.cine import Cine
from liverview.ui.views.linked_views import LinkedViews
from liverview.ui.widgets.controls import FocuslessComboBox

DEVICES = ("auto", "cpu", "cuda", "mps")


class Actions:
    """Commands of files, work and help as attributes; `MainWindow` connects what they do.

    Attributes
    ----------
    look, arrange : the commands that need nobody else.
    """

    def __init__(
        self,
        window: QMainWindow,
        session: Session,
        views: LinkedViews,
        cine: Cine,
        tool: MarkupTool,
    ) -> None:
        self._window = window
        self._maker = maker = ActionFactory(window)
        make = maker.make_action
        self.open = make("&Open …", "Ctrl+O", "Open a CT scan", icon_name="open")
        self.phantom = make("&New phantom …", "Ctrl+N", "Make a synthetic CT", icon_name="phantom")
        self.open_labels = make(
            "Open &label map …", "Ctrl+L", "Show the labels of a file in place of the current ones"
        )
        self.compare = make(
            "Com&pare with reference …",
            "Ctrl+Shift+O",
            "Compare the labels with those of a file",
            icon_name="compare",
        )
        self.save = make("&Save label map …", "Ctrl+S", "Save all labels", icon_name="save")
        self.save_all = make(
            "Save label map with si&de files …",
            "Ctrl+Alt+S",
            "Save all labels; beside them their names and colors for ITK-SNAP, Slicer and as JSON",
        )
        self.save_masks = make("Save &masks …", "Ctrl+Shift+S", "Save one file per label")
        self.report = make("Save re&port …", "Ctrl+R", "Save a report", icon_name="report")
        self.screenshot = make("Save s&creenshot …", "Ctrl+P", "Save a picture of the window")
        self.quit = make("&Quit", "Ctrl+Q", "Close liverview")
        self.segment = make("Se&gment", "F5", "Find liver, vessels and tumors", icon_name="segment")
        self.cancel = make("&Cancel", "Esc", "Stop what is running", icon_name="cancel")
        self.scan_info = make("Scan &information …", "Ctrl+I", "Size, spacing and remarks")
        self.tour = make("Quick &tour", "", "What is where, in a minute")
        self.sheet = make("&Keys and mouse", "F1; ?", "What every key does")
        self.shortcuts = make("Change &shortcuts …", "", "Give commands other keys")
        self.about = make("&About liverview", "", "Version, license, and what liverview runs on")
        self.look = Looking(maker, session)
        self.arrange = Arranging(maker, views, cine, tool)
        self.recent = QMenu("Open &recent", window)
        self.recent.setToolTipsVisible(True)
        self.device = self._device_box()

    def apply_theme(self) -> None:
        """Icons in the colors that the window wears now, and the theme's check mark."""
        self._maker.update_icons()
        self.look.show_theme()

    def _device_box(self) -> FocuslessComboBox:
        box = FocuslessComboBox()
        for name in DEVICES:
            box.addItem({"auto": "Auto device"}.get(name, name.upper()), name)
        box.setToolTip("Where the networks run")
        box.setAccessibleName("Device")
        return box

    def choose_device(self, name: str) -> None:
        """Show a device as chosen, also one that the list lacks."""
        if self.device.findData(name) < 0:
            self.device.addItem(name, name)
        self.device.setCurrentIndex(self.device.findData(name))

    def update_enabled(self, *, has_volume: bool, busy: bool, savable: bool) -> None:
        """Enable what can be done now; Cancel takes the place of Segment."""
        self.segment.setVisible(not busy)
        self.segment.setEnabled(has_volume and not busy)
        self.cancel.setVisible(busy)
        for action in (self.save, self.save_all, self.save_masks, self.report):
            action.setEnabled(savable)
        for action in (self.compare, self.screenshot, self.scan_info):
            action.setEnabled(has_volume)
        self.open_labels.setEnabled(has_volume and not busy)

    # ---- where the commands are ------------------------------------------------------------

    def fill_menus(self, panels: Sequence[QAction]) -> None:
        """The menu bar; ``panels`` show and hide the docks."""
        bar, look = self._window.menuBar(), self.look
        file = bar.addMenu("&File")
        file.addActions([self.open, self.phantom])
        file.addMenu(self.recent)
        file.addActions([self.open_labels, self.compare, self.scan_info])
        file.addSeparator()
        file.addActions([self.save, self.save_all, self.save_masks])
        file.addActions([self.report, self.screenshot])
        file.addSeparator()
        file.addAction(self.quit)
        view = bar.addMenu("&View")
        view.addMenu("&Window").addActions([*look.windows, look.auto_window])
        view.addMenu("S&lab").addActions([*look.slabs.actions, look.thicker, look.thinner])
        labels, tools = QMenu("&Labels", self._window), QMenu("&Tools", self._window)
        self.arrange.fill(view, tools)
        view.addActions([look.interpolation, look.crosshair, look.text, look.radiological])
        view.addSeparator()
        view.addActions(panels)
        view.addMenu("&Theme").addActions(look.themes.actions)
        labels.addActions([*look.layers, look.all_layers])
        labels.addActions([look.fainter, look.stronger, look.drawn])
        bar.addMenu(labels)
        bar.addMenu(tools)
        bar.addMenu("&Segment").addActions([self.segment, self.cancel])
        help_ = bar.addMenu("&Help")
        help_.addActions([self.tour, self.sheet, self.shortcuts])
        help_.addSeparator()
        help_.addAction(self.about)

    def make_toolbar(self) -> QToolBar:
        """The toolbar: one primary action, and what is used often."""
        bar = QToolBar("Main toolbar")
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        bar.addActions([self.open, self.phantom])
        bar.addSeparator()
        bar.addActions([self.segment, self.cancel])
        bar.addWidget(self.device)
        bar.addSeparator()
        bar.addWidget(self.look.preset)
        bar.addSeparator()
        for action in self.arrange.tools.actions:
            bar.addAction(action)
            _icon_only(bar, action)
        bar.addSeparator()
        layouts = self.arrange.layout_menu.menuAction()
        bar.addAction(layouts)
        _icon_only(bar, layouts).setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(space)
        bar.addAction(self.save)
        return bar


def _icon_only(bar: QToolBar, action: QAction) -> QToolButton:
    button = bar.widgetForAction(action)
    assert isinstance(button, QToolButton)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    return button
