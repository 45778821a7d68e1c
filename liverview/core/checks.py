"""Checks of what a function was given, before any work is done."""

from __future__ import annotations

from liverview.core.text import quoted
from liverview.core.volume import LabelMap, Volume


def check_number(name: str, value: float, low: float, high: float, *, whole: bool = False) -> float:
    """The value where it is a number from ``low`` to ``high``.

    Raises
    ------
    ValueError : it names the entry and quotes the value, shortened where it is endless.
    """
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} must be {kind} from {low} to {high}, got {quoted(value)}")
    return value


def require_volume(given: object) -> None:
    """Refuse what is no scan.

    Raises
    ------
    TypeError : it says what was given.
    """
    if not isinstance(given, Volume):
        raise TypeError(
            f"the scan must be a Volume, not {type(given).__name__}: see liverview.read"
        )


def require_labels(given: object) -> None:
    """Refuse what is no label map, as a scan in its place.

    Raises
    ------
    TypeError : it says what was given.
    """
    if not isinstance(given, LabelMap):
        kind = type(given).__name__
        raise TypeError(f"the labels must be a LabelMap, not {kind}: see liverview.read_labels")
