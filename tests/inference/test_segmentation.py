"""Segmentation as a stream: order, equality, odd volumes, the shipped weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from liverview.core.labels import Label
from liverview.core.stream import Message, Progress, Slab
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.metrics import dice
from liverview.evaluation.scoring import evaluate
from liverview.inference.second_stage import nearest_first
from liverview.inference.segmentation import Models, collect_labels, iter_segment, load_models
from liverview.phantoms.config import Phantom

from support import tiny_networks


@pytest.fixture(scope="module")
def models() -> Models:
    return tiny_networks.bright_liver()


def run(volume: Volume, models: Models, k: int | None = None) -> np.ndarray:
    crosshair = None if k is None else (0, 0, k)
    return collect_labels(iter_segment(volume, models, "cpu", crosshair), volume.shape)


def split_passes(slabs: list[Slab]) -> list[list[Slab]]:
    """The refined slabs of four slices, parted where the second stage begins to look again."""
    passes: list[list[Slab]] = [[]]
    for slab in slabs:
        if slab.labels.shape[2] == 4:
            if slab.start in {earlier.start for earlier in passes[-1]}:
                passes.append([])
            passes[-1].append(slab)
    return passes


def test_the_result_does_not_depend_on_the_crosshair(case: Phantom, models: Models) -> None:
    results = [run(case.volume, models, k) for k in (0, 13, 39)]
    assert (results[0] > 0).any()
    assert {int(v) for v in np.unique(results[0])} >= {0, 1, 2}
    for other in results[1:]:
        assert np.array_equal(results[0], other)


def test_random_networks_stream_to_the_same_bits(case: Phantom) -> None:
    """Not one voxel may differ, also where the network is undecided."""
    made = Models(tiny_networks.bright_liver().coarse, tiny_networks.fine())
    assert np.array_equal(run(case.volume, made, 0), run(case.volume, made, 35))


def test_the_coarse_liver_comes_first_then_slabs_from_the_crosshair_outward(
    case: Phantom, models: Models
) -> None:
    near = 22
    slabs = [
        s for s in iter_segment(case.volume, models, "cpu", (0, 0, near)) if isinstance(s, Slab)
    ]
    first_fine = next(n for n, s in enumerate(slabs) if s.labels.shape[2] == 4)
    assert first_fine > 0
    coarse = np.concatenate([s.labels for s in slabs[:first_fine]], axis=2)
    assert set(np.unique(coarse)) == {0, Label.LIVER}
    for look in split_passes(slabs):
        away = [abs((s.start + s.stop - 1) / 2 - near) for s in look]
        assert away == sorted(away)
    fine = split_passes(slabs)[0]
    assert fine[0].start <= near < fine[0].stop


def test_slabs_do_not_overlap_within_a_look_and_cover_what_is_labeled(
    case: Phantom, models: Models
) -> None:
    slabs = [s for s in iter_segment(case.volume, models, "cpu") if isinstance(s, Slab)]
    first, *more = split_passes(slabs)
    covered = [k for s in first for k in range(s.start, s.stop)]
    assert len(covered) == len(set(covered))
    for look in more:
        assert {s.start for s in look} <= {s.start for s in first}
    labeled = np.flatnonzero((run(case.volume, models) > 0).any(axis=(0, 1)))
    assert set(labeled) <= set(covered)


def test_progress_rises_to_the_end(case: Phantom, models: Models) -> None:
    fractions = [p.fraction for p in iter_segment(case.volume, models) if isinstance(p, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_the_volume_is_left_as_it_was(case: Phantom, models: Models) -> None:
    before = case.volume.voxels.copy()
    run(case.volume, models)
    assert np.array_equal(case.volume.voxels, before)


@pytest.mark.parametrize(("slice_mm", "depth"), [(5.0, 4), (0.75, 8)])
def test_probabilities_come_with_the_refined_slabs_if_asked_for(
    case: Phantom, slice_mm: float, depth: int
) -> None:
    made = Models(tiny_networks.bright_liver().coarse, tiny_networks.fine())
    volume = replace(case.volume, affine=np.diag([4.0, 4, slice_mm, 1]))
    plain, asked = (
        [s for s in iter_segment(volume, made, "cpu", probabilities=p) if isinstance(s, Slab)]
        for p in (False, True)
    )
    assert all(slab.probabilities is None for slab in plain)
    assert all(np.array_equal(a.labels, b.labels) for a, b in zip(plain, asked, strict=True))
    refined = [slab for slab in asked if slab.probabilities is not None]
    assert {slab.labels.shape[2] for slab in refined} == {depth}
    for slab in refined:
        organ, vessel, tumor = slab.probabilities
        assert organ.dtype == np.float16
        assert organ.shape == slab.labels.shape
        assert organ.max() <= 1.001
        assert not slab.labels[organ == 0].any()
        assert (vessel >= tumor)[slab.labels == Label.VESSEL].all()
        assert (tumor >= vessel)[slab.labels == Label.TUMOR].all()


def test_stopping_early_is_just_stopping(case: Phantom, models: Models) -> None:
    stream = iter_segment(case.volume, models, "cpu")
    for item in stream:
        if isinstance(item, Slab):
            break
    stream.close()  # type: ignore[attr-defined]
    assert (run(case.volume, models) > 0).any()


def test_slabs_nearest_first() -> None:
    assert nearest_first(range(0, 40, 8), 8, 20) == [16, 24, 8, 32, 0]
    assert nearest_first([], 8, 3) == []


def test_where_the_first_stage_was_wrong_the_second_looks_again() -> None:
    """It drops 12 mm of a mass at a look, and is told so; slabs without the mass are seen once."""
    shape, spacing = (100, 80, 48), (2.5, 2.5, 5.0)
    at = [n * mm for n, mm in zip(np.indices(shape), spacing, strict=True)]
    liver = sum((a - m) ** 2 for a, m in zip(at, (85, 100, 100), strict=True)) < 60**2
    mass = sum((a - m) ** 2 for a, m in zip(at, (150, 100, 140), strict=True)) < 32**2
    voxels = np.where(liver, 110, np.where(mass, 70, -50)).astype(np.int16)
    volume = Volume(np.asfortranarray(voxels), np.diag([*spacing, 1.0]))
    first, second = tiny_networks.coarse(), tiny_networks.fine()
    found = tiny_networks.Threshold(first.network, ((1, 0.08, 0.45),))
    doubtful = tiny_networks.Doubtful(second.network, ((1, -0.6, 0.3),), sure=-0.2, reach=10)
    made = Models(
        tiny_networks.with_network(first, found), tiny_networks.with_network(second, doubtful)
    )
    slabs = [s for s in iter_segment(volume, made, "cpu") if isinstance(s, Slab)]
    labels = collect_labels(iter(slabs), shape)
    assert (labels[liver] > 0).mean() > 0.95
    assert not labels[mass & ~liver].any()
    assert len(split_passes(slabs)) == 3
    counts = np.zeros(shape[2], int)
    for slab in (slab for look in split_passes(slabs) for slab in look):
        counts[slab.start : slab.stop] += 1
    with_mass = np.flatnonzero(mass.any(axis=(0, 1)))
    below = with_mass[0] - 8
    assert (counts[:below] == 1).any()
    assert set(counts[:below]) <= {0, 1}
    one = collect_labels(iter(split_passes(slabs)[0]), shape)
    assert (one[mass & ~liver] > 0).mean() > 0.02  # one look would not have sufficed


def test_stored_type_and_layout_do_not_matter(case: Phantom, models: Models) -> None:
    expected = run(case.volume, models)
    voxels = case.volume.voxels
    flipped = np.ascontiguousarray(voxels[::-1, :, ::-1])[::-1, :, ::-1]  # negative strides
    shifted = (voxels.astype(np.int32) + 1024).astype(np.uint16)
    for volume in (
        replace(case.volume, voxels=flipped),
        replace(case.volume, voxels=voxels.astype(np.float32)),
        replace(case.volume, voxels=voxels.astype(">i2").astype(np.int32)),
        replace(case.volume, voxels=shifted, intercept=-1024),
    ):
        assert np.array_equal(run(volume, models), expected)


@pytest.mark.parametrize("shape", [(40, 40, 1), (1, 1, 1), (3, 50, 2), (50, 40, 200)])
def test_odd_shapes_come_through(shape: tuple[int, int, int], models: Models) -> None:
    voxels = np.random.default_rng(0).integers(-100, 200, shape).astype(np.int16)
    volume = Volume(voxels, np.diag([4.0, 4, 4, 1]))
    assert run(volume, models).shape == shape


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.6), (6.0, 6.0, 10.0)])
def test_fine_and_coarse_spacings(spacing: tuple[float, float, float]) -> None:
    """A ball of liver density comes back at its size, whatever the voxels."""
    shape = tuple(int(150 / s) for s in spacing)
    away = sum(
        ((n - (size - 1) / 2) * s) ** 2
        for n, size, s in zip(np.indices(shape), shape, spacing, strict=True)
    )
    # 60 HU, where both stages draw the line, is half way from the ball to what is around it.
    voxels = np.where(away < 55**2, 95, 25).astype(np.int16)
    volume = Volume(voxels, np.diag([*spacing, 1.0]))
    labels = run(volume, tiny_networks.bright_liver(parts=((1, -0.35, 0.3),)))
    found, true = labels > 0, voxels == 95
    assert dice(found, true) > 0.95


def test_no_liver_is_said_and_empty(models: Models) -> None:
    volume = Volume(np.full((40, 40, 30), -900, np.int16), np.diag([4.0, 4, 4, 1]))
    items = list(iter_segment(volume, models, "cpu"))
    assert not collect_labels(iter(items), volume.shape).any()
    assert [i.text for i in items if isinstance(i, Message)] == ["No liver was found in this scan."]


def test_what_the_second_stage_does_not_confirm_is_no_liver() -> None:
    volume = Volume(np.full((40, 40, 30), 95, np.int16), np.diag([4.0, 4, 4, 1]))
    items = list(iter_segment(volume, tiny_networks.bright_liver(parts=((1, 0.8, 0.9),)), "cpu"))
    assert any(i.labels.any() for i in items if isinstance(i, Slab))  # as the first stage saw it
    assert not collect_labels(iter(items), volume.shape).any()
    assert [i.text for i in items if isinstance(i, Message)] == ["No liver was found in this scan."]


def test_an_implausible_volume_is_said(models: Models) -> None:
    volume = Volume(np.full((60, 60, 60), 95, np.int16), np.diag([4.0, 4, 4, 1]))
    notices = [i.text for i in iter_segment(volume, models, "cpu") if isinstance(i, Message)]
    assert "unusual" in notices[0]


def test_a_scan_larger_than_a_body_is_a_sentence() -> None:
    volume = Volume(np.zeros((60, 60, 40), np.int16), np.diag([60.0, 60.0, 10.0, 1.0]), name="huge")
    with pytest.raises(ValueError, match=r"huge spans 3.6 x 3.6 x 0.4 m.*60 x 60 x 10 mm"):
        run(volume, tiny_networks.bright_liver())


def test_shipped_weights_find_the_phantoms_liver(case: Phantom) -> None:
    labels = run(case.volume, load_models())
    scores = evaluate(LabelMap(labels, case.volume.affine), case.labels)
    assert scores[0].dice > 0.85


def test_missing_weights_are_a_sentence(tmp_path: object) -> None:
    with pytest.raises(ValueError, match=r"coarse\.safetensors"):
        load_models(tmp_path)  # type: ignore[arg-type]
