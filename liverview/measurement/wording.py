"""Measurements as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liverview.measurement.results import Measurement


def volume_lines(measurement: Measurement) -> list[str]:
    """A line for the volume of each label."""
    width = max(7, *(len(label.name) for label in measurement.volume_ml))
    partial = "PARTIAL: the segmentation was stopped, and what is missing was not looked at."
    lines = [partial] if measurement.partial else []
    for label, ml in reversed(measurement.volume_ml.items()):
        figure = f"{ml:10.1f} mL" if measurement.defines(label) else f"{'-':>10}"
        lines.insert(0, f"{label.name.lower():<{width}} {figure}")
    return lines
