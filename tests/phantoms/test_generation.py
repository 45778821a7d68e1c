"""Generated phantoms: reproducible, exact, plausible."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.phantoms.body import Body, draw_body, iter_draw_body
from liverview.phantoms.config import Phantom, PhantomConfig, Phase, Region
from liverview.phantoms.fields import RandomSource
from liverview.phantoms.generation import iter_generate

SMALL = PhantomConfig(shape=(64, 56, 24), spacing=(6.0, 6.0, 10.0), seed=5)


def make(config: PhantomConfig) -> Phantom:
    *_, case = iter_generate(config)
    assert isinstance(case, Phantom)
    return case


@pytest.fixture(scope="module")
def small() -> Phantom:
    return make(SMALL)


def test_same_seed_same_voxels_other_seed_other_voxels(small: Phantom) -> None:
    again = make(SMALL)
    assert np.array_equal(small.volume.voxels, again.volume.voxels)
    assert np.array_equal(small.labels.voxels, again.labels.voxels)
    other = make(PhantomConfig(shape=SMALL.shape, spacing=SMALL.spacing, seed=6))
    assert not np.array_equal(small.labels.voxels, other.labels.voxels)


def test_progress_rises_to_the_end() -> None:
    fractions = [item.fraction for item in iter_generate(SMALL) if isinstance(item, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_progress_moves_in_small_steps() -> None:
    """At the usual number of slices; the anatomy, which takes a quarter of the time, included."""
    config = PhantomConfig(shape=(24, 20, 120), spacing=(16.0, 16.0, 2.0), seed=5)
    items = [item for item in iter_generate(config) if isinstance(item, Progress)]
    fractions = [item.fraction for item in items]
    assert max(b - a for a, b in pairwise(fractions)) < 0.13
    assert len({item.fraction for item in items if item.phase == "Drawing anatomy"}) >= 4


def test_a_body_in_steps_is_the_body() -> None:
    *shares, body = iter_draw_body(RandomSource(7))
    assert isinstance(body, Body)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    whole = draw_body(RandomSource(7))
    assert all(torch.equal(field, whole.organs[organ]) for organ, field in body.organs.items())


def test_size_spacing_and_place(case: Phantom) -> None:
    assert case.volume.shape == case.labels.voxels.shape == (96, 84, 40)
    assert case.volume.spacing == (4, 4, 5)
    assert case.volume.voxels.dtype == np.int16
    assert np.array_equal(case.volume.affine, case.labels.affine)


def test_every_label_is_there_and_in_proportion(case: Phantom) -> None:
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


@pytest.mark.parametrize("region", [Region.CHEST, Region.PELVIS, Region.HEAD])
@pytest.mark.parametrize("seed", range(3))
def test_other_regions_show_no_liver(region: Region, seed: int) -> None:
    case = make(PhantomConfig((64, 56, 20), (6, 6, 6), seed, region=region))
    assert not case.labels.voxels.any()
    assert (case.volume.voxels > -200).mean() > 0.03  # and yet somebody is there


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
