"""Seeded synthetic abdominal CT with its exact label map.

`generate` draws a patient, paints it on the grid that is asked for and scans it, slab by
slab. It is a demonstration, a self-test and, through the parts in this package, the
material that the networks are trained on.
"""

from __future__ import annotations

from collections.abc import Iterator

from liverview.phantom.config import PHASES, REGIONS, Case, PhantomConfig, Phase, Region
from liverview.stream import Progress

__all__ = ["PHASES", "REGIONS", "Case", "PhantomConfig", "Phase", "Region", "generate"]


def generate(config: PhantomConfig, device: str = "cpu") -> Iterator[Progress | Case]:
    """Generate a phantom; yields progress, then the case as the last value.

    The same configuration gives the same voxels on one kind of device.
    """
    # Here, not above: a dialog that asks for a configuration needs no torch.
    from liverview.phantom.making import make

    yield from make(config, device)
