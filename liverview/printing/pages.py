"""Breaks a document into pages at places that read well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QTextDocument


@dataclass(frozen=True, eq=False)
class Piece:
    """A block of a document that is not broken across pages, in pixels of the paper.

    Attributes
    ----------
    parts : each with its place in the piece.
    with_next : does not end a page.
    """

    height: float
    parts: tuple[tuple[QRectF, QTextDocument | QImage], ...]
    with_next: bool = False


class Pages:
    """Puts pieces on pages, one below the other."""

    def __init__(self, height: float, gap: float) -> None:
        self.height, self._gap = height, gap
        self.pages: list[list[tuple[float, Piece]]] = [[]]
        self._waiting: list[Piece] = []  # for the piece that must be on their page
        self._y = 0.0

    @property
    def room(self) -> float:
        """The height that is left for the next piece."""
        return self.height - self._y - self._height_of(self._waiting)

    @property
    def at_top(self) -> bool:
        return not self.pages[-1]

    def add(self, piece: Piece) -> None:
        self._waiting.append(piece)
        if not piece.with_next:
            self.flush()

    def flush(self) -> None:
        """Place the pieces that wait for another one."""
        if self._y + self._height_of(self._waiting) > self.height + self._gap:
            self.break_page()
        for piece in self._waiting:
            self.pages[-1].append((self._y, piece))
            self._y += piece.height + self._gap
        self._waiting = []

    def break_page(self) -> None:
        """Continue on a new page."""
        if not self.at_top:
            self.pages.append([])
            self._y = 0.0

    def _height_of(self, pieces: Sequence[Piece]) -> float:
        return sum(piece.height + self._gap for piece in pieces)
