"""A slice of the volume on the screen: image, labels, annotation; zoom and pan."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.volume import Plane
from liverview.ui.state.session import Convention, Session
from liverview.ui.views.annotation import LabelPlacer, draw_annotation
from liverview.ui.views.mouse_tool import OverlayPainter
from liverview.ui.views.slice_geometry import SliceGeometry, nearest_voxel
from liverview.ui.views.slice_image import SliceImage
from liverview.ui.views.slice_layers import Part, SliceLayers

_EDGE = 0.15  # of a view, in which the crosshair is hardly seen


class SliceCanvas(pg.GraphicsView):
    """Shows a plane's slice at the session's crosshair, and follows the session.

    Signals
    -------
    content_moved : another voxel may lie under a point of the widget.

    Attributes
    ----------
    overlay_painters : draw over the slice at every repaint, in this order.
    label_placer : finds room for the words of their drawings, anew at every repaint.
    """

    content_moved = Signal()

    def __init__(self, session: Session, plane: Plane, parent: QWidget | None = None) -> None:
        super().__init__(parent, background="k")
        self.setCacheMode(self.CacheModeFlag.CacheNone)  # plain black needs no picture of it
        self.session = session
        self.plane = plane
        self.setMinimumSize(120, 120)
        self.setAccessibleName(f"{plane.name.capitalize()} view")
        self._box = pg.ViewBox(lockAspect=True, enableMouse=False, enableMenu=False)
        self._box.setDefaultPadding(0)
        self._image = SliceImage()
        self._box.addItem(self._image, ignoreBounds=True)
        self.setCentralWidget(self._box)
        self.overlay_painters: list[OverlayPainter] = []
        self.label_placer = LabelPlacer(QRectF())
        self._layers = SliceLayers(session, plane)
        self._index = -1
        # Many changes between two frames make one repaint.
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self.refresh)
        session.volume_changed.connect(self._on_volume_changed)
        session.crosshair_changed.connect(self._on_crosshair_changed)
        session.window_changed.connect(self._on_window_changed)
        session.styles_changed.connect(self._on_styles_changed)
        session.store.changed.connect(self._on_labels_changed)
        session.slices.preview_changed.connect(self._on_preview_changed)
        session.trees.changed.connect(self._on_trees_changed)
        session.view_changed.connect(self._on_view_changed)
        session.overlay_changed.connect(self._on_overlay_changed)
        session.display.changed.connect(self._on_display_changed)
        self._on_view_changed()

    # ---- geometry ------------------------------------------------------------------------

    @property
    def geometry_(self) -> SliceGeometry:
        """The geometry of the open volume's slices; there must be a volume."""
        assert self.session.volume is not None
        return SliceGeometry.of(self.plane, self.session.volume)

    def voxel_at(self, position: QPointF) -> Voxel | None:
        """The voxel under a point of the widget; None outside the slice."""
        volume = self.session.volume
        if volume is None:
            return None
        voxel = nearest_voxel(self.index_at(position))
        return voxel if volume.contains(voxel) else None

    def index_at(self, position: QPointF) -> tuple[float, float, float]:
        """The place in voxels, whole numbers at centers, under a point of the widget."""
        point = self._box.mapSceneToView(self.viewportTransform().inverted()[0].map(position))
        return self.geometry_.voxel_place(point, self.session.crosshair)

    def widget_position(self, place: Sequence[float]) -> QPointF:
        """The point of the widget at which a place in voxels, or a voxel's center, is drawn."""
        point = self.geometry_.view_point(place)
        return self.viewportTransform().map(self._box.mapViewToScene(point))

    def fit_slice(self) -> None:
        """Show the whole slice."""
        if self.session.volume is not None:
            self._box.setRange(self.geometry_.extent, padding=0.02)

    @property
    def seen_rect(self) -> QRectF:
        """The part of the slice that is seen, in mm along its axes."""
        return self._box.viewRect()

    def show_rect(self, rect: QRectF) -> None:
        """Show a part of the slice, and around it what the view has room for."""
        if self.session.volume is not None:
            self._box.setRange(rect, padding=0)
            self.content_moved.emit()

    def zoom(self, factor: float, around: QPointF | None = None) -> None:
        """Enlarge by a factor, around a point of the widget."""
        if self.session.volume is None:
            return
        scale = self.geometry_.limit_scale(1 / factor, self._box.viewRect().width())
        center = None
        if around is not None:
            center = self._box.mapSceneToView(self.mapToScene(around.toPoint()))
        self._box.scaleBy((scale, scale), center=center)
        self.content_moved.emit()

    def pan(self, across: float, up: float) -> None:
        """Move the picture by so many mm."""
        self._box.translateBy(x=-across, y=-up)
        self._schedule()

    def bring_into_sight(self) -> None:
        """Bring the crosshair into the middle, where it is near the edge or out of sight.

        A view that shows its whole slice stays as it is.
        """
        if self.session.volume is None or self.seen_rect.contains(self.geometry_.extent):
            return
        at, area = self.widget_position(self.session.crosshair), QRectF(self.viewport().rect())
        margin = _EDGE * min(area.width(), area.height())
        if not area.adjusted(margin, margin, -margin, -margin).contains(at):
            place = self._box.mapSceneToView(self.mapToScene(at.toPoint()))
            middle = self.seen_rect.center()
            self.pan(middle.x() - place.x(), middle.y() - place.y())

    # ---- drawing -------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring what is drawn up to date now."""
        self._timer.stop()
        if self.session.volume is None:
            return
        self._index = self.session.crosshair[self.plane.axis]
        if self._layers.update():
            self._image.show_layers(self._layers.layers, self._layers.outlines)
        self.viewport().update()

    def redraw_soon(self) -> None:
        """Draw anew what lies over the slice, together with what else has changed by then."""
        self._timer.start()

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        if self.session.volume is None:
            return
        painter.save()
        painter.resetTransform()
        area = QRectF(self.viewport().rect())
        crosshair = self.widget_position(self.session.crosshair)
        scale = 1 / self._box.viewPixelSize()[0]
        draw_annotation(painter, area, self.session, self.plane, crosshair, scale, self.hasFocus())
        self.label_placer = LabelPlacer(area)
        for overlay in self.overlay_painters:
            overlay.paint(self, painter)
        painter.restore()

    def _schedule(self, *parts: Part) -> None:
        self._layers.invalidate(*parts)
        self._timer.start()

    # ---- the session changed -------------------------------------------------------------

    def _on_volume_changed(self) -> None:
        self._schedule(Part.SLICE)
        self.refresh()
        self.fit_slice()
        self.content_moved.emit()

    def _on_crosshair_changed(self) -> None:
        if self.session.crosshair[self.plane.axis] != self._index:
            self._schedule(Part.SLICE)
            self.content_moved.emit()
        else:
            self._schedule()

    def _on_window_changed(self) -> None:
        self._schedule(Part.GRAY)

    def _on_styles_changed(self) -> None:
        self._schedule(Part.COLORS)

    def _on_labels_changed(self, box: Box) -> None:
        along = box[self.plane.axis]
        if along.start <= self.session.crosshair[self.plane.axis] < along.stop:
            self._schedule(Part.LABELS)

    def _on_preview_changed(self) -> None:
        self._schedule(Part.LABELS)

    def _on_overlay_changed(self) -> None:
        self._schedule(Part.OVERLAY)

    def _on_display_changed(self) -> None:
        self._schedule(Part.SLICE)

    def _on_trees_changed(self) -> None:
        self._schedule(Part.LABELS)

    def _on_view_changed(self) -> None:
        radiological = self.session.convention is Convention.RADIOLOGICAL
        # Arrays run to the right, to the front and up; a sagittal view faces left.
        self._box.invertX(radiological or self.plane is Plane.SAGITTAL)
        self._schedule()
