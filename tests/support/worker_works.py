"""Works for worker processes, quick to load: they write a small file, and misbehave by name."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from liverview.cohort.work import Done
from liverview.core.stream import Message, Progress
from liverview.files.atomic import atomic_write


@dataclass(frozen=True)
class TextItem:
    """A text file of a cohort."""

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        return self.path.stem


@dataclass(frozen=True)
class DigestWork:
    """Writes the digest of each file into ``folder``, and how often it did into ``marks``.

    Attributes
    ----------
    marks : where NAME.began appears, with a line for each try, once an item is begun.
    waits : names of items that wait in one step until NAME.go is there in ``marks``; their
        temporary file is there meanwhile.
    """

    folder: Path
    marks: Path
    waits: tuple[str, ...] = ()
    device: str = "cpu"
    kind: str = "digest"

    @property
    def made_with(self) -> Mapping[str, str]:
        return {"software": "tests"}

    def input_sha256(self, item: TextItem) -> str:
        return hashlib.sha256(item.path.read_bytes()).hexdigest()

    def iter_do(self, item: TextItem) -> Generator[Progress | Message, None, Done]:
        began = self.marks / f"{item.name}.began"
        with began.open("a") as file:
            file.write(f"{os.getpid()}\n")
        yield Message(f"{item.name} is begun.")
        target = self.folder / f"{item.name}.txt"
        with atomic_write(target) as temporary:
            self._misbehave(item.name, len(began.read_text().splitlines()))
            if item.name in self.waits:
                go = self.marks / f"{item.name}.go"
                os.mkfifo(go)
                go.read_text()  # until somebody writes there
            yield Progress("Saving", 0.5)
            temporary.write_text(self.input_sha256(item))
        return Done({"bytes": item.path.stat().st_size}, (f"{item.name} is done.",), (target,))

    def _misbehave(self, name: str, tries: int) -> None:
        kind = name.rstrip("0123456789")
        if kind == "damaged":
            raise ValueError(f"{name} is damaged.")
        if kind == "full":
            raise OSError(28, "No space left on device", str(self.folder / name))
        if kind == "dies" or (kind == "diesonce" and tries == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "hangs":
            threading.Event().wait()
        if kind == "grows":
            held = bytearray(400 << 20)
            held[::4096] = bytes(len(held[::4096]))
            threading.Event().wait()
