"""Phantoms as labelled scans: the whole liver painted once, to draw many cubes from."""

from __future__ import annotations

import torch

from liverview.core.labels import Label
from liverview.phantoms.fields import Grid, RandomSource, resample
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.paint import paint
from liverview.phantoms.subject import add_appearance, draw_subject
from liverview.training.scans import LabelledScan

_STEP_MM = 2.0
_MARGIN_MM = 24.0
_POINTS = 5000


def paint_phantom(draw: RandomSource) -> LabelledScan:
    """Paint a person of training variety around the liver, without lesions and without noise."""
    subject = draw_subject(draw)
    patient = add_appearance(draw, subject, 0, 50)
    grid = _liver_grid(patient.body.organs[Organ.LIVER])
    painting = paint(patient, grid)
    away = resample(patient.body.organs[Organ.LIVER], CANONICAL_GRID, grid)
    organ = (painting.labels > 0).float()
    vessel = (painting.labels == Label.VESSEL).float()
    zeros = torch.zeros_like(organ)
    fields = [painting.hu, organ, torch.ones_like(organ), vessel, zeros, organ - vessel, away]
    groups = [depth.nonzero() for depth in (away.abs() < 5, (away <= -5) & (organ > 0))]
    points = torch.cat([group[:: max(1, len(group) // _POINTS)] for group in groups])
    return LabelledScan("phantom", torch.stack(fields).half(), grid.spacing, points)


def _liver_grid(liver: torch.Tensor) -> Grid:
    """A grid over the liver with a margin; over the middle of the body where there is none."""
    inside = (liver < 0).nonzero()
    if len(inside) == 0:
        return Grid.centered((0.0, 25.0, 0.0), (_STEP_MM,) * 3, (64, 64, 64))
    low = CANONICAL_GRID.point((inside.amin(dim=0)).tolist())
    high = CANONICAL_GRID.point((inside.amax(dim=0)).tolist())
    center = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    shape = [round((b - a + 2 * _MARGIN_MM) / _STEP_MM) for a, b in zip(low, high, strict=True)]
    return Grid.centered(center, (_STEP_MM,) * 3, shape)
