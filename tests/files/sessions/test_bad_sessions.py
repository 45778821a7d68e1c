"""Session files that are damaged, odd or made to do harm: one sentence, and nothing unpacked."""

from __future__ import annotations

import errno
import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liverview.core.errors import LiverviewError
from liverview.files import images
from liverview.files.atomic import TargetError
from liverview.files.sessions import container
from liverview.files.sessions.container import SessionFileError
from liverview.files.sessions.content import SessionContent
from liverview.files.sessions.locating import ScanChanged, ScanMissing
from liverview.files.sessions.reading import iter_read_session

from support.odd_scans import oriented
from support.sessions import (
    change_state,
    content_of,
    members_of,
    read_session,
    some_labels,
    write_members,
    write_session,
)

Write = Callable[..., Path]
WAY_OUT = "open an older copy, or unpack it as a zip file and open its labels.nii.gz on the scan."


@pytest.fixture
def scan(write: Write) -> Path:
    voxels, affine = oriented("LPS")
    return write(voxels, affine, name="scan.nii.gz")


@pytest.fixture
def session(scan: Path, tmp_path: Path) -> Path:
    path = tmp_path / "case.liverview"
    write_session(path, content_of(scan, some_labels(images.read(scan))))
    return path


@pytest.fixture(autouse=True)
def _nothing_stays_in_temporary_folders(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> object:
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def refusal_of(session: Path) -> str:
    with pytest.raises(LiverviewError) as refused:
        read_session(session)
    text = str(refused.value)
    assert str(session) in text
    assert "\n" not in text
    return text


# ---- no session at all -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty (0 bytes)"),
        (b"not a zip at all", "is no session file, or damaged (File is not a zip file)"),
        (b"PK\x03\x04" + bytes(100), "is no session file, or damaged"),
        (b"PK\x05\x06" + b"\xff" * 18, "is no session file, or damaged"),
    ],
)
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "case.liverview"
    path.write_bytes(content)
    assert said in refusal_of(path)


def test_a_session_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    assert "does not exist" in refusal_of(tmp_path / "gone.liverview")
    (tmp_path / "folder.liverview").mkdir()
    assert "is a folder" in refusal_of(tmp_path / "folder.liverview")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_damage_does_more_than_a_sentence(session: Path, data: st.DataObject) -> None:
    """Bytes changed, cut or doubled anywhere: what was saved, or a sentence."""
    whole = session.read_bytes()
    kept = read_session(session).labels.voxels
    damaged = bytearray(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "double"]))
    if kind == "flip":
        damaged[place] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del damaged[place : place + data.draw(st.integers(1, 200))]
    else:
        damaged[place:place] = damaged[place : place + data.draw(st.integers(1, 200))]
    path = session.with_name("damaged.liverview")
    path.write_bytes(damaged)
    said = ""
    try:
        *_, last = iter_read_session(path)
    except LiverviewError as error:
        said, last = str(error), None
    if isinstance(last, SessionContent):
        assert np.array_equal(last.labels.voxels, kept)
    elif last is None:
        assert str(path) in said or str(session.with_name("scan.nii.gz")) in said
    else:
        assert isinstance(last, ScanMissing | ScanChanged)


# ---- members that are not what they should be ------------------------------------------------


def test_a_member_that_is_missing(session: Path) -> None:
    members = members_of(session)
    write_members(session, {n: m for n, m in members.items() if n != "labels.nii.gz"})
    assert "its labels.nii.gz and its case.json disagree" in refusal_of(session)
    write_members(session, {n: m for n, m in members.items() if n != "case.json"})
    assert refusal_of(session) == f"{session} cannot be opened: it has no case.json; {WAY_OUT}"


def test_two_members_of_one_name(session: Path) -> None:
    members = members_of(session)
    with zipfile.ZipFile(session, "w") as archive:
        archive.writestr("case.json", members["case.json"])
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("case.json", members["case.json"])
    assert "some under one name" in refusal_of(session)


def test_a_bomb_of_json_is_not_unpacked(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "LARGEST_STATE", 1 << 20)
    bomb = b"[" + b" " * (4 << 20)
    write_members(session, {"case.json": bomb}, zipfile.ZIP_DEFLATED)
    assert session.stat().st_size < 1 << 16
    assert "its case.json is larger than 1 MB" in refusal_of(session)
    # The same where the file says that it is small.
    data = session.read_bytes()
    size = len(bomb).to_bytes(4, "little")
    assert data.count(size) == 2
    session.write_bytes(data.replace(size, (100).to_bytes(4, "little")))
    assert str(session) in refusal_of(session)


def test_a_bomb_of_labels_is_not_unpacked(session: Path) -> None:
    members = members_of(session)
    write_members(session, members | {"labels.nii.gz": bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    assert "its labels.nii.gz is compressed once more" in refusal_of(session)


def test_labels_larger_than_the_scan_are_refused_by_their_header(
    session: Path, tmp_path: Path, write: Write
) -> None:
    huge = write(np.zeros((400, 300, 200), np.uint8), name="huge.nii.gz")
    assert huge.stat().st_size < 1 << 20
    write_members(session, members_of(session) | {"labels.nii.gz": huge.read_bytes()})
    assert "its labels.nii.gz does not lie on the voxels of the scan" in refusal_of(session)


def test_labels_of_another_grid(session: Path, write: Write) -> None:
    voxels, affine = oriented("LPS")
    moved = affine.copy()
    moved[0, 3] += 50
    other = write((voxels * 0).astype(np.uint8), moved, name="other.nii.gz")
    write_members(session, members_of(session) | {"labels.nii.gz": other.read_bytes()})
    assert "its labels.nii.gz does not lie on the voxels of the scan" in refusal_of(session)


def test_labels_that_are_damaged_or_no_label_map(session: Path) -> None:
    members = members_of(session)
    half = members["labels.nii.gz"][: len(members["labels.nii.gz"]) // 2]
    for content in (half, b"no label map", b"\x1f\x8b"):
        write_members(session, members | {"labels.nii.gz": content})
        assert "its labels.nii.gz cannot be read (it" in refusal_of(session)


def test_labels_with_values_that_nothing_names(session: Path, write: Write) -> None:
    voxels, affine = oriented("LPS")
    values = write((voxels * 0 + 77).astype(np.uint8), affine, name="odd.nii.gz")
    write_members(session, members_of(session) | {"labels.nii.gz": values.read_bytes()})
    assert "its labels.nii.gz has labels that are not known (77)" in refusal_of(session)


def test_a_member_that_is_encrypted(session: Path) -> None:
    data = bytearray(session.read_bytes())
    place = data.index(b"PK\x01\x02")
    data[place + 8] |= 1
    session.write_bytes(data)
    assert "its case.json is encrypted" in refusal_of(session)


def test_paths_out_of_the_folder_are_never_unpacked(session: Path, tmp_path: Path) -> None:
    members = members_of(session)
    evil = {"../evil.txt": b"x", "/tmp/liverview-evil": b"x", "..\\evil.txt": b"x"}
    write_members(session, members | evil)
    before = set(tmp_path.rglob("*"))
    assert read_session(session).labels is not None  # passed over, as any other member
    assert set(tmp_path.rglob("*")) == before
    assert not Path("/tmp/liverview-evil").exists()


def test_a_thousand_members(session: Path) -> None:
    write_members(session, members_of(session) | {str(n): b"" for n in range(1000)})
    assert "it has 1002 members" in refusal_of(session)


# ---- a state that cannot be ------------------------------------------------------------------


def test_a_newer_version_says_to_update(session: Path) -> None:
    change_state(session, lambda state: state.update(version=2, written_by="liverview 9.0"))
    assert refusal_of(session) == (
        f"{session} cannot be opened: it is of version 2, by liverview 9.0; this liverview reads "
        f"up to version 1: update it; {WAY_OUT}"
    )


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff", b'{"format": "other"}', b"[" * 50_000])
def test_a_state_that_is_no_json_of_ours(session: Path, text: bytes) -> None:
    write_members(session, members_of(session) | {"case.json": text})
    assert WAY_OUT in refusal_of(session)


def test_a_value_that_cannot_be_is_named(session: Path) -> None:
    change_state(session, lambda state: state["view"].update(width="wide"))
    assert "view.width must be a number from 0" in refusal_of(session)


def test_a_session_whose_labels_the_state_denies(session: Path) -> None:
    change_state(session, lambda state: state.update(labels=None))
    assert "disagree" in refusal_of(session)


# ---- places that cannot be written to --------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "word"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "may not be written")]
)
def test_a_write_that_fails_leaves_the_old_session(
    session: Path, scan: Path, monkeypatch: pytest.MonkeyPatch, number: int, word: str
) -> None:
    before = session.read_bytes()

    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(container.os, "fsync", fail)
    with pytest.raises(TargetError, match=rf"case\.liverview could not be saved: .*{word}"):
        write_session(session, content_of(scan))
    monkeypatch.undo()
    assert session.read_bytes() == before
    assert sorted(path.name for path in session.parent.iterdir()) == [
        "case.liverview",
        "scan.nii.gz",
    ]


def test_a_full_disk_for_temporary_files_names_the_session(
    session: Path, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = session.read_bytes()
    monkeypatch.setattr(tempfile, "tempdir", "/gone")
    with pytest.raises(TargetError, match=rf"^{session} could not be saved: no folder for temp"):
        write_session(session, content_of(scan))
    assert session.read_bytes() == before


@pytest.mark.parametrize("name", ["folder", "gone/case"])
def test_a_target_that_cannot_be_one_is_refused_before_the_work(
    scan: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder.liverview").mkdir()
    target = tmp_path / f"{name}.liverview"
    with pytest.raises(TargetError, match="liverview"):
        write_session(target, content_of(scan))


def test_a_disk_that_gives_back_something_else_is_noticed(
    session: Path, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = session.read_bytes()
    right = container._iter_file
    monkeypatch.setattr(
        container, "_iter_file", lambda path: (chunk[:-1] + b"?" for chunk in right(path))
    )
    with pytest.raises(SessionFileError, match="what came back from the disk differs"):
        write_session(session, content_of(scan, some_labels(images.read(scan))))
    assert session.read_bytes() == before


def test_the_state_is_json_that_any_program_reads(session: Path) -> None:
    state = json.loads(members_of(session)["case.json"])
    assert (state["format"], state["version"]) == ("liverview-case", 1)
