"""The question of what is sent to which node of a PACS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QWidget,
)

from liverview.core.text import shown
from liverview.pacs.nodes import Node
from liverview.ui.widgets.controls import WrappedLabel, add_access_keys


class SendChoice(NamedTuple):
    """What is sent where."""

    node: Node
    segmentation: bool
    report: bool


class PacsSendDialog(QDialog):
    """A node, and what it gets."""

    def __init__(self, nodes: Sequence[Node], last: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Send to PACS")
        self.node_box = QComboBox()
        for node in nodes:
            self.node_box.addItem(shown(node.name), node)
        self.node_box.setCurrentIndex(max(0, self.node_box.findText(shown(last))))
        self.segmentation = QCheckBox("DICOM se&gmentation of the labels (SEG)")
        self.report = QCheckBox("Structured &report of the measurements (SR)")
        note = WrappedLabel()
        note.setText(
            "They go into the study of the scan, as series of their own, and name its patient."
        )
        note.setEnabled(False)
        standard = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        self.buttons.button(standard.Ok).setText("&Send")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        add_access_keys(self.buttons.buttons())
        layout = QFormLayout(self)
        layout.addRow("&Node", self.node_box)
        for box in (self.segmentation, self.report):
            box.setChecked(True)
            box.toggled.connect(self._update)
            layout.addRow("", box)
        layout.addRow(note)
        layout.addRow(self.buttons)
        self.setMinimumWidth(440)

    def choice(self) -> SendChoice:
        """What the person asked for."""
        return SendChoice(
            self.node_box.currentData(), self.segmentation.isChecked(), self.report.isChecked()
        )

    def _update(self) -> None:
        any_of_them = self.segmentation.isChecked() or self.report.isChecked()
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(any_of_them)
