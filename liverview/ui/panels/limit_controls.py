"""The Edit panel's controls for what may be painted over: labels, locks, values."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
)

from liverview.core.display_window import value_range
from liverview.core.labels import FOREGROUND, Label
from liverview.editing.limits import Scope
from liverview.ui.state.session import Session
from liverview.ui.widgets.controls import FocuslessComboBox, QuietSpinBox
from liverview.ui.widgets.range_slider import RangeSlider
from liverview.ui.widgets.shortcuts import KeyHint

_USUAL = (-50.0, 150.0)  # HU, at first
_SPAN_HU = (-200.0, 400.0)  # of the slider: fat to contrast medium; what is typed may be beyond
_MOST = 1e6
_STEPS = 600  # of the slider, where values are no HU
_COLUMNS = 3
_PICK_TIP = (
    "Then click into a view: the limits become the mean of a disc of 3 mm radius and two standard "
    "deviations to either side"
)


class ScopeControls(QGroupBox):
    """The labels that may be painted over, and those that never change."""

    def __init__(self, session: Session) -> None:
        super().__init__("Over which labels")
        self._session = session
        self.scope, self.one = FocuslessComboBox(), FocuslessComboBox()
        for scope in Scope:
            self.scope.addItem(scope.value.capitalize(), scope)
        self.scope.setAccessibleName("What may be painted over")
        self.scope.setToolTip("Which labels drawing and erasing may change; background is one")
        for label in Label:
            name = "Background" if label is Label.BACKGROUND else session.styles[label].name
            self.one.addItem(name, label)
        self.one.setAccessibleName("The label that may be painted over")
        self.one.setToolTip("The one label that drawing and erasing may change")
        self.locks = {label: QCheckBox(session.styles[label].name) for label in FOREGROUND}
        layout, locks = QVBoxLayout(self), QGridLayout()
        layout.setContentsMargins(8, 4, 8, 6)
        row = QHBoxLayout()
        row.addWidget(self.scope, 3)
        row.addWidget(self.one, 2)
        layout.addLayout(row)
        locks.addWidget(QLabel("Lock"), 0, 0)
        for n, (label, box) in enumerate(self.locks.items()):
            name = session.styles[label].name.lower()
            box.setAccessibleName(f"Lock {name}")
            box.setToolTip(f"No tool that draws or erases changes a voxel that is {name}")
            locks.addWidget(box, n // _COLUMNS, 1 + n % _COLUMNS)
            box.toggled.connect(self._on_locked)
        layout.addLayout(locks)
        self.scope.activated.connect(self._on_scope)
        self.one.activated.connect(self._on_one)

    def refresh(self) -> None:
        """Show what the session says."""
        limits = self._session.editing.limits
        self.scope.setCurrentIndex(self.scope.findData(limits.scope))
        self.one.setCurrentIndex(self.one.findData(limits.one))
        self.one.setVisible(limits.scope is Scope.ONE)
        for label, box in self.locks.items():
            box.blockSignals(True)
            box.setChecked(label in limits.locked)
            box.blockSignals(False)

    def _on_scope(self, index: int) -> None:
        self._session.editing.set_limits(scope=self.scope.itemData(index))

    def _on_one(self, index: int) -> None:
        self._session.editing.set_limits(one=self.one.itemData(index))

    def _on_locked(self) -> None:
        locked = frozenset(label for label, box in self.locks.items() if box.isChecked())
        self._session.editing.set_limits(locked=locked)


class ValueControls(QGroupBox):
    """The values of the scan that may be painted over, as a range or not at all."""

    def __init__(self, session: Session) -> None:
        super().__init__("Intensity limits")
        self._session = session
        self._last = _USUAL  # what comes back when the limits are switched on again
        self.setCheckable(True)
        self.setToolTip("Draw and erase only voxels whose value lies within these")
        self.slider = RangeSlider()
        self.slider.setAccessibleName("Intensity limits")
        self.slider.setToolTip("Lowest and highest value that may be painted over")
        self.low, self.high = QuietSpinBox(), QuietSpinBox()
        for box, name in ((self.low, "Lowest"), (self.high, "Highest")):
            box.setAccessibleName(f"{name} value that may be painted over")
            box.setToolTip(f"{name} value that may be painted over")
            box.setRange(-_MOST, _MOST)
            box.editingFinished.connect(self._on_typed)
        self.pick = QPushButton("Pick from image")
        self._pick_key = KeyHint()
        layout, row = QVBoxLayout(self), QHBoxLayout()
        layout.setContentsMargins(8, 4, 8, 6)
        layout.addWidget(self.slider)
        row.addWidget(self.low, 1)
        row.addWidget(QLabel("to"))
        row.addWidget(self.high, 1)
        layout.addLayout(row)
        layout.addWidget(self.pick)
        self.toggled.connect(self._on_toggled)
        self.slider.moved.connect(self._on_moved)
        session.volume_changed.connect(self.fit_span)
        self.fit_span()
        self._show_key()

    def set_pick_action(self, action: QAction) -> None:
        """Let the button do what a command does, and name its key."""
        self.pick.clicked.connect(action.trigger)
        self._pick_key = KeyHint(" ({})", action)
        self._pick_key.follow(self._show_key)

    def _show_key(self) -> None:
        self.pick.setToolTip(f"{_PICK_TIP}{self._pick_key.text}")

    def fit_span(self) -> None:
        """Let slider and numbers suit the values of the open scan."""
        volume = self._session.volume
        in_hu = volume is None or volume.in_hu
        low, high = _SPAN_HU if volume is None or volume.in_hu else value_range(volume)
        step = 1.0 if in_hu else (high - low) / _STEPS
        self.slider.set_span(low, high, step)
        for box in (self.low, self.high):
            box.blockSignals(True)
            box.setDecimals(0 if in_hu else 3)
            box.setSingleStep(step)
            box.setSuffix(" HU" if in_hu else "")
            box.blockSignals(False)
        self.refresh()

    def refresh(self) -> None:
        """Show what the session says."""
        hu = self._session.editing.limits.hu
        self._last = hu or self._last
        for widget in (self, self.low, self.high):
            widget.blockSignals(True)
        self.setChecked(hu is not None)
        self.slider.set_values(*self._last)
        self.low.setValue(self._last[0])
        self.high.setValue(self._last[1])
        for widget in (self, self.low, self.high):
            widget.blockSignals(False)
        # A box that is switched off fades what is in it; from the image it can be switched on.
        self.pick.setEnabled(True)

    def _on_toggled(self, on: bool) -> None:
        self._session.editing.set_limits(hu=self._last if on else None)

    def _on_moved(self, low: float, high: float) -> None:
        self._session.editing.set_limits(hu=(low, high))

    def _on_typed(self) -> None:
        """Two numbers in the wrong order are one range all the same."""
        low, high = sorted((self.low.value(), self.high.value()))
        self._session.editing.set_limits(hu=(low, high))
