"""Copies of the scan and its labels for the one plane whose slices are slow to cut."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer

from liverview.core.box import Box
from liverview.core.volume import Plane
from liverview.ui.jobs import generators
from liverview.ui.jobs.job import Job
from liverview.ui.live.live_result import LiveResult, StartJob
from liverview.ui.state.session import Session

_MOST = 1 << 30  # bytes of a volume that is held twice, for the sake of one view
_FIRST_PICTURE_MS = 100  # after which a scan is seen, and the machine free


class SlowAxisCopy(QObject):
    """Makes the slowest view as fast as the others, behind what the person does."""

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._start = start
        self._job: Job | None = None
        self._timer = QTimer(self, singleShot=True, interval=_FIRST_PICTURE_MS)
        self._timer.timeout.connect(self._start_copy)
        self._labels = _LabelCopy(session, start, self)
        self._labels.set_wanted(True)
        session.volume_changed.connect(self._on_volume_changed)

    def stop(self) -> None:
        """Begin no more copies."""
        self._timer.stop()
        self._labels.set_wanted(False)

    def _on_volume_changed(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self._timer.start()

    def _start_copy(self) -> None:
        volume = self._session.volume
        if volume is not None and volume.voxels.nbytes <= _MOST:
            self._job = job = self._start(generators.iter_slow_axis_copy(volume))
            job.yielded.connect(self._on_yielded)
            job.ended.connect(self._on_ended)

    def _on_yielded(self, item: object) -> None:
        if item is not None and self.sender() is self._job:
            self._session.slices.set_volume_copy(item)  # type: ignore[arg-type]

    def _on_ended(self) -> None:
        if self.sender() is self._job:
            self._job = None


class _LabelCopy(LiveResult):
    """Of the block that holds the labels, while they hold still."""

    only_when_idle = True

    def _make_work(self) -> Iterator[object] | None:
        labels, box = self.session.labels, self.session.store.label_bbox
        if labels is None or box is None:
            return None
        plane = Plane.least_contiguous(labels.voxels)
        return generators.iter_slow_axis_labels(self.session.store.snapshot(), box, plane)

    def _on_labels_changed(self, box: Box) -> None:
        """A copy that has followed an edit needs no other one."""
        if not self.session.slices.has_label_copy:
            super()._on_labels_changed(box)

    def _receive(self, item: object) -> None:
        if item is not None:
            self.session.slices.set_label_copy(item)  # type: ignore[arg-type]

    def _clear(self) -> None:
        """The session has done so by itself."""
