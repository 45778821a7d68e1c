"""Pages of a document: what goes on which, so that nothing is broken badly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QTextDocument


@dataclass(frozen=True, eq=False)
class Piece:
    """What is not broken across pages, in pixels of the paper.

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
        self._held: list[Piece] = []  # wait for what they go with
        self._y = 0.0

    @property
    def room(self) -> float:
        """The height that is left for the next piece."""
        return self.height - self._y - self._needed(self._held)

    @property
    def at_top(self) -> bool:
        return not self.pages[-1]

    def put(self, piece: Piece) -> None:
        self._held.append(piece)
        if not piece.with_next:
            self.finish()

    def finish(self) -> None:
        """Put down what waits for more."""
        if self._y + self._needed(self._held) > self.height + self._gap:
            self.turn()
        for piece in self._held:
            self.pages[-1].append((self._y, piece))
            self._y += piece.height + self._gap
        self._held = []

    def turn(self) -> None:
        """Go on on a new page."""
        if not self.at_top:
            self.pages.append([])
            self._y = 0.0

    def _needed(self, pieces: Sequence[Piece]) -> float:
        return sum(piece.height + self._gap for piece in pieces)
