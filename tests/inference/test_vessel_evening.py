"""Vessels evened out across slices, beside rods of known radius and the rule for one voxel."""

from __future__ import annotations

import numpy as np
import pytest

from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.inference import streamed_components, vessel_evening
from liverview.inference.vessel_evening import iter_even_vessels

THIN, THICK = (0.75, 0.75, 1.6), (0.8, 0.8, 5.0)


def evened(labels: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """The labels afterwards; every slice that is another is named, and no other one."""
    after = labels.copy(order="F")
    changed = np.zeros(labels.shape[2], np.bool_)
    items = list(iter_even_vessels(after, spacing, changed))
    assert all(isinstance(item, Progress) for item in items)
    assert np.array_equal(changed, (after != labels).any(axis=(0, 1)))
    return after


def rod(
    spacing: tuple[float, float, float], radius: float, along: tuple[float, float, float]
) -> np.ndarray:
    """A liver with a straight vessel through its middle, labeled by the centers of its voxels."""
    shape = tuple(round(36 / s) for s in spacing)
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    direction = np.asarray(along) / np.linalg.norm(along)
    away = np.linalg.norm(points - (points @ direction)[..., None] * direction, axis=-1)
    return np.where(away < radius, int(Label.VESSEL), int(Label.LIVER)).astype(np.uint8)


def radius_of(labels: np.ndarray, like: np.ndarray, radius: float) -> float:
    """The radius of a rod by its volume, from that of one of known radius."""
    ratio = (labels == Label.VESSEL).sum() / (like == Label.VESSEL).sum()
    return radius * float(np.sqrt(ratio))


@pytest.mark.parametrize("spacing", [THIN, THICK, (1.25, 1.25, 2.5)])
@pytest.mark.parametrize("radius", [1.8, 2.5, 4.0, 7.0])
@pytest.mark.parametrize("along", [(0.0, 0.0, 1.0), (0.5, 0.0, 1.0), (1.0, 0.4, 1.0)])
def test_a_rod_keeps_its_radius(
    spacing: tuple[float, float, float], radius: float, along: tuple[float, float, float]
) -> None:
    before = rod(spacing, radius, along)
    assert radius_of(evened(before, spacing), before, radius) == pytest.approx(
        radius, abs=0.3 * spacing[0]
    )


def test_a_gap_in_one_slice_closes_and_a_dot_in_one_goes() -> None:
    labels = rod(THIN, 2.5, (0.0, 0.0, 1.0))
    middle = labels.shape[2] // 2
    broken = labels.copy()
    broken[:, :, middle] = Label.LIVER
    broken[6:9, 6:9, middle] = Label.VESSEL
    after = evened(broken, THIN) == Label.VESSEL
    assert not after[:14, :14].any()
    assert after[24, 24, middle]
    missing = (labels[:, :, middle] == Label.VESSEL) & ~after[:, :, middle]
    assert missing.sum() <= 0.25 * (labels[:, :, middle] == Label.VESSEL).sum()


def test_walls_that_jump_from_slice_to_slice_become_smooth() -> None:
    truth = rod(THIN, 3.0, (0.0, 0.0, 1.0)) == Label.VESSEL
    rng = np.random.default_rng(3)
    jittered = np.full(truth.shape, Label.LIVER, np.uint8)
    for k in range(truth.shape[2]):
        shifted = np.roll(truth[:, :, k], rng.integers(-1, 2, 2), (0, 1))
        jittered[:, :, k][shifted] = Label.VESSEL
    inner = (slice(None), slice(None), slice(3, -3))

    def wrong(labels: np.ndarray) -> int:
        return int(((labels == Label.VESSEL) != truth)[inner].sum())

    assert wrong(evened(jittered, THIN)) < 0.75 * wrong(jittered)


def test_single_grains_give_nothing() -> None:
    rng = np.random.default_rng(5)
    labels = np.where(rng.random((60, 60, 24)) < 0.03, Label.VESSEL, Label.LIVER).astype(np.uint8)
    assert (evened(labels, THIN) == Label.VESSEL).sum() < 0.02 * (labels == Label.VESSEL).sum()


def test_lesions_and_what_is_no_liver_stay_and_no_vessel_grows_into_them() -> None:
    labels = rod(THIN, 2.5, (0.0, 0.0, 1.0))
    labels[26:34, 20:30, 4:18] = Label.TUMOR  # against the rod, with a shell of vessel
    labels[34:36, 20:30, 4:18] = Label.VESSEL
    labels[:, 40:] = Label.BACKGROUND
    after = evened(labels, THIN)
    for label in (Label.BACKGROUND, Label.TUMOR):
        assert np.array_equal(after == label, labels == label)


def test_a_trunk_keeps_its_width_where_it_leaves_the_liver_and_the_scan() -> None:
    labels = rod(THIN, 5.0, (0.0, 0.0, 1.0))
    labels[:, :, :6] = Label.BACKGROUND
    after = evened(labels, THIN) == Label.VESSEL
    middle = labels.shape[2] // 2
    for k in (6, labels.shape[2] - 1):
        assert abs(after[:, :, k].sum() - after[:, :, middle].sum()) <= 4


def test_nothing_happens_without_vessels_and_in_empty_blocks() -> None:
    for labels in (
        np.full((12, 10, 8), Label.LIVER, np.uint8),
        np.zeros((5, 4, 3), np.uint8),
        np.zeros((5, 4, 0), np.uint8),
    ):
        assert np.array_equal(evened(labels, THIN), labels)


def test_pieces_of_any_size_and_the_plain_rule_give_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(7)
    labels = rng.choice(4, (20, 18, 17), p=(0.1, 0.5, 0.35, 0.05)).astype(np.uint8)
    whole = evened(labels, THIN)
    monkeypatch.setattr(streamed_components, "_VOXELS", 20 * 18)  # one slice at a time
    assert np.array_equal(evened(labels, THIN), whole)
    sigmas = np.array([vessel_evening.IN_PLANE_MM] * 2 + [vessel_evening.ACROSS_MM]) / THIN
    votes = np.argwhere((labels == Label.LIVER) | (labels == Label.VESSEL))
    vessel = (labels == Label.VESSEL)[tuple(votes.T)]
    for voxel in votes[::40]:
        away = votes - voxel
        weight = np.exp(-0.5 * ((away / sigmas) ** 2).sum(axis=1))
        weight[(np.abs(away) > (2.5 * sigmas + 0.5).astype(int)).any(axis=1)] = 0
        share = weight[vessel].sum() / weight.sum()
        if abs(share - vessel_evening.MIN_SHARE) > 1e-4:
            expected = share > vessel_evening.MIN_SHARE
            assert (whole[tuple(voxel)] == Label.VESSEL) == expected
