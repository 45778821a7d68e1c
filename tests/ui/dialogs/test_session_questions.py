"""The questions about session files, as a person answers them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QApplication, QLineEdit, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from liverview.ui.dialogs.questions import Dialogs, Unsaved
from liverview.ui.dialogs.session_questions import (
    Changed,
    SessionDialog,
    scans_and_sessions_filter,
)
from liverview.ui.main_window import MainWindow


def press(name: str, seen: list[str]) -> Callable[[], None]:
    """Press the button of this name in the question that is open; notes words and buttons."""

    def answer() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        seen.extend([box.text(), *(b.text().replace("&", "") for b in box.buttons())])
        default = box.defaultButton()
        seen.append(f"default: {default.text().replace('&', '')}")
        (button,) = [b for b in box.buttons() if b.text().replace("&", "") == name]
        button.click()

    return answer


@pytest.mark.parametrize(
    ("name", "session", "choice"),
    [
        ("Save session …", None, Unsaved.SESSION),
        ("Save label map …", None, Unsaved.SAVE),
        ("Discard", None, Unsaved.DISCARD),
        ("Cancel", None, Unsaved.STAY),
        ("Save session", "case.liverview", Unsaved.SESSION),
    ],
)
def test_what_is_unsaved_is_asked_in_one_question(
    window: MainWindow, name: str, session: str | None, choice: Unsaved
) -> None:
    seen: list[str] = []
    QTimer.singleShot(0, press(name, seen))
    assert Dialogs(window).unsaved_labels(False, "labels and rulers", session) is choice
    assert seen[0] == "The labels and rulers are not saved."
    assert set(seen[1:-1]) == {
        "Save session" if session else "Save session …",
        "Save label map …",
        "Discard",
        "Cancel",
    }
    assert seen[-1] == ("default: Save session" if session else "default: Save label map …")


def test_no_label_map_is_offered_where_labels_are_saved(window: MainWindow) -> None:
    seen: list[str] = []
    QTimer.singleShot(0, press("Save session", seen))
    assert Dialogs(window).unsaved_labels(False, "rulers", "a.liverview") is Unsaved.SESSION
    assert "Save label map …" not in seen


@pytest.mark.parametrize(
    ("name", "choice"),
    [
        ("Open anyway", Changed.OPEN),
        ("Choose another …", Changed.CHOOSE),
        ("Cancel", Changed.STAY),
    ],
)
def test_a_changed_scan_has_three_answers(
    window: MainWindow, tmp_path: Path, name: str, choice: Changed
) -> None:
    seen: list[str] = []
    QTimer.singleShot(0, press(name, seen))
    scan = tmp_path / "<b>ct</b>.nii.gz"
    assert Dialogs(window).changed_scan("case.liverview", scan) is choice
    assert seen[0] == f"{scan} is not the file that case.liverview was saved with."
    assert seen[-1] == "default: Cancel"


def test_escape_answers_nothing(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    def escape() -> None:
        qtbot.keyClick(QApplication.activeModalWidget(), Qt.Key.Key_Escape)

    QTimer.singleShot(0, escape)
    assert Dialogs(window).unsaved_labels(False) is Unsaved.STAY
    QTimer.singleShot(0, escape)
    assert Dialogs(window).changed_scan("a.liverview", tmp_path / "b.nii") is Changed.STAY


@pytest.mark.parametrize("keep", [False, True])
def test_the_history_is_kept_by_a_box_in_the_dialog(
    window: MainWindow, tmp_path: Path, qtbot: QtBot, keep: bool
) -> None:
    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, SessionDialog)
        assert dialog.history_box.isVisible()
        if keep:
            box = QPoint(8, dialog.history_box.height() // 2)
            qtbot.mouseClick(dialog.history_box, Qt.MouseButton.LeftButton, pos=box)
        assert dialog.history_box.isChecked() == keep
        (field,) = dialog.findChildren(QLineEdit, "fileNameEdit")
        field.setText(str(tmp_path / "case"))
        (save,) = [b for b in dialog.findChildren(QPushButton) if b.text() == "&Save"]
        save.click()

    QTimer.singleShot(0, answer)
    chosen = Dialogs(window).session_to_write(tmp_path / "scan.liverview", history=False)
    assert chosen == (tmp_path / "case.liverview", keep)


def test_the_dialog_that_opens_lists_sessions() -> None:
    first, *formats, sessions, all_files = scans_and_sessions_filter().split(";;")
    patterns = first.removeprefix("Scans and sessions (").removesuffix(")").split(" ")
    assert {"*.nii", "*.nii.gz", "*.dcm", "*.zip", "*.liverview", "DICOMDIR"} <= set(patterns)
    assert "NIfTI (*.nii *.nii.gz)" in formats
    assert "DICOM (*.dcm)" in formats
    assert not any(part.startswith("Scans") for part in formats)
    assert (sessions, all_files) == ("Sessions (*.liverview)", "All files (*)")
