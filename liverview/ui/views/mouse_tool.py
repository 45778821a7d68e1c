"""Protocols of what draws over a slice view and of what takes its left mouse button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas


class OverlayPainter(Protocol):
    """Draws over the slice, in widget pixels."""

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw over a view."""


class MouseTool(OverlayPainter, Protocol):
    """Takes the left button of the mouse before the crosshair does; points are in the widget."""

    def press(self, view: SliceCanvas, position: QPointF) -> bool:
        """Begin; False leaves the button, until it is released, to the crosshair."""

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        """Go on with the button held; False where the press was left to the crosshair."""

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        """End; False where the press was left to the crosshair."""

    def cursor(self, view: SliceCanvas, position: QPointF) -> Qt.CursorShape:
        """The shape of the mouse pointer over a point, while no button is held."""

    def deactivate(self) -> None:
        """Drop what is not finished: another tool takes over."""
