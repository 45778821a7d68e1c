"""A mark that a start is under way, so that the next one leaves out what has killed it.

Qt ends the process, or never returns, for some settings that are damaged; no check of ours can
stand between. The mark is a file that this process holds from before the settings are read until
the window has come to rest. One that nobody holds any more is of a start that was killed;
a window that runs holds its own, or has none.
"""

from __future__ import annotations

import contextlib
import os
from enum import Enum
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QSettings, QStandardPaths

from liverview.files.held import HeldFile, remove_left

_PURPOSE = "starting"


class Phase(Enum):
    """What a start does."""

    READING = "reading the settings"
    PLACING = "placing the window and its panels"


class StartMark:
    """The mark of this start, and what those that were killed had been at.

    Attributes
    ----------
    killed_in : phases in which starts were killed since the last one that succeeded.
    """

    def __init__(self, folder: Path) -> None:
        self._file: HeldFile | None = None
        with contextlib.suppress(OSError):  # then without a mark
            folder.mkdir(parents=True, exist_ok=True)
            left = set(remove_left(folder, _PURPOSE))
            self._file = HeldFile(folder, _PURPOSE)
        self.killed_in = {p for p in Phase if self._file and p.value.encode() in left}

    def enter(self, phase: Phase) -> None:
        """Say what is done next."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.path.write_bytes(phase.value.encode())

    def end(self) -> None:
        """The start has succeeded."""
        if self._file is not None:
            self._file.remove()
            self._file = None


def mark_folder() -> Path:
    """The folder of the marks: that of the person's settings."""
    where = QStandardPaths.StandardLocation.AppConfigLocation
    return Path(QStandardPaths.writableLocation(where))


def set_settings_aside() -> Path | None:
    """Give a settings file that kills whoever reads it another name; returns that, if any."""
    # Settings of another name, for to make those of this one reads their file.
    name = QCoreApplication.applicationName()
    beside = QSettings(QCoreApplication.organizationName(), f"{name}-none").fileName()
    file = Path(beside.replace(f"{name}-none", name))
    if not os.path.isfile(file):  # noqa: PTH113
        return None  # no file, as in the registry of Windows
    aside = file.with_name(f"{file.name}.damaged")
    try:
        return file.replace(aside)
    except OSError:
        return None
