"""Cine: slices play by themselves, to the last one and back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from liverview.core.volume import Plane
from liverview.ui.state.session import Session

RATES = (5, 10, 15, 25)  # slices per second


class Cine(QObject):
    """Moves the crosshair through the slices of a plane.

    A picture that takes longer than its time makes the next one late; none is queued.

    Signals
    -------
    changed : it began or stopped to play.
    """

    changed = Signal()

    def __init__(
        self, session: Session, plane_of: Callable[[], Plane], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.session = session
        self._plane_of = plane_of
        self._plane = Plane.AXIAL
        self._step = 1
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_timeout)
        self.set_rate(10)
        session.volume_changed.connect(self.stop)

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    @property
    def rate(self) -> int:
        """Slices per second."""
        return round(1000 / self._timer.interval())

    def set_rate(self, per_second: int) -> None:
        self._timer.setInterval(round(1000 / per_second))

    def toggle(self) -> None:
        """Play the plane that the person looks at, or stop."""
        if self.playing:
            self.stop()
        elif self.session.volume is not None:
            self._plane = self._plane_of()
            self._timer.start()
            self.changed.emit()

    def stop(self) -> None:
        if self.playing:
            self._timer.stop()
            self.changed.emit()

    def _on_timeout(self) -> None:
        volume, axis = self.session.volume, self._plane.axis
        if volume is None or volume.shape[axis] == 1:
            self.stop()
            return
        if not 0 <= self.session.crosshair[axis] + self._step < volume.shape[axis]:
            self._step = -self._step
        self.session.move_crosshair(axis, self._step)
