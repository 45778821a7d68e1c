"""Controls that leave keys and wheel to the views, and labels as high as their words."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QSlider,
    QWidget,
)


def add_access_keys(buttons: Iterable[QAbstractButton]) -> None:
    """Give every button of a dialog that has none an access key: a letter that no other has."""
    buttons = list(buttons)
    texts = [button.text() for button in buttons]
    used = {QKeySequence.mnemonic(text).toString()[-1:] for text in texts}
    for button, text in zip(buttons, texts, strict=True):
        free = [
            n for n, letter in enumerate(text) if letter.isalpha() and letter.upper() not in used
        ]
        if free and QKeySequence.mnemonic(text).isEmpty():
            used.add(text[free[0]].upper())
            button.setText(f"{text[: free[0]]}&{text[free[0] :]}")


class FocuslessComboBox(QComboBox):
    """A combo box that a click does not give the keys to, and the wheel does not change."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class FocuslessSlider(QSlider):
    """A horizontal slider that a click does not give the keys to, and the wheel does not move."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class WrappedLabel(QLabel):
    """Words in as many lines as they have at the label's width; never wider for being long.

    A plain label asks for the height that it would have if it were narrow.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, max(self.heightForWidth(self.width()), 0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()


class QuietSpinBox(QDoubleSpinBox):
    """A number that is typed; the wheel changes it only while a person types in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setKeyboardTracking(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
