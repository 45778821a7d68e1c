"""The quick tour: a few notes beside what they are about; the first minute needs no manual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from liverview.ui.widgets.shortcuts import KeyHint, plain_text

_WIDTH = 300
_GAP = 12


@dataclass(frozen=True, eq=False)
class Stop:
    """One note of the tour.

    Attributes
    ----------
    text : what a person should know there.
    about : the widget that it is about; the window where it is hidden.
    offer : a command that can be tried there.
    keys : goes on with the text, with keys as they are.
    """

    text: str
    about: QWidget
    offer: QAction | None = None
    keys: KeyHint = field(default_factory=KeyHint)


class Tour(QFrame):
    """Shows the notes one after the other over a window, which stays usable.

    Signals
    -------
    finished : the notes are gone, after the last one or because the person ended the tour.
    """

    finished = Signal()

    def __init__(self, window: QWidget, stops: Sequence[Stop]) -> None:
        super().__init__(window)
        self._over = window
        self._stops = list(stops)
        self._at = 0
        self._frame = QFrame(window)
        self._frame.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._frame.setStyleSheet("border: 2px solid palette(highlight); background: none")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setFixedWidth(_WIDTH)
        self.setAccessibleName("Quick tour")
        self.count = QLabel()
        self.count.setEnabled(False)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.offer = QPushButton()
        self.back = QPushButton("&Back")
        self.next = QPushButton()
        self.end = QPushButton("&End tour")
        self.offer.clicked.connect(self._on_offer)
        self.back.clicked.connect(self._on_back)
        self.next.clicked.connect(self._on_next)
        self.end.clicked.connect(self.finish)
        row = QHBoxLayout()
        for button in (self.end, self.back, self.next):
            row.addWidget(button)
        layout = QVBoxLayout(self)
        for widget in (self.count, self.text, self.offer):
            layout.addWidget(widget)
        layout.addLayout(row)
        window.installEventFilter(self)
        for stop in stops:
            stop.keys.follow(self._show_text)
        self.show()
        self.go_to(0)

    def go_to(self, number: int) -> None:
        """Show a note."""
        self._at = number
        stop = self._stops[number]
        self.count.setText(f"{number + 1} of {len(self._stops)}")
        self._show_text()
        self.offer.setVisible(stop.offer is not None)
        if stop.offer is not None:
            self.offer.setText(plain_text(stop.offer.text()))
        self.back.setEnabled(number > 0)
        self.next.setText("Next" if number + 1 < len(self._stops) else "Done")
        self.next.setFocus()  # so that Return goes on
        self._place()

    def _show_text(self) -> None:
        stop = self._stops[self._at]
        self.text.setText(stop.text + stop.keys.text)

    def finish(self) -> None:
        """Take the notes away."""
        self._over.removeEventFilter(self)
        self._frame.hide()
        self._frame.deleteLater()
        self.hide()
        self.finished.emit()
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._place()
        return False

    def _place(self) -> None:
        """Beside what the note is about, inside the window; over a corner of what fills it."""
        window, about = self._over, self._stops[self._at].about
        shown = about.isVisible()
        at = about.mapTo(window, QPoint()) if shown else QPoint()
        target = QRect(at, about.size()) if shown else window.rect()
        self._frame.setGeometry(target)
        self._frame.setVisible(shown)
        self.adjustSize()
        room = window.rect().adjusted(_GAP, _GAP, -_GAP, -_GAP)
        middle = room.center() - self.rect().center()
        self.move(_best_place(self.size(), target, room) if shown else middle)
        self.raise_()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.finish()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            pressed = self.focusWidget()
            (pressed if isinstance(pressed, QPushButton) else self.next).click()
        else:
            event.ignore()

    def _on_offer(self) -> None:
        offer = self._stops[self._at].offer
        if offer is not None:
            offer.trigger()
        self.next.setFocus()

    def _on_back(self) -> None:
        self.go_to(self._at - 1)

    def _on_next(self) -> None:
        if self._at + 1 < len(self._stops):
            self.go_to(self._at + 1)
        else:
            self.finish()


def _best_place(size: QSize, target: QRect, room: QRect) -> QPoint:
    """The corner of a card of a size in a room, beside a target; else in the room's last corner."""
    width, height = size.width(), size.height()
    last = room.right() - width, room.bottom() - height
    places = [
        (target.left() - width - _GAP, target.top()),
        (target.right() + _GAP, target.top()),
        (target.left(), target.bottom() + _GAP),
        (target.left(), target.top() - height - _GAP),
    ]
    for x, y in places:
        corner = QPoint(max(min(x, last[0]), room.left()), max(min(y, last[1]), room.top()))
        if not QRect(corner, size).intersects(target):
            return corner
    return QPoint(*last)
