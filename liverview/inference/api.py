"""Segmentation in one call, with the weights that liverview brings or those of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from liverview.core.candidates import DEFAULT_CERTAINTY, LesionCandidates
from liverview.core.checks import require_volume
from liverview.core.grid import Voxel
from liverview.core.stream import Message, ProgressCallback, Slab
from liverview.core.volume import LabelMap, Volume
from liverview.files.opening import PathLike, as_path
from liverview.inference import segmentation
from liverview.inference.segmentation import Models, SegmentationItem


def segment(
    scan: Volume,
    *,
    device: str = "auto",
    weights: PathLike | None = None,
    progress: ProgressCallback | None = None,
    start: Voxel | None = None,
    least_certainty: float = DEFAULT_CERTAINTY,
) -> LabelMap:
    """Segment the liver, its vessels and its tumors.

    Parameters
    ----------
    scan : a CT of the abdomen, in HU.
    device : auto, cpu, cuda, cuda:N or mps.
    weights : the folder of coarse.safetensors, fine.safetensors and, where it is there,
        lesions.safetensors, by default those that liverview brings. They are loaded once per
        process.
    progress : is called with a `Progress` from time to time.
    start : the voxel (i, j, k) to begin at; the labels are the same wherever that is.
    least_certainty : what may be a lesion is a tumor from this certainty on, 0..1: a lower one
        finds more lesions, and more that are none.

    Returns
    -------
    labels : on the voxels of the scan, and written on the grid of its file. Its ``warnings`` say
        what is odd, as that no liver was found; its ``candidates`` are all parts that may be
        lesions, the most certain first.

    Raises
    ------
    DeviceError : where the device is unknown or not there.
    CheckpointError : where weights are missing, damaged or of the wrong kind.
    ExtentError : where the scan is larger than any body.
    LiverviewError : where the least certainty is not within 0 to 1.

    Examples
    --------
    >>> import liverview as lv
    >>> labels = lv.segment(lv.read("ct.nii.gz"), device="cpu")
    >>> labels
    LabelMap 96x84x40, 4.00x4.00x5.00 mm, RAS+, liver ... mL, vessel ... mL, tumor ... mL, "ct"
    """
    require_volume(scan)
    labels = np.zeros(scan.shape, np.uint8, order="F")
    warnings = []
    candidates = LesionCandidates((), least_certainty)
    for item in iter_segment(
        scan, device=device, weights=weights, start=start, least_certainty=least_certainty
    ):
        if isinstance(item, Slab):
            labels[:, :, item.start : item.stop] = item.labels
        elif isinstance(item, Message):
            warnings.append(item.text)
        elif isinstance(item, LesionCandidates):
            candidates = item
        elif progress is not None:
            progress(item)
    return LabelMap(
        labels,
        scan.affine,
        scan.name,
        scan.source,
        tuple(warnings),
        candidates=candidates.parts,
        least_certainty=least_certainty,
    )


def iter_segment(
    scan: Volume,
    *,
    device: str = "auto",
    weights: PathLike | None = None,
    start: Voxel | None = None,
    probabilities: bool = False,
    gates: bool = False,
    least_certainty: float = DEFAULT_CERTAINTY,
) -> Iterator[SegmentationItem]:
    """Segment as `segment` does; yields `Progress`, `Message` and `Slab` as they come.

    A coarse liver comes first, then refined slabs from ``start`` outward, then those that the
    clean-up changed: of slabs that overlap, the last one counts. After them comes one
    `LesionCandidates`, all parts that may be lesions. To stop is to stop iterating.

    Parameters
    ----------
    probabilities : slabs hold the class probabilities behind their labels, too.
    gates : slabs hold the coefficients of the attention gates, too.

    Raises
    ------
    As `segment` does.

    Examples
    --------
    >>> import liverview as lv
    >>> scan = lv.read("ct.nii.gz")
    >>> for item in lv.iter_segment(scan, device="cpu"):
    ...     if isinstance(item, lv.Slab):
    ...         print("the first labels begin at slice", item.start)
    ...         break
    the first labels begin at slice ...
    """
    require_volume(scan)
    models = _load_models(None if weights is None else as_path(weights))
    yield from segmentation.iter_segment(
        scan,
        models,
        device,
        start,
        probabilities=probabilities,
        gates=gates,
        least_certainty=least_certainty,
    )


@lru_cache(maxsize=1)
def _load_models(folder: Path | None) -> Models:
    return segmentation.load_models(folder)
