"""Display of slices, set once for all views: interpolation and slabs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QObject, Signal

THICKEST_MM = 20.0


class Projection(Enum):
    """Projections of the slices of a slab."""

    MAXIMUM = "MIP"
    MEAN = "mean"


@dataclass(frozen=True)
class SlabView:
    """A slab of slices around the crosshair that is shown as one.

    Attributes
    ----------
    projection : how its slices become one.
    mm : its thickness; 0 for the slice alone.
    """

    projection: Projection = Projection.MAXIMUM
    mm: float = 0.0

    def slices(self, index: int, spacing: float, count: int) -> slice:
        """The slices around one whose middles lie within the slab."""
        half = int(self.mm / 2 / spacing + 1e-6)
        return slice(max(index - half, 0), min(index + half + 1, count))

    @property
    def words(self) -> str:
        """For the badge of a view; empty for a slice alone."""
        return f"{self.projection.value} {self.mm:.3g} mm" if self.mm else ""


class Display(QObject):
    """Settings of drawing; `changed` tells the views.

    Attributes
    ----------
    interpolated : whether the CT is smooth between voxels; labels never are.
    slab : what is shown around the crosshair.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.interpolated = True
        self.slab = SlabView()

    def set_interpolated(self, interpolated: bool) -> None:
        if interpolated != self.interpolated:
            self.interpolated = interpolated
            self.changed.emit()

    def set_slab(self, slab: SlabView) -> None:
        if slab != self.slab:
            self.slab = slab
            self.changed.emit()
