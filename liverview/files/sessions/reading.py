"""Reading session files: all of it is there and fits before anybody shows anything."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from liverview.core.errors import LiverviewError
from liverview.core.grid import GridMismatchError
from liverview.core.placing import iter_place_labels
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.case_state import CaseState, CaseStateError, read_case_state
from liverview.files.label_maps import iter_read_named_labels, read_label_values
from liverview.files.named_labels import NamedLabels
from liverview.files.sessions import container
from liverview.files.sessions.container import Container, SessionFileError, open_container
from liverview.files.sessions.content import SessionContent
from liverview.files.sessions.locating import (
    ScanAnswer,
    ScanChanged,
    ScanFound,
    ScanMissing,
    iter_find_scan,
)


def iter_read_session(
    path: Path, answer: ScanAnswer | None = None
) -> Iterator[Progress | ScanMissing | ScanChanged | SessionContent]:
    """Read a session file and its scan; yields progress, then a `SessionContent`.

    Where its scan is not found, or another one is in its place, that is yielded instead, last;
    what a person says to it is given to the next call.

    Raises
    ------
    SessionFileError : for a session that is damaged, of a newer version, or of another scan.
    ImageFileError : where the file or its scan cannot be read.
    """
    yield Progress("Opening", 0.0)
    with open_container(path) as opened:
        try:
            state = read_case_state(opened.read_state())
        except CaseStateError as error:
            raise opened.error(str(error)) from error
        found = None
        if not opened.has(container.SCAN):
            for item in iter_find_scan(path, state.scan, answer or ScanAnswer()):
                if isinstance(item, ScanFound):
                    found = item
                else:
                    yield item
            if found is None:
                return
        with tempfile.TemporaryDirectory(prefix="liverview-") as folder:
            yield from _Reading(opened, state, found, Path(folder)).iter_content()


@dataclass
class _Reading:
    """A session file that is being read, into a folder for temporary files."""

    opened: Container
    state: CaseState
    found: ScanFound | None
    folder: Path
    maps: dict[str, LabelMap] = field(default_factory=dict)

    @property
    def scan(self) -> Path | None:
        """The scan's file or place; None of a scan that is in the session file."""
        return None if self.found is None else self.found.scan

    def iter_content(self) -> Iterator[Progress | SessionContent]:
        volume = None
        for item in self._iter_volume():
            if isinstance(item, Volume):
                volume = item
            else:
                yield item
        assert volume is not None
        self._check_grid(volume)
        for name in (container.LABELS, container.REFERENCE, container.RESULT):
            if self.opened.has(name):
                yield from self._iter_read_map(name, volume)
        labels = self.maps.get(container.LABELS)
        if (labels is None) != (self.state.labels is None):
            raise self.opened.error(f"its {container.LABELS} and its {container.STATE} disagree")
        if labels is not None and self.opened.has(container.IGNORED):
            yield from self._iter_read_ignored(volume)
        has_history = self.opened.has(container.HISTORY)
        yield SessionContent(
            self.state,
            volume,
            self.scan,
            self.maps.get(container.LABELS),
            self.maps.get(container.REFERENCE),
            self.maps.get(container.RESULT),
            self.opened.read(container.HISTORY) if has_history else None,
        )

    def _iter_volume(self) -> Iterator[Progress | Volume]:
        if self.found is not None and self.found.volume is not None:
            yield self.found.volume
            return
        if self.scan is not None:
            yield from images.iter_read(self.scan, self.state.scan.volume_index)
            return
        target = self.folder / container.SCAN
        yield from self.opened.iter_unpack(container.SCAN, target)
        with self._saying(container.SCAN):
            for item in images.iter_read(target):
                if isinstance(item, Volume):
                    yield replace(item, name=self.state.scan.name)
                else:
                    yield item

    def _check_grid(self, volume: Volume) -> None:
        """Refuse a scan on other voxels than the session's: nothing of it would fit."""
        if volume.grid.same_as(self.state.scan.grid):
            return
        raise SessionFileError(
            f"{self.scan or self.opened.path} is not the scan of this session: it has "
            f"{volume.grid.describe()}, the session's had {self.state.scan.grid.describe()}; "
            f"open {self.opened.path.name} again and choose {self.state.scan.name}."
        )

    def _iter_read_map(self, name: str, volume: Volume) -> Iterator[Progress]:
        """Read a label map onto the voxels of the scan."""
        target = self.folder / name
        yield from self.opened.iter_unpack(name, target)
        with self._saying(name):
            self._check_size(name, target, volume)
            for item in iter_read_named_labels(target):
                if isinstance(item, NamedLabels):
                    yield from self._iter_place(name, item, volume)
                else:
                    yield item

    def _iter_place(self, name: str, found: NamedLabels, volume: Volume) -> Iterator[Progress]:
        if found.unmapped:
            values = ", ".join(str(value) for value in found.unmapped[:8])
            raise self.opened.error(f"its {name} has labels that are not known ({values})")
        for item in iter_place_labels(found.to_label_map(), volume):
            if isinstance(item, LabelMap):
                self.maps[name] = item
            else:
                yield item

    def _iter_read_ignored(self, volume: Volume) -> Iterator[Progress]:
        """The mask of voxels that nobody judged, for the labels that were read."""
        target = self.folder / container.IGNORED
        yield from self.opened.iter_unpack(container.IGNORED, target)
        with self._saying(container.IGNORED):
            self._check_size(container.IGNORED, target, volume)
            mask = read_label_values(target)
        if not mask.grid.same_as(volume.grid):
            raise self._other_grid(container.IGNORED)
        labels = self.maps[container.LABELS]
        self.maps[container.LABELS] = replace(labels, ignored=np.asarray(mask.voxels != 0))

    def _check_size(self, name: str, target: Path, volume: Volume) -> None:
        """Refuse what would be larger than the scan, before a voxel of it is unpacked."""
        summary = images.read_summary(target)
        if summary.volumes > 1 or sorted(summary.shape) != sorted(volume.shape):
            raise self._other_grid(name)

    def _other_grid(self, name: str) -> SessionFileError:
        return self.opened.error(f"its {name} does not lie on the voxels of the scan")

    @contextlib.contextmanager
    def _saying(self, name: str) -> Iterator[None]:
        """Errors about a member name the session file, not where it was unpacked."""
        try:
            yield
        except SessionFileError:
            raise
        except GridMismatchError as error:
            raise self._other_grid(name) from error
        except LiverviewError as error:
            said = str(error).replace(str(self.folder / name), "it")
            raise self.opened.error(f"its {name} cannot be read ({said.rstrip('.')})") from error
