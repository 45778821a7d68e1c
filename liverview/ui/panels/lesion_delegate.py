"""Rows of the table of lesions: figures in columns, and lines below them over the whole width."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QFontMetrics, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

LINES_ROLE = Qt.ItemDataRole.UserRole
"""The role of the lines below the figures of a row, a list of texts; the same in every column."""
FADED_ROLE = Qt.ItemDataRole.UserRole + 1
"""The role of whether a row is drawn fainter than others."""
_MARGIN_X, _MARGIN_Y = 5, 3  # pixels
_FADED = 0.5
_SMALLER = 0.88  # of the font's size
_Index = QModelIndex | QPersistentModelIndex


def lesion_lines(index: _Index) -> list[str]:
    """The lines below the figures of the row of an index."""
    lines: list[str] = index.data(LINES_ROLE)
    return lines


class LesionDelegate(QStyledItemDelegate):
    """Draws the cells of a table without a grid.

    A line below belongs to the whole row: every cell draws the part of it that lies in the cell.

    Attributes
    ----------
    faded : draws the words fainter.
    """

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table
        self.faded = False

    def row_height(self, lines: int) -> int:
        """Pixels of a row of so many lines, the figures among them."""
        font = self._table.font()
        below = (lines - 1) * QFontMetrics(_smaller(font)).height()
        return 2 * _MARGIN_Y + QFontMetrics(font).height() + below

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        width = option.fontMetrics.horizontalAdvance(str(index.data()))
        return QSize(width + 2 * _MARGIN_X, self.row_height(1 + len(lesion_lines(index))))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        cell = QStyleOptionViewItem(option)
        self.initStyleOption(cell, index)
        figure, cell.text = cell.text, ""
        cell.state &= ~QStyle.StateFlag.State_HasFocus
        style, rect = self._table.style(), cell.rect
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, cell, painter, self._table)
        painter.save()
        painter.setClipRect(rect)
        painter.setPen(self._pen(cell))
        painter.setOpacity(_FADED if self.faded or index.data(FADED_ROLE) else 1.0)
        inner = rect.adjusted(_MARGIN_X, _MARGIN_Y, -_MARGIN_X, -_MARGIN_Y)
        side = Qt.AlignmentFlag.AlignRight
        painter.setFont(cell.font)
        painter.drawText(inner, int(side | Qt.AlignmentFlag.AlignTop), figure)
        self._draw_lines(painter, inner, QFontMetrics(cell.font).height(), lesion_lines(index))
        painter.restore()

    def _draw_lines(self, painter: QPainter, inner: QRect, above: int, lines: list[str]) -> None:
        """Draw what lies in a cell of the row's further lines."""
        font = _smaller(self._table.font())
        metrics = QFontMetrics(font)
        row = QRect(_MARGIN_X, inner.top() + above, 0, metrics.height())
        row.setRight(self._table.viewport().width() - _MARGIN_X)
        painter.setFont(font)
        for line in lines:
            shown = metrics.elidedText(line, Qt.TextElideMode.ElideRight, row.width())
            painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft), shown)
            row.translate(0, metrics.height())

    def _pen(self, cell: QStyleOptionViewItem) -> QColor:
        selected = bool(cell.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        return self._table.palette().color(QPalette.ColorGroup.Active, role)


def _smaller(font: QFont) -> QFont:
    smaller = QFont(font)
    smaller.setPointSizeF(QFontInfo(font).pointSizeF() * _SMALLER)  # also of one given in pixels
    return smaller
