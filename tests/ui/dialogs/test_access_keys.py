"""Access keys of the dialogs: each button and each field of a form has one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QMessageBox,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from liverview.core.labels import default_styles
from liverview.files.images import read_named_labels
from liverview.pacs.nodes import Node
from liverview.ui.dialogs.about import AboutDialog
from liverview.ui.dialogs.mapping import MappingDialog
from liverview.ui.dialogs.pacs_nodes import PacsNodesDialog
from liverview.ui.dialogs.pacs_query import PacsQueryDialog
from liverview.ui.dialogs.pacs_send import PacsSendDialog
from liverview.ui.dialogs.phantom import PhantomDialog
from liverview.ui.dialogs.questions import Dialogs, Unsaved
from liverview.ui.dialogs.shortcuts import ShortcutDialog, ShortcutSheet
from liverview.ui.main_window import MainWindow


@pytest.fixture(
    params=["about", "mapping", "phantom", "shortcuts", "sheet", "nodes", "query", "send"]
)
def dialog(
    request: pytest.FixtureRequest, window: MainWindow, write: Callable[..., Path]
) -> Iterator[QDialog]:
    def mapping() -> QDialog:
        voxels = np.zeros((4, 5, 6), np.uint8)
        voxels[0], voxels[1] = 5, 9
        named = read_named_labels(write(voxels, name="odd.nii.gz"))
        return MappingDialog(named, default_styles(), window)

    nodes = (Node("Ward", ae_title="PACS", host="pacs.example"),)
    make: dict[str, Callable[[], QDialog]] = {
        "nodes": lambda: PacsNodesDialog(nodes, window),
        "query": lambda: PacsQueryDialog(nodes, "", window),
        "send": lambda: PacsSendDialog(nodes, "", window),
        "about": lambda: AboutDialog(window.controller.start_background, window),
        "mapping": mapping,
        "phantom": lambda: PhantomDialog(window),
        "shortcuts": lambda: ShortcutDialog(window.help.shortcuts, window),
        "sheet": lambda: ShortcutSheet(window.help.shortcuts, window),
    }
    made = make[request.param]()
    made.show()
    QApplication.processEvents()
    yield made
    made.close()
    made.deleteLater()


def access_keys(dialog: QDialog) -> list[str]:
    """Those of buttons, and of labels that lead to a field."""
    words = [b.text() for b in dialog.findChildren(QAbstractButton) if b.isVisible()]
    words += [one.text() for one in dialog.findChildren(QLabel) if one.buddy() is not None]
    return [key for text in words if (key := QKeySequence.mnemonic(text).toString())]


def test_no_two_share_a_key(dialog: QDialog) -> None:
    keys = access_keys(dialog)
    assert len(set(keys)) == len(keys) > 0


def test_every_button_has_one(dialog: QDialog) -> None:
    (box,) = dialog.findChildren(QDialogButtonBox)
    for button in box.buttons():
        assert not QKeySequence.mnemonic(button.text()).isEmpty(), button.text()


def test_questions_have_them_too(window: MainWindow, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def look() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        seen.append([QKeySequence.mnemonic(button.text()).toString() for button in box.buttons()])
        box.reject()

    dialogs = Dialogs(window)
    QTimer.singleShot(0, look)
    assert dialogs.unsaved_labels(segmenting=False) is Unsaved.STAY
    QTimer.singleShot(0, look)
    assert not dialogs.may_replace([tmp_path / "a.nii.gz"])
    assert [len(set(keys) - {""}) for keys in seen] == [4, 2]


def test_the_fields_of_a_phantom_are_reached_by_their_keys(
    window: MainWindow, qtbot: QtBot
) -> None:
    dialog = PhantomDialog(window)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    fields: dict[str, QWidget] = {
        "Z": dialog.size_boxes[0],
        "P": dialog.spacing_boxes[0],
        "E": dialog.seed,
        "L": dialog.lesions,
        "N": dialog.noise,
        "H": dialog.phase,
    }
    for key, field in fields.items():
        qtbot.keyClick(dialog, Qt.Key[f"Key_{key}"], Qt.KeyboardModifier.AltModifier)
        focused = dialog.focusWidget()
        assert focused is field or field.isAncestorOf(focused), key
    boxes = [*dialog.size_boxes, *dialog.spacing_boxes]
    assert len({box.accessibleName() for box in boxes}) == 6
    accept = next(b for b in dialog.findChildren(QPushButton) if "Generate" in b.text())
    with qtbot.waitSignal(dialog.accepted):
        qtbot.keyClick(accept, Qt.Key.Key_G, Qt.KeyboardModifier.AltModifier)
    dialog.deleteLater()
