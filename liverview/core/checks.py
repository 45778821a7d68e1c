"""Checks of what a function was given, before any work is done."""

from __future__ import annotations

from liverview.core.volume import LabelMap, Volume


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
