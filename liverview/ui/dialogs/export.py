"""Questions of File > Export: which kind of DICOM, which meshes, and where they go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QProgressDialog,
    QVBoxLayout,
    QWidget,
)

from liverview.core.labels import Label, LabelStyle
from liverview.core.text import shown
from liverview.files import formats
from liverview.ui.jobs.export_work import MeshChoice, SegmentationChoice, TreeChoice
from liverview.ui.widgets.controls import WrappedLabel, add_access_keys
from liverview.ui.widgets.file_names import path_from_qt

_SHOWN_AFTER_MS = 700
MESH_FORMATS = {
    ".stl": "STL, a file for each label",
    ".ply": "PLY, a file for each label",
    ".obj": "OBJ with materials",
    ".3mf": "3MF",
    ".glb": "GLB",
}
"""Suffixes of meshes, and how the dialog calls them."""


def mesh_file_paths(path: Path, choice: MeshChoice) -> list[Path]:
    """The name that was chosen, and those that are written instead or beside it."""
    if choice.suffix == ".obj":
        return [path, path.with_suffix(".mtl")]
    if choice.suffix in (".stl", ".ply"):
        stem, words = path.stem, [label.name.lower() for label in choice.labels]
        return [path, *(path.with_name(f"{stem}_{word}{choice.suffix}") for word in words)]
    return [path]


class SegmentationDialog(QDialog):
    """Options of a DICOM segmentation; with ``report``, of one beside a structured report."""

    def __init__(self, parent: QWidget | None = None, *, report: bool = False) -> None:
        super().__init__(parent)
        self.setWindowTitle("DICOM structured report" if report else "DICOM segmentation")
        self.wanted = QCheckBox("&Write the segmentation that its figures refer to, too")
        self.wanted.setChecked(True)
        self.kind = QComboBox()
        self.kind.addItem("Binary: every program reads it", False)
        self.kind.addItem("Label map: smaller, for newer programs", True)
        self.per_lesion = QCheckBox("One segment for each &lesion")
        self.per_lesion.setToolTip("Each with a tracking UID, by which follow-up finds it again")
        layout = QFormLayout(self)
        if report:
            layout.addRow(self.wanted)
            self.wanted.toggled.connect(self.kind.setEnabled)
            self.wanted.toggled.connect(self.per_lesion.setEnabled)
        layout.addRow("&Kind", self.kind)
        layout.addRow("", self.per_lesion)
        layout.addRow(_make_buttons(self))

    def choice(self) -> SegmentationChoice:
        """What the person asked for."""
        return SegmentationChoice(
            self.kind.currentData(), self.per_lesion.isChecked(), self.wanted.isChecked()
        )


class MeshDialog(QDialog):
    """Format, labels and directions of meshes."""

    def __init__(
        self,
        labels: Sequence[Label],
        styles: Mapping[Label, LabelStyle],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Meshes")
        self.format = QComboBox()
        for suffix, name in MESH_FORMATS.items():
            self.format.addItem(name, suffix)
        self.boxes = {label: QCheckBox(shown(styles[label].name)) for label in labels}
        for box in self.boxes.values():
            box.setChecked(True)
            box.toggled.connect(self._update)
        self.directions = QComboBox()
        self.directions.addItem("Left, back, up (LPS): DICOM, 3D Slicer", True)
        self.directions.addItem("Right, front, up (RAS): NIfTI, liverview", False)
        note = WrappedLabel()
        note.setText(
            "Lengths are mm. Surfaces are smoothed and closed; volumes stay within 1 % of those of "
            "the labels. The liver is the whole organ."
        )
        note.setEnabled(False)
        shown_labels = QWidget()
        column = QVBoxLayout(shown_labels)
        column.setContentsMargins(0, 0, 0, 0)
        for box in self.boxes.values():
            column.addWidget(box)
        self._buttons = _make_buttons(self)
        layout = QFormLayout(self)
        layout.addRow("&Format", self.format)
        layout.addRow("Labels", shown_labels)
        layout.addRow("&Directions", self.directions)
        layout.addRow(note)
        layout.addRow(self._buttons)
        add_access_keys([*self.boxes.values(), *self._buttons.buttons()])
        self._update()

    def choice(self) -> MeshChoice:
        """What the person asked for."""
        labels = tuple(label for label, box in self.boxes.items() if box.isChecked())
        return MeshChoice(self.format.currentData(), labels, self.directions.currentData())

    def _update(self) -> None:
        ok = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(any(box.isChecked() for box in self.boxes.values()))


class TreeDialog(QDialog):
    """Files beside a map of vessel trees."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Vessel trees")
        note = WrappedLabel()
        note.setText(
            "A label map with 4 for the portal vein, 5 for hepatic veins and 2 for vessels of "
            "neither for sure. For research: crossings may be told apart wrongly."
        )
        self.json = QCheckBox("&Graph beside it, as JSON: branches, lengths, radii")
        self.csv = QCheckBox("Table of &branches beside it, as CSV")
        layout = QVBoxLayout(self)
        for widget in (note, self.json, self.csv, _make_buttons(self)):
            layout.addWidget(widget)

    def choice(self) -> TreeChoice:
        """What the person asked for."""
        return TreeChoice(self.json.isChecked(), self.csv.isChecked())


class ExportProgress(QProgressDialog):
    """Progress of an export, once it takes a while; the window goes on beside it."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(f"{title} …", "&Cancel", 0, 100, parent)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setMinimumDuration(_SHOWN_AFTER_MS)
        self.setAutoReset(False)
        self.setAutoClose(False)
        self.setValue(0)


class ExportQuestions:
    """The questions; each returns None when the person cancels."""

    _parent: QWidget

    def scan_to_write(self, suggested: Path) -> Path | None:
        """Ask for the name of a scan; without a suffix it is the folder of a DICOM series."""
        name, chosen = QFileDialog.getSaveFileName(
            self._parent, "Save scan", shown(str(suggested)), formats.scan_filter()
        )
        if not name:
            return None
        path, suffix = path_from_qt(name), formats.suffix_of_filter(chosen)
        if formats.has_known_suffix(path) or not suffix:
            return path
        return path.with_name(path.name + suffix)

    def file_to_export(self, title: str, suggested: Path) -> Path | None:
        """Ask for a file with the suffix of the one that is suggested."""
        suffix = suggested.suffix
        name, _ = QFileDialog.getSaveFileName(
            self._parent,
            title,
            shown(str(suggested)),
            f"{suffix[1:].upper()} (*{suffix})",
        )
        if not name:
            return None
        path = path_from_qt(name)
        return path if path.suffix.lower() == suffix else path.with_name(path.name + suffix)

    def folder_to_export(self, title: str, suggested: Path) -> Path | None:
        """Ask for a folder."""
        name = QFileDialog.getExistingDirectory(self._parent, title, shown(str(suggested)))
        return path_from_qt(name) if name else None

    def segmentation_choice(self, *, report: bool) -> SegmentationChoice | None:
        """Ask how a DICOM segmentation is to be written."""
        dialog = SegmentationDialog(self._parent, report=report)
        choice = dialog.choice() if dialog.exec() == QDialog.DialogCode.Accepted else None
        dialog.deleteLater()
        return choice

    def mesh_choice(
        self, labels: Sequence[Label], styles: Mapping[Label, LabelStyle]
    ) -> MeshChoice | None:
        """Ask which meshes are wanted."""
        dialog = MeshDialog(labels, styles, self._parent)
        choice = dialog.choice() if dialog.exec() == QDialog.DialogCode.Accepted else None
        dialog.deleteLater()
        return choice

    def tree_choice(self) -> TreeChoice | None:
        """Ask what is wanted beside a map of vessel trees."""
        dialog = TreeDialog(self._parent)
        choice = dialog.choice() if dialog.exec() == QDialog.DialogCode.Accepted else None
        dialog.deleteLater()
        return choice


def _make_buttons(dialog: QDialog) -> QDialogButtonBox:
    standard = QDialogButtonBox.StandardButton
    buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
    buttons.button(standard.Ok).setText("Choose &name …")
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    add_access_keys(buttons.buttons())
    return buttons
