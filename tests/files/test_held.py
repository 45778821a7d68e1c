"""Temporary files of processes that were killed, and those of living ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from liverview.files import atomic, held

KILLED = """
import os, signal, sys
from pathlib import Path
from liverview.files import atomic
with atomic.atomic_write(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half of it")
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""
SLOW = """
import sys
from pathlib import Path
from liverview.files import atomic
with atomic.atomic_write(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"slow")
    print("writing", flush=True)
    sys.stdin.readline()
"""


def left(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.startswith(".liverview-"))


@pytest.mark.skipif(sys.platform == "win32", reason="a minute must pass there")
def test_the_next_save_removes_what_killed_processes_left(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b.json", "c"):
        run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)])
        assert run.returncode != 0
    assert len(left(tmp_path)) == 1  # each has removed that of the one before it
    assert left(tmp_path)[0].read_bytes() == b"half of it"
    atomic.write_text(tmp_path / "next.txt", "done")
    assert left(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["next.txt"]


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", SLOW, str(tmp_path / "slow.txt")]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        (its,) = left(tmp_path)
        with atomic.atomic_write(tmp_path / "outer.txt") as outer:
            atomic.write_text(tmp_path / "inner.txt", "inner")
            assert left(tmp_path) == sorted([its, outer])
        assert left(tmp_path) == [its]
        other.communicate("go on\n")
    assert other.returncode == 0
    assert (tmp_path / "slow.txt").read_bytes() == b"slow"
    assert left(tmp_path) == []


def test_files_of_others_stay(tmp_path: Path) -> None:
    """Names that only look alike, links, folders, and the files of another machine."""
    own = held.HeldFile(tmp_path, "saving", ".txt")
    own.let_go()
    (elsewhere,) = left(tmp_path)
    parts = elsewhere.name.split("-")
    other_host = elsewhere.with_name("-".join([*parts[:2], "0" * 8, *parts[3:]]))
    elsewhere.rename(other_host)
    names = (".liverview-notes", ".liverview-saving-notes.txt", ".liverview-other-" + parts[2])
    for name in names:
        (tmp_path / name).write_text("mine")
    target = tmp_path / "kept.txt"
    target.write_text("mine")
    link = tmp_path / f".liverview-saving-{parts[2]}-abcdefgh"
    link.symlink_to(target)
    folder = tmp_path / f".liverview-saving-{parts[2]}-abcdefgi"
    folder.mkdir()
    before = set(tmp_path.iterdir())
    atomic.write_text(tmp_path / "next.txt", "done")
    assert set(tmp_path.iterdir()) == before | {tmp_path / "next.txt"}
    assert target.read_text() == "mine"
    os.utime(other_host, (0, 0))  # nobody has written to it for years
    atomic.write_text(tmp_path / "next.txt", "done")
    assert set(tmp_path.iterdir()) == before - {other_host} | {tmp_path / "next.txt"}


def test_a_folder_without_locks_keeps_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(handle: int, how: int) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    one = held.HeldFile(tmp_path, "saving")
    atomic.write_text(tmp_path / "next.txt", "done")
    assert left(tmp_path) == [one.path]
    one.remove()
    assert left(tmp_path) == []
