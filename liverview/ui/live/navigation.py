"""Going to what a person wants to see: the liver, and one lesion after the other."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.grid import Voxel
from liverview.core.labels import Label, label_mask
from liverview.core.volume import LabelMap
from liverview.ui.jobs.job import Outcome
from liverview.ui.jobs.segmenting import Segmenting
from liverview.ui.live.findings import Findings
from liverview.ui.state.session import Session


class Navigation(QObject):
    """Moves the crosshair on request, and to the liver after a segmentation.

    After one it stays where it is if it is on a label, or if the person has moved it meanwhile.

    Signals
    -------
    message : there is nothing to go to, in a sentence.
    """

    message = Signal(str)

    def __init__(
        self,
        session: Session,
        segmenting: Segmenting,
        findings: Findings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._segmenting, self._findings = session, segmenting, findings
        self._untouched = False  # nobody has moved the crosshair since the segmentation began
        self._step = 0  # towards a lesion, once they are measured
        segmenting.changed.connect(self._on_segmenting_changed)
        segmenting.segmented.connect(self._on_segmented)
        session.crosshair_changed.connect(self._on_crosshair_changed)
        session.volume_changed.connect(self._on_volume_changed)
        findings.changed.connect(self._on_findings_changed)

    def go_to_liver(self) -> None:
        """Go to the axial slice with most of the liver."""
        store = self._session.store
        place = None
        if store.labels is not None and store.label_bbox is not None:
            place = largest_slice_place(store.labels, store.label_bbox)
        if place is None:
            self.message.emit("There is no liver to go to.")
        else:
            self._session.set_crosshair(place)

    def go_to_lesion(self, step: int) -> None:
        """Go to the next lesion (1) or the one before (-1), after the last one to the first."""
        self._step = step
        if self._findings.lesions or self._findings.is_current:
            self._take_step()
        else:
            self._findings.update_once()

    def _take_step(self) -> None:
        step, self._step = self._step, 0
        numbers = [lesion.number for lesion in self._findings.lesions]
        if not numbers:
            self.message.emit("There is no lesion to go to.")
        elif self._findings.chosen in numbers:
            at = numbers.index(self._findings.chosen)
            self._findings.choose(numbers[(at + step) % len(numbers)])
        else:
            self._findings.choose(numbers[0 if step > 0 else -1])

    def _on_findings_changed(self) -> None:
        if self._step and self._findings.is_current:
            self._take_step()

    def _on_segmenting_changed(self) -> None:
        if self._segmenting.is_running:
            self._untouched = True

    def _on_crosshair_changed(self) -> None:
        self._untouched = False

    def _on_volume_changed(self) -> None:
        self._untouched, self._step = False, 0

    def _on_segmented(self, outcome: Outcome) -> None:
        store = self._session.store
        on_label = store.label_at(self._session.crosshair) is not Label.BACKGROUND
        if outcome is Outcome.DONE and self._untouched and not on_label:
            self.go_to_liver()


def largest_slice_place(labels: LabelMap, box: Box) -> Voxel | None:
    """A voxel of the liver in the axial slice that cuts most of it, nearest to its middle there."""
    counts = [
        np.count_nonzero(label_mask(labels.voxels[box.i, box.j, k], Label.LIVER))
        for k in range(box.k.start, box.k.stop)
    ]
    if not any(counts):
        return None
    k = box.k.start + int(np.argmax(counts))
    places = np.argwhere(label_mask(labels.voxels[box.i, box.j, k], Label.LIVER))
    middle = places.mean(axis=0)
    i, j = places[np.argmin(((places - middle) ** 2).sum(axis=1))].tolist()
    return box.i.start + i, box.j.start + j, k
