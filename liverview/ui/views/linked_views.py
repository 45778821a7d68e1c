"""The linked views and their layouts."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from liverview.core.volume import Plane
from liverview.ui.state.session import Session
from liverview.ui.views.mouse_tool import MouseTool, OverlayPainter
from liverview.ui.views.selected_outlines import SelectedOutlines
from liverview.ui.views.slice_pane import SlicePane
from liverview.ui.views.slice_view import SliceView

if TYPE_CHECKING:
    from liverview.ui.views.surface_pane import SurfacePane


class Layout(Enum):
    """A way in which the views share the space."""

    ONE_AND_TWO = "One large, two small"
    ROW = "Three in a row"
    GRID = "Two by two, with surfaces"


class LinkedViews(QWidget):
    """Three linked slice views and, in the grid, a fourth pane; any of them alone.

    Signals
    -------
    hovered : the voxel under the pointer in any view, or None.
    menu_requested : the right button was clicked at a voxel; with where on the screen.
    arranged : another layout, or a view alone.

    Parameters
    ----------
    make_surface_pane : makes the fourth pane, once it is first seen.

    Attributes
    ----------
    by_plane : the slice views.
    panes : these with their sliders.
    """

    hovered = Signal(object)
    menu_requested = Signal(object, object)
    arranged = Signal()

    def __init__(
        self,
        session: Session,
        make_surface_pane: Callable[[], SurfacePane] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.session = session
        self.linked = True  # zoom and pan
        self.by_plane = {plane: SliceView(session, plane) for plane in Plane}
        self.panes = {plane: SlicePane(view, self) for plane, view in self.by_plane.items()}
        self.surface_pane: SurfacePane | None = None
        self._make_surface_pane = make_surface_pane
        self._alone: QWidget | None = None  # the pane that fills the space
        self._layout = Layout.ONE_AND_TWO
        self._splitter: QSplitter | None = None
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        for view in self.by_plane.values():
            view.hovered.connect(self.hovered)
            view.menu_requested.connect(self.menu_requested)
            view.maximize_requested.connect(self.toggle_maximized)
            view.zoomed.connect(self._on_zoomed)
            view.panned.connect(self._on_panned)
        self.add_overlay_painter(SelectedOutlines(session), session.selected.changed)
        self._build_layout()

    # ---- layout ----------------------------------------------------------------------

    @property
    def maximized(self) -> Plane | None:
        """The slice view that fills the space, or None when they share it."""
        return next((p for p, pane in self.panes.items() if pane is self._alone), None)

    @property
    def layout_(self) -> Layout:
        """The layout of the views when none is alone."""
        return self._layout

    def toggle_maximized(self, plane: Plane) -> None:
        """Give one view all the space, or share it again."""
        self._toggle_alone(self.panes[plane])

    def toggle_surfaces(self) -> None:
        """Give the surfaces all the space, or share it again."""
        if self.surface_pane is not None and self._layout is Layout.GRID:
            self._toggle_alone(self.surface_pane)

    def toggle_focused(self) -> None:
        """Give the pane that has the keys all the space, else the axial one; or share it again."""
        pane, focus = self.surface_pane, self.window().focusWidget()
        if self._alone is not None:
            self.share_again()
        elif pane is not None and focus is not None and pane.isAncestorOf(focus):
            self.toggle_surfaces()
        else:
            self.toggle_maximized(self.focused_view().plane)

    @property
    def is_one_alone(self) -> bool:
        """True while a slice view or the surfaces fill the space."""
        return self._alone is not None

    def share_again(self) -> None:
        """Let all share the space."""
        if self._alone is not None:
            self._toggle_alone(self._alone)

    def _toggle_alone(self, pane: QWidget) -> None:
        self._alone = None if self._alone is pane else pane
        self._update_visibility()

    def set_layout(self, layout: Layout) -> None:
        """Share the space in another way."""
        self._alone = None
        if layout is not self._layout:
            self._layout = layout
            self._build_layout()
        self._update_visibility()

    def focused_view(self) -> SliceView:
        """The slice view that has the keys, else the axial one."""
        for view in self.by_plane.values():
            if view.hasFocus():
                return view
        return self.by_plane[self.maximized or Plane.AXIAL]

    def _build_layout(self) -> None:
        axial, coronal, sagittal = (
            self.panes[plane] for plane in (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)
        )
        across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        old = self._splitter
        if self._layout is Layout.ROW:
            splitter = _make_splitter(across, axial, coronal, sagittal)
        elif self._layout is Layout.ONE_AND_TWO:
            splitter = _make_splitter(across, axial, _make_splitter(down, coronal, sagittal))
            splitter.setSizes([600, 400])
        else:
            if self.surface_pane is None and self._make_surface_pane is not None:
                self.surface_pane = self._make_surface_pane()
                self.surface_pane.maximize_requested.connect(self.toggle_surfaces)
            lower = [coronal] if self.surface_pane is None else [coronal, self.surface_pane]
            splitter = _make_splitter(
                down, _make_splitter(across, axial, sagittal), _make_splitter(across, *lower)
            )
        if self.surface_pane is not None and self._layout is not Layout.GRID:
            self.surface_pane.setParent(self)
        self._splitter = splitter
        box = self.layout()
        assert box is not None
        box.addWidget(splitter)
        if old is not None:
            box.removeWidget(old)
            old.hide()
            old.deleteLater()

    def _update_visibility(self) -> None:
        """Show everything, or one view alone; hide splitters that have nothing to show."""
        for pane in self.panes.values():
            pane.setVisible(self._alone in (None, pane))
        if self.surface_pane is not None:
            shown = self._alone in (None, self.surface_pane) and self._layout is Layout.GRID
            self.surface_pane.setVisible(shown)
        assert self._splitter is not None
        panes: list[QWidget] = [*self.panes.values()]
        if self.surface_pane is not None:
            panes.append(self.surface_pane)
        for inner in self._splitter.findChildren(QSplitter):
            inner.setVisible(any(inner is p.parent() and not p.isHidden() for p in panes))
        self.arranged.emit()

    # ---- together --------------------------------------------------------------------------

    def reset_views(self) -> None:
        """All views, each fitted to its slice, the crosshair in the middle."""
        self.share_again()
        if self.surface_pane is not None:
            self.surface_pane.reset_camera()
        volume = self.session.volume
        if volume is not None:
            i, j, k = (n // 2 for n in volume.shape)
            self.session.set_crosshair((i, j, k))
        for view in self.by_plane.values():
            view.fit_slice()

    def bring_into_sight(self) -> None:
        """Show the place of the crosshair in every view, also where it is enlarged."""
        for view in self.by_plane.values():
            view.bring_into_sight()

    def set_tool(self, tool: MouseTool, changed: SignalInstance) -> None:
        """Give a tool the left button before the crosshair; it draws over the slices as well."""
        for view in self.by_plane.values():
            view.tool = tool
        self.add_overlay_painter(tool, changed)

    def add_overlay_painter(self, painter: OverlayPainter, changed: SignalInstance) -> None:
        """Let something draw over the slices, anew whenever it says that it changed."""
        for view in self.by_plane.values():
            view.overlay_painters.append(painter)
            changed.connect(view.redraw_soon)

    def set_linked(self, linked: bool) -> None:
        """Zoom and pan all views with the one that the person moves, or that one only."""
        self.linked = linked

    def _on_zoomed(self, plane: Plane, factor: float) -> None:
        for other, view in self.by_plane.items() if self.linked else ():
            if other is not plane:
                view.zoom(factor, view.widget_position(self.session.crosshair))

    def _on_panned(self, plane: Plane, across: float, up: float) -> None:
        """Along the axes that the other views share with this one."""
        moved = {plane.horizontal_axis: across, plane.vertical_axis: up}
        for other, view in self.by_plane.items() if self.linked else ():
            if other is not plane:
                view.pan(moved.get(other.horizontal_axis, 0.0), moved.get(other.vertical_axis, 0.0))


def _make_splitter(orientation: Qt.Orientation, *widgets: QWidget) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setHandleWidth(3)
    for widget in widgets:
        splitter.addWidget(widget)
    splitter.setChildrenCollapsible(False)
    splitter.setSizes([1000] * len(widgets))  # in equal parts
    return splitter
