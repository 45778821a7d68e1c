"""Training of the judge of lesions, on candidates that tests make up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from liverview.cli import main
from liverview.core import paths
from liverview.core.box import Box
from liverview.inference.candidates.features import FEATURES
from liverview.inference.candidates.judging import DescribedPart
from liverview.inference.candidates.parts import Part
from liverview.training.lesion_fit import Case, fit_classifier, froc_points
from liverview.training.lesion_prior import known_of_lesions
from liverview.training.lesion_recipe import LesionRecipe, read_any_recipe
from liverview.training.lesion_samples import UNKNOWN, CandidateTable, compare_candidates
from liverview.training.recipe import Recipe
from liverview.training.recipe_text import RecipeError

SHIPPED = paths.resources() / "recipes" / "lesions.toml"


@pytest.fixture(scope="module")
def recipe() -> LesionRecipe:
    """The shipped recipe, shorter."""
    found = read_any_recipe(SHIPPED)
    assert isinstance(found, LesionRecipe)
    return replace(found, steps=80, learning_rate=0.05, weight_decay=1e-3, folds=2, hidden=2)


def made_up_cases(seed: int) -> list[Case]:
    """Scans whose lesions are dark and deep; every odd one has none."""
    draw = np.random.default_rng(seed)
    cases = []
    for number in range(24):
        features = draw.normal(0, 1, (20, len(FEATURES)))
        score = features[:, FEATURES.index("dark_hu")] + features[:, FEATURES.index("depth_mean")]
        truth = (score + draw.normal(0, 0.3, 20) > 1) & (number % 2 == 0)
        if number % 2:
            features[score > 0.5, FEATURES.index("dark_hu")] = -3
        for name, middle, spread in (("dark_hu", 30, 20), ("depth_mean", 15, 7)):
            features[:, FEATURES.index(name)] *= spread
            features[:, FEATURES.index(name)] += middle
        covered = np.eye(20, dtype=np.float32)[:, truth]
        ml = np.where(np.arange(truth.sum()) % 2, 0.2, 4.0)
        table = CandidateTable(features, truth, covered, ml)
        cases.append(Case(table, f"body {number // 2}", 1.0))
    return cases


def test_the_judge_learns_and_its_certainties_are_shares_of_lesions(recipe: LesionRecipe) -> None:
    cases = made_up_cases(1)
    fit = fit_classifier(cases, recipe)
    truth = np.concatenate([case.table.is_lesion for case in cases])
    certain = np.concatenate(fit.certainties)
    assert certain[truth].mean() > certain[~truth].mean() + 0.4
    costs = np.where(truth, 3, 1)  # a missed lesion is as bad as three false ones
    expected = np.average(truth, weights=costs)
    assert np.average(certain, weights=costs) == pytest.approx(expected, abs=0.05)
    other = np.concatenate([case.table.features for case in made_up_cases(2)])
    found = fit.classifier.certainties(other)
    assert 0.001 < np.median(found) < 0.5
    lesions = np.concatenate([case.table.is_lesion for case in made_up_cases(2)])
    assert found[lesions].mean() > found[~lesions].mean() + 0.4
    with pytest.raises(ValueError, match="that are lesions, and some that are none"):
        fit_classifier([replace(case, table=_none(case.table)) for case in cases], recipe)


def test_few_candidates_move_what_is_known_of_lesions_little(recipe: LesionRecipe) -> None:
    draw = np.random.default_rng(4)
    features = draw.normal(0, 1, (6, len(FEATURES)))
    table = CandidateTable(features, np.arange(6) < 3, np.zeros((6, 0), np.float32), np.zeros(0))
    cases = [Case(table, f"body {number}", 1.0) for number in range(2)]
    stiff = fit_classifier(cases, replace(recipe, weight_decay=10.0)).classifier.tensors
    known = known_of_lesions(stiff["mean"], stiff["scale"])
    assert np.allclose(stiff["direct"], known.direct, atol=0.05)
    assert np.allclose(stiff["bias"], known.bias, atol=0.05)
    free = fit_classifier(cases, replace(recipe, weight_decay=1e-6)).classifier.tensors
    assert np.abs(free["direct"] - known.direct).max() > 0.3
    exposed, dark = (FEATURES.index(name) for name in ("exposed", "dark_hu"))
    assert known.direct[exposed] < 0 < known.direct[dark]


def _none(table: CandidateTable) -> CandidateTable:
    return replace(table, is_lesion=np.zeros_like(table.is_lesion))


def test_the_curve_counts_lesions_once_and_false_ones_by_scan() -> None:
    features = np.zeros((4, len(FEATURES)))
    covered = np.array([[0.6, 0, 0], [0.3, 0, 0], [0, 0.1, 0], [0, 0, 0]], np.float32)
    one = CandidateTable(features, np.array([1, 1, 0, 0], bool), covered, np.array([3.0, 1, 0.2]))
    empty = CandidateTable(
        features[:1], np.zeros(1, bool), np.zeros((1, 0), np.float32), np.zeros(0)
    )
    cases = [Case(one, "a", 1.0), Case(empty, "b", 1.0)]
    points = froc_points(cases, [np.array([0.95, 0.45, 0.85, 0.05]), np.array([0.65])])
    by = {point["certainty"]: point for point in points}
    assert by[0.4] == {
        "certainty": 0.4,
        "recall": pytest.approx(1 / 3, abs=0.001),
        "recall_10mm": 0.5,
        "false_per_scan": 1.0,
        "false_without": 1.0,
    }
    assert (by[0.9]["false_per_scan"], by[0.9]["recall_10mm"]) == (0.0, 0.5)
    assert (by[0.7]["false_per_scan"], by[0.7]["false_without"]) == (0.5, 0.0)


def test_a_candidate_is_a_lesion_by_what_is_known_of_its_voxels() -> None:
    truth = np.zeros((40, 20, 10), np.uint8)
    truth[:10] = 3
    truth[20:30] = UNKNOWN
    truth[35, 5:7, 5] = 3

    def part(start: int, stop: int) -> DescribedPart:
        box = Box.from_bounds((start, 0, 0), (stop, 20, 10))
        return DescribedPart(Part(box, np.ones(box.shape, bool)), np.full(len(FEATURES), start))

    parts = [part(7, 15), part(9, 19), part(18, 30), part(24, 30), part(31, 40)]
    table = compare_candidates(parts, truth, voxel_ml=0.01)
    # Three eighths are tumor; a tenth is; the third and fourth nobody knows; the last has a speck.
    assert table.features[:, 0].tolist() == [7, 9, 31]
    assert table.is_lesion.tolist() == [True, False, False]
    assert table.lesion_ml.tolist() == [pytest.approx(20.0)]
    assert table.covered[:, 0] == pytest.approx([0.3, 0.1, 0.0])
    assert compare_candidates([], truth, 0.01).features.shape == (0, len(FEATURES))
    healthy = compare_candidates([part(0, 9)], np.zeros_like(truth), 0.01)
    assert (healthy.covered.shape, healthy.is_lesion.tolist()) == ((1, 0), [False])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("phantoms = 150", "phantoms = -1", "phantoms must be a whole number"),
        ("folds = 8", "parts = 8", "validation.parts"),
        ("hidden = 1", "", "is missing"),
        ("slice_mm = [2.0, 5.0]", "slice_mm = [5.0, 2.0]", "from low to high"),
        ('kind = "candidates"', 'kind = "candidate"', "is missing"),
    ],
)
def test_an_impossible_recipe_is_refused_in_a_sentence(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "lesions.toml"
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        read_any_recipe(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_command_needs_something_to_learn_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "none.toml"
    text = SHIPPED.read_text(encoding="utf-8").replace("phantoms = 150", "phantoms = 0")
    path.write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    assert main(["train", str(path), "--out", str(out), "--data", str(tmp_path)]) != 0
    assert "holds no folder with ct.nii.gz" in capsys.readouterr().err
    fine = read_any_recipe(SHIPPED.with_name("fine.toml"))
    assert isinstance(fine, Recipe)
