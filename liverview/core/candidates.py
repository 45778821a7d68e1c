"""Parts of a liver that may be lesions, each with how sure the network is of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import Label

DEFAULT_CERTAINTY = 0.5
"""The certainty from which a candidate is labeled a tumor unless a person asks for another."""


@dataclass(frozen=True, eq=False)
class LesionCandidate:
    """A connected part that may be a lesion.

    Attributes
    ----------
    box : of the volume's voxels, around the part.
    mask : its voxels, (I, J, K) of the box.
    otherwise : the labels of these voxels where it is no lesion, (I, J, K) of the box, uint8.
    certainty : the share of such candidates that are lesions, 0..1.
    """

    box: Box
    mask: NDArray[np.bool_]
    otherwise: NDArray[np.uint8]
    certainty: float


@dataclass(frozen=True, eq=False)
class LesionCandidates:
    """All candidates of a segmentation, the most certain first; the last item but progress.

    Attributes
    ----------
    parts : they do not overlap.
    least_certainty : those of this certainty or more are tumors in the labels that came before.
    """

    parts: tuple[LesionCandidate, ...]
    least_certainty: float


def write_candidate(
    labels: NDArray[np.uint8], candidate: LesionCandidate, least_certainty: float
) -> None:
    """Write a candidate into labels of the whole volume, in place: a tumor where it is certain."""
    block = labels[candidate.box]
    if candidate.certainty >= least_certainty:
        block[candidate.mask] = Label.TUMOR
    else:
        block[candidate.mask] = candidate.otherwise[candidate.mask]
