"""Targets of voxels whose class is known in part, or not at all."""

from __future__ import annotations

import torch
from torch import Tensor

from liverview.core.labels import Label
from liverview.phantoms.fields import Field
from liverview.phantoms.vessels import min_visible_contrast

IGNORE_INDEX = -100
"""The target of a voxel of which nothing is known."""


def complementary_label(n: int) -> int:
    """The target of a voxel of which only this is known: its class is not ``n``."""
    return -1 - n


def organ_targets(organ: Tensor, known: Tensor, inside: int, outside: int) -> Tensor:
    """Targets ``inside`` and ``outside`` an organ, `IGNORE_INDEX` where it is not known.

    ``organ`` and ``known`` are shares, 0..1.
    """
    target = torch.full(organ.shape, outside)
    target[organ > 0.5] = inside
    target[known < 0.9] = IGNORE_INDEX
    return target


def ignore_invisible_vessels(hu: Field, target: Tensor, noise_hu: float) -> None:
    """Make vessels too faint to be seen "not background", in place: any part of the organ."""
    vessel = target == Label.VESSEL
    parenchyma = target == Label.LIVER
    if not (vessel.any() and parenchyma.any()):
        return
    contrast = abs(float(hu[vessel].median() - hu[parenchyma].median()))
    if contrast < min_visible_contrast(noise_hu):
        target.masked_fill_(vessel, complementary_label(0))
