"""Class probabilities and attention maps, kept to be looked at and to move thresholds on.

Probabilities and the coefficients of the attention gates are kept as 255ths, one byte per voxel
of the liver's box for each label and each decoder level: with three labels and four levels, 7 bytes
per voxel, about 100 MB for a liver of 300 x 250 x 200 voxels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import (
    FOREGROUND,
    Label,
    label_entry,
    label_mask,
    label_parts,
    merge_masks,
)
from liverview.core.stream import Slab

Index = tuple[slice | int, slice | int, slice | int]

DEFAULT_THRESHOLDS = {label: label_entry(label).threshold for label in FOREGROUND}
"""Thresholds at which labels are the network's own; the liver is the whole organ.

The network calls vessel and tumor what is the likeliest; above one half, that is certain.
"""
_CLASSES = 1 + len(FOREGROUND)  # what a voxel can be: background, or one of the labels
_SLICES = 8  # relabeled in one step


@dataclass(frozen=True, eq=False)
class ProbabilitySlab:
    """The maps of a slab, as `ProbabilityMaps` keeps them.

    Attributes
    ----------
    search_region : the box of the volume that is kept.
    slices : of the volume, inside the reach.
    probabilities : (labels, i, j, slices) in 255ths, over the whole reach in i and j.
    gates : (levels, i, j, slices) in 255ths.
    """

    search_region: Box
    slices: slice
    probabilities: NDArray[np.uint8]
    gates: NDArray[np.uint8]


def probability_slab(slab: Slab) -> ProbabilitySlab | None:
    """Take the maps of a slab; None where it brings none inside its search region."""
    if slab.probabilities is None or slab.gates is None or slab.search_region is None:
        return None
    i, j, k = slab.search_region
    first, last = max(slab.start, k.start), min(slab.stop, k.stop)
    if first >= last:
        return None
    picked = (slice(None), i, j, slice(first - slab.start, last - slab.start))
    scaled = np.rint(slab.probabilities[picked].astype(np.float32) * 255)
    bytes_ = np.minimum(scaled, 255).astype(np.uint8)  # half precision may end above 1
    return ProbabilitySlab(
        slab.search_region,
        slice(first, last),
        _slice_contiguous(bytes_),
        _slice_contiguous(slab.gates[picked]),
    )


def _slice_contiguous(maps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy whose axial slices lie in one piece each, as in a label map."""
    return np.ascontiguousarray(maps.transpose(0, 3, 2, 1)).transpose(0, 3, 2, 1)


class ProbabilityMaps:
    """Probabilities and gates of one segmentation.

    Attributes
    ----------
    search_region : the box of the volume that they cover.
    probabilities : (labels, i, j, k) in 255ths, of each label of `FOREGROUND` with its parts, as
        the liver as an organ, vessel and tumor.
    gates : (levels, i, j, k) in 255ths, the coarsest decoder level first.
    entropy : of what a voxel can be, (i, j, k) in 255ths.
    refined : (k,), the slices that the second stage has looked at.
    """

    def __init__(self, reach: Box, levels: int) -> None:
        shape = tuple(side.stop - side.start for side in reversed(reach))
        self.search_region = reach
        self.probabilities = _empty_maps(len(FOREGROUND), shape)
        self.gates = _empty_maps(levels, shape)
        self.entropy = Entropy(self.probabilities)
        self.refined = np.zeros(shape[0], np.bool_)

    @property
    def nbytes(self) -> int:
        return self.probabilities.nbytes + self.gates.nbytes

    def copy_slab(self, slab: ProbabilitySlab) -> None:
        """Copy a slab in; one that was looked at again overwrites."""
        low = self.search_region[2].start
        where = slice(slab.slices.start - low, slab.slices.stop - low)
        self.probabilities[..., where] = slab.probabilities
        self.gates[..., where] = slab.gates
        self.refined[where] = True

    def relabel(
        self, own: NDArray[np.uint8], thresholds: Mapping[Label, float], index: Index
    ) -> NDArray[np.uint8]:
        """Labels of a part of the reach with other thresholds.

        Raising a threshold takes those voxels out of the network's own label whose probability
        is not above it; lowering it adds all voxels whose probability is, also those that the
        clean-up had taken away. At its default, a label is the network's own, clean-up included.
        The merge rule holds: tumor over vessel over liver, nothing outside the liver. Slices
        that the second stage has not looked at stay as they are.

        Parameters
        ----------
        own : the network's final labels of that part.
        thresholds : 0..1, of the labels that are not at their default.
        index : slices, or a number for a single one, inside the reach.
        """
        masks = [
            _threshold_mask(
                label_mask(own, label), self.probabilities[n][index], label, thresholds.get(label)
            )
            for n, label in enumerate(FOREGROUND)
        ]
        changed = merge_masks(*masks)
        refined = np.broadcast_to(self.refined, self.probabilities.shape[1:])[index]
        return np.where(refined, changed, own)

    def iter_relabel(
        self, own: NDArray[np.uint8], thresholds: Mapping[Label, float]
    ) -> Iterator[NDArray[np.uint8] | None]:
        """`relabel` for a whole label map, (I, J, K): None after each step, the new one last."""
        new = np.zeros(own.shape, np.uint8, order="F")
        i, j, k = self.search_region
        for first in range(k.start, k.stop, _SLICES):
            last = min(first + _SLICES, k.stop)
            where = slice(first - k.start, last - k.start)
            old = own[i, j, first:last]
            new[i, j, first:last] = self.relabel(old, thresholds, (slice(None), slice(None), where))
            yield None
        yield new


def _empty_maps(count: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Maps of (k, j, i) voxels as (count, i, j, k), axial slices in one piece."""
    return np.zeros((count, *shape), np.uint8).transpose(0, 3, 2, 1)


def _threshold_mask(
    own: NDArray[np.bool_],
    probability: NDArray[np.uint8],
    label: Label,
    threshold: float | None,
) -> NDArray[np.bool_]:
    default = DEFAULT_THRESHOLDS[label]
    if threshold is None or threshold == default:
        return own
    above: NDArray[np.bool_] = probability > threshold * 255
    return own & above if threshold > default else own | above


class Entropy:
    """Entropy of what a voxel can be, 0..1 in 255ths, computed where it is looked at.

    1 is a voxel that is background, parenchyma, vessel, tumor and whatever other label there is
    with equal probability; also for networks that know fewer labels.
    """

    def __init__(self, probabilities: NDArray[np.uint8]) -> None:
        self._probabilities = probabilities

    def __getitem__(self, index: Index) -> NDArray[np.uint8]:
        whole = {
            label: one[index].astype(np.int16)
            for label, one in zip(FOREGROUND, self._probabilities, strict=True)
        }
        total = _ENTROPY_TERMS[255 - whole[Label.LIVER]]
        for label in FOREGROUND:
            alone, parts = whole[label], label_parts(label)
            for part in parts:
                alone = alone - whole[part]
            if parts:
                alone = np.maximum(alone, 0)  # each is rounded by itself
            total = total + _ENTROPY_TERMS[alone]
        return np.minimum(np.rint(total * 255), 255).astype(np.uint8)


def _entropy_terms() -> NDArray[Any]:
    """Terms of the entropy, by probability in 255ths."""
    p = np.arange(256) / 255
    terms = np.zeros(256)
    terms[1:] = -p[1:] * np.log(p[1:]) / np.log(_CLASSES)
    return terms.astype(np.float32)


_ENTROPY_TERMS = _entropy_terms()
