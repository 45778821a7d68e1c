"""Writing the side files of a label map."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from liverview.core.labels import FOREGROUND, Label, LabelStyle
from liverview.core.stream import Progress
from liverview.core.text import printable
from liverview.core.volume import LabelMap
from liverview.files import atomic
from liverview.files.formats import name_without_suffix
from liverview.files.review_record import review_content
from liverview.files.sidefiles.record import record_content
from liverview.files.sidefiles.slicer import ctbl_text
from liverview.files.sidefiles.snap import snap_text
from liverview.files.sidefiles.workbench import label_list_text


@dataclass(frozen=True)
class SideFiles:
    """Paths of the side files of a label map.

    Attributes
    ----------
    snap : ITK-SNAP label description; slicer : 3D Slicer color table; record : JSON;
        workbench : label list for Connectome Workbench.
    """

    snap: Path
    slicer: Path
    record: Path
    workbench: Path

    @classmethod
    def of(cls, label_map: Path) -> SideFiles:
        """Beside CASE_seg.nii.gz: CASE_seg.txt, .ctbl, .json and CASE_seg_workbench.txt."""
        name = name_without_suffix(label_map)
        endings = (".txt", ".ctbl", ".json", "_workbench.txt")
        return cls(*(label_map.with_name(name + ending) for ending in endings))

    def __iter__(self) -> Iterator[Path]:
        return iter(astuple(self))


def iter_write_side_files(
    label_map: Path,
    labels: LabelMap,
    styles: Mapping[Label, LabelStyle],
    weights_sha256: Mapping[str, str],
    *,
    overwrite: bool = False,
    missing: bool = False,
) -> Iterator[Progress]:
    """Write the files beside a label map, each whole or not at all; yields progress.

    Parameters
    ----------
    label_map : the file that the labels are in.
    styles : names and colors to write, of the labels that the label map defines.
    weights_sha256 : of the networks that made the labels, by file name; may be empty.
    missing : write those alone that are not there.

    Raises
    ------
    TargetError : where one exists and may not be replaced, or cannot be written.
    """
    beside = SideFiles.of(label_map)
    wanted = [path for path in beside if not (missing and os.path.lexists(path))]
    for path in wanted:
        atomic.check_target(path, overwrite=overwrite)
    yield Progress("Writing side files", 0.0)
    counts = {label: int(np.count_nonzero(labels.voxels == label)) for label in FOREGROUND}
    styles = {label: style for label, style in styles.items() if labels.defines(label)}
    content = record_content(
        label_map.name,
        counts,
        labels.voxel_ml,
        styles,
        weights_sha256,
        review_content(labels),
        labels.edited,
    )
    if beside.snap in wanted:
        atomic.write_text(beside.snap, snap_text(styles))
    if beside.slicer in wanted:
        atomic.write_text(beside.slicer, ctbl_text(printable(beside.slicer.name), styles))
    if beside.workbench in wanted:
        atomic.write_text(beside.workbench, label_list_text(styles))
    if beside.record in wanted:
        atomic.write_json(beside.record, content)
    yield Progress("Saved", 1.0)
