"""The measurement of the open scan's labels, and the person's exclusions."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject

from liverview.core.grid import Voxel
from liverview.measurement.recist import Recist, assess_recist
from liverview.measurement.results import Lesion, Measurement
from liverview.ui.jobs import generators
from liverview.ui.live.live_result import LiveResult, StartJob
from liverview.ui.state.session import Session


class Findings(LiveResult):
    """Keeps a measurement up to date.

    Attributes
    ----------
    measurement : the last one of the open scan; None where there is none yet.
    marks : why lesions are excluded, by a voxel that lies in each.
    chosen : the number of the lesion that the person looks at.
    """

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        self.measurement: Measurement | None = None
        self.marks: dict[Voxel, str] = {}
        self.chosen: int | None = None
        super().__init__(session, start, parent)

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        return self.measurement.lesions if self.measurement is not None else ()

    @property
    def excluded(self) -> dict[int, str]:
        """Reasons by lesion number."""
        return (
            self.measurement.exclusions_by_lesion(self.marks)
            if self.measurement is not None
            else {}
        )

    @property
    def recist(self) -> Recist | None:
        """The proposal of target lesions."""
        return (
            assess_recist(self.measurement, self.excluded) if self.measurement is not None else None
        )

    def choose(self, number: int | None) -> None:
        """Look at a lesion: the crosshair goes into it, where its diameters are drawn."""
        self.chosen = number
        for lesion in self.lesions:
            if lesion.number == number:
                self.session.set_crosshair(lesion.axial_voxel)
        self.changed.emit()

    def exclude(self, number: int, reason: str) -> None:
        """Leave a lesion out of the target lesions; an empty reason takes it in again."""
        for lesion in self.lesions:
            if lesion.number == number:
                self.marks = {v: r for v, r in self.marks.items() if not lesion.contains(v)}
                if reason:
                    self.marks[lesion.inside] = reason
        self.changed.emit()

    # ---- following the labels ----------------------------------------------------------------

    def _make_work(self) -> Iterator[object] | None:
        volume = self.session.volume
        if volume is None:
            return None
        return generators.iter_measure(self.session.store.snapshot(), volume)

    def _receive(self, item: object) -> None:
        if isinstance(item, Measurement):
            self.measurement = item
            if self.chosen is not None and self.chosen > len(item.lesions):
                self.chosen = None

    def _clear(self) -> None:
        self.measurement, self.chosen = None, None

    def _on_volume_changed(self) -> None:
        self.marks = {}
        super()._on_volume_changed()
