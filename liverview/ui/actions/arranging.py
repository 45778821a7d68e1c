"""The commands of the views: layout, linked zoom, cine, and the tools that draw on them."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QMenu

from liverview.ui.actions.factory import ActionFactory
from liverview.ui.tools.markup_tool import MarkupTool, Tool
from liverview.ui.views.cine import RATES, Cine
from liverview.ui.views.linked_views import Layout, LinkedViews

_LAYOUT_KEYS = {Layout.ONE_AND_TWO: "F6", Layout.ROW: "F7", Layout.GRID: "F8"}
_TOOL_KEYS = {Tool.POINTER: "C", Tool.RULER: "M", Tool.ELLIPSE: "E"}
_TOOL_TIPS = {
    Tool.POINTER: "The left button puts the crosshair",
    Tool.RULER: "Measure a length in mm",
    Tool.ELLIPSE: "Measure mean and SD of an area",
}


class Arranging:
    """Commands that change the views rather than the session."""

    def __init__(
        self, maker: ActionFactory, views: LinkedViews, cine: Cine, tool: MarkupTool
    ) -> None:
        self._views, self._cine, self._tool = views, cine, tool
        make, marks = maker.make_action, tool.markups
        self.reset = make("&Reset views", "R", "Every view fitted to its slice", views.reset_views)
        self.alone = make("&One view alone", "F", "The view with the frame, or all", self._alone)
        self.layouts = maker.make_exclusive(
            (
                make(layout.value, key, f"Layout: {layout.value.lower()}", self._layout(layout)),
                layout,
            )
            for layout, key in _LAYOUT_KEYS.items()
        )
        self.layout_menu = QMenu("La&yout", maker.window)
        self.layout_menu.addActions([*self.layouts.actions, self.alone])
        self.layout_menu.menuAction().setToolTip("How the views share the space")
        maker.set_icon(self.layout_menu.menuAction(), "layout")
        self.linked = maker.make_toggle(
            "&Linked zoom and pan", "K", "Zoom and pan all views together", views.set_linked
        )
        self.play = make("&Play or stop", "P", "Play through the slices", cine.toggle, "play")
        self.rates = maker.make_exclusive(
            (make(f"{n} slices per second", "", f"Play {n} slices per second", self._rate(n)), n)
            for n in RATES
        )
        self.tools = maker.make_exclusive(
            (make(one.value, _TOOL_KEYS[one], _TOOL_TIPS[one], self._take(one), icon), one)
            for one, icon in zip(Tool, ("pointer", "ruler", "ellipse"), strict=True)
        )
        self.markups_shown = maker.make_toggle(
            "&Show measurements", "D", "Show rulers and ellipses", marks.set_shown
        )
        self.remove = make(
            "Re&move measurement", "Del; Backspace", "Remove the chosen one", marks.remove_chosen
        )
        self.remove_all = make("Remove &all measurements", "", "Remove all of them", marks.clear)
        self.undo = make("&Undo measurement", "Ctrl+Z", "Take the last change back", marks.undo)
        views.arranged.connect(self._on_arranged)
        tool.changed.connect(self._on_tool_changed)
        self._on_arranged()
        self._on_tool_changed()
        self.rates.mark_checked(cine.rate)

    def fill(self, view: QMenu, tools: QMenu) -> None:
        """Put the commands into the menus View and Tools."""
        view.addMenu(self.layout_menu)
        view.addMenu("&Cine").addActions([self.play, *self.rates.actions])
        view.addActions([self.reset, self.linked])
        tools.addActions(self.tools.actions)
        tools.addSeparator()
        tools.addActions([self.markups_shown, self.remove, self.remove_all, self.undo])

    def _layout(self, layout: Layout) -> partial[None]:
        return partial(self._views.set_layout, layout)

    def _rate(self, per_second: int) -> partial[None]:
        return partial(self._set_rate, per_second)

    def _set_rate(self, per_second: int) -> None:
        self._cine.set_rate(per_second)
        self.rates.mark_checked(per_second)

    def _take(self, tool: Tool) -> partial[None]:
        return partial(self._tool.set_tool, tool)

    def _alone(self) -> None:
        self._views.toggle_maximized(self._views.focused_view().plane)

    def _on_arranged(self) -> None:
        self.layouts.mark_checked(self._views.layout_)

    def _on_tool_changed(self) -> None:
        self.tools.mark_checked(self._tool.tool)
