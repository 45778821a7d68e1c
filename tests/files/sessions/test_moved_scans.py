"""Scans that are not where they were, or not what they were, when a session is opened."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from liverview.core.errors import LiverviewError
from liverview.core.stream import Progress
from liverview.files import images
from liverview.files.sessions.locating import ScanAnswer, ScanChanged, ScanMissing
from liverview.files.sessions.reading import iter_read_session

from support.odd_scans import oriented
from support.sessions import (
    change_state,
    content_of,
    read_session,
    some_labels,
    write_session,
)

Write = Callable[..., Path]


@pytest.fixture
def scan(write: Write, tmp_path: Path) -> Path:
    voxels, affine = oriented("LPS")
    made = write(voxels, affine, name="scan.nii.gz")
    (tmp_path / "scans").mkdir()
    return made.rename(tmp_path / "scans" / "scan.nii.gz")


@pytest.fixture
def session(scan: Path, tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    path = tmp_path / "work" / "case.liverview"
    write_session(path, content_of(scan, some_labels(images.read(scan))))
    return path


def question_of(session: Path, answer: ScanAnswer | None = None) -> object:
    *steps, last = iter_read_session(session, answer)
    assert all(isinstance(step, Progress) for step in steps)
    return last


def test_session_and_scan_that_moved_together_are_found(
    session: Path, scan: Path, tmp_path: Path
) -> None:
    away = tmp_path / "usb"
    away.mkdir()
    for folder in ("scans", "work"):
        shutil.move(tmp_path / folder, away / folder)
    assert read_session(away / "work" / session.name).scan.samefile(away / "scans" / scan.name)


def test_a_scan_beside_the_session_is_found(session: Path, scan: Path) -> None:
    beside = scan.rename(session.parent / scan.name)
    assert read_session(session).scan == beside


def test_a_session_that_moved_alone_finds_the_scan_where_it_was(
    session: Path, scan: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "far" / "away"
    alone.mkdir(parents=True)
    moved = session.rename(alone / session.name)
    assert read_session(moved).scan == scan


def test_of_several_the_one_with_the_right_hash_is_taken(
    session: Path, scan: Path, write: Write
) -> None:
    voxels, affine = oriented("LPS")
    (session.parent / scan.name).write_bytes(
        write(voxels + 1, affine, name="other.nii.gz").read_bytes()
    )
    assert read_session(session).scan == (session.parent / "../scans/scan.nii.gz")


def test_a_scan_that_is_gone_is_asked_for(session: Path, scan: Path, tmp_path: Path) -> None:
    elsewhere = scan.rename(tmp_path / "renamed.nii.gz")
    assert question_of(session) == ScanMissing("scan.nii.gz", str(tmp_path / "scans"))
    assert read_session(session, ScanAnswer(elsewhere)).scan == elsewhere
    gone = tmp_path / "gone.nii.gz"
    assert question_of(session, ScanAnswer(gone)) == ScanMissing("gone.nii.gz", str(tmp_path))


def test_a_scan_that_has_changed_is_asked_about(session: Path, scan: Path, write: Write) -> None:
    voxels, affine = oriented("LPS")
    changed = write(voxels + 1, affine, name="changed.nii.gz")
    scan.write_bytes(changed.read_bytes())
    asked = question_of(session)
    assert isinstance(asked, ScanChanged)
    assert asked.scan.samefile(scan)
    read = read_session(session, ScanAnswer(asked.scan, changed=True))
    assert np.array_equal(read.volume.voxels, images.read(changed).voxels)
    assert question_of(session, ScanAnswer(changed)) == ScanChanged(changed)


def test_a_scan_of_another_grid_is_refused_whatever_was_answered(
    session: Path, write: Write
) -> None:
    other = write(np.zeros((9, 8, 7), np.int16) - 500, name="other.nii")
    with pytest.raises(LiverviewError) as refused:
        read_session(session, ScanAnswer(other, changed=True))
    assert str(refused.value).startswith(f"{other} is not the scan of this session: it has 9x8x7")
    assert str(refused.value).endswith("open case.liverview again and choose scan.")


@pytest.mark.parametrize(
    "way", ["/etc/hostname", "C:/scan.nii", "\\\\server\\scan.nii", "a\0b", "../" * 2000, ""]
)
def test_a_way_that_leads_nowhere_or_everywhere_is_not_taken(
    session: Path, scan: Path, way: str
) -> None:
    def change(state: dict) -> None:
        state["scan"].update(relative=way[:4096], path=way[:4096])

    change_state(session, change)
    asked = question_of(session)
    assert isinstance(asked, ScanMissing | ScanChanged)


def test_a_scan_that_is_no_scan_says_so(session: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no scan")
    with pytest.raises(LiverviewError, match=r"notes\.txt"):
        read_session(session, ScanAnswer(notes, changed=True))
