"""Color tables for heat maps."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

# Violet to pink in even steps (CIEDE2000): no label is drawn in such a color, and the ends stay
# apart from gold and the liver's color for eyes without the red or the green receptor as well.
_VIOLET = (
    (44, 0, 86), (77, 0, 136), (112, 0, 189), (151, 28, 221), (186, 51, 245),
    (211, 90, 255), (229, 134, 255), (243, 172, 255), (255, 205, 255),
)  # fmt: skip


def color_ramp(name: str = "violet", faintest: int = 26) -> NDArray[np.uint8]:
    """A perceptually even color table, (256, 4) RGBA, more opaque with the value.

    Parameters
    ----------
    name : "violet", or a color map that pyqtgraph knows.
    faintest : the lowest value, 0..255, that is not transparent.
    """
    known = pg.ColorMap(None, list(_VIOLET)) if name == "violet" else pg.colormap.get(name)
    colors = known.getLookupTable(nPts=256, alpha=True).astype(np.uint8)
    value = np.arange(256)
    colors[:, 3] = np.where(value < faintest, 0, np.clip(60 + value * 0.6, 0, 210))
    return colors
