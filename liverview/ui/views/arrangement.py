"""The arrangement of the views as `Arrangement` has it: taken, and put in force."""

from __future__ import annotations

from PySide6.QtCore import QRectF

from liverview.core.volume import Plane
from liverview.files.case_state import Arrangement
from liverview.ui.views.linked_views import Layout, LinkedViews

_FARTHEST_MM = 1e5  # of a corner, and a side; Qt's transforms fail far beyond


def capture_arrangement(views: LinkedViews) -> Arrangement:
    """Layout, the slice view that is alone, and what each shows of its slice."""
    rects = {}
    for plane, view in views.by_plane.items():
        rect = view.seen_rect
        rects[plane.name.lower()] = (rect.x(), rect.y(), rect.width(), rect.height())
    alone = views.maximized
    return Arrangement(
        layout=views.layout_.name,
        alone=None if alone is None else alone.name.lower(),
        linked=views.linked,
        rects=rects,
    )


def restore_arrangement(arrangement: Arrangement, views: LinkedViews) -> None:
    """Arrange views; layouts and planes that are not known stay as they are."""
    layout = Layout.__members__.get(arrangement.layout)
    if layout is not None:
        views.set_layout(layout)
    planes = {plane.name.lower(): plane for plane in Plane}
    alone = planes.get(arrangement.alone or "")
    if alone is not None and views.maximized is not alone:
        views.toggle_maximized(alone)
    views.set_linked(arrangement.linked)
    for name, rect in arrangement.rects.items():
        left, bottom, width, height = rect
        usable = max(map(abs, rect)) <= _FARTHEST_MM and min(width, height) > 1 / _FARTHEST_MM
        if name in planes and usable:
            views.by_plane[planes[name]].show_rect(QRectF(left, bottom, width, height))
