"""Work on small files that stands for segmenting, and misbehaves where an item's name says so."""

from __future__ import annotations

import hashlib
import os
import select
import signal
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from liverview.cohort.work import Done
from liverview.core.stream import Message, Progress
from liverview.files.atomic import write_text


@dataclass(frozen=True)
class FileItem:
    """A file of a cohort."""

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        return self.path.stem


@dataclass(frozen=True)
class DigestWork:
    """Writes NAME.sha256 with the digest of each file; a line in NAME.times for each time.

    An item whose name begins so does this: ``bad`` is refused; ``kill`` kills its process each
    time, ``killonce`` the first time; ``hang`` waits for ever in one step; ``slow`` never ends, in
    many steps.
    """

    folder: Path
    needs: tuple[Path, ...] = ()
    device: str = "cpu"
    kind: str = "segment"

    @property
    def made_with(self) -> Mapping[str, str]:
        return {"version": "1"}

    def input_sha256(self, item: FileItem) -> str:
        return hashlib.sha256(item.path.read_bytes()).hexdigest()

    def iter_do(self, item: FileItem) -> Generator[Progress | Message, None, Done]:
        yield Progress("Reading", 0.0)
        times = self.folder / f"{item.name}.times"
        with times.open("a") as file:
            file.write(f"{os.getpid()}\n")
        count = len(times.read_text().splitlines())
        kills = item.name.startswith("kill") and (count == 1 or "once" not in item.name)
        if item.name.startswith("bad"):
            raise ValueError(f"{item.path} is damaged.")
        if kills:
            os.kill(os.getpid(), signal.SIGKILL)
        if item.name.startswith("hang"):
            select.select([], [], [])
        while item.name.startswith("slow"):
            yield Progress("Reading", 0.5)
        target = self.folder / f"{item.name}.sha256"
        write_text(target, self.input_sha256(item))
        yield Progress("Saving", 1.0)
        return Done({"size_bytes": item.path.stat().st_size}, written=(target,), seconds=0.0)
