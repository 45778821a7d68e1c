"""The window by numbers: width and level typed, and presets of the person's own."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from liverview.ui.state.own_windows import OwnWindows
from liverview.ui.state.session import Session

_FARTHEST = 1e30
_STEPS = 40  # of the arrows beside a number, across the window


class WindowDialog(QDialog):
    """Width and level as numbers; the views follow at once. Presets are kept by name.

    Attributes
    ----------
    width_box, level_box : the numbers.
    name : for the preset that `keep_button` keeps.
    """

    def __init__(self, session: Session, own: OwnWindows, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Window")
        self._session, self._own = session, own
        unit = " HU" if session.volume is None or session.volume.in_hu else ""
        self.width_box = self._make_box("&Width", unit)
        self.level_box = self._make_box("&Level", unit)
        self.width_box.setMinimum(session.min_window_width)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name")
        self.name.setAccessibleName("Name of the preset")
        self.keep_button = QPushButton("&Keep as preset")
        self.keep_button.setAutoDefault(False)
        self.list = QListWidget()
        self.list.setAccessibleName("Own presets")
        self.remove_button = QPushButton("&Remove preset")
        self.remove_button.setAutoDefault(False)
        self._fill()
        self._show_window()
        self._show_presets()
        self.width_box.valueChanged.connect(self._on_typed)
        self.level_box.valueChanged.connect(self._on_typed)
        self.name.textChanged.connect(self._update_buttons)
        self.name.returnPressed.connect(self._on_keep)
        self.keep_button.clicked.connect(self._on_keep)
        self.remove_button.clicked.connect(self._on_remove)
        self.list.currentRowChanged.connect(self._on_chosen)
        self.width_box.selectAll()

    def _make_box(self, name: str, unit: str) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        step = self._session.width / _STEPS
        box.setDecimals(0 if unit else min(max(0, 2 - math.floor(math.log10(step))), 30))
        box.setRange(-_FARTHEST, _FARTHEST)
        box.setSingleStep(max(1.0, round(step)) if unit else 10.0 ** math.floor(math.log10(step)))
        box.setSuffix(unit)
        box.setKeyboardTracking(False)  # not at every digit
        box.setMaximumWidth(200)
        box.setAlignment(Qt.AlignmentFlag.AlignRight)
        box.setAccessibleName(name.replace("&", ""))
        return box

    def _fill(self) -> None:
        form = QFormLayout()
        form.addRow("&Width", self.width_box)
        form.addRow("&Level", self.level_box)
        naming = QHBoxLayout()
        naming.addWidget(self.name, 1)
        naming.addWidget(self.keep_button)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.remove_button, QDialogButtonBox.ButtonRole.ResetRole)
        buttons.rejected.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addLayout(naming)
        layout.addWidget(QLabel("Own presets, width / level:"))
        layout.addWidget(self.list, 1)
        layout.addWidget(buttons)
        self.resize(360, 340)

    def _show_window(self) -> None:
        for box, value in (
            (self.width_box, self._session.width),
            (self.level_box, self._session.level),
        ):
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)

    def _show_presets(self) -> None:
        self.list.clear()
        self.list.addItems([preset.words for preset in self._own.presets])
        self._update_buttons()

    def _update_buttons(self) -> None:
        self.keep_button.setEnabled(bool(self.name.text().strip()))
        self.remove_button.setEnabled(self.list.currentRow() >= 0)

    def _on_typed(self) -> None:
        self._session.set_window(self.level_box.value(), self.width_box.value())

    def _on_keep(self) -> None:
        if self._own.add(self.name.text(), self._session.width, self._session.level):
            self.name.clear()
            self._show_presets()

    def _on_chosen(self, row: int) -> None:
        if 0 <= row < len(self._own.presets):
            preset = self._own.presets[row]
            self._session.set_window(preset.level, preset.width)
            self._show_window()
        self._update_buttons()

    def _on_remove(self) -> None:
        row = self.list.currentRow()
        if row >= 0:
            self._own.remove(self._own.presets[row])
            self._show_presets()
