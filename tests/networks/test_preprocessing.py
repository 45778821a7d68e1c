"""Network input: windows, adjacent slices, the first stage's probability; resampling."""

from __future__ import annotations

import pytest
import torch

from liverview.networks.preprocessing import Preprocessing, Window, center_slice, pad_to_size
from liverview.networks.resampling import BandedWeights, apply_along_axis, linear_weights


def test_windows_map_their_range_to_one() -> None:
    hu = torch.tensor([-1000.0, -160, 40, 240, 3000])
    assert Window(40, 400).apply(hu, 0).tolist() == [-1, -1, 0, 1, 1]
    relative = Window(0, 200, relative=True).apply(hu, liver_hu=90)
    assert relative.tolist() == pytest.approx([-1, -1, -0.5, 1, 1])


def test_a_block_has_one_channel_per_window() -> None:
    how = Preprocessing((4, 4, 4), (Window(40, 400), Window(-200, 1600)))
    assert how.channels == 2
    block = how.input_3d(torch.zeros(3, 4, 5))
    assert block.shape == (2, 3, 4, 5)
    assert block[0].unique().item() == pytest.approx(-0.2)


def test_a_slab_stacks_the_neighbors_of_every_slice() -> None:
    how = Preprocessing((1, 1, 1), (Window(0, 20), Window(0, 40)), slices=3, prior=True)
    hu = torch.arange(6.0).expand(2, 3, 6).clone()  # slice n has value n
    slab = how.input_2d(hu, prior=torch.full((2, 3, 4), 0.75))
    assert slab.shape == (4, 7, 2, 3)
    assert slab[1, :, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.05, 0.1, 0.15, 0.5])


def test_a_missing_prior_is_refused() -> None:
    how = Preprocessing((1, 1, 1), (Window(0, 20),), prior=True)
    with pytest.raises(ValueError, match="probability"):
        how.input_2d(torch.zeros(2, 2, 1))


def test_it_survives_being_written() -> None:
    how = Preprocessing((1, 2, 3), (Window(0, 20, relative=True),), slices=5, prior=True)
    assert Preprocessing.from_dict(how.to_dict()) == how
    assert how.halo == 2
    assert how.needs_liver_hu


@pytest.mark.parametrize(
    "values",
    [
        {"spacing_mm": (1, 1, 0), "windows": (Window(0, 1),)},
        {"spacing_mm": (1, 1, 1), "windows": ()},
        {"spacing_mm": (1, 1, 1), "windows": (Window(0, 1),), "slices": 2},
    ],
)
def test_impossible_values_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must be|needed"):
        Preprocessing(**values)  # type: ignore[arg-type]


def test_resampling_keeps_lines_and_means() -> None:
    line = torch.arange(10.0)
    finer = (torch.arange(20) + 0.5) / 2 - 0.5
    assert apply_along_axis(line, linear_weights(10, finer), 0)[2:-2] == pytest.approx(finer[2:-2])
    coarser = (torch.arange(5) + 0.5) * 2 - 0.5
    assert apply_along_axis(line, linear_weights(10, coarser, support=2), 0)[1:-1] == pytest.approx(
        coarser[1:-1]
    )


def test_shrinking_averages_fine_detail_away() -> None:
    stripes = torch.tensor([0.0, 1.0]).repeat(20)
    coarser = (torch.arange(5) + 0.5) * 8 - 0.5
    shrunk = apply_along_axis(stripes, linear_weights(40, coarser, support=8), 0)
    assert shrunk == pytest.approx(torch.full((5,), 0.5), abs=0.02)


def test_along_works_on_every_axis() -> None:
    block = torch.randn(4, 5, 6)
    for axis in range(3):
        same = linear_weights(block.shape[axis], torch.arange(block.shape[axis]))
        assert torch.allclose(apply_along_axis(block, same, axis), block, atol=1e-6)


def test_min_max_takes_each_slices_own_range() -> None:
    how = Preprocessing((0, 0, 0), (), slices=3, min_max=True)
    assert Preprocessing.from_dict(how.to_dict()) == how
    assert how.channels == 3
    hu = torch.tensor(
        [[[-1000.0, 7, 0]], [[3000, 7, 1]], [[0, 7, 4]]]
    )  # the second is of one value
    slab = how.input_2d(hu)
    assert slab.shape == (1, 3, 3, 1)
    assert slab[0, :, :, 0].tolist() == [[0, 1, 0.25], [0, 0, 0], [0, 0.25, 1]]


def test_slices_are_padded_with_their_minimum() -> None:
    hu = torch.tensor([[[1.0, -5], [2, -6]]])
    out = pad_to_size(hu, (3, 4))
    assert out[center_slice(1, 3), center_slice(2, 4)].equal(hu)
    assert out[:, :, 0].sum() == 3 + 10
    assert (out[0] == torch.tensor([1.0, -6])).all()
    assert pad_to_size(hu, (1, 2)) is hu


@pytest.mark.parametrize(
    "values",
    [
        {"spacing_mm": (1, 1, 1), "windows": (), "min_max": True},
        {"spacing_mm": (0, 0, 0), "windows": (Window(0, 1),), "min_max": True},
        {"spacing_mm": (0, 0, 0), "windows": ()},
    ],
)
def test_min_max_is_for_whole_slices_without_windows(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must be|needed"):
        Preprocessing(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "new", "step", "first", "support"),
    [
        (176, 290, 0.6, -0.2, 1),
        (512, 96, 5.3, 2.2, 5.3),
        (3, 200, 0.01, 0.3, 1),
        (1, 40, 0.1, -4, 1),
    ],
)
def test_banded_weights_are_the_same_weights(
    count: int, new: int, step: float, first: float, support: float
) -> None:
    positions = first + torch.arange(new) * step
    whole = linear_weights(count, positions, support)
    banded = BandedWeights.linear(count, positions, support)
    block = torch.rand(2, count, 3)
    for axis, values in ((0, block[0]), (1, block), (2, block.transpose(1, 2))):
        expected = apply_along_axis(values, whole, axis)
        assert torch.allclose(apply_along_axis(values, banded, axis), expected, atol=1e-6)
    kept = torch.arange(new) % 3 > 0
    expected = apply_along_axis(block, whole * kept[:, None], 1)
    assert torch.allclose(apply_along_axis(block, banded.keep(kept), 1), expected, atol=1e-6)
