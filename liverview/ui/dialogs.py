"""Questions to the person. One object, so that the window can be driven without them."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QFileDialog, QInputDialog, QMessageBox, QWidget

if TYPE_CHECKING:
    from liverview.phantom import PhantomConfig

_SCANS = "NIfTI (*.nii *.nii.gz);;All files (*)"
_LABELS = "NIfTI (*.nii.gz *.nii)"


class Unsaved(Enum):
    """What to do with labels that are not saved."""

    SAVE = "save"
    DISCARD = "discard"
    STAY = "stay"


class Dialogs:
    """Every modal question the window asks; each returns None when the person cancels."""

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent

    def scan_to_open(self) -> Path | None:
        name, _ = QFileDialog.getOpenFileName(self._parent, "Open a CT scan", "", _SCANS)
        return Path(name) if name else None

    def label_map_to_write(self, suggested: Path) -> Path | None:
        name, _ = QFileDialog.getSaveFileName(
            self._parent, "Save label map", str(suggested), _LABELS
        )
        if not name:
            return None
        return Path(name if name.lower().endswith((".nii", ".nii.gz")) else f"{name}.nii.gz")

    def image_to_write(self, suggested: Path) -> Path | None:
        name, _ = QFileDialog.getSaveFileName(
            self._parent, "Save screenshot", str(suggested), "PNG (*.png)"
        )
        if not name:
            return None
        return Path(name if name.lower().endswith(".png") else f"{name}.png")

    def folder_for_masks(self, suggested: Path) -> Path | None:
        name = QFileDialog.getExistingDirectory(
            self._parent, "Folder for one mask per label", str(suggested)
        )
        return Path(name) if name else None

    def may_replace(self, paths: list[Path]) -> bool:
        names = ", ".join(path.name for path in paths)
        answer = QMessageBox.question(self._parent, "Replace files?", f"Replace {names}?")
        return answer == QMessageBox.StandardButton.Yes

    def volume_number(self, path: Path, count: int) -> int | None:
        number, given = QInputDialog.getInt(
            self._parent,
            "Which volume?",
            f"{path.name} holds {count} volumes. Open number (1 to {count}):",
            1,
            1,
            count,
        )
        return number - 1 if given else None

    def phantom(self) -> PhantomConfig | None:
        from liverview.ui.phantom_dialog import PhantomDialog

        dialog = PhantomDialog(self._parent)
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        config = dialog.config() if accepted else None
        dialog.deleteLater()
        return config

    def unsaved_labels(self) -> Unsaved:
        box = QMessageBox(self._parent)
        box.setIcon(QMessageBox.Icon.Question)
        box.setText("The labels are not saved.")
        box.setInformativeText("Save them before going on?")
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        answer = box.exec()
        box.deleteLater()
        choices = {buttons.Save: Unsaved.SAVE, buttons.Discard: Unsaved.DISCARD}
        return choices.get(buttons(answer), Unsaved.STAY)
