"""The fit of the judge of lesions: small networks, calibrated on what each has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from liverview.inference.candidates.classifier import LesionClassifier
from liverview.inference.candidates.features import FEATURES
from liverview.training.lesion_prior import Prior, known_of_lesions
from liverview.training.lesion_recipe import LesionRecipe
from liverview.training.lesion_samples import CandidateTable

_LEAST_SCALE = 1e-3
_RIDGE, _LEAST_SLOPE = 0.1, 0.05  # of the calibration; a higher score is never less certain
_MISSED = 5.0  # false candidates that a missed lesion weighs as much as, at a certainty of .5
_LARGE_ML = 0.5  # of a lesion of 10 mm
_HIT_SHARE = 0.2  # of a lesion that a candidate covers
_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Case:
    """The candidates of a scan, its body or patient, and the weight of each candidate."""

    table: CandidateTable
    group: str
    weight: float


@dataclass(frozen=True, eq=False)
class Fit:
    """A classifier with the certainties that its parts give to what they have not seen.

    Attributes
    ----------
    certainties : (n,) of each case.
    """

    classifier: LesionClassifier
    certainties: tuple[Numbers, ...]


def fit_classifier(cases: Sequence[Case], recipe: LesionRecipe) -> Fit:
    """Fit one network per fold, each without the cases of its fold, and calibrate their mean.

    All cases of one group are in one fold.

    Raises
    ------
    ValueError : where all candidates are lesions, or none is.
    """
    features = np.concatenate([case.table.features for case in cases])
    truth = np.concatenate([case.table.is_lesion for case in cases]).astype(np.float64)
    if truth.all() or not truth.any():
        raise ValueError("there must be candidates that are lesions, and some that are none")
    counts = [len(case.table.features) for case in cases]
    weights = np.repeat([case.weight for case in cases], counts)
    folds = np.repeat(_draw_folds(cases, recipe), counts)
    prior = known_of_lesions(features.mean(axis=0), np.maximum(features.std(axis=0), _LEAST_SCALE))
    uncalibrated = np.array([1.0, 0.0])
    tensors = {"mean": prior.mean, "scale": prior.scale, "calibration": uncalibrated}
    networks, scores = [], np.zeros(len(truth))
    for fold in range(recipe.folds):
        seen, unseen = folds != fold, folds == fold
        torch.manual_seed(recipe.seed + fold)
        network = _fit_network(features, truth, weights * seen, prior, recipe)
        networks.append(network)
        alone = LesionClassifier(FEATURES, {**tensors, **_stack([network])})
        scores[unseen] = alone.scores(features[unseen])
    costs = np.where(truth > 0, _MISSED, 1.0)
    calibration = _calibrate(scores, truth, weights * costs)
    tensors |= {**_stack(networks), "calibration": calibration}
    outside = LesionClassifier(FEATURES, tensors)
    certainties = outside.calibrated(scores)
    return Fit(outside, tuple(np.split(certainties, np.cumsum(counts)[:-1])))


def _draw_folds(cases: Sequence[Case], recipe: LesionRecipe) -> NDArray[np.intp]:
    """The fold of each case, drawn by its group."""
    groups = sorted({case.group for case in cases})
    drawn = np.random.default_rng(recipe.seed).permutation(len(groups)) % recipe.folds
    of_group = dict(zip(groups, drawn.tolist(), strict=True))
    return np.array([of_group[case.group] for case in cases], np.intp)


def _fit_network(
    features: Numbers, truth: Numbers, weights: Numbers, prior: Prior, recipe: LesionRecipe
) -> Mapping[str, Numbers]:
    """Fit one network to all candidates of weight at once, by Adam with a falling rate.

    It starts as what is known of lesions, and its distance from that is a part of the loss.
    """
    start = {
        "direct": torch.from_numpy(prior.direct),
        "hidden": torch.randn((len(prior.direct), recipe.hidden), dtype=torch.float64)
        * len(prior.direct) ** -0.5,
        "hidden_bias": torch.randn(recipe.hidden, dtype=torch.float64),
        "out": torch.zeros(recipe.hidden, dtype=torch.float64),
        "bias": torch.tensor(prior.bias, dtype=torch.float64),
    }
    values = {name: value.clone().requires_grad_() for name, value in start.items()}
    optimizer = torch.optim.Adam(values.values(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.steps)
    inputs = torch.from_numpy((features - prior.mean) / prior.scale).clamp(-3, 3)
    target, share = torch.from_numpy(truth), torch.from_numpy(weights / weights.sum())
    for _ in range(recipe.steps):
        hidden = torch.tanh(inputs @ values["hidden"] + values["hidden_bias"])
        logits = hidden @ values["out"] + inputs @ values["direct"] + values["bias"]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, target, reduction="none"
        )
        moved = torch.stack([((values[name] - start[name]) ** 2).sum() for name in start])
        optimizer.zero_grad()
        ((loss * share).sum() + recipe.weight_decay * moved.sum()).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return {name: value.detach().numpy() for name, value in values.items()}


def _stack(networks: Sequence[Mapping[str, Numbers]]) -> dict[str, Numbers]:
    return {name: np.stack([network[name] for network in networks]) for name in networks[0]}


def _calibrate(scores: Numbers, truth: Numbers, weights: Numbers) -> Numbers:
    """Slope and offset that make scores the log odds of a lesion (Platt scaling).

    By steps of Newton, halved until the loss falls; few candidates leave a slope near 1.
    """
    x = np.stack([scores, np.ones_like(scores)], axis=1)
    weights = weights / weights.mean()
    guess = np.array([1.0, 0.0])

    def loss(numbers: Numbers) -> float:
        logits = x @ numbers
        fit = np.logaddexp(0, logits) - truth * logits
        return float((weights * fit).sum() + 0.5 * _RIDGE * ((numbers - guess) ** 2).sum())

    found = guess
    for _ in range(100):
        chance = 0.5 * (1 + np.tanh(x @ found / 2))
        slope = x.T @ (weights * (chance - truth)) + _RIDGE * (found - guess)
        curve = (x * (weights * chance * (1 - chance))[:, None]).T @ x + _RIDGE * np.eye(2)
        step, size = np.linalg.solve(curve, slope), 1.0
        while size > 1e-6 and loss(found - size * step) > loss(found):
            size /= 2
        found = found - size * step
    return np.array([max(found[0], _LEAST_SLOPE), found[1]])


def froc_points(
    cases: Sequence[Case], certainties: Sequence[Numbers]
) -> list[dict[str, float | None]]:
    """Recall against false candidates per scan, at several certainties.

    Keys: ``certainty``; ``recall`` of all lesions and ``recall_10mm`` of those of .5 mL and more;
    ``false_per_scan``, and ``false_without`` in scans without any lesion. None is no such scan.
    """
    points = []
    for least in _THRESHOLDS:
        found: list[float] = []
        large: list[float] = []
        false: list[float] = []
        without: list[float] = []
        for case, certain in zip(cases, certainties, strict=True):
            taken, table = certain >= least, case.table
            hit = np.asarray((table.covered[taken] >= _HIT_SHARE).any(axis=0), np.bool_)
            found += hit.tolist()
            large += hit[table.lesion_ml >= _LARGE_ML].tolist()
            wrong = int((taken & ~table.is_lesion).sum())
            false.append(wrong)
            if len(table.lesion_ml) == 0:
                without.append(wrong)
        means = {
            "recall": found,
            "recall_10mm": large,
            "false_per_scan": false,
            "false_without": without,
        }
        points.append(
            {
                "certainty": least,
                **{k: round(float(np.mean(v)), 3) if v else None for k, v in means.items()},
            }
        )
    return points
