"""The history of steps: exact, within its budget, with the oldest in a file or forgotten."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from liverview.editing.differences import HistoryError, apply_differences, find_differences
from liverview.editing.history import History
from liverview.editing.step import Change, Step

SHAPE = (7, 6, 5)


class Numbers:
    """A part of the state: a number."""

    def __init__(self) -> None:
        self.name = "number"
        self.shared: list[Any] = []

    def to_json(self, value: Any) -> Any:
        return value

    def from_json(self, item: Any, shared: Sequence[Any]) -> Any:
        return int(item)

    def shared_to_json(self) -> list[Any]:
        return []

    def shared_from_json(self, items: list[Any]) -> list[Any]:
        return []


class Edited:
    """Labels and a number with a history, as a window would go back and forth in it."""

    def __init__(self, budget: int = 64 << 20, folder: Path | None = None) -> None:
        self.told: list[str] = []
        self.voxels, self.number = np.zeros(SHAPE, np.uint8), 0
        parts = {"number": Numbers()}
        self.history = History(parts, budget, folder, self.told.append)

    def edit(self, seed: int, *, amend: bool = False) -> None:
        before, old = self.voxels.copy(), self.number
        rng = np.random.default_rng(seed)
        start = rng.integers(0, 4, 3)
        box = tuple(slice(a, b) for a, b in zip(start, start + 2, strict=True))
        self.voxels[box] = rng.integers(0, 4, (2, 2, 2))
        self.number = seed
        found = find_differences(before, self.voxels)
        step = Step(f"edit {seed}", found, (Change("number", old, seed),))
        self.history.amend(step) if amend else self.history.push(step)

    def go(self, position: int) -> None:
        history = self.history
        while history.position != position:
            back = position < history.position
            step = history.step(history.position - 1 if back else history.position)
            apply_differences(self.voxels, step.differences)
            (change,) = step.changes
            self.number = change.before if back else change.after  # type: ignore[assignment]
            history.position += -1 if back else 1


class HistoryMachine(RuleBasedStateMachine):
    """Edits, steps back and forth, against whole copies of all states."""

    def __init__(self) -> None:
        super().__init__()
        self.edited = Edited(budget=9000)
        self.states = [(self.edited.voxels.copy(), 0)]
        self.names: list[str] = []

    def teardown(self) -> None:
        self.edited.history.clear()

    @rule(seed=st.integers(1, 10**6))
    def edit(self, seed: int) -> None:
        position = self.edited.history.position
        self.edited.edit(seed)
        self.states[position + 1 :] = [(self.edited.voxels.copy(), seed)]
        self.names[position:] = [f"edit {seed}"]

    @precondition(lambda self: self.edited.history.position)
    @rule(seed=st.integers(1, 10**6))
    def amend(self, seed: int) -> None:
        position = self.edited.history.position
        self.edited.edit(seed, amend=True)
        self.states[position:] = [(self.edited.voxels.copy(), seed)]
        del self.names[position:]

    @rule(where=st.floats(0, 1))
    def jump(self, where: float) -> None:
        self.edited.go(round(where * len(self.edited.history)))

    @rule()
    def dump_and_load(self) -> None:
        history = self.edited.history
        data = history.dump({"known": [1, 2]})
        other = Edited(budget=9000)
        seen: list[Any] = []
        other.history.load(data, lambda known, step: (seen.append(known), step)[1])
        assert seen in ([], [{"known": [1, 2]}] * len(history))
        assert other.history.names() == history.names()
        assert other.history.dump({"known": [1, 2]}) == data
        history.clear()
        other.voxels, other.number = self.edited.voxels, self.edited.number
        self.edited = other

    @invariant()
    def it_is_as_it_was(self) -> None:
        history = self.edited.history
        voxels, number = self.states[history.position]
        assert np.array_equal(self.edited.voxels, voxels)
        assert self.edited.number == number
        assert history.names() == self.names
        # More than the budget only where all steps are in the file.
        assert history.memory_bytes <= max(9000, 300 * len(history))
        assert self.edited.told == []


HistoryMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestHistory = HistoryMachine.TestCase


def many(edited: Edited, count: int) -> list[np.ndarray]:
    states = [edited.voxels.copy()]
    for seed in range(1, count + 1):
        edited.edit(seed)
        states.append(edited.voxels.copy())
    return states


def test_the_oldest_go_to_a_file_and_come_back() -> None:
    edited = Edited(budget=6000)
    states = many(edited, 100)
    assert edited.history.file_bytes > 0
    for position in (0, 100, 3, 97, 50):
        edited.go(position)
        assert np.array_equal(edited.voxels, states[position])
    edited.history.clear()
    assert edited.history.file_bytes == edited.history.memory_bytes == 0


def test_the_file_is_cut_where_steps_in_it_are_gone() -> None:
    edited = Edited(budget=6000)
    many(edited, 100)
    size = edited.history.file_bytes
    edited.go(10)
    edited.edit(5)
    assert edited.history.file_bytes < size / 5
    assert len(edited.history) == 11
    many_more = [edited.voxels.copy()]
    for seed in range(200, 260):
        edited.edit(seed)
        many_more.append(edited.voxels.copy())
    edited.go(11)
    assert np.array_equal(edited.voxels, many_more[0])
    edited.history.clear()


def test_no_file_is_left_in_the_folder(tmp_path: Path) -> None:
    edited = Edited(budget=6000, folder=tmp_path)
    many(edited, 50)
    assert edited.history.file_bytes
    if os.name == "posix":  # so that nothing is left of a process that is killed
        assert list(tmp_path.iterdir()) == []
    edited.history.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_costs_the_oldest_steps_alone(tmp_path: Path) -> None:
    edited = Edited(budget=6000, folder=tmp_path / "gone")
    states = many(edited, 50)
    history = edited.history
    assert np.array_equal(edited.voxels, states[-1])
    assert 0 < len(history) < 10
    assert history.forgotten == 50 - len(history)
    assert history.memory_bytes <= 6000
    (sentence,) = edited.told
    assert "gone" in sentence
    assert "Nothing of the labels is lost" in sentence
    edited.go(0)
    assert np.array_equal(edited.voxels, states[history.forgotten])
    edited.go(len(history))
    assert np.array_equal(edited.voxels, states[-1])


def test_a_folder_that_may_not_be_written_costs_the_oldest_steps_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: Any, **kinds: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    edited = Edited(budget=6000)
    states = many(edited, 50)
    (sentence,) = edited.told
    assert "Permission denied" in sentence
    edited.go(0)
    assert np.array_equal(edited.voxels, states[edited.history.forgotten])


class FullDisk:
    """A file that takes some bytes, then none."""

    def __init__(self, room: int) -> None:
        self._file = tempfile.TemporaryFile("w+b", 0)  # noqa: SIM115, the history closes it
        self._room = room

    def write(self, data: memoryview) -> int:
        if self._room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = min(len(data), self._room)
        self._room -= taken
        return self._file.write(data[:taken])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_full_disk_costs_the_oldest_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(2000)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *args, **kinds: disk)
    edited = Edited(budget=6000)
    states = many(edited, 80)
    history = edited.history
    (sentence,) = edited.told
    assert "No space left on device" in sentence
    for position in (0, len(history), len(history) // 2):
        edited.go(position)
        assert np.array_equal(edited.voxels, states[history.forgotten + position])
    history.clear()


def test_a_file_that_was_damaged_ends_the_history_there_and_changes_nothing() -> None:
    edited = Edited(budget=6000)
    states = many(edited, 60)
    history = edited.history
    assert history._file is not None
    history._file.seek(0)
    history._file.write(bytes(history.file_bytes // 2))
    with pytest.raises(HistoryError, match="cannot be read"):
        edited.go(0)
    assert history.position == 0
    assert history.forgotten > 10
    assert np.array_equal(edited.voxels, states[history.forgotten])
    edited.go(len(history))
    assert np.array_equal(edited.voxels, states[-1])
    history.clear()


@pytest.fixture
def dumped() -> Iterator[bytes]:
    edited = Edited()
    many(edited, 12)
    edited.go(7)
    yield edited.history.dump({})
    edited.history.clear()


def keep(known: Any, step: Step) -> Step:
    return step


def test_damaged_or_newer_bytes_are_refused_in_a_sentence_and_change_nothing(dumped: bytes) -> None:
    edited = Edited()
    many(edited, 3)
    rng = np.random.default_rng(0)
    bad = [b"", b"x", dumped[:-1], dumped[:40], dumped + b"x"]
    for at in rng.integers(0, len(dumped), 200):
        one = bytearray(dumped)
        one[at] ^= int(rng.integers(1, 256))
        bad.append(bytes(one))
    for data in bad:
        with pytest.raises(HistoryError) as caught:
            edited.history.load(data, keep)
        assert str(caught.value).endswith(".")
        assert len(edited.history) == edited.history.position == 3
    with pytest.raises(HistoryError, match="newer"):
        edited.history.load(dumped.replace(b"history-1\n", b"history-2\n", 1), keep)
    edited.history.load(dumped, keep)
    assert (len(edited.history), edited.history.position) == (12, 7)


def test_what_is_whole_and_makes_no_sense_is_refused(dumped: bytes) -> None:
    """Whoever makes a checksum that fits gets a sentence as well."""
    from hashlib import sha256

    edited = Edited()
    content = dumped[:-32]
    for old, new in (
        (b'"position":7', b'"position":9e9'),
        (b'"position":7', b'"position":-1'),
        (b'"name"', b'"nave"'),
        (b'"number",', b'"nobody",'),
        (b"[", b"{"),
        (b'"differences":[[', b'"differences":[[-'),
    ):
        assert old in content
        other = content.replace(old, new)
        with pytest.raises(HistoryError, match="damaged"):
            edited.history.load(other + sha256(other).digest(), keep)
    assert len(edited.history) == 0
