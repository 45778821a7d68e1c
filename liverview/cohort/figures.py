"""The figures of many scans as one JSON, which is valid after every scan."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from liverview.core.text import printable_values, quoted
from liverview.files.atomic import TargetError, write_text

_LARGEST = 1 << 30  # bytes of a JSON that is read
_AT_ONCE_S = 0.25  # what is written in less is written after every scan
_SHARE = 20  # of the time after that, one part at most is writing


class CohortFigures:
    """Figures by scan, sentences by scan that failed, and the file that holds them.

    Attributes
    ----------
    path : the file; None for none.
    scans : the figures of each scan, by its path as it is `printable`.
    failed : what went wrong, likewise.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.scans: dict[str, Any] = {}
        self.failed: dict[str, str] = {}
        self._next_s = 0.0

    def has(self, scan: Path) -> bool:
        """True where the figures of a scan are there."""
        return _key(scan) in self.scans

    def take_up(self, scans: Sequence[Path], made: Sequence[Path]) -> bool:
        """Go on with the file that is there; False where it is no such file, or is not there.

        Parameters
        ----------
        scans : of the cohort.
        made : those whose label maps are there; figures of others are left out.

        Raises
        ------
        TargetError : where it holds figures of scans that are not among these.
        """
        content = _read_json(self.path) if self.path else None
        if content is None:
            return False
        found, failed = content.get("scans"), content.get("failed")
        if not (isinstance(found, dict) and isinstance(failed, dict)):
            return False
        known = {_key(scan) for scan in scans}
        strange = [key for key in (*found, *failed) if key not in known]
        if strange:
            raise TargetError(
                f"{self.path} holds figures of other scans ({quoted(strange[0])}): choose another "
                "name, or allow it to be replaced."
            )
        kept = {_key(scan) for scan in made}
        self.scans = {key: figures for key, figures in found.items() if key in kept}
        self.failed = failed
        return True

    def add(self, scan: Path, figures: Mapping[str, Any]) -> None:
        """Keep the figures of a scan, and write the file unless it is so large that it can wait."""
        self.failed.pop(_key(scan), None)
        self.scans[_key(scan)] = printable_values(figures)
        self._write_if_possible()

    def fail(self, scan: Path, sentence: str) -> None:
        """Keep what went wrong with a scan, and write the file likewise."""
        self.scans.pop(_key(scan), None)
        self.failed[_key(scan)] = printable_values(sentence)
        self._write_if_possible()

    def write(self) -> None:
        """Write the file.

        Raises
        ------
        TargetError : where that is not possible.
        """
        if self.path is not None:
            content = {"scans": self.scans, "failed": self.failed}
            write_text(self.path, json.dumps(content, indent=2) + "\n")

    def _write_if_possible(self) -> None:
        # The labels are worth more: what is wrong is said in the end, by `write`.
        # Of thousands of scans it is large, and is not written after each.
        began = time.monotonic()
        if began >= self._next_s:
            with contextlib.suppress(TargetError):
                self.write()
            took = time.monotonic() - began
            if took > _AT_ONCE_S:
                self._next_s = began + _SHARE * took


def is_record(path: Path) -> bool:
    """True where a file is the JSON of one scan."""
    content = _read_json(path)
    return content is not None and "shape_voxels" in content


def _key(scan: Path) -> str:
    key: str = printable_values(str(scan))
    return key


def _read_json(path: Path) -> dict[str, Any] | None:
    """The object that a file holds; None where it holds none."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
