"""The menu View > Window: display ranges in HU by name, also as a box for the toolbar."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import partial

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from liverview.core import paths
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.state.session import Session
from liverview.ui.widgets.controls import FocuslessComboBox
from liverview.ui.widgets.shortcuts import KeyHint


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


class WindowPresetActions:
    """Commands that set the display range.

    Attributes
    ----------
    box : the presets for the toolbar; it shows the one that fits, or that none does.
    """

    def __init__(self, factory: ActionFactory, session: Session) -> None:
        self._session = session
        self._presets = window_presets()
        self.presets = [
            self._preset_action(factory, number, preset)
            for number, preset in enumerate(self._presets, start=1)
        ]
        self.auto = factory.make_action(
            "A&uto", "0", "Window from the values of the scan", session.auto_window
        )
        self.box = FocuslessComboBox()
        for preset in self._presets:
            self.box.addItem(f"{preset.name} {preset.width:.0f}/{preset.level:.0f}")
        self.box.setPlaceholderText("Own window")
        self.box.setAccessibleName("Window preset")
        self.box.activated.connect(self._on_activated)
        self._hints = KeyHint(": {}", *self.presets), KeyHint("; {} for auto", self.auto)
        for hint in self._hints:
            hint.follow(self._show_keys)
        session.window_changed.connect(self._on_window_changed)

    def fill(self, menu: QMenu) -> None:
        """Add the commands to a menu."""
        menu.addActions([*self.presets, self.auto])

    def _preset_action(self, factory: ActionFactory, number: int, preset: Preset) -> QAction:
        text = f"{preset.name}  {preset.width:.0f} / {preset.level:.0f}"
        show = partial(self._session.set_window, preset.level, preset.width)
        return factory.make_action(text, str(number), f"{preset.name} window", show)

    def _show_keys(self) -> None:
        self.box.setToolTip("Window presets" + "".join(hint.text for hint in self._hints))

    def _on_activated(self, index: int) -> None:
        self.presets[index].trigger()

    def _on_window_changed(self) -> None:
        shown = self._session.width, self._session.level
        fitting = (n for n, p in enumerate(self._presets) if (p.width, p.level) == shown)
        self.box.setCurrentIndex(next(fitting, -1))
