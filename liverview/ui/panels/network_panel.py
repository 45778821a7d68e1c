"""The Network panel: class probabilities and attention maps as a layer, and thresholds."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QGroupBox,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from liverview.core.labels import FOREGROUND, Label, label_parent
from liverview.core.probability_maps import DEFAULT_THRESHOLDS
from liverview.ui.live.probability_layers import Layer, ProbabilityLayers
from liverview.ui.widgets.controls import FocuslessComboBox, FocuslessSlider
from liverview.ui.widgets.shortcuts import KeyHint

_PARTS = [label.name.lower() for label in FOREGROUND if label_parent(label) is not None]
_CLASSES = ", ".join(["background", "parenchyma", *_PARTS[:-1]]) + f" and {_PARTS[-1]}"
_LAYER_TIP = (
    "What the network's second stage has computed for each voxel, over the CT: how probable a "
    f"label is, how uncertain the choice between {_CLASSES} is "
    "(entropy, 1 where all are equally probable), or how much its attention gates let pass."
)
_LEVEL_TIP = (
    "Which of the second stage's gates, from the coarsest decoder level to the finest: 0 holds "
    "back what the encoder saw there, 1 passes it on. The first stage's gates are not shown."
)
_KEEP_TIP = (
    "From the next segmentation on, until the program is closed. One byte per voxel of the "
    "liver's box for each label and each gate: about 100 MB for a large scan."
)
_THRESHOLD_TIP = (
    "Raise it, and voxels whose probability is not above it leave the network's label; lower it, "
    "and all voxels above it join, also parts that the clean-up had taken away. At {default} % "
    "the label is the network's own. Vessels and tumors stay inside the liver."
)
_NOT_KEPT = (
    "This was not kept: segment the scan again with the network's probabilities to see this layer."
)
_COMING = "The layer appears with the first refined slices."
_NOT_SEGMENTED = "Segment the scan with the network's probabilities to see this layer."
_NOTHING = "Segment the scan with the network's probabilities to move thresholds."


class NetworkPanel(QScrollArea):
    """Layer, maps to keep, thresholds; it scrolls where the window is low.

    Signals
    -------
    segment_requested : the person wants to segment again with what the layer needs.
    """

    segment_requested = Signal()

    def __init__(self, layers: ProbabilityLayers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layers = layers
        self.layer = FocuslessComboBox()
        for layer in Layer:
            self.layer.addItem(layer.value, layer)
        self._outline_key = KeyHint()
        self.layer.setToolTip(_LAYER_TIP)
        self.layer.setAccessibleName("Layer")
        self.level = FocuslessSlider()
        self.level.setToolTip(_LEVEL_TIP)
        self.level.setAccessibleName("Decoder level of the attention gate")
        self.level_text = QLabel()
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.again = QPushButton("Segment with probabilities")
        self.again.setToolTip("Segment the scan again and keep the network's probabilities")
        self.keep = QCheckBox("Keep the network's probabilities")
        self.keep.setToolTip(_KEEP_TIP)
        self.memory = QLabel()
        self.memory.setEnabled(False)
        self.rows = {label: ThresholdRow(layers, label) for label in FOREGROUND}
        self.reset = QPushButton("Reset")
        self.reset.setToolTip("Go back to the network's own labels")
        self._build_layout()
        self.layer.activated.connect(self._on_layer)
        self.level.valueChanged.connect(layers.set_level)
        self.again.clicked.connect(self._on_again)
        self.keep.toggled.connect(layers.set_keep)
        self.reset.clicked.connect(layers.reset)
        layers.changed.connect(self.refresh)
        self.refresh()

    def set_draw_style_action(self, action: QAction) -> None:
        """Name the key that outlines the labels."""
        self._outline_key = KeyHint(
            " {} outlines the labels, so that they do not shine through.", action
        )
        self._outline_key.follow(self._show_keys)

    def _show_keys(self) -> None:
        self.layer.setToolTip(_LAYER_TIP + self._outline_key.text)

    def _build_layout(self) -> None:
        thresholds = QGroupBox("Thresholds")
        inner = QVBoxLayout(thresholds)
        for row in self.rows.values():
            inner.addWidget(row)
        inner.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignRight)
        inside = QWidget()
        layout = QVBoxLayout(inside)
        shown = (self.layer, self.level_text, self.level, self.note, self.again)
        for widget in (*shown, self.keep, self.memory, thresholds):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(inside.minimumSizeHint().width())
        self.setWidget(inside)

    def refresh(self) -> None:
        """Show what there is."""
        layers, maps = self.layers, self.layers.maps
        self.layer.setCurrentIndex(self.layer.findData(layers.layer))
        gates = layers.layer is Layer.GATES and maps is not None
        self.level.setVisible(gates)
        self.level_text.setVisible(gates)
        if maps is not None:
            self.level.blockSignals(True)  # else a range that grows would choose
            self.level.setRange(0, len(maps.gates) - 1)
            self.level.setValue(layers.shown_level)
            self.level.blockSignals(False)
            self.level_text.setText(_level_words(layers.shown_level, len(maps.gates)))
        self.keep.setChecked(layers.keep)
        self.memory.setVisible(maps is not None)
        self.memory.setText(f"{maps.nbytes / 1e6:,.0f} MB are kept" if maps is not None else "")
        self._refresh_note()
        for row in self.rows.values():
            row.refresh()
        self.reset.setEnabled(layers.can_relabel and layers.moved)

    def _refresh_note(self) -> None:
        layers = self.layers
        has_maps, wanted = layers.maps is not None, layers.layer is not Layer.NONE
        text = ""
        if not has_maps and layers.session.volume is not None:
            coming = layers.session.store.segmenting and layers.keep
            if not wanted:
                text = _NOTHING
            elif coming:
                text = _COMING
            else:
                text = _NOT_KEPT if layers.session.store.has_labels else _NOT_SEGMENTED
        self.note.setText(text)
        self.note.setVisible(bool(text))
        self.again.setVisible(bool(text) and layers.can_segment)

    def _on_layer(self, index: int) -> None:
        self.layers.set_layer(self.layer.itemData(index))

    def _on_again(self) -> None:
        self.layers.set_keep(True)
        self.segment_requested.emit()


class ThresholdRow(QWidget):
    """The threshold of one label; the labels follow while it is dragged."""

    def __init__(
        self, layers: ProbabilityLayers, label: Label, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.layers = layers
        self.label = label
        name = layers.session.styles[label].name
        self.slider = FocuslessSlider()
        self.slider.setRange(1, 99)
        self.slider.setToolTip(
            _THRESHOLD_TIP.format(default=round(100 * DEFAULT_THRESHOLDS[label]))
        )
        self.slider.setAccessibleName(f"Threshold of {name.lower()}")
        self.value = QLabel()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel(name), 0, 0)
        layout.addWidget(self.value, 0, 1, Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self.slider, 1, 0, 1, 2)
        self.slider.valueChanged.connect(self._on_moved)
        self.slider.sliderReleased.connect(layers.apply)

    def refresh(self) -> None:
        """Show the threshold."""
        threshold = self.layers.threshold(self.label)
        if not self.slider.isSliderDown():
            self.slider.blockSignals(True)
            self.slider.setValue(round(100 * threshold))
            self.slider.blockSignals(False)
        own = threshold == DEFAULT_THRESHOLDS[self.label]
        self.value.setText("network's own" if own else f"above {100 * threshold:.0f} %")
        self.setEnabled(self.layers.can_relabel)

    def _on_moved(self, percent: int) -> None:
        self.layers.set_threshold(self.label, percent / 100)
        if not self.slider.isSliderDown():  # by a key, or a click beside the handle
            self.layers.apply()


def _level_words(level: int, levels: int) -> str:
    ends = {0: " (coarsest)", levels - 1: " (finest)"}
    return f"Gate {level + 1} of {levels}{ends.get(level, '')}"
