"""The history of edits: steps without end, in bounded memory, exact to the bit."""

from __future__ import annotations

import json
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from liverview.editing.differences import HistoryError
from liverview.editing.step import Step, join_steps
from liverview.editing.step_codec import Part, decode_step, encode_step, read_or_refuse

MEMORY_BUDGET = 64_000_000
"""Bytes of memory that the steps of a history may take; older ones go to a file."""

_STORED_BYTES = 300  # what is still in memory of a step in the file; measured, with a margin
_MAGIC = b"liverview-history-1\n"
_NUMBER = struct.Struct("<Q")
_CHECKSUM_BYTES = sha256().digest_size


@dataclass(frozen=True, slots=True)
class StoredStep:
    """A step that is in the file: its place there, and a checksum of its bytes."""

    name: str
    offset: int
    size: int
    checksum: int


class History:
    """Steps in the order they were made; those after the position are undone.

    Steps that do not fit into memory go to a temporary file, which is gone with this history,
    also where the process is killed. Where that cannot be written, the oldest are forgotten.

    Parameters
    ----------
    parts : of the state, by name, that write their values.
    budget : bytes of memory.
    folder : for the file; None for the system's.
    tell : called with a sentence, once, where steps had to be forgotten.

    Attributes
    ----------
    position : how many steps are done.
    forgotten : how many were the first ones once, and are no more.
    """

    def __init__(
        self,
        parts: Mapping[str, Part],
        budget: int = MEMORY_BUDGET,
        folder: Path | None = None,
        tell: Callable[[str], object] = lambda sentence: None,
    ) -> None:
        self._parts, self._budget, self._folder, self._tell = parts, budget, folder, tell
        self._steps: list[Step | StoredStep] = []
        self._in_file = 0  # of the steps, the first ones
        self._file: IO[bytes] | None = None
        self._end = 0  # of the file
        self._memory = 0
        self._told = False
        self.position = 0
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def memory_bytes(self) -> int:
        """The memory that the steps take."""
        return self._memory

    @property
    def file_bytes(self) -> int:
        """The length of the file."""
        return self._end

    def names(self) -> list[str]:
        """The names of all steps, the oldest first."""
        return [step.name for step in self._steps]

    def name(self, index: int) -> str:
        """The name of a step."""
        return self._steps[index].name

    @property
    def last(self) -> Step | StoredStep | None:
        """The last done step; None where there is none."""
        return self._steps[self.position - 1] if self.position else None

    def push(self, step: Step) -> None:
        """Add a step after the position; those that were undone are gone."""
        self._cut(self.position)
        self._steps.append(step)
        self._memory += step.memory_bytes
        self.position += 1
        self._keep_to_budget()

    def amend(self, step: Step) -> None:
        """Let the last step do this as well, under its own name; those undone are gone."""
        if not self.position:
            self.push(step)
            return
        try:
            last = self.step(self.position - 1)
        except HistoryError:
            self.push(step)
            return
        self.position -= 1
        self.push(join_steps(last.name, [last, step]))

    def step(self, index: int) -> Step:
        """A step, from memory or from the file.

        Raises
        ------
        HistoryError : where the file has it no more; it and those before it are forgotten.
        """
        one = self._steps[index]
        if isinstance(one, Step):
            return one
        try:
            data = self._read(one)
            shared = {name: part.shared for name, part in self._parts.items()}
            return decode_step(data, self._parts, shared)
        except (OSError, HistoryError) as error:
            self._forget_first(index + 1)
            raise HistoryError(
                "Older steps cannot be undone: the file that held them cannot be read any more."
            ) from error

    def clear(self) -> None:
        """Forget all steps, and remove the file."""
        if self._file is not None:
            self._file.close()
        self._file, self._steps = None, []
        self._in_file = self._end = self._memory = self.position = self.forgotten = 0
        self._told = False

    # ---- memory and file ---------------------------------------------------------------------

    def _cut(self, length: int) -> None:
        """Forget the last steps."""
        for one in self._steps[length:]:
            self._memory -= _memory_of(one)
            if isinstance(one, StoredStep):
                self._end = min(self._end, one.offset)
        del self._steps[length:]
        self._in_file = min(self._in_file, length)

    def _forget_first(self, count: int) -> None:
        for one in self._steps[:count]:
            self._memory -= _memory_of(one)
        del self._steps[:count]
        self.forgotten += count
        self._in_file = max(0, self._in_file - count)
        self.position = max(0, self.position - count)

    def _keep_to_budget(self) -> None:
        while self._memory > self._budget and self._in_file < len(self._steps):
            one = self._steps[self._in_file]
            assert isinstance(one, Step)
            try:
                stored = self._write(one)
            except OSError as error:
                self._make_room(error)
                return
            self._steps[self._in_file] = stored
            self._memory += _memory_of(stored) - one.memory_bytes
            self._in_file += 1

    def _make_room(self, error: OSError) -> None:
        """Forget the oldest steps: they fit neither into memory nor into a file."""
        count, memory = 0, self._memory
        while memory > self._budget and count < self.position:
            memory -= _memory_of(self._steps[count])
            count += 1
        self._forget_first(count)
        if self._memory > self._budget:  # all that is left was undone
            self._cut(self.position)
        if not self._told:
            self._told = True
            self._tell(
                "The oldest steps can no longer be undone: there is no room for them in "
                f"{self._folder or tempfile.gettempdir()} ({error.strerror or error}). "
                "Nothing of the labels is lost."
            )

    def _write(self, step: Step) -> StoredStep:
        data = encode_step(step, self._parts)
        if self._file is None:
            # Unbuffered, or what could not be written would be tried again at the next seek.
            self._file = tempfile.TemporaryFile(  # noqa: SIM115, `clear` closes it
                "w+b", 0, prefix="liverview-", dir=self._folder
            )
        self._file.seek(self._end)
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        stored = StoredStep(step.name, self._end, len(data), zlib.crc32(data))
        self._end += len(data)
        return stored

    def _read(self, stored: StoredStep) -> bytes:
        assert self._file is not None
        self._file.seek(stored.offset)
        data = self._file.read(stored.size)
        if zlib.crc32(data) != stored.checksum:
            raise HistoryError("it is not what was written")
        return data

    # ---- as bytes ------------------------------------------------------------------------------

    def dump(self, known: Mapping[str, Any]) -> bytes:
        """All steps as bytes, for `load`, with what else is to be known, for JSON.

        Raises
        ------
        HistoryError : where the file of the older steps cannot be read any more.
        """
        records = [encode_step(self.step(n), self._parts) for n in range(len(self))]
        head = {
            "position": self.position,
            "sizes": [len(one) for one in records],
            "shared": {name: part.shared_to_json() for name, part in self._parts.items()},
            "known": dict(known),
        }
        text = json.dumps(head, separators=(",", ":")).encode()
        content = b"".join([_MAGIC, _NUMBER.pack(len(text)), text, *records])
        return content + sha256(content).digest()

    def load(self, data: bytes, adapt: Callable[[Mapping[str, Any], Step], Step]) -> None:
        """Take the steps that `dump` has written in place of those that are there.

        Parameters
        ----------
        data : the bytes.
        adapt : called with what else is known of them and each step; returns the step to keep, or
            refuses all by an exception.

        Raises
        ------
        HistoryError : where they are damaged or of a newer version; nothing has changed then.
        """
        content, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
        if not data.startswith(_MAGIC):
            newer = data.startswith(_MAGIC[:-2])
            raise HistoryError(
                "the history is of a newer version of liverview: open it there, or go on without."
                if newer
                else "the history is damaged: go on without it."
            )
        if sha256(content).digest() != checksum:
            raise HistoryError("the history is damaged: go on without it.")
        steps, shared, position = read_or_refuse(lambda: self._parse(content, adapt))
        self.clear()
        for name, items in shared.items():
            self._parts[name].shared[:] = items
        self._steps, self.position = list(steps), position
        self._memory = sum(step.memory_bytes for step in steps)
        self._keep_to_budget()

    def _parse(
        self, content: bytes, adapt: Callable[[Mapping[str, Any], Step], Step]
    ) -> tuple[Sequence[Step], dict[str, list[Any]], int]:
        at = len(_MAGIC) + _NUMBER.size
        (length,) = _NUMBER.unpack_from(content, len(_MAGIC))
        head = json.loads(content[at : at + length])
        shared = {
            name: self._parts[name].shared_from_json(items)
            for name, items in head["shared"].items()
        }
        records = _iter_records(content, at + length, head["sizes"])
        steps = [adapt(head["known"], decode_step(data, self._parts, shared)) for data in records]
        position = int(head["position"])
        if not 0 <= position <= len(steps):
            raise HistoryError("the history is damaged: go on without it.")
        return steps, shared, position


def _iter_records(content: bytes, at: int, sizes: Sequence[int]) -> Iterator[bytes]:
    for size in sizes:
        yield content[at : at + size]
        at += size


def _memory_of(one: Step | StoredStep) -> int:
    return one.memory_bytes if isinstance(one, Step) else _STORED_BYTES
