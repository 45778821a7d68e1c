"""Pictures and clicks are right at every ratio of device pixels; Qt takes one per process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import json, sys
import numpy as np
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from liverview.core.labels import DrawStyle, Label
from liverview.core.stream import Slab
from liverview.ui.app import make_application
from liverview.ui.main_window import MainWindow
from liverview.ui.state.session import Session
from liverview.core.volume import Plane, Volume

app = make_application()
window = MainWindow(Session(), QSettings(sys.argv[1], QSettings.Format.IniFormat))
window.resize(1100, 700)
window.show()
shape = (40, 32, 24)
voxels = np.full(shape, -160, np.int16)
voxels[12:15, 9:12, 7:9] = 240
session = window.session
session.open(Volume(voxels, np.diag([1.5, 2.0, 3.0, 1.0])))
session.display.set_interpolated(False)
session.set_show_crosshair(False)
session.set_show_text(False)
session.set_crosshair((13, 10, 7))
for _ in range(10):
    app.processEvents()

def pixels(view):
    image = view.grab().toImage().convertToFormat(image_format)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return data[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)[:, :, :3].copy()

image_format = QImage.Format.Format_RGB32
found = {"ratio": window.devicePixelRatioF(), "off_px": [], "clicked": [], "wide": []}
for plane in Plane:
    view = window.views.by_plane[plane]
    bright = np.argwhere((pixels(view) > 250).all(axis=2))
    # Letters are small and bright as well: only what lies around the block counts.
    middle = np.array([13.0, 10.0, 7.5])
    center = view.widget_position(middle)
    at = np.array([center.y(), center.x()]) * found["ratio"]
    near = bright[(np.abs(bright - at) < 40 * found["ratio"]).all(axis=1)]
    found["off_px"].append((near.mean(axis=0) + 0.5 - at).tolist())
    target = [3, 4, 5]
    target[plane.axis] = session.crosshair[plane.axis]
    point = view.widget_position(target).toPoint()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    found["clicked"].append(list(session.crosshair) == target)
    session.set_crosshair((13, 10, 7))
    for _ in range(5):
        app.processEvents()

# The outline of a block: as wide in points at every ratio.
labels = np.zeros(shape, np.uint8, order="F")
labels[20:36, 6:26, 3:20] = Label.LIVER
session.store.begin_segmentation()
session.store.merge_slab(Slab(0, labels))
session.store.end_segmentation(complete=True)
session.set_style(Label.LIVER, draw_style=DrawStyle.OUTLINED, color=(255, 0, 0))
for _ in range(10):
    app.processEvents()
for plane in Plane:
    view = window.views.by_plane[plane]
    if plane is Plane.SAGITTAL:
        session.set_crosshair((25, 10, 7))
        for _ in range(5):
            app.processEvents()
    picture = pixels(view).astype(int)
    red = (picture[:, :, 2] > 150) & (picture[:, :, 1] < 60)
    rows = red.sum(axis=1)
    inner = rows[(rows > 0) & (rows < rows.max() / 2)]
    found["wide"].append(float(np.median(inner)) / 2)  # a left and a right edge in each row
session.store.mark_saved()
window.close()
print(json.dumps(found))
"""


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_pictures_clicks_and_outlines_are_right(tmp_path: Path, ratio: float) -> None:
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": str(ratio)}
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path / "settings.ini")]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["ratio"] == ratio
    for off in found["off_px"]:
        assert max(map(abs, off)) <= 1
    assert found["clicked"] == [True, True, True]
    for wide in found["wide"]:
        assert wide == pytest.approx(1.5 * ratio, abs=0.75)
