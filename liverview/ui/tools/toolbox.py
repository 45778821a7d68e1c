"""The mouse tools of the window: which there are, and the one that is active."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QPainter

from liverview.ui.live.click_correction import ClickCorrection
from liverview.ui.tools.brush import BrushTool
from liverview.ui.tools.click import ClickTool
from liverview.ui.tools.context import ToolContext
from liverview.ui.tools.crosshair import CrosshairTool
from liverview.ui.tools.ellipse import EllipseTool
from liverview.ui.tools.eraser import EraserTool
from liverview.ui.tools.lasso import LassoTool
from liverview.ui.tools.lesion_line import LesionLineTool
from liverview.ui.tools.markup_layer import MarkupLayer
from liverview.ui.tools.polygon import PolygonTool
from liverview.ui.tools.ruler import RulerTool
from liverview.ui.tools.scissors import ScissorsTool
from liverview.ui.tools.split_line import SplitLineTool
from liverview.ui.tools.value_picker import ValuePicker
from liverview.ui.views.mouse_tool import LEFT, MouseTool, Press
from liverview.ui.views.slice_canvas import SliceCanvas


@dataclass(frozen=True, eq=False)
class ToolEntry:
    """A tool as menu and toolbar offer it.

    Attributes
    ----------
    icon_name : of resources/icons.
    make : makes the tool.
    edits : whether it changes labels; such tools have a toolbar of their own.
    """

    name: str
    key: str
    icon_name: str
    tip: str
    make: Callable[[ToolContext], MouseTool]
    edits: bool = False


POINTER = ToolEntry("Pointer", "C", "pointer", "The left button puts the crosshair", CrosshairTool)
RULER = ToolEntry("Ruler", "M", "ruler", "Measure a length in mm", RulerTool)
ELLIPSE = ToolEntry("Ellipse", "E", "ellipse", "Measure mean and SD of an area", EllipseTool)
BRUSH = ToolEntry(
    "Brush", "B", "brush", "Draw a label; right button or Shift erases", BrushTool, True
)
ERASER = ToolEntry("Eraser", "Shift+E", "eraser", "Take labels away", EraserTool, True)
PICKER = ToolEntry(
    "Pick intensity limits",
    "Shift+I",
    "pick_limits",
    "Draw only over values like those under the pointer",
    ValuePicker,
    True,
)
LASSO = ToolEntry("Lasso", "J", "lasso", "Fill what you draw around", LassoTool, True)
POLYGON = ToolEntry(
    "Polygon", "Shift+J", "polygon", "Fill an outline from click to click", PolygonTool, True
)
SCISSORS = ToolEntry(
    "Scissors", "Shift+S", "scissors", "Cut an outline out of all slices", ScissorsTool, True
)
SPLIT_LINE = ToolEntry(
    "Split line", "Shift+K", "split_line", "Cut a part in two by a line", SplitLineTool, True
)
CLICK = ToolEntry(
    "Click", "A", "click", "Complete what you click on; Ctrl takes away", ClickTool, True
)
LESION_LINE = ToolEntry(
    "Ruler to lesion",
    "Shift+M",
    "lesion_line",
    "Complete a lesion from the line across it",
    LesionLineTool,
    True,
)
TOOLS = (
    *(POINTER, RULER, ELLIPSE),
    *(BRUSH, ERASER, LASSO, POLYGON, SCISSORS, SPLIT_LINE, CLICK, LESION_LINE, PICKER),
)
"""Every tool, in the order of the menu; the first is active at the start."""


class Toolbox(QObject, MouseTool):
    """Has every tool and gives the mouse to the one that is active; speaks as a `MouseTool`.

    Signals
    -------
    changed : another tool is active, or what one was drawing is gone.
    redrawn : what tools draw over the views is another.
    edit_chosen : a tool that changes labels is active now.
    message : a sentence from a tool to the person.

    Attributes
    ----------
    active : the entry of the tool that has the left button.
    """

    changed = Signal()
    redrawn = Signal()
    edit_chosen = Signal()
    message = Signal(str)

    def __init__(
        self, markup_layer: MarkupLayer, clicks: ClickCorrection, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.changed.connect(self.redrawn)
        context = ToolContext(
            markup_layer,
            clicks,
            self._on_finished,
            self.redrawn.emit,
            self.message.emit,
            self._on_back_asked,
        )
        self._tools = {entry: entry.make(context) for entry in TOOLS}
        self.active = self._last = TOOLS[0]
        self._held = False  # the active tool has the button
        self._dropped = False  # it had; what follows until the release goes nowhere

    def set_active(self, entry: ToolEntry) -> None:
        """Give the left button to another tool; what the last one had begun is dropped."""
        if entry is not self.active:
            self.drop_drawing()
            self._tool.deactivate()
            self._last, self.active = self.active, entry
            self._tool.activate()
            self.changed.emit()
            if entry.edits:
                self.edit_chosen.emit()

    @property
    def is_drawing(self) -> bool:
        """True while the active tool has the button."""
        return self._held

    @property
    def is_pointer(self) -> bool:
        """True while the first tool is active."""
        return self.active is TOOLS[0]

    def drop_drawing(self) -> None:
        """Drop what is being drawn or dragged, if something is."""
        if self._held:
            self._held, self._dropped = False, True
            self._tool.deactivate()
            self.changed.emit()

    def drop_all(self) -> None:
        """Drop whatever is begun: it belongs to a scan that is open no more."""
        self.drop_drawing()
        self._tool.deactivate()
        self.changed.emit()

    def lay_down(self) -> None:
        """Make the first tool active again."""
        self.set_active(TOOLS[0])

    def _on_finished(self) -> None:
        self._held = False
        self.lay_down()

    def _on_back_asked(self) -> None:
        self._held = False
        self.set_active(self._last)

    # ---- as `MouseTool`, for the views -----------------------------------------------------

    @property
    def takes_right_button(self) -> bool:
        return self._tool.takes_right_button

    @property
    def double_click_presses(self) -> bool:
        return self._tool.double_click_presses

    def press(self, view: SliceCanvas, position: QPointF, how: Press = LEFT) -> bool:
        self._dropped = False
        self._held = self._tool.press(view, position, how)
        return self._held

    def move(self, view: SliceCanvas, position: QPointF) -> bool:
        return self._dropped or self._tool.move(view, position)

    def release(self, view: SliceCanvas, position: QPointF) -> bool:
        self._held = False
        if self._dropped:
            self._dropped = False
            return False
        return self._tool.release(view, position)

    def hover(self, view: SliceCanvas, position: QPointF | None) -> None:
        self._tool.hover(view, position)

    def double_click(self, view: SliceCanvas, position: QPointF) -> bool:
        return self._tool.double_click(view, position)

    def wheel(self, notches: int) -> bool:
        return self._tool.wheel(notches)

    @property
    def in_progress(self) -> bool:
        return self._tool.in_progress

    def step_back(self) -> None:
        self._tool.step_back()

    def complete(self) -> None:
        self._tool.complete()

    def cursor(self, view: SliceCanvas, position: QPointF) -> Qt.CursorShape:
        return self._tool.cursor(view, position)

    def paint(self, view: SliceCanvas, painter: QPainter) -> None:
        self._tool.paint(view, painter)

    def deactivate(self) -> None:
        self._tool.deactivate()

    @property
    def _tool(self) -> MouseTool:
        return self._tools[self.active]
