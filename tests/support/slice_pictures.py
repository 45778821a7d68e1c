"""Pictures of slice views."""

from __future__ import annotations

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from liverview.core.volume import Plane
from liverview.ui.views.slice_view import SliceView


def settle(views: dict[Plane, SliceView]) -> None:
    for view in views.values():
        view.refresh()
    QApplication.processEvents()


def grab(view: SliceView) -> QImage:
    return view.grab().toImage()
