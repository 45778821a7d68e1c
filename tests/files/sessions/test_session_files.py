"""Session files, written and read; what is in them, read by readers that are not ours."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.core.labels import Label
from liverview.core.stream import Message
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.sessions.content import file_stamp
from liverview.files.sessions.writing import iter_write_session, relative_path

from support.odd_scans import oriented
from support.sessions import (
    content_of,
    members_of,
    read_session,
    some_labels,
    state_of,
    write_session,
)

Write = Callable[..., Path]


@pytest.fixture
def scan(write: Write) -> Path:
    voxels, affine = oriented("LPS")
    return write(voxels, affine, name="scan.nii.gz")


@pytest.mark.parametrize("axes", ["RAS", "LPS", "SRP", "oblique"])
def test_labels_come_back_and_any_program_reads_them(
    write: Write, tmp_path: Path, axes: str
) -> None:
    voxels, affine = oriented("RAS" if axes == "oblique" else axes)
    if axes == "oblique":
        turn = np.eye(4)
        turn[:2, :2] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
        affine = turn @ affine
    path = write(voxels, affine, name="scan.nii.gz")
    content = content_of(path)
    labels = some_labels(content.volume)
    session = tmp_path / "case.liverview"
    write_session(session, content_of(path, labels))
    read = read_session(session)
    assert np.array_equal(read.labels.voxels, labels.voxels)
    assert read.labels.defined == frozenset(Label) - {Label.BACKGROUND}  # all have names
    assert (read.scan, read.history, read.reference) == (path, None, None)
    assert np.array_equal(read.volume.voxels, content.volume.voxels)
    # The same, seen by nibabel: the grid of the scan's file, and each label in its place.
    with zipfile.ZipFile(session) as archive:
        archive.extract("labels.nii.gz", tmp_path)
    image, original = nib.load(tmp_path / "labels.nii.gz"), nib.load(path)
    assert image.shape == original.shape
    assert np.array_equal(image.affine, original.affine)
    stored = np.asarray(image.dataobj)
    for voxel in [(0, 0, 0), (1, 2, 3), (4, 6, 8)]:
        world = content.volume.affine @ [*voxel, 1]
        there = tuple(np.rint(np.linalg.inv(image.affine) @ world)[:3].astype(int))
        assert stored[there] == labels.voxels[voxel]


def test_the_scan_is_named_by_path_and_hash(scan: Path, tmp_path: Path) -> None:
    session = tmp_path / "sub" / "case.liverview"
    session.parent.mkdir()
    write_session(session, content_of(scan))
    members = members_of(session)
    assert set(members) == {"case.json"}
    stored = json.loads(members["case.json"])["scan"]
    assert stored["path"] == str(scan)
    assert stored["relative"] == "../scan.nii.gz"
    assert stored["sha256"] == hashlib.sha256(scan.read_bytes()).hexdigest()
    assert read_session(session).labels is None


def test_the_same_content_gives_the_same_bytes(scan: Path, tmp_path: Path) -> None:
    content = content_of(scan)
    content = content_of(scan, some_labels(content.volume))
    for name in ("a", "b"):
        write_session(tmp_path / f"{name}.liverview", content)
    first, second = ((tmp_path / f"{name}.liverview").read_bytes() for name in ("a", "b"))
    assert first == second


def test_what_nobody_judged_comes_back_with_the_labels_under_it(scan: Path, tmp_path: Path) -> None:
    volume = images.read(scan)
    ignored = np.zeros(volume.shape, bool)
    ignored[1:3, 2:5, :4] = True
    labels = replace(some_labels(volume), ignored=ignored, defined=frozenset({Label.TUMOR}))
    session = tmp_path / "case.liverview"
    write_session(session, content_of(scan, labels))
    read = read_session(session).labels
    assert np.array_equal(read.ignored, ignored)
    assert np.array_equal(read.voxels, labels.voxels)


def test_reference_and_history_come_back(scan: Path, tmp_path: Path) -> None:
    volume = images.read(scan)
    reference = some_labels(volume, seed=5)
    labels = some_labels(volume)
    content = content_of(scan, labels, reference=reference, history=b"\0steps\xff" * 1000)
    session = tmp_path / "case.liverview"
    write_session(session, content)
    read = read_session(session)
    assert read.history == b"\0steps\xff" * 1000
    assert np.array_equal(read.reference.voxels, reference.voxels)
    assert np.array_equal(read.labels.voxels, labels.voxels)


def test_a_scan_that_was_never_a_file_is_in_the_session(scan: Path, tmp_path: Path) -> None:
    volume = replace(images.read(scan), source=None, name="Phantom 3")
    labels = some_labels(volume)
    state = state_of(volume, None, labels)
    session = tmp_path / "phantom.liverview"
    content = replace(content_of(scan, labels), state=state, volume=volume, scan=None)
    write_session(session, content)
    read = read_session(session)
    assert (read.scan, read.volume.name) == (None, "Phantom 3")
    assert np.array_equal(read.volume.voxels, volume.voxels)
    assert np.allclose(read.volume.affine, volume.affine)
    assert np.array_equal(read.labels.voxels, labels.voxels)


@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_scan_that_is_not_what_was_opened_any_more_goes_into_the_session(
    scan: Path, tmp_path: Path, how: str
) -> None:
    content = content_of(scan, some_labels(images.read(scan)))
    stamp = file_stamp(scan)
    if how == "gone":
        scan.unlink()
    else:
        scan.write_bytes(b"something else")
    session = tmp_path / "case.liverview"
    said = [i for i in iter_write_session(session, content, stamp, {}) if isinstance(i, Message)]
    assert said == [
        Message(
            f"{scan} is gone or was changed since it was opened: "
            "case.liverview keeps the scan as it is shown."
        )
    ]
    read = read_session(session)
    assert np.array_equal(read.volume.voxels, content.volume.voxels)
    assert np.array_equal(read.labels.voxels, content.labels.voxels)
    assert read.scan is None


def test_a_volume_of_a_file_with_several_is_that_one_again(write: Write, tmp_path: Path) -> None:
    voxels = np.random.default_rng(1).integers(-900, 900, (5, 6, 7, 3)).astype(np.int16)
    path = write(voxels, np.diag([2.0, 2, 3, 1]), name="deep.nii")
    session = tmp_path / "case.liverview"
    write_session(session, content_of(path, index=2))
    read = read_session(session)
    assert read.volume.index == 2
    assert np.array_equal(read.volume.voxels, voxels[..., 2])


def test_odd_names_of_scan_and_session(tmp_path: Path, scan: Path) -> None:
    odd = tmp_path / "Dr. Müller é\udcfc.nii.gz"
    odd.write_bytes(scan.read_bytes())
    session = tmp_path / "caß\udcff.LIVERVIEW"
    write_session(session, content_of(odd, some_labels(images.read(odd))))
    assert read_session(session).scan == odd


def test_the_way_to_a_scan_has_slashes(tmp_path: Path) -> None:
    way = relative_path(tmp_path / "a" / "ct.nii", tmp_path / "b" / "c" / "case.liverview")
    assert way == "../../a/ct.nii"


def test_labels_that_do_not_lie_on_the_scan_are_not_saved(scan: Path, tmp_path: Path) -> None:
    other = LabelMap(np.zeros((3, 3, 3), np.uint8), np.eye(4))
    session = tmp_path / "case.liverview"
    session.write_bytes(b"what was there")
    with pytest.raises(ValueError, match="do not lie on the same voxels"):
        write_session(session, content_of(scan, other))
    assert session.read_bytes() == b"what was there"
