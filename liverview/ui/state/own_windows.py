"""Window presets of the person's own, kept in the settings."""

from __future__ import annotations

import json
import math
from dataclasses import astuple, dataclass

from PySide6.QtCore import QObject, QSettings, Signal

from liverview.ui.stored import stored_text

_KEY = "own_windows"
_MOST = 20
_LONGEST = 40  # letters of a name


@dataclass(frozen=True)
class Preset:
    """A named display range in HU."""

    name: str
    width: float
    level: float

    @property
    def words(self) -> str:
        """Its name, and width and level as a menu shows them."""
        return f"{self.name} {self.width:.6g}/{self.level:.6g}"


class OwnWindows(QObject):
    """The person's presets; one of a name replaces the one before.

    Signals
    -------
    changed : one was added or removed.
    """

    changed = Signal()

    def __init__(self, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.presets: list[Preset] = _read(stored_text(settings, _KEY) or "")

    def add(self, name: str, width: float, level: float) -> bool:
        """Keep a preset; False where it has no name, or there are too many."""
        name = " ".join(name.split())[:_LONGEST]
        others = [preset for preset in self.presets if preset.name != name]
        if not name or len(others) >= _MOST:
            return False
        self._set([*others, Preset(name, width, level)])
        return True

    def remove(self, preset: Preset) -> None:
        """Forget a preset."""
        self._set([other for other in self.presets if other != preset])

    def _set(self, presets: list[Preset]) -> None:
        self.presets = presets
        self._settings.setValue(_KEY, json.dumps([astuple(preset) for preset in presets]))
        self._settings.sync()
        self.changed.emit()


def _read(text: str) -> list[Preset]:
    """What the settings keep; what makes no sense there is left out."""
    try:
        entries = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return []
    presets = [_preset_of(entry) for entry in entries] if isinstance(entries, list) else []
    return [preset for preset in presets if preset is not None][:_MOST]


def _preset_of(entry: object) -> Preset | None:
    if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[0], str):
        return None
    name, *numbers = entry
    if not all(type(n) in (int, float) and abs(n) < 1e30 and math.isfinite(n) for n in numbers):
        return None
    width, level = (float(n) for n in numbers)
    return Preset(name[:_LONGEST], width, level) if name.strip() and width > 0 else None
