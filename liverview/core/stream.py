"""What long work yields while it runs: progress, notices, slabs of labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is.

    Attributes
    ----------
    phase : what is being done, a few words that can stand before a percentage.
    fraction : share of the whole work that is done, 0..1.
    """

    phase: str
    fraction: float


@dataclass(frozen=True)
class Message:
    """One sentence that a person should read once; the work goes on."""

    text: str


@dataclass(frozen=True, eq=False)
class Slab:
    """Labels of the axial slices [start, stop), on the CPU.

    Attributes
    ----------
    start : the first slice.
    labels : (I, J, stop - start).
    probabilities : (labels, I, J, stop - start), of each label of `FOREGROUND` with its
        parts, as the liver as an organ, vessel and tumor; where they were asked for.
    box : i and j beyond which all labels are background, for who has to look at them.
    gates : (levels, I, J, stop - start), the coefficients of the attention gates in 255ths, the
        coarsest decoder level first, where they were asked for; 0 where the network did not look.
    reach : the box of the volume outside of which no slab of the segmentation has labels or
        probabilities; with those, or with gates, only.
    """

    start: int
    labels: NDArray[np.uint8]
    probabilities: NDArray[np.float16] | None = None
    label_bbox: tuple[slice, slice] = (slice(None), slice(None))
    gates: NDArray[np.uint8] | None = None
    search_region: Box | None = None

    @property
    def stop(self) -> int:
        return self.start + self.labels.shape[2]
