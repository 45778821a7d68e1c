"""Segmentation as a stream: order, equality, memory ladder, odd volumes."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from liverview.core.labels import Label
from liverview.core.stream import Message, Progress, Slab
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.metrics import dice, evaluate
from liverview.inference import streamed_components
from liverview.inference.cleanup import MIN_COMPONENT_ML, iter_clean_labels
from liverview.inference.runner import ExecutionDevice, Runner
from liverview.inference.second_stage import nearest_first
from liverview.inference.segmentation import Models, collect_labels, iter_segment, load_models
from liverview.networks.runtime import DeviceError, pick_device
from liverview.phantom.config import Phantom

from support import tiny_networks


@pytest.fixture(scope="module")
def models() -> Models:
    return tiny_networks.bright_liver()


def run(volume: Volume, models: Models, k: int | None = None) -> np.ndarray:
    crosshair = None if k is None else (0, 0, k)
    return collect_labels(iter_segment(volume, models, "cpu", crosshair), volume.shape)


def looks(slabs: list[Slab]) -> list[list[Slab]]:
    """The refined slabs of four slices, parted where the second stage begins to look again."""
    passes: list[list[Slab]] = [[]]
    for slab in slabs:
        if slab.labels.shape[2] == 4:
            if slab.start in {earlier.start for earlier in passes[-1]}:
                passes.append([])
            passes[-1].append(slab)
    return passes


def result(work: Generator[Progress, None, np.ndarray]) -> np.ndarray:
    """What a generator returns at its end."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return np.asarray(end.value)


# ---- the stream --------------------------------------------------------------------------


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
    for look in looks(slabs):
        away = [abs((s.start + s.stop - 1) / 2 - near) for s in look]
        assert away == sorted(away)
    fine = looks(slabs)[0]
    assert fine[0].start <= near < fine[0].stop


def test_slabs_do_not_overlap_within_a_look_and_cover_what_is_labeled(
    case: Phantom, models: Models
) -> None:
    slabs = [s for s in iter_segment(case.volume, models, "cpu") if isinstance(s, Slab)]
    first, *more = looks(slabs)
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
    assert len(looks(slabs)) == 3
    counts = np.zeros(shape[2], int)
    for slab in (slab for look in looks(slabs) for slab in look):
        counts[slab.start : slab.stop] += 1
    with_mass = np.flatnonzero(mass.any(axis=(0, 1)))
    below = with_mass[0] - 8
    assert (counts[:below] == 1).any()
    assert set(counts[:below]) <= {0, 1}
    one = collect_labels(iter(looks(slabs)[0]), shape)
    assert (one[mass & ~liver] > 0).mean() > 0.02  # one look would not have sufficed


# ---- volumes of all kinds ----------------------------------------------------------------


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


# ---- clean-up ----------------------------------------------------------------------------

TWO_MM = (2.0, 2.0, 2.0)


def cleaned_up(
    labels: np.ndarray, tumor: np.ndarray, spacing: tuple[float, float, float]
) -> np.ndarray:
    """The labels after the clean-up, which says of every slice whether it is another."""
    after = labels.copy(order="F")
    changed = result(iter_clean_labels(after, tumor, spacing))
    assert (changed | (after == labels).all(axis=(0, 1))).all()
    return after


def sure(labels: np.ndarray) -> np.ndarray:
    """A network that is sure of all of its tumors."""
    return np.where(labels == Label.TUMOR, 255, 0).astype(np.uint8)


def test_clean_up_keeps_the_largest_liver_fills_holes_and_drops_specks() -> None:
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[2:20, 2:20, 2:20] = 1
    labels[5:15, 5:15, 5:15] = 3
    labels[10, 10, 10] = 0  # a hole
    labels[3, 3, 3] = 2  # a speck
    labels[25:28, 25:28, 25:28] = 1  # a loose part
    cleaned = cleaned_up(labels, sure(labels), TWO_MM)
    assert cleaned[10, 10, 10] == Label.LIVER
    assert cleaned[3, 3, 3] == Label.LIVER
    assert not cleaned[25:28].any()
    assert (cleaned == 3).sum() == 999
    nothing = np.zeros((3, 3, 3), np.uint8)
    assert not cleaned_up(nothing, nothing, TWO_MM).any()


def test_a_tumor_that_the_network_is_not_sure_of_is_none() -> None:
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[2:28, 2:28, 2:28] = 1
    labels[5:10, 5:10, 5:10] = 3
    labels[15:25, 15:25, 15:25] = 3
    probability = np.where(labels == 3, 200, 0).astype(np.uint8)
    probability[5:10, 5:10, 5:10] = 140
    probability[5, 5, 5] = 255  # as a whole it counts, not by its surest voxel
    cleaned = cleaned_up(labels, probability, TWO_MM)
    assert (cleaned[5:10, 5:10, 5:10] == Label.LIVER).all()
    assert (cleaned[15:25, 15:25, 15:25] == Label.TUMOR).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("step", [0.7, 2.0, 5.0])
def test_what_is_beside_the_liver_is_told_in_mm(axis: int, step: float) -> None:
    """The same ball in the same liver's surface, however thick the slices are."""
    spacing = [1.0, 1.0, 1.0]
    spacing[axis] = step
    at = np.indices([round(60 / s) for s in spacing]).T * spacing
    kept = {}
    for deep in (-3.0, 6.0):  # of the ball's middle, below the surface at 30 mm
        labels = (at[..., axis] < 30).astype(np.uint8)
        middle = np.array([30.0, 30, 30])
        middle[axis] -= deep
        ball = ((at - middle) ** 2).sum(axis=-1) < 12**2
        labels[ball] = 3
        labels = np.ascontiguousarray(labels.T)
        cleaned = cleaned_up(labels, sure(labels), (spacing[0], spacing[1], spacing[2]))
        kept[deep] = bool((cleaned == Label.TUMOR).any())
    assert kept == {-3.0: False, 6.0: True}


@pytest.mark.parametrize("corner", [0, 5])
def test_a_tumor_that_is_more_beside_the_liver_than_in_it_is_none(corner: int) -> None:
    labels = np.zeros((40, 40, 40), np.uint8)
    inner = slice(corner, 30 + corner)
    labels[inner, inner, inner] = 1
    at = 30 + corner
    labels[at - 10 : at - 2, 10:20, 10:20] = 3  # inside
    labels[at - 8 : at, 10:20, 22:30] = 3  # at the capsule
    labels[at : at + 5, 10:20, 10:20] = 3  # a neighbor, one of six faces in the liver
    cleaned = cleaned_up(labels, sure(labels), TWO_MM)
    assert not cleaned[at:].any()
    assert (cleaned[:at] == labels[:at]).all()


def plain_clean_up(
    labels: np.ndarray, tumor: np.ndarray, spacing: tuple[float, float, float]
) -> np.ndarray:
    """The same rules, written down for a whole block."""
    corners = np.ones((3, 3, 3), bool)

    def largest(mask: np.ndarray) -> np.ndarray:
        numbers, _ = ndimage.label(mask)
        return mask & (numbers == np.bincount(numbers[mask], minlength=2).argmax())

    organ = ndimage.binary_fill_holes(largest(labels > 0))
    numbers, count = ndimage.label((labels == Label.TUMOR) & organ, corners)
    found, beside = labels.copy(), np.zeros(labels.shape, bool)
    for number in range(1, count + 1):
        part = numbers == number
        surface = outside = 0.0
        for axis, step in enumerate(spacing):
            for shift in (-1, 1):
                there = np.roll(part, shift, axis) & (numbers == 0)  # no label at the border
                surface += there.sum() / step
                outside += (there & ~organ).sum() / step
        if tumor[part].mean() < 0.7 * 255:
            found[part] = Label.LIVER
        if outside > 0.45 * surface:
            beside |= part
    organ = largest(organ & ~beside) if beside.any() else organ
    out = np.where(organ, np.maximum(found, Label.LIVER), 0)
    for label, ml in MIN_COMPONENT_ML.items():
        numbers, _ = ndimage.label(out == label, corners)
        sizes = np.bincount(numbers.ravel()) * np.prod(spacing) / 1000
        out[(numbers > 0) & (sizes < ml)[numbers]] = Label.LIVER
    return out


@pytest.mark.parametrize("voxels", [1, 3000, 10**9])
def test_the_clean_up_is_the_same_in_slabs_of_any_size(
    voxels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_components, "_VOXELS", voxels)
    spacing = (1.5, 2.0, 3.0)
    for seed in range(6):
        generator = np.random.default_rng(seed)
        smooth = [
            ndimage.gaussian_filter(generator.normal(size=(34, 30, 26)), sigma)
            for sigma in (3.0, 1.5, 1.5)
        ]
        labels = (smooth[0] > 0).astype(np.uint8)
        for label, field in ((Label.VESSEL, smooth[1]), (Label.TUMOR, smooth[2])):
            labels[(field > 0.08) & (smooth[0] > -0.01)] = label
        labels[[0, -1]] = labels[:, [0, -1]] = labels[:, :, [0, -1]] = 0
        tumor = np.clip(175 + 4000 * smooth[0], 0, 255).astype(np.uint8)
        expected = plain_clean_up(labels, tumor, spacing)
        assert {0, 1, 2, 3} <= set(np.unique(expected))
        assert np.array_equal(cleaned_up(labels, tumor, spacing), expected)


# ---- devices and memory ------------------------------------------------------------------


def test_devices() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("gpu", "cpu:1", "cuda:x", "mps:0", "cuda:"):
        with pytest.raises(DeviceError, match="not known"):
            pick_device(name)
    with pytest.raises(DeviceError, match="not on this machine"):
        pick_device("cuda:99")


class Greedy(torch.nn.Module):
    """A network that runs out of memory above a batch size."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.config = tiny_networks.fine().network.config
        self.most = most
        self.batches: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.batches.append(len(x))
        return x[:, :4]


class Crowded(Runner):
    """A runner on a graphics card that has no room for anything, not even the network."""

    def _run_network(self, x: torch.Tensor, gates: bool) -> list[torch.Tensor]:
        if self.execution.device.type != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super()._run_network(x, gates)


def test_bfloat16_says_nearly_what_float32_says() -> None:
    models = load_models()
    x = torch.randn(2, 11, 32, 48)
    plain, rounded = (
        Runner(models.fine.network, ExecutionDevice(torch.device("cpu"), dtype)).predict(x)
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert rounded.dtype == torch.float32
    assert not torch.equal(plain, rounded)
    assert (plain - rounded).abs().max() < 0.1
    assert (plain - rounded).abs().mean() < 0.005
    assert {p.dtype for p in models.fine.network.parameters()} == {torch.float32}


def test_out_of_memory_halves_the_batch() -> None:
    network = Greedy(most=3)
    x = torch.randn(10, 11, 16, 16)
    place = ExecutionDevice(torch.device("cpu"))
    runner = Runner(network, place)  # type: ignore[arg-type]
    assert torch.equal(runner.predict(x), x[:, :4].softmax(dim=1))
    assert network.batches == [2] * 5
    assert place.take_notices() == []
    runner.predict(x)
    assert max(network.batches) == 2  # it does not try what failed again


def test_out_of_memory_ends_on_the_cpu_for_all_networks_and_is_said_once() -> None:
    x = torch.randn(4, 11, 16, 16)
    place = ExecutionDevice(torch.device("meta"))  # no graphics card is needed to be out of it
    for _ in range(2):
        runner = Crowded(Greedy(most=99), place)  # type: ignore[arg-type]
        assert torch.equal(runner.predict(x), x[:, :4].softmax(dim=1))
    assert place.device == torch.device("cpu")
    (notice,) = place.take_notices()
    assert "ran out of memory" in notice.text
    assert place.take_notices() == []


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_out_of_memory_on_the_cpu_is_an_error(error: RuntimeError) -> None:
    network = Greedy(most=9)

    def fail(x: torch.Tensor) -> torch.Tensor:
        raise error

    network.forward = fail  # type: ignore[method-assign]
    runner = Runner(network, ExecutionDevice(torch.device("cpu")))  # type: ignore[arg-type]
    with pytest.raises(MemoryError, match="not enough memory"):
        runner.predict(torch.randn(2, 11, 16, 16))


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    runner = Runner(Greedy(most=9), ExecutionDevice(torch.device("cpu")))  # type: ignore[arg-type]
    runner.network.forward = lambda x: x @ torch.zeros(7, 7)  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="size"):
        runner.predict(torch.randn(2, 11, 16, 16))


def test_a_scan_larger_than_a_body_is_a_sentence() -> None:
    volume = Volume(np.zeros((60, 60, 40), np.int16), np.diag([60.0, 60.0, 10.0, 1.0]), name="huge")
    with pytest.raises(ValueError, match=r"huge spans 3.6 x 3.6 x 0.4 m.*60 x 60 x 10 mm"):
        run(volume, tiny_networks.bright_liver())


# ---- the shipped weights -----------------------------------------------------------------


def test_shipped_weights_find_the_phantoms_liver(case: Phantom) -> None:
    labels = run(case.volume, load_models())
    scores = evaluate(LabelMap(labels, case.volume.affine), case.labels)
    assert scores[0].dice > 0.85


def test_missing_weights_are_a_sentence(tmp_path: object) -> None:
    with pytest.raises(ValueError, match=r"coarse\.safetensors"):
        load_models(tmp_path)  # type: ignore[arg-type]
