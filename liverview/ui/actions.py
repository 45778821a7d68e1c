"""Every command of the window: its words, shortcut, icon, menu and toolbar place."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QSizePolicy, QToolBar, QWidget

from liverview import paths
from liverview.labels import SHOWN, Label
from liverview.ui.controls import Choice
from liverview.ui.icons import icon
from liverview.ui.session import Convention, Session
from liverview.ui.shortcuts import plain, tip_of
from liverview.ui.theme import Theme, set_theme, theme

DEVICES = ("auto", "cpu", "cuda", "mps")
_LABEL_KEYS = {Label.LIVER: "L", Label.VESSEL: "V", Label.TUMOR: "T"}


@dataclass(frozen=True)
class Preset:
    """A named display range in HU."""

    name: str
    width: float
    level: float


def window_presets() -> list[Preset]:
    """The presets of resources/windows.toml."""
    text = (paths.resources() / "windows.toml").read_text(encoding="utf-8")
    return [Preset(**entry) for entry in tomllib.loads(text)["preset"]]


class Actions:
    """The commands as attributes; `MainWindow` connects what they do.

    Looking (windows, layers, crosshair) needs nobody else and is connected here.
    """

    def __init__(self, window: QMainWindow, session: Session) -> None:
        self._window = window
        self.session = session
        self._icons: dict[QAction, str] = {}
        self._theme_group = QActionGroup(window)
        make = self._make
        self.open = make("&Open …", "Ctrl+O", "open", "Open a CT scan")
        self.phantom = make("&New phantom …", "Ctrl+N", "phantom", "Generate a synthetic CT")
        self.save = make("&Save label map …", "Ctrl+S", "save", "Save all labels in one file")
        self.save_masks = make("Save &masks …", "Ctrl+Shift+S", "", "Save one file per label")
        self.screenshot = make("Save s&creenshot …", "Ctrl+P", "", "Save a picture of the window")
        self.quit = make("&Quit", "Ctrl+Q", "", "Close liverview")
        self.segment = make("Se&gment", "F5", "segment", "Find liver, vessels and tumors")
        self.cancel = make("&Cancel", "Esc", "cancel", "Stop what is running")
        self.reset = make("&Reset views", "R", "", "Three views, each fitted to its slice")
        self.scan_info = make("Scan &information …", "Ctrl+I", "", "Size, spacing and remarks")
        self.tour = make("Quick &tour", "", "", "What is where, in a minute")
        self.sheet = make("&Keys and mouse", "F1; ?", "", "What every key does")
        self.shortcuts = make("Change &shortcuts …", "", "", "Give commands other keys")
        self.about = make("&About liverview", "", "", "Version and license")
        self.themes = [self._theme(choice) for choice in Theme]
        self.crosshair = self._toggle("&Crosshair", "X", session.set_show_crosshair)
        self.text = self._toggle("&Text on the images", "H", session.set_show_text)
        self.radiological = self._toggle("&Radiological convention", "N", self._set_convention)
        self.layers = [self._layer(label) for label in SHOWN]
        self.all_layers = make("&All layers", "S", "", "Show or hide all labels")
        self.all_layers.triggered.connect(self._toggle_all)
        self.fainter = make("&Fainter labels", "[", "", "Lower the opacity of all labels")
        self.fainter.triggered.connect(partial(self._fade, -0.1))
        self.stronger = make("&Stronger labels", "]", "", "Raise the opacity of all labels")
        self.stronger.triggered.connect(partial(self._fade, 0.1))
        self.windows = [self._preset(n, p) for n, p in enumerate(window_presets(), start=1)]
        self.auto_window = make("A&uto", "0", "", "Window from the values of the scan")
        self.auto_window.triggered.connect(session.auto_window)
        self.recent = QMenu("Open &recent", window)
        self.recent.setToolTipsVisible(True)
        self.device = Choice()
        self.preset = Choice()
        session.styles_changed.connect(self._on_styles_changed)
        session.window_changed.connect(self._on_window_changed)
        session.view_changed.connect(self._on_view_changed)

    def _make(self, text: str, keys: str, icon: str, tip: str) -> QAction:
        action = QAction(text, self._window)
        action.setObjectName(plain(text).lower().replace(" ", "_"))  # in the settings
        if keys:
            action.setShortcuts(QKeySequence.listFromString(keys))
        action.setStatusTip(tip)
        action.setToolTip(tip_of(action))
        if icon:
            self._icons[action] = icon
        return action

    def color_icons(self) -> None:
        """Draw the icons in the colors that the window wears now."""
        for action, name in self._icons.items():
            action.setIcon(icon(name, self._window.palette()))

    def _toggle(self, text: str, keys: str, slot: Callable[[bool], None]) -> QAction:
        action = self._make(text, keys, "", text.replace("&", ""))
        action.setCheckable(True)
        action.setChecked(True)
        action.toggled.connect(slot)
        return action

    def _layer(self, label: Label) -> QAction:
        def show(visible: bool) -> None:
            self.session.set_style(label, visible=visible)

        return self._toggle(self.session.styles[label].name, _LABEL_KEYS[label], show)

    def _theme(self, choice: Theme) -> QAction:
        action = self._make(choice.value, "", "", f"Colors of the window: {choice.value.lower()}")
        action.setCheckable(True)
        action.setData(choice)
        self._theme_group.addAction(action)
        action.triggered.connect(partial(self._set_theme, choice))
        return action

    def _preset(self, number: int, preset: Preset) -> QAction:
        text = f"{preset.name}  {preset.width:.0f} / {preset.level:.0f}"
        action = self._make(text, str(number), "", f"{preset.name} window")
        action.setData(preset)
        action.triggered.connect(partial(self._set_preset, preset))
        return action

    def choose_device(self, name: str) -> None:
        """Show a device as chosen, also one that the list lacks."""
        if self.device.findData(name) < 0:
            self.device.addItem(name, name)
        self.device.setCurrentIndex(self.device.findData(name))

    def allow(self, *, has_volume: bool, busy: bool, savable: bool) -> None:
        """Enable what can be done now; Cancel takes the place of Segment."""
        self.segment.setVisible(not busy)
        self.segment.setEnabled(has_volume and not busy)
        self.cancel.setVisible(busy)
        for action in (self.save, self.save_masks):
            action.setEnabled(savable)
        for action in (self.screenshot, self.scan_info):
            action.setEnabled(has_volume)

    # ---- what the commands of looking do ---------------------------------------------------

    def _set_preset(self, preset: Preset, checked: bool = False) -> None:
        self.session.set_window(preset.level, preset.width)

    def _set_theme(self, choice: Theme, checked: bool = False) -> None:
        set_theme(choice)

    def show_theme(self) -> None:
        """Check the theme that is worn."""
        for action in self.themes:
            action.setChecked(action.data() is theme())

    def _set_convention(self, radiological: bool) -> None:
        both = Convention.RADIOLOGICAL, Convention.NEUROLOGICAL
        self.session.set_convention(both[0] if radiological else both[1])

    def _toggle_all(self) -> None:
        shown = not any(self.session.styles[label].visible for label in SHOWN)
        for label in SHOWN:
            self.session.set_style(label, visible=shown)

    def _fade(self, amount: float, checked: bool = False) -> None:
        for label in SHOWN:
            self.session.set_style(label, opacity=self.session.styles[label].opacity + amount)

    def _on_styles_changed(self) -> None:
        for label, action in zip(SHOWN, self.layers, strict=True):
            action.setChecked(self.session.styles[label].visible)

    def _on_view_changed(self) -> None:
        self.crosshair.setChecked(self.session.show_crosshair)
        self.text.setChecked(self.session.show_text)
        self.radiological.setChecked(self.session.convention is Convention.RADIOLOGICAL)

    def _on_window_changed(self) -> None:
        """Show the preset that fits, or that none does."""
        now = self.session.width, self.session.level
        for index, action in enumerate(self.windows):
            preset: Preset = action.data()
            if (preset.width, preset.level) == now:
                self.preset.setCurrentIndex(index)
                return
        self.preset.setCurrentIndex(-1)

    # ---- where the commands are ------------------------------------------------------------

    def fill_menus(self, panels: Sequence[QAction]) -> None:
        """The menu bar; ``panels`` show and hide the docks."""
        bar = self._window.menuBar()
        file = bar.addMenu("&File")
        file.addActions([self.open, self.phantom])
        file.addMenu(self.recent)
        file.addAction(self.scan_info)
        file.addSeparator()
        file.addActions([self.save, self.save_masks, self.screenshot])
        file.addSeparator()
        file.addAction(self.quit)
        view = bar.addMenu("&View")
        window = view.addMenu("&Window")
        window.addActions([*self.windows, self.auto_window])
        view.addActions([self.reset, self.crosshair, self.text, self.radiological])
        view.addSeparator()
        view.addActions(panels)
        view.addMenu("&Theme").addActions(self.themes)
        labels = bar.addMenu("&Labels")
        labels.addActions([*self.layers, self.all_layers, self.fainter, self.stronger])
        work = bar.addMenu("&Segment")
        work.addActions([self.segment, self.cancel])
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
        for action in (self.open, self.phantom):
            bar.addAction(action)
        bar.addSeparator()
        bar.addActions([self.segment, self.cancel])
        for name in DEVICES:
            self.device.addItem({"auto": "Auto device"}.get(name, name.upper()), name)
        self.device.setToolTip("Where the networks run")
        self.device.setAccessibleName("Device")
        bar.addWidget(self.device)
        bar.addSeparator()
        for action in self.windows:
            preset: Preset = action.data()
            self.preset.addItem(f"{preset.name} {preset.width:.0f}/{preset.level:.0f}")
        self.preset.setPlaceholderText("Own window")
        self.preset.setToolTip("Window presets (1 to 4, 0 for auto)")
        self.preset.setAccessibleName("Window preset")
        self.preset.activated.connect(self._on_preset_activated)
        bar.addWidget(self.preset)
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(space)
        bar.addAction(self.save)
        return bar

    def _on_preset_activated(self, index: int) -> None:
        self.windows[index].trigger()
