"""Training samples cut by the field of view."""

from __future__ import annotations

import torch

from liverview.core import paths
from liverview.phantoms.fields import RandomSource
from liverview.training.field_of_view import cut_field_of_view
from liverview.training.recipe import Recipe, SampleConfig, read_recipe
from liverview.training.targets import IGNORE_INDEX

SHAPE = (32, 32, 32)
AIR_HU = -1024.0


def sample(seed: int, short: float, narrow: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A block in which every voxel has a value of its own, and a target that is known, cut."""
    hu = torch.arange(32.0**3).reshape(SHAPE).clone()
    target = torch.full(SHAPE, 5)
    config = SampleConfig("organs", SHAPE, 1, short=short, narrow=narrow)
    cut_field_of_view(RandomSource((9, seed)), config, hu, target, 0)
    return hu, target


def test_short_samples_repeat_their_outermost_slices_and_ask_for_nothing_there() -> None:
    whole = torch.arange(32.0**3).reshape(SHAPE)
    counts = set()
    for seed in range(20):
        hu, target = sample(seed, 1, 0)
        asked = (target != IGNORE_INDEX).any(dim=0).any(dim=0)
        first, stop = int(asked.nonzero()[0]), int(asked.nonzero()[-1]) + 1
        counts.add(stop - first)
        assert asked[first:stop].all()
        assert (target[:, :, first:stop] == 5).all()
        picked = torch.arange(32).clamp(first, stop - 1)
        assert torch.equal(hu, whole[:, :, picked])
    assert min(counts) < 8
    assert max(counts) > 16
    assert max(counts) < 25


def test_narrow_samples_have_air_that_is_outside_and_keep_the_rest() -> None:
    whole = torch.arange(32.0**3).reshape(SHAPE)
    shares = []
    for seed in range(20):
        hu, target = sample(seed, 0, 1)
        air = hu == AIR_HU
        assert torch.equal(air, target == 0)
        assert torch.equal(hu[~air], whole[~air])
        shares.append(float(air.float().mean()))
    assert max(shares) > 0.3
    assert max(shares) < 0.85


def test_a_block_beyond_its_scan_shows_what_the_scan_has_repeated() -> None:
    hu = torch.arange(32.0**3).reshape(SHAPE).clone()
    whole, target = hu.clone(), torch.full(SHAPE, 5)
    target[:, :, 20:] = IGNORE_INDEX
    config = SampleConfig("organs", SHAPE, 1, narrow=1e-9)
    cut_field_of_view(RandomSource((1,)), config, hu, target, 0)
    assert torch.equal(hu, whole[:, :, torch.arange(32).clamp(0, 19)])


def test_without_a_share_of_them_nothing_is_cut_and_nothing_drawn() -> None:
    hu, target = torch.ones(SHAPE), torch.full(SHAPE, IGNORE_INDEX)
    draw, other = RandomSource((2,)), RandomSource((2,))
    cut_field_of_view(draw, SampleConfig("organs", SHAPE, 1), hu, target, 0)
    assert (hu == 1).all()
    assert draw.uniform(0, 1) == other.uniform(0, 1)


def test_only_the_recipe_for_short_scans_cuts_samples() -> None:
    shares = {}
    for name in ("coarse", "liver", "liver-short"):
        recipe = read_recipe(paths.resources() / "recipes" / f"{name}.toml")
        assert isinstance(recipe, Recipe)
        shares[name] = recipe.sample.short, recipe.sample.narrow
    assert shares == {"coarse": (0, 0), "liver": (0, 0), "liver-short": (0.4, 0.2)}
