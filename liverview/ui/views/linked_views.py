"""The linked views and their layouts."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from liverview.core.volume import Plane
from liverview.ui.state.session import Session
from liverview.ui.views.mouse_tool import MouseTool, OverlayPainter
from liverview.ui.views.slice_view import SliceView


class Layout(Enum):
    """A way in which the views share the space."""

    ONE_AND_TWO = "One large, two small"
    ROW = "Three in a row"
    GRID = "Two by two, with surfaces"


class LinkedViews(QWidget):
    """Three linked slice views and, in the grid, a fourth pane; any slice view alone.

    Signals
    -------
    hovered : the voxel under the pointer in any view, or None.
    arranged : another layout, or a view alone.

    Parameters
    ----------
    make_surface_pane : makes the fourth pane, once it is first seen.
    """

    hovered = Signal(object)
    arranged = Signal()

    def __init__(
        self,
        session: Session,
        make_surface_pane: Callable[[], QWidget] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.session = session
        self.linked = True  # zoom and pan
        self.by_plane = {plane: SliceView(session, plane, self) for plane in Plane}
        self.surface_pane: QWidget | None = None
        self._make_surface_pane = make_surface_pane
        self._alone: Plane | None = None
        self._layout = Layout.ONE_AND_TWO
        self._splitter: QSplitter | None = None
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        for view in self.by_plane.values():
            view.hovered.connect(self.hovered)
            view.maximize_requested.connect(self.toggle_maximized)
            view.zoomed.connect(self._on_zoomed)
            view.panned.connect(self._on_panned)
        self._build_layout()

    # ---- layout ----------------------------------------------------------------------

    @property
    def maximized(self) -> Plane | None:
        """The view that fills the space, or None when they share it."""
        return self._alone

    @property
    def layout_(self) -> Layout:
        """The layout of the views when none is alone."""
        return self._layout

    def toggle_maximized(self, plane: Plane) -> None:
        """Give one view all the space, or share it again."""
        self._alone = None if self._alone is plane else plane
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
        return self.by_plane[self._alone or Plane.AXIAL]

    def _build_layout(self) -> None:
        axial, coronal, sagittal = (
            self.by_plane[plane] for plane in (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)
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
        for plane, view in self.by_plane.items():
            view.setVisible(self._alone in (None, plane))
        if self.surface_pane is not None:
            self.surface_pane.setVisible(self._alone is None and self._layout is Layout.GRID)
        assert self._splitter is not None
        panes: list[QWidget] = [*self.by_plane.values()]
        if self.surface_pane is not None:
            panes.append(self.surface_pane)
        for inner in self._splitter.findChildren(QSplitter):
            inner.setVisible(any(inner is p.parent() and not p.isHidden() for p in panes))
        self.arranged.emit()

    # ---- together --------------------------------------------------------------------------

    def reset_views(self) -> None:
        """All views, each fitted to its slice, the crosshair in the middle."""
        if self._alone is not None:
            self.toggle_maximized(self._alone)
        volume = self.session.volume
        if volume is not None:
            i, j, k = (n // 2 for n in volume.shape)
            self.session.set_crosshair((i, j, k))
        for view in self.by_plane.values():
            view.fit_slice()

    def set_tool(self, tool: MouseTool, changed: SignalInstance) -> None:
        """Give a tool the left button before the crosshair; it draws over the slices as well."""
        for view in self.by_plane.values():
            view.tool = tool
        self.add_overlay_painter(tool, changed)

    def add_overlay_painter(self, painter: OverlayPainter, changed: SignalInstance) -> None:
        """Let something draw over the slices, anew whenever it says that it changed."""
        for view in self.by_plane.values():
            view.overlay_painters.append(painter)
            changed.connect(view.viewport().update)

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
