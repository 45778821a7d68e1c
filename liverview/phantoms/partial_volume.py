"""Partial volume of thick slices, worked out from distances instead of painting many thin ones."""

from __future__ import annotations

import torch

from liverview.phantoms.fields import Field

_LEAST_MM = 1e-3


def mix_slices(hu: Field, border: Field) -> Field:
    """Average HU over the thickness of each slice along one border.

    Parameters
    ----------
    hu : painted by the slices' middles.
    border : a distance that is negative on one side and positive on the other, (i, j, k) as
        ``hu``; any unit.

    Returns
    -------
    What a slice as thick as its distance to the next one shows: where the border runs through the
    slice, the share beyond it has the HU of the neighboring slice on that side. Right where border
    and tissue are straight over a slice. With fewer than three slices, ``hu`` itself.
    """
    if hu.shape[2] < 3:
        return hu
    step = torch.gradient(border, dim=2)[0]  # how much of the distance one slice goes through
    share = (0.5 - border.abs() / step.abs().clamp(min=_LEAST_MM)).clamp(min=0)
    above = torch.cat([hu[:, :, 1:], hu[:, :, -1:]], dim=2)
    below = torch.cat([hu[:, :, :1], hu[:, :, :-1]], dim=2)
    beyond = torch.where((step > 0) == (border < 0), above, below)
    return torch.lerp(hu, beyond, share)
