"""Training samples drawn from phantoms on the fly: never the same twice.

Sample n of a stream is a function of (seed, n) alone, so that a stopped run can go on
where it stopped, and the same seed gives the same run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor
from torch.utils.data import Dataset

from liverview.labels import Label
from liverview.phantom.anatomy import Body, Organ, draw_body
from liverview.phantom.appearance import draw_appearance
from liverview.phantom.fields import Field, Grid, resample, smooth_noise
from liverview.phantom.lesions import draw_lesions
from liverview.phantom.paint import Patient, paint
from liverview.phantom.scanner import Scan, draw_scanner
from liverview.phantom.vessels import Tree, grow_trees
from liverview.preprocessing import Preprocessing
from liverview.training.recipe import Recipe, SampleConfig


@dataclass(frozen=True, eq=False)
class _Subject:
    body: Body
    trees: tuple[Tree, Tree]


class PhantomSamples(Dataset[tuple[Tensor, Tensor]]):
    """(input, target) pairs; consecutive samples come from ``lanes`` bodies in turn."""

    def __init__(self, recipe: Recipe, start: int, stop: int, stream: int = 0) -> None:
        self.recipe = recipe
        self.start = start
        self.stop = stop
        self.stream = stream
        self._subjects: dict[int, tuple[int, _Subject]] = {}

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        sample, lanes = self.recipe.sample, self.recipe.optimizer.batch
        number = self.start + index
        lane = number % lanes
        subject = self._subject(lane, number // lanes // sample.per_body * lanes + lane)
        rng = np.random.default_rng((self.recipe.seed, self.stream, 1, number))
        make = {"organs": _organ_sample, "liver": _liver_sample}[sample.kind]
        return make(rng, subject, sample, self.recipe.preprocessing)

    def _subject(self, lane: int, number: int) -> _Subject:
        kept = self._subjects.get(lane)
        if kept is None or kept[0] != number:
            rng = np.random.default_rng((self.recipe.seed, self.stream, 0, number))
            body = draw_body(rng, odd=True)
            kept = number, _Subject(body, grow_trees(rng, body))
            self._subjects[lane] = kept
        return kept[1]


def _dress(rng: np.random.Generator, subject: _Subject, lesions: int, largest_mm: float) -> Patient:
    look = draw_appearance(rng, subject.body, wild=True)
    drawn = draw_lesions(
        rng,
        subject.body,
        lesions,
        look.lesion_contrast_hu,
        radius_mm=(3.0, largest_mm),
        cysts=0.12,
    )
    return Patient(subject.body, look, *subject.trees, drawn)


def _organ_sample(
    rng: np.random.Generator, subject: _Subject, config: SampleConfig, how: Preprocessing
) -> tuple[Tensor, Tensor]:
    """A block of the body with its organs, (C, I, J, K) and (I, J, K)."""
    whole = subject.body.grid
    depth = config.shape[2]
    low = _first_slice(rng, subject.body, depth)
    size = [min(n, m) for n, m in zip(config.shape[:2], whole.shape[:2], strict=True)]
    margin = [m - n for n, m in zip(size, whole.shape[:2], strict=True)]
    corner = [int(rng.integers(0, m + 1)) for m in margin]
    grid = whole.crop(
        (corner[0], corner[1], low), (corner[0] + size[0], corner[1] + size[1], low + depth)
    )
    lesions = int(rng.integers(1, 9)) if rng.random() < 0.5 else 0
    painting = paint(_dress(rng, subject, lesions, 45), grid)
    hu = Scan(draw_scanner(rng, grid.spacing), subject.body, rng).image(painting, grid)
    organs = painting.organs.copy()
    _limit_view(rng, hu, organs)
    return how.block(torch.from_numpy(hu)), torch.from_numpy(organs.astype(np.int64))


def _first_slice(rng: np.random.Generator, body: Body, depth: int) -> int:
    """Where a block starts: mostly somewhere along the liver, else anywhere in the torso."""
    last = body.grid.shape[2] - depth
    liver = np.flatnonzero((body.organs[Organ.LIVER] < 0).any(axis=(0, 1)))
    if len(liver) and rng.random() < 0.8:
        return int(np.clip(rng.choice(liver) - rng.integers(depth), 0, last))
    return int(rng.integers(0, last + 1))


def _limit_view(rng: np.random.Generator, hu: Field, organs: np.ndarray) -> None:
    """A scan that does not show the whole body: padding on one side, or all around it."""
    padding = float(rng.choice([-1024.0, -1024.0, -2000.0, -3024.0, 0.0]))
    lot = rng.random()
    if lot < 0.15:
        axis, count = int(rng.integers(2)), int(rng.integers(1, 10))
        cut = slice(0, count) if rng.random() < 0.5 else slice(-count, None)
        index: tuple[Any, ...] = (cut,) if axis == 0 else (slice(None), cut)
        hu[index], organs[index] = padding, 0
    elif lot < 0.3:
        hu[organs == Organ.OUTSIDE] = min(padding, -1000.0)


def _liver_sample(
    rng: np.random.Generator, subject: _Subject, config: SampleConfig, how: Preprocessing
) -> tuple[Tensor, Tensor]:
    """Slices around a point of the liver, (K, C, I, J) and (K, I, J)."""
    grid = _liver_grid(rng, subject.body, config, how)
    lesions = int(rng.integers(1, 10)) if rng.random() < 0.7 else 0
    patient = _dress(rng, subject, lesions, 40)
    painting = paint(patient, grid)
    hu = Scan(draw_scanner(rng, grid.spacing), subject.body, rng).image(painting, grid)
    prior = _first_stage(rng, subject.body, grid)
    sure = prior > 0.9
    liver_hu = (
        float(np.median(hu[sure]))
        if sure.sum() > 50
        else float(patient.appearance.mean_hu[Organ.LIVER])
    )
    liver_hu += float(rng.normal(0, 4))
    labels = _visible(painting.labels, patient)
    inner = slice(how.halo, grid.shape[2] - how.halo)
    near = torch.from_numpy(prior[:, :, inner])
    target = torch.from_numpy(labels[:, :, inner].astype(np.int64)).movedim(2, 0)
    return how.slab(torch.from_numpy(hu), near, liver_hu), target


def _liver_grid(
    rng: np.random.Generator, body: Body, config: SampleConfig, how: Preprocessing
) -> Grid:
    """A grid around a random point in or near the liver."""
    index = np.argwhere(body.organs[Organ.LIVER] < 6)
    if len(index) == 0:
        index = np.asarray(body.grid.shape)[None] // 2
    place = np.asarray(body.grid.origin) + index[rng.integers(len(index))] * 4.0
    place = place + rng.normal(0, 12, 3)
    between = float(np.exp(rng.uniform(*np.log(config.slice_mm))))
    spacing = (how.spacing_mm[0], how.spacing_mm[1], between)
    shape = (config.shape[0], config.shape[1], config.shape[2] + 2 * how.halo)
    return Grid.centered([float(p) for p in place], spacing, shape)


def _first_stage(rng: np.random.Generator, body: Body, grid: Grid) -> Field:
    """The liver as a first stage with errors would see it: probability, 0..1."""
    shift = rng.normal(0, 1.5) + smooth_noise(rng, grid, 28) * rng.uniform(0.5, 3.5)
    distance = resample(_won(body), body.grid, grid) + shift.astype(np.float32)
    probability: Field = expit(-distance / np.float32(rng.uniform(1.0, 3.0)))
    return probability.astype(np.float32)


def _won(body: Body) -> Field:
    """Distance to the liver where its neighbors have taken their share, mm."""
    rivals = [d for organ, d in body.organs.items() if organ is not Organ.LIVER]
    nearest = np.minimum.reduce(rivals)
    liver = body.organs[Organ.LIVER]
    # Between two organs the border lies where their distances are equal.
    return np.maximum(liver, (liver - nearest) / 2)


def _visible(labels: np.ndarray, patient: Patient, least_hu: float = 9.0) -> np.ndarray:
    """Vessels that no reader could see are not asked for."""
    look = patient.appearance
    contrast = max(
        abs(v - float(look.mean_hu[Organ.LIVER])) for v in (look.portal_hu, look.hepatic_hu)
    )
    if contrast >= least_hu:
        return labels
    return np.where(labels == Label.VESSEL, np.uint8(Label.LIVER), labels)
