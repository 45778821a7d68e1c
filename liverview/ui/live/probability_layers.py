"""What the network thinks of the open scan: the layer that is shown, and thresholds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from liverview.core.labels import FOREGROUND, Label, label_entry
from liverview.core.probability_maps import DEFAULT_THRESHOLDS, ProbabilityMaps, ProbabilitySlab
from liverview.core.volume import LabelMap, Plane
from liverview.ui.jobs.controller import Controller
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.state.overlay import Overlay
from liverview.ui.state.session import LabelSlice
from liverview.ui.widgets.color_ramp import color_ramp

_SOON_MS = 50  # slabs that come together are drawn once
_TABLE = color_ramp()


class Layer(Enum):
    """What may be shown between CT and labels; a label's probability has the label's name."""

    NONE = "None"
    vars().update(
        {label.name: f"Probability of {label_entry(label).name.lower()}" for label in FOREGROUND}
    )
    ENTROPY = "Entropy"
    GATES = "Attention gates"


@dataclass(eq=False)
class _LabelledMaps:
    """Maps, and the labels that they are behind.

    Attributes
    ----------
    own : the network's own labels, never changed once the segmentation has ended.
    labels : what the session has in their place.
    thresholds : of the labels that are not the network's own, as the person has them.
    applied : those behind ``labels``.
    """

    maps: ProbabilityMaps
    original_labels: LabelMap
    labels: LabelMap
    thresholds: dict[Label, float] = field(default_factory=dict)
    applied: dict[Label, float] = field(default_factory=dict)


class ProbabilityLayers(QObject):
    """Keeps maps with the labels that they are behind, shows one, and relabels by thresholds.

    Maps belong to labels: where those of before a segmentation come back, so do their maps.

    Signals
    -------
    changed : the layer, what there is to show, or a threshold.

    Attributes
    ----------
    layer : the one that is chosen; it is shown where there are maps.
    level : the decoder level whose gate is shown, 0 for the coarsest; None for the finest.
    """

    changed = Signal()

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = controller.session
        self.layer = Layer.NONE
        self.level: int | None = None
        self._controller = controller
        self._thoughts: list[_LabelledMaps] = []
        self._shown: _LabelledMaps | None = None
        self._overlay: Overlay | None = None
        self._relabeling: Job | None = None
        self._timer = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._timer.timeout.connect(self.refresh)
        controller.maps_received.connect(self._on_mapped)
        controller.segmented.connect(self._on_segmented)
        controller.busy_changed.connect(self.changed)
        self.session.volume_changed.connect(self._on_volume_changed)
        self.session.labels_changed.connect(self._on_labels_changed)
        self.session.overlay_changed.connect(self._on_overlay_changed)

    # ---- what there is -----------------------------------------------------------------------

    @property
    def maps(self) -> ProbabilityMaps | None:
        """Those behind the session's labels, as far as they have come."""
        thoughts = self._current
        return thoughts.maps if thoughts is not None else None

    @property
    def _current(self) -> _LabelledMaps | None:
        labels = self.session.labels
        return next((one for one in self._thoughts if one.labels is labels), None)

    @property
    def shown_level(self) -> int:
        """The decoder level whose gate is shown, of those that there are."""
        finest = len(self.maps.gates) - 1 if self.maps is not None else 0
        return finest if self.level is None else min(self.level, finest)

    @property
    def keep(self) -> bool:
        """Whether the next segmentation keeps maps."""
        return self._controller.keep_maps

    @property
    def can_segment(self) -> bool:
        return self.session.volume is not None and not self._controller.busy

    @property
    def can_relabel(self) -> bool:
        return self._current is not None and not self.session.segmenting

    def threshold(self, label: Label) -> float:
        """The threshold of a label, 0..1."""
        thoughts = self._current
        return (thoughts.thresholds if thoughts else DEFAULT_THRESHOLDS).get(
            label, DEFAULT_THRESHOLDS[label]
        )

    @property
    def moved(self) -> bool:
        """Whether a threshold is not at its default."""
        return self._current is not None and bool(self._current.thresholds)

    # ---- layers ------------------------------------------------------------------------------

    def set_keep(self, keep: bool) -> None:
        if keep != self.keep:
            self._controller.keep_maps = keep
            self.changed.emit()

    def set_layer(self, layer: Layer) -> None:
        if layer is not self.layer:
            self.layer = layer
            self.refresh()

    def set_level(self, level: int) -> None:
        if level != self.level:
            self.level = level
            self.refresh()

    def refresh(self) -> None:
        """Show the chosen layer as far as it has come."""
        self._timer.stop()
        self._shown = self._current
        overlay = self._make_overlay(self.maps) if self.maps is not None else None
        if overlay is not None or self._overlay is not None:
            self._overlay = overlay
            self.session.set_overlay(overlay)
        self.changed.emit()

    def _make_overlay(self, maps: ProbabilityMaps) -> Overlay | None:
        if self.layer.name in Label.__members__:
            probability = maps.probabilities[FOREGROUND.index(Label[self.layer.name])]
            return Overlay(self.layer.value, probability, maps.search_region, _TABLE)
        if self.layer is Layer.ENTROPY:
            return Overlay("Entropy", maps.entropy, maps.search_region, _TABLE)
        if self.layer is Layer.GATES:
            title = f"Attention gate {self.shown_level + 1} of {len(maps.gates)}"
            return Overlay(title, maps.gates[self.shown_level], maps.search_region, _TABLE)
        return None

    # ---- thresholds --------------------------------------------------------------------------

    def set_threshold(self, label: Label, value: float) -> None:
        """Draw the labels with another threshold; `apply` makes them the session's."""
        thoughts = self._current
        if thoughts is None or not self.can_relabel or value == self.threshold(label):
            return
        self._stop_relabeling()
        if value == DEFAULT_THRESHOLDS[label]:
            thoughts.thresholds.pop(label, None)
        else:
            thoughts.thresholds[label] = value
        self.session.preview_labels(partial(self._preview, thoughts))
        self.changed.emit()

    def apply(self) -> None:
        """Replace the session's labels by those of the thresholds."""
        thoughts = self._current
        if thoughts is None or not self.can_relabel:
            return
        self._stop_relabeling()
        if not thoughts.thresholds:
            self._replace(thoughts, thoughts.original_labels)
            return
        work = thoughts.maps.iter_relabel(
            thoughts.original_labels.voxels, dict(thoughts.thresholds)
        )
        self._relabeling = job = self._controller.start_background(work)
        job.yielded.connect(partial(self._on_relabeled, thoughts))
        job.ended.connect(partial(self._on_relabeling_ended, job))

    def reset(self) -> None:
        """Go back to the network's own labels."""
        thoughts = self._current
        if thoughts is not None and self.can_relabel:
            thoughts.thresholds.clear()
            self.apply()

    def _preview(self, thoughts: _LabelledMaps, plane: Plane) -> LabelSlice | None:
        """A slice of the labels to come, as `Session.slice_labels` gives it."""
        reach = thoughts.maps.search_region
        index = self.session.crosshair[plane.axis]
        if not reach[plane.axis].start <= index < reach[plane.axis].stop:
            return None
        inside: list[slice | int] = [slice(None)] * 3
        inside[plane.axis] = index - reach[plane.axis].start
        i, j, k = inside
        own = thoughts.original_labels.voxels[reach][i, j, k]
        found = thoughts.maps.relabel(own, thoughts.thresholds, (i, j, k)).T
        return np.ascontiguousarray(found), (
            reach[plane.vertical_axis].start,
            reach[plane.horizontal_axis].start,
        )

    def _on_relabeled(self, thoughts: _LabelledMaps, item: object) -> None:
        if item is not None and self._current is thoughts and self.can_relabel:
            assert isinstance(item, np.ndarray)
            own = thoughts.original_labels
            self._replace(thoughts, LabelMap(item, own.affine, own.name))

    def _replace(self, thoughts: _LabelledMaps, labels: LabelMap) -> None:
        thoughts.labels, thoughts.applied = labels, dict(thoughts.thresholds)
        self.session.replace_labels(labels, thoughts.maps.search_region)
        self.changed.emit()

    def _stop_relabeling(self) -> None:
        if self._relabeling is not None:
            job, self._relabeling = self._relabeling, None
            job.cancel()

    def _on_relabeling_ended(self, job: Job, outcome: Outcome) -> None:
        if job is self._relabeling:
            self._relabeling = None

    # ---- the case changed --------------------------------------------------------------------

    def _on_mapped(self, slab: ProbabilitySlab) -> None:
        labels = self.session.labels
        assert labels is not None
        thoughts = self._current
        if thoughts is None:
            maps = ProbabilityMaps(slab.search_region, len(slab.gates))
            thoughts = _LabelledMaps(maps, labels, labels)
            self._thoughts.append(thoughts)
        thoughts.maps.copy_slab(slab)
        if not self._timer.isActive():
            self._timer.start()

    def _on_segmented(self) -> None:
        if not self.session.has_unfinished_labels:  # else the labels of before may come back
            self._thoughts = [one for one in self._thoughts if one.labels is self.session.labels]
        self.refresh()

    def _on_volume_changed(self) -> None:
        self._stop_relabeling()
        self._thoughts.clear()
        self.layer = Layer.NONE
        self.refresh()

    def _on_labels_changed(self, start: int, stop: int) -> None:
        if self._current is not self._shown:
            if self._shown is not None:  # what was not applied is forgotten
                self._stop_relabeling()
                self._shown.thresholds = dict(self._shown.applied)
            self.refresh()

    def _on_overlay_changed(self) -> None:
        """Somebody else shows something: this layer is no longer chosen."""
        if self._overlay is not None and self.session.overlay is not self._overlay:
            self._overlay = None
            self.layer = Layer.NONE
            self.changed.emit()
