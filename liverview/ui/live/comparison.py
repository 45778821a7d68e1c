"""Agreement of the open scan's labels with a reference, in figures and as an error map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.ui.jobs import following
from liverview.ui.live.live_result import SETTLED_MS, SOON_MS, LiveResult, StartJob
from liverview.ui.state.overlay import Overlay
from liverview.ui.state.session import Session

if TYPE_CHECKING:
    from liverview.evaluation.error_map import ErrorMap
    from liverview.evaluation.scores import LabelScore

_MOST_AT_ONCE = 1 << 18  # voxels of an edit: they are looked at before the next picture
_COUNTED = ("dice", "predicted_ml", "reference_ml", "volume_error_ml", "volume_error_percent")
NAMES = {1: "Agree", 2: "Only predicted", 3: "Only reference"}
"""What the values of the overlay mean, as in `liverview.evaluation.error_map.VoxelOutcome`."""
# Middle, dark and light: they stay apart without hue, and for color-blind eyes; what both have
# lets the scan through. Violet and pink, for blue and gold are labels.
_COLORS = {1: (0, 158, 115, 110), 2: (90, 0, 160, 215), 3: (255, 200, 240, 215)}


class Comparison(LiveResult):
    """Keeps the figures up to date.

    Of labels that are edited, what is counted follows at once. Distances and the like follow when
    the labels hold still, of those labels that have changed.

    Attributes
    ----------
    scores : of the labels that are compared so far.
    outdated : labels of which no more than the counted figures are known, as they are.
    phase : what is being done.
    """

    only_when_idle = True

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        self.scores: dict[Label, LabelScore] = {}
        self.outdated: frozenset[Label] = frozenset()
        self.phase = ""
        self._followed: following.Followed | None = None
        self._counting = False
        self._settling = QTimer(singleShot=True, interval=SETTLED_MS)
        super().__init__(session, start, parent)
        self._settling.timeout.connect(self._on_settled)
        session.reference_changed.connect(self.update_now)

    @property
    def is_current(self) -> bool:
        return super().is_current and not self._settling.isActive()

    def is_known(self, label: Label, figure: str) -> bool:
        """True where a figure, by its attribute, is that of the labels as they are."""
        return label in self.scores and (label not in self.outdated or figure in _COUNTED)

    def update_now(self) -> None:
        self._clear()
        super().update_now()
        self.changed.emit()

    def stop(self) -> None:
        self._settling.stop()
        super().stop()

    def _make_work(self) -> Iterator[object] | None:
        store, reference = self.session.store, self.session.reference
        if reference is None or not store.has_labels:
            return None
        labels = store.snapshot()
        if self._followed is None or labels.changed_boxes(self._followed.labels) is None:
            self._clear()
        self._counting = self._settling.isActive()
        return following.iter_compare(labels, reference, self._followed, self._counting)

    def _receive(self, item: object) -> None:
        if isinstance(item, Progress):
            if item.phase == self.phase:
                return
            self.phase = item.phase
        elif isinstance(item, following.Followed):
            self._followed, self.scores = item, dict(item.found.scores)
            self.outdated = item.found.outdated
        else:
            score: LabelScore = item  # type: ignore[assignment]
            self.scores[score.label] = score
            self.outdated -= {score.label}
        self.changed.emit()

    def _clear(self) -> None:
        self.scores, self.outdated, self.phase = {}, frozenset(), ""
        self._settling.stop()
        self._let_go()

    def _let_go(self) -> None:
        self._followed = None

    def _on_labels_changed(self, box: Box) -> None:
        store = self.session.store
        if self._followed is None or store.segmenting or not store.has_labels:
            super()._on_labels_changed(box)
            return
        if not self._counting:
            self._cancel_job()
        self._stale, self.outcome = True, None
        self._settling.start()
        self._schedule(SOON_MS)

    def _on_settled(self) -> None:
        self._stale = True
        self._schedule(0)


class ErrorMapOverlay(LiveResult):
    """Shows where labels and reference agree, while a label is chosen for that.

    Attributes
    ----------
    label : the chosen one.
    """

    only_when_idle = True

    def __init__(self, session: Session, start: StartJob, parent: QObject | None = None) -> None:
        self.label: Label | None = None
        self._shown: Overlay | None = None
        self._map: ErrorMap | None = None
        super().__init__(session, start, parent)
        self.set_wanted(True)
        session.reference_changed.connect(self.update_now)
        session.overlay_changed.connect(self._on_overlay_changed)

    def choose(self, label: Label | None) -> None:
        """Show a label's agreement, or none."""
        if label is not self.label:
            self.label = label
            self.update_now()

    def update_now(self) -> None:
        self._clear()
        super().update_now()
        self.changed.emit()

    def _make_work(self) -> Iterator[object] | None:
        store, reference = self.session.store, self.session.reference
        if self.label is None or reference is None or not store.has_labels:
            return None
        return following.iter_error_map(store.snapshot(), reference, self.label)

    def _receive(self, item: object) -> None:
        assert self.label is not None
        found: ErrorMap = item  # type: ignore[assignment]
        title = f"{self.session.styles[self.label].name} and reference"
        colors = error_map_colors()
        self._map = found
        self._shown = Overlay(title, found.voxels, found.box, colors, names=NAMES, alone=True)
        self.session.set_overlay(self._shown)

    def _on_labels_changed(self, box: Box) -> None:
        """What lies in the map is shown at once; else it stays until the next one is there."""
        store, reference = self.session.store, self.session.reference
        if self._map is None or self._shown is None or store.segmenting or not store.has_labels:
            super()._on_labels_changed(box)
            return
        assert reference is not None
        assert self.label is not None
        assert store.labels is not None
        if self.is_current and box.size <= _MOST_AT_ONCE:
            values = store.labels.voxels[box]
            if self._map.follow(box, values, reference, self.label):
                self._shown = replace(self._shown)  # another one: views draw it anew
                self.session.set_overlay(self._shown)
                return
        self._cancel_job()
        self._stale = True
        self._schedule(SOON_MS)

    def _clear(self) -> None:
        self._map = None
        if self._shown is not None:
            self._shown = None
            self.session.set_overlay(None)

    def _on_volume_changed(self) -> None:
        self.label = None
        super()._on_volume_changed()

    def _on_overlay_changed(self) -> None:
        """Something else is shown in its place: that was chosen later."""
        if self.label is not None and self.session.overlay is not self._shown:
            self._shown, self._map, self.label = None, None, None
            self.update_now()


def error_map_colors() -> NDArray[np.uint8]:
    """RGBA of the overlay, (256, 4)."""
    table = np.zeros((256, 4), np.uint8)
    for value, color in _COLORS.items():
        table[value] = color
    return table
