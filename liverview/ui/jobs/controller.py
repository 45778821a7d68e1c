"""What the person's commands do: jobs are started here and their results go to the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from liverview.core.labels import Label
from liverview.core.probability_maps import ProbabilitySlab
from liverview.core.stream import Message, Progress, Slab
from liverview.core.volume import LabelMap, Volume
from liverview.ui.jobs import generators
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.state.session import Session

if TYPE_CHECKING:
    from liverview.phantom.config import PhantomConfig

Callback = Callable[[], object]
LabelReceiver = Callable[[Path, LabelMap], None]


class Controller(QObject):
    """Runs at most one loading, one segmentation and one save, side by side.

    A volume that was loaded is offered in `loaded`; the open one stays, and is segmented
    on, until `show_volume` takes the new one. A job that is canceled is let go at once: nothing
    more arrives from it, and its thread ends by itself at its next step.

    Attributes
    ----------
    segmented_on : the device that the open volume's labels come from; None where nobody did.
    labels_file : the name of the file that they come from; None where they come from none.

    Signals
    -------
    noticed : a sentence for the person.
    failed : a sentence about what went wrong, and details (may be empty).
    loaded : a volume is ready to be adopted, with its path (None for a phantom) and its true
        labels (None for a file).
    opened : a file was adopted, with its path.
    reference_opened : the labels are compared with a file, with its path.
    volume_choice_needed : a 4D file, with its path and how many volumes it has.
    mapping_needed : a label map has values whose label is not known, with its path, its
        `NamedLabels`, and what to call with the mapping.
    segmented : a segmentation ended, with its `Outcome`.
    mapped : maps of a slab, a `ProbabilitySlab`, where they are kept.
    saved : something was written and verified, with its path.
    busy_changed : a job was started or ended.
    idle : nothing is being loaded or segmented any more.

    Attributes
    ----------
    keep_maps : whether the next segmentation keeps what the network thinks.
    """

    message = Signal(str)
    failed = Signal(str, str)
    loaded = Signal(object, object, object)
    opened = Signal(Path)
    reference_opened = Signal(Path)
    volume_choice_needed = Signal(Path, int)
    mapping_needed = Signal(Path, object, object)
    segmented = Signal(object)
    maps_received = Signal(object)
    saved = Signal(Path)
    busy_changed = Signal()
    idle = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.segmented_on: str | None = None
        self.labels_file: str | None = None
        self.keep_maps = False
        self._live: set[Job] = set()
        self._loading: Job | None = None
        self._segmentation: Job | None = None
        self._saving: Job | None = None
        self._reading: Job | None = None  # of a label map
        self._after_save: list[Callback] = []
        self._shut_down = False

    @property
    def busy(self) -> bool:
        """Whether something is being loaded or segmented."""
        return self._loading is not None or self._segmentation is not None

    @property
    def saving(self) -> bool:
        return self._saving is not None

    # ---- commands ------------------------------------------------------------------------

    def open(self, path: Path, index: int | None = None) -> None:
        """Load a file; a 4D one asks back which volume."""
        self._load(generators.iter_load_volume(path, index), path)

    def generate(self, config: PhantomConfig) -> None:
        """Generate a phantom."""
        self._load(generators.iter_generate_phantom(config), None)

    def show_volume(self, volume: Volume, path: Path | None, truth: LabelMap | None = None) -> None:
        """Show a loaded volume in place of the open one, whose segmentation stops."""
        running = self._segmentation, self._reading
        self._segmentation = self._reading = None
        for job in running:
            if job is not None:
                job.cancel()
        self.session.open(volume, path, truth)
        self.segmented_on = self.labels_file = None
        if path is not None:
            self.opened.emit(path)
        if volume.warnings:
            self.message.emit(f"{volume.name}: {' '.join(volume.warnings)}")
        self._update_busy()

    def segment(self, device: str) -> None:
        """Segment the open volume, from the crosshair outward."""
        volume = self.session.volume
        if volume is None or self.busy:
            return
        self.session.begin_segmentation()
        task = generators.iter_segment(volume, device, self.session.crosshair, self.keep_maps)
        job = self._start(task)
        self._segmentation = job
        self.segmented_on, self.labels_file = device, None
        job.yielded.connect(self._on_segmentation_item)
        job.failed.connect(self._on_failed)
        self._update_busy()

    def cancel(self) -> None:
        """Stop loading, or else segmenting; nothing arrives after this returns."""
        if self._loading is not None:
            job, self._loading = self._loading, None
            job.cancel()
            self._update_busy()
        else:
            self.stop_segmenting()

    def stop_segmenting(self) -> None:
        """Stop the segmentation, whatever else runs; what was found stays for a choice."""
        if self._segmentation is not None:
            job, self._segmentation = self._segmentation, None
            job.cancel()
            self.session.end_segmentation(complete=False)
            self.segmented.emit(Outcome.CANCELED)
            self._update_busy()

    def open_labels(self, path: Path, mapping: Mapping[int, Label] | None = None) -> None:
        """Read a label map on the grid of the open volume, in place of its labels.

        One with values whose label is not known asks back for the ``mapping``.
        """
        self._read(path, mapping, self._take_labels)

    def open_reference(self, path: Path, mapping: Mapping[int, Label] | None = None) -> None:
        """The same, to compare the labels with."""
        self._read(path, mapping, self._take_reference)

    def _read(self, path: Path, mapping: Mapping[int, Label] | None, take: LabelReceiver) -> None:
        volume = self.session.volume
        if volume is None:
            return
        if self._reading is not None:
            self._reading.cancel()
        self._reading = job = self.start_background(
            generators.iter_read_labels(path, volume, mapping)
        )
        job.yielded.connect(partial(self._on_read_item, path, take))

    def save_labels(
        self, path: Path, then: Callback | None = None, *, side_files: bool = False
    ) -> None:
        """Write the label map; ``then`` is called once it is verified."""
        task = generators.iter_write_with_side_files if side_files else generators.iter_write_labels
        self._save(path, task, then)

    def save_masks(self, folder: Path) -> None:
        """Write one mask per label into a folder."""
        self._save(folder, generators.iter_write_masks, None)

    def when_saved(self, then: Callback) -> None:
        """Call ``then`` when the running save has succeeded."""
        self._after_save.append(then)

    def start_background(self, work: Iterator[object]) -> Job:
        """Run something beside the commands; whoever asked takes its items and may cancel it.

        It is canceled and waited for when the window closes. Its signals arrive later, so they
        can still be connected.
        """
        job = self._start(work)
        job.failed.connect(self._on_failed)
        return job

    def warm_up(self) -> None:
        """Import what segmentation needs while the person looks at the scan.

        A window can be closed before its event loop comes to this; a thread that began then
        would outlive it, and Qt ends the process for that.
        """
        if not self._shut_down:
            self._start(generators.iter_warm_up())

    def shut_down(self) -> None:
        """Stop everything but a save, and wait for all of it."""
        self._shut_down = True
        self._after_save.clear()
        for job in self._live - {self._saving}:
            job.cancel()
        for job in list(self._live):
            job.wait()

    # ---- jobs ----------------------------------------------------------------------------

    def _start(self, work: Iterator[object]) -> Job:
        """A job under way; its signals arrive later, so they can still be connected."""
        job = Job(work, self)
        self._live.add(job)
        job.ended.connect(self._on_ended)
        job.start()
        return job

    def _load(self, work: Iterator[object], path: Path | None) -> None:
        if self._loading is not None:
            self._loading.cancel()
        job = self._start(work)
        self._loading = job
        job.yielded.connect(partial(self._on_loading_item, path))
        job.failed.connect(self._on_failed)
        self._update_busy()

    def _on_failed(self, error: Exception) -> None:
        known = isinstance(error, ValueError | OSError | MemoryError)
        text = str(error) if known else "Something went wrong inside liverview; see the details."
        details = "" if known else f"{type(error).__name__}: {error}"
        self.failed.emit(text or type(error).__name__, details)

    def _on_ended(self, outcome: Outcome) -> None:
        job = self.sender()
        assert isinstance(job, Job)
        job.wait()
        self._live.discard(job)
        job.deleteLater()
        if job is self._reading:
            self._reading = None
        if job is self._loading:
            self._loading = None
        elif job is self._segmentation:
            self._segmentation = None
            self.session.end_segmentation(complete=outcome is Outcome.DONE)
            if outcome is Outcome.FAILED:
                self.session.drop_unfinished_labels()
            self.segmented.emit(outcome)
        else:
            return  # a save, or let go earlier: whoever did that has settled
        self._update_busy()

    def _update_busy(self) -> None:
        """After every start and end of loading and segmenting."""
        if not self.busy:
            self.session.set_progress(None)
        self.busy_changed.emit()
        if not self.busy:
            self.idle.emit()

    # ---- items ---------------------------------------------------------------------------

    def _on_loading_item(self, path: Path | None, item: object) -> None:
        if isinstance(item, Progress):
            if self._segmentation is None:
                self.session.set_progress(item)
        elif isinstance(item, Volume):
            self.loaded.emit(item, path, None)
        elif path is None:
            self.loaded.emit(item.volume, None, item.labels)  # type: ignore[attr-defined]  # a Case
        else:
            self.volume_choice_needed.emit(path, item.volumes)  # type: ignore[attr-defined]

    def _on_read_item(self, path: Path, take: LabelReceiver, item: object) -> None:
        if isinstance(item, Message):
            self.message.emit(item.text)
        elif isinstance(item, LabelMap):
            take(path, item)
        elif not isinstance(item, Progress):
            again = self.open_labels if take == self._take_labels else self.open_reference
            self.mapping_needed.emit(path, item, partial(again, path))

    def _take_reference(self, path: Path, labels: LabelMap) -> None:
        self.session.set_reference(labels)
        self.reference_opened.emit(path)

    def _take_labels(self, path: Path, labels: LabelMap) -> None:
        if self.session.segmenting:
            self.failed.emit(f"{path.name} was not opened: a segmentation is running.", "")
            return
        self.session.open_labels(labels)
        self.segmented_on, self.labels_file = None, path.name
        self.busy_changed.emit()  # what can be saved is another thing now

    def _on_segmentation_item(self, item: object) -> None:
        if isinstance(item, Slab):
            self.session.merge_slab(item)
        elif isinstance(item, ProbabilitySlab):
            self.maps_received.emit(item)
        elif isinstance(item, Progress):
            self.session.set_progress(item)
        elif isinstance(item, Message):
            self.message.emit(item.text)

    # ---- saving --------------------------------------------------------------------------

    def _save(
        self, path: Path, task: Callable[..., Iterator[Progress]], then: Callback | None
    ) -> None:
        volume, labels = self.session.volume, self.session.labels
        ready = self.session.has_labels and not (self.saving or self.session.segmenting)
        if volume is None or labels is None or not ready:
            self.failed.emit(f"{path} was not saved: there is nothing to save just now.", "")
            return
        self._after_save = [then] if then is not None else []
        job = self._start(task(path, labels, volume, dict(self.session.styles)))
        self._saving = job
        job.failed.connect(self._on_failed)
        job.ended.connect(partial(self._on_save_ended, path, labels))
        self.busy_changed.emit()

    def _on_save_ended(self, path: Path, labels: LabelMap, outcome: Outcome) -> None:
        self._saving = None
        waiting, self._after_save = self._after_save, []
        if outcome is Outcome.DONE:
            # A segmentation may have put other labels into the session meanwhile.
            if self.session.labels is labels:
                self.session.mark_saved()
            self.saved.emit(path)
        self.busy_changed.emit()
        if outcome is Outcome.DONE:
            for then in waiting:
                then()
