"""Samples with a person's marks: what is marked, what is asked for, rounds of clicks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from liverview.core.labels import Label
from liverview.networks.click_input import MARK_CHANNELS, ClickInput, disks, rounds_channels
from liverview.networks.preprocessing import Preprocessing, Window
from liverview.phantoms.fields import Grid, RandomSource
from liverview.training.click_module import add_click
from liverview.training.click_samples import draw_click_sample
from liverview.training.lesion_painting import draw_marked_lesion
from liverview.training.losses import MarkedDiceCE
from liverview.training.recipe import RecipeError, SampleConfig, read_recipe
from liverview.training.scans import LabelledScan
from liverview.training.targets import IGNORE_INDEX

RECIPES = Path(__file__).parents[2] / "resources" / "recipes"
HOW = Preprocessing(
    (3.0, 3.0, 3.0), (Window(0, 200, relative=True), Window(40, 500)), marks=MARK_CHANNELS
)
SIZE = SampleConfig("clicks", (32, 32, 32), 4)
POSITIVE, NEGATIVE, LINE, BALL, VESSEL, LIVER = 7, 8, 9, 10, 11, 12


@pytest.fixture(scope="module")
def scan() -> LabelledScan:
    """A liver of 90 mm with a vessel through it, beside fat, at 2 mm."""
    grid = Grid.centered((0.0, 0.0, 0.0), (2.0,) * 3, (64, 64, 64))
    x, y, z = grid.axes()
    away = (x**2 + y**2 + z**2).sqrt() - 45
    organ = (away < 0).float()
    vessel = ((x**2 + z**2).sqrt().expand(grid.shape) < 5).float() * organ
    hu = -100 + 200 * organ + 60 * vessel
    zeros = torch.zeros_like(organ)
    fields = [hu, organ, torch.ones_like(organ), vessel, zeros, organ - vessel, away]
    points = (away < 0).nonzero()[::7]
    return LabelledScan("ball", torch.stack(fields).half(), grid.spacing, points)


def test_a_sample_is_a_function_of_its_number(scan: LabelledScan) -> None:
    for number in range(3):
        x, target = draw_click_sample(RandomSource((1, number)), scan, SIZE, HOW)
        again, same = draw_click_sample(RandomSource((1, number)), scan, SIZE, HOW)
        assert torch.equal(x, again)
        assert torch.equal(target, same)
        assert x.shape == (HOW.channels, 32, 32, 32)
        assert target.shape == (32, 32, 32)
        assert torch.isfinite(x).all()
        assert set(target.unique().tolist()) <= {0, 1, IGNORE_INDEX}


def test_every_kind_of_mark_and_of_label_is_drawn_and_marks_lie_where_they_should(
    scan: LabelledScan,
) -> None:
    seen = set()
    for number in range(60):
        x, target = draw_click_sample(RandomSource((2, number)), scan, SIZE, HOW)
        kinds = {
            name: bool((x[channel] > 0.9).any())
            for name, channel in (("positive", POSITIVE), ("negative", NEGATIVE), ("line", LINE))
        }
        label = "vessel" if x[VESSEL].any() else "liver" if x[LIVER].any() else "tumor"
        seen |= {(label, kind) for kind, there in kinds.items() if there}
        wanted = target == 1
        if label == "tumor" and not wanted.any():
            seen.add((label, "nothing"))
        elif label == "tumor" and kinds["positive"]:
            assert wanted[x[POSITIVE] > 0.95].float().mean() > 0.2
        elif label == "tumor":
            assert kinds["line"]
            assert wanted[(x[BALL] > 0.9)].float().mean() > 0.2
        if kinds["negative"]:
            assert (target[x[NEGATIVE] > 0.95] != 1).float().mean() > 0.2
    assert seen >= {
        *(("tumor", kind) for kind in ("positive", "line", "nothing")),
        *(("liver", kind) for kind in ("positive", "negative")),
        ("vessel", "positive"),
    }


def test_a_drawn_lesion_differs_from_what_was_there_before_and_stays_in_the_liver() -> None:
    grid = Grid.centered((0.0, 0.0, 0.0), (1.0,) * 3, (40, 40, 40))
    x, _, _ = grid.axes()
    away = x.expand(grid.shape) - 8
    organ = (away < 0).float()
    hu = 100 * organ
    darker = 0
    for seed in range(6):
        painted, lesion, others = draw_marked_lesion(
            RandomSource(seed), hu, grid, organ, away, (0.0, 0.0, 0.0), 9.0
        )
        assert lesion.any()
        assert not (lesion & others).any()
        assert lesion[20, 20, 20] or lesion.sum() > 500
        assert not (lesion & (away > 8)).any()
        darker += abs(float(painted[lesion].mean()) - 100) > 5
    assert darker >= 4


def test_a_round_adds_the_click_in_the_largest_error() -> None:
    truth = torch.zeros(32, 32, 32, dtype=torch.long)
    truth[4:14, 4:14, 4:14] = 1
    truth[:, :, 30:] = IGNORE_INDEX
    probability = torch.zeros(32, 32, 32)
    probability[20:26, 20:26, 20:26] = 0.9  # 216 voxels too much, 1,000 missing
    probability[:, :, 30:] = 0.9  # of unknown class: no error
    x = torch.zeros(HOW.channels, 32, 32, 32)
    before, positive, negative = rounds_channels(2)
    assert (positive, negative) == (POSITIVE, NEGATIVE)
    add_click(x, probability, truth, (before, positive, negative))
    torch.testing.assert_close(x[before], probability * 2 - 1)
    assert truth.flatten()[x[positive].flatten().argmax()] == 1
    assert not x[negative].any()
    probability[4:14, 4:14, 4:14] = 1.0
    add_click(x, probability, truth, (before, positive, negative))
    at = np.unravel_index(int(x[negative].flatten().argmax()), (32, 32, 32))
    assert all(20 <= v < 26 for v in at)
    marked = x.clone()
    add_click(x, (truth == 1).float(), truth, (before, positive, negative))
    assert torch.equal(x[positive : negative + 1], marked[positive : negative + 1])


def test_disks_are_one_at_their_places_and_fall_from_there() -> None:
    places = np.array([[3.0, 4.0, 5.0], [10.0, 2.0, 8.0]])
    found = disks((16, 12, 12), places).numpy()
    index = np.stack(np.meshgrid(*map(np.arange, found.shape), indexing="ij"), axis=-1)
    nearest = np.min([np.linalg.norm(index - place, axis=-1) for place in places], axis=0)
    order = np.argsort(nearest.ravel())
    assert found[3, 4, 5] == found[10, 2, 8] == 1
    assert (np.diff(found.ravel()[order]) <= 1e-6).all()
    assert not disks((4, 4, 4), places[:0]).any()


def test_the_input_tells_the_label_the_line_and_the_step() -> None:
    hu, labels = torch.full((16, 16, 16), 90.0), torch.zeros(3, 16, 16, 16)
    hu[4:12, 4:12, 4:12] = 60
    line = np.array([[4.0, 8.0, 8.0], [12.0, 8.0, 8.0]])
    none = np.zeros((0, 3))
    x = ClickInput(HOW, hu, labels, Label.TUMOR, 4.0).channels(none, none, line)
    assert x.shape == (HOW.channels, 16, 16, 16)
    assert x[2, 8, 8, 8] == pytest.approx(0)  # as dense as at the line
    assert x[2, 0, 0, 0] == pytest.approx(30 / 60)
    assert x[BALL, 8, 8, 8] > 0.99
    assert x[BALL, 0, 0, 0] < -0.99
    assert x[LINE, 6, 8, 8] == 1
    assert not x[VESSEL].any()
    assert not x[LIVER].any()
    assert (x[-1] == 1).all()  # two times 2 mm
    x = ClickInput(HOW, hu, labels, Label.VESSEL, 2.0).channels(none, none)
    assert x[VESSEL].all()
    assert not x[2].any()
    assert not x[-1].any()


def test_the_loss_is_least_for_the_truth_and_asks_for_nothing_where_nothing_is() -> None:
    target = torch.zeros(2, 8, 8, 8, dtype=torch.long)
    target[0, 2:6, 2:6, 2:6] = 1
    loss = MarkedDiceCE(0.0)

    def logits(found: torch.Tensor) -> torch.Tensor:
        return torch.stack([-6.0 * found, 6.0 * found], dim=1)

    right = loss(logits(target * 2.0 - 1), target)
    wrong = target.clone()
    wrong[1, 0, 0, :4] = 1
    assert right < 0.02
    assert loss(logits(wrong * 2.0 - 1), target) > right + 0.05
    unknown = target.clone()
    unknown[1, 0, 0, :4] = IGNORE_INDEX
    assert loss(logits(wrong * 2.0 - 1), unknown) == pytest.approx(float(right), abs=0.01)


def test_the_recipe_is_read_and_must_fit_the_marks(tmp_path: Path) -> None:
    recipe = read_recipe(RECIPES / "click.toml")
    assert recipe.network.in_channels == 2 + MARK_CHANNELS
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(recipe.text.replace("marks = 12", "marks = 3"), encoding="utf-8")
    with pytest.raises(RecipeError, match="marks = 12"):
        read_recipe(wrong)
