"""The Labels panel: visibility, color, opacity and volume of each label."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from liverview.core.edited_volume import edited_text
from liverview.core.labels import FOREGROUND, DrawStyle, Label, label_entry
from liverview.ui.state.session import Session
from liverview.ui.widgets.controls import FocuslessComboBox, FocuslessSlider
from liverview.ui.widgets.formatting import format_ml
from liverview.ui.widgets.shortcuts import KeyHint

SWATCH_EDGE = "#808080"  # seen in light and dark windows


class LabelPanel(QWidget):
    """One row per label."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.rows = {label: LabelRow(session, label, self) for label in FOREGROUND}
        inner = QWidget()
        self._layout = layout = QVBoxLayout(inner)
        layout.setSpacing(4)
        layout.setContentsMargins(4, 2, 4, 2)
        for row in self.rows.values():
            layout.addWidget(row)
        self.by_hand = QCheckBox("Differences by hand")
        kept = self.by_hand.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # else the first edit would make the rows scroll
        self.by_hand.setSizePolicy(kept)
        self._by_hand_key = KeyHint()
        self.by_hand.toggled.connect(session.hand_edits.set_shown)
        layout.addWidget(self.by_hand)
        layout.addStretch(1)
        area = _RowArea(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        session.volumes.changed.connect(self.refresh)
        session.styles_changed.connect(self.refresh)
        session.hand_edits.changed.connect(self.refresh)
        self.refresh()

    def put_under(self, label: Label, widget: QWidget) -> None:
        """Show something under the row of a label."""
        self._layout.insertWidget(self._layout.indexOf(self.rows[label]) + 1, widget)

    def refresh(self) -> None:
        """Bring every row up to date."""
        for row in self.rows.values():
            row.refresh()
        edits = self.session.hand_edits
        self.by_hand.setChecked(edits.shown)
        self.by_hand.setVisible(edits.there or edits.shown)

    def set_actions(
        self, layers: Mapping[Label, QAction], draw_style: QAction, by_hand: QAction
    ) -> None:
        """Name the keys that show a label, draw all another way, and mark what was edited."""
        for label, row in self.rows.items():
            row.set_actions(layers[label], draw_style)
        self._by_hand_key = KeyHint(" ({})", by_hand)
        self._by_hand_key.follow(self._show_key)

    def _show_key(self) -> None:
        key = self._by_hand_key.text
        self.by_hand.setToolTip(f"Mark what differs from the network's or the file's labels{key}")


class _RowArea(QScrollArea):
    """Scrolls where the window is low; asks for as much as all rows need."""

    def __init__(self, inner: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        self.setWidget(inner)
        self._inner = inner
        self.setMinimumWidth(inner.minimumSizeHint().width())

    def sizeHint(self) -> QSize:
        return self._inner.sizeHint()


class LabelRow(QWidget):
    """Check box, color, volume and opacity of one label."""

    def __init__(self, session: Session, label: Label, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.label = label
        self._name = name = session.styles[label].name
        self._show_key, self._draw_key = KeyHint(), KeyHint()
        self.shown = QCheckBox(name)
        self.color = QPushButton()
        self.color.setFixedSize(22, 22)
        self.color.setToolTip(f"Color of {name.lower()}")
        self.color.setAccessibleName(f"Color of {name.lower()}")
        self.volume = QLabel()
        self.volume.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.volume.setToolTip(label_entry(label).description)
        self.by_hand = QLabel()
        self.by_hand.setEnabled(False)  # quiet, beside the volume
        self.by_hand.setAlignment(self.volume.alignment())
        # It makes no panel wider; its tooltip has all of it.
        self.by_hand.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.opacity = FocuslessSlider()
        self.opacity.setRange(0, 100)
        self.opacity.setToolTip(f"Opacity of {name.lower()}")
        self.opacity.setAccessibleName(f"Opacity of {name.lower()}")
        self.draw_style = FocuslessComboBox()
        for style in DrawStyle:
            self.draw_style.addItem(style.value, style)
        self.draw_style.setAccessibleName(f"How {name.lower()} is drawn")
        layout = QGridLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setVerticalSpacing(1)
        layout.addWidget(self.color, 0, 0)
        layout.addWidget(self.shown, 0, 1)
        layout.addWidget(self.by_hand, 0, 2)
        layout.addWidget(self.volume, 0, 3)
        layout.addWidget(self.opacity, 1, 1, 1, 2)
        layout.addWidget(self.draw_style, 1, 3)
        layout.setColumnStretch(2, 1)
        self.shown.toggled.connect(self._on_shown)
        self.opacity.valueChanged.connect(self._on_opacity)
        self.draw_style.activated.connect(self._on_draw_style)
        self.color.clicked.connect(self._on_color)
        self._show_keys()

    def set_actions(self, layer: QAction, draw_style: QAction) -> None:
        """Name the keys of the commands that do the same in the tooltips."""
        self._show_key = KeyHint(" ({})", layer)
        self._draw_key = KeyHint(" ({} changes all)", draw_style)
        self._show_key.follow(self._show_keys)
        self._draw_key.follow(self._show_keys)

    def _show_keys(self) -> None:
        name = self._name.lower()
        description = label_entry(self.label).description
        self.shown.setToolTip(f"Show {name}{self._show_key.text}. {description}.")
        self.draw_style.setToolTip(f"How {name} is drawn{self._draw_key.text}")

    def refresh(self) -> None:
        """Show what the session says."""
        style = self.session.styles[self.label]
        self.shown.setChecked(style.visible)
        self.opacity.setValue(round(style.opacity * 100))
        self.opacity.setEnabled(style.draw_style is not DrawStyle.OUTLINED)
        self.draw_style.setCurrentIndex(self.draw_style.findData(style.draw_style))
        red, green, blue = style.color
        self.color.setStyleSheet(
            f"background: rgb({red},{green},{blue}); border: 1px solid {SWATCH_EDGE}; "
            "border-radius: 4px"
        )
        self.volume.setText(self._volume_text())
        edited = self.session.hand_edits.volumes.get(self.label)
        self.by_hand.setVisible(edited is not None)
        if edited is not None:
            self.by_hand.setText(f"by hand {edited_text(edited).removesuffix(' mL')}")
            self.by_hand.setToolTip(f"{self._name}, edited by hand: {edited_text(edited)}")

    def _volume_text(self) -> str:
        if not self.session.volumes.known:
            return "–"
        volume = format_ml(self.session.volumes.ml[self.label])
        stopped = self.session.store.has_unfinished_labels and not self.session.store.segmenting
        return f"{volume}, partial" if stopped else volume

    def _on_shown(self, shown: bool) -> None:
        self.session.set_style(self.label, visible=shown)

    def _on_opacity(self, percent: int) -> None:
        self.session.set_style(self.label, opacity=percent / 100)

    def _on_draw_style(self, index: int) -> None:
        self.session.set_style(self.label, draw_style=self.draw_style.itemData(index))

    def _on_color(self) -> None:
        old = QColor(*self.session.styles[self.label].color)
        new = QColorDialog.getColor(old, self, self.shown.text())
        if new.isValid():
            self.session.set_style(self.label, color=(new.red(), new.green(), new.blue()))
