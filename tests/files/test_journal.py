"""Journals: whatever is cut off or spoiled, the rest is read; whatever is wrong, one sentence."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverview.core.box import Box
from liverview.files.journal import entry, reading, records, writing
from liverview.files.journal.entry import Entry, JournalError
from liverview.files.journal.reading import find_left, read_journal
from liverview.files.journal.writing import JournalWriter

SHAPE = (6, 5, 4)
WHOLE = Box.of_shape(SHAPE)


def first(voxels: np.ndarray, **fields: object) -> Entry:
    return Entry(1.0, 0, True, True, ((WHOLE, voxels),), {"state": {"n": 0}, **fields})


def a_box(rng: np.random.Generator) -> Box:
    corners = [sorted(rng.choice(n + 1, 2, replace=False)) for n in SHAPE]
    return Box.from_bounds([a for a, _ in corners], [b for _, b in corners])


def make_journal(folder: Path, edits: int, seed: int = 0) -> tuple[JournalWriter, list[np.ndarray]]:
    """A journal, and the labels after each of its entries, by plain numpy."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, SHAPE).astype(np.uint8)
    writer = JournalWriter(folder, SHAPE, {"path": "scan.nii.gz"})
    writer.append(first(labels))
    states = [labels]
    for n in range(1, edits + 1):
        labels = labels.copy()
        parts = []
        for _ in range(rng.integers(1, 3)):
            box = a_box(rng)
            labels[box] = rng.integers(0, 4, box.shape)
            parts.append((box, labels[box].copy()))
        if n % 4 == 0:  # all are others
            labels = np.zeros_like(labels)
            labels[parts[-1][0]] = parts[-1][1]
            parts = parts[-1:]
        writer.append(Entry(1.0 + n, n, True, n % 4 == 0, tuple(parts), {"state": {"n": n}}))
        states.append(labels)
    return writer, states


def is_a_prefix(path: Path, states: list[np.ndarray]) -> int:
    """The number of the last entry that is read; the labels must be those after it."""
    found = read_journal(path)
    n = found.summary.edits
    assert found.sections == {"state": {"n": n}}
    np.testing.assert_array_equal(found.voxels, states[n])
    return n


def prefix_or_sentence(path: Path, states: list[np.ndarray]) -> int | str:
    """The same, or the sentence about a journal that is damaged from its beginning on."""
    try:
        return is_a_prefix(path, states)
    except JournalError as error:
        sentence = str(error)
    assert sentence == entry.damaged(str(path))
    return sentence


def test_what_was_written_is_read(tmp_path: Path) -> None:
    writer, states = make_journal(tmp_path, 9)
    assert writer.path is not None
    assert is_a_prefix(writer.path, states) == 9
    found = read_journal(writer.path)
    assert found.summary.header.scan == {"path": "scan.nii.gz"}
    assert (found.summary.time, found.summary.unsaved) == (10.0, True)
    writer.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_journal_cut_at_any_byte_is_read_up_to_there(tmp_path: Path) -> None:
    writer, states = make_journal(tmp_path / "made", 6)
    assert writer.path is not None
    content = writer.path.read_bytes()
    cut = tmp_path / "cut"
    read, refused = [], []
    for size in range(len(content) + 1):
        cut.write_bytes(content[:size])
        found = prefix_or_sentence(cut, states)
        if isinstance(found, int):
            read.append(found)
        else:
            refused.append(size)
    writer.remove()
    assert read == sorted(read)  # never fewer entries for more bytes
    assert set(read) == set(range(7))
    assert refused == list(range(len(refused)))  # only before the first entry is whole


def test_a_journal_with_any_byte_flipped_is_read_up_to_there(tmp_path: Path) -> None:
    writer, states = make_journal(tmp_path / "made", 4)
    assert writer.path is not None
    content = writer.path.read_bytes()
    spoiled = tmp_path / "spoiled"
    read = set()
    for place in range(len(content)):
        for bit in (0, 7):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            spoiled.write_bytes(changed)
            n = prefix_or_sentence(spoiled, states)
            if isinstance(n, int):
                read.add(n)
    writer.remove()
    assert read == {0, 1, 2, 3}  # what was spoiled is not read


@settings(max_examples=150, deadline=None)
@given(data=st.data(), seed=st.integers(0, 5))
def test_whatever_is_cut_flipped_and_joined_a_prefix_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    writer, states = make_journal(folder, 7, seed)
    assert writer.path is not None
    content = bytearray(writer.path.read_bytes())
    writer.remove()
    where = st.integers(0, len(content) - 1)
    for place, value in data.draw(st.lists(st.tuples(where, st.integers(0, 255)), max_size=4)):
        content[place] = value
    if data.draw(st.booleans()):
        a, b = sorted((data.draw(where), data.draw(where)))
        del content[a:b]
    content += data.draw(st.binary(max_size=40))
    (folder / "odd").write_bytes(content)
    prefix_or_sentence(folder / "odd", states)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=300))
def test_records_that_fit_but_hold_nonsense_are_passed_over(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """As a program with a fault would write them: framed well, with a header and an entry."""
    path = tmp_path_factory.mktemp("journal") / "odd"
    labels = np.ones(SHAPE, np.uint8)
    chain = records.RecordChain()
    header = entry.Header("a", 0, SHAPE, {})
    framed = [chain.frame(one) for one in (header.pack(), first(labels).pack(), content)]
    path.write_bytes(records.MAGIC + b"".join(framed))
    np.testing.assert_array_equal(read_journal(path).voxels, labels)


@pytest.mark.parametrize(
    "about",
    [
        {"parts": [[0, 0, 0, 7, 5, 4, 12]]},  # beyond the label map
        {"parts": [[0, 0, 0, 6, 5, 4, 10_000]]},  # longer than what is there
        {"parts": [[0, 0, 0, 6, 5, 4]]},
        {"parts": [[3, 0, 0, 2, 5, 4, 12]]},
        {"time": "now"},
        {"time": float("nan")},
        {"edits": -1},
        {"sections": []},
    ],
    ids=repr,
)
def test_entries_that_cannot_be_end_the_journal(tmp_path: Path, about: dict[str, object]) -> None:
    labels = np.full(SHAPE, 3, np.uint8)
    blob = zlib.compress(np.ones(SHAPE, np.uint8).tobytes())
    usual = {"time": 2, "edits": 1, "unsaved": True, "clears": False, "sections": {}}
    usual["parts"] = [[0, 0, 0, *SHAPE, len(blob)]]
    text = zlib.compress(json.dumps({**usual, **about}).encode())
    content = len(text).to_bytes(4, "little") + text + blob
    chain = records.RecordChain()
    packed = [entry.Header("a", 0, SHAPE, {}).pack(), first(labels).pack(), content]
    path = tmp_path / "odd"
    path.write_bytes(records.MAGIC + b"".join(chain.frame(one) for one in packed))
    np.testing.assert_array_equal(read_journal(path).voxels, labels)


@pytest.mark.parametrize("count", [119, 121, 1 << 24])
def test_labels_of_another_length_than_their_box_are_not_taken(tmp_path: Path, count: int) -> None:
    labels = np.full(SHAPE, 3, np.uint8)
    odd = Entry(2.0, 1, True, True, ((WHOLE, np.ones((count, 1, 1), np.uint8)),))
    chain = records.RecordChain()
    packed = [entry.Header("a", 0, SHAPE, {}).pack(), first(labels).pack(), odd.pack()]
    path = tmp_path / "odd"
    path.write_bytes(records.MAGIC + b"".join(chain.frame(one) for one in packed))
    np.testing.assert_array_equal(read_journal(path).voxels, labels)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": 2}, "was written by a newer liverview (journal version 2, this one reads 1)"),
        ({"format": "other"}, "is damaged from its beginning on"),
        ({"shape": [6, 5]}, "is damaged from its beginning on"),
        ({"shape": [32768, 32768, 32768]}, "is damaged from its beginning on"),
        ({"generation": None}, "is damaged from its beginning on"),
        ({"scan": "scan.nii"}, "is damaged from its beginning on"),
    ],
    ids=str,
)
def test_headers_of_others_are_refused(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    header = json.loads(entry.Header("a", 0, SHAPE, {}).pack())
    chain = records.RecordChain()
    packed = [json.dumps({**header, **change}).encode(), first(np.ones(SHAPE, np.uint8)).pack()]
    path = tmp_path / "odd"
    path.write_bytes(records.MAGIC + b"".join(chain.frame(one) for one in packed))
    for read in (read_journal, reading.summarize):
        with pytest.raises(JournalError) as error:
            read(path)
        assert str(error.value).startswith(f"{path} {sentence}")


# ---- size, disk, rights --------------------------------------------------------------------


def test_a_long_journal_begins_anew_and_stays_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_LEAST_LIMIT", 2000)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, SHAPE).astype(np.uint8)
    writer = JournalWriter(tmp_path, SHAPE, {})
    largest, begun = 0, set()
    for n in range(400):
        box = a_box(rng)
        labels[box] = rng.integers(0, 4, box.shape)
        whole = writer.wants_everything
        parts = ((WHOLE, labels.copy()) if whole else (box, labels[box].copy()),)
        writer.append(Entry(n, n, True, whole, parts, {"state": {"n": n}}))
        assert writer.path is not None
        begun.add(writer.path)
        largest = max(largest, sum(path.stat().st_size for path in tmp_path.iterdir()))
        assert list(tmp_path.iterdir()) == [writer.path]
        found = read_journal(writer.path)
        np.testing.assert_array_equal(found.voxels, labels)
        assert found.summary.edits == n
    assert len(begun) > 5
    assert largest < 2000 + 500
    writer.remove()


def test_of_two_files_of_one_journal_the_later_counts_and_both_go(tmp_path: Path) -> None:
    """A kill between the new file and the end of the old one."""
    writer, states = make_journal(tmp_path, 3)
    assert writer.path is not None
    old = writer.path.read_bytes()
    writer._limit = 0
    writer.append(Entry(9.0, 4, True, True, ((WHOLE, states[0]),), {"state": {"n": 0}}))
    writer.let_go()
    kept = tmp_path / f"{writer.folder and next(tmp_path.iterdir()).name[:-8]}abcd1234"
    kept.write_bytes(old)
    (left,) = find_left(tmp_path)
    assert left.summary is not None
    assert left.summary.edits == 4
    np.testing.assert_array_equal(left.read().voxels, states[0])
    left.remove()
    assert list(tmp_path.iterdir()) == []


class FullDisk:
    """A disk that takes so many bytes more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 40
        self._write = os.write
        monkeypatch.setattr(writing.os, "write", self.write)

    def write(self, handle: int, content: bytes) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = self._write(handle, bytes(content[: self.room]))
        self.room -= count
        return count


@pytest.mark.parametrize("room", [0, 1, 9, 30, 60])
def test_a_full_disk_loses_nothing_that_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    writer, states = make_journal(tmp_path, 2)
    assert writer.path is not None
    disk = FullDisk(monkeypatch)
    disk.room = room
    edit = Entry(9.0, 3, True, parts=((WHOLE, states[0]),), sections={"state": {"n": 0}})
    with pytest.raises(JournalError, match=r"its disk is full: free some space; save often\.$"):
        writer.append(edit)
    assert is_a_prefix(writer.path, states) == 2
    disk.room = 20
    assert writer.wants_everything  # its chain has gone on
    with pytest.raises(JournalError, match="disk is full"):  # not even a new one
        writer.append(first(states[0]))
    assert list(tmp_path.iterdir()) == [writer.path]
    assert is_a_prefix(writer.path, states) == 2
    disk.room = 1 << 40
    writer.append(first(states[0]))
    assert list(tmp_path.iterdir()) == [writer.path]
    assert is_a_prefix(writer.path, states) == 0
    writer.remove()


def test_a_full_disk_at_the_start_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    disk.room = 100
    writer = JournalWriter(tmp_path, SHAPE, {})
    with pytest.raises(JournalError, match=f"not kept against a crash in {tmp_path}, its disk"):
        writer.append(first(np.ones(SHAPE, np.uint8)))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    writer = JournalWriter(tmp_path / "file" / "state", SHAPE, {})
    with pytest.raises(JournalError, match="it is no folder: make it one; save often"):
        writer.append(first(np.ones(SHAPE, np.uint8)))


def test_a_folder_without_write_permission_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> tuple[int, str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkstemp", refuse)  # root may write anywhere
    writer = JournalWriter(tmp_path, SHAPE, {})
    with pytest.raises(JournalError, match="it may not be written to: give yourself the right"):
        writer.append(first(np.ones(SHAPE, np.uint8)))


@pytest.mark.skipif(sys.platform == "win32", reason="rights are otherwise there")
def test_nobody_else_may_read_a_journal(tmp_path: Path) -> None:
    writer, _ = make_journal(tmp_path / "state", 1)
    assert writer.path is not None
    assert stat.S_IMODE(writer.path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    writer.remove()


# ---- journals that were left ---------------------------------------------------------------

OWNER = """
import os, signal, sys
import numpy as np
from pathlib import Path
from liverview.core.box import Box
from liverview.files.journal.entry import Entry
from liverview.files.journal.writing import JournalWriter
voxels = np.full((6, 5, 4), 2, np.uint8)
writer = JournalWriter(Path(sys.argv[1]), (6, 5, 4), {"path": sys.argv[2]})
box = Box.of_shape((6, 5, 4))
writer.append(Entry(float(sys.argv[3]), 1, sys.argv[4] == "unsaved", True, ((box, voxels),)))
print("written", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""


def start_owner(folder: Path, name: str, time: int, state: str = "unsaved") -> subprocess.Popen:
    arguments = [sys.executable, "-c", OWNER, str(folder), name, str(time), state]
    owner = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "written\n"
    return owner


def kill(owner: subprocess.Popen) -> None:
    owner.communicate("now\n")
    assert owner.returncode != 0


def test_a_living_owners_journal_is_not_found_and_a_killed_ones_is(tmp_path: Path) -> None:
    one, two = (start_owner(tmp_path, f"{n}.nii", n) for n in (1, 2))
    assert find_left(tmp_path) == []
    kill(one)
    (left,) = find_left(tmp_path)
    assert left.summary is not None
    assert left.summary.header.scan == {"path": "1.nii"}
    assert (left.read().voxels == 2).all()
    assert find_left(tmp_path) == []  # it is held by whoever found it
    kill(two)
    left.let_go()
    newest, older = find_left(tmp_path)
    assert newest.summary is not None
    assert newest.summary.header.scan == {"path": "2.nii"}
    for journal in (newest, older):
        journal.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_journal_of_what_was_saved_goes_by_itself(tmp_path: Path) -> None:
    kill(start_owner(tmp_path, "1.nii", 1, "saved"))
    assert len(list(tmp_path.iterdir())) == 1
    assert find_left(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 7, 18, 100])
def test_a_journal_that_was_never_begun_goes_by_itself(tmp_path: Path, size: int) -> None:
    """Killed before the first entry was whole."""
    writer, _ = make_journal(tmp_path, 0)
    assert writer.path is not None
    os.truncate(writer.path, size)
    with writer.path.open("r+b") as file:
        file.write(records.UNBEGUN[:size])
    writer.let_go()
    assert find_left(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_journal_is_found_with_a_sentence(tmp_path: Path) -> None:
    writer, _ = make_journal(tmp_path, 2)
    assert writer.path is not None
    path = writer.path
    with path.open("r+b") as file:
        file.seek(40)
        file.write(b"????")
    writer.let_go()
    (left,) = find_left(tmp_path)
    assert left.summary is None
    assert (
        left.problem == f"{path} is damaged from its beginning on, and nothing can be "
        "restored: discard it."
    )
    left.let_go()
    (again,) = find_left(tmp_path)  # it stays until a person says so
    again.remove()
    assert list(tmp_path.iterdir()) == []


def test_files_that_only_look_alike_stay(tmp_path: Path) -> None:
    (tmp_path / ".liverview-journal-notes").write_text("mine")
    writer, _ = make_journal(tmp_path / "other", 1)
    assert writer.path is not None
    if sys.platform != "win32":
        (tmp_path / writer.path.name).symlink_to(writer.path)
    assert find_left(tmp_path) == []
    assert (tmp_path / ".liverview-journal-notes").read_text() == "mine"
    assert find_left(tmp_path / "none") == []
    writer.remove()
