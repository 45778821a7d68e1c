"""Color tables for heat maps."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray


def color_ramp(name: str = "inferno", faintest: int = 26) -> NDArray[np.uint8]:
    """A perceptually even color table, more opaque with the value; transparent below faintest."""
    colors = pg.colormap.get(name).getLookupTable(nPts=256, alpha=True).astype(np.uint8)
    value = np.arange(256)
    colors[:, 3] = np.where(value < faintest, 0, np.clip(60 + value * 0.6, 0, 210))
    return colors
