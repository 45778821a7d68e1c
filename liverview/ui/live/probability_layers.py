"""Class probabilities and attention maps of the open scan: the shown layer, and thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from liverview.core.box import Box
from liverview.core.candidates import shown_candidates, write_shown
from liverview.core.labels import FOREGROUND, Label, label_entry
from liverview.core.probability_maps import DEFAULT_THRESHOLDS, ProbabilityMaps, ProbabilitySlab
from liverview.core.review import take_out_of_slice
from liverview.core.volume import LabelMap, Plane
from liverview.editing.edited_blocks import overlap
from liverview.ui.jobs import generators
from liverview.ui.jobs.controller import Controller
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.state.overlay import Overlay
from liverview.ui.state.slice_reader import LabelSlice
from liverview.ui.widgets.color_ramp import color_ramp

_SOON_MS = 50  # slabs that come together are drawn once
_TABLE = color_ramp()


class Layer(Enum):
    """Layers over CT and labels; a label's probability has the label's name."""

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
    result : the number of the result in the `LabelStore` that they belong to.
    original_labels : the network's own labels; None until the segmentation has ended.
    thresholds : of the labels that are not the network's own, as the person has them.
    applied : those behind the session's labels.
    """

    maps: ProbabilityMaps
    result: int
    original_labels: LabelMap | None = None
    thresholds: dict[Label, float] = field(default_factory=dict)
    applied: dict[Label, float] = field(default_factory=dict)

    @property
    def own(self) -> LabelMap:
        """The network's own labels, once the segmentation has ended."""
        assert self.original_labels is not None
        return self.original_labels


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
        self._labelled_maps: list[_LabelledMaps] = []
        self._shown: _LabelledMaps | None = None
        self._overlay: Overlay | None = None
        self._relabeling: Job | None = None
        self._timer = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._timer.timeout.connect(self.refresh)
        controller.segmenting.maps_received.connect(self._on_mapped)
        controller.segmenting.segmented.connect(self._on_segmented)
        controller.busy_changed.connect(self.changed)
        self.session.volume_changed.connect(self._on_volume_changed)
        self.session.store.changed.connect(self._on_labels_changed)
        self.session.overlay_changed.connect(self._on_overlay_changed)

    # ---- what there is -----------------------------------------------------------------------

    @property
    def maps(self) -> ProbabilityMaps | None:
        """Those behind the session's labels, as far as they have come."""
        labelled = self._current
        return labelled.maps if labelled is not None else None

    @property
    def _current(self) -> _LabelledMaps | None:
        result = self.session.store.result
        return next((one for one in self._labelled_maps if one.result == result), None)

    @property
    def shown_level(self) -> int:
        """The decoder level whose gate is shown, of those that there are."""
        finest = len(self.maps.gates) - 1 if self.maps is not None else 0
        return finest if self.level is None else min(self.level, finest)

    @property
    def keep(self) -> bool:
        """True where the next segmentation keeps maps."""
        return self._controller.segmenting.keep_maps

    @property
    def can_segment(self) -> bool:
        return self.session.volume is not None and not self._controller.busy

    @property
    def can_relabel(self) -> bool:
        current = self._current
        ended = current is not None and current.original_labels is not None
        return ended and not self.session.store.segmenting

    def threshold(self, label: Label) -> float:
        """The threshold of a label, 0..1."""
        labelled = self._current
        return (labelled.thresholds if labelled else DEFAULT_THRESHOLDS).get(
            label, DEFAULT_THRESHOLDS[label]
        )

    @property
    def moved(self) -> bool:
        """True where a threshold is not at its default."""
        return self._current is not None and bool(self._current.thresholds)

    # ---- layers ------------------------------------------------------------------------------

    def set_keep(self, keep: bool) -> None:
        if keep != self.keep:
            self._controller.segmenting.keep_maps = keep
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
        labelled = self._current
        if labelled is None or not self.can_relabel or value == self.threshold(label):
            return
        self._stop_relabeling()
        if value == DEFAULT_THRESHOLDS[label]:
            labelled.thresholds.pop(label, None)
        else:
            labelled.thresholds[label] = value
        self.session.slices.preview_labels(partial(self._preview, labelled))
        self.changed.emit()

    def apply(self) -> None:
        """Replace the session's labels by those of the thresholds."""
        labelled = self._current
        if labelled is None or not self.can_relabel:
            return
        self._stop_relabeling()
        work: Iterator[object] = generators.iter_copy_voxels(labelled.own)
        if labelled.thresholds:
            work = labelled.maps.iter_relabel(labelled.own.voxels, dict(labelled.thresholds))
        self._relabeling = job = self._controller.start_background(work)
        job.yielded.connect(partial(self._on_relabeled, labelled))
        job.ended.connect(partial(self._on_relabeling_ended, job))

    def reset(self) -> None:
        """Go back to the network's own labels."""
        labelled = self._current
        if labelled is not None and self.can_relabel:
            labelled.thresholds.clear()
            self.apply()

    def _preview(self, labelled: _LabelledMaps, plane: Plane) -> LabelSlice | None:
        """A slice of the labels to come, as `SliceReader.labels` gives it."""
        reach = labelled.maps.search_region
        index = self.session.crosshair[plane.axis]
        if not reach[plane.axis].start <= index < reach[plane.axis].stop:
            return None
        inside: list[slice | int] = [slice(None)] * 3
        inside[plane.axis] = index - reach[plane.axis].start
        i, j, k = inside
        own = labelled.own.voxels[reach][i, j, k]
        found = labelled.maps.relabel(own, labelled.thresholds, (i, j, k))
        cut = list(reach)
        cut[plane.axis] = slice(index, index + 1)
        self._show_candidates(labelled, np.expand_dims(found, plane.axis), Box(*cut))
        self._put_edits_over(found, reach, plane, index)
        take_out_of_slice(found, self.session.review.ruled_out, reach, plane.axis, index)
        found = found.T
        return np.ascontiguousarray(found), (
            reach[plane.vertical_axis].start,
            reach[plane.horizontal_axis].start,
        )

    def _show_candidates(
        self, labelled: _LabelledMaps, voxels: NDArray[np.uint8], box: Box
    ) -> None:
        """Have the candidates as tumors that are sure enough, in labels made of the network's."""
        own, now = labelled.own, self.session.labels
        if now is not None and own.candidates:
            drawn = shown_candidates(own.candidates, own.least_certainty, own.marks)
            shown = shown_candidates(own.candidates, now.least_certainty, ())
            write_shown(voxels, box, own.candidates, shown, drawn)

    def _put_edits_over(
        self, found: NDArray[np.uint8], reach: Box, plane: Plane, index: int
    ) -> None:
        """Put what was edited by hand over a slice of the labels to come, (axes in order)."""
        assert self.session.labels is not None
        edited = self.session.store.hand.slice_of(self.session.labels, plane.axis, index)
        if edited is None:
            return
        box, before, now = edited
        thick = np.expand_dims(found, plane.axis)
        sides = list(reach)
        sides[plane.axis] = slice(index, index + 1)
        both = overlap(box, Box(*sides))
        at, own = (both.shifted([-n for n in one.start]) for one in (Box(*sides), box))
        np.copyto(thick[at], now[own], where=now[own] != before[own])

    def _on_relabeled(self, labelled: _LabelledMaps, item: object) -> None:
        if item is not None and self._current is labelled and self.can_relabel:
            assert isinstance(item, np.ndarray)
            own, now = labelled.own, self.session.labels
            self._show_candidates(labelled, item, Box.of_shape(item.shape))
            least = None if now is None else now.least_certainty
            made = LabelMap(
                item, own.affine, own.name, candidates=own.candidates, least_certainty=least
            )
            self._replace(labelled, made)

    def _replace(self, labelled: _LabelledMaps, labels: LabelMap) -> None:
        labelled.applied = dict(labelled.thresholds)
        box = labelled.maps.search_region
        self.session.store.replace_labels(labels, box, "thresholds")
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
        labelled = self._current
        if labelled is None:
            maps = ProbabilityMaps(slab.search_region, len(slab.gates))
            labelled = _LabelledMaps(maps, self.session.store.result)
            self._labelled_maps.append(labelled)
        labelled.maps.copy_slab(slab)
        if not self._timer.isActive():
            self._timer.start()

    def _on_segmented(self) -> None:
        store, current = self.session.store, self._current
        if not store.has_unfinished_labels:  # else the labels of before may come back
            self._labelled_maps = [current] if current is not None else []
        if current is not None and current.original_labels is None:
            own = store.snapshot()
            current.original_labels = result = store.hand.result_of(own)
            if result is own:  # nothing was edited meanwhile
                self._controller.start_background(generators.iter_take_voxels(own))  # kept long
        self.refresh()

    def _on_volume_changed(self) -> None:
        self._stop_relabeling()
        self._labelled_maps.clear()
        self.layer = Layer.NONE
        self.refresh()

    def _on_labels_changed(self, box: Box) -> None:
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
