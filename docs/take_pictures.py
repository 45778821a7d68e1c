"""Takes the README's pictures: drives the real window through its work on phantoms.

make pictures        # needs xvfb-run, for a display with OpenGL, and chromium for `cohort`

With names, as ``editing correction``, it takes these alone; `compare` goes on from `streaming`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import cohort_picture
import dicom_pictures
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import (
    QBuffer,
    QCoreApplication,
    QEvent,
    QEventLoop,
    QPoint,
    QPointF,
    QRect,
    QSettings,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPixmap, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from scipy import ndimage

from liverview.core.labels import FOREGROUND, DrawStyle, Label
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.measurement.markup.shapes import Ellipse, Ruler
from liverview.phantoms.config import Phantom, PhantomConfig, PhantomLesions
from liverview.phantoms.generation import iter_generate
from liverview.ui.app import make_application
from liverview.ui.main_window import MainWindow
from liverview.ui.state.display import Projection, SlabView
from liverview.ui.state.session import Session
from liverview.ui.views.linked_views import Layout
from liverview.ui.views.slice_view import SliceView
from liverview.ui.widgets.theme import Theme, set_theme

IMAGES = Path(__file__).parent / "images"
SIZE = 1360, 820
SAVED_WIDTH, SAVED_QUALITY = 1000, 86
SEED = 11
WRONG = PhantomConfig(shape=(300, 300, 100), spacing=(1.27, 1.27, 3.0), seed=2, lesions=5)
"""A phantom whose labels are made wrong, in the slice SLICE."""
METASTASES = PhantomConfig(
    shape=(192, 160, 48),
    spacing=(1.8, 1.8, 4.0),
    seed=3,
    lesions=8,
    lesion_kind=PhantomLesions.METASTASES,
)
"""A phantom with lesions of which the network is more and less sure."""
SLICE = 62
MISSED, FALSE, BRIDGE = (226, 172, SLICE), (185, 200, SLICE), (124, 184, SLICE)
"""Voxels: of a tumor that is missed, of one that is none, of the bridge to the stomach."""
STROKE = (232, 156, SLICE), (219, 190, SLICE)
CUT = (109, 191, SLICE), (133, 168, SLICE)
FRAME = QSize(300, 260)
STEPS = (
    *("streaming", "findings", "light", "surfaces", "network", "compare"),
    *("editing", "correction", "candidates"),
    *("series", "pacs", "cohort"),
)
Place = tuple[float, float, float]
LEFT, NO_KEY, SHIFT = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


def wrong_labels(volume: Volume, truth: LabelMap) -> LabelMap:
    """Labels of that phantom with three mistakes, as a network makes them."""
    labels = np.asfortranarray(truth.voxels.copy())
    tumors, _ = ndimage.label(truth.voxels == Label.TUMOR, np.ones((3, 3, 3)))
    labels[tumors == tumors[MISSED]] = Label.LIVER
    labels[_ball(volume, FALSE, 9.0) & (labels > 0)] = Label.TUMOR
    labels[_stomach(volume, truth)] = Label.LIVER
    return LabelMap(labels, truth.affine)


def _ball(volume: Volume, middle: Place, radius_mm: float) -> NDArray[np.bool_]:
    offsets = np.indices(volume.shape, np.float32) - np.reshape(middle, (3, 1, 1, 1))
    mm = offsets * np.reshape(volume.spacing, (3, 1, 1, 1))
    inside: NDArray[np.bool_] = (mm**2).sum(axis=0) < radius_mm**2
    return inside


def _stomach(volume: Volume, truth: LabelMap) -> NDArray[np.bool_]:
    """A piece of the stomach, and a bridge three slices thick that joins it to the liver."""
    box = slice(80, 150), slice(148, 214), slice(46, 78)
    hu, liver = volume.voxels[box].astype(np.float32), truth.voxels[box] > 0
    soft = (ndimage.gaussian_filter(hu, 0.8) > -20) & ~liver
    away = ndimage.distance_transform_edt(~liver, sampling=volume.spacing) > 8.0
    away &= np.add.outer(np.arange(80, 150), np.arange(148, 214))[:, :, None] < 297
    away[:, :, :9] = away[:, :, 23:] = False
    parts, _ = ndimage.label(ndimage.binary_opening(soft & away, iterations=2))
    piece = parts == np.bincount(parts[parts > 0]).argmax()
    bridge = _ball(volume, BRIDGE, 12.0)[box] & ~liver
    bridge[:, :, : SLICE - 47] = bridge[:, :, SLICE - 44 :] = False
    found = np.zeros(volume.shape, np.bool_)
    found[box] = piece | bridge
    return found


class Photographer:
    """A window, and what is done to it between two pictures."""

    def __init__(self) -> None:
        make_application()
        settings = QSettings(f"{tempfile.mkdtemp()}/settings.ini", QSettings.Format.IniFormat)
        self.window = MainWindow(Session(), settings, "cpu")
        set_theme(Theme.DARK)
        self.window.resize(*SIZE)
        self.window.show()
        self.session = self.window.session

    def until(self, done: Callable[[], bool]) -> None:
        while not done():  # asleep meanwhile: spinning takes a core from the worker
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        for _ in range(40):
            QCoreApplication.processEvents()

    def take(self, name: str) -> None:
        """Save what the display shows, surfaces included, small."""
        self._save(self._grab(self.window), name)

    def _grab(self, widget: QWidget) -> Image.Image:
        self.until(lambda: True)
        shown = widget.screen().grabWindow(widget.winId())
        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        shown.save(buffer, "PNG")
        return Image.open(BytesIO(buffer.data().data())).convert("RGB")

    def _save(self, picture: Image.Image, name: str) -> None:
        height = round(picture.height * SAVED_WIDTH / picture.width)
        small = picture.resize((SAVED_WIDTH, height), Image.Resampling.LANCZOS)
        small.save(IMAGES / f"{name}.jpg", quality=SAVED_QUALITY, subsampling=0, optimize=True)

    def raise_panel(self, name: str) -> QWidget:
        dock = self.window.panels.docks[name]
        dock.show()
        dock.raise_()
        self.until(lambda: dock.widget().isVisible())
        return dock.widget()

    def idle(self) -> None:
        self.until(lambda: not self.window.controller.busy)

    # ---- the pictures ------------------------------------------------------------------------

    def streaming(self) -> None:
        """Half of the slabs are refined."""
        window, session = self.window, self.session
        config = PhantomConfig(shape=(420, 420, 120), spacing=(0.9, 0.9, 2.5), seed=SEED)
        window.controller.loading.generate(config)
        self.until(lambda: session.volume is not None)
        self.idle()
        i, j, k = session.crosshair
        session.set_crosshair((int(i * 1.4), j, k))
        window.panels.network.keep.setChecked(True)
        window.segment()
        self.until(lambda: session.progress is not None and session.progress.fraction > 0.55)
        self.take("streaming")
        self.idle()

    def findings(self) -> None:
        """The largest lesion with its diameters."""
        findings = self.window.panels.findings
        self.raise_panel("findings")
        self.until(lambda: findings.measurement is not None and findings.is_current)
        if findings.lesions:
            findings.choose(1)
        self.take("findings")

    def light(self) -> None:
        """Markups, outlines and a slab in the light theme."""
        session, markups = self.session, self.window.markups
        set_theme(Theme.LIGHT)
        i, j, k = session.crosshair
        markups.add(Ruler(Plane.AXIAL, (i + 190, j - 30, k), (i - 50, j + 35, k)))
        markups.add(Ellipse(Plane.AXIAL, k, (i + 150.0, j + 10.0), (26.0, 18.0)))
        for label in FOREGROUND:
            session.set_style(label, draw_style=DrawStyle.OUTLINED)
        session.display.set_slab(SlabView(Projection.MAXIMUM, 10.0))
        self.raise_panel("measurements")
        self.take("light")
        session.display.set_slab(SlabView())
        for label in FOREGROUND:
            session.set_style(label, draw_style=DrawStyle.BOTH)
        set_theme(Theme.DARK)
        self.until(lambda: True)

    def surfaces(self) -> None:
        self.window.views.set_layout(Layout.GRID)
        pane = self.window.views.surface_pane
        self.until(lambda: bool(pane.surfaces.found) and pane.surfaces.is_current)
        self.raise_panel("findings")
        self.take("surfaces")
        self.window.views.set_layout(Layout.ONE_AND_TWO)

    def network(self) -> None:
        for label in FOREGROUND:
            self.session.set_style(label, draw_style=DrawStyle.OUTLINED)
        self.window.markups.shown = False
        panel = self.raise_panel("network")
        panel.layer.setCurrentIndex(panel.layer.findText("Attention gates"))
        panel.layer.activated.emit(panel.layer.currentIndex())
        self.take("network")
        panel.layer.setCurrentIndex(0)
        panel.layer.activated.emit(0)
        for label in FOREGROUND:
            self.session.set_style(label, draw_style=DrawStyle.BOTH)

    def compare(self) -> None:
        panel = self.raise_panel("compare")
        self.until(lambda: panel.comparison.is_current)
        panel.shown.setCurrentIndex(panel.shown.findData(Label.LIVER))
        self.until(lambda: self.session.overlay is not None)
        self.take("compare")

    # ---- DICOM -------------------------------------------------------------------------------

    def series(self) -> None:
        self._save(dicom_pictures.take_series(self.window, self.until, self._grab), "series")

    def pacs(self) -> None:
        self.session.store.mark_saved()
        self._save(dicom_pictures.take_pacs(self.window, self.until, self._grab), "pacs")

    def cohort(self) -> None:
        self._save(cohort_picture.take_cohort(), "cohort")

    # ---- correcting, with the mouse and keys --------------------------------------------------

    def editing(self) -> None:
        """A stroke of the brush over the tumor that was missed."""
        self._open_wrong(MISSED)
        self._press_key(Qt.Key.Key_B)
        self._drag(*STROKE)
        self.take("editing")
        self._release(STROKE[1])
        self.idle()

    def correction(self) -> None:
        """A film strip: the stomach is cut off the liver."""
        self._open_wrong(BRIDGE)
        self.session.set_show_crosshair(False)
        self._zoom_in(BRIDGE, 6)
        frames = [("A piece of stomach hangs on the liver", self._frame())]
        begun = self._steps()
        self._press_key(Qt.Key.Key_K, SHIFT)
        self._drag(*CUT)
        frames.append(("Shift + K, and a line across", self._frame()))
        self._release(CUT[1])
        self.until(lambda: self._steps() > begun and bool(self.session.selected.parts))
        frames.append(("What is cut off is selected", self._frame()))
        self._press_key(Qt.Key.Key_Delete)
        self.until(lambda: self._steps() == begun + 2)
        frames.append(("Del: it is gone", self._frame()))
        _strip(frames).save(IMAGES / "correction.png", optimize=True)
        self.window.views.reset_views()

    def candidates(self) -> None:
        """Fewer and surer lesions by the slider, and one that it hides, outlined."""
        session, window = self.session, self.window
        session.store.mark_saved()
        window.controller.loading.generate(METASTASES)
        self.until(lambda: session.volume is not None and session.volume.shape == METASTASES.shape)
        self.idle()
        window.segment()
        self.idle()
        self.raise_panel("findings")
        review, findings = window.panels.candidates, window.panels.findings
        review.set_least_certainty(0.6)
        self.until(lambda: findings.measurement is not None and findings.is_current)
        for _ in range(sum(review.are_tumors) + 1):
            review.step(1)
        self.take("candidates")

    def _open_wrong(self, place: tuple[int, int, int]) -> None:
        session, window = self.session, self.window
        if session.volume is None or session.volume.shape != WRONG.shape:
            session.store.mark_saved()
            *_, made = iter_generate(WRONG)
            assert isinstance(made, Phantom)
            self._truth = made.labels
            window.controller.show_volume(made.volume, None)
            self.until(lambda: session.volume is made.volume)
        assert session.volume is not None
        wrong = wrong_labels(session.volume, self._truth)
        session.store.mark_saved()
        session.store.open_labels(wrong)
        session.set_crosshair(place)
        self.raise_panel("findings")
        findings = window.panels.findings
        self.until(lambda: findings.measurement is not None and findings.is_current)
        self._view.setFocus()
        window.activateWindow()
        self.until(self.window.isActiveWindow)

    @property
    def _view(self) -> SliceView:
        return self.window.views.by_plane[Plane.AXIAL]

    def _steps(self) -> int:
        return self.session.store.history.position

    def _press_key(self, key: Qt.Key, held: Qt.KeyboardModifier = NO_KEY) -> None:
        QTest.keyClick(self._view, key, held)

    def _drag(self, start: Place, end: Place) -> None:
        """Press at a place, move to another, and hold."""
        a, b = (self._view.widget_position(place) for place in (start, end))
        QTest.mousePress(self._view.viewport(), LEFT, NO_KEY, a.toPoint())
        for share in np.linspace(0, 1, 15)[1:]:
            at = a + (b - a) * float(share)
            there = QPointF(self._view.viewport().mapToGlobal(at.toPoint()))
            none = Qt.MouseButton.NoButton
            move = QMouseEvent(QEvent.Type.MouseMove, at, there, none, LEFT, NO_KEY)
            QCoreApplication.sendEvent(self._view.viewport(), move)
        self.until(lambda: True)

    def _release(self, end: Place) -> None:
        at = self._view.widget_position(end).toPoint()
        QTest.mouseRelease(self._view.viewport(), LEFT, NO_KEY, at)

    def _zoom_in(self, place: Place, notches: int) -> None:
        at = self._view.widget_position(place)
        there = QPointF(self._view.viewport().mapToGlobal(at.toPoint()))
        ctrl, phase = Qt.KeyboardModifier.ControlModifier, Qt.ScrollPhase.NoScrollPhase
        none = Qt.MouseButton.NoButton
        for _ in range(notches):
            turn = QWheelEvent(at, there, QPoint(), QPoint(0, 120), none, ctrl, phase, False)
            QCoreApplication.sendEvent(self._view.viewport(), turn)
        self.until(lambda: True)

    def _frame(self) -> QPixmap:
        """The axial view around the bridge."""
        self.until(lambda: True)
        middle = self._view.widget_position(BRIDGE).toPoint()
        return self._view.viewport().grab(QRect(middle - QPoint(150, 130), FRAME))


def _strip(frames: Sequence[tuple[str, QPixmap]]) -> Image.Image:
    """Frames side by side, each under its caption."""
    gap, caption = 8, 30
    width = len(frames) * (FRAME.width() + gap) - gap
    strip = QImage(width, FRAME.height() + caption, QImage.Format.Format_RGB32)
    strip.fill(QColor(32, 33, 36))
    painter = QPainter(strip)
    painter.setPen(QColor(235, 235, 235))
    for number, (words, frame) in enumerate(frames):
        x = number * (FRAME.width() + gap)
        place = QRect(x + 6, 0, FRAME.width() - 6, caption)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, f"{number + 1}  {words}")
        painter.drawPixmap(x, caption, frame)
    painter.end()
    return Image.fromqimage(strip).convert("RGB")


def main(names: Sequence[str]) -> None:
    """Take the pictures with these names, or all."""
    photographer = Photographer()
    for name in names or STEPS:
        getattr(photographer, name)()
        sys.stdout.write(f"{name}\n")
    photographer.session.store.mark_saved()
    photographer.window.close()


if __name__ == "__main__":
    main(sys.argv[1:])
