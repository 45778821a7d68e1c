"""One sentence over the images, with details and ways out; never a modal dialog."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

_TALLEST = 120  # pixels
_WIDEST = 760
_READ_MS = 3000  # until the next message takes a message's place
_TOP, _SIDE = 40, 12  # below the letters and words along the images' upper edge
Button = tuple[str, Callable[[], None]]


class MessageBar(QFrame):
    """Shows the latest message until it is closed or answered.

    Over its parent, whose size it leaves alone: pictures do not jump when something is said.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)  # file names are no HTML
        # A long path must not make the window wider; the tooltip has all of it.
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.text.setMaximumHeight(_TALLEST)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.close_button = QToolButton(autoRaise=True)
        self.close_button.setText("✕")
        self.close_button.setToolTip("Close this message")
        self.close_button.setAccessibleName("Close this message")
        self.close_button.clicked.connect(self.dismiss)
        self.buttons: list[QPushButton] = []
        self._shown = QElapsedTimer()
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(10, 4, 6, 4)
        self._layout.addWidget(self.text, 1)
        self._layout.addWidget(self.close_button)
        self._images: QWidget | None = None
        if parent is not None:
            parent.installEventFilter(self)
        self.hide()

    def keep_over(self, images: QWidget) -> None:
        """Leave free the letters along the upper edge of this child of the parent."""
        self._images = images
        images.installEventFilter(self)

    def show_message(
        self, text: str, choices: Sequence[Button] = (), *, error: bool = False
    ) -> None:
        """Show a sentence and a button per choice."""
        self._clear()
        self.text.setText(text)
        self.text.setToolTip(text)
        for label, action in choices:
            self.add_choice(label, action)
        edge = "#e06c5c" if error else "#5b9bd5"
        self.setStyleSheet(
            f"MessageBar {{ background: palette(window); border: 1px solid palette(mid); "
            f"border-left: 4px solid {edge}; }}"
        )
        self.show()
        self._shown.restart()
        self._place()

    def add_message(self, text: str, choices: Sequence[Button] = ()) -> None:
        """Show a sentence, below one that has just been shown and that nobody could read yet."""
        unread = not (self.isHidden() or self.buttons or self._shown.hasExpired(_READ_MS))
        earlier = self.text.text().splitlines() if unread else []
        lines = [*(line for line in earlier if line != text), text]
        self.show_message("\n".join(lines), choices)

    def add_choice(self, label: str, action: Callable[[], None]) -> None:
        """One more way out of what is shown."""
        button = QPushButton(label)
        button.clicked.connect(self._make_answer(action))
        self.buttons.append(button)
        self._layout.insertWidget(self._layout.count() - 1, button)
        button.show()  # now, not with the next event: `_place` adds widths of what is shown
        if not self.isHidden():  # what is said has less room
            self._place()

    def dismiss(self) -> None:
        """Close the message without choosing."""
        self._clear()
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move) and not self.isHidden():
            self._place()
        return False

    def _place(self) -> None:
        """In the middle of the parent's upper part, as wide as the words need."""
        parent = self.parentWidget()
        if parent is None:
            return
        margins = self._layout.contentsMargins()
        lines = self.text.text().splitlines()
        words = max(map(self.text.fontMetrics().horizontalAdvance, lines), default=0) + 8
        buttons = self._layout.minimumSize().width() + margins.left() + margins.right()
        width = min(words + buttons, _WIDEST, parent.width() - 2 * _SIDE)
        height = self._layout.totalHeightForWidth(width)
        edge = self._images.y() if self._images is not None else 0
        top = min(edge + _TOP, max(parent.height() - height, 0))
        self.setGeometry((parent.width() - width) // 2, top, width, height)
        self.raise_()

    def _make_answer(self, action: Callable[[], None]) -> Callable[[], None]:
        def answer() -> None:
            self.dismiss()
            action()

        return answer

    def _clear(self) -> None:
        for button in self.buttons:
            self._layout.removeWidget(button)
            button.deleteLater()
        self.buttons = []
