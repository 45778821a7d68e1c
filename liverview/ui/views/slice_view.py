"""One plane of the volume with mouse and keys."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QLineF, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QDockWidget, QLineEdit, QWidget

from liverview.core.grid import Voxel
from liverview.core.volume import Plane
from liverview.ui.state.session import Session
from liverview.ui.views.mouse_tool import MouseTool, Press
from liverview.ui.views.slice_canvas import SliceCanvas
from liverview.ui.views.slice_geometry import nearest_voxel

_DRAG_PX = 4.0  # a right button that moves less asks for a menu
_NOTCH = 120  # what one step of a mouse wheel reports, in eighths of a degree
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class SliceView(SliceCanvas):
    """A linked slice view.

    Signals
    -------
    hovered : the voxel under the pointer, or None.
    maximize_requested : the view was double-clicked.
    menu_requested : the right button was clicked, not dragged, at a voxel; with where on the
        screen.
    zoomed : the person enlarged by a factor.
    panned : the person moved the picture, mm across and up.

    Attributes
    ----------
    tool : takes the left button; without one it puts the crosshair.
    """

    hovered = Signal(object)
    maximize_requested = Signal(object)
    menu_requested = Signal(object, object)
    zoomed = Signal(object, float)
    panned = Signal(object, float, float)

    def __init__(self, session: Session, plane: Plane, parent: QWidget | None = None) -> None:
        super().__init__(session, plane, parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.tool: MouseTool | None = None
        self._last_position: QPointF | None = None  # while a button is held
        self._right_press: QPointF | None = None  # a right button that has not been dragged
        self._tool_button: Qt.MouseButton | None = None  # the one that the tool has
        self._before_click: Voxel | None = None  # the crosshair, for when it becomes a double one
        self._pointer: QPointF | None = None  # while it is over this view
        self._wheel = 0
        self.content_moved.connect(self._emit_hovered)

    # ---- mouse ---------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._tool_button is not None:
            if event.button() != self._tool_button and event.buttons() & self._tool_button:
                event.accept()  # one button at a time
                return
            self._end_use(self._last_position or event.position())  # it was released elsewhere
        self.setFocus()
        self._last_position = event.position()
        self._before_click = self.session.crosshair
        right = event.button() == Qt.MouseButton.RightButton
        self._right_press = event.position() if right else None
        if self._give_to_tool(event):
            self._tool_button, self._right_press = event.button(), None
        elif event.button() == Qt.MouseButton.LeftButton and self.session.volume is not None:
            self._put_crosshair(event.position())
        event.accept()

    def _give_to_tool(self, event: QMouseEvent) -> bool:
        """Whether the tool takes the button."""
        if self.tool is None or self.session.volume is None:
            return False
        mine = event.button() == Qt.MouseButton.LeftButton or (
            event.button() == Qt.MouseButton.RightButton and self.tool.takes_right_button
        )
        return mine and self.tool.press(self, event.position(), Press.of(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        self._pointer = position
        if self._tool_button is not None and not event.buttons() & self._tool_button:
            self._end_use(self._last_position or position)  # it was released somewhere else
        self._take_keys_from_panels()
        self._emit_hovered()
        if self.session.volume is None:
            return
        if self._last_position is None:
            if self.tool is not None:
                self.tool.hover(self, position)
                self.viewport().setCursor(self.tool.cursor(self, position))
            return
        self._drag(event.buttons(), self._last_position, position)
        self._last_position = position
        event.accept()

    def _drag(self, buttons: Qt.MouseButton, last: QPointF, position: QPointF) -> None:
        """A held button was moved from a point to another."""
        if self.tool is not None and self._tool_button is not None and buttons & self._tool_button:
            if not self.tool.move(self, position):
                self._put_crosshair(position)
        elif buttons & Qt.MouseButton.LeftButton:
            self._put_crosshair(position)
        elif buttons & Qt.MouseButton.RightButton:
            if self._right_press is not None:
                if QLineF(self._right_press, position).length() < _DRAG_PX:
                    return
                self._right_press = None
            self._drag_window(position - last)
        elif buttons & Qt.MouseButton.MiddleButton:
            self._drag_picture(last, position)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == self._tool_button:
            self._end_use(event.position())
        elif self._tool_button is not None:
            event.accept()  # of a second button, while the tool goes on
            return
        if event.button() == Qt.MouseButton.RightButton and self._right_press is not None:
            voxel, self._right_press = self.voxel_at(event.position()), None
            if voxel is not None:
                self.menu_requested.emit(voxel, event.globalPosition().toPoint())
        self._last_position = None
        event.accept()

    def _end_use(self, position: QPointF) -> None:
        """The tool no longer has a button."""
        self._tool_button = self._last_position = None
        if self.tool is not None and self.session.volume is not None:
            self.tool.release(self, position)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.tool is not None and self.tool.double_click_presses:
            self.mousePressEvent(event)
            return
        if event.button() == Qt.MouseButton.LeftButton:
            if self.tool is not None and self.tool.double_click(self, event.position()):
                event.accept()
                return
            if self._before_click is not None:
                self.session.set_crosshair(self._before_click)  # its first half was no click
                self._before_click = None
            self.maximize_requested.emit(self.plane)
        event.accept()

    def leaveEvent(self, event: Any) -> None:
        self._pointer = None
        if self.tool is not None:
            self.tool.hover(self, None)
        self.hovered.emit(None)
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            factor = 1.0015**turned
            self.zoom(factor, event.position())
            self.zoomed.emit(self.plane, factor)
        elif not self._give_wheel_to_tool(event):
            self.turn_wheel(turned)
        event.accept()

    def _give_wheel_to_tool(self, event: QWheelEvent) -> bool:
        """Whether the tool takes the wheel, which Shift turns sideways on some systems."""
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        notches = (event.angleDelta().y() or event.angleDelta().x()) / _NOTCH
        if not shift or self.tool is None or not notches:
            return False
        return self.tool.wheel(math.ceil(notches) if notches > 0 else math.floor(notches))

    def turn_wheel(self, turned: int) -> None:
        """Go through the slices; fine wheels and touch pads report parts of a notch."""
        self._wheel += turned
        steps = int(self._wheel / _NOTCH)
        self._wheel -= steps * _NOTCH
        if steps:
            self.session.step_slices(self.plane, steps)

    def _take_keys_from_panels(self) -> None:
        """Take the keys from a table or button of a panel that was clicked before.

        Not from what a person types in, nor from another view.
        """
        widget = self.window().focusWidget()
        if widget is None or isinstance(widget, QLineEdit | QAbstractSpinBox):
            return
        above: QWidget | None = widget
        while above is not None and not isinstance(above, QDockWidget):
            above = above.parentWidget()
        if above is not None:
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    def _emit_hovered(self) -> None:
        """Say which voxel is under the pointer, which may have been moved under it."""
        if self._pointer is not None:
            self.hovered.emit(self.voxel_at(self._pointer))

    def _put_crosshair(self, position: QPointF) -> None:
        self.session.set_crosshair(nearest_voxel(self.index_at(position)))

    def _drag_window(self, moved: QPointF) -> None:
        """Right is wider, down is brighter, faster in wide windows."""
        speed = max(self.session.min_window_width, self.session.width / 400)
        self.session.set_window(
            self.session.level - moved.y() * speed, self.session.width + 2 * moved.x() * speed
        )

    def _drag_picture(self, start: QPointF, end: QPointF) -> None:
        a, b = (
            self._box.mapSceneToView(self.mapToScene(point.toPoint())) for point in (start, end)
        )
        self.pan(b.x() - a.x(), b.y() - a.y())
        self.panned.emit(self.plane, b.x() - a.x(), b.y() - a.y())

    # ---- keys ----------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        many = 5 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        enter = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and self.tool is not None and self.tool.in_progress:
            self.tool.complete()
            return
        if key in _ARROWS:
            across, up = _ARROWS[key]
            flipped = self._box.xInverted()
            self.session.move_crosshair(
                self.plane.horizontal_axis, (-across if flipped else across) * many
            )
            self.session.move_crosshair(self.plane.vertical_axis, up * many)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.session.step_slices(self.plane, many if key == Qt.Key.Key_PageUp else -many)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            last = 1 << 20
            self.session.step_slices(self.plane, -last if key == Qt.Key.Key_Home else last)
        else:
            event.ignore()
