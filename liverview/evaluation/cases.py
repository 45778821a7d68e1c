"""Segment scans that have a reference and say how well that went, one case at a time."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from liverview.core.candidates import LesionCandidates
from liverview.core.coding import GivenLabels, parse_coding
from liverview.core.grid import Grid
from liverview.core.labels import Label
from liverview.core.placing import iter_place_labels
from liverview.core.stream import Message, Progress, Slab
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.lesion_montage import LesionPicture, draw_lesions
from liverview.evaluation.lesion_scoring import Evidence
from liverview.evaluation.lesion_table import LesionTable
from liverview.evaluation.marked_lesions import MarkedCase, SimulatedSession, iter_mark_case
from liverview.evaluation.montage import draw_comparison
from liverview.evaluation.scores import LabelScore, table_of
from liverview.evaluation.scoring import NsdBy, compared_masks, iter_evaluate
from liverview.evaluation.soft_slice_dice import SoftSliceDice
from liverview.files import images
from liverview.files.formats import DEFAULT_SUFFIX, find_named
from liverview.files.label_maps import checked_label_map
from liverview.inference.interactive import ClickNetwork
from liverview.inference.segmentation import Models, iter_segment

_NAMES = "ct", "reference"
CT, REFERENCE = (name + DEFAULT_SUFFIX for name in _NAMES)
"""The files of a case, which may have the suffix of another format."""


@dataclass(frozen=True, eq=False)
class CaseResult:
    """The result of one case.

    Attributes
    ----------
    name : of its folder.
    scores : one per label.
    seconds : that the segmentation took.
    picture : where segmentation and reference part; None where it was not asked for.
    lesion_pictures : of lesions that went best and worst, where they were asked for.
    """

    name: str
    scores: list[LabelScore]
    seconds: float
    picture: Image.Image | None
    lesion_pictures: tuple[LesionPicture, ...] = ()

    @property
    def lesions(self) -> LesionTable | None:
        """The table of its lesions; None where the reference is no measure of tumors."""
        return table_of(self.scores)


def find_cases(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name; hidden ones are none.

    Raises
    ------
    ValueError : where there are none, or it is no folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder: choose one that holds a folder per case.")
    cases = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not cases:
        raise ValueError(
            f"{folder} holds no cases: put a folder with {CT} and {REFERENCE} into it for each."
        )
    return cases


def case_files(folder: Path) -> tuple[Path, Path]:
    """The scan and the reference of a case."""
    scan, reference = (find_named(folder, name) for name in _NAMES)
    return scan, reference


def iter_evaluate_case(
    folder: Path,
    models: Models,
    device: str = "auto",
    *,
    nsd: NsdBy = "voxels",
    resample: bool = False,
    index: int | None = None,
    labels: GivenLabels | None = None,
    lesion_pictures: bool = False,
    name: str = "",
) -> Iterator[Progress | Message | CaseResult]:
    """Segment a case's scan and compare it with its reference, voxel by voxel of the scan.

    Yields progress, then the result. ``nsd`` is as for `evaluate`. With ``resample``, a reference
    on another grid is taken by nearest neighbor.

    Parameters
    ----------
    index : which volume of 4D scans, from 0; by default the first, which is said.
    labels : what the values of the reference are, as for `liverview.read_labels`; where its own
        names say the same of those that it has, these say which labels were drawn.
    lesion_pictures : draw lesions that went best and worst.
    name : of the result; by default that of the folder.

    Raises
    ------
    ImageFileError : where a file cannot be read.
    GridMismatchError : where the reference does not lie on the scan's voxels.
    ExtentError : where the scan is larger than any body.
    """
    volume, reference = yield from _iter_read_case(folder, resample, index, labels)
    soft = SoftSliceDice(reference)
    voxels, network = (np.zeros(volume.shape, np.uint8, order="F") for _ in range(2))
    candidates: LesionCandidates | None = None
    started = time.monotonic()
    for item in iter_segment(volume, models, device, probabilities=True):
        if isinstance(item, Slab):
            voxels[:, :, item.start : item.stop] = item.labels
            if item.probabilities is not None:  # the network's own, before the clean-up
                network[:, :, item.start : item.stop] = item.labels
            soft.add(item)
        elif isinstance(item, LesionCandidates):
            candidates = item
        elif isinstance(item, Message):
            yield Message(f"{folder.name}: {item.text}")
        else:
            yield item
    seconds = time.monotonic() - started
    predicted = LabelMap(voxels, volume.affine, volume.name, volume.source)
    evidence = Evidence(volume, network, candidates)
    scores = list(_iter_scores(predicted, reference, nsd, evidence, soft))
    picture = draw_comparison(volume, predicted, reference)
    result = CaseResult(name or folder.name, scores, seconds, picture)
    if lesion_pictures and result.lesions is not None:
        masks = compared_masks(predicted, reference, Label.TUMOR)
        pictures = draw_lesions(result.name, volume, masks, result.lesions)
        result = replace(result, lesion_pictures=tuple(pictures))
    yield result


def _iter_scores(
    predicted: LabelMap,
    reference: LabelMap,
    nsd: NsdBy,
    evidence: Evidence,
    soft: SoftSliceDice,
) -> Iterator[LabelScore]:
    """Yields the score of each label, with the Dice of its probabilities."""
    means = soft.result()
    for score in iter_evaluate(predicted, reference, nsd, evidence):
        if isinstance(score, LabelScore):
            yield replace(score, soft_slice_dice=means[score.label])


def iter_mark_folder(
    folder: Path,
    models: Models,
    network: ClickNetwork,
    device: str = "auto",
    *,
    clicks: int = 0,
    rulers: bool = False,
    resample: bool = False,
    index: int | None = None,
    labels: GivenLabels | None = None,
) -> Iterator[Progress | Message | MarkedCase]:
    """Segment a case's scan, then mark its reference's lesions as `iter_mark_case` does.

    Yields progress, then the figures. What is raised, and the other parameters, are those of
    `iter_evaluate_case`.
    """
    volume, reference = yield from _iter_read_case(folder, resample, index, labels)
    voxels = np.zeros(volume.shape, np.uint8, order="F")
    for item in iter_segment(volume, models, device):
        if isinstance(item, Slab):
            voxels[:, :, item.start : item.stop] = item.labels
        elif isinstance(item, Message):
            yield Message(f"{folder.name}: {item.text}")
        elif not isinstance(item, LesionCandidates):
            yield item
    session = SimulatedSession(volume, voxels, reference, network)
    yield from iter_mark_case(folder.name, session, clicks, rulers)


def _iter_read_case(
    folder: Path, resample: bool, index: int | None, labels: GivenLabels | None
) -> Generator[Progress | Message, None, tuple[Volume, LabelMap]]:
    """Read a case; yields progress and what is odd, returns the scan and its reference."""
    scan_file, reference_file = case_files(folder)
    volume = images.read(scan_file, index)
    reference = _read_reference(reference_file, labels, volume.grid)
    for placed in iter_place_labels(reference, volume, resample=resample):
        if isinstance(placed, LabelMap):
            reference = placed
        else:
            yield placed
    for note in (
        *volume.warnings,
        *(f"{reference_file.name}: {note}" for note in reference.warnings),
    ):
        yield Message(f"{folder.name}: {note}")
    return volume, reference


def _read_reference(path: Path, labels: GivenLabels | None, grid: Grid) -> LabelMap:
    """A reference by what is said of its values.

    What is said of a whole folder may name labels that the maker of this reference never drew. So
    its own names, or those beside it, go first where they do not contradict what is said.
    """
    named = images.read_named_labels(path, grid=grid)
    if labels is not None:
        coding = parse_coding(labels)
        if not named.names or named.unmapped or named.contradicts(coding):
            named = named.apply(coding)
    return checked_label_map(named)
