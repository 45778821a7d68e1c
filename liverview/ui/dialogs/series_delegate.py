"""Cells of the table of series: two lines, the second one quiet or a badge."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from liverview.ui.dialogs.series_model import (
    BADGE_ROLE,
    DESCRIPTION,
    ENTRY_ROLE,
    PICTURE,
    SHOWN_ROLE,
)

ROW_PX, PICTURE_PX = 60, 54
_MARGIN, _PILL, _SMALLER, _QUIET = 6, 6, 0.88, 0.7
_BADGE, _BADGE_TEXT = QColor(47, 110, 77), QColor(255, 255, 255)
_MOST_CELLS = 1000  # that are kept as drawn, more than a large screen shows
_LOOKS = (
    QStyle.StateFlag.State_Selected
    | QStyle.StateFlag.State_Enabled
    | QStyle.StateFlag.State_Active
    | QStyle.StateFlag.State_MouseOver
).value
_Index = QModelIndex | QPersistentModelIndex


class SeriesDelegate(QStyledItemDelegate):
    """Draws pictures on black, and words in two lines, each cut at the cell's edge.

    A cell is drawn once, and again only when it shows something else: while a folder is read, all
    that the window does waits for its turn between the threads that read.

    Attributes
    ----------
    renderings : how many cells were drawn anew.
    """

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table
        self._cells: dict[Any, QPixmap] = {}
        self.renderings = 0

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        if index.column() == PICTURE:
            return QSize(PICTURE_PX + 6, ROW_PX)
        first, _, second = str(index.data()).partition("\n")
        badge = index.data(BADGE_ROLE) if index.column() == DESCRIPTION else ""
        metrics, small = option.fontMetrics, QFontMetrics(_smaller(option.font))
        below = small.horizontalAdvance(badge) + 2 * _PILL if badge else 0
        wide = max(metrics.horizontalAdvance(first), small.horizontalAdvance(second), below)
        return QSize(wide + 2 * _MARGIN + 2, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        rect: QRect = option.rect
        key = self._shown(option, index)
        cell = self._cells.get(key)
        if cell is None:
            if len(self._cells) >= _MOST_CELLS:
                self._cells.clear()
            cell = self._cells[key] = self._render(option, index)
        painter.drawPixmap(rect.topLeft(), cell)

    def _shown(self, option: QStyleOptionViewItem, index: _Index) -> tuple[Any, ...]:
        """All that the looks of a cell depend on."""
        return (
            index.data(SHOWN_ROLE),
            option.rect.size().toTuple(),
            option.state.value & _LOOKS,
            option.features.value,
            option.font.key(),
            self._table.palette().cacheKey(),
            self._table.devicePixelRatioF(),
        )

    def _render(self, option: QStyleOptionViewItem, index: _Index) -> QPixmap:
        """A cell on the ground of its row, as it is drawn on the screen."""
        self.renderings += 1
        cell = QStyleOptionViewItem(option)
        cell.rect = QRect(0, 0, option.rect.width(), option.rect.height())
        scale = self._table.devicePixelRatioF()
        pixmap = QPixmap(cell.rect.size() * scale)
        pixmap.setDevicePixelRatio(scale)
        pixmap.fill(self._table.palette().color(QPalette.ColorRole.Base))
        painter = QPainter(pixmap)
        row = QStyle.PrimitiveElement.PE_PanelItemViewRow
        self._table.style().drawPrimitive(row, cell, painter, self._table)
        self._draw(painter, cell, index)
        painter.end()
        return pixmap

    def _draw(self, painter: QPainter, cell: QStyleOptionViewItem, index: _Index) -> None:
        self.initStyleOption(cell, index)
        words, cell.text, cell.icon = str(index.data()), "", type(cell.icon)()
        cell.state &= ~QStyle.StateFlag.State_HasFocus
        style = self._table.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, cell, painter, self._table)
        if index.column() == PICTURE:
            _draw_picture(painter, cell.rect, index.data(Qt.ItemDataRole.DecorationRole))
        else:
            badge = index.data(BADGE_ROLE) if index.column() == DESCRIPTION else ""
            self._draw_words(painter, cell, index, words, badge)

    def _draw_words(
        self, painter: QPainter, cell: QStyleOptionViewItem, index: _Index, words: str, badge: str
    ) -> None:
        rect: QRect = cell.rect.adjusted(_MARGIN, 0, -_MARGIN, 0)
        font: QFont = cell.font
        small, metrics = _smaller(font), QFontMetrics(font)
        first, _, second = words.partition("\n")
        below = QFontMetrics(small).height() + 4 if second or badge else 0
        top = rect.top() + (rect.height() - metrics.height() - below) // 2
        across = cell.displayAlignment & Qt.AlignmentFlag.AlignHorizontal_Mask
        line = QRect(rect.left(), top, rect.width(), metrics.height())
        painter.setPen(self._pen(cell, index))
        painter.setFont(font)
        painter.drawText(line, across, _cut(first, metrics, rect.width()))
        line = QRect(rect.left(), top + metrics.height() + 4, rect.width(), below)
        painter.setFont(small)
        if badge:
            _draw_badge(painter, line, badge)
        elif second:
            painter.setOpacity(_QUIET)
            painter.drawText(line, across, _cut(second, QFontMetrics(small), rect.width()))

    def _pen(self, cell: QStyleOptionViewItem, index: _Index) -> QColor:
        palette = self._table.palette()
        if cell.state & QStyle.StateFlag.State_Selected:
            return palette.color(QPalette.ColorRole.HighlightedText)
        refused = index.data(ENTRY_ROLE).refusal
        group = QPalette.ColorGroup.Disabled if refused else QPalette.ColorGroup.Active
        return palette.color(group, QPalette.ColorRole.Text)


def _draw_picture(painter: QPainter, rect: QRect, picture: QPixmap | None) -> None:
    frame = QRect(0, 0, PICTURE_PX, PICTURE_PX)
    frame.moveCenter(rect.center())
    painter.fillRect(frame, Qt.GlobalColor.black)
    if picture is not None and not picture.isNull():
        size = picture.deviceIndependentSize().scaled(
            PICTURE_PX, PICTURE_PX, Qt.AspectRatioMode.KeepAspectRatio
        )
        place = QRectF(0, 0, size.width(), size.height())
        place.moveCenter(QRectF(frame).center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(place, picture, QRectF(picture.rect()))


def _draw_badge(painter: QPainter, line: QRect, words: str) -> None:
    metrics = painter.fontMetrics()
    cut = _cut(words, metrics, line.width() - 2 * _PILL)
    pill = QRectF(
        line.left(), line.top(), metrics.horizontalAdvance(cut) + 2 * _PILL, line.height()
    )
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_BADGE)
    painter.drawRoundedRect(pill, 5, 5)
    painter.setPen(_BADGE_TEXT)
    painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, cut)


def _cut(words: str, metrics: QFontMetrics, width: int) -> str:
    return metrics.elidedText(words, Qt.TextElideMode.ElideRight, width)


def _smaller(font: QFont) -> QFont:
    smaller = QFont(font)
    if font.pointSizeF() > 0:
        smaller.setPointSizeF(font.pointSizeF() * _SMALLER)
    return smaller
