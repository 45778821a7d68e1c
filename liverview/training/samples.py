"""Training samples drawn from phantoms and labelled scans on the fly, never the same twice.

Sample n of a stream is a function of (seed, n) alone, so that a stopped run can go on
where it stopped, and the same seed gives the same run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from liverview.core.labels import Label
from liverview.networks.preprocessing import Preprocessing
from liverview.phantoms.body import Body
from liverview.phantoms.fields import (
    Field,
    Grid,
    Point,
    RandomSource,
    gaussian,
    resample,
    slices_with,
)
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.paint import Painting, Patient, paint
from liverview.phantoms.scanner import Scanner, ScanSimulation, draw_scanner
from liverview.phantoms.subject import Subject, add_appearance, draw_subject
from liverview.phantoms.vessels import min_visible_contrast
from liverview.training.click_samples import draw_click_sample
from liverview.training.field_of_view import cut_field_of_view
from liverview.training.phantom_scans import paint_phantom
from liverview.training.recipe import Recipe, SampleConfig
from liverview.training.scan_samples import draw_liver_sample, draw_organ_sample
from liverview.training.scans import LabelledScan
from liverview.training.simulated_prior import simulate_coarse_prior

_WITH_LESIONS, _MANY = 0.5, 0.2  # share of the livers with lesions; of these, with dozens
_AT_LESION, _AT_DOME = 0.35, 0.15  # share of the grids around a lesion, and under the lung
_BREATHING = 0.1  # share of the blocks of slices with steps of breathing
_HEADS = 0.05  # share of the subjects that are a head
_LIVER_BLUR_MM = 6.0  # SD of the blur for the HU of the liver around a vessel
_MAX_TISSUE_HU = 150.0  # of difference from the liver; beyond it is metal or calcium


class PhantomSamples(Dataset[tuple[Tensor, Tensor]]):
    """Pairs of input and target, each a function of the recipe's seed and its number.

    Consecutive samples come from as many bodies in turn as a batch has samples.

    Parameters
    ----------
    start, stop : numbers of the samples.
    stream : another stream, such as the one for validation, has other samples.
    scans : labelled scans to mix in, in the share that the recipe names.
    """

    def __init__(
        self,
        recipe: Recipe,
        start: int,
        stop: int,
        stream: int = 0,
        scans: Sequence[LabelledScan] = (),
    ) -> None:
        self.recipe = recipe
        self.scans = scans
        self.start = start
        self.stop = stop
        self.stream = stream
        self._subjects: dict[int, tuple[int, Subject]] = {}
        self._painted: dict[int, tuple[int, LabelledScan]] = {}

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        sample, lanes = self.recipe.sample, self.recipe.optimizer.batch
        number = self.start + index
        lane = number % lanes
        if self.scans:
            draw = RandomSource((self.recipe.seed, self.stream, 2, number))
            if draw.chance(self.recipe.scans_share):
                scan = self.scans[draw.integer(0, len(self.scans))]
                if sample.kind == "clicks":
                    return draw_click_sample(draw, scan, sample, self.recipe.preprocessing)
                if sample.kind == "liver":
                    return draw_liver_sample(draw, scan, sample, self.recipe.preprocessing)
                liver = self.recipe.classes.index("liver")
                return draw_organ_sample(draw, scan, sample, self.recipe.preprocessing, liver)
        body = number // lanes // sample.per_body * lanes + lane
        draw = RandomSource((self.recipe.seed, self.stream, 1, number))
        if sample.kind == "clicks":
            painted = self._painted_of(lane, body)
            return draw_click_sample(draw, painted, sample, self.recipe.preprocessing)
        subject = self._subject_of(lane, body)
        draw_sample = {"organs": _draw_organ_sample, "liver": _draw_liver_sample}[sample.kind]
        return draw_sample(draw, subject, sample, self.recipe.preprocessing)

    def _painted_of(self, lane: int, number: int) -> LabelledScan:
        kept = self._painted.get(lane)
        if kept is None or kept[0] != number:
            kept = number, paint_phantom(RandomSource((self.recipe.seed, self.stream, 0, number)))
            self._painted[lane] = kept
        return kept[1]

    def _subject_of(self, lane: int, number: int) -> Subject:
        kept = self._subjects.get(lane)
        if kept is None or kept[0] != number:
            draw = RandomSource((self.recipe.seed, self.stream, 0, number))
            heads = _HEADS if self.recipe.sample.kind == "organs" else 0.0
            kept = number, draw_subject(draw, heads)
            self._subjects[lane] = kept
        return kept[1]


def _draw_organ_sample(
    draw: RandomSource, subject: Subject, config: SampleConfig, preprocessing: Preprocessing
) -> tuple[Tensor, Tensor]:
    """Draw a block of the body with its organs, (C, I, J, K) and (I, J, K)."""
    grid = _draw_organ_grid(draw, subject.body, config, preprocessing)
    # Few large ones: else all that is dark beside the liver passes for a tumor of it.
    lesions = draw.integer(1, 9) if draw.chance(0.4) else 0
    largest = 50 if draw.chance(0.25) else 30
    patient = add_appearance(draw, subject, lesions, largest)
    painting = paint(patient, grid)
    hu = ScanSimulation(draw_scanner(draw, grid.spacing), patient.body, draw).image(painting, grid)
    organs = painting.organs.long()
    if draw.chance(0.12):
        _shift_by_breathing(draw, hu, organs)
    _limit_view(draw, hu, organs)
    cut_field_of_view(draw, hu, organs, int(Organ.OUTSIDE))
    return preprocessing.input_3d(hu), organs


def _draw_organ_grid(
    draw: RandomSource, body: Body, config: SampleConfig, preprocessing: Preprocessing
) -> Grid:
    """Draw the grid of a block: mostly along the liver, else anywhere in the known body.

    Its origin is no multiple of the spacing, so that no two blocks cut voxels alike.
    """
    z = CANONICAL_GRID.axis(2)
    spacing = preprocessing.spacing_mm
    half = (config.shape[2] - 1) / 2 * spacing[2]
    low, high = body.known_z_range[0] + half, body.known_z_range[1] - half
    liver = slices_with(body.organs[Organ.LIVER])
    if liver and draw.chance(0.8):
        middle = float(z[liver[draw.integer(0, len(liver))]]) + draw.uniform(-half, half)
    else:
        middle = draw.uniform(min(low, high), max(low, high))
    # A body that is known over less than the block is centered in it, and goes on as it ends.
    middle = min(max(middle, low), high) if low < high else (low + high) / 2
    center = [0.0, 25.0, middle]
    for axis in range(2):
        spare = (
            CANONICAL_GRID.spacing[axis] * CANONICAL_GRID.shape[axis]
            - spacing[axis] * config.shape[axis]
        )
        center[axis] += draw.normal(0, max(spare, 8.0) / 4)
    return Grid.centered(center, spacing, config.shape)


def _shift_by_breathing(draw: RandomSource, *blocks: Tensor) -> None:
    """Shift the slices above a level, as breathing between parts of the scan does, in place."""
    for _ in range(draw.integer(1, 4)):
        level = draw.integer(0, blocks[0].shape[2])
        shift = (draw.integer(-1, 2), draw.integer(-1, 2))
        for block in blocks:
            block[:, :, level:] = block[:, :, level:].roll(shift, (0, 1))


def _limit_view(draw: RandomSource, hu: Field, organs: Tensor) -> None:
    """Limit the field of view, in place: padding on one side, or all around the body."""
    padding = (-1024.0, -2000.0, -3024.0, 0.0)[draw.choice((2, 1, 1, 1))]
    lot = draw.uniform(0, 1)
    if lot < 0.15:
        axis, count = draw.integer(0, 2), draw.integer(1, 10)
        cut = slice(0, count) if draw.chance(0.5) else slice(-count, None)
        index: tuple[Any, ...] = (cut,) if axis == 0 else (slice(None), cut)
        hu[index], organs[index] = padding, 0
    elif lot < 0.3:
        hu[organs == Organ.OUTSIDE] = min(padding, -1000.0)


def _draw_liver_sample(
    draw: RandomSource, subject: Subject, config: SampleConfig, preprocessing: Preprocessing
) -> tuple[Tensor, Tensor]:
    """Draw slices around a point of the liver, (K, C, I, J) and (K, I, J)."""
    count, largest = draw_lesion_number(draw)
    patient = add_appearance(draw, subject, count, largest)
    grid = _draw_liver_grid(draw, patient, config, preprocessing)
    scanner = draw_scanner(draw, grid.spacing)
    seen = [n for n in patient.lesions if n.is_visible(scanner.noise_hu, grid.spacing[2])]
    patient = replace(patient, lesions=seen)
    painting = paint(patient, grid, thick_slices=True)
    body = patient.body
    hu = ScanSimulation(scanner.without_thickness(), body, draw).image(painting, grid)
    liver = resample(_liver_field(body), CANONICAL_GRID, grid)
    prior = simulate_coarse_prior(draw, liver, grid, partial(_organ_field_at, body, grid))
    sure = prior > 0.9
    known = int(sure.sum()) > 50
    liver_hu = float(hu[sure].median()) if known else patient.appearance.mean_hu[Organ.LIVER]
    liver_hu += draw.normal(0, 4)
    labels = _visible_labels(painting, patient.appearance.mean_hu[Organ.LIVER], scanner, grid)
    if draw.chance(_BREATHING):
        _shift_by_breathing(draw, hu, labels, prior)
    inner = slice(preprocessing.halo, grid.shape[2] - preprocessing.halo)
    target = labels[:, :, inner].long().movedim(2, 0)
    return preprocessing.input_2d(hu, prior[:, :, inner], liver_hu), target


def draw_lesion_number(draw: RandomSource) -> tuple[int, float]:
    """Draw how many lesions a liver has, and the largest radius, mm."""
    if not draw.chance(_WITH_LESIONS):
        return 0, 0.0
    if draw.chance(_MANY):
        return draw.integer(7, 41), 18.0
    return draw.integer(1, 7), 75.0


def _draw_liver_grid(
    draw: RandomSource, patient: Patient, config: SampleConfig, preprocessing: Preprocessing
) -> Grid:
    """Draw a grid around a random point in or near the liver, or around a lesion of it.

    Points under the lung, where thick slices mix liver and air, come more often than others.
    """
    body = patient.body
    near = body.organs[Organ.LIVER] < 6
    if draw.chance(_AT_DOME):
        dome = near & (body.organs[Organ.LIVER] > -8) & (body.organs[Organ.LUNG] < 8)
        near = dome if dome.any() else near
    index = near.nonzero()
    chosen = (
        index[draw.integer(0, len(index))].tolist()
        if len(index)
        else [n // 2 for n in CANONICAL_GRID.shape]
    )
    middle = CANONICAL_GRID.point(chosen)
    if patient.lesions and draw.chance(_AT_LESION):
        middle = patient.lesions[draw.integer(0, len(patient.lesions))].center
    center = [c + draw.normal(0, 12) for c in middle]
    i_mm, j_mm, _ = preprocessing.spacing_mm
    spacing = (i_mm, j_mm, draw.log_uniform(*config.slice_mm))
    shape = (config.shape[0], config.shape[1], config.shape[2] + 2 * preprocessing.halo)
    return Grid.centered(center, spacing, shape)


def _organ_field_at(body: Body, grid: Grid, center: Point) -> Field:
    """The distance to the organ that holds a point, mm."""
    point = Grid.centered(center, CANONICAL_GRID.spacing, (1, 1, 1))
    depths = {o: float(resample(d, CANONICAL_GRID, point)) for o, d in body.organs.items()}
    return resample(body.organs[min(depths, key=lambda o: depths[o])], CANONICAL_GRID, grid)


def _liver_field(body: Body) -> Field:
    """The distance to the liver after its competition with its neighbors, mm."""
    rivals = [d for organ, d in body.organs.items() if organ is not Organ.LIVER]
    nearest = torch.stack(rivals).amin(dim=0)
    liver = body.organs[Organ.LIVER]
    # Between two organs the border lies where their distances are equal.
    return torch.maximum(liver, (liver - nearest) / 2)


def _visible_labels(painting: Painting, liver_hu: float, scanner: Scanner, grid: Grid) -> Tensor:
    """The labels, with liver in place of vessels that no reader could see.

    A vessel can be seen where, after the scanner's blur, it differs from the liver around it
    somewhere in its cross-section by `min_visible_contrast`. Blur makes thin vessels faint, so
    radius, contrast and noise decide together.
    """
    lumen = painting.labels == Label.VESSEL
    if not lumen.any():
        return painting.labels
    sigma = scanner.blur_mm / grid.spacing[0]
    contrast = torch.where(lumen, painting.hu - _liver_hu_around(painting, liver_hu, grid), 0.0)
    contrast = gaussian(contrast, (sigma, sigma, scanner.slice_blur)).abs()
    peak = torch.nn.functional.max_pool3d((contrast * lumen)[None], (5, 5, 3), 1, (2, 2, 1))[0]
    hidden = lumen & (peak < min_visible_contrast(scanner.noise_hu))
    return painting.labels.masked_fill(hidden, int(Label.LIVER))


def _liver_hu_around(painting: Painting, liver_hu: float, grid: Grid) -> Field:
    """The mean HU of parenchyma around every voxel; ``liver_hu`` where there is none."""
    sigma = [_LIVER_BLUR_MM / s for s in grid.spacing]
    bare = (
        (painting.labels == Label.LIVER) & ((painting.hu - liver_hu).abs() < _MAX_TISSUE_HU)
    ).float()
    share = gaussian(bare, sigma)
    return torch.where(
        share > 0.02, gaussian(painting.hu * bare, sigma) / share.clamp(min=0.02), liver_hu
    )
