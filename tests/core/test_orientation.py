"""Orientations: as nibabel finds them, and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel import orientations

from liverview.core.orientation import (
    find_orientation,
    ras_affine,
    stored_affine,
    turn_from_ras,
    turn_to_ras,
)

SHAPE = (3, 4, 5)


def random_affine(seed: int) -> np.ndarray:
    """Any directions, any spacing, some shear; never close to singular."""
    draw = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    affine = np.eye(4)
    shear = np.eye(3) + np.triu(draw.uniform(-0.2, 0.2, (3, 3)), 1)
    affine[:3, :3] = rotation @ shear @ np.diag(draw.uniform(0.3, 6, 3))
    affine[:3, 3] = draw.uniform(-300, 300, 3)
    return affine


@given(st.integers(0, 10**6))
@settings(max_examples=200, deadline=None)
def test_orientations_are_those_of_nibabel(seed: int) -> None:
    affine = random_affine(seed)
    found = find_orientation(affine)
    assert np.array_equal(found, orientations.io_orientation(affine))
    array = np.arange(60).reshape(SHAPE)
    turned = turn_to_ras(array, found)
    assert np.array_equal(turned, orientations.apply_orientation(array, found))
    assert np.shares_memory(turned, array)
    expected = affine @ orientations.inv_ornt_aff(found, SHAPE)
    assert np.array_equal(ras_affine(affine, found, SHAPE), expected)
    assert np.array_equal(turn_from_ras(turned, found), array)
    assert np.allclose(stored_affine(expected, found, SHAPE), affine, atol=1e-9)


def test_equal_angles_are_decided_as_nibabel_does() -> None:
    half = np.sqrt(0.5)
    tied = np.array([[half, -half, 0, 0], [half, half, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    assert np.array_equal(find_orientation(tied), orientations.io_orientation(tied))
