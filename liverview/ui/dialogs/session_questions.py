"""Questions about session files: the name, the scan that moved, the scan that changed."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QFileDialog, QGridLayout, QMessageBox, QWidget

from liverview.core.text import shown
from liverview.files import formats
from liverview.files.sessions.container import SUFFIX, is_session_file
from liverview.ui.widgets.controls import add_access_keys
from liverview.ui.widgets.file_names import path_from_qt

FILTER = f"Sessions (*{SUFFIX})"


class Changed(Enum):
    """An answer about a scan that is not what a session was saved with."""

    OPEN = "open"
    CHOOSE = "choose"
    STAY = "stay"


def scans_and_sessions_filter() -> str:
    """The filter of the dialog that opens a scan or a session."""
    endings = (*sorted(formats.suffixes()), ".zip", SUFFIX)
    patterns = " ".join([*(f"*{ending}" for ending in endings), "DICOMDIR"])
    each = [part for part in formats.open_filter().split(";;") if not part.startswith("Scans (")]
    return ";;".join([f"Scans and sessions ({patterns})", *each[:-1], FILTER, each[-1]])


class SessionDialog(QFileDialog):
    """Asks for the name of a session file.

    Attributes
    ----------
    history_box : the box for the undo history.
    """

    def __init__(self, suggested: Path, history: bool, parent: QWidget) -> None:
        super().__init__(parent, "Save session", shown(str(suggested.parent)), FILTER)
        self.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self.setDefaultSuffix(SUFFIX)
        self.setOption(QFileDialog.Option.DontUseNativeDialog)  # it has no room for the box
        self.history_box = QCheckBox("Keep the &undo history in it")
        self.history_box.setToolTip("The file is larger: every step since the scan was opened")
        self.history_box.setChecked(history)
        layout = self.layout()
        assert isinstance(layout, QGridLayout)
        layout.addWidget(self.history_box, layout.rowCount(), 0, 1, layout.columnCount())
        self.selectFile(shown(suggested.name))

    def chosen(self) -> tuple[Path, bool]:
        """The file, and whether it keeps the history."""
        path = path_from_qt(self.selectedFiles()[0])
        if not is_session_file(path):
            path = path.with_name(path.name + SUFFIX)
        return path, self.history_box.isChecked()


class SessionQuestions:
    """Modal questions about session files; each returns None when the person cancels."""

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent

    def session_to_write(self, suggested: Path, history: bool) -> tuple[Path, bool] | None:
        """Ask for a name, and whether to keep the undo history."""
        dialog = SessionDialog(suggested, history, self._parent)
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        chosen = dialog.chosen() if accepted else None
        dialog.deleteLater()
        return chosen

    def scan_of_session(self, session: str, name: str, place: str) -> Path | None:
        """Ask for the scan of a session, which is not where it was."""
        found, _ = QFileDialog.getOpenFileName(
            self._parent,
            shown(f"Where is {name}, the scan of {session}? It was in {place}"),
            "",
            formats.open_filter(),
        )
        return path_from_qt(found) if found else None

    def changed_scan(self, session: str, scan: Path) -> Changed:
        """Ask about a scan that is another one than the session was saved with."""
        box = QMessageBox(self._parent)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setTextFormat(Qt.TextFormat.PlainText)  # file names are no HTML
        box.setText(shown(f"{scan} is not the file that {session} was saved with."))
        box.setInformativeText("Its labels and rulers may not fit what the file shows now.")
        buttons = {
            box.addButton("Open anyway", QMessageBox.ButtonRole.AcceptRole): Changed.OPEN,
            box.addButton("Choose another …", QMessageBox.ButtonRole.ActionRole): Changed.CHOOSE,
        }
        stay = box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(stay)
        add_access_keys(box.buttons())
        box.exec()
        answer = buttons.get(box.clickedButton(), Changed.STAY)  # type: ignore[call-overload]
        box.deleteLater()
        return answer
