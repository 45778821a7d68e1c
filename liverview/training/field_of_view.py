"""Fields of view that cut the body: scans of a few slices, and narrow ones."""

from __future__ import annotations

from torch import Tensor

from liverview.phantoms.fields import Field, RandomSource
from liverview.training.targets import IGNORE_INDEX

_SHORT, _NARROW = 0.4, 0.2  # share of the blocks
_SHORT_SLICES = (3, 25)  # of a short scan: from, below
_AIR_HU = -1024.0


def cut_field_of_view(draw: RandomSource, hu: Field, target: Tensor, outside: int) -> None:
    """Make some blocks short or narrow scans, in place; both are (I, J, K).

    Beyond the slices of a short scan the outermost ones are repeated, as inference does, and
    nothing is asked there; a block that already reaches beyond its scan becomes a short one.
    Beside a narrow scan is air, which is ``outside``.
    """
    if draw.chance(_NARROW):
        for axis in (0, 1):
            if draw.chance(0.6):
                _cut_in_plane(draw, axis, hu, target, outside)
    asked = (target != IGNORE_INDEX).any(dim=0).any(dim=0).nonzero()[:, 0].tolist()
    if not asked:
        return
    first, stop = asked[0], asked[-1] + 1
    if draw.chance(_SHORT):
        count = min(draw.integer(*_SHORT_SLICES), stop - first)
        first = draw.integer(first, stop - count + 1)
        stop = first + count
    repeat_outermost(hu, first, stop)
    target[:, :, :first] = IGNORE_INDEX
    target[:, :, stop:] = IGNORE_INDEX


def repeat_outermost(hu: Field, first: int, stop: int) -> None:
    """Repeat slice ``first`` below it, and the one before ``stop`` from there on, in place."""
    hu[:, :, :first] = hu[:, :, first : first + 1].clone()
    hu[:, :, stop:] = hu[:, :, stop - 1 : stop].clone()


def _cut_in_plane(draw: RandomSource, axis: int, hu: Field, target: Tensor, outside: int) -> None:
    """Put air where the view does not reach: on one side, or on both."""
    size = hu.shape[axis]
    kept = round(size * draw.uniform(0.45, 0.9))
    first = (0, size - kept, draw.integer(0, size - kept + 1))[draw.integer(0, 3)]
    for beyond in (slice(0, first), slice(first + kept, size)):
        index = (beyond,) if axis == 0 else (slice(None), beyond)
        hu[index], target[index] = _AIR_HU, outside
