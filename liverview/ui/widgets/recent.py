"""What was opened lately, as the settings keep it: nothing in it is of a patient."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from liverview.core.volume import Volume
from liverview.ui.widgets.file_names import path_from_settings, text_for_settings

_SERIES = re.compile(r"(?P<path>.+)\t(?P<key>[0-9a-f]{32})\t(?P<words>[a-z0-9, ]{0,60})", re.DOTALL)


@dataclass(frozen=True)
class RecentScan:
    """A scan or session that was opened.

    Attributes
    ----------
    path : of the file, or of the place of a DICOM series.
    series : `StudyFacts.series_key` of the volume; empty for other files.
    words : what tells it from others of its place: the series' number, how many slices.
    """

    path: Path
    series: str = ""
    words: str = ""

    @property
    def there(self) -> bool:
        """False for what is gone, and for a folder without a series."""
        # Not those of Path, which raise where a network folder has gone.
        exists = os.path.exists if self.series else os.path.isfile
        return bool(exists(self.path))

    def to_text(self) -> str:
        """As the settings keep it."""
        path = text_for_settings(self.path)
        return f"{path}\t{self.series}\t{self.words}" if self.series else path

    @classmethod
    def parse(cls, text: str) -> RecentScan:
        """Read what `to_text` made."""
        found = _SERIES.fullmatch(text)
        if found is None:
            return cls(path_from_settings(text))
        return cls(path_from_settings(found["path"]), found["key"], found["words"])


def recent_scan(opened: Path, scan: Path | None, volume: Volume | None) -> RecentScan:
    """What was opened: a session by its path alone, a DICOM series by its key as well."""
    study = volume.study if volume is not None and opened == scan else None
    if study is None or volume is None:
        return RecentScan(opened)
    number = study.series_number.strip()
    series = f"series {number}, " if number.isascii() and number.isdigit() else ""
    axis = 2 if volume.source is None else int(volume.source.orientation[2, 0])
    return RecentScan(opened, study.series_key, f"{series}{volume.shape[axis]} slices")
