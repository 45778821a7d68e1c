"""SHA-256 of files and folders, compared with hashlib and with the lines of sha256sum."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from liverview.core.stream import Progress, result_of
from liverview.files.file_hash import UnreadableFileError, iter_hash


def hash_of(path: Path) -> str:
    return result_of(iter_hash(path), str)


def test_a_file_is_hashed_in_steps(tmp_path: Path) -> None:
    path = tmp_path / "ct.nii"
    content = os.urandom(9 << 20)
    path.write_bytes(content)
    *steps, found = iter_hash(path)
    assert found == sha256(content).hexdigest()
    assert len(steps) == 3
    assert all(isinstance(step, Progress) for step in steps)


def test_a_file_that_has_changed_has_another_hash(tmp_path: Path) -> None:
    path = tmp_path / "ct.nii"
    for content in (b"one", b"another"):
        path.write_bytes(content)
        assert hash_of(path) == sha256(content).hexdigest()
    assert len(list(iter_hash(path))) == 1  # known, not read again


def test_a_folder_is_hashed_as_sha256sum_lists_it(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    files = {"a.dcm": b"first", "b/c.dcm": b"second"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    lines = "".join(f"{sha256(text).hexdigest()}  {name}\n" for name, text in files.items())
    assert hash_of(tmp_path) == sha256(lines.encode()).hexdigest()


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"gone\.nii cannot be read .*still there"):
        hash_of(tmp_path / "gone.nii")
