"""The question which value of a file is which label."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPushButton,
    QTableWidget,
)
from pytestqt.qtbot import QtBot

from liverview.core.coding import IGNORE
from liverview.core.labels import Label, default_styles
from liverview.files.images import read_named_labels
from liverview.files.named_labels import NamedLabels
from liverview.ui.dialogs.mapping import MappingDialog
from liverview.ui.dialogs.questions import Dialogs
from liverview.ui.main_window import MainWindow


@pytest.fixture
def found(write: Callable[..., Path], tmp_path: Path) -> NamedLabels:
    """Values 1 (liver), 5 (a name that nobody knows), 9 (without a name)."""
    (tmp_path / "other.txt").write_text('1 0 0 0 1 1 1 "Liver"\n5 0 0 0 1 1 1 "Ding"\n')
    voxels = np.zeros((4, 5, 6), np.uint8)
    voxels[0], voxels[1], voxels[2, :, 0] = 1, 5, 9
    return read_named_labels(write(voxels, name="other.nii.gz"))


@pytest.fixture
def dialog(qtbot: QtBot, found: NamedLabels) -> MappingDialog:
    dialog = MappingDialog(found, default_styles())
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def ok(dialog: MappingDialog) -> QPushButton:
    (buttons,) = dialog.findChildren(QDialogButtonBox)
    return buttons.button(QDialogButtonBox.StandardButton.Ok)


def test_values_with_names_and_voxels_unknown_ones_first(dialog: MappingDialog) -> None:
    (table,) = dialog.findChildren(QTableWidget)
    rows = [
        [table.item(row, column).text() for column in range(3)] for row in range(table.rowCount())
    ]
    assert rows == [["5", "Ding", "30"], ["9", "not named", "5"], ["1", "Liver", "30"]]
    assert [dialog.boxes[value].currentText() for value in (5, 9, 1)] == [
        "Left out",
        "Left out",
        "Liver",
    ]


def test_what_is_chosen_by_keys_is_the_mapping(
    qtbot: QtBot, dialog: MappingDialog, found: NamedLabels
) -> None:
    qtbot.keyClick(dialog.boxes[5], Qt.Key.Key_Down)
    qtbot.keyClick(dialog.boxes[5], Qt.Key.Key_Down)
    qtbot.keyClick(dialog.boxes[9], Qt.Key.Key_T)
    mapping = dialog.mapping()
    assert mapping == {5: Label.VESSEL, 9: Label.TUMOR, 1: Label.LIVER}
    labels = found.to_label_map(mapping)
    for value, label in mapping.items():
        assert np.array_equal(labels.voxels == label, found.voxels == value)
    with qtbot.waitSignal(dialog.accepted):
        qtbot.mouseClick(ok(dialog), Qt.MouseButton.LeftButton)


def test_nothing_at_all_cannot_be_chosen(qtbot: QtBot, dialog: MappingDialog) -> None:
    assert ok(dialog).isEnabled()
    qtbot.keyClick(dialog.boxes[1], Qt.Key.Key_Up)
    assert not ok(dialog).isEnabled()
    assert "at least one" in ok(dialog).toolTip()


@pytest.mark.parametrize("accepted", [True, False])
def test_the_window_asks_with_it(window: MainWindow, found: NamedLabels, accepted: bool) -> None:
    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QDialog)
        dialog.accept() if accepted else dialog.reject()

    QTimer.singleShot(0, answer)
    mapping = Dialogs(window).labels_of_values(found, default_styles())
    expected = {1: Label.LIVER, 5: Label.BACKGROUND, 9: Label.BACKGROUND}
    assert mapping == (expected if accepted else None)


def test_a_guess_is_chosen_and_its_reason_said(qtbot: QtBot, write: Callable[..., Path]) -> None:
    voxels = np.zeros((6, 6, 6), np.uint8)
    voxels[1:5, 1:5, 1:5], voxels[2, 2, 2], voxels[0, 0, 0] = 1, 2, 255
    dialog = MappingDialog(read_named_labels(write(voxels)), default_styles())
    qtbot.addWidget(dialog)
    chosen = [dialog.boxes[value].currentText() for value in (1, 2, 255)]
    assert chosen == ["Liver", "Tumor", "Not judged"]
    assert dialog.mapping() == {1: Label.LIVER, 2: Label.TUMOR, 255: IGNORE}
    (question,) = [one.text() for one in dialog.findChildren(QLabel) if "?" in one.text()]
    assert "Nothing names them. What is chosen is a guess from its plain numbers" in question
    assert "2 lies in 1" in question


def test_volumes_are_called_so(qtbot: QtBot, write: Callable[..., Path]) -> None:
    volumes = np.zeros((4, 4, 4, 2), np.uint8)
    volumes[1, ..., 0], volumes[2, ..., 1] = 1, 1
    dialog = MappingDialog(read_named_labels(write(volumes)), default_styles())
    qtbot.addWidget(dialog)
    (table,) = dialog.findChildren(QTableWidget)
    header = table.horizontalHeaderItem(0)
    assert header is not None
    assert header.text() == "Volume"
    assert [dialog.boxes[n].accessibleName() for n in (0, 1)] == [
        "Label of volume 0", "Label of volume 1",
    ]  # fmt: skip
    assert not ok(dialog).isEnabled()
