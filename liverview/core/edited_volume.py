"""Volumes that a person added to a label and took away from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from liverview.core.labels import FOREGROUND, Label

_LARGEST_ML = 1e6  # more than any person has


class EditedVolume(NamedTuple):
    """What was added to a label by hand and what was removed from it, in mL."""

    added_ml: float = 0.0
    removed_ml: float = 0.0


EditedVolumes = Mapping[Label, EditedVolume]
"""Of labels as reported, the liver as the whole organ; a label that is missing has none."""


def sum_edited(first: EditedVolumes, second: EditedVolumes) -> dict[Label, EditedVolume]:
    """Both together, of every label that either has."""
    none = EditedVolume()
    return {
        label: EditedVolume(one.added_ml + two.added_ml, one.removed_ml + two.removed_ml)
        for label in FOREGROUND
        for one, two in [(first.get(label, none), second.get(label, none))]
        if any(one) or any(two)
    }


def edited_content(edited: EditedVolumes) -> dict[str, dict[str, float]]:
    """The volumes for JSON, of every label; the unit is in every key."""
    volumes = {label: edited.get(label, EditedVolume()) for label in FOREGROUND}
    return {
        label.name.lower(): {
            "added_ml": round(volume.added_ml, 6),
            "removed_ml": round(volume.removed_ml, 6),
        }
        for label, volume in volumes.items()
    }


def read_edited(stored: Any) -> dict[Label, EditedVolume]:
    """Volumes as `edited_content` writes them; what is none counts as nothing."""
    found = {}
    for label in FOREGROUND:
        entry = stored.get(label.name.lower()) if isinstance(stored, Mapping) else None
        if isinstance(entry, Mapping):
            volume = EditedVolume(_read_ml(entry, "added_ml"), _read_ml(entry, "removed_ml"))
            if any(volume):
                found[label] = volume
    return found


def _read_ml(entry: Mapping[str, Any], key: str) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value <= _LARGEST_ML else 0.0


def describe_edited(edited: EditedVolumes) -> str:
    """The volumes in a few words: ``tumor +1.20 -0.30 mL``; empty where there are none."""
    return ", ".join(
        f"{label.name.lower()} {edited_text(volume)}"
        for label, volume in edited.items()
        if any(volume)
    )


def edited_text(volume: EditedVolume) -> str:
    """One label's volumes that there are: ``+1.20 -0.30 mL``, with a minus sign."""
    signs = (("+", volume.added_ml), ("\N{MINUS SIGN}", volume.removed_ml))
    return " ".join([*(f"{sign}{_ml(ml)}" for sign, ml in signs if ml), "mL"])


def _ml(ml: float) -> str:
    return f"{ml:.0f}" if ml >= 99.5 else f"{ml:.1f}" if ml >= 9.95 else f"{ml:.2f}"
