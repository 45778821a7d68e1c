"""The choices of drawing over restarts, in the settings."""

from __future__ import annotations

from PySide6.QtCore import QSettings

from liverview.core.labels import FOREGROUND, Label
from liverview.ui.state.edit_settings import EditSettings
from liverview.ui.stored import (
    stored_flag,
    stored_member,
    stored_number,
    stored_texts,
)

_GROUP = "editing"


def load_editing(editing: EditSettings, settings: QSettings) -> None:
    """Take back what was chosen; what is damaged stays as it is at a first start."""
    brush, limits = editing.brush, editing.limits
    label = stored_member(settings, f"{_GROUP}/label", editing.label)
    editing.set_label(label if label in FOREGROUND else editing.label)
    radius = stored_number(settings, f"{_GROUP}/radius_mm")
    editing.set_brush(
        radius_mm=brush.radius_mm if radius is None else radius,
        shape=stored_member(settings, f"{_GROUP}/shape", brush.shape),
        ball=stored_flag(settings, f"{_GROUP}/ball", brush.ball),
    )
    editing.set_adaptive(stored_flag(settings, f"{_GROUP}/adaptive", editing.adaptive))
    editing.set_erase_all(stored_flag(settings, f"{_GROUP}/erase_all", editing.erase_all))
    names = stored_texts(settings, f"{_GROUP}/locked")
    ends = [stored_number(settings, f"{_GROUP}/{name}") for name in ("lowest", "highest")]
    within = stored_flag(settings, f"{_GROUP}/within", False)
    low, high = ends
    known = low is not None and high is not None and low <= high
    editing.set_limits(
        scope=stored_member(settings, f"{_GROUP}/scope", limits.scope),
        one=stored_member(settings, f"{_GROUP}/one", limits.one),
        locked=frozenset(one for one in FOREGROUND if one.name in names),
        hu=(low, high) if within and known else None,
    )


def save_editing(editing: EditSettings, settings: QSettings) -> None:
    """Keep what is chosen for the next start."""
    brush, limits = editing.brush, editing.limits
    low, high = limits.hu or (0.0, 0.0)
    kept = {
        "label": editing.label.name,
        "radius_mm": brush.radius_mm,
        "shape": brush.shape.name,
        "ball": brush.ball,
        "adaptive": editing.adaptive,
        "erase_all": editing.erase_all,
        "scope": limits.scope.name,
        "one": limits.one.name,
        "locked": [label.name for label in Label if label in limits.locked],
        "within": limits.hu is not None,
        "lowest": low,
        "highest": high,
    }
    for name, value in kept.items():
        settings.setValue(f"{_GROUP}/{name}", value)
