"""Loading scans, phantoms and label maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from liverview.core.coding import Meaning
from liverview.core.stream import Message, Progress
from liverview.core.text import shown
from liverview.core.volume import LabelMap, Volume
from liverview.ui.jobs import generators, session_work
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.jobs.job_runner import JobRunner
from liverview.ui.state.session import Session

if TYPE_CHECKING:
    from liverview.files.sessions.locating import ScanAnswer
    from liverview.phantoms.config import PhantomConfig

LabelReceiver = Callable[[Path, LabelMap], None]


@dataclass(frozen=True)
class _LabelReading:
    """A label map to read, for which use, and the answers of a person so far.

    Attributes
    ----------
    version : of the labels when the person was last asked about them; None before that.
    """

    path: Path
    receive: LabelReceiver
    mapping: Mapping[int, Meaning] | None = None
    resample: bool = False
    version: int | None = None


class Loading(QObject):
    """Runs at most one loading of a scan, and one of a label map beside it.

    A volume that was loaded is offered in `loaded`; the open one stays until it is shown.

    Signals
    -------
    message : a sentence for the person.
    failed : a sentence about what went wrong.
    loaded : a volume is ready to be shown, with its path (None for a phantom), its true labels
        (None for a file) and the path of a label map that goes with it (or None).
    volume_choice_needed : a 4D file, with its path, how many volumes it has, and the path of a
        label map that goes with it (or None).
    mapping_needed : a label map has values whose label is not known, with its path, its
        `NamedLabels`, and what to call with the mapping.
    resampling_offered : after `failed`, a label map on another grid, with the sentence about it,
        what to call to have it resampled, and whether it would take the place of the labels.
    labels_waiting : a label map is ready to take the place of labels that were edited while it was
        read, with what to call to show it.
    labels_opened : a label map is shown in place of the labels.
    reference_opened : the labels are compared with a file, with its path.
    changed : loading of a scan begins or ends.
    """

    message = Signal(str)
    failed = Signal(str)
    loaded = Signal(object, object, object, object)
    volume_choice_needed = Signal(Path, int, object)
    mapping_needed = Signal(Path, object, object)
    resampling_offered = Signal(str, object, bool)
    labels_waiting = Signal(object)
    labels_opened = Signal()
    reference_opened = Signal(Path)
    changed = Signal()

    def __init__(self, session: Session, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._runner = session, runner
        self._scan_job: Job | None = None
        self._label_job: Job | None = None

    @property
    def is_running(self) -> bool:
        """True while a scan is being loaded."""
        return self._scan_job is not None

    def open(self, path: Path, index: int | None = None, labels: Path | None = None) -> None:
        """Load a file, and a label map with it; a 4D one asks back which volume."""
        self._load(generators.iter_load_volume(path, index), path, labels)

    def open_together(self, paths: Sequence[Path]) -> None:
        """Load the scan among several files; one of the others may be its label map."""
        self._load(generators.iter_load_together(paths), paths[0])

    def generate(self, config: PhantomConfig) -> None:
        """Generate a phantom."""
        self._load(generators.iter_generate_phantom(config), None)

    def read_session(
        self, path: Path, answer: ScanAnswer | None, receive: Callable[[object], None]
    ) -> None:
        """Read a session file with its scan; what it yields but progress goes to ``receive``."""
        self._run(session_work.iter_read_session(path, answer), receive)

    def cancel(self) -> None:
        """Stop loading a scan; nothing arrives after this returns."""
        if self._scan_job is not None:
            job, self._scan_job = self._scan_job, None
            job.cancel()
            self.changed.emit()

    def cancel_labels(self) -> None:
        """Stop reading a label map: it was for a scan that goes."""
        if self._label_job is not None:
            self._label_job.cancel()
            self._label_job = None

    def open_labels(self, path: Path, mapping: Mapping[int, Meaning] | None = None) -> None:
        """Read a label map on the grid of the open volume, in place of its labels.

        One with values whose label is not known asks back for the ``mapping``.
        """
        self._read_labels(_LabelReading(path, self._show_labels, mapping))

    def open_reference(self, path: Path, mapping: Mapping[int, Meaning] | None = None) -> None:
        """Read a label map on the grid of the open volume, to compare the labels with."""
        self._read_labels(_LabelReading(path, self._show_reference, mapping))

    def _load(self, work: Iterator[object], path: Path | None, labels: Path | None = None) -> None:
        self._run(work, partial(self._on_scan_item, path, labels))

    def _run(self, work: Iterator[object], receive: Callable[[object], None]) -> None:
        if self._scan_job is not None:
            self._scan_job.cancel()
        self._scan_job = job = self._runner.start(work)
        job.yielded.connect(partial(self._on_loading_item, receive))
        job.ended.connect(partial(self._on_scan_ended, job))
        self.changed.emit()

    def _read_labels(self, reading: _LabelReading) -> None:
        volume = self._session.volume
        if volume is None:
            return
        self.cancel_labels()
        if reading.version is None:
            reading = replace(reading, version=self._session.store.version)
        work = generators.iter_read_labels(reading.path, volume, reading.mapping, reading.resample)
        self._label_job = job = self._runner.start(work)
        job.yielded.connect(partial(self._on_label_item, reading))
        job.ended.connect(partial(self._on_labels_ended, job))

    # ---- items ---------------------------------------------------------------------------

    def _on_loading_item(self, receive: Callable[[object], None], item: object) -> None:
        if not isinstance(item, Progress):
            receive(item)
        elif not self._session.store.segmenting:
            self._session.set_progress(item)

    def _on_scan_item(self, path: Path | None, labels: Path | None, item: object) -> None:
        if isinstance(item, Volume):
            self.loaded.emit(item, path, None, labels)
        elif isinstance(item, generators.Together):
            self._on_together(item)
        elif path is None:
            self.loaded.emit(item.volume, None, item.labels, None)  # type: ignore[attr-defined]  # a Phantom
        else:
            self.volume_choice_needed.emit(path, item.volumes, labels)  # type: ignore[attr-defined]

    def _on_together(self, found: generators.Together) -> None:
        if found.volume is not None:
            self.loaded.emit(found.volume, found.path, None, found.labels)
        if found.left:
            names = ", ".join(path.name for path in found.left)
            self.message.emit(f"One scan at a time: {names} left out.")
        if found.volume is None:
            self.volume_choice_needed.emit(found.path, found.count, found.labels)

    def _on_scan_ended(self, job: Job, outcome: Outcome) -> None:
        if job is self._scan_job:  # else it was canceled, and another one may run
            self._scan_job = None
            self.changed.emit()

    def _on_label_item(self, reading: _LabelReading, item: object) -> None:
        if isinstance(item, Message):
            self.message.emit(shown(item.text))
        elif isinstance(item, LabelMap):
            self._receive(reading, item)
        elif isinstance(item, generators.OtherGrid):
            self.failed.emit(item.sentence)
            resampled = replace(reading, resample=True, version=None)  # which is asked about
            again = partial(self._read_labels, resampled)
            replaces = reading.receive == self._show_labels
            self.resampling_offered.emit(item.sentence, again, replaces)
        elif not isinstance(item, Progress):
            self.mapping_needed.emit(reading.path, item, partial(self._read_mapped, reading))

    def _receive(self, reading: _LabelReading, labels: LabelMap) -> None:
        """Show labels, unless a person has edited those that go since being asked about them."""
        store, receive = self._session.store, partial(reading.receive, reading.path, labels)
        replaces = reading.receive == self._show_labels and not store.segmenting
        if replaces and store.modified and store.version != reading.version:
            self.labels_waiting.emit(receive)
        else:
            receive()

    def _read_mapped(self, reading: _LabelReading, mapping: Mapping[int, Meaning]) -> None:
        self._read_labels(replace(reading, mapping=mapping))

    def _on_labels_ended(self, job: Job, outcome: Outcome) -> None:
        if job is self._label_job:
            self._label_job = None

    def _show_reference(self, path: Path, labels: LabelMap) -> None:
        self._session.set_reference(labels)
        self.reference_opened.emit(path)

    def _show_labels(self, path: Path, labels: LabelMap) -> None:
        if self._session.store.segmenting:
            self.failed.emit(shown(f"{path.name} was not opened: a segmentation is running."))
            return
        self._session.store.open_labels(labels, path.name)
        self.labels_opened.emit()
