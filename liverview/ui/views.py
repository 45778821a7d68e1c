"""The three linked views and how they share the space."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QWidget

from liverview.ui.session import Session
from liverview.ui.slice_view import SliceView
from liverview.volume import Plane


class Views(QWidget):
    """Axial large on the left, coronal over sagittal on the right; any of them alone.

    Signals
    -------
    hovered : the voxel under the pointer in any view, or None.
    """

    hovered = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.of = {plane: SliceView(session, plane, self) for plane in Plane}
        self._right = _splitter(
            Qt.Orientation.Vertical, self.of[Plane.CORONAL], self.of[Plane.SAGITTAL]
        )
        self._both = _splitter(Qt.Orientation.Horizontal, self.of[Plane.AXIAL], self._right)
        self._both.setSizes([600, 400])
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._both)
        self._alone: Plane | None = None
        for view in self.of.values():
            view.hovered.connect(self.hovered)
            view.maximize_requested.connect(self.toggle_alone)

    @property
    def alone(self) -> Plane | None:
        """The view that fills the space, or None when all three share it."""
        return self._alone

    def toggle_alone(self, plane: Plane) -> None:
        """Give one view all the space, or share it again."""
        self._alone = None if self._alone is plane else plane
        for own, view in self.of.items():
            view.setVisible(self._alone in (None, own))
        self._right.setVisible(self._alone is not Plane.AXIAL)

    def reset(self) -> None:
        """All three views, each fitted to its slice, the crosshair in the middle."""
        if self._alone is not None:
            self.toggle_alone(self._alone)
        volume = self.session.volume
        if volume is not None:
            i, j, k = (n // 2 for n in volume.shape)
            self.session.set_crosshair((i, j, k))
        for view in self.of.values():
            view.fit()


def _splitter(orientation: Qt.Orientation, *widgets: QWidget) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.setHandleWidth(3)
    for widget in widgets:
        splitter.addWidget(widget)
    splitter.setChildrenCollapsible(False)
    return splitter
