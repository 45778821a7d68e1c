"""Time of a brush stroke: from each move of the mouse until all three views are painted."""

from __future__ import annotations

import math

import numpy as np
from drawing import MOST_MS, SIZE, STEPS, WARM, noise_with_labels
from measuring import Row, p95
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from waiting import Paints

from liverview.core.labels import Label
from liverview.core.volume import Plane
from liverview.ui.tools.toolbox import BRUSH
from liverview.ui.views.slice_view import SliceView

RADIUS_MM = 20.0
MIDDLE = SIZE // 2
PATH_MM, PATH_TURNS = 90.0, 3.0  # the mouse goes around in a spiral
MOST_RATIO = 1.5
_EVENTS = {
    QEvent.Type.MouseButtonPress: (Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton),
    QEvent.Type.MouseMove: (Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton),
    QEvent.Type.MouseButtonRelease: (Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton),
}


def send(view: SliceView, kind: QEvent.Type, at: QPointF) -> None:
    """A mouse event as Qt reports it."""
    button, held = _EVENTS[kind]
    over = QPointF(view.viewport().mapToGlobal(at.toPoint()))
    key = Qt.KeyboardModifier.NoModifier
    QCoreApplication.sendEvent(view.viewport(), QMouseEvent(kind, at, over, button, held, key))


def places(count: int) -> list[tuple[float, float, int]]:
    """Places of a slice that a hand might draw through."""
    found = []
    for n in range(count):
        share = n / count
        angle, far = 2 * math.pi * PATH_TURNS * share, PATH_MM * (0.2 + 0.8 * share)
        found.append((MIDDLE + far * math.cos(angle), MIDDLE + far * math.sin(angle), MIDDLE))
    return found


def brush_rows() -> list[Row]:
    rng = np.random.default_rng(0)
    window = noise_with_labels(rng)
    session = window.session
    views = [window.window.views.by_plane[plane] for plane in Plane]
    paints = Paints([view.viewport() for view in views])
    axial = window.window.views.by_plane[Plane.AXIAL]
    drawn: dict[str, list[float]] = {"ball": [], "adaptive": [], "step": []}
    for adaptive, way in ((False, "ball"), (True, "adaptive")):
        session.set_crosshair((MIDDLE,) * 3)
        window.window.toolbox.set_active(BRUSH)
        session.editing.set_label(Label.TUMOR)
        session.editing.set_brush(radius_mm=RADIUS_MM, ball=True)
        session.editing.set_adaptive(adaptive)
        QCoreApplication.processEvents()
        path = [axial.widget_position(place) for place in places(STEPS)]
        send(axial, QEvent.Type.MouseButtonPress, path[0])
        for n, point in enumerate(path):
            taken = paints.wait(lambda p=point: send(axial, QEvent.Type.MouseMove, p))
            if n >= WARM:
                drawn[way].append(taken)
        send(axial, QEvent.Type.MouseButtonRelease, path[-1])
        assert session.store.history.undo_name == "brush, tumor"
        session.store.history.undo()
    for n, place in enumerate(rng.integers(100, 400, STEPS).tolist()):
        taken = paints.wait(lambda p=place: session.set_crosshair((p, p, p)))
        if n >= WARM:
            drawn["step"].append(taken)
    window.close()
    ours, step = p95(drawn["ball"]), p95(drawn["step"])
    return [
        Row(
            f"brush stroke, ball of {RADIUS_MM:.0f} mm radius, {SIZE} cubed, three views, labels "
            "and findings on: event to painted",
            {
                "liverview": drawn["ball"],
                "and within the edge (adaptive)": drawn["adaptive"],
                "crosshair step": drawn["step"],
            },
            f"p95 under {MOST_MS:.0f} ms and within {MOST_RATIO}x of the crosshair step",
            ours * 1000 < MOST_MS and ours <= MOST_RATIO * step,
            notes=[f"p95 {ours / step:.2f}x that of the crosshair step"],
        )
    ]
