"""How long a person waits for a picture: a crosshair step, a toggled label, another window."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from measuring import Row, median, p95
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QRectF
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from waiting import Paints, Window

from liverview import nifti
from liverview.labels import Label
from liverview.stream import Slab
from liverview.ui.slice_image import windowed
from liverview.volume import Plane, Volume

SIZE = 512
STEPS, WARM = 105, 5
MOST_MS = 16.0


class Blit(QWidget):
    """The least that a view can do: cut a slice, window it, draw it to fill the widget."""

    def __init__(self, plane: Plane, volume: Volume) -> None:
        super().__init__()
        self.plane, self.volume, self.index = plane, volume, 0

    def paintEvent(self, event: QPaintEvent) -> None:
        gray = windowed(self.plane.cut(self.volume.voxels, self.index), -160, 400)
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


def draw_rows() -> list[Row]:
    rng = np.random.default_rng(0)
    noise = rng.normal(40, 60, SIZE**3).astype(np.int16).reshape((SIZE,) * 3, order="F")
    path = Path(mkdtemp()) / "noise.nii"
    for _ in nifti.save_volume(path, Volume(noise, np.eye(4))):
        pass
    window = Window(path)
    session, volume = window.session, window.session.volume
    assert volume is not None
    session.begin_segmentation()
    session.merge(Slab(0, truth()))
    session.end_segmentation(complete=True)
    while session._turned is None:
        QCoreApplication.processEvents()
    views = [window.window.views.of[plane] for plane in Plane]
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
        *(
            Row(name, {"liverview": runs}, "p95 under 16 ms", p95(runs) * 1000 < MOST_MS)
            for name, runs in (
                ("toggle a label", drawn["toggle"]),
                ("change window or level", drawn["window"]),
            )
        ),
    ]
