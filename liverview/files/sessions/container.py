"""The zip of a session file: its members, read without trusting it, and written verified.

Only members of these names are looked at, and none is ever unpacked by a name that the file gives.
Label maps and scans are stored as they are, gzipped already, so that no member is larger unpacked
than the file itself; the JSON alone is compressed, and read up to a limit.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from liverview.core.errors import LiverviewError
from liverview.core.stream import Progress
from liverview.core.text import quoted
from liverview.files import atomic
from liverview.files.case_state import LARGEST_STATE
from liverview.files.opening import open_file

SUFFIX = ".liverview"
STATE = "case.json"
LABELS = "labels.nii.gz"
IGNORED = "ignored.nii.gz"
SCAN = "scan.nii.gz"
REFERENCE = "reference.nii.gz"
RESULT = "result.nii.gz"
HISTORY = "history.bin"
STORED = (LABELS, IGNORED, SCAN, REFERENCE, RESULT, HISTORY)
"""Members that are stored as they are."""

_MOST_MEMBERS = 100
_CHUNK = 4 << 20
_ENCRYPTED = 1  # a bit of a member's flags
_WHEN = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes
_MODE = 0o644 << 16
# Raised by zipfile for what it does not understand, beside its own.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError,
    ValueError, OSError,
)  # fmt: skip


class SessionFileError(LiverviewError):
    """A session file that cannot be used; the message names it, what is wrong and the way out."""


def is_session_file(path: Path) -> bool:
    """True for a file that its name says to be a session."""
    return path.name.lower().endswith(SUFFIX)


class Container:
    """An open session file.

    Attributes
    ----------
    path : of the file.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self._archive = path, archive
        listed = archive.infolist()
        names = [info.filename for info in listed]
        if len(names) > _MOST_MEMBERS or len(set(names)) < len(names):
            raise self.error(f"it has {len(names)} members, some under one name or too many")
        self._members = {info.filename: info for info in listed}
        self._check(STATE, LARGEST_STATE)
        for name in STORED:
            if self.has(name):
                self._check(name, None)

    def error(self, why: str) -> SessionFileError:
        """The sentence about what is wrong with the file."""
        return SessionFileError(
            f"{self.path} cannot be opened: {why}; open an older copy, or unpack it as a zip file "
            f"and open its {LABELS} on the scan."
        )

    def has(self, name: str) -> bool:
        return name in self._members

    def read_state(self) -> bytes:
        """The JSON, which is never larger than its limit."""
        with self._reading(STATE), self._archive.open(STATE) as file:
            content = file.read(LARGEST_STATE + 1)
        if len(content) > LARGEST_STATE:
            raise self.error(f"its {STATE} is larger than {LARGEST_STATE >> 20} MB")
        return content

    def iter_unpack(self, name: str, target: Path) -> Iterator[Progress]:
        """Write a member into a file; yields progress."""
        size = self._members[name].file_size
        with target.open("wb") as out:
            for done, chunk in self.iter_chunks(name):
                out.write(chunk)
                yield Progress("Opening", done / max(size, 1))

    def read(self, name: str) -> bytes:
        """A member that is stored as it is."""
        return b"".join(chunk for _, chunk in self.iter_chunks(name))

    def iter_chunks(self, name: str) -> Iterator[tuple[int, bytes]]:
        """A member piece by piece, each with how many bytes there were up to its end."""
        done = 0
        with self._reading(name), self._archive.open(name) as file:
            while chunk := file.read(_CHUNK):
                done += len(chunk)
                yield done, chunk

    def _check(self, name: str, most: int | None) -> None:
        """Refuse a member that could be more than it seems."""
        if not self.has(name):
            raise self.error(f"it has no {name}")
        info = self._members[name]
        if info.flag_bits & _ENCRYPTED:
            raise self.error(f"its {name} is encrypted")
        if most is None and info.compress_type != zipfile.ZIP_STORED:
            raise self.error(f"its {name} is compressed once more")
        if most is not None and info.file_size > most:
            raise self.error(f"its {name} is larger than {most >> 20} MB")

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            if isinstance(error, LiverviewError):
                raise
            raise self.error(f"its {name} is damaged ({quoted(error)})") from error


@contextlib.contextmanager
def open_container(path: Path) -> Iterator[Container]:
    """A session file, opened to be read.

    Raises
    ------
    ImageFileError : where it is no file that can be opened.
    SessionFileError : where it is no zip, or one that a session file cannot be.
    """
    with open_file(path, f"a session file ({SUFFIX})") as file:
        try:
            archive = zipfile.ZipFile(file)
        except _BROKEN as error:
            raise SessionFileError(
                f"{path} is no session file, or damaged ({quoted(error)}): open an older copy, or "
                "the scan and its label map."
            ) from error
        with archive:
            yield Container(path, archive)


def iter_write_container(path: Path, state: str, parts: Mapping[str, Path]) -> Iterator[Progress]:
    """Write a session file, verified, whole or not at all; yields progress.

    Parameters
    ----------
    state : the JSON.
    parts : files by the names of the members that they become.

    Raises
    ------
    TargetError : where it cannot be written there.
    SessionFileError : where what was written does not come back.
    """
    total = max(sum(part.stat().st_size for part in parts.values()), 1)
    with atomic.atomic_write(path) as temporary:
        done = 0
        with zipfile.ZipFile(temporary, "w") as archive:
            archive.writestr(_info(STATE, zipfile.ZIP_DEFLATED), state)
            for name, part in parts.items():
                with archive.open(_info(name), "w", force_zip64=True) as out:
                    for chunk in _iter_file(part):
                        out.write(chunk)
                        done += len(chunk)
                        yield Progress("Writing", 0.5 * done / total)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        for verified in _iter_verify(temporary, path, state, parts):
            yield Progress("Verifying", 0.5 + 0.5 * verified / total)
    yield Progress("Saved", 1.0)


def _info(name: str, how: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _WHEN)
    info.compress_type, info.external_attr = how, _MODE
    return info


def _iter_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _iter_verify(written: Path, path: Path, state: str, parts: Mapping[str, Path]) -> Iterator[int]:
    """Read the file back and compare it; yields how many bytes of parts came back."""
    done = 0
    with open_container(written) as container:
        same = container.read_state() == state.encode()
        for name, part in parts.items():
            with part.open("rb") as original:
                for _, chunk in container.iter_chunks(name):
                    same = same and original.read(len(chunk)) == chunk
                    done += len(chunk)
                    yield done
                same = same and not original.read(1)
    if not same:
        raise SessionFileError(
            f"{path} was not saved: what came back from the disk differs from what was written."
        )
