"""Candidates of a liver, judged: taken out of the labels, and put back as a person asks."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverview.core.candidates import LesionCandidate, write_candidate
from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.inference.candidates.classifier import (
    LEAST_CERTAIN,
    LesionClassifier,
    certainties_without,
)
from liverview.inference.candidates.features import FEATURES, describe_part
from liverview.inference.candidates.label_bytes import IN_LIVER_BIT, LABEL_BITS, PLAIN_LIVER
from liverview.inference.candidates.outlines import outline_part
from liverview.inference.candidates.parts import (
    STEP,
    Part,
    iter_find_parts,
    iter_mark_pockets,
    iter_mark_probable,
)
from liverview.inference.candidates.survey import ScanBlock, survey_liver

_MAX_EXPOSED_SHARE = 0.45  # of a part's surface; one with more lies beside the liver
_SURELY_LIVER = 0.9  # mean probability of the first stage; such a part is the liver's own
_FAT_HU = -30.0  # what has a darker middle is no lesion
_EXPOSED, _CORE_HU, _FIRST_LOOK = map(FEATURES.index, ("exposed", "core_hu", "first_look"))


@dataclass(frozen=True, eq=False)
class DescribedPart:
    """A part with its features, (F,), as `FEATURES` names them.

    ``rim`` holds the voxels around it that go where it goes, and are no lesion.
    """

    part: Part
    features: NDArray[np.float64]
    rim: Part | None = None

    def is_kept_by(self, labels: NDArray[np.uint8]) -> bool:
        """True where labels without any lesion reach its box, so that it is no loose part."""
        return bool(labels[self.part.box.expanded(1, labels.shape)].any())

    def shifted(self, by: Sequence[int]) -> DescribedPart:
        """The same with its box moved by some voxels along each axis."""
        part, rim = (one and replace(one, box=one.box.shifted(by)) for one in (self.part, self.rim))
        return replace(self, part=part or self.part, rim=rim)

    @property
    def is_beside(self) -> bool:
        """True where it lies more beside the liver than in it.

        In a scan of a few slices a dark end of the liver has little of it around: the first stage,
        which knows the neighbors, must doubt that it is liver.
        """
        exposed = self.features[_EXPOSED] > _MAX_EXPOSED_SHARE
        return bool(exposed and self.features[_FIRST_LOOK] < _SURELY_LIVER)


def iter_describe_parts(
    block: NDArray[np.uint8],
    probability: NDArray[np.uint8],
    scan: ScanBlock,
    changed: NDArray[np.bool_],
    *,
    pockets: bool,
) -> Generator[Progress, None, list[DescribedPart]]:
    """Find the candidates in bytes of the clean-up, and describe them.

    Specks that are none become liver, and ``changed`` is set in their slices.

    Parameters
    ----------
    pockets : what the organ encloses nearly or wholly, and has no label, may be a lesion, too.
    """
    yield from iter_mark_probable(block, probability)
    survey = survey_liver(block, scan)
    yield STEP
    if pockets:
        yield from iter_mark_pockets(block, probability, survey, scan)
    voxel_ml = float(np.prod(scan.spacing)) / 1000
    parts = yield from iter_find_parts(block, probability, voxel_ml, changed)
    described = []
    for whole in parts:
        for found in outline_part(whole, block, probability, voxel_ml):
            features = describe_part(found.part, block, probability, survey, scan)
            described.append(DescribedPart(found.part, features, found.rim))
            yield STEP
    return described


def certainties_of(
    described: list[DescribedPart], classifier: LesionClassifier | None
) -> NDArray[np.float64]:
    """The certainty of each part: the least of one that is fat, or lung in part.

    Without a classifier it is the mean probability of tumor, the least of a part beside the liver.
    """
    if not described:
        return np.zeros(0)
    features = np.stack([part.features for part in described])
    beside = np.array([part.is_beside for part in described])
    certain = (
        certainties_without(features) if classifier is None else classifier.certainties(features)
    )
    never = features[:, _CORE_HU] < _FAT_HU
    return np.where(never | beside if classifier is None else never, LEAST_CERTAIN, certain)


def take_out(
    described: list[DescribedPart], block: NDArray[np.uint8], changed: NDArray[np.bool_]
) -> None:
    """Give the voxels of all parts the bytes that they have where none is a lesion.

    Vessels stay vessels, and what has the liver's bit is liver; of a part beside the liver, tumor
    becomes background.
    """
    for one in described:
        for part in (one.part, one.rim):
            if part is not None:
                _take_one_out(part, one.is_beside, block, changed)


def _take_one_out(
    part: Part, is_beside: bool, block: NDArray[np.uint8], changed: NDArray[np.bool_]
) -> None:
    voxels, mask = block[part.box], part.mask
    labels = voxels & LABEL_BITS
    tumor = mask & (labels == Label.TUMOR)
    lesion = tumor | (mask & (labels == Label.BACKGROUND))
    if is_beside:
        np.copyto(voxels, np.uint8(Label.BACKGROUND), where=lesion)
    else:
        in_liver = voxels >= IN_LIVER_BIT
        np.copyto(voxels, PLAIN_LIVER, where=lesion & in_liver)
        np.copyto(voxels, np.uint8(Label.BACKGROUND), where=tumor & ~in_liver)
    changed[part.box.k] |= mask.any(axis=(0, 1))


def put_back(
    described: list[DescribedPart],
    certainties: NDArray[np.float64],
    labels: NDArray[np.uint8],
    least_certainty: float,
) -> list[LesionCandidate]:
    """Write the certain ones into labels without any; returns all, the most certain first.

    Parts that went with a piece of the liver that is none are left out.
    """
    found = []
    for one, certainty in zip(described, certainties, strict=True):
        otherwise = labels[one.part.box] * one.part.mask
        if one.is_kept_by(labels):
            found.append(LesionCandidate(one.part.box, one.part.mask, otherwise, float(certainty)))
    found.sort(key=lambda candidate: -candidate.certainty)
    for candidate in found:
        write_candidate(labels, candidate, least_certainty)
    return found
