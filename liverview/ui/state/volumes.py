"""Volumes of the labels as all panels show them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QObject, QTimer, Signal

from liverview.core.box import Box
from liverview.core.labels import FOREGROUND, Label, label_parts
from liverview.ui.state.label_store import LabelStore

_REFRESH_MS = 50


class Volumes(QObject):
    """Follows the labels a few times a second, for volumes grow with every slab.

    Whoever shows a volume takes it from here: no two panels show another one at one time.

    Attributes
    ----------
    voxel_count : of each label alone: of LIVER, that of the parenchyma; 0 where nothing names it.
    ml : of each label with its parts; of LIVER, that of the organ; NaN where nothing names it.
    known : whether there are labels to have a volume.

    Signals
    -------
    changed : volumes, or whether they are known or partial.
    """

    changed = Signal()

    def __init__(self, store: LabelStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self.known = False
        self.voxel_count: Mapping[Label, int] = {}
        self.ml: Mapping[Label, float] = {}
        self._timer = QTimer(self, singleShot=True, interval=_REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        store.changed.connect(self._on_labels_changed)
        store.state_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Take the volumes of the labels as they are now."""
        self._timer.stop()
        store = self._store
        self.known = store.has_labels
        self.ml = {label: store.volume_ml(label) for label in FOREGROUND}
        voxel_ml = 1.0 if store.labels is None else store.labels.voxel_ml
        with_parts = {
            label: 0 if math.isnan(ml) else round(ml / voxel_ml) for label, ml in self.ml.items()
        }
        self.voxel_count = {
            label: max(0, count - sum(with_parts[part] for part in label_parts(label)))
            for label, count in with_parts.items()
        }
        self.changed.emit()

    def _on_labels_changed(self, box: Box) -> None:
        if not self._timer.isActive():
            self._timer.start()
