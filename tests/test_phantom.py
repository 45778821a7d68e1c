"""The phantom: reproducible, exact, plausible."""

from __future__ import annotations

import numpy as np
import pytest

from liverview.labels import Label
from liverview.phantom import Case, PhantomConfig, Phase, generate
from liverview.phantom.anatomy import Organ, draw_body
from liverview.phantom.appearance import draw_appearance
from liverview.phantom.fields import Grid, interpolation_matrix, resample, smooth_noise, tube
from liverview.phantom.lesions import draw_lesions
from liverview.phantom.paint import Patient, paint
from liverview.phantom.vessels import THINNEST_MM, grow_trees, tree_distance
from liverview.stream import Progress

SMALL = PhantomConfig(shape=(64, 56, 24), spacing=(6.0, 6.0, 10.0), seed=5)


def make(config: PhantomConfig) -> Case:
    *_, case = generate(config)
    assert isinstance(case, Case)
    return case


# ---- the whole ---------------------------------------------------------------------------


def test_same_seed_same_voxels_other_seed_other_voxels() -> None:
    first, again = make(SMALL), make(SMALL)
    assert np.array_equal(first.volume.voxels, again.volume.voxels)
    assert np.array_equal(first.labels.voxels, again.labels.voxels)
    other = make(PhantomConfig(shape=SMALL.shape, spacing=SMALL.spacing, seed=6))
    assert not np.array_equal(first.labels.voxels, other.labels.voxels)


def test_progress_rises_to_the_end() -> None:
    fractions = [item.fraction for item in generate(SMALL) if isinstance(item, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_size_spacing_and_place(case: Case) -> None:
    assert case.volume.shape == case.labels.voxels.shape == (96, 84, 40)
    assert case.volume.spacing == (4, 4, 5)
    assert case.volume.voxels.dtype == np.int16
    assert np.array_equal(case.volume.affine, case.labels.affine)


def test_every_label_is_there_and_in_proportion(case: Case) -> None:
    counts = np.bincount(case.labels.voxels.ravel(), minlength=4)
    liver = counts[1:].sum()
    assert 500 < liver * case.labels.voxel_ml < 3500
    assert 0.005 < counts[Label.VESSEL] / liver < 0.15
    assert counts[Label.TUMOR] > 0
    assert counts[0] > liver


@pytest.mark.parametrize("phase", Phase)
def test_labels_look_as_their_phase_says(phase: Phase) -> None:
    config = PhantomConfig(
        shape=(128, 112, 30), spacing=(3, 3, 8), seed=2, noise_hu=2, phase=phase, lesions=3
    )
    case = make(config)
    hu, labels = case.volume.voxels, case.labels.voxels
    liver = float(np.median(hu[labels == Label.LIVER]))
    low, high = {"native": (20, 90), "arterial": (30, 110)}.get(phase, (60, 160))
    assert low < liver < high
    if phase is Phase.PORTAL:  # bright vessels, dark tumors
        assert np.median(hu[labels == Label.VESSEL]) > liver + 10
        assert np.median(hu[labels == Label.TUMOR]) < liver - 5
    assert hu.min() < -900
    assert hu.max() > 250


def test_noise_is_as_strong_as_asked() -> None:
    def noisy(noise: float) -> np.ndarray:
        config = PhantomConfig(SMALL.shape, SMALL.spacing, SMALL.seed, noise_hu=noise)
        return make(config).volume.voxels.astype(float)

    clean = noisy(0)
    body = clean > -200
    assert (noisy(20) - clean)[body].std() == pytest.approx(20, rel=0.2)
    assert (noisy(5) - clean)[body].std() == pytest.approx(5, rel=0.2)


def test_slabs_leave_no_seams() -> None:
    """The same patient in slices that are cut elsewhere: what is shared is the same."""
    tall = make(PhantomConfig((64, 56, 26), (6, 6, 10), 5, noise_hu=0))
    short = make(PhantomConfig((64, 56, 24), (6, 6, 10), 5, noise_hu=0))
    assert np.array_equal(tall.labels.voxels[:, :, 1:-1], short.labels.voxels)
    assert np.abs(tall.volume.voxels[:, :, 1:-1] - short.volume.voxels).max() <= 1


def test_no_lesions_no_tumor_voxels() -> None:
    case = make(PhantomConfig(SMALL.shape, SMALL.spacing, SMALL.seed, lesions=0))
    assert not (case.labels.voxels == Label.TUMOR).any()


@pytest.mark.parametrize("shape", [(1, 64, 20), (64, 64, 1), (33, 17, 5)])
def test_any_size(shape: tuple[int, int, int]) -> None:
    assert make(PhantomConfig(shape, (5.0, 5.0, 5.0), 1)).volume.shape == shape


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"shape": (0, 5, 5)}, "shape"),
        ({"spacing": (1, -1, 1)}, "spacing"),
        ({"seed": -1}, "seed"),
        ({"lesions": -1}, "lesions"),
        ({"noise_hu": -3}, "noise"),
    ],
)
def test_impossible_requests_are_refused(options: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        PhantomConfig(**options)  # type: ignore[arg-type]


# ---- its parts ---------------------------------------------------------------------------


def test_cubic_interpolation_is_exact_at_samples_and_on_lines() -> None:
    values = 3 + 2 * np.arange(8, dtype=np.float32)
    at = np.array([0, 1, 2.5, 4.25, 5.5], np.float32)
    matrix = interpolation_matrix(at, 8)
    assert matrix.sum(axis=1) == pytest.approx(np.ones(5))
    assert (matrix @ values)[1:] == pytest.approx((3 + 2 * at)[1:], abs=1e-4)


def test_resampling_to_the_same_grid_changes_nothing() -> None:
    grid = Grid((0, 0, 0), (2, 3, 4), (6, 7, 8))
    field = np.random.default_rng(0).standard_normal(grid.shape).astype(np.float32)
    assert resample(field, grid, grid) == pytest.approx(field, abs=1e-5)
    assert resample(field, grid, grid.crop((1, 2, 3), (4, 5, 6))) == pytest.approx(
        field[1:4, 2:5, 3:6], abs=1e-5
    )


def test_noise_has_about_unit_variance() -> None:
    grid = Grid((0, 0, 0), (4, 4, 4), (60, 60, 60))
    fields = [smooth_noise(np.random.default_rng(n), grid, 25) for n in range(4)]
    assert np.std(fields) == pytest.approx(1, abs=0.2)


def test_a_tube_is_a_tube() -> None:
    x, y, z = (a.astype(np.float32) for a in np.meshgrid(*[np.arange(20.0)] * 3, indexing="ij"))
    distance = tube(x, y, z, [(10, 10, 2), (10, 10, 17)], 4)
    assert distance[10, 10, 10] == pytest.approx(-4)
    assert distance[10, 14, 10] == pytest.approx(0)
    assert distance[13, 14, 10] == pytest.approx(1)


def test_vessels_start_at_the_hilum_and_stay_in_the_liver() -> None:
    rng = np.random.default_rng(1)
    body = draw_body(rng)
    portal, hepatic = grow_trees(rng, body)
    liver = body.organs[Organ.LIVER]
    for tree, root in ((portal, body.hilum), (hepatic, body.confluence)):
        assert len(tree.radius) > 50
        assert tree.radius[:, 1].min() >= THINNEST_MM
        index = np.rint((tree.end - body.grid.origin) / body.grid.spacing).astype(int)
        inside = liver[tuple(index.T)]
        assert np.mean(inside < 4) > 0.98
        thickest = tree.start[np.argmax(tree.radius[:, 1])]
        assert np.linalg.norm(thickest - root) < 60


def test_murray_law_at_every_fork() -> None:
    rng = np.random.default_rng(4)
    tree, _ = grow_trees(rng, draw_body(rng), leaves=60)
    starts = {tuple(s.round(3)): n for n, s in enumerate(tree.end)}
    for parent_end, parent in starts.items():
        children = [n for n, s in enumerate(tree.start) if tuple(s.round(3)) == parent_end]
        for child in children:
            assert tree.radius[child, 1] <= tree.radius[parent, 1] + 1e-4


def test_tree_distance_is_that_of_its_pieces() -> None:
    rng = np.random.default_rng(2)
    tree, _ = grow_trees(rng, draw_body(rng), leaves=20)
    piece = int(np.argmax(tree.radius[:, 1]))
    middle = (tree.start[piece] + tree.end[piece]) / 2
    grid = Grid.centered([float(m) for m in middle], (1, 1, 1), (3, 3, 3))
    assert tree_distance(tree, grid)[1, 1, 1] <= -tree.radius[piece].min() + 1e-3


def test_a_body_without_a_liver_has_no_vessels_and_no_lesions() -> None:
    rng = np.random.default_rng(0)
    body = draw_body(rng)
    body.organs[Organ.LIVER] = np.full_like(body.organs[Organ.LIVER], 99)
    portal, hepatic = grow_trees(rng, body)
    assert len(portal.radius) == len(hepatic.radius) == 0
    assert draw_lesions(rng, body, 5) == []
    look = draw_appearance(rng, body)
    painting = paint(
        Patient(body, look, portal, hepatic, []), Grid.centered((0, 25, 5), (8,) * 3, (48, 42, 56))
    )
    assert not painting.labels.any()
    assert not (painting.organs == Organ.LIVER).any()


@pytest.mark.parametrize("seed", range(6))
def test_bodies_are_anatomically_in_order(seed: int) -> None:
    """The liver on the right, the spleen on the left, lungs above both."""
    body = draw_body(np.random.default_rng(seed), odd=seed % 2 == 1)
    x, _, z = body.grid.axes()

    def middle(organ: Organ, axis: np.ndarray) -> float:
        inside = body.organs[organ] < 0
        return float(np.broadcast_to(axis, inside.shape)[inside].mean())

    assert middle(Organ.LIVER, x) > 15
    if (body.organs[Organ.SPLEEN] < 0).any():
        assert middle(Organ.SPLEEN, x) < -30
    assert middle(Organ.LUNG, z) > middle(Organ.LIVER, z)
    assert middle(Organ.HEART, z) > middle(Organ.LIVER, z)
