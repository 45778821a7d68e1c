"""How well a label map agrees with a reference.

Policy for empty labels: where the reference and the prediction are both empty, there is
nothing to score (NaN, left out of means); where one of them is empty, Dice is 0. Every
figure is per volume, over all voxels together, never averaged over slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.labels import SHOWN, Label
from liverview.volume import LabelMap, same_grid


class GridMismatchError(ValueError):
    """Two label maps that do not lie on the same voxels."""


@dataclass(frozen=True)
class LabelScore:
    """Agreement for one label.

    Attributes
    ----------
    label : LIVER stands for the whole organ, vessels and tumors included.
    dice : 0..1, NaN where both are empty.
    predicted_ml, reference_ml : volumes.
    """

    label: Label
    dice: float
    predicted_ml: float
    reference_ml: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "dice": None if np.isnan(self.dice) else round(self.dice, 4),
            "predicted_ml": round(self.predicted_ml, 2),
            "reference_ml": round(self.reference_ml, 2),
        }


def dice(predicted: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """2 |P and R| / (|P| + |R|) of two boolean arrays of one shape; NaN if both are empty."""
    total = int(predicted.sum()) + int(reference.sum())
    return 2 * int((predicted & reference).sum()) / total if total else float("nan")


def evaluate(predicted: LabelMap, reference: LabelMap) -> list[LabelScore]:
    """Score every label.

    Raises
    ------
    GridMismatchError : where shapes or affines differ.
    """
    if not same_grid(predicted, reference):
        raise GridMismatchError(
            f"{predicted.name} and {reference.name} do not lie on the same voxels: "
            f"{predicted.voxels.shape} and {reference.voxels.shape}, "
            "or their affines differ; save both on the grid of the scan."
        )
    scores = []
    for label in SHOWN:
        p, r = (_part(labels.voxels, label) for labels in (predicted, reference))
        scores.append(
            LabelScore(
                label,
                dice(p, r),
                int(p.sum()) * predicted.voxel_ml,
                int(r.sum()) * reference.voxel_ml,
            )
        )
    return scores


def _part(voxels: NDArray[np.uint8], label: Label) -> NDArray[np.bool_]:
    part: NDArray[np.bool_] = (
        (voxels > 0) & (voxels <= max(SHOWN)) if label is Label.LIVER else voxels == label
    )
    return part
