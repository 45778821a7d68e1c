"""What the network thinks: gates and probabilities of a segmentation, entropy, thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.probability_maps import ProbabilityMaps, probability_slab
from liverview.core.stream import Slab
from liverview.inference.attention_gates import upsample_gates
from liverview.inference.runner import ExecutionDevice, Runner
from liverview.inference.segmentation import Models, collect_labels, iter_segment
from liverview.networks.network import fold_batch_norm
from liverview.networks.preprocessing import Preprocessing
from liverview.phantoms.config import Phantom

from support import tiny_networks

WHOLE = Preprocessing((0, 0, 0), (tiny_networks.SOFT,))
LABELS = ("background", "liver", "vessel", "tumor")


@pytest.fixture(scope="module")
def models() -> Models:
    """A first stage that finds the phantom's liver, a second one of random weights."""
    return Models(tiny_networks.bright_liver().coarse, tiny_networks.fine())


@pytest.fixture(scope="module")
def slabs(case: Phantom, models: Models) -> list[Slab]:
    """A segmentation with everything that can be asked for."""
    stream = iter_segment(case.volume, models, "cpu", probabilities=True, gates=True)
    return [item for item in stream if isinstance(item, Slab)]


def kept(slabs: list[Slab]) -> ProbabilityMaps:
    pieces = [piece for slab in slabs if (piece := probability_slab(slab)) is not None]
    maps = ProbabilityMaps(pieces[0].search_region, len(pieces[0].gates))
    for piece in pieces:
        maps.copy_slab(piece)
    return maps


# ---- what a segmentation yields ----------------------------------------------------------


def test_labels_are_the_same_to_the_bit_whatever_is_asked_for(
    case: Phantom, models: Models, slabs: list[Slab]
) -> None:
    plain = [s for s in iter_segment(case.volume, models, "cpu") if isinstance(s, Slab)]
    assert len(plain) == len(slabs)
    for alone, asked in zip(plain, slabs, strict=True):
        assert alone.start == asked.start
        assert np.array_equal(alone.labels, asked.labels)
        assert alone.gates is None
        assert alone.search_region is None


@pytest.mark.parametrize("whole", [False, True])
def test_gates_are_what_the_network_returns_on_the_scans_pixels(
    case: Phantom, models: Models, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """Spline interpolation of the network's own coefficients, by another library."""
    second = tiny_networks.checkpoint(2, LABELS, WHOLE) if whole else models.fine
    returned: list[list[torch.Tensor]] = []
    inputs: list[torch.Tensor] = []
    look = Runner.predict_with_gates

    def spy(self: Runner, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        seen, gates = look(self, x)
        inputs.append(x)
        returned.append(gates)
        return seen, gates

    monkeypatch.setattr(Runner, "predict_with_gates", spy)
    stream = iter_segment(
        case.volume, Models(models.coarse, second), "cpu", (48, 42, 20), gates=True
    )
    slab = next(s for s in stream if isinstance(s, Slab) and s.gates is not None)
    assert slab.gates is not None
    assert slab.probabilities is None
    with torch.no_grad():
        _, expected = second.network(inputs[0], return_gates=True)
    assert slab.gates.shape == (len(expected), *slab.labels.shape)
    shift = (-(-84 // 16) * 16 - 84) // 2 if whole else 0  # 96 is a multiple, 84 is padded
    scale = 1.0 if whole else 1.25 / 4
    # The network sees more than may have labels; beyond that there are no coefficients.
    seen = Box.around(slab.gates[0] > 0)
    assert seen is not None
    i, j = (seen.i, seen.j) if not whole else (slice(0, 96), slice(0, 84))
    size = (i.stop - i.start, j.stop - j.start)
    for level, (gate, own) in enumerate(zip(returned[0], expected, strict=True)):
        assert torch.allclose(gate, own, atol=0.05)
        cell = scale * 2 ** (len(expected) - 1 - level)
        rows = (np.arange(size[0]) + 0.5) / cell - 0.5
        columns = (np.arange(size[1]) + shift + 0.5) / cell - 0.5
        places = np.meshgrid(rows, columns, indexing="ij")
        truth = ndimage.map_coordinates(
            gate[0, 0].double().numpy(), places, order=1, mode="nearest"
        )
        assert np.abs(slab.gates[level, i, j, 0] - truth * 255).max() <= 0.51
    assert not np.delete(slab.gates, np.r_[i], axis=1).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("most", [None, 1])
def test_the_runner_gives_gates_in_any_type_and_batch(dtype: torch.dtype, most: int | None) -> None:
    network = fold_batch_norm(tiny_networks.fine().network)
    x = torch.randn(3, network.config.in_channels, 32, 48)
    runner = Runner(network, ExecutionDevice(torch.device("cpu"), dtype))
    runner._max_batch = most
    seen, gates = runner.predict_with_gates(x)
    assert torch.equal(seen, runner.predict(x))
    assert [tuple(g.shape) for g in gates] == [(3, 1, 32 >> up, 48 >> up) for up in (3, 2, 1, 0)]
    with torch.no_grad():
        _, plain = network(x, return_gates=True)
    for gate, own in zip(gates, plain, strict=True):
        assert gate.dtype == torch.float32
        assert torch.allclose(gate, own, atol=1e-5 if dtype is torch.float32 else 0.05)


def test_a_gate_that_is_even_stays_so() -> None:
    levels = [torch.full((2, 1, 4 << up, 6 << up), (up + 1) / 5) for up in range(3)]
    found = upsample_gates(levels, (1.7, 0.4), (27, 9))
    assert found.shape == (3, 27, 9, 2)
    assert [np.unique(level).tolist() for level in found] == [[51], [102], [153]]


# ---- what is kept ------------------------------------------------------------------------


def test_what_is_kept_is_what_came_last(case: Phantom, slabs: list[Slab]) -> None:
    maps = kept(slabs)
    probabilities = np.zeros((3, *case.volume.shape), np.float32)
    gates = np.zeros((4, *case.volume.shape), np.uint8)
    for slab in slabs:
        if slab.probabilities is not None:
            assert slab.gates is not None
            probabilities[..., slab.start : slab.stop] = slab.probabilities
            gates[..., slab.start : slab.stop] = slab.gates
    expected = np.rint(probabilities * 255).clip(0, 255)
    whole = (slice(None), *maps.search_region)
    assert np.array_equal(maps.probabilities, expected[whole])
    assert np.array_equal(maps.gates, gates[whole])
    expected[whole] = 0
    assert not expected.any()  # nothing is lost beyond the box
    voxels = math.prod(side.stop - side.start for side in maps.search_region)
    assert maps.nbytes == 7 * voxels
    assert maps.refined.all()


def test_a_slab_seen_again_overwrites_also_where_it_is_empty_now() -> None:
    reach = (slice(1, 4), slice(0, 2), slice(2, 6))
    maps = ProbabilityMaps(reach, 2)

    def slab(start: int, value: float) -> Slab:
        behind = np.full((3, 5, 2, 2), value, np.float16)
        gates = np.full((2, 5, 2, 2), round(value * 200), np.uint8)
        return Slab(start, np.zeros((5, 2, 2), np.uint8), behind, gates=gates, search_region=reach)

    for start, value in ((5, 1.0), (1, 0.5), (5, 0.0)):  # both reach beyond the box
        piece = probability_slab(slab(start, value))
        assert piece is not None
        maps.copy_slab(piece)
    assert maps.probabilities[0, 0, 0].tolist() == [128, 0, 0, 0]
    assert maps.gates[1, 2, 1].tolist() == [100, 0, 0, 0]
    assert maps.refined.tolist() == [True, False, False, True]
    assert probability_slab(slab(6, 1.0)) is None
    assert probability_slab(Slab(2, np.zeros((5, 2, 2), np.uint8))) is None


# ---- entropy -----------------------------------------------------------------------------


def test_entropy_is_exact() -> None:
    maps = ProbabilityMaps((slice(0, 4), slice(0, 1), slice(0, 1)), 1)
    # The organ is parenchyma, vessel and tumor: certain, one of two, one of four, 1/5 2/5 1/5 1/5.
    maps.probabilities[:, :, 0, 0] = np.array(
        [[255, 102, 51], [255, 0, 0], [204, 51, 51], [0, 0, 0]]
    ).T
    certain = (102, 51, 102)
    p = np.array([0.4, 0.4, 0.2])
    mixed = np.array([0.2, 0.4, 0.2, 0.2])
    assert certain[0] + certain[1] + certain[2] == 255
    expected = [-(q * np.log(q)).sum() / np.log(4) for q in (p, mixed)]
    found = maps.entropy[:, :, 0][:, 0]
    assert found.tolist() == [round(expected[0] * 255), 0, round(expected[1] * 255), 0]
    even = ProbabilityMaps((slice(0, 1), slice(0, 1), slice(0, 1)), 1)
    even.probabilities[:, 0, 0, 0] = (191, 64, 64)
    assert even.entropy[0, 0, 0] == 255


def test_entropy_of_a_slice_is_the_blocks(slabs: list[Slab]) -> None:
    entropy = kept(slabs).entropy
    everything = slice(None)
    block = entropy[everything, everything, everything]
    assert block.max() > 100
    assert np.array_equal(entropy[7, :, :], block[7])
    assert np.array_equal(entropy[:, 5, :], block[:, 5])
    assert np.array_equal(entropy[:, :, 3], block[:, :, 3])


# ---- thresholds --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(case: Phantom, slabs: list[Slab]) -> np.ndarray:
    return collect_labels(iter(slabs), case.volume.shape)


def relabeled(maps: ProbabilityMaps, own: np.ndarray, **thresholds: float) -> np.ndarray:
    given = {Label[name.upper()]: value for name, value in thresholds.items()}
    *steps, new = maps.iter_relabel(own, given)
    assert set(steps) == {None}
    assert new is not None
    return new


def test_thresholds_at_their_defaults_give_the_networks_own_labels(
    slabs: list[Slab], own: np.ndarray
) -> None:
    maps = kept(slabs)
    assert np.array_equal(relabeled(maps, own), own)
    assert np.array_equal(relabeled(maps, own, liver=0.6, vessel=0.5, tumor=0.5), own)


def test_raising_takes_away_and_lowering_adds(slabs: list[Slab], own: np.ndarray) -> None:
    maps = kept(slabs)
    organ, vessel, _ = (np.zeros(own.shape) for _ in range(3))
    organ[maps.search_region], vessel[maps.search_region] = (
        maps.probabilities[0],
        maps.probabilities[1],
    )
    for percent in (70, 80):
        less = relabeled(maps, own, liver=percent / 100)
        assert np.array_equal(less > 0, (own > 0) & (organ > percent * 2.55))
    for percent in (55, 30):
        more = relabeled(maps, own, liver=percent / 100)
        assert np.array_equal(more > 0, (own > 0) | (organ > percent * 2.55))
        assert (more > 0).sum() > (own > 0).sum()
    # Vessels stay in the organ, and under tumors.
    more = relabeled(maps, own, vessel=0.25)
    wanted = (own == Label.VESSEL) | ((vessel > 0.25 * 255) & (own == Label.LIVER))
    assert np.array_equal(more == Label.VESSEL, wanted)
    assert np.array_equal(more > 0, own > 0)
    assert np.array_equal(more == Label.TUMOR, own == Label.TUMOR)


def test_thresholds_are_nested(slabs: list[Slab], own: np.ndarray) -> None:
    maps = kept(slabs)
    before = np.ones(own.shape, np.bool_)
    for percent in range(5, 100, 5):
        now = relabeled(maps, own, tumor=percent / 100) == Label.TUMOR
        assert not (now & ~before).any()
        before = now


def test_a_slice_is_relabeled_as_the_whole(slabs: list[Slab], own: np.ndarray) -> None:
    maps = kept(slabs)
    thresholds = {Label.LIVER: 0.3, Label.VESSEL: 0.2, Label.TUMOR: 0.7}
    block = relabeled(maps, own, liver=0.3, vessel=0.2, tumor=0.7)[maps.search_region]
    for index in ((9, slice(None), slice(None)), (slice(None), slice(None), 4)):
        found = maps.relabel(own[maps.search_region][index], thresholds, index)
        assert np.array_equal(found, block[index])


def test_slices_that_were_not_looked_at_stay() -> None:
    maps = ProbabilityMaps((slice(0, 2), slice(0, 2), slice(1, 4)), 1)
    own = np.ones((2, 2, 5), np.uint8)
    maps.refined[1] = True
    less = relabeled(maps, own, liver=0.9)
    assert [int(less[:, :, k].sum()) for k in (1, 2, 3)] == [4, 0, 4]
