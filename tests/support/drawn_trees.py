"""A small liver with two vessel trees whose voxels are known, and a window that shows it."""

from __future__ import annotations

import numpy as np

from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Volume
from liverview.ui.main_window import MainWindow
from liverview.vasculature.graph import VesselTree

SPACING = (2.0, 2.0, 2.0)
SHAPE = (45, 35, 40)
# Ends in mm from left, back and feet, and the radius at both ends.
PORTAL = (
    ((42, 35, 36), (58, 36, 36), 4.0, 3.5),
    ((58, 36, 36), (82, 46, 30), 2.8, 2.0),
    ((58, 36, 36), (80, 34, 14), 2.6, 2.0),
    ((42, 35, 36), (14, 44, 30), 3.0, 2.0),
)
HEPATIC = (
    ((36, 34, 75), (60, 38, 62), 4.0, 3.2),
    ((60, 38, 62), (84, 44, 50), 2.6, 2.0),
    ((36, 34, 75), (16, 54, 52), 2.8, 2.0),
)
IN_PORTAL, IN_HEPATIC, IN_LIVER = (25, 18, 18), (24, 18, 34), (22, 9, 20)
"""Voxels: of the trunk of each tree, and of neither."""
LEFT_BRANCH = (slice(4, 19), slice(14, 26), slice(12, 21))
"""A box around a branch of the portal vein, and of nothing else of the vessels."""


def _cones(parts: tuple) -> np.ndarray:
    places = np.moveaxis(np.indices(SHAPE), 0, -1) * SPACING
    mask = np.zeros(SHAPE, bool)
    for start, end, first, last in parts:
        along = np.subtract(end, start)
        share = np.clip((places - start) @ along / (along @ along), 0, 1)
        away = np.linalg.norm(places - start - share[..., None] * along, axis=-1)
        mask |= away <= first + (last - first) * share
    return mask


def true_trees() -> np.ndarray:
    """The tree of each voxel, 0 where no vessel is."""
    made = np.where(_cones(PORTAL), VesselTree.PORTAL, 0)
    made = np.where(_cones(HEPATIC), VesselTree.HEPATIC, made).astype(np.uint8)
    inside = np.zeros(SHAPE, bool)
    inside[1:-1, 1:-1, 1:-1] = True
    made[~inside] = 0
    return made


def drawn_labels(*, vessels: bool = True) -> np.ndarray:
    """A liver as large as the scan but for its border, with or without its vessels."""
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[1:-1, 1:-1, 1:-1] = Label.LIVER
    if vessels:
        labels[true_trees() > 0] = Label.VESSEL
    return labels


def open_trees(window: MainWindow, labels: np.ndarray | None = None) -> None:
    """Show a scan with these labels, the crosshair in the portal vein."""
    rng = np.random.default_rng(1)
    volume = Volume(rng.normal(60, 10, SHAPE).astype(np.int16), np.diag([*SPACING, 1]), name="case")
    window.session.open(volume)
    found = drawn_labels() if labels is None else labels
    window.session.store.open_labels(LabelMap(found, volume.affine, volume.name))
    window.session.set_crosshair(IN_PORTAL)
    window.controller.busy_changed.emit()  # as whatever opens labels does
