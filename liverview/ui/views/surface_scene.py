"""Surfaces in OpenGL: turned, enlarged and clicked. Imported once it is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pyqtgraph as pg
import pyqtgraph.opengl as gl
from numpy.typing import NDArray
from OpenGL import GL
from pyqtgraph.opengl import shaders
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMatrix4x4, QMouseEvent, QPainter, QVector3D
from PySide6.QtWidgets import QWidget

from liverview.core.labels import Label, LabelStyle
from liverview.measurement.surface import Surface, hit_distance
from liverview.ui.views.annotation import draw_text

_CLICK_PX = 4.0  # a press that moves farther turns the scene
_SOLID = 0.99  # opacity from which on nothing shines through
_SEEN_THROUGH = 0.6  # opacity below which a click goes to what lies behind
_VERTEX = """
uniform mat4 u_mvp;
uniform mat3 u_normal;
attribute vec4 a_position;
attribute vec3 a_normal;
attribute vec4 a_color;
varying vec4 v_color;
varying vec3 v_normal;
void main() {
    v_normal = u_normal * a_normal;
    v_color = a_color;
    gl_Position = u_mvp * a_position;
}
"""
# A lamp above the eye's left; what shines through does so less at its rim and is lit more, so
# that its shape is seen.
_FRAGMENT = """
#ifdef GL_ES
precision mediump float;
#endif
varying vec4 v_color;
varying vec3 v_normal;
void main() {
    vec3 normal = normalize(v_normal);
    if (normal.z < 0.0) normal = -normal;
    float light = 0.45 + 0.6 * max(0.0, dot(normal, vec3(-0.37, 0.46, 0.81)));
    float shine = 0.25 * pow(max(0.0, dot(normal, vec3(-0.2, 0.25, 0.947))), 30.0);
    float rim = pow(1.0 - normal.z, 1.2);
    float alpha = mix(v_color.a, min(1.0, 2.4 * v_color.a), rim);
    gl_FragColor = vec4(v_color.rgb * light * mix(1.2, 1.0, v_color.a) + shine, alpha);
}
"""


class SurfaceScene(gl.GLViewWidget):
    """Left drag turns, middle drag moves, the wheel enlarges, a click picks.

    Signals
    -------
    picked : where a click met a surface, (3,) world mm.
    double_clicked : with the left button; whether its first half has picked.
    """

    picked = Signal(object)
    double_clicked = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setBackgroundColor("k")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._shown: dict[Label, Surface] = {}
        self._opacity: dict[Label, float] = {}
        self._items: dict[Label, gl.GLMeshItem] = {}
        self._bounds: NDArray[np.float64] | None = None  # (2, 3) mm
        self._pressed: QPointF | None = None
        self._has_picked = False  # the last click
        self._shader = shaders.ShaderProgram(
            "lamp", [shaders.VertexShader(_VERTEX), shaders.FragmentShader(_FRAGMENT)]
        )
        self._cross = gl.GLLinePlotItem(mode="lines", color=(0.55, 0.95, 0.6, 0.9), width=1.5)
        self._cross.setDepthValue(-1)
        self.addItem(self._cross)

    # ---- what is shown -----------------------------------------------------------------------

    def show_surfaces(
        self, surfaces: Mapping[Label, Surface], bounds: NDArray[np.float64] | None
    ) -> None:
        """Draw these and no others; ``bounds`` are those of the scan, (2, 3) world mm."""
        new_scan = bounds is not None and (
            self._bounds is None or not np.array_equal(bounds, self._bounds)
        )
        first = not self._shown
        self._bounds = bounds
        for label in set(self._items) - set(surfaces):
            self.removeItem(self._items.pop(label))
        for label, surface in surfaces.items():
            if self._shown.get(label) is not surface:
                self._show_surface(label, surface)
        self._shown = dict(surfaces)
        if surfaces and (first or new_scan):
            self.reset_camera()
        self.update()

    def _show_surface(self, label: Label, surface: Surface) -> None:
        mesh = gl.MeshData(vertexes=surface.vertices, faces=surface.faces)
        mesh._vertexNormals = surface.normals  # else it computes them vertex by vertex
        item = self._items.get(label)
        if item is None:
            item = gl.GLMeshItem(meshdata=mesh, smooth=True, shader=self._shader)
            self._items[label] = item
            self.addItem(item)
        else:
            item.setMeshData(meshdata=mesh)

    def update_styles(
        self, styles: Mapping[Label, LabelStyle], opacity: Mapping[Label, float]
    ) -> None:
        """Colors, what is visible, and how much shines through."""
        self._opacity = dict(opacity)
        for label, item in self._items.items():
            red, green, blue = (part / 255 for part in styles[label].color)
            alpha = opacity[label]
            item.setVisible(styles[label].visible and alpha > 0)
            item.setColor((red, green, blue, alpha))
            solid = alpha >= _SOLID
            item.setGLOptions(
                {
                    GL.GL_DEPTH_TEST: True,
                    GL.GL_BLEND: not solid,
                    GL.GL_CULL_FACE: not solid,  # its own far side would shine through as well
                    "glBlendFunc": (GL.GL_SRC_ALPHA, GL.GL_ONE_MINUS_SRC_ALPHA),
                }
            )
            item.setDepthValue(0 if solid else 10 * (1 + (label is Label.LIVER)))
        self.update()

    def show_crosshair(self, place: NDArray[np.float64] | None) -> None:
        """Three lines through a place in world mm."""
        ends = []
        if place is not None and self._bounds is not None:
            for axis, side in product(range(3), range(2)):
                end = np.array(place, float)
                end[axis] = self._bounds[side][axis]
                ends.append(end)
        self._cross.setData(pos=np.array(ends or np.zeros((0, 3)), np.float32))
        self._cross.setVisible(bool(ends))

    def reset_camera(self) -> None:
        """Look at all of it from the front, the patient's right on the left."""
        if self._shown:
            points = np.concatenate([s.vertices for s in self._shown.values()])
            low, high = points.min(axis=0), points.max(axis=0)
            center = pg.Vector(*((low + high) / 2).tolist())
            size = float(np.linalg.norm(high - low))
            self.setCameraPosition(pos=center, distance=1.15 * size, elevation=8, azimuth=90)

    # ---- letters -----------------------------------------------------------------------------

    def paintGL(self) -> None:
        super().paintGL()
        if not self._shown:
            return
        for state in (GL.GL_CULL_FACE, GL.GL_DEPTH_TEST):
            GL.glDisable(state)  # a painter does not, and letters have a side as well
        painter = QPainter(self)
        for point, letter in self._side_letters():
            area = QRectF(point.x() - 20, point.y() - 12, 40, 24)
            draw_text(painter, area, (0.5, 0.5), letter, 11, bold=True)
        painter.end()

    def _side_letters(self) -> list[tuple[QPointF, str]]:
        """Letters of the patient's sides, at points of the widget beside the surfaces."""
        points = np.concatenate([s.vertices for s in self._shown.values()])
        low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
        middle, half = (low + high) / 2, (high - low) / 2
        eye = np.array(self.cameraPosition().toTuple()) - middle
        eye /= max(float(np.linalg.norm(eye)), 1e-9)
        placed = []
        for axis, letters in enumerate(("LR", "PA", "IS")):
            for sign, letter in zip((-1, 1), letters, strict=True):
                outward = np.zeros(3)
                outward[axis] = sign
                if abs(outward @ eye) < 0.8:  # else it would lie on the surfaces or behind them
                    place = middle + outward * (half[axis] + 14)
                    placed.append((self._widget_point(place), letter))
        return placed

    def _scene_to_screen(self) -> QMatrix4x4:
        viewport = self.getViewport()
        return self.projectionMatrix(viewport, viewport) * self.viewMatrix()

    def _widget_point(self, place: NDArray[np.float64]) -> QPointF:
        """The point of the widget at which a place in world mm is drawn."""
        point = self._scene_to_screen().map(QVector3D(*place.tolist()))
        return QPointF((point.x() + 1) / 2 * self.width(), (1 - point.y()) / 2 * self.height())

    # ---- picking -----------------------------------------------------------------------------

    def ray(self, position: QPointF) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The line of sight through a point of the widget: its start and direction, (3,) mm."""
        x = 2 * position.x() / self.width() - 1
        y = 1 - 2 * position.y() / self.height()
        back, _ = self._scene_to_screen().inverted()
        near, far = (np.array(back.map(QVector3D(x, y, z)).toTuple(), float) for z in (-1.0, 0.9))
        direction = far - near
        return near, direction / np.linalg.norm(direction)

    def pick(self, position: QPointF) -> NDArray[np.float64] | None:
        """The place on the foremost surface at a point of the widget, (3,) mm.

        What shines through lets the click go on to what lies behind, if there is something.
        """
        start, direction = self.ray(position)
        hits: dict[bool, list[float]] = {True: [], False: []}
        for label, surface in self._shown.items():
            if self._items[label].visible():
                distance = hit_distance(surface, start, direction)
                if distance is not None:
                    hits[self._opacity.get(label, 1.0) >= _SEEN_THROUGH].append(distance)
        nearest = min(hits[True] or hits[False], default=None)
        return None if nearest is None else start + direction * nearest

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed, self._has_picked = event.position(), False
        super().mousePressEvent(event)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        left = event.button() == Qt.MouseButton.LeftButton
        if left and pressed is not None:
            moved = event.position() - pressed
            if max(abs(moved.x()), abs(moved.y())) <= _CLICK_PX:
                place = self.pick(event.position())
                if place is not None:
                    self._has_picked = True
                    self.picked.emit(place)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit(self._has_picked)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in self.noRepeatKeys:  # those that turn it
            super().keyPressEvent(event)
        else:
            event.ignore()
