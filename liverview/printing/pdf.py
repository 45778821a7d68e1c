"""The report as a PDF: A4, its text as text, set by Qt; works without a screen."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from PySide6.QtCore import QBuffer, QMarginsF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QColor,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QImage,
    QPageLayout,
    QPageSize,
    QPainter,
    QPalette,
    QPdfWriter,
    QTextDocument,
)

from liverview.core.errors import LiverviewError
from liverview.files.atomic import TargetError, atomic_write
from liverview.printing.pages import Pages, Piece
from liverview.report.contents import Contents, Figure, Key, Section, Table

_DPI = 300
_MARGIN_MM = 16.0
_FOOTER_MM = 8.0
_GAP_MM = 3.0
_FIGURES_PER_ROW = 2
_FIGURE_MM = 90.0  # no picture is higher
_POINTS, _TABLE_POINTS, _SMALL_POINTS = 9.0, 8.0, 7.5
_SHORT_ROWS = 12  # a table with no more is not broken
_MIN_ROWS = 3  # of a table before a break
_PADDING = 5  # of a table's cells, in pixels of style sheets
_CSS_DPI = 96
_STYLE = f"""
h1 {{ font-size: 15pt; font-weight: 600; margin: 0; }}
h2 {{ font-size: 11.5pt; font-weight: 600; margin: 12px 0 4px 0; }}
p {{ margin: 3px 0 3px 0; }}
.disclaimer {{ font-weight: 600; }}
.notice {{ font-weight: 600; color: #b45309; }}
.small {{ font-size: {_SMALL_POINTS}pt; color: #444444; }}
th {{ background-color: #eeeeee; font-weight: 600; text-align: left; }}
td, th {{ font-size: {_TABLE_POINTS}pt; padding: 2px {_PADDING}px;
  border-bottom: 1px solid #cccccc; }}
.fact {{ color: #444444; }}
"""


class PdfError(LiverviewError):
    """A PDF that cannot be made here; the message says what is missing."""


def prepare_qt() -> None:
    """Start what Qt needs to set text, without a screen where there is no application yet.

    To be called on the main thread.

    Raises
    ------
    PdfError : where there is no font.
    """
    if QGuiApplication.instance() is None:
        # Kept by Qt's module until the process ends. A display that is named may not be there.
        hidden = ["-platform", "offscreen"] if sys.platform.startswith("linux") else []
        _applications.append(QGuiApplication(["liverview", *hidden]))
    if not QFontMetricsF(QFont()).inFont("A"):
        raise PdfError("The PDF needs a font and there is none: install one (fonts-dejavu-core).")


_applications: list[QGuiApplication] = []


def write_pdf(path: Path, contents: Contents) -> None:
    """Write the PDF, whole or not at all; on any thread, after `prepare_qt`.

    Raises
    ------
    TargetError : where the file cannot be written.
    """
    # In memory first: Qt knows no file whose name is not UTF-8.
    pages = QBuffer()
    pages.open(QBuffer.OpenModeFlag.WriteOnly)
    _write_pages(path, pages, contents)
    with atomic_write(path) as temporary:
        temporary.write_bytes(pages.data().data())


def _write_pages(path: Path, pages: QBuffer, contents: Contents) -> None:
    writer = QPdfWriter(pages)
    writer.setTitle(contents.title)
    writer.setCreator(dict(contents.facts).get("Software", "liverview"))
    writer.setResolution(_DPI)
    margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    size = QPageSize(QPageSize.PageSizeId.A4)
    layout = QPageLayout(
        size, QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter
    )
    writer.setPageLayout(layout)
    painter = QPainter()
    if not painter.begin(writer):
        raise TargetError(f"{path} could not be saved: choose another folder.")
    try:
        _Typesetter(writer, painter).typeset(contents)
    finally:
        painter.end()


class _Typesetter:
    """Sets a report on the pages of a writer."""

    def __init__(self, writer: QPdfWriter, painter: QPainter) -> None:
        self._writer, self._painter = writer, painter
        self._width = float(writer.width())
        self._gap = _mm_to_pixels(_GAP_MM)
        self._pages = Pages(writer.height() - _mm_to_pixels(_FOOTER_MM), self._gap)
        self._font = QFont()
        self._font.setPointSizeF(_POINTS)
        self._font.setFeature(QFont.Tag("liga"), 0)  # or "fi" is not found by who searches it
        small, bold = QFont(self._font), QFont(self._font)
        for font in (small, bold):
            font.setPointSizeF(_TABLE_POINTS)
        bold.setWeight(QFont.Weight.DemiBold)
        self._plain, self._bold = QFontMetricsF(small, writer), QFontMetricsF(bold, writer)

    def typeset(self, contents: Contents) -> None:
        """Lay everything out, then paint: a page says how many there are."""
        disclaimer = f'<p class="disclaimer">{escape(contents.disclaimer)}</p>'
        notice = f'<p class="notice">{escape(contents.notice)}</p>' if contents.notice else ""
        heading = f"<h1>{escape(contents.title)}</h1>{disclaimer}{notice}"
        title = self._text_piece(heading, with_next=True)
        self._pages.add(title)
        self._pages.add(self._text_piece(_facts_html(contents)))
        for section in contents.sections:
            self._add_section(section)
        self._pages.flush()
        for number, page in enumerate(self._pages.pages, start=1):
            if number > 1:
                self._writer.newPage()
            for y, piece in page:
                self._paint_piece(y, piece)
            self._paint_footer(contents, f"Page {number} of {len(self._pages.pages)}")

    # ---- layout ----------------------------------------------------------------------------

    def _add_section(self, section: Section) -> None:
        followed = bool(section.table or section.figures or section.remarks)
        self._pages.add(self._text_piece(_heading_html(section), with_next=followed))
        if section.table:
            self._add_table(section.table)
        for first in range(0, len(section.figures), _FIGURES_PER_ROW):
            self._pages.add(self._figures_piece(section.figures[first : first + _FIGURES_PER_ROW]))
        for remark in section.remarks:
            self._pages.add(self._text_piece(f'<p class="small">{escape(remark)}</p>'))

    def _add_table(self, table: Table) -> None:
        """A table that is short stays in one piece; a long one goes on under its heading."""
        widths = self._column_widths(table)
        while table.rows:
            count = self._count_rows_that_fit(table, widths, self._pages.room)
            short = count < len(table.rows) <= _SHORT_ROWS
            if (short or count < min(_MIN_ROWS, len(table.rows))) and not self._pages.at_top:
                self._pages.break_page()
                count = self._count_rows_that_fit(table, widths, self._pages.room)
            count = max(count, 1)
            self._pages.add(self._rows_piece(table, widths, count))
            table = replace(table, rows=table.rows[count:])
            if table.rows:
                self._pages.break_page()

    def _count_rows_that_fit(self, table: Table, widths: Sequence[float], room: float) -> int:
        """The number of a table's rows that fit under its heading."""
        most = min(len(table.rows), max(0, int(room / self._plain.height())))
        return bisect_right(
            range(1, most + 1), room, key=lambda n: self._rows_piece(table, widths, n).height
        )

    def _rows_piece(self, table: Table, widths: Sequence[float], count: int) -> Piece:
        return self._text_piece(_table_html(table, widths, count))

    def _column_widths(self, table: Table) -> list[float]:
        """Widths of columns in percent: numbers are never broken, words take what is left."""
        least, more = [], []
        beside = 2 * (_PADDING + 1) * _DPI / _CSS_DPI
        for column, *cells in zip(table.columns, *table.rows, strict=True):
            heading = max(map(self._bold.horizontalAdvance, column.heading.split()))
            whole = max([heading, *map(self._plain.horizontalAdvance, cells)])
            words = [word for cell in cells for word in cell.split()]
            longest = max(map(self._plain.horizontalAdvance, words), default=0.0)
            narrow = whole if column.numeric else max(heading, min(longest, self._width / 5))
            least.append(narrow + beside)
            more.append(whole - narrow)
        spare = max(0.0, self._width - sum(least))
        given = min(1.0, spare / sum(more)) if sum(more) else 0.0
        rest = (spare - given * sum(more)) / len(least)
        widths = [n + given * m + rest for n, m in zip(least, more, strict=True)]
        return [100 * width / sum(widths) for width in widths]

    def _text_piece(self, html: str, *, with_next: bool = False) -> Piece:
        document = self._make_document(html, self._width)
        height = document.size().height()
        return Piece(height, ((QRectF(0, 0, self._width, height), document),), with_next)

    def _figures_piece(self, figures: Sequence[Figure]) -> Piece:
        width = (self._width - (_FIGURES_PER_ROW - 1) * self._gap) / _FIGURES_PER_ROW
        sizes = [QSizeF(*figure.size) for figure in figures]
        fit = Qt.AspectRatioMode.KeepAspectRatio
        sizes = [size.scaled(width, _mm_to_pixels(_FIGURE_MM), fit) for size in sizes]
        below = max(size.height() for size in sizes) + self._gap / 3
        parts: list[tuple[QRectF, QTextDocument | QImage]] = []
        height = 0.0
        for column, (figure, size) in enumerate(zip(figures, sizes, strict=True)):
            x = column * (width + self._gap)
            parts.append((QRectF(QPointF(x, 0), size), QImage.fromData(figure.jpeg)))
            caption = self._make_document(f'<p class="small">{escape(figure.caption)}</p>', width)
            parts.append((QRectF(QPointF(x, below), caption.size()), caption))
            height = max(height, below + caption.size().height())
        return Piece(height, tuple(parts))

    def _make_document(self, html: str, width: float) -> QTextDocument:
        document = QTextDocument()
        document.documentLayout().setPaintDevice(self._writer)
        document.setDefaultFont(self._font)
        document.setDefaultStyleSheet(_STYLE)
        document.setDocumentMargin(0)
        document.setHtml(html)
        document.setTextWidth(width)
        return document

    # ---- painting --------------------------------------------------------------------------

    def _paint_piece(self, y: float, piece: Piece) -> None:
        self._painter.save()
        self._painter.translate(0, y)
        if piece.height > self._pages.height:  # one row, or a name, that fills more than a page
            shrunk = self._pages.height / piece.height
            self._painter.scale(shrunk, shrunk)
        for rect, part in piece.parts:
            if isinstance(part, QImage):
                self._painter.drawImage(rect, part)
                continue
            self._painter.save()
            self._painter.translate(rect.topLeft())
            ink = QAbstractTextDocumentLayout.PaintContext()
            ink.palette.setColor(QPalette.ColorRole.Text, QColor("black"))  # in any theme
            part.documentLayout().draw(self._painter, ink)
            self._painter.restore()
        self._painter.restore()

    def _paint_footer(self, contents: Contents, number: str) -> None:
        font = QFont(self._font)
        font.setPointSizeF(_SMALL_POINTS)
        self._painter.setFont(font)
        self._painter.setPen(QColor("#444444"))
        foot = QRectF(0, 0, self._width, self._writer.height())
        bottom, side = Qt.AlignmentFlag.AlignBottom, Qt.AlignmentFlag
        metrics = self._painter.fontMetrics()
        room = self._width - metrics.horizontalAdvance(f"   {contents.disclaimer} {number}")
        title = metrics.elidedText(contents.title, Qt.TextElideMode.ElideMiddle, int(room))
        self._painter.drawText(foot, bottom | side.AlignLeft, f"{title}   {contents.disclaimer}")
        self._painter.drawText(foot, bottom | side.AlignRight, number)


def _mm_to_pixels(mm: float) -> float:
    return mm / 25.4 * _DPI


# ---- as much HTML as Qt knows --------------------------------------------------------------


def _facts_html(contents: Contents) -> str:
    rows = (
        f'<tr><td class="fact" width="24%">{escape(name)}</td><td>{escape(value)}</td></tr>'
        for name, value in contents.facts
    )
    return f'<table width="100%" cellspacing="0">{"".join(rows)}</table>'


def _heading_html(section: Section) -> str:
    paragraphs = "".join(f"<p>{escape(text)}</p>" for text in section.paragraphs)
    keys = " &nbsp; ".join(map(_key_html, section.keys))
    return f"<h2>{escape(section.heading)}</h2>{paragraphs}" + (f"<p>{keys}</p>" if keys else "")


def _key_html(key: Key) -> str:
    color = QColor(*key.color).name()
    swatch = f'<span style="background-color: {color}">&nbsp;&nbsp;&nbsp;&nbsp;</span>'
    return f"{swatch} {escape(key.name)}: {escape(key.drawn)}"


def _table_html(table: Table, widths: Sequence[float], count: int) -> str:
    """The heading and the first rows; columns are as wide whatever the rows."""
    sides = ["right" if column.numeric else "left" for column in table.columns]
    heading = "".join(
        f'<th align="{side}" width="{width:.2f}%">{escape(column.heading)}</th>'
        for column, side, width in zip(table.columns, sides, widths, strict=True)
    )
    rows = (
        "".join(f'<td align="{s}">{escape(cell)}</td>' for cell, s in zip(row, sides, strict=True))
        for row in table.rows[:count]
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table width="100%" cellspacing="0"><tr>{heading}</tr>{body}</table>'
