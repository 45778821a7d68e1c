"""A scan with a liver, a vessel and tumors of which two are joined by a bridge."""

from __future__ import annotations

import numpy as np

from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Volume
from liverview.ui.main_window import MainWindow

SHAPE = (40, 36, 24)
LEFT, RIGHT, SMALL, OUTSIDE = (10, 10, 9), (24, 10, 9), (30, 26, 16), (2, 2, 2)
"""Voxels: of the two tumors that are joined, of a third one, and of no label."""
BRIDGE = 4  # voxels of its section


def part_labels() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[4:36, 4:32, 3:21] = Label.LIVER
    labels[6:34, 20, 9] = Label.VESSEL
    labels[6:15, 6:15, 6:13] = Label.TUMOR
    labels[19:30, 6:15, 6:13] = Label.TUMOR
    labels[15:19, 9:11, 8:10] = Label.TUMOR
    labels[28:33, 24:29, 14:19] = Label.TUMOR
    return labels


def open_parts(window: MainWindow) -> np.ndarray:
    """Show the scan with these labels; returns a copy of them."""
    affine = np.diag([1.5, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-20, 10, 5)
    rng = np.random.default_rng(1)
    volume = Volume(rng.normal(60, 10, SHAPE).astype(np.int16), affine, name="case")
    window.session.open(volume)
    window.session.store.open_labels(LabelMap(part_labels(), affine))
    window.session.set_crosshair((16, 10, 9))
    window.activateWindow()
    return part_labels()


def labels_of(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.voxels
