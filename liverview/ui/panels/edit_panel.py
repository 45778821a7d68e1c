"""The Edit panel: what tools draw, with which brush, and over what."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from liverview.core.labels import FOREGROUND, Label
from liverview.editing.brush import MAX_RADIUS_MM, MIN_RADIUS_MM, BrushShape
from liverview.ui.panels.limit_controls import ScopeControls, ValueControls
from liverview.ui.state.session import Session
from liverview.ui.widgets.controls import (
    FocuslessComboBox,
    FocuslessSlider,
    QuietSpinBox,
    WrappedLabel,
)
from liverview.ui.widgets.shortcuts import KeyHint

_STEPS = 200  # of the slider, whose steps are alike as parts of the radius
_SWATCH = 12  # pixels
_COLUMNS = 3


class EditPanel(QScrollArea):
    """Label, brush, eraser and limits; it scrolls where the window is low."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.summary = WrappedLabel()
        self.summary.setAccessibleName("What the brush does")
        self.labels = LabelChoice(session)
        self.brush = BrushControls(session)
        self.scope = ScopeControls(session)
        self.values = ValueControls(session)
        self.erase_all = QCheckBox("Eraser takes all labels")
        self.erase_all.setToolTip(
            "Erase every label down to background; else only the label above, which becomes what "
            "it is a part of: tumor and vessel become liver, the whole liver background"
        )
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(5)
        self.brush.add_row(self.erase_all)
        parts = (self.labels, self.summary, self.brush, self.scope, self.values)
        for widget in parts:
            layout.addWidget(widget)
        layout.addStretch(1)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(inner)
        self.setMinimumWidth(inner.minimumSizeHint().width())
        self.erase_all.toggled.connect(session.editing.set_erase_all)
        session.editing.changed.connect(self.refresh)
        session.styles_changed.connect(self.labels.refresh)
        session.volume_changed.connect(self.refresh)
        self.refresh()

    def set_actions(
        self,
        labels: Mapping[Label, QAction],
        smaller: QAction,
        larger: QAction,
        ball: QAction,
        adaptive: QAction,
        pick: QAction,
    ) -> None:
        """Name the keys of commands that do the same; the button picks as its command does."""
        self.labels.set_actions(labels)
        self.brush.set_actions(smaller, larger, ball, adaptive)
        self.values.set_pick_action(pick)

    def refresh(self) -> None:
        """Show what the session says."""
        editing = self._session.editing
        self.summary.setText(editing.describe())
        self.summary.setToolTip(f"The eraser: {editing.describe(erase=True)}")
        self.erase_all.setChecked(editing.erase_all)
        for part in (self.labels, self.brush, self.scope, self.values):
            part.refresh()


class LabelChoice(QWidget):
    """A button with its color for each label; one is on."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._hints: dict[Label, KeyHint] = {}
        self.buttons = {label: QPushButton(session.styles[label].name) for label in FOREGROUND}
        group = QButtonGroup(self)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for n, (label, button) in enumerate(self.buttons.items()):
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setIconSize(QSize(_SWATCH, _SWATCH))
            button.setAccessibleName(f"Draw {session.styles[label].name.lower()}")
            group.addButton(button)
            layout.addWidget(button, n // _COLUMNS, n % _COLUMNS)
            button.clicked.connect(lambda _=False, label=label: session.editing.set_label(label))
        self._show_keys()

    def set_actions(self, actions: Mapping[Label, QAction]) -> None:
        self._hints = {label: KeyHint(" ({})", action) for label, action in actions.items()}
        for hint in self._hints.values():
            hint.follow(self._show_keys)

    def _show_keys(self) -> None:
        for label, button in self.buttons.items():
            key = self._hints[label].text if label in self._hints else ""
            name = self._session.styles[label].name.lower()
            button.setToolTip(f"Tools draw and erase {name}{key}")

    def refresh(self) -> None:
        """Show what the session says."""
        self.buttons[self._session.editing.label].setChecked(True)
        usual = self.palette()
        for label, button in self.buttons.items():
            button.setIcon(_swatch(self._session.styles[label].color))
            chosen = QPalette()  # of Fusion, a button that is on is hardly darker
            if button.isChecked():
                roles = QPalette.ColorRole
                chosen.setColor(roles.Button, usual.color(roles.Highlight))
                chosen.setColor(roles.ButtonText, usual.color(roles.HighlightedText))
            button.setPalette(chosen)


class BrushControls(QGroupBox):
    """Shape, size and kind of the brush."""

    def __init__(self, session: Session) -> None:
        super().__init__("Brush and eraser")
        self._editing = session.editing
        self._hints = [KeyHint(), KeyHint(), KeyHint()]
        self.shape = FocuslessComboBox()
        for shape in BrushShape:
            self.shape.addItem(shape.value, shape)
        self.shape.setAccessibleName("Shape of the brush")
        self.shape.setToolTip("Round, or square along the voxels' axes")
        self.ball, self.adaptive = QCheckBox("3D"), QCheckBox("Stay within edges (adaptive)")
        self.ball.setAccessibleName("Ball through the slices")
        self.slider = FocuslessSlider()
        self.slider.setRange(0, _STEPS)
        self.slider.setAccessibleName("Radius of the brush")
        self.radius = QuietSpinBox()
        self.radius.setRange(MIN_RADIUS_MM, MAX_RADIUS_MM)
        self.radius.setDecimals(1)
        self.radius.setSingleStep(0.5)
        self.radius.setSuffix(" mm")
        self.radius.setAccessibleName("Radius of the brush in mm")
        self._rows = layout = QVBoxLayout(self)
        first, second = QHBoxLayout(), QHBoxLayout()
        layout.setContentsMargins(8, 4, 8, 6)
        first.addWidget(self.shape, 1)
        first.addWidget(self.ball)
        second.addWidget(QLabel("Radius"))
        second.addWidget(self.slider, 1)
        second.addWidget(self.radius)
        layout.addLayout(first)
        layout.addLayout(second)
        layout.addWidget(self.adaptive)
        self.shape.activated.connect(self._on_shape)
        self.ball.toggled.connect(lambda on: self._editing.set_brush(ball=on))
        self.slider.valueChanged.connect(self._on_slider)
        self.radius.valueChanged.connect(lambda mm: self._editing.set_brush(radius_mm=mm))
        self.adaptive.toggled.connect(self._editing.set_adaptive)
        self._show_keys()

    def add_row(self, widget: QWidget) -> None:
        """Add what belongs to it below."""
        self._rows.addWidget(widget)

    def set_actions(
        self, smaller: QAction, larger: QAction, ball: QAction, adaptive: QAction
    ) -> None:
        self._hints = [
            KeyHint(" ({}, Shift + wheel)", smaller, larger),
            KeyHint(" ({})", ball),
            KeyHint(" ({})", adaptive),
        ]
        for hint in self._hints:
            hint.follow(self._show_keys)

    def _show_keys(self) -> None:
        size, ball, adaptive = (hint.text for hint in self._hints)
        for widget in (self.slider, self.radius):
            widget.setToolTip(f"Radius in mm; of the square brush, half a side{size}")
        self.ball.setToolTip(f"A ball or a cube through the slices, or flat in one slice{ball}")
        self.adaptive.setToolTip(
            f"Draw only what looks like the place where a stroke begins, up to its edge{adaptive}"
        )

    def refresh(self) -> None:
        """Show what the session says."""
        brush = self._editing.brush
        for widget in (self.ball, self.slider, self.radius, self.adaptive):
            widget.blockSignals(True)
        self.shape.setCurrentIndex(self.shape.findData(brush.shape))
        self.ball.setChecked(brush.ball)
        self.adaptive.setChecked(self._editing.adaptive)
        share = math.log(brush.radius_mm / MIN_RADIUS_MM) / math.log(MAX_RADIUS_MM / MIN_RADIUS_MM)
        self.slider.setValue(round(share * _STEPS))
        self.radius.setValue(brush.radius_mm)
        for widget in (self.ball, self.slider, self.radius, self.adaptive):
            widget.blockSignals(False)

    def _on_shape(self, index: int) -> None:
        self._editing.set_brush(shape=self.shape.itemData(index))

    def _on_slider(self, step: int) -> None:
        radius = MIN_RADIUS_MM * (MAX_RADIUS_MM / MIN_RADIUS_MM) ** (step / _STEPS)
        self._editing.set_brush(radius_mm=round(radius, 1))


def _swatch(color: tuple[int, int, int]) -> QIcon:
    """A disc of a color, sharp at any pixel ratio up to 3."""
    pixels = QPixmap(_SWATCH * 3, _SWATCH * 3)
    pixels.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixels)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(*color))
    painter.drawEllipse(pixels.rect())
    painter.end()
    return QIcon(pixels)
