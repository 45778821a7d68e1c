"""Questions to the person. One object, so that the window can be driven without them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QFileDialog, QInputDialog, QMessageBox

from liverview.core.coding import Meaning
from liverview.core.labels import Label, LabelStyle
from liverview.core.study import StudyFacts
from liverview.core.text import shown
from liverview.core.volume import Volume
from liverview.files import formats
from liverview.ui.dialogs.export import ExportQuestions
from liverview.ui.dialogs.session_questions import SessionQuestions, scans_and_sessions_filter
from liverview.ui.widgets.controls import add_access_keys
from liverview.ui.widgets.file_names import path_from_qt

if TYPE_CHECKING:
    from liverview.files.named_labels import NamedLabels
    from liverview.phantoms.config import PhantomConfig


_FARTHEST_MM = -50.0, 50.0


class Unsaved(Enum):
    """An answer about what is not saved: save the label map, the session, or go on without."""

    SAVE = "save"
    SESSION = "session"
    DISCARD = "discard"
    STAY = "stay"


class EditedLabels(NamedTuple):
    """An answer about labels that were edited, before a segmentation.

    Attributes
    ----------
    keep : the edits stay over the new labels; else it starts over.
    save : the labels are saved before.
    """

    keep: bool
    save: bool


def study_lines(study: StudyFacts | None) -> list[str]:
    """What a scan's files say of patient, study and series, a paragraph each."""
    if study is None:
        return []
    made = {"kernel": study.kernel, "contrast": study.contrast, "protocol": study.protocol}
    parts = (
        [study.patient, study.sex, f"born {study.birth_date}" if study.birth_date else ""],
        [study.study_day, study.study_description, study.accession_number],
        [study.modality, study.series_words],
        [f"{name} {words}" for name, words in made.items() if words],
    )
    lines = [" · ".join(part for part in line if part) for line in parts]
    burned_in = "Its files say that names or other text are in the pixels."
    return [line for line in (*lines, burned_in if study.burned_in else "") if line]


class Dialogs(SessionQuestions, ExportQuestions):
    """Every modal question the window asks; each returns None when the person cancels."""

    def scan_to_open(self) -> Path | None:
        name, _ = QFileDialog.getOpenFileName(
            self._parent, "Open a CT scan or a session", "", scans_and_sessions_filter()
        )
        return path_from_qt(name) if name else None

    def folder_to_open(self) -> Path | None:
        name = QFileDialog.getExistingDirectory(self._parent, "Open a folder with DICOM")
        return path_from_qt(name) if name else None

    def labels_to_open(self) -> Path | None:
        name, _ = QFileDialog.getOpenFileName(
            self._parent, "Open a label map of this scan", "", formats.open_filter()
        )
        return path_from_qt(name) if name else None

    def reference_to_open(self) -> Path | None:
        name, _ = QFileDialog.getOpenFileName(
            self._parent, "Open a reference label map", "", formats.open_filter()
        )
        return path_from_qt(name) if name else None

    def label_map_to_write(self, suggested: Path, *, of_dicom: bool = False) -> Path | None:
        """Ask for a name; as a DICOM segmentation where the scan is DICOM."""
        offered = formats.save_filter(of_dicom=of_dicom)
        name, chosen = QFileDialog.getSaveFileName(
            self._parent, "Save label map", shown(str(suggested)), offered
        )
        if not name:
            return None
        return self._with_ending(
            path_from_qt(name), formats.suffix_of_filter(chosen), formats.suffixes()
        )

    def image_to_write(self, suggested: Path) -> Path | None:
        name, _ = QFileDialog.getSaveFileName(
            self._parent, "Save screenshot", shown(str(suggested)), "PNG (*.png)"
        )
        if not name:
            return None
        return self._with_ending(path_from_qt(name), ".png", (".png",))

    def _with_ending(self, path: Path, usual: str, endings: tuple[str, ...]) -> Path | None:
        """The path with one of the endings; the file dialog has asked about other names only."""
        if path.name.lower().endswith(endings):
            return path
        path = path.with_name(path.name + usual)
        return path if not path.exists() or self.may_replace([path]) else None

    def folder_for_masks(self, suggested: Path) -> Path | None:
        name = QFileDialog.getExistingDirectory(
            self._parent, "Folder for one mask per label", shown(str(suggested))
        )
        return path_from_qt(name) if name else None

    def folder_for_report(self, suggested: Path) -> Path | None:
        name = QFileDialog.getExistingDirectory(
            self._parent, "Folder for the report", shown(str(suggested))
        )
        return path_from_qt(name) if name else None

    def may_replace(self, paths: list[Path]) -> bool:
        names = ", ".join(path.name for path in paths)
        buttons = QMessageBox.StandardButton
        question = f"Replace {names} in {paths[0].parent}?"
        box = QMessageBox(
            QMessageBox.Icon.Question,
            "Replace files?",
            shown(question),
            buttons.Yes | buttons.No,
            self._parent,
        )
        box.setTextFormat(Qt.TextFormat.PlainText)  # file names are no HTML
        box.setDefaultButton(buttons.No)
        add_access_keys(box.buttons())
        answer = box.exec()
        box.deleteLater()
        return buttons(answer) is buttons.Yes

    def scan_info(self, volume: Volume, path: Path | None) -> None:
        """Tell size, spacing and remarks of the open scan."""
        shape = " x ".join(str(n) for n in volume.shape)
        spacing = " x ".join(f"{mm:.3g}" for mm in volume.spacing)
        lines = [
            str(path) if path else f"{volume.name}, generated",
            f"{shape} voxels of {spacing} mm (right, front, up); stored as {volume.voxels.dtype}",
            *study_lines(volume.study),
            *volume.warnings,
        ]
        QMessageBox.information(self._parent, "Scan", shown("\n\n".join(lines)))

    def volume_number(self, path: Path, count: int) -> int | None:
        number, given = QInputDialog.getInt(
            self._parent,
            "Which volume?",
            shown(f"{path.name} holds {count} volumes. Open number (1 to {count}):"),
            1,
            1,
            count,
        )
        return number - 1 if given else None

    def millimeters(self, title: str, question: str, suggested: float) -> float | None:
        """Ask for a distance in mm, at most two decimals."""
        mm, given = QInputDialog.getDouble(
            self._parent, title, question, suggested, _FARTHEST_MM[0], _FARTHEST_MM[1], 2
        )
        return mm if given else None

    def phantom(self) -> PhantomConfig | None:
        from liverview.ui.dialogs.phantom import PhantomDialog

        dialog = PhantomDialog(self._parent)
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        config = dialog.config() if accepted else None
        dialog.deleteLater()
        return config

    def labels_of_values(
        self, named: NamedLabels, styles: Mapping[Label, LabelStyle]
    ) -> dict[int, Meaning] | None:
        """Ask for the label of each value of a file."""
        from liverview.ui.dialogs.mapping import MappingDialog

        dialog = MappingDialog(named, styles, self._parent)
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        mapping = dialog.mapping() if accepted else None
        dialog.deleteLater()
        return mapping

    def unsaved_labels(
        self, segmenting: bool, what: str = "labels", session: str | None = None
    ) -> Unsaved:
        """Ask what is to become of what is not saved.

        Parameters
        ----------
        segmenting : whether labels are still being found.
        what : of labels, rulers and marks, in words; a label map is offered where it has labels.
        session : name of the session file that is open; None where none is.
        """
        box = QMessageBox(self._parent)
        box.setIcon(QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)  # file names are no HTML
        box.setText(
            f"The segmentation is not finished, and the {what} are not saved."
            if segmenting
            else f"The {what} are not saved."
        )
        box.setInformativeText(
            "Save them before going on?"
            if session is None
            else shown(f"Save them in {session} before going on?")
        )
        buttons = {}
        dots = " …" if session is None else ""
        role = QMessageBox.ButtonRole.AcceptRole
        buttons[box.addButton(f"Save s&ession{dots}", role)] = Unsaved.SESSION
        if "labels" in what:
            buttons[box.addButton("&Save label map …", role)] = Unsaved.SAVE
        usual = Unsaved.SAVE if session is None else Unsaved.SESSION
        box.setDefaultButton(next(b for b, choice in buttons.items() if choice is usual))
        discard = box.addButton(QMessageBox.StandardButton.Discard)
        buttons[discard] = Unsaved.DISCARD
        box.addButton(QMessageBox.StandardButton.Cancel)
        add_access_keys(box.buttons())
        box.exec()
        answer = buttons.get(box.clickedButton(), Unsaved.STAY)  # type: ignore[call-overload]
        box.deleteLater()
        return answer

    def edited_labels(self, edited: str, saved: bool) -> EditedLabels | None:
        """Ask what becomes of edits when the scan is segmented again.

        Parameters
        ----------
        edited : volumes that were edited, in words.
        saved : whether the labels are saved as they are.
        """
        box = QMessageBox(self._parent)
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(f"The labels were edited by hand: {edited}.")
        box.setInformativeText("Keep these edits over the new labels, or start over?")
        roles = QMessageBox.ButtonRole
        keep = box.addButton("Keep my edits", roles.AcceptRole)
        over = box.addButton("Start over", roles.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(keep)
        first = QCheckBox("Save the labels first")
        if not saved:
            box.setCheckBox(first)
        add_access_keys([*box.buttons(), *([] if saved else [first])])
        box.exec()
        answers = {keep: True, over: False}
        chosen = answers.get(box.clickedButton())  # type: ignore[call-overload]
        answer = None if chosen is None else EditedLabels(chosen, not saved and first.isChecked())
        box.deleteLater()
        return answer
