"""Candidates for lesions, with the truth: of phantoms, and of scans whose lesions are known."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import cc3d
import numpy as np
import torch
from numpy.typing import NDArray

from liverview.core.grid import same_grid
from liverview.core.labels import Label
from liverview.core.volume import Volume
from liverview.files import images
from liverview.files.formats import find_named
from liverview.inference.candidates.features import FEATURES
from liverview.inference.candidates.judging import DescribedPart
from liverview.inference.candidates.survey import ScanBlock
from liverview.inference.cleanup import iter_describe_candidates
from liverview.inference.segmentation import Models, first_stage_block, iter_both_stages
from liverview.phantoms.fields import Grid, RandomSource
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.paint import paint
from liverview.phantoms.scanner import ScanSimulation, draw_scanner
from liverview.phantoms.subject import Subject, add_appearance
from liverview.training.decathlon import DataError, read_alone
from liverview.training.samples import draw_lesion_number

UNKNOWN = 255
"""The value of voxels that nobody judged."""
_TUMOR_SHARE = 0.25  # of a candidate that is a lesion
_COVERED_SHARE, _LITTLE_TUMOR = 0.5, 0.1  # or of a lesion in it, and then of the candidate
_MOST_UNKNOWN = 0.5  # of a candidate that is judged
_LEAST_ML = 0.1  # of a lesion
_MARGIN_MM = (44.0, 44.0, 28.0)
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class CandidateTable:
    """The candidates of one scan.

    Attributes
    ----------
    features : (n, F), as `FEATURES` names them.
    is_lesion : (n,).
    covered : (n, L), the share of each lesion that a candidate covers.
    lesion_ml : (L,).
    """

    features: NDArray[np.float64]
    is_lesion: NDArray[np.bool_]
    covered: NDArray[np.float32]
    lesion_ml: NDArray[np.float64]


def paint_case(
    draw: RandomSource, subject: Subject, pixel_mm: float, slice_mm: tuple[float, float]
) -> tuple[Volume, NDArray[np.uint8]]:
    """Paint the whole liver of a subject with a new appearance: a scan, and its labels."""
    patient = add_appearance(draw, subject, *draw_lesion_number(draw))
    liver = (patient.body.organs[Organ.LIVER] < 0).nonzero()
    if len(liver) == 0:
        liver = torch.tensor([[n // 2 for n in CANONICAL_GRID.shape]])
    low = CANONICAL_GRID.point(liver.amin(dim=0).tolist())
    high = CANONICAL_GRID.point(liver.amax(dim=0).tolist())
    spacing = (pixel_mm, pixel_mm, draw.log_uniform(*slice_mm))
    center = [(a + b) / 2 + draw.uniform(-2, 2) for a, b in zip(low, high, strict=True)]
    shape = [
        round((b - a + 2 * margin) / mm)
        for a, b, margin, mm in zip(low, high, _MARGIN_MM, spacing, strict=True)
    ]
    grid = Grid.centered(center, spacing, shape)
    scanner = draw_scanner(draw, spacing)
    seen = [one for one in patient.lesions if one.is_visible(scanner.noise_hu, spacing[2])]
    patient = replace(patient, lesions=seen)
    painting = paint(patient, grid, thick_slices=True)
    hu = ScanSimulation(scanner.without_thickness(), patient.body, draw).image(painting, grid)
    stored = hu.round_().clamp_(-1024, 3071).to(torch.int16).numpy()
    volume = Volume(np.asfortranarray(stored), np.diag([*spacing, 1.0]), name="phantom")
    return volume, painting.labels.numpy()


def read_case(folder: Path) -> tuple[Volume, NDArray[np.uint8]]:
    """Read ct.nii.gz and liver.nii.gz of a folder; 1 and 255 of the latter become `UNKNOWN`.

    Raises
    ------
    DataError : where the labels do not lie on the scan's voxels.
    ImageFileError : where a file cannot be read.
    """
    scan = read_alone(find_named(folder, "ct"))
    path = find_named(folder, "liver")
    known = images.read_label_values(path)
    if not same_grid(scan, known):
        raise DataError(
            f"{path} ({known.shape} voxels) and its scan ({scan.shape}) do not lie on the same "
            "voxels: save the labels on the grid of the scan."
        )
    values = known.voxels.astype(np.uint8)
    return scan, np.where(values == Label.LIVER, np.uint8(UNKNOWN), values)


def describe_case(
    volume: Volume, truth: NDArray[np.uint8], models: Models, device: str = "cpu"
) -> CandidateTable:
    """Find the candidates of a scan by both stages, and compare them with the truth.

    Parameters
    ----------
    truth : (I, J, K), TUMOR in lesions, `UNKNOWN` where nobody knows.
    """
    looked = _result(iter_both_stages(volume, models, device))
    if looked is None:
        return compare_candidates([], truth, volume.voxel_ml)
    region = looked.region
    look = first_stage_block(volume, looked.liver, region)
    scan = ScanBlock(volume.voxels[region], volume.intercept, volume.spacing, look)
    described = _result(iter_describe_candidates(looked.labels, looked.tumor, scan))
    moved = [one.shifted(region.start) for one in described]
    return compare_candidates(moved, truth, volume.voxel_ml)


def compare_candidates(
    described: Sequence[DescribedPart], truth: NDArray[np.uint8], voxel_ml: float
) -> CandidateTable:
    """Compare candidates, in boxes of the truth, with it; those that nobody judged are left out."""
    lesions = cc3d.connected_components((truth == Label.TUMOR).view(np.uint8), connectivity=26)
    sizes = np.bincount(lesions.ravel(), minlength=1)[1:]
    kept = np.flatnonzero(sizes * voxel_ml >= _LEAST_ML)
    features, verdicts, covered = [], [], []
    for one in described:
        box, mask = one.part.box, one.part.mask
        numbers = np.bincount(lesions[box][mask], minlength=len(sizes) + 1)[1:]
        shares = numbers / np.maximum(sizes, 1)
        verdict = _judge(truth[box][mask], shares)
        if verdict is not None:
            features.append(one.features)
            verdicts.append(verdict)
            covered.append(shares[kept])
    return CandidateTable(
        np.array(features, np.float64).reshape(len(features), len(FEATURES)),
        np.array(verdicts, np.bool_),
        np.array(covered, np.float32).reshape(len(covered), len(kept)),
        np.asarray(sizes[kept] * voxel_ml, np.float64),
    )


def _judge(values: NDArray[np.uint8], shares: NDArray[np.float64]) -> bool | None:
    """Whether a candidate is a lesion by the true values of its voxels; None where that is open.

    ``shares`` are those of each lesion that it covers.
    """
    known = values[values != UNKNOWN]
    if len(known) < (1 - _MOST_UNKNOWN) * len(values):
        return None
    tumor = float((known == Label.TUMOR).mean())
    covers = bool((shares >= _COVERED_SHARE).any())
    return tumor >= _TUMOR_SHARE or (covers and tumor >= _LITTLE_TUMOR)


def _result(work: Generator[Any, None, T]) -> T:
    """What a generator returns at its end."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            value: T = end.value
            return value
