"""The view of the table of series: it waits once for its turn to paint, not once per cell."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QHeaderView, QTableView, QWidget

from liverview.ui.dialogs.series_delegate import SeriesDelegate

# Python has one lock, and Qt waits for it whenever it calls a function that is written in Python:
# several milliseconds each time, as long as threads read a folder. Both classes below have it for
# the whole of a paint event, so that the many calls for cells within do not wait.


class SeriesView(QTableView):
    """A table whose cells a `SeriesDelegate` draws.

    Attributes
    ----------
    cells : draws them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHorizontalHeader(_Header(Qt.Orientation.Horizontal, self))
        self.cells = SeriesDelegate(self)
        self.setItemDelegate(self.cells)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)


class _Header(QHeaderView):
    """The titles of the columns, by which rows are sorted."""

    def __init__(self, orientation: Qt.Orientation, parent: QWidget) -> None:
        super().__init__(orientation, parent)
        self.setSectionsClickable(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
