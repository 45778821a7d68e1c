"""Lesions drawn into the livers of labelled scans."""

from __future__ import annotations

import torch
from torch import Tensor

from liverview.core.labels import Label
from liverview.phantoms.fields import FAR_MM, Field, Grid, RandomSource, gaussian
from liverview.phantoms.lesion_variety import draw_contrast, draw_varied_lesion
from liverview.phantoms.lesions import LesionKind
from liverview.training.targets import IGNORE_INDEX, complementary_label

_SAME_HU = 50.0  # tissue that differs from the liver by less may be a part of it
_TUMOR_HU = (-42.0, 22.0)  # mean and standard deviation
_TUMOR_MM = (2.5, 45.0)
_BRIGHT, _MOSTLY_BRIGHT = 0.12, 0.45  # share of the lesions brighter than the liver
_ALIKE = 0.5  # share of the lesions of one contrast
_CYST_HU = 10.0


def insert_lesions(
    draw: RandomSource, hu: Field, target: Tensor, grid: Grid, noise_hu: float
) -> Field:
    """Draw lesions into the liver; returns the HU, and writes tumors into ``target``.

    Those that nobody could see under noise of ``noise_hu`` are left out.

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
    bright = _BRIGHT if draw.chance(0.6) else _MOSTLY_BRIGHT
    alike = draw_contrast(draw, _TUMOR_HU, bright)
    for _ in range(draw.integer(1, 6)):
        center = grid.point(candidates[draw.integer(0, len(candidates))].tolist())
        contrast = alike if draw.chance(_ALIKE) else draw_contrast(draw, _TUMOR_HU, bright)
        lesion = draw_varied_lesion(draw, center, draw.log_uniform(*_TUMOR_MM), contrast)
        if not lesion.is_visible(noise_hu, grid.spacing[2]):
            continue
        box = lesion.box(grid)
        if box is None:
            continue
        local = grid.crop([s.start for s in box], [s.stop for s in box])
        distance = torch.where(inside[box], lesion.distance(local), FAR_MM)
        smooth[box] = lesion.paint_hu(
            smooth[box], distance, local, liver_hu, _CYST_HU, grid.spacing[2]
        )
        within = (distance < 0) & organ[box]
        if lesion.kind is not LesionKind.PATCH:
            target[box].masked_fill_(within, int(Label.TUMOR))
    return smooth + noise
