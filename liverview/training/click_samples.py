"""Samples for the network that completes a person's marks: cubes with a lesion, vessels or liver.

Lesions are drawn into the livers of scans and of phantoms, of any size at any resolution; what is
labeled already is wrong in the ways that labels are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from liverview.core.labels import Label
from liverview.inference import simulated_user
from liverview.networks.click_input import LOOK_MM, ClickInput, Places, step_for_line
from liverview.networks.preprocessing import Preprocessing
from liverview.phantoms.fields import Field, Grid, RandomSource, gaussian
from liverview.phantoms.fields import smooth_noise as waves
from liverview.training.augmentation import augment_intensity, deform_points, draw_noise
from liverview.training.faulty_labels import add_ball, faulty_lesion, faulty_liver, faulty_vessels
from liverview.training.marked_lesion import draw_marked_lesion
from liverview.training.recipe import SampleConfig
from liverview.training.scan_samples import sample_scan
from liverview.training.scans import LabelledScan
from liverview.training.targets import IGNORE_INDEX

_TASKS = (0.7, 0.12, 0.08, 0.1)  # lesion, nothing there, vessel, liver
_RADIUS_MM = (1.5, 75.0)
_LEAST_LINE_MM = 2.5  # of the radius: nobody measures what is smaller
_UNLABELED = 0.12  # share of the samples without any label
_COARSE_MM = 3.0
_LINE_ERROR_MM = 2.5


@dataclass(frozen=True, eq=False)
class _Scene:
    """A cube of a scan before anything is marked.

    Attributes
    ----------
    hu, organ, known, vessel : (I, J, K); shares are 0..1.
    away : mm to the liver, negative inside.
    """

    grid: Grid
    hu: Field
    organ: Field
    known: Field
    vessel: Field
    away: Field

    @property
    def step(self) -> float:
        return self.grid.spacing[0]


@dataclass(frozen=True, eq=False)
class _Marked:
    """The label, the labels given, the truth and the marks of a sample, in voxels of the cube."""

    label: Label
    labels: Tensor
    target: Tensor
    positive: Places
    negative: Places
    line: Places | None = None


def draw_click_sample(
    draw: RandomSource, scan: LabelledScan, config: SampleConfig, preprocessing: Preprocessing
) -> tuple[Tensor, Tensor]:
    """Draw a cube with marks, (C, I, J, K), and its target, (I, J, K): 1 is of the label."""
    draw_task = (_draw_lesion, _draw_nothing, _draw_vessels, _draw_liver)[draw.choice(_TASKS)]
    hu, step, marked = draw_task(draw, scan, config.shape)
    if draw.chance(_UNLABELED) and marked.label is Label.TUMOR:
        marked.labels.zero_()
    cube = ClickInput(preprocessing, hu, marked.labels, marked.label, step)
    x = cube.channels(marked.positive, marked.negative, marked.line)
    flipped = [axis for axis in range(3) if draw.chance(0.5)]
    return x.flip([axis + 1 for axis in flipped]), marked.target.flip(flipped)


def _draw_scene(
    draw: RandomSource,
    scan: LabelledScan,
    shape: tuple[int, int, int],
    step: float,
    place: list[float],
) -> _Scene:
    """Draw a deformed cube around a place, in voxels of the scan, in another contrast."""
    grid = Grid.centered((0.0, 0.0, 0.0), (step,) * 3, shape)
    points = deform_points(draw, grid, (draw.normal(0, 0.05), draw.normal(0, 0.05)), 1.0)
    points = points / torch.tensor(scan.spacing) + torch.tensor(place)
    if step > _COARSE_MM:  # every second voxel is enough, and an eighth of the work
        scan = replace(scan, fields=scan.fields[:, ::2, ::2, ::2])
        points = points / 2
    hu, organ, known, vessel, _, _, away = sample_scan(scan, points)
    return _Scene(grid, augment_intensity(draw, hu, organ, grid), organ, known, vessel, away)


def _scanned(draw: RandomSource, hu: Field, grid: Grid) -> Field:
    """The HU with the blur of slices and of a scanner, and more noise."""
    step = grid.spacing[0]
    slices = draw.log_uniform(0.8, 5.0)
    plane = draw.uniform(0.3, 0.9)
    sigmas = (plane / step, plane / step, 0.35 * slices / step)
    noise = draw_noise(draw, grid) * min(1.0, 1.5 / step)
    return gaussian(hu, [min(sigma, 4.0) for sigma in sigmas]) + noise


def _liver_place(draw: RandomSource, scan: LabelledScan) -> list[float]:
    """A place in the liver, in voxels of the scan."""
    chosen = scan.points[draw.integer(0, len(scan.points))].tolist()
    return [float(v) + draw.uniform(-0.5, 0.5) for v in chosen]


def _draw_lesion(
    draw: RandomSource, scan: LabelledScan, shape: tuple[int, int, int]
) -> tuple[Field, float, _Marked]:
    """Draw a lesion and a line or clicks for it."""
    with_line = draw.chance(0.45)
    radius = draw.log_uniform(_LEAST_LINE_MM if with_line else _RADIUS_MM[0], _RADIUS_MM[1])
    first_look = not with_line and draw.chance(0.5)
    fitting = step_for_line(2 * radius * draw.uniform(0.8, 1.25))
    step = LOOK_MM * draw.uniform(0.65, 1.1) if first_look else fitting
    scene = _draw_scene(draw, scan, shape, step, _liver_place(draw, scan))
    side = step * shape[0]
    reach = min(0.7 * radius if first_look else 0.15 * radius + 0.04 * side, 0.4 * side)
    center = [draw.uniform(-reach, reach) / math.sqrt(2) for _ in range(3)]
    hu, lesion, others = draw_marked_lesion(
        draw, scene.hu, scene.grid, scene.organ, scene.away, center, radius
    )
    hu = _scanned(draw, hu, scene.grid)
    if not lesion.any():
        return _click_nowhere(draw, scene, hu, others)
    truth = lesion.numpy()
    labels = torch.stack(
        [
            faulty_liver(draw, scene.grid, scene.organ, scene.away),
            faulty_vessels(draw, scene.grid, scene.vessel * ~lesion),
            faulty_lesion(draw, scene.grid, lesion, others),
        ]
    )
    none = np.zeros((0, 3))
    if with_line:
        line = _draw_line(draw, truth, step)
        marked = _Marked(Label.TUMOR, labels, lesion.long(), none, none, line)
        return hu, step, marked
    points = _draw_points(draw, truth, step)
    return hu, step, _Marked(Label.TUMOR, labels, lesion.long(), points, none)


def _draw_line(draw: RandomSource, truth: simulated_user.Mask, step: float) -> Places:
    """The longest diameter in a plane by chance, mostly the axial one, a little misplaced."""
    axis = 2 if draw.chance(0.7) else draw.integer(0, 2)
    order = [a for a in range(3) if a != axis] + [axis]
    affine = np.diag([step, step, step, 1.0])
    turned = truth.transpose(order)
    line = simulated_user.diameter_line(turned, affine)
    error = draw.uniform(0, _LINE_ERROR_MM)
    line = simulated_user.misplaced_line(draw, line, affine, error)
    return np.asarray(line[:, np.argsort(order)])


def _draw_points(draw: RandomSource, truth: simulated_user.Mask, step: float) -> Places:
    """A click well inside, one anywhere inside, or a stroke."""
    kind = draw.choice((0.55, 0.3, 0.15))
    spacing = (step, step, step)
    if kind == 2:
        return simulated_user.scribble(draw, truth, spacing)
    if kind == 1:
        return np.array([simulated_user.any_point(draw, truth)], float)
    return np.array([simulated_user.interior_point(truth, spacing)], float)


def _draw_nothing(
    draw: RandomSource, scan: LabelledScan, shape: tuple[int, int, int]
) -> tuple[Field, float, _Marked]:
    """Draw a click on what is no lesion."""
    step = LOOK_MM * draw.uniform(0.65, 1.1) if draw.chance(0.5) else draw.log_uniform(0.7, 4.0)
    scene = _draw_scene(draw, scan, shape, step, _liver_place(draw, scan))
    hu, others = scene.hu, torch.zeros(shape, dtype=torch.bool)
    if draw.chance(0.4):
        center = [draw.uniform(-0.4, 0.4) * step * n for n in shape]
        hu, others, more = draw_marked_lesion(
            draw, hu, scene.grid, scene.organ, scene.away, center, draw.log_uniform(2, 25)
        )
        others = others | more
    return _click_nowhere(draw, scene, _scanned(draw, hu, scene.grid), others)


def _click_nowhere(
    draw: RandomSource, scene: _Scene, hu: Field, lesions: Tensor
) -> tuple[Field, float, _Marked]:
    """A click near the middle on normal liver, a vessel or beside the liver: nothing is there."""
    known = (scene.known > 0.9).numpy()
    free = known & ~ndimage.binary_dilation(lesions.numpy(), iterations=2)
    places = [scene.organ.numpy() > 0.9, scene.vessel.numpy() > 0.5, scene.away.numpy() > 4]
    chosen = free & places[draw.choice((0.5, 0.3, 0.2))]
    chosen[_outer(scene.grid.shape)] = False
    point = simulated_user.any_point(draw, chosen if chosen.any() else np.ones_like(free))
    labels = torch.stack(
        [
            faulty_liver(draw, scene.grid, scene.organ, scene.away),
            faulty_vessels(draw, scene.grid, scene.vessel),
            faulty_lesion(draw, scene.grid, lesions, torch.zeros_like(lesions)),
        ]
    )
    target = torch.zeros(scene.grid.shape, dtype=torch.long)
    at = np.array([point], float)
    return hu, scene.step, _Marked(Label.TUMOR, labels, target, at, at[:0])


def _outer(shape: tuple[int, int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """The outer third of a cube."""
    outer = np.ones(shape, bool)
    outer[tuple(slice(n // 6, n - n // 6) for n in shape)] = False
    return outer


def _draw_vessels(
    draw: RandomSource, scan: LabelledScan, shape: tuple[int, int, int]
) -> tuple[Field, float, _Marked]:
    """Draw vessels that are labeled in part, or where there are none, and a click to mend it."""
    step = draw.log_uniform(0.7, 1.8)
    place = _vessel_place(draw, scan)
    if place is None:
        return _draw_liver(draw, scan, shape)
    scene = _draw_scene(draw, scan, shape, step, place)
    truth = scene.vessel > 0.5
    given = faulty_vessels(draw, scene.grid, scene.vessel, surely=True)
    hu = _scanned(draw, scene.hu, scene.grid)
    labels = torch.stack([(scene.organ > 0.5).float(), given, torch.zeros(shape)])
    return _mend(draw, scene, hu, Label.VESSEL, labels, given > 0.5, truth)


def _vessel_place(draw: RandomSource, scan: LabelledScan) -> list[float] | None:
    """A place in a vessel, in voxels of the scan; None where hardly any is known."""
    some = scan.points[[draw.integer(0, len(scan.points)) for _ in range(200)]]
    shares = scan.fields[3][tuple(some.T)]
    inside = some[shares > 0.5]
    return inside[draw.integer(0, len(inside))].tolist() if len(inside) else None


def _draw_liver(
    draw: RandomSource, scan: LabelledScan, shape: tuple[int, int, int]
) -> tuple[Field, float, _Marked]:
    """Draw a liver of which a part is missing, or that takes in what is beside it."""
    step = draw.uniform(1.5, 3.0)
    scene = _draw_scene(draw, scan, shape, step, _liver_place(draw, scan))
    truth = scene.organ > 0.5
    given = faulty_liver(draw, scene.grid, scene.organ, scene.away)
    uneven = waves(draw, scene.grid, 20)
    for _ in range(draw.integer(1, 3)):
        add_ball(draw, given, scene.grid, scene.away.abs() < 15, uneven, (8, 40))
    hu = _scanned(draw, scene.hu, scene.grid)
    labels = torch.stack([given, torch.minimum(scene.vessel, given), torch.zeros(shape)])
    return _mend(draw, scene, hu, Label.LIVER, labels, given > 0.5, truth)


def _mend(
    draw: RandomSource,
    scene: _Scene,
    hu: Field,
    label: Label,
    labels: Tensor,
    given: Tensor,
    truth: Tensor,
) -> tuple[Field, float, _Marked]:
    """The click or stroke in the largest error of what is given, and the truth as the target."""
    target = truth.long().masked_fill(scene.known < 0.9, IGNORE_INDEX)
    judged = scene.known > 0.9
    found = simulated_user.largest_error((given & judged).numpy(), (truth & judged).numpy())
    none = np.zeros((0, 3))
    if found is None:
        return hu, scene.step, _Marked(label, labels, target, none, none)
    error, negative = found
    points = _draw_points(draw, error, scene.step)
    positive, negative_points = (none, points) if negative else (points, none)
    return hu, scene.step, _Marked(label, labels, target, positive, negative_points)
