"""Time to draw a picture: after a crosshair step, a toggled label, another window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from measuring import Row, median, p95
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QRectF
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from waiting import Paints, Window

from liverview.core.labels import FOREGROUND, DrawStyle, Label
from liverview.core.stream import Slab
from liverview.core.volume import Plane, Volume
from liverview.files import images
from liverview.measurement.markup.shapes import Ellipse, Ruler
from liverview.ui.state.display import Projection, SlabView
from liverview.ui.state.overlay import Overlay
from liverview.ui.views.slice_image import apply_window
from liverview.ui.widgets.color_ramp import color_ramp

SIZE = 512
STEPS, WARM = 105, 5
BUSY_PLACES, BUSY_ROUNDS = 21, 5
SLAB_MM = 10.0
MOST_MS = 16.0


class Blit(QWidget):
    """The least that a view can do: cut a slice, window it, draw it to fill the widget."""

    def __init__(self, plane: Plane, volume: Volume) -> None:
        super().__init__()
        self.plane, self.volume, self.index = plane, volume, 0

    def paintEvent(self, event: QPaintEvent) -> None:
        gray = apply_window(self.plane.slice_of(self.volume.voxels, self.index), -160, 400)
        height, width = gray.shape
        image = QImage(gray.data, width, height, width, QImage.Format.Format_Grayscale8)
        painter = QPainter(self)
        painter.drawImage(QRectF(self.rect()), image)
        painter.end()


def truth() -> NDArray[np.uint8]:
    labels = np.zeros((SIZE, SIZE, SIZE), np.uint8, order="F")
    labels[100:400, 100:400, 100:400] = Label.LIVER
    labels[150:250, 150:250, 150:350] = Label.VESSEL
    labels[260:350, 260:350, 150:350] = Label.TUMOR
    return labels


def everything_on(window: Window, places: Sequence[int]) -> None:
    """Switch on all that a view can draw; a ruler and an ellipse in every slice at ``places``."""
    session, markups = window.session, window.window.markups
    for label in FOREGROUND:
        session.set_style(label, visible=True, draw_style=DrawStyle.BOTH)
    session.display.set_interpolated(True)
    box = (slice(100, 400),) * 3
    heat = np.random.default_rng(1).integers(0, 256, (300,) * 3, np.uint8)
    session.set_overlay(Overlay("Heat", np.asfortranarray(heat), box, color_ramp()))
    for plane in Plane:
        for place in sorted(set(places)):

            def at(
                across: float, up: float, plane: Plane = plane, place: int = place
            ) -> tuple[float, float, float]:
                point = [float(place)] * 3
                point[plane.horizontal_axis], point[plane.vertical_axis] = across, up
                return point[0], point[1], point[2]

            markups.add(Ruler(plane, at(120, 130), at(300, 220)))
            markups.add(Ellipse(plane, place, (250.0, 250.0), (40.0, 25.0)))
    QCoreApplication.processEvents()


def noise_with_labels(rng: np.random.Generator) -> Window:
    """A window with a cube of noise and three labels, once all that is made behind it is there."""
    noise = rng.normal(40, 60, SIZE**3).astype(np.int16).reshape((SIZE,) * 3, order="F")
    path = Path(mkdtemp()) / "noise.nii"
    for _ in images.iter_write_volume(path, Volume(noise, np.eye(4))):
        pass
    window = Window(path)
    session = window.session
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, truth()))
    session.store.end_segmentation(complete=True)
    findings = window.window.panels.findings
    slices = session.slices
    while slices._volume_copy is None or slices._label_copy is None or not findings.is_current:
        QCoreApplication.processEvents()
    return window


def draw_rows() -> list[Row]:
    rng = np.random.default_rng(0)
    window = noise_with_labels(rng)
    session, volume = window.session, window.session.volume
    assert volume is not None
    views = [window.window.views.by_plane[plane] for plane in Plane]
    ours = Paints([view.viewport() for view in views])
    blits = [Blit(plane, volume) for plane in Plane]
    for blit, view in zip(blits, views, strict=True):
        blit.resize(view.viewport().size())
        blit.show()
    bare = Paints(blits)
    QCoreApplication.processEvents()

    def show(index: int) -> None:
        for blit in blits:
            blit.index = index
            blit.update()

    drawn: dict[str, list[float]] = {name: [] for name in ("step", "blit", "toggle", "window")}
    places = rng.integers(100, 400, STEPS).tolist()  # as in a drag, slices that are far apart
    for n, place in enumerate(places):
        taken = {
            "step": ours.wait(lambda p=place: session.set_crosshair((p, p, p))),
            "blit": bare.wait(lambda p=place: show(p)),
            "toggle": ours.wait(
                lambda shown=bool(n % 2): session.set_style(Label.VESSEL, visible=shown)
            ),
            "window": ours.wait(lambda level=50 + n % 2: session.set_window(level, 410)),
        }
        if n >= WARM:
            for name, seconds in taken.items():
                drawn[name].append(seconds)
    for blit in blits:
        blit.close()
    some = places[:BUSY_PLACES]
    everything_on(window, some)

    def drag() -> list[float]:
        runs = [ours.wait(lambda p=p: session.set_crosshair((p, p, p))) for p in some * BUSY_ROUNDS]
        return runs[WARM:]

    busy = drag()
    session.display.set_slab(SlabView(Projection.MAXIMUM, SLAB_MM))
    busy_slab = drag()
    window.close()
    step, blit_seconds = drawn["step"], drawn["blit"]
    ratio = median(step) / median(blit_seconds)
    return [
        Row(
            f"crosshair step until three views are painted, {SIZE} cubed, window 1600x1000",
            {"liverview, three labels and all lettering": step, "QImages, no labels": blit_seconds},
            f"p95 under {MOST_MS:.0f} ms, within 2x of the blit",
            p95(step) * 1000 < MOST_MS and ratio <= 2,
            notes=[f"{ratio:.2f}x the blit"],
        ),
        Row(
            "the same with every layer and tool on",
            {"liverview": busy, f"and of a slab of {SLAB_MM:.0f} mm": busy_slab},
            f"p95 under {MOST_MS:.0f} ms",
            p95(busy) * 1000 < MOST_MS,
            notes=[
                "labels filled and outlined, a heat map, interpolation, "
                "a ruler and an ellipse in every slice"
            ],
        ),
        *(
            Row(name, {"liverview": runs}, "p95 under 16 ms", p95(runs) * 1000 < MOST_MS)
            for name, runs in (
                ("toggle a label", drawn["toggle"]),
                ("change window or level", drawn["window"]),
            )
        ),
    ]
