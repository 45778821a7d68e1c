"""What draws over a slice view, and the base of what takes the mouse in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPainter

if TYPE_CHECKING:
    from liverview.ui.views.slice_canvas import SliceCanvas


class OverlayPainter(Protocol):
    """Draws over the slice, in widget pixels."""

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw over a view."""


@dataclass(frozen=True)
class Press:
    """The button and the keys with which a tool is used.

    Attributes
    ----------
    right : the right button; else the left one.
    shift, ctrl : keys held while it was pressed.
    """

    right: bool = False
    shift: bool = False
    ctrl: bool = False

    @classmethod
    def of(cls, event: QMouseEvent) -> Press:
        """Button and keys of an event."""
        keys = event.modifiers()
        return cls(
            event.button() == Qt.MouseButton.RightButton,
            bool(keys & Qt.KeyboardModifier.ShiftModifier),
            bool(keys & Qt.KeyboardModifier.ControlModifier),
        )

    @property
    def erases(self) -> bool:
        """True for the right button and for Shift, with which every tool that draws erases."""
        return self.right or self.shift


LEFT = Press()
"""The left button alone."""


class MouseTool:
    """Takes the left button of the mouse before the crosshair does; points are in the widget."""

    @property
    def takes_right_button(self) -> bool:
        """True where the right button is the tool's, too, rather than the window's."""
        return False

    @property
    def double_click_presses(self) -> bool:
        """True where the second press of a double click is a press like any other, as of dabs."""
        return False

    @property
    def in_progress(self) -> bool:
        """True while something is begun that goes on after the button is released."""
        return False

    def press(self, view: SliceCanvas, position: QPointF, how: Press = LEFT) -> bool:
        """Begin; False leaves the button, until it is released, to the view."""
        return False

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        """Go on with the button held; False where the press was left to the view."""
        return False

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        """End; False where the press was left to the view."""
        return False

    def hover(self, view: SliceCanvas, position: QPointF | None) -> None:
        """The pointer is over a point with no button held, or has left the view."""

    def double_click(self, view: SliceCanvas, position: QPointF) -> bool:
        """Take a double click; False leaves it to the view."""
        return False

    def wheel(self, notches: int) -> bool:
        """Take the wheel, turned with Shift; False leaves it to the view."""
        return False

    def step_back(self) -> None:
        """Take back the last part of what is in progress, as by the key of Cancel."""

    def complete(self) -> None:
        """Complete what is in progress."""

    def cursor(self, view: SliceCanvas, position: QPointF) -> Qt.CursorShape:
        """The shape of the mouse pointer over a point, while no button is held."""
        return Qt.CursorShape.ArrowCursor

    def activate(self) -> None:
        """Get ready: the tool is chosen."""

    def deactivate(self) -> None:
        """Drop what is not finished: another tool takes over."""

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        """Draw over a view, in widget pixels."""
