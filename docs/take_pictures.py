"""Takes the README's pictures: drives the real window through its work on a phantom.

make pictures        # needs xvfb-run, for a display with OpenGL
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QBuffer, QCoreApplication, QEventLoop, QSettings
from PySide6.QtWidgets import QWidget

from liverview.core.labels import FOREGROUND, DrawStyle, Label
from liverview.core.volume import Plane
from liverview.measurement.markup.shapes import Ellipse, Ruler
from liverview.phantoms.config import PhantomConfig
from liverview.ui.app import make_application
from liverview.ui.main_window import MainWindow
from liverview.ui.state.display import Projection, SlabView
from liverview.ui.state.session import Session
from liverview.ui.views.linked_views import Layout
from liverview.ui.widgets.theme import Theme, set_theme

HERE = Path(__file__).parent
SIZE = 1360, 820
SAVED_WIDTH, SAVED_QUALITY = 1000, 86
SEED = 11


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
        self.until(lambda: True)
        shown = self.window.screen().grabWindow(self.window.winId())
        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        shown.save(buffer, "PNG")
        picture = Image.open(BytesIO(buffer.data().data())).convert("RGB")
        height = round(picture.height * SAVED_WIDTH / picture.width)
        small = picture.resize((SAVED_WIDTH, height), Image.Resampling.LANCZOS)
        small.save(HERE / f"{name}.jpg", quality=SAVED_QUALITY, subsampling=0, optimize=True)

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


if __name__ == "__main__":
    photographer = Photographer()
    steps = ("streaming", "findings", "light", "surfaces", "network", "compare")
    for step in steps:
        getattr(photographer, step)()
        sys.stdout.write(f"{step}\n")
    photographer.session.store.mark_saved()
    photographer.window.close()
