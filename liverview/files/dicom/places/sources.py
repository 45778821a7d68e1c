"""Sources of DICOM: files of a folder, members of a zip archive, what came from a PACS."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path


class DicomSource(ABC):
    """The bytes of one DICOM file, wherever they are.

    Attributes
    ----------
    name : as sentences call it.
    path : the file or archive on the disk; None where there is none.
    """

    name: str
    path: Path | None

    @abstractmethod
    def read(self, start: int = 0, size: int = -1) -> bytes:
        """Bytes from ``start`` on, all of them where ``size`` is -1; fewer where it ends.

        Raises
        ------
        OSError : where it cannot be read.
        """


@dataclass(frozen=True)
class FileSource(DicomSource):
    """A file."""

    path: Path

    @property
    def name(self) -> str:  # type: ignore[override]
        return str(self.path)

    def read(self, start: int = 0, size: int = -1) -> bytes:
        with self.path.open("rb", buffering=0) as file:
            if start:
                file.seek(start)
            if size < 0:
                return file.readall()
            data = file.read(size)
            while 0 < len(data) < size and (more := file.read(size - len(data))):
                data += more  # the system may give less than is asked for
            return data


@dataclass(frozen=True)
class MemorySource(DicomSource):
    """A file that never was on this disk."""

    name: str
    data: bytes = field(repr=False)
    path: None = None

    def read(self, start: int = 0, size: int = -1) -> bytes:
        return self.data[start:] if size < 0 else self.data[start : start + size]
