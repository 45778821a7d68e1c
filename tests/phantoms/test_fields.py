"""Fields: interpolation, noise, blur, tubes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liverview.phantoms.fields import (
    Grid,
    RandomSource,
    gaussian,
    interpolation_matrix,
    resample,
    smooth_noise,
    tube,
)


def test_cubic_interpolation_is_exact_at_samples_and_on_lines() -> None:
    values = 3 + 2 * torch.arange(8.0)
    at = torch.tensor([0, 1, 2.5, 4.25, 5.5])
    matrix = interpolation_matrix(at, 8)
    assert matrix.sum(dim=1).numpy() == pytest.approx(np.ones(5))
    assert (matrix @ values)[1:].numpy() == pytest.approx((3 + 2 * at)[1:].numpy(), abs=1e-4)


def test_resampling_to_the_same_grid_changes_nothing() -> None:
    grid = Grid((0, 0, 0), (2, 3, 4), (6, 7, 8))
    field = RandomSource(0).white_noise(grid.shape)
    assert torch.equal(resample(field, grid, grid), field)
    part = resample(field, grid, grid.crop((1, 2, 3), (4, 5, 6)))
    assert part.numpy() == pytest.approx(field[1:4, 2:5, 3:6].numpy(), abs=1e-5)


def test_noise_has_about_unit_variance() -> None:
    grid = Grid((0, 0, 0), (4, 4, 4), (60, 60, 60))
    fields = torch.stack([smooth_noise(RandomSource(n), grid, 25) for n in range(4)])
    assert float(fields.std()) == pytest.approx(1, abs=0.2)


def test_a_blur_keeps_the_mean_and_has_its_width() -> None:
    point = torch.zeros(31, 31, 31)
    point[15, 15, 15] = 1
    blurred = gaussian(point, (2.0, 0.0, 1.0))
    steps = torch.arange(31.0) - 15
    assert float(blurred.sum()) == pytest.approx(1)
    for axis, sigma in enumerate((2.0, 0.0, 1.0)):
        line = blurred.sum(dim=tuple({0, 1, 2} - {axis}))
        assert float((line * steps**2).sum()) ** 0.5 == pytest.approx(sigma, abs=0.05)


def test_a_tube_is_a_tube() -> None:
    grid = Grid((0, 0, 0), (1, 1, 1), (20, 20, 20))
    distance = tube(grid, [(10, 10, 2), (10, 10, 17)], 4)
    assert float(distance[10, 10, 10]) == pytest.approx(-4)
    assert float(distance[10, 14, 10]) == pytest.approx(0)
    assert float(distance[13, 14, 10]) == pytest.approx(1)
