"""The parts of labels that the person has selected, which commands are for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from liverview.core.grid import Voxel
from liverview.editing.parts import Part


class SelectedParts(QObject):
    """Holds what is selected; `liverview.ui.live.part_editing` finds parts and works on them.

    Attributes
    ----------
    parts : as they were found; none at first.

    Signals
    -------
    changed : other parts are selected.
    toggled : the person wants the part at a voxel to be selected as well, or no longer.
    line_drawn : a `CutLine` along which parts are to be split.
    """

    changed = Signal()
    toggled = Signal(object)
    line_drawn = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.parts: tuple[Part, ...] = ()

    def set_parts(self, parts: Sequence[Part]) -> None:
        """Select these and no others."""
        if tuple(parts) != self.parts:
            self.parts = tuple(parts)
            self.changed.emit()

    def clear(self) -> None:
        """Select none."""
        self.set_parts(())

    def part_at(self, voxel: Voxel) -> Part | None:
        """The selected part that has a voxel."""
        return next((part for part in self.parts if part.contains(voxel)), None)
