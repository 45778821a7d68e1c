"""The status bar: the voxel under the pointer, and the progress of the work."""

from __future__ import annotations

import time
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from liverview.core.grid import Voxel
from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.ui.live.vessel_division import VesselDivision
from liverview.ui.state.session import Session
from liverview.ui.widgets.shortcuts import KeyHint
from liverview.vasculature.graph import VesselTree

_FIRST_ESTIMATE_S = 1.0


class Readout(QLabel):
    """Voxel, world position, HU and label under the pointer, else at the crosshair."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._hovered: Voxel | None = None
        self.setToolTip(
            "Voxels and slices count from 0: to the right, to the front, up. World coordinates "
            "are mm in the same directions (RAS)."
        )
        session.crosshair_changed.connect(self.refresh)
        session.volume_changed.connect(self.refresh)
        session.store.changed.connect(self.refresh)
        session.trees.changed.connect(self.refresh)

    def set_hovered(self, voxel: Voxel | None) -> None:
        """The pointer moved to a voxel, or away from the views."""
        self._hovered = voxel
        self.refresh()

    def refresh(self) -> None:
        volume = self.session.volume
        if volume is None:
            self.setText("")
            return
        hovered = self._hovered is not None and volume.contains(self._hovered)
        voxel = self._hovered if self._hovered and hovered else self.session.crosshair
        prefix = "" if hovered else "crosshair: "
        i, j, k = voxel
        x, y, z = volume.voxel_to_world(voxel)
        label = self.session.store.label_at(voxel)
        name = "" if label is Label.BACKGROUND else f"  ·  {self.session.styles[label].name}"
        tree = self.session.trees.tree_at(voxel, label)
        if tree is not VesselTree.UNDECIDED:
            name += f", {tree.words}"
        self.setText(
            f"{prefix}voxel {i} {j} {k}  ·  world RAS {x:.1f} {y:.1f} {z:.1f} mm  ·  "
            f"{_value_text(volume, voxel)}{name}"
        )


def _value_text(volume: Volume, voxel: Voxel) -> str:
    """HU, else the value as it is; what was filled is none where nothing else has its value."""
    if volume.in_hu:
        return f"{volume.hu_at(voxel):.0f} HU"
    if volume.filled_with is not None and float(volume.voxels[voxel]) == volume.filled_with:
        return "no number"
    return f"value {volume.hu_at(voxel):.3g}"


class JobProgress(QWidget):
    """Phase, percent, remaining time, and a cross to cancel; hidden while nothing runs."""

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.phase = QLabel()
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setFixedWidth(140)
        self.cross = QToolButton(autoRaise=True)
        self.cross.setText("✕")
        self.cross.setToolTip("Cancel")
        self.cross.setAccessibleName("Cancel")
        self.cross.clicked.connect(self.cancel_requested)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.phase, self.bar, self.cross):
            layout.addWidget(widget)
        self._started = time.monotonic()
        self.hide()

    def follow(self, division: VesselDivision) -> None:
        """Show how far vessels are divided; the cross shows them as vessels again."""
        self.cross.setToolTip("Stop, and show vessels as vessels")
        division.changed.connect(lambda: self.show_progress(division.progress))
        self.cancel_requested.connect(partial(division.set_shown, False))

    def show_progress(self, progress: Progress | None) -> None:
        """Show how far the work is, or that none is under way."""
        if progress is None:
            self.hide()
            return
        if self.isHidden():
            self._started = time.monotonic()
            self.show()
        self.phase.setText(progress.phase + remaining_time(self._started, progress.fraction))
        self.bar.setValue(round(100 * progress.fraction))


class ProgressStatus(JobProgress):
    """The progress of loading and segmenting."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._cancel_key = KeyHint()
        session.progress_changed.connect(self.refresh)

    def set_cancel_action(self, action: QAction) -> None:
        """Name the key that cancels."""
        self._cancel_key = KeyHint(" ({})", action)
        self._cancel_key.follow(self._show_keys)

    def _show_keys(self) -> None:
        self.cross.setToolTip(f"Cancel{self._cancel_key.text}")

    def refresh(self) -> None:
        self.show_progress(self.session.progress)


def remaining_time(started: float, fraction: float) -> str:
    """ ", 4 s left" once there is something to go by, else nothing."""
    elapsed = time.monotonic() - started
    if elapsed < _FIRST_ESTIMATE_S or not 0.05 < fraction < 1:
        return " …"
    return f", {elapsed * (1 - fraction) / fraction:.0f} s left"
