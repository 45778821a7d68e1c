"""Locks of session files: of this process, of others, and of those that were killed."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from liverview.files.sessions.lock import SessionLock, SessionLockedError, lock_path

HOLDING = """
import sys
from pathlib import Path
from liverview.files.sessions.lock import SessionLock
lock = SessionLock(Path(sys.argv[1]))
print(lock.held, flush=True)
sys.stdin.readline()
"""


def test_a_session_is_locked_until_it_is_released(tmp_path: Path) -> None:
    session = tmp_path / "case.liverview"
    first = SessionLock(session)
    assert first.held
    with pytest.raises(SessionLockedError) as refused:
        SessionLock(session)
    assert str(refused.value).startswith(f"{session} is open in another window since ")
    assert str(refused.value).endswith(
        ": close it there, or open a copy, which is saved under another name."
    )
    first.release()
    assert list(tmp_path.iterdir()) == []
    again = SessionLock(session)
    assert again.held
    again.release()
    again.release()


def test_links_lead_to_the_same_lock(tmp_path: Path) -> None:
    session = tmp_path / "case.liverview"
    session.touch()
    (tmp_path / "link.liverview").symlink_to(session)
    lock = SessionLock(tmp_path / "link.liverview")
    with pytest.raises(SessionLockedError):
        SessionLock(session)
    lock.release()


def test_another_process_has_it_until_it_is_killed(tmp_path: Path) -> None:
    session = tmp_path / "case.liverview"
    pipe = subprocess.PIPE
    arguments = [sys.executable, "-c", HOLDING, str(session)]
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with pytest.raises(SessionLockedError):
            SessionLock(session)
        other.kill()
        other.wait()
        assert lock_path(session).exists()  # left behind, and nobody's
        lock = SessionLock(session)
        assert lock.held
        lock.release()


def test_a_lock_of_another_machine_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = tmp_path / "case.liverview"
    with monkeypatch.context() as there:
        there.setattr(platform, "node", lambda: "reading-room-2")
        lock = SessionLock(session)
    with pytest.raises(SessionLockedError, match="another window on reading-room-2 since"):
        SessionLock(session)
    lock.release()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff" * 9000, b"[" * 4000])
def test_a_lock_that_says_nothing_still_holds(tmp_path: Path, content: bytes) -> None:
    session = tmp_path / "case.liverview"
    lock = SessionLock(session)
    lock_path(session).write_bytes(content)
    with pytest.raises(SessionLockedError, match="another window: close it"):
        SessionLock(session)
    lock.release()


def test_a_folder_that_may_not_be_written_to_has_no_locks(tmp_path: Path) -> None:
    lock = SessionLock(tmp_path / "gone" / "case.liverview")
    assert not lock.held
    lock.release()


def test_a_link_in_the_place_of_the_lock_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    target.write_text("mine")
    session = tmp_path / "case.liverview"
    lock_path(session).symlink_to(target)
    lock = SessionLock(session)
    assert not lock.held
    assert target.read_text() == "mine"


def test_a_folder_without_locks_opens_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(handle: int, how: int) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert not SessionLock(tmp_path / "case.liverview").held
