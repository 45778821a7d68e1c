"""Lesions drawn into the livers of labelled scans."""

from __future__ import annotations

import torch
from torch import Tensor

from liverview.core.labels import Label
from liverview.phantoms.fields import FAR_MM, Field, Grid, RandomSource, gaussian
from liverview.phantoms.lesions import LesionKind, draw_lesion
from liverview.training.targets import IGNORE_INDEX, complementary_label

_SAME_HU = 50.0  # tissue that differs from the liver by less may be a part of it
_TUMOR_HU = (-42.0, 22.0)  # mean and standard deviation
_TUMOR_MM = (2.5, 45.0)
_CYST_HU = 10.0


def insert_lesions(draw: RandomSource, hu: Field, target: Tensor, grid: Grid) -> Field:
    """Draw lesions into the liver; returns the HU, and writes tumors into ``target``.

    They replace the smoothed scan, so that its own noise stays. In voxels of unknown class they
    go on where the density is the liver's.
    """
    organ = (target > 0) | (target == complementary_label(0))
    candidates = organ.nonzero()
    if len(candidates) == 0:
        return hu
    liver_hu = float(hu[organ].median())
    smooth = gaussian(hu, [1.6 / s for s in grid.spacing])
    noise = hu - smooth
    liver_like = (smooth - liver_hu).abs() < _SAME_HU
    inside = organ | ((target == IGNORE_INDEX) & liver_like)
    for _ in range(draw.integer(1, 6)):
        center = grid.point(candidates[draw.integer(0, len(candidates))].tolist())
        lesion = draw_lesion(
            draw, center, draw.log_uniform(*_TUMOR_MM), _TUMOR_HU, training_variety=True
        )
        box = lesion.box(grid)
        if box is None:
            continue
        local = grid.crop([s.start for s in box], [s.stop for s in box])
        distance = torch.where(inside[box], lesion.distance(local), FAR_MM)
        smooth[box] = lesion.paint_hu(smooth[box], distance, local, liver_hu, _CYST_HU)
        within = (distance < 0) & organ[box]
        if lesion.kind is not LesionKind.PATCH:
            label = Label.TUMOR if lesion.kind is LesionKind.TUMOR else Label.LIVER
            target[box].masked_fill_(within, int(label))
    return smooth + noise
