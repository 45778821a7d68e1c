"""The pane of surfaces: the scene in three dimensions, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QHideEvent, QMouseEvent, QOpenGLContext, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from liverview.core.labels import FOREGROUND, Label, label_entry
from liverview.ui.live.surfaces import Surfaces
from liverview.ui.state.session import Session
from liverview.ui.widgets.controls import FocuslessSlider
from liverview.ui.widgets.shortcuts import KeyHint

if TYPE_CHECKING:
    from liverview.ui.views.surface_scene import SurfaceScene


class SurfacePane(QWidget):
    """Turn with the left button, enlarge with the wheel; a click puts the crosshair there.

    Signals
    -------
    maximize_requested : it was double-clicked.
    """

    maximize_requested = Signal()

    def __init__(self, session: Session, surfaces: Surfaces, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.surfaces = surfaces
        self._segment_key = KeyHint()
        self._before_pick = session.crosshair
        self.setAccessibleName("Surfaces in three dimensions")
        self.setToolTip("Drag to turn, wheel to enlarge, click to go there, double-click: alone")
        self.setStyleSheet("SurfacePane { background: black }")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.state.setStyleSheet("color: #bbb; background: black")
        self.opacity = {label: self._slider(label) for label in FOREGROUND}
        self.scene, self._problem = _make_scene(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        if self.scene is not None:
            layout.addWidget(self.scene, 1)
            layout.addLayout(self._sliders())
            self.scene.picked.connect(self._on_picked)
            self.scene.double_clicked.connect(self._on_double_clicked)
        layout.addWidget(self.state, int(self.scene is None))
        surfaces.changed.connect(self.refresh)
        session.styles_changed.connect(self._update_styles)
        session.crosshair_changed.connect(self._show_crosshair)
        session.store.changed.connect(self._show_state)
        self.refresh()

    def _slider(self, label: Label) -> FocuslessSlider:
        slider = FocuslessSlider()
        slider.setRange(0, 100)
        slider.setValue(round(100 * label_entry(label).mesh.opacity))
        name = self.session.styles[label].name.lower()
        slider.setToolTip(f"Opacity of the {name} surface")
        slider.setAccessibleName(f"Opacity of the {name} surface")
        slider.valueChanged.connect(self._update_styles)
        return slider

    def _sliders(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(8, 2, 8, 2)
        for label, slider in self.opacity.items():
            name = QLabel(self.session.styles[label].name)
            name.setStyleSheet("color: #bbb")
            row.addWidget(name)
            row.addWidget(slider, 1)
        return row

    def showEvent(self, event: QShowEvent) -> None:
        self.surfaces.set_wanted(self.scene is not None)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.surfaces.set_wanted(False)
        super().hideEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.maximize_requested.emit()
        event.accept()

    def reset_camera(self) -> None:
        """Look at all of the surfaces from the front."""
        if self.scene is not None:
            self.scene.reset_camera()

    def set_segment_action(self, action: QAction) -> None:
        """Name the key that segments."""
        self._segment_key = KeyHint(" ({})", action)
        self._segment_key.follow(self._show_state)

    # ---- showing ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the surfaces that there are."""
        if self.scene is not None:
            self.scene.show_surfaces(self.surfaces.found, self._bounds())
            self._update_styles()
            self._show_crosshair()
        self._show_state()

    def _show_state(self) -> None:
        self.state.setText(self._problem or self._state_text())
        self.state.setVisible(bool(self.state.text()))

    def _state_text(self) -> str:
        if self.surfaces.found:
            return ""
        if not self.session.store.has_labels:
            return f"Segment the scan{self._segment_key.text} to see its surfaces."
        return "Making surfaces …" if not self.surfaces.is_current else "No labels to show."

    def _update_styles(self) -> None:
        if self.scene is not None:
            opacity = {label: slider.value() / 100 for label, slider in self.opacity.items()}
            self.scene.update_styles(self.session.styles, opacity)

    def _show_crosshair(self) -> None:
        volume = self.session.volume
        if self.scene is not None:
            place = None
            if volume is not None and self.surfaces.found:
                place = np.asarray(volume.voxel_to_world(self.session.crosshair), float)
            self.scene.show_crosshair(place)

    def _bounds(self) -> NDArray[np.float64] | None:
        """The box of the scan's outermost voxels, (2, 3) world mm."""
        volume = self.session.volume
        if volume is None:
            return None
        last = np.array(volume.shape) - 1
        corners = np.array(
            [volume.voxel_to_world((last * corner).tolist()) for corner in np.ndindex(2, 2, 2)]
        )
        return np.stack([corners.min(axis=0), corners.max(axis=0)])

    def _on_picked(self, place: NDArray[np.float64]) -> None:
        volume = self.session.volume
        if volume is not None:
            self._before_pick = self.session.crosshair
            self.session.set_crosshair(volume.world_to_voxel(place.tolist()))

    def _on_double_clicked(self, picked: bool) -> None:
        if picked:  # its first half was no click
            self.session.set_crosshair(self._before_pick)
        self.maximize_requested.emit()


def _make_scene(parent: QWidget) -> tuple[SurfaceScene | None, str]:
    """The scene, or a sentence about why there is none."""
    if not QOpenGLContext().create():
        return None, "No surfaces here: this display offers no OpenGL. Everything else works."
    try:
        from liverview.ui.views.surface_scene import SurfaceScene
    except ImportError as error:
        return None, f"No surfaces here: OpenGL is not there ({error}). Everything else works."
    return SurfaceScene(parent), ""
