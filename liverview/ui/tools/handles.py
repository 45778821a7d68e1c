"""Handles of rulers and ellipses in a view: their points, the distance to a line, dragging."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF

from liverview.measurement.markup.shapes import Ellipse, Markup, Ruler

WHOLE = "whole"
"""The grip that moves a markup as it is; the other grips are the names of its handles."""
_MIN_HALF_AXIS = 0.25  # voxels; an ellipse must have some width
Point = tuple[float, float, float]


class Projection(Protocol):
    """Maps places in voxels to points of a widget, as a `SliceView` does."""

    def widget_position(self, place: Sequence[float]) -> QPointF:
        """The point of the widget at which a place is drawn."""


def handle_points(view: Projection, markup: Markup) -> dict[str, QPointF]:
    """The points that can be dragged, in widget pixels, by the name of the grip."""
    if isinstance(markup, Ruler):
        return {
            "start": view.widget_position(markup.start),
            "end": view.widget_position(markup.end),
        }
    (x, y), (a, b) = markup.center, markup.half_axes
    ends = {"left": (x - a, y), "right": (x + a, y), "bottom": (x, y - b), "top": (x, y + b)}
    return {name: view.widget_position(_voxel_point(markup, *end)) for name, end in ends.items()}


def ellipse_rect(points: dict[str, QPointF]) -> QRectF:
    """The rectangle that an ellipse with these handles fills."""
    xs = sorted((points["left"].x(), points["right"].x()))
    ys = sorted((points["top"].y(), points["bottom"].y()))
    return QRectF(xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0])


def distance_px(view: Projection, markup: Markup, position: QPointF) -> float:
    """Pixels from a point of the widget to a markup's line."""
    if isinstance(markup, Ruler):
        start, end = view.widget_position(markup.start), view.widget_position(markup.end)
        line, to = np.array([end.x() - start.x(), end.y() - start.y()]), position - start
        share = np.clip((line @ (to.x(), to.y())) / max(float(line @ line), 1e-9), 0, 1)
        return math.hypot(to.x() - share * line[0], to.y() - share * line[1])
    rect = ellipse_rect(handle_points(view, markup))
    middle, a, b = rect.center(), max(rect.width() / 2, 1), max(rect.height() / 2, 1)
    angle = math.atan2((position.y() - middle.y()) / b, (position.x() - middle.x()) / a)
    nearest = QPointF(middle.x() + a * math.cos(angle), middle.y() + b * math.sin(angle))
    return QLineF(nearest, position).length()


def drag_markup(markup: Markup, grip: str, start: Point, end: Point) -> Markup:
    """The markup after its grip was dragged from a place to another, in voxels."""
    offset = [e - s for s, e in zip(start, end, strict=True)]
    if isinstance(markup, Ruler):
        return _drag_ruler(markup, grip, offset)
    return _drag_ellipse(markup, grip, offset, end)


def limit_half_axes(half_axes: tuple[float, float]) -> tuple[float, float]:
    """Half axes in voxels, none shorter than an ellipse may have."""
    return max(half_axes[0], _MIN_HALF_AXIS), max(half_axes[1], _MIN_HALF_AXIS)


def _drag_ruler(old: Ruler, grip: str, offset: list[float]) -> Ruler:
    start = _shift_point(old.start, offset) if grip in ("start", WHOLE) else old.start
    end = _shift_point(old.end, offset) if grip in ("end", WHOLE) else old.end
    return Ruler(old.plane, start, end)


def _drag_ellipse(old: Ellipse, grip: str, offset: list[float], end: Point) -> Ellipse:
    across, up = old.plane.horizontal_axis, old.plane.vertical_axis
    (x, y), (a, b) = old.center, old.half_axes
    if grip == WHOLE:
        return replace(old, center=(x + offset[across], y + offset[up]))
    # The opposite end stays.
    if grip in ("left", "right"):
        x, a = _center_and_half(x - a if grip == "right" else x + a, end[across])
    else:
        y, b = _center_and_half(y - b if grip == "top" else y + b, end[up])
    return replace(old, center=(x, y), half_axes=limit_half_axes((a, b)))


def _center_and_half(one: float, other: float) -> tuple[float, float]:
    """The middle of two ends, and how far they are from it."""
    return (one + other) / 2, abs(one - other) / 2


def _shift_point(point: Point, by: list[float]) -> Point:
    i, j, k = (p + d for p, d in zip(point, by, strict=True))
    return i, j, k


def _voxel_point(markup: Ellipse, across: float, up: float) -> Point:
    point = [float(markup.index)] * 3
    point[markup.plane.horizontal_axis], point[markup.plane.vertical_axis] = across, up
    return point[0], point[1], point[2]
