"""One plane of the volume: image, labels, crosshair, mouse and keys.

In the view's coordinates, the center of voxel (a, b) of the slice lies at (a * da, b * db)
mm; the view box flips axes, never the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, Protocol

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QWidget

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.labels import FOREGROUND, DrawStyle, color_lookup_table
from liverview.core.volume import Plane
from liverview.ui.state.session import Convention, Session
from liverview.ui.views.annotation import LabelPlacer, draw_annotation
from liverview.ui.views.outline import Borders
from liverview.ui.views.slice_image import Layer, Outline, SliceImage, apply_window, pack_colors

_FEWEST, _FARTHEST = 4, 10  # voxels seen at the closest, widths of the slice at the farthest
_NOTCH = 120  # what one step of a mouse wheel reports, in eighths of a degree
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class _Dirty(Enum):
    """What of a view's picture is out of date; the slice takes all others with it."""

    SLICE = auto()
    GRAY = auto()
    LABELS = auto()
    OVERLAY = auto()
    COLORS = auto()


class OverlayPainter(Protocol):
    """What draws over the slice, in widget pixels."""

    def paint(self, view: SliceView, painter: QPainter) -> None: ...


class MouseTool(OverlayPainter, Protocol):
    """What may take the left button before the crosshair does."""

    def press(self, view: SliceView, position: QPointF) -> bool: ...

    def move(self, view: SliceView, position: QPointF) -> bool: ...

    def release(self, view: SliceView, position: QPointF) -> bool: ...

    def cursor(self, view: SliceView, position: QPointF) -> Qt.CursorShape: ...


class SliceView(pg.GraphicsView):
    """A linked slice view.

    Signals
    -------
    hovered : the voxel under the pointer, or None.
    maximize_requested : the view was double-clicked.
    zoomed : the person enlarged by a factor.
    panned : the person moved the picture, mm across and up.
    """

    hovered = Signal(object)
    maximize_requested = Signal(object)
    zoomed = Signal(object, float)
    panned = Signal(object, float, float)

    def __init__(self, session: Session, plane: Plane, parent: QWidget | None = None) -> None:
        super().__init__(parent, background="k")
        self.setCacheMode(self.CacheModeFlag.CacheNone)  # plain black needs no picture of it
        self.session = session
        self.plane = plane
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 120)
        self.setAccessibleName(f"{plane.name.capitalize()} view")
        self._box = pg.ViewBox(lockAspect=True, enableMouse=False, enableMenu=False)
        self._box.setDefaultPadding(0)
        self._image = SliceImage()
        self._box.addItem(self._image, ignoreBounds=True)
        self.setCentralWidget(self._box)
        self._colors = pack_colors(color_lookup_table(session.styles))
        self._last_position: QPointF | None = None
        self._pointer: QPointF | None = None  # where it is, while it is over this view
        self._wheel = 0
        self.tool: MouseTool | None = None
        self.overlay_painters: list[OverlayPainter] = []
        self.label_placer = LabelPlacer(
            QRectF()
        )  # the words of the drawings, anew for every repaint
        # What the picture is made of, and what of it is out of date.
        self._values: NDArray[Any] = np.zeros((1, 1), np.int16)
        self._gray = np.zeros((1, 1), np.uint8)
        self._labels: tuple[NDArray[np.uint8], tuple[int, int]] | None = None
        self._outlines: list[Outline] = []
        self._heat: Layer | None = None
        self._stale = set(_Dirty)
        # Many changes between two frames make one repaint.
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self.refresh)
        session.volume_changed.connect(self._on_volume_changed)
        session.crosshair_changed.connect(self._on_crosshair_changed)
        session.window_changed.connect(self._on_window_changed)
        session.styles_changed.connect(self._on_styles_changed)
        session.store.changed.connect(self._on_labels_changed)
        session.slices.preview_changed.connect(self._on_preview_changed)
        session.view_changed.connect(self._on_view_changed)
        session.overlay_changed.connect(self._on_overlay_changed)
        session.display.changed.connect(self._on_display_changed)
        self._index = -1
        self._on_view_changed()

    # ---- geometry ------------------------------------------------------------------------

    @property
    def _pixel_mm(self) -> tuple[float, float]:
        """Millimetres per voxel across and up."""
        assert self.session.volume is not None
        spacing = self.session.volume.spacing
        return spacing[self.plane.horizontal_axis], spacing[self.plane.vertical_axis]

    def voxel_at(self, position: QPointF) -> Voxel | None:
        """The voxel under a point of the widget; None outside the slice."""
        volume = self.session.volume
        if volume is None:
            return None
        voxel = self._voxel_nearest(position)
        return voxel if volume.contains(voxel) else None

    def _voxel_nearest(self, position: QPointF) -> Voxel:
        i, j, k = (int(np.floor(value + 0.5)) for value in self.index_at(position))
        return i, j, k

    def index_at(self, position: QPointF) -> tuple[float, float, float]:
        """The place in voxels, whole numbers at centers, under a point of the widget."""
        point = self._box.mapSceneToView(self.viewportTransform().inverted()[0].map(position))
        place = [float(value) for value in self.session.crosshair]
        place[self.plane.horizontal_axis] = point.x() / self._pixel_mm[0]
        place[self.plane.vertical_axis] = point.y() / self._pixel_mm[1]
        return place[0], place[1], place[2]

    def widget_position(self, place: Sequence[float]) -> QPointF:
        """Where a place in voxels, or the center of a voxel, is drawn, in the widget."""
        across, up = place[self.plane.horizontal_axis], place[self.plane.vertical_axis]
        view = QPointF(across * self._pixel_mm[0], up * self._pixel_mm[1])
        return self.viewportTransform().map(self._box.mapViewToScene(view))

    def fit_slice(self) -> None:
        """Show the whole slice."""
        volume = self.session.volume
        if volume is None:
            return
        self._box.setRange(self._extent(), padding=0.02)

    def _extent(self) -> QRectF:
        """The slice with its outermost voxels whole, in the view's coordinates."""
        assert self.session.volume is not None
        shape = self.session.volume.shape
        return self._block_rect(
            (shape[self.plane.vertical_axis], shape[self.plane.horizontal_axis]), (0, 0)
        )

    def zoom(self, factor: float, around: QPointF | None = None) -> None:
        """Enlarge by a factor, around a point of the widget."""
        if self.session.volume is None:
            return
        extent, shown = self._extent(), self._box.viewRect()
        widest = max(extent.width(), extent.height())
        least = min(1.0, _FEWEST * max(self._pixel_mm) / shown.width())
        most = max(1.0, _FARTHEST * widest / shown.width())
        scale = float(np.clip(1 / factor, least, most))
        center = None
        if around is not None:
            center = self._box.mapSceneToView(self.mapToScene(around.toPoint()))
        self._box.scaleBy((scale, scale), center=center)
        self._emit_hovered()

    # ---- drawing -------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring what is drawn up to date now."""
        self._timer.stop()
        volume = self.session.volume
        if volume is None:
            return
        stale, self._stale = self._stale, set()
        self._index = self.session.crosshair[self.plane.axis]
        if _Dirty.SLICE in stale:
            self._values = self.session.slices.values(self.plane)  # kept for other windows
            stale |= {_Dirty.GRAY, _Dirty.LABELS, _Dirty.OVERLAY}
        if _Dirty.GRAY in stale:
            low = self.session.level - self.session.width / 2 - volume.intercept
            self._gray = apply_window(self._values, low, self.session.width)
        if _Dirty.LABELS in stale:
            self._labels = self.session.slices.labels(self.plane)
        if stale & {_Dirty.LABELS, _Dirty.COLORS}:
            self._outlines = self._label_outlines()
        if _Dirty.OVERLAY in stale:
            self._heat = self._overlay_layer()
        if stale:
            self._image.show_layers(
                self._layers(), [] if self._overlay_hides_labels else self._outlines
            )
        self.viewport().update()

    def _layers(self) -> list[Layer]:
        smooth = self.session.display.interpolated
        layers = [Layer(self._gray, self._extent(), smooth=smooth)]
        if self._heat is not None:
            layers.append(self._heat)
        if self._labels is not None and any(self._colors) and not self._overlay_hides_labels:
            block, corner = self._labels
            layers.append(Layer(block, self._block_rect(block.shape, corner), self._colors))
        return layers

    @property
    def _overlay_hides_labels(self) -> bool:
        """Whether the heat map is shown without labels over it."""
        return self.session.overlay is not None and self.session.overlay.alone

    def _label_outlines(self) -> list[Outline]:
        """Outlines of the labels that are shown with one, the liver's around the whole organ."""
        styles = self.session.styles
        outlined = [
            label
            for label in FOREGROUND
            if styles[label].visible and styles[label].draw_style is not DrawStyle.FILLED
        ]
        if self._labels is None or not outlined:
            return []
        block, corner = self._labels
        rect, borders = self._block_rect(block.shape, corner), Borders(block)
        origin = rect.left(), rect.top()
        return [(borders.path(n, origin, self._pixel_mm), styles[n].color) for n in outlined]

    def _overlay_layer(self) -> Layer | None:
        overlay = self.session.overlay
        cut = None
        if overlay is not None:
            cut = overlay.slice_of(self.plane, self.session.crosshair[self.plane.axis])
        if overlay is None or cut is None:
            return None
        values, box = cut
        corner = box[self.plane.vertical_axis].start, box[self.plane.horizontal_axis].start
        return Layer(values, self._block_rect(values.shape, corner), pack_colors(overlay.table))

    def _block_rect(self, shape: tuple[int, ...], corner: tuple[int, int]) -> QRectF:
        """Where a block of voxels is drawn; ``corner`` is the row and column of its first."""
        da, db = self._pixel_mm
        (rows, columns), (row, column) = shape, corner
        return QRectF((column - 0.5) * da, (row - 0.5) * db, columns * da, rows * db)

    def _schedule(self, *what: _Dirty) -> None:
        self._stale |= set(what)
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
        for drawing in self.overlay_painters:
            drawing.paint(self, painter)
        painter.restore()

    # ---- the session changed -------------------------------------------------------------

    def _on_volume_changed(self) -> None:
        self._schedule(_Dirty.SLICE)
        self.refresh()
        self.fit_slice()
        self._emit_hovered()

    def _on_crosshair_changed(self) -> None:
        if self.session.crosshair[self.plane.axis] != self._index:
            self._schedule(_Dirty.SLICE)
            self._emit_hovered()
        else:
            self._schedule()

    def _on_window_changed(self) -> None:
        self._schedule(_Dirty.GRAY)

    def _on_styles_changed(self) -> None:
        self._colors = pack_colors(color_lookup_table(self.session.styles))
        self._schedule(_Dirty.COLORS)

    def _on_labels_changed(self, box: Box) -> None:
        if self.plane is not Plane.AXIAL or box.k.start <= self.session.crosshair[2] < box.k.stop:
            self._schedule(_Dirty.LABELS)

    def _on_preview_changed(self) -> None:
        self._schedule(_Dirty.LABELS)

    def _on_overlay_changed(self) -> None:
        self._schedule(_Dirty.OVERLAY)

    def _on_display_changed(self) -> None:
        self._schedule(_Dirty.SLICE)

    def _on_view_changed(self) -> None:
        radiological = self.session.convention is Convention.RADIOLOGICAL
        # Arrays run to the right, to the front and up; a sagittal view faces left.
        self._box.invertX(radiological or self.plane is Plane.SAGITTAL)
        self._schedule()

    # ---- mouse and keys --------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self._last_position = event.position()
        left = event.button() == Qt.MouseButton.LeftButton and self.session.volume is not None
        if left and (self.tool is None or not self.tool.press(self, event.position())):
            self._put_crosshair(event.position())
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        self._pointer = position
        self._emit_hovered()
        if self.session.volume is None:
            return
        if self._last_position is None:
            if self.tool is not None:
                self.viewport().setCursor(self.tool.cursor(self, position))
            return
        moved = position - self._last_position
        buttons = event.buttons()
        if buttons & Qt.MouseButton.LeftButton:
            if self.tool is None or not self.tool.move(self, position):
                self._put_crosshair(position)
        elif buttons & Qt.MouseButton.RightButton:
            self._drag_window(moved)
        elif buttons & Qt.MouseButton.MiddleButton:
            self._pan(self._last_position, position)
        self._last_position = position
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        left = event.button() == Qt.MouseButton.LeftButton
        if left and self.tool is not None and self.session.volume is not None:
            self.tool.release(self, event.position())
        self._last_position = None
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.maximize_requested.emit(self.plane)
        event.accept()

    def leaveEvent(self, event: Any) -> None:
        self._pointer = None
        self.hovered.emit(None)
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            factor = 1.0015**turned
            self.zoom(factor, event.position())
            self.zoomed.emit(self.plane, factor)
        else:
            # Fine wheels and touch pads report parts of a notch.
            self._wheel += turned
            steps = int(self._wheel / _NOTCH)
            self._wheel -= steps * _NOTCH
            if steps:
                self.session.step_slices(self.plane, steps)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        many = 5 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
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

    def _emit_hovered(self) -> None:
        """Say which voxel is under the pointer, which may have been moved under it."""
        if self._pointer is not None:
            self.hovered.emit(self.voxel_at(self._pointer))

    def _put_crosshair(self, position: QPointF) -> None:
        self.session.set_crosshair(self._voxel_nearest(position))

    def _drag_window(self, moved: QPointF) -> None:
        """Right is wider, down is brighter, faster in wide windows."""
        speed = max(self.session.min_window_width, self.session.width / 400)
        self.session.set_window(
            self.session.level - moved.y() * speed, self.session.width + 2 * moved.x() * speed
        )

    def _pan(self, start: QPointF, end: QPointF) -> None:
        a, b = (
            self._box.mapSceneToView(self.mapToScene(point.toPoint())) for point in (start, end)
        )
        self.pan(b.x() - a.x(), b.y() - a.y())
        self.panned.emit(self.plane, b.x() - a.x(), b.y() - a.y())

    def pan(self, across: float, up: float) -> None:
        """Move the picture by so many mm."""
        self._box.translateBy(x=-across, y=-up)
        self._schedule()
