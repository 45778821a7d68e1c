"""What the window shows while nothing is open: Open, New phantom, recent files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from liverview import DISCLAIMER

_SHOWN = 5


def short_name(path: Path) -> str:
    """Folder and file, for scans are often called alike; as menus and buttons take it."""
    return f"{path.parent.name}/{path.name}".replace("&", "&&")


class StartPage(QWidget):
    """Three ways to begin.

    Signals
    -------
    open_requested, phantom_requested : a button was pressed.
    recent_requested : with the path that was chosen.
    """

    open_requested = Signal()
    phantom_requested = Signal()
    recent_requested = Signal(Path)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("<span style='font-size:20pt'>liverview</span>")
        hint = QLabel("Open a CT scan, or drop a .nii or .nii.gz file here.")
        note = QLabel(f"<i>{DISCLAIMER}</i>")
        self.open_button = QPushButton("Open a scan …")
        self.phantom_button = QPushButton("New phantom …")
        self.open_button.clicked.connect(self.open_requested)
        self.phantom_button.clicked.connect(self.phantom_requested)
        self._recent = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        for widget in (title, hint, self.open_button, self.phantom_button):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        for button in (self.open_button, self.phantom_button):
            button.setMinimumSize(220, 38)
        layout.addSpacing(12)
        layout.addLayout(self._recent)
        layout.addSpacing(12)
        layout.addWidget(note, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)

    def set_recent(self, paths: Sequence[Path]) -> None:
        """List recent files."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for path in paths[:_SHOWN]:
            button = QPushButton(short_name(path), flat=True)
            button.setToolTip(str(path))
            button.clicked.connect(self._choosing(path))
            self._recent.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)

    def _choosing(self, path: Path) -> object:
        def choose() -> None:
            self.recent_requested.emit(path)

        return choose
