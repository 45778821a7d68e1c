"""Outlines of candidates: the voxels that a reader would draw, out of wide parts."""

from __future__ import annotations

import numpy as np
import pytest

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.inference.candidates.label_bytes import CANDIDATE_BIT, HOLE, PLAIN_LIVER
from liverview.inference.candidates.outlines import Outlined, outline_part
from liverview.inference.candidates.parts import Part

SHAPE = (50, 24, 24)
VOXEL_ML = 0.008
LOW = 0.35


def ball(i: float, radius: float) -> np.ndarray:
    """The voxels of a ball in the middle of j and k."""
    at = np.indices(SHAPE).T - (i, 12, 12)
    return np.asarray(((at**2).sum(axis=-1) < radius**2).T)


def outlined(
    probability: np.ndarray, block: np.ndarray | None = None, mask: np.ndarray | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Voxels of each lesion and of its rim, in a liver with a probability of tumor, 0..1."""
    wide = probability > 0.3 if mask is None else mask
    marked = np.round(probability * 255).astype(np.uint8) & ~CANDIDATE_BIT
    marked[wide] |= CANDIDATE_BIT
    labels = np.full(SHAPE, PLAIN_LIVER) if block is None else block
    box = Box.around(wide)
    assert box is not None
    return [_whole(one) for one in outline_part(Part(box, wide[box]), labels, marked, VOXEL_ML)]


def _whole(one: Outlined) -> tuple[np.ndarray, np.ndarray]:
    found = []
    for part in (one.part, one.rim):
        out = np.zeros(SHAPE, bool)
        out[part.box] = part.mask
        found.append(out)
    return found[0], found[1]


def test_a_lesion_is_what_is_probable_and_the_doubtful_border_is_its_rim() -> None:
    probability = np.where(ball(14, 9), LOW, 0.0)
    probability[ball(14, 6)] = 0.9
    [(lesion, rim)] = outlined(probability)
    assert np.array_equal(lesion, ball(14, 6))
    assert np.array_equal(rim, ball(14, 9) & ~ball(14, 6))


@pytest.mark.parametrize(("highest", "kept"), [(0.45, True), (0.58, True), (0.7, False)])
def test_a_doubtful_lesion_keeps_what_is_nearly_as_probable(highest: float, kept: bool) -> None:
    probability = np.where(ball(14, 9), LOW, 0.0)
    probability[ball(14, 6)] = highest
    [(lesion, _)] = outlined(probability)
    assert np.array_equal(lesion, ball(14, 9) if kept else ball(14, 6))


def test_two_lesions_that_hang_together_by_a_doubtful_bridge_are_two() -> None:
    probability = np.zeros(SHAPE)
    probability[12:38, 11:14, 11:14] = LOW
    probability[ball(12, 6)], probability[ball(38, 5)] = 0.9, 0.7
    lesions = outlined(probability)
    assert len(lesions) == 2
    for one in (ball(12, 6), ball(38, 5)):
        assert any(np.array_equal(lesion, one) for lesion, _ in lesions)
    whole = np.sum([lesion.astype(int) + rim for lesion, rim in lesions], axis=0)
    assert np.array_equal(whole, (probability > 0.3).astype(int))
    for lesion, rim in lesions:  # the bridge is divided in its middle
        assert np.flatnonzero((lesion | rim).any(axis=(1, 2))).size == pytest.approx(18, abs=2)


def test_a_speck_beside_a_lesion_is_a_part_of_its_rim() -> None:
    probability = np.where(ball(14, 9), LOW, 0.0)
    probability[ball(14, 5)], probability[21, 12, 12] = 0.9, 0.9
    [(lesion, rim)] = outlined(probability)
    assert np.array_equal(lesion, ball(14, 5))
    assert rim[21, 12, 12]


def test_holes_and_what_the_network_takes_for_no_liver_belong_to_the_lesion() -> None:
    probability = np.where(ball(14, 8), 0.9, 0.0)
    probability[ball(14, 3)] = 0.1
    mask = ball(14, 8) & ~ball(14, 3)
    [(lesion, _)] = outlined(probability, mask=mask)
    assert np.array_equal(lesion, ball(14, 8))
    block = np.full(SHAPE, PLAIN_LIVER)
    block[ball(14, 6)] = HOLE
    [(dark, rim)] = outlined(np.where(ball(14, 6), 0.05, 0.0), block, ball(14, 6))
    assert np.array_equal(dark, ball(14, 6))
    assert not rim.any()
    assert (block[dark] & 0x7F == Label.BACKGROUND).all()
