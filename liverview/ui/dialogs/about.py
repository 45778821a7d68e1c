"""The dialog of Help > About liverview."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from liverview.core.about import DISCLAIMER, __version__
from liverview.ui.jobs import generators
from liverview.ui.live.live_result import StartJob
from liverview.ui.widgets.controls import add_access_keys

_WIDTH = 20  # of what is named, in letters


class AboutDialog(QDialog):
    """Version, license, that this is no medical device; the system, as it becomes known."""

    def __init__(self, start_job: StartJob, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About liverview")
        self.resize(620, 460)
        words = QLabel(
            f"<b>liverview {__version__}</b><p>{DISCLAIMER}</p>"
            "<p>MIT license; weights and shapes CC BY-SA 4.0.</p>"
        )
        words.setWordWrap(True)
        self.system = QPlainTextEdit(readOnly=True)
        self.system.setAccessibleName("System")
        self.system.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.system.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy_button = buttons.addButton("&Copy", QDialogButtonBox.ButtonRole.ActionRole)
        self.copy_button.setToolTip("Copy the lines about the system, for a question or a report")
        self.copy_button.clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        add_access_keys(buttons.buttons())
        layout = QVBoxLayout(self)
        layout.addWidget(words)
        layout.addWidget(self.system, 1)
        layout.addWidget(buttons)
        self._job = start_job(generators.iter_system_info())
        self._job.yielded.connect(self._on_entry)

    def _on_entry(self, entry: tuple[str, str]) -> None:
        name, value = entry
        self.system.appendPlainText(f"{name:<{_WIDTH}} {value}")

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.system.toPlainText())
