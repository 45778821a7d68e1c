"""The menu View > Window: display ranges in HU by name, also as a box for the toolbar."""

from __future__ import annotations

import tomllib
from functools import partial

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from liverview.core import paths
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.dialogs.window import WindowDialog
from liverview.ui.state.own_windows import OwnWindows, Preset
from liverview.ui.state.session import Session
from liverview.ui.widgets.controls import FocuslessComboBox
from liverview.ui.widgets.shortcuts import KeyHint


def window_presets() -> list[Preset]:
    """The presets of resources/windows.toml."""
    text = (paths.resources() / "windows.toml").read_text(encoding="utf-8")
    return [Preset(**entry) for entry in tomllib.loads(text)["preset"]]


class WindowPresetActions:
    """Commands that set the display range.

    Attributes
    ----------
    box : the presets for the toolbar; it shows the one that fits, or that none does.
    own : commands of the person's presets.
    """

    def __init__(self, factory: ActionFactory, session: Session, own: OwnWindows) -> None:
        self._factory, self._session, self._own = factory, session, own
        self._presets = window_presets()
        self.presets = [
            self._preset_action(factory, number, preset)
            for number, preset in enumerate(self._presets, start=1)
        ]
        self.own: list[QAction] = []
        self.auto = factory.make_action(
            "A&uto",
            "0",
            "Window from the soft tissue, or the values, of the scan",
            session.auto_window,
        )
        self.original = factory.make_action(
            "&Original", "9", "The window that the scan's file asks for", session.original_window
        )
        self.typed = factory.make_action(
            "&Set a window …", "W", "Type width and level; keep presets", self._ask_window
        )
        self.box = FocuslessComboBox()
        self.box.setPlaceholderText("Own window")
        self.box.setAccessibleName("Window preset")
        self.box.activated.connect(self._on_activated)
        self._menu: QMenu | None = None
        self._hints = KeyHint(": {}", *self.presets), KeyHint("; {} for auto", self.auto)
        for hint in self._hints:
            hint.follow(self._show_keys)
        session.window_changed.connect(self._on_window_changed)
        session.volume_changed.connect(self._on_volume_changed)
        own.changed.connect(self._make_own)
        self._on_volume_changed()
        self._make_own()

    def fill(self, menu: QMenu) -> None:
        """Add the commands to a menu."""
        self._menu = menu
        self._fill_menu()

    def _fill_menu(self) -> None:
        if self._menu is not None:
            self._menu.clear()
            self._menu.addActions([*self.presets, *self.own, self.original, self.auto])
            self._menu.addSeparator()
            self._menu.addAction(self.typed)

    def _make_own(self) -> None:
        """Commands of the person's presets, in menu and box."""
        for action in self.own:
            action.deleteLater()
        self.own = [QAction(p.words, self._factory.window) for p in self._own.presets]
        for action, preset in zip(self.own, self._own.presets, strict=True):
            action.triggered.connect(partial(self._session.set_window, preset.level, preset.width))
        self._fill_menu()
        self.box.clear()
        for preset in self._all:
            self.box.addItem(preset.words)
        self.box.addItem(self.typed.text().replace("&", ""))
        self._on_window_changed()

    @property
    def _all(self) -> list[Preset]:
        return [*self._presets, *self._own.presets]

    def _ask_window(self) -> None:
        dialog = WindowDialog(self._session, self._own, self._factory.window)
        dialog.exec()
        dialog.deleteLater()

    def _preset_action(self, factory: ActionFactory, number: int, preset: Preset) -> QAction:
        text = f"{preset.name}  {preset.width:.0f} / {preset.level:.0f}"
        show = partial(self._session.set_window, preset.level, preset.width)
        return factory.make_action(text, str(number), f"{preset.name} window", show)

    def _show_keys(self) -> None:
        self.box.setToolTip("Window presets" + "".join(hint.text for hint in self._hints))

    def _on_activated(self, index: int) -> None:
        commands = [*self.presets, *self.own, self.typed]
        commands[index].trigger()
        self._on_window_changed()  # also where the dialog was only looked at

    def _on_volume_changed(self) -> None:
        volume = self._session.volume
        self.original.setEnabled(volume is not None and volume.window is not None)

    def _on_window_changed(self) -> None:
        shown = self._session.width, self._session.level
        fitting = (n for n, p in enumerate(self._all) if (p.width, p.level) == shown)
        self.box.setCurrentIndex(next(fitting, -1))
