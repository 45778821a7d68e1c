"""The rows under the vessels while these are shown as two trees: color, name and volume."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from liverview.core.labels import Label
from liverview.ui.live.vessel_division import VesselDivision
from liverview.ui.panels.label_panel import SWATCH_EDGE
from liverview.ui.widgets.formatting import format_ml
from liverview.vasculature.graph import TREE_STYLES, VesselTree

_RESEARCH = "For research: where vessels touch or cross, they may be in the wrong tree."
_INDENT, _SWATCH = 30, 14  # pixels
_LEAST_ML = 0.05  # that is worth a row


class TreeLegend(QWidget):
    """A row for the portal vein, for the hepatic veins, and for what is of neither for sure."""

    def __init__(self, division: VesselDivision, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._division = division
        layout = QGridLayout(self)
        layout.setContentsMargins(_INDENT, 0, 4, 0)
        layout.setVerticalSpacing(1)
        layout.setColumnStretch(1, 1)
        self.rows = {tree: TreeRow(layout, row, tree) for row, tree in enumerate(_ORDER)}
        division.changed.connect(self.refresh)
        division.session.styles_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the trees as they were last found."""
        division = self._division
        self.setVisible(division.shown)
        found, waits = division.found, not division.is_current
        warnings = found.trees.warnings if found is not None else ()
        self.setToolTip("\n".join([_RESEARCH, *warnings]))
        for tree, row in self.rows.items():
            ml = None if found is None else found.volumes_ml[tree]
            row.refresh("–" if ml is None else format_ml(ml), waits)
            row.set_visible(tree is not VesselTree.UNDECIDED or (ml or 0) >= _LEAST_ML)
        vessel = division.session.styles[Label.VESSEL].color
        self.rows[VesselTree.UNDECIDED].set_color(vessel)


_ORDER = (VesselTree.PORTAL, VesselTree.HEPATIC, VesselTree.UNDECIDED)


class TreeRow:
    """Color, name and volume of a tree in the grid of the legend.

    Attributes
    ----------
    volume : mL, with dots where the labels have changed since.
    """

    def __init__(self, layout: QGridLayout, row: int, tree: VesselTree) -> None:
        self.swatch = QFrame()
        self.swatch.setFixedSize(_SWATCH, _SWATCH)
        undecided = tree is VesselTree.UNDECIDED
        self.name = QLabel("Of neither for sure" if undecided else TREE_STYLES[tree].name)
        self.volume = QLabel()
        self.volume.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.set_color(TREE_STYLES[tree].color)
        for column, widget in enumerate((self.swatch, self.name, self.volume)):
            layout.addWidget(widget, row, column)

    def refresh(self, volume: str, waits: bool) -> None:
        """Show a volume, and whether another one is to be expected."""
        self.volume.setText(f"{volume} …" if waits else volume)

    def set_color(self, color: tuple[int, int, int]) -> None:
        """Show the color that the views have."""
        red, green, blue = color
        self.swatch.setStyleSheet(
            f"background: rgb({red},{green},{blue}); border: 1px solid {SWATCH_EDGE}; "
            "border-radius: 3px"
        )

    def set_visible(self, visible: bool) -> None:
        """Show the row, or leave it out."""
        for widget in (self.swatch, self.name, self.volume):
            widget.setVisible(visible)
