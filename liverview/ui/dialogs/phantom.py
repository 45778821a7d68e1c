"""The dialog of File > New phantom."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QWidget,
)

from liverview.phantoms.config import PHASES, PhantomConfig, PhantomLesions
from liverview.ui.widgets.controls import add_access_keys

_LESION_TEXTS = {
    PhantomLesions.PLAIN: "Plain",
    PhantomLesions.MIXED: "Mixed, by phase",
    PhantomLesions.METASTASES: "Metastases",
    PhantomLesions.HCC: "Hepatocellular carcinoma",
    PhantomLesions.CYSTS: "Cysts",
    PhantomLesions.HEMANGIOMAS: "Hemangiomas",
}


class PhantomDialog(QDialog):
    """Size, spacing, seed, lesions and their kind, noise and contrast phase of a phantom."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("New phantom")
        standard = PhantomConfig()
        self.size_boxes = [_integer_box(n, 16, 1024) for n in standard.shape]
        self.spacing_boxes = [_decimal_box(s, 0.3, 10, " mm") for s in standard.spacing]
        self.seed = _integer_box(standard.seed, 0, 2**31 - 1)
        self.lesions = _integer_box(standard.lesions, 0, 50)
        self.lesion_kind = QComboBox()
        for kind, text in _LESION_TEXTS.items():
            self.lesion_kind.addItem(text, kind)
        self.noise = _decimal_box(standard.noise_hu, 0, 100, " HU")
        self.phase = QComboBox()
        for phase in PHASES:
            self.phase.addItem(phase.value.capitalize(), phase)
        self.phase.setCurrentIndex(PHASES.index(standard.phase))
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.button(QDialogButtonBox.StandardButton.Ok).setText("&Generate")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        add_access_keys(buttons.buttons())
        layout = QFormLayout(self)
        layout.addRow(_make_title("Si&ze (voxels)", self.size_boxes), _make_row(self.size_boxes))
        layout.addRow(_make_title("S&pacing", self.spacing_boxes), _make_row(self.spacing_boxes))
        layout.addRow("S&eed", self.seed)
        layout.addRow("&Lesions", self.lesions)
        layout.addRow("Lesion &kind", self.lesion_kind)
        layout.addRow("&Noise", self.noise)
        layout.addRow("Contrast p&hase", self.phase)
        layout.addRow(buttons)

    def config(self) -> PhantomConfig:
        """The phantom that the person asked for."""
        i, j, k = (box.value() for box in self.size_boxes)
        x, y, z = (box.value() for box in self.spacing_boxes)
        return PhantomConfig(
            shape=(i, j, k),
            spacing=(x, y, z),
            seed=self.seed.value(),
            lesions=self.lesions.value(),
            noise_hu=self.noise.value(),
            phase=self.phase.currentData(),
            lesion_kind=self.lesion_kind.currentData(),
        )


def _integer_box(value: int, low: int, high: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    return box


def _decimal_box(value: float, low: float, high: float, unit: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox(suffix=unit, singleStep=0.25)
    box.setRange(low, high)
    box.setValue(value)
    return box


def _make_title(text: str, boxes: list[QSpinBox] | list[QDoubleSpinBox]) -> QLabel:
    """The title of a row of boxes; its access key goes to the first of them."""
    title = QLabel(text)
    title.setBuddy(boxes[0])
    for box, axis in zip(boxes, ("right", "front", "up"), strict=True):
        box.setAccessibleName(f"{text.replace('&', '')}, {axis}")
    return title


def _make_row(boxes: list[QSpinBox] | list[QDoubleSpinBox]) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for box in boxes:
        layout.addWidget(box)
    return row
