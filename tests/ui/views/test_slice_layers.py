"""Layers of a slice, from the session, without a view."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRectF

from liverview.core.labels import FOREGROUND, DrawStyle, Label
from liverview.core.volume import LabelMap, Plane
from liverview.ui.state.overlay import Overlay
from liverview.ui.state.session import Session
from liverview.ui.views.slice_layers import Part, SliceLayers


@pytest.fixture
def labeled(session: Session) -> Session:
    """The small volume at voxel (5, 6, 8), with a block of liver and a voxel of tumor."""
    assert session.volume is not None
    voxels = np.zeros(session.volume.shape, np.uint8, order="F")
    voxels[2:7, 3:9, 6:12] = Label.LIVER
    voxels[5, 6, 8] = Label.TUMOR
    session.store.open_labels(LabelMap(voxels, session.volume.affine))
    return session


def updated(session: Session, plane: Plane) -> SliceLayers:
    layers = SliceLayers(session, plane)
    assert layers.update()
    return layers


def test_nothing_is_made_anew_until_something_is_out_of_date(session: Session) -> None:
    layers = updated(session, Plane.AXIAL)
    assert not layers.update()
    layers.invalidate(Part.GRAY)
    assert layers.update()


@pytest.mark.parametrize("plane", Plane)
def test_gray_is_the_window_of_the_slice(session: Session, plane: Plane) -> None:
    session.set_window(20, 200)
    (gray,) = updated(session, plane).layers
    assert session.volume is not None
    values = np.take(session.volume.voxels, session.crosshair[plane.axis], plane.axis).T
    expected = np.floor(np.clip((values + 80.0) / 200 * 255 + 0.5, 0, 255))
    assert np.array_equal(gray.values, expected)
    assert gray.colors is None
    assert gray.smooth


def test_only_the_part_that_is_out_of_date_changes(session: Session) -> None:
    layers = updated(session, Plane.AXIAL)
    before = layers.layers[0].values
    session.set_window(500, 100)
    layers.invalidate(Part.COLORS)
    layers.update()
    assert layers.layers[0].values is before
    layers.invalidate(Part.GRAY)
    layers.update()
    assert not np.array_equal(layers.layers[0].values, before)


def test_labels_lie_on_their_block_and_outlines_on_their_edges(labeled: Session) -> None:
    for label in FOREGROUND:
        labeled.set_style(label, draw_style=DrawStyle.BOTH)
    labeled.set_style(Label.VESSEL, visible=False)
    layers = updated(labeled, Plane.AXIAL)
    _, labels = layers.layers
    assert labels.rect == QRectF(1.5 * 2, 2.5 * 3, 5 * 2, 6 * 3)
    assert labels.values.shape == (6, 5)
    assert labels.values[3, 3] == Label.TUMOR
    liver, tumor = layers.outlines  # a label that is hidden has none
    assert liver[0].boundingRect() == labels.rect
    assert tumor[0].boundingRect() == QRectF(4.5 * 2, 5.5 * 3, 2, 3)
    assert tumor[1] == labeled.styles[Label.TUMOR].color


@pytest.mark.parametrize("alone", [False, True])
def test_a_heat_map_lies_over_the_labels_or_alone(labeled: Session, alone: bool) -> None:
    table = np.full((256, 4), 9, np.uint8)
    box = slice(1, 4), slice(2, 5), slice(8, 9)
    voxels = np.arange(9, dtype=np.uint8).reshape(3, 3, 1)
    labeled.set_overlay(Overlay("Map", voxels, box, table, alone=alone))
    layers = updated(labeled, Plane.AXIAL)
    heat_map = layers.layers[-1]
    assert np.array_equal(heat_map.values, voxels[:, :, 0].T)
    assert heat_map.rect == QRectF(0.5 * 2, 1.5 * 3, 3 * 2, 3 * 3)
    assert len(layers.layers) == (2 if alone else 3)
    assert bool(layers.outlines) == (not alone)
    labeled.set_crosshair((5, 6, 9))  # the map has no such slice
    layers.invalidate(Part.SLICE)
    layers.update()
    assert len(layers.layers) == (1 if alone else 2)
