"""The page that the window shows while nothing is open: Open, New phantom, recent files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from liverview.core.about import DISCLAIMER
from liverview.core.text import shown
from liverview.files.formats import FORMATS
from liverview.ui.widgets.recent import RecentScan


def short_name(scan: RecentScan) -> str:
    """Folder and file, for scans are often called alike; as menus and buttons take it."""
    path, words = scan.path, f" ({scan.words})" if scan.words else ""
    return shown(f"{path.parent.name}/{path.name}{words}").replace("&", "&&")


class StartPage(QWidget):
    """Three ways to begin.

    Signals
    -------
    open_requested, folder_requested, phantom_requested, tour_requested : a button was pressed.
    recent_requested : with the `RecentScan` that was chosen.
    """

    open_requested = Signal()
    folder_requested = Signal()
    phantom_requested = Signal()
    tour_requested = Signal()
    recent_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("<span style='font-size:20pt'>liverview</span>")
        others = ", ".join(known.name for known in FORMATS if known.name != "DICOM")
        hint = QLabel(
            "Open a CT scan or a session, or drop it here:\n"
            f"a folder or .zip with DICOM,\nor a file of {others}."
        )
        hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        note = QLabel(f"<i>{DISCLAIMER}</i>")
        self.open_button = QPushButton("Open a scan …")
        self.folder_button = QPushButton("Open a folder …")
        self.folder_button.setToolTip("With DICOM: a series, a study, a disc")
        self.phantom_button = QPushButton("New phantom …")
        self.recent_button = QPushButton("Recent")
        self.recent_button.setMenu(QMenu(self.recent_button))
        self.recent_button.menu().setToolTipsVisible(True)
        self.tour_button = QPushButton("New here? Take the quick tour", flat=True)
        self.tour_button.clicked.connect(self.tour_requested)
        self.open_button.clicked.connect(self.open_requested)
        self.folder_button.clicked.connect(self.folder_requested)
        self.phantom_button.clicked.connect(self.phantom_requested)
        buttons = (
            self.open_button, self.folder_button, self.phantom_button, self.recent_button
        )  # fmt: skip
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

    def set_recent(self, scans: Sequence[RecentScan]) -> None:
        """List recent scans and sessions."""
        menu = self.recent_button.menu()
        menu.clear()
        for scan in scans:
            action = menu.addAction(short_name(scan), self._make_request(scan))
            action.setToolTip(shown(str(scan.path)))
        self.recent_button.setEnabled(bool(scans))

    def _make_request(self, scan: RecentScan) -> Callable[[], None]:
        def choose() -> None:
            self.recent_requested.emit(scan)

        return choose
