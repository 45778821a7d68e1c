"""Session files of a small scan, and parts of them exchanged."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from liverview.core.labels import Label, default_styles
from liverview.core.stream import drain, result_of
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.case_state import (
    Arrangement,
    CaseState,
    EditingState,
    LabelsState,
    ScanState,
    ViewState,
    affine_rows,
)
from liverview.files.sessions.content import SessionContent, file_stamp
from liverview.files.sessions.reading import ScanAnswer, iter_read_session
from liverview.files.sessions.writing import iter_write_session


def state_of(volume: Volume, path: Path | None, labels: LabelMap | None) -> CaseState:
    scan = ScanState(
        None if path is None else str(path), volume.name, volume.shape, affine_rows(volume.affine)
    )
    return CaseState(
        scan=replace(scan, volume_index=volume.index),
        labels=None if labels is None else LabelsState(ignored=labels.ignored is not None),
        view=ViewState((1, 2, 3), 40.0, 400.0, "RADIOLOGICAL", "MAXIMUM"),
        arrangement=Arrangement("ROW"),
        styles={},
        editing=EditingState("tumor", "ALL", "liver"),
    )


def some_labels(volume: Volume, seed: int = 0) -> LabelMap:
    """Every label at random places."""
    voxels = np.random.default_rng(seed).integers(0, len(Label), volume.shape, np.uint8)
    return LabelMap(np.asfortranarray(voxels), volume.affine)


def content_of(
    path: Path, labels: LabelMap | None = None, index: int = 0, **more: Any
) -> SessionContent:
    """What a session of a scan holds."""
    volume = images.read(path, index)
    return SessionContent(state_of(volume, path, labels), volume, path, labels, **more)


def write_session(path: Path, content: SessionContent) -> None:
    drain(iter_write_session(path, content, file_stamp(content.scan), default_styles()))


def read_session(path: Path, answer: ScanAnswer | None = None) -> SessionContent:
    return result_of(iter_read_session(path, answer), SessionContent)


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def change_state(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write the session again with another state in it."""
    members = members_of(path)
    state = json.loads(members["case.json"])
    change(state)
    write_members(path, members | {"case.json": json.dumps(state).encode()})
