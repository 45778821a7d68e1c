"""Fill between slices: contours drawn in some slices of a view, completed by one command."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.volume import Plane, Volume
from liverview.ui.jobs import generators
from liverview.ui.jobs.job import Job
from liverview.ui.live.live_result import StartJob
from liverview.ui.state.session import Session

_Filled = list[tuple[Box, NDArray[np.bool_]]]


class SliceFilling(QObject):
    """Interpolates the chosen label between the slices of a view in which it was drawn.

    Signals
    -------
    message : a sentence on what was filled, or why nothing was.
    """

    message = Signal(str)

    def __init__(
        self,
        session: Session,
        start: StartJob,
        focused_plane: Callable[[], Plane],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._start = start
        self._focused_plane = focused_plane
        self._job: Job | None = None

    def fill(self) -> None:
        """Fill between the slices of the view that has the keys."""
        labels, volume = self._session.labels, self._session.volume
        if labels is None or volume is None or self._job is not None:
            return
        label, plane = self._session.editing.label, self._focused_plane()
        around = self._session.store.label_bbox or Box.of_shape((0, 0, 0))
        drawn = labels.voxels[around] == label
        work = generators.iter_fill_between_slices(drawn, plane.axis, volume.spacing)
        self._job = self._start(work)
        self._job.yielded.connect(partial(self._on_filled, volume, around, label, plane))
        self._job.ended.connect(self._on_ended)

    def _on_filled(
        self, volume: Volume, around: Box, label: Label, plane: Plane, item: object
    ) -> None:
        """Draw what was found, wherever the limits allow it by now."""
        if self._session.volume is not volume or not isinstance(item, list):
            return
        filled: _Filled = [(box.shifted(around.start), mask) for box, mask in item]
        if not filled:
            self.message.emit(
                f"There is nothing to fill: draw {label.name.lower()} in two or more slices of "
                f"the {plane.name.lower()} view, with slices between them."
            )
            return
        whole = filled[0][0]
        for box, _ in filled[1:]:
            whole = whole.union(box)
        mask = np.zeros(whole.shape, bool)
        for box, inside in filled:
            mask[box.shifted(np.negative(whole.start).tolist())] |= inside
        name = f"fill between slices, {label.name.lower()}"
        self._session.editing.apply_mask(whole, mask, name, label=label)
        slices = len({box.start[plane.axis] for box, _ in filled})
        self.message.emit(f"Filled {slices} slices with {label.name.lower()}.")

    def _on_ended(self) -> None:
        self._job = None
