"""The pane of surfaces: without OpenGL, and with it on a display that has some."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import Plane, Volume
from liverview.measurement.surface import surfaces as make_surfaces
from liverview.ui.live.surfaces import Surfaces
from liverview.ui.main_window import MainWindow
from liverview.ui.views.linked_views import Layout
from liverview.ui.views.surface_pane import SurfacePane

SHAPE = (40, 40, 30)


def labels() -> np.ndarray:
    made = np.zeros(SHAPE, np.uint8, order="F")
    made[5:35, 8:32, 6:26] = Label.LIVER
    made[8:16, 12:20, 10:18] = Label.TUMOR
    return made


def opened(window: MainWindow) -> None:
    window.session.open(Volume(np.zeros(SHAPE, np.int16), np.diag([2.0, 2.0, 2.5, 1.0])))


def segment(window: MainWindow, found: np.ndarray) -> None:
    window.session.store.begin_segmentation()
    window.session.store.merge_slab(Slab(0, found))
    window.session.store.end_segmentation(complete=True)


def test_without_opengl_the_pane_says_so_and_the_rest_works(
    window: MainWindow, qtbot: QtBot
) -> None:
    opened(window)
    segment(window, labels())
    view = window.views.by_plane[Plane.AXIAL]
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_F8)
    pane = window.views.surface_pane
    assert isinstance(pane, SurfacePane)
    assert window.views.layout_ is Layout.GRID
    qtbot.waitUntil(pane.isVisible)
    if pane.scene is None:
        assert "no OpenGL" in pane.state.text()
    qtbot.keyClick(view, Qt.Key.Key_PageUp)
    assert window.session.crosshair[2] == SHAPE[2] // 2 + 1


def test_surfaces_follow_the_labels_while_somebody_looks(window: MainWindow, qtbot: QtBot) -> None:
    opened(window)
    segment(window, labels())
    surfaces = Surfaces(window.session, window.controller.start_background, window)
    QApplication.processEvents()
    assert surfaces.found == {}  # nobody looks
    surfaces.set_wanted(True)
    qtbot.waitUntil(lambda: set(surfaces.found) == {Label.LIVER, Label.TUMOR})
    qtbot.waitUntil(lambda: surfaces.is_current)
    first = surfaces.found[Label.LIVER]
    without = labels()
    without[without == Label.TUMOR] = Label.LIVER
    segment(window, without)
    qtbot.waitUntil(lambda: surfaces.is_current and set(surfaces.found) == {Label.LIVER})
    assert surfaces.found[Label.LIVER] is not first
    liver = surfaces.found[Label.LIVER]
    i, j, k = np.array(np.nonzero(without)).mean(axis=1).astype(int)
    box = Box.from_bounds((i, j, k), (i + 3, j + 3, k + 2))
    with window.session.store.edit(box, "brush") as voxels:
        assert voxels.all()  # inside: the organ's surface stays
        voxels[...] = Label.TUMOR
    qtbot.waitUntil(lambda: Label.TUMOR in surfaces.found and surfaces.is_current)
    assert surfaces.found[Label.LIVER] is liver
    assert window.session.labels is not None
    fresh = {one.label: one for one in make_surfaces(window.session.labels)}
    for label, surface in surfaces.found.items():
        np.testing.assert_array_equal(surface.vertices, fresh[label].vertices)
    window.session.store.mark_saved()
    opened(window)
    assert surfaces.found == {}


_SCRIPT = """
import json, sys
import numpy as np
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtTest import QTest
sys.path[:0] = [sys.argv[1]]
from test_surface_pane import labels, opened, segment
from liverview.core.labels import Label
from liverview.ui.app import make_application
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Session
from liverview.ui.views.linked_views import Layout

app = make_application()
settings = QSettings(sys.argv[2], QSettings.Format.IniFormat)
window = MainWindow(Session(), settings)
window.resize(1000, 700)
window.show()
opened(window)
segment(window, labels())
window.views.set_layout(Layout.GRID)
pane = window.views.surface_pane
if pane.scene is None:
    print(json.dumps({"problem": pane.state.text()}))
    sys.exit()
while not (pane.surfaces.is_current and len(pane.surfaces.found) == 2):
    app.processEvents()
for _ in range(20):
    app.processEvents()
scene = pane.scene
session = window.session

def at(voxel):
    place = np.asarray(session.volume.voxel_to_world(voxel), float)
    return scene._widget_point(place).toPoint()

def shot():
    image = scene.grabFramebuffer()
    ratio = image.devicePixelRatio()
    point = at((12, 16, 14)) * ratio
    color = image.pixelColor(point)
    return [color.red(), color.green(), color.blue()]

found = {"ratio": scene.devicePixelRatioF(), "tumor": shot()}
# The tumor shines through the liver: a click on it goes to its front, which is to the patient's
# front, for so does the scene look at it.
QTest.mouseClick(scene, Qt.MouseButton.LeftButton, pos=at((12, 20, 14)))
found["clicked"] = list(session.crosshair)
pane.opacity[Label.LIVER].setValue(100)
app.processEvents()
found["solid"] = shot()
QTest.mouseClick(scene, Qt.MouseButton.LeftButton, pos=at((25, 32, 20)))
found["on_liver"] = list(session.crosshair)
before = scene.cameraParams()["azimuth"]
QTest.mousePress(scene, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
from PySide6.QtGui import QMouseEvent
from PySide6.QtCore import QEvent
place, none = QPointF(100, 70), Qt.MouseButton.NoButton
held, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
move = QMouseEvent(QEvent.Type.MouseMove, place, place, none, held, plain)
app.sendEvent(scene, move)
QTest.mouseRelease(scene, Qt.MouseButton.LeftButton, pos=QPoint(100, 70))
found["turned"] = abs(scene.cameraParams()["azimuth"] - before) > 5
found["stayed"] = list(session.crosshair) == found["on_liver"]
views, crosshair = window.views, session.crosshair
turned = scene.cameraParams()["azimuth"]
QTest.mouseClick(scene, Qt.MouseButton.LeftButton, pos=at((12, 20, 14)))
found["picked"] = session.crosshair != crosshair
QTest.mouseDClick(scene, Qt.MouseButton.LeftButton, pos=at((12, 20, 14)))
app.processEvents()
found["alone"] = views.is_one_alone and pane.isVisible()
found["alone"] = found["alone"] and not any(v.isVisible() for v in views.by_plane.values())
found["wide"] = pane.width() > 0.95 * views.width()
found["crosshair_stayed"] = session.crosshair == crosshair
scene.setFocus()
QTest.keyClick(scene, Qt.Key.Key_Escape)
found["shared"] = all(v.isVisible() for v in views.by_plane.values()) and pane.isVisible()
window.actions_.view.alone.trigger()
found["alone_by_key"] = views.is_one_alone and pane.isVisible()
found["still_turned"] = scene.cameraParams()["azimuth"] == turned
views.reset_views()
found["reset"] = scene.cameraParams()["azimuth"] == before and not views.is_one_alone
session.store.mark_saved()
window.close()
print(json.dumps(found))
"""


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="no virtual display here")
@pytest.mark.parametrize("ratio", ["1", "2"])
def test_surfaces_are_drawn_turned_and_clicked(tmp_path: Path, ratio: str) -> None:
    """On a virtual display, in a process of its own: the others have none with OpenGL."""
    env = {
        **os.environ,
        "QT_QPA_PLATFORM": "xcb",
        "QT_SCALE_FACTOR": ratio,
        "LIBGL_ALWAYS_SOFTWARE": "1",
    }
    command = [
        sys.executable,
        "-c",
        _SCRIPT,
        str(Path(__file__).parent),
        str(tmp_path / "s.ini"),
    ]
    screen = ["xvfb-run", "-a", "-s", "-screen 0 2400x1800x24", *command]
    run = subprocess.run(screen, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    if "problem" in found:
        pytest.skip(found["problem"])
    assert found["ratio"] == float(ratio)
    red, green, blue = found["tumor"]
    assert red > 100
    assert green > 80
    assert blue < 0.6 * red  # yellow under a veil of the liver's color
    i, j, k = found["clicked"]
    assert 8 <= i < 16
    assert j in (19, 20)
    assert 10 <= k < 18
    red, green, blue = found["solid"]
    assert red > 1.3 * green > 1.3 * blue * 0.9  # now the liver's
    assert found["on_liver"][1] in (31, 32)
    assert found["turned"]
    assert found["stayed"]
    names = "picked", "alone", "wide", "crosshair_stayed", "shared", "alone_by_key", "still_turned"
    assert {name: found[name] for name in names} == dict.fromkeys(names, True)
    assert found["reset"]
