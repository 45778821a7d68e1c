"""The page that the window shows while nothing is open: Open, New phantom, recent files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from liverview.core.about import DISCLAIMER
from liverview.core.text import shown
from liverview.files.formats import suffixes
from liverview.files.sessions.container import SUFFIX


def short_name(path: Path) -> str:
    """Folder and file, for scans are often called alike; as menus and buttons take it."""
    return shown(f"{path.parent.name}/{path.name}").replace("&", "&&")


class StartPage(QWidget):
    """Three ways to begin.

    Signals
    -------
    open_requested, phantom_requested, tour_requested : a button was pressed.
    recent_requested : with the path that was chosen.
    """

    open_requested = Signal()
    phantom_requested = Signal()
    tour_requested = Signal()
    recent_requested = Signal(Path)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("<span style='font-size:20pt'>liverview</span>")
        endings = f"{', '.join(sorted(suffixes()))} or {SUFFIX}"
        hint = QLabel(f"Open a CT scan or a session,\nor drop a {endings} file here.")
        hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        note = QLabel(f"<i>{DISCLAIMER}</i>")
        self.open_button = QPushButton("Open a scan …")
        self.phantom_button = QPushButton("New phantom …")
        self.recent_button = QPushButton("Recent")
        self.recent_button.setMenu(QMenu(self.recent_button))
        self.recent_button.menu().setToolTipsVisible(True)
        self.tour_button = QPushButton("New here? Take the quick tour", flat=True)
        self.tour_button.clicked.connect(self.tour_requested)
        self.open_button.clicked.connect(self.open_requested)
        self.phantom_button.clicked.connect(self.phantom_requested)
        buttons = self.open_button, self.phantom_button, self.recent_button
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        for widget in (title, hint, *buttons):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        for button in buttons:
            button.setMinimumSize(220, 38)
        layout.addSpacing(12)
        layout.addWidget(self.tour_button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(12)
        layout.addWidget(note, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)

    def set_recent(self, paths: Sequence[Path]) -> None:
        """List recent files."""
        menu = self.recent_button.menu()
        menu.clear()
        for path in paths:
            menu.addAction(short_name(path), self._make_request(path)).setToolTip(shown(str(path)))
        self.recent_button.setEnabled(bool(paths))

    def _make_request(self, path: Path) -> Callable[[], None]:
        def choose() -> None:
            self.recent_requested.emit(path)

        return choose
