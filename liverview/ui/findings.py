"""What the labels of the open scan amount to, measured behind what the person does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from liverview.measurement import Lesion, Measurement
from liverview.measurement.recist import Recist, assess
from liverview.ui import tasks
from liverview.ui.job import Job, Outcome
from liverview.ui.session import Session
from liverview.volume import Voxel

_SOON_MS = 150  # labels that change together are measured once
_SHARE = 4  # while labels stream, measuring waits so many times as long as it takes


class Findings(QObject):
    """Keeps a measurement up to date while somebody looks at it.

    Signals
    -------
    changed : the figures, what is excluded or chosen, or whether they are being measured.

    Attributes
    ----------
    measurement : the last one of the open scan; None where there is none yet.
    marks : why lesions are excluded, by a voxel that lies in each.
    chosen : the number of the lesion that the person looks at.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        start: Callable[[Iterator[object]], Job],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.session = session
        self.measurement: Measurement | None = None
        self.marks: dict[Voxel, str] = {}
        self.chosen: int | None = None
        self._start = start
        self._job: Job | None = None
        self._stale = False
        self._wanted = False
        self._clock = QElapsedTimer()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._measure)
        session.volume_changed.connect(self._on_volume_changed)
        session.labels_changed.connect(self._on_labels_changed)
        session.progress_changed.connect(self._on_progress_changed)

    @property
    def current(self) -> bool:
        """Whether the measurement is that of the labels as they are."""
        return not self._stale and self._job is None

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        return self.measurement.lesions if self.measurement is not None else ()

    @property
    def excluded(self) -> dict[int, str]:
        """Reasons by lesion number."""
        return self.measurement.excluded(self.marks) if self.measurement is not None else {}

    @property
    def recist(self) -> Recist | None:
        """The proposal of target lesions."""
        return assess(self.measurement, self.excluded) if self.measurement is not None else None

    # ---- what the person does ----------------------------------------------------------------

    def choose(self, number: int | None) -> None:
        """Look at a lesion: the crosshair goes into it."""
        self.chosen = number
        for lesion in self.lesions:
            if lesion.number == number:
                self.session.set_crosshair(lesion.inside)
        self.changed.emit()

    def exclude(self, number: int, reason: str) -> None:
        """Leave a lesion out of the target lesions; an empty reason takes it in again."""
        for lesion in self.lesions:
            if lesion.number == number:
                self.marks = {v: r for v, r in self.marks.items() if not lesion.contains(v)}
                if reason:
                    self.marks[lesion.inside] = reason
        self.changed.emit()

    def set_wanted(self, wanted: bool) -> None:
        """Measure only while somebody looks."""
        self._wanted = wanted
        if wanted:
            self._schedule(0)

    # ---- measuring ---------------------------------------------------------------------------

    def _schedule(self, after_ms: int) -> None:
        wait = self._stale and self._wanted and self._job is None and not self._timer.isActive()
        if wait:
            self._timer.start(after_ms)

    def _measure(self) -> None:
        session = self.session
        if session.volume is None or session.labels is None or self._job is not None:
            return
        self._stale = False
        self._clock.start()
        self._job = job = self._start(tasks.measuring(session.labels, session.volume))
        job.yielded.connect(self._on_item)
        job.ended.connect(self._on_ended)
        self.changed.emit()

    def _on_item(self, item: object) -> None:
        if isinstance(item, Measurement) and self.sender() is self._job:
            self.measurement = item
            if self.chosen is not None and self.chosen > len(item.lesions):
                self.chosen = None

    def _on_ended(self, outcome: Outcome) -> None:
        if self.sender() is not self._job:  # of a scan that is no longer open
            return
        self._job = None
        self.changed.emit()
        streaming = self.session.segmenting
        self._schedule(int(_SHARE * self._clock.elapsed()) if streaming else _SOON_MS)

    def _forget(self) -> None:
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        self._job, self.measurement, self.chosen, self._stale = None, None, None, False

    def _on_volume_changed(self) -> None:
        self._forget()
        self.marks = {}
        self.changed.emit()

    def _on_labels_changed(self, start: int, stop: int) -> None:
        if not self.session.has_labels:  # they were dropped, or a segmentation begins
            if self.measurement is not None or self._job is not None:
                self._forget()
                self.changed.emit()
            return
        self._stale = True
        self._schedule(_SOON_MS)

    def _on_progress_changed(self) -> None:
        """Once labels have stopped streaming, nothing is waited for."""
        if self._timer.isActive() and not self.session.segmenting:
            self._timer.start(0)
