"""Outlines of labels along the edges of their voxels, as lines that any zoom can draw."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QPainterPath

from liverview.core.labels import Label, label_mask

Lines = tuple[NDArray[np.float64], NDArray[np.float64]]
_Places: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]
_Values: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class Borders:
    """Edges between unlike values of a block (rows, columns): found once, for all labels."""

    def __init__(self, block: NDArray[np.uint8]) -> None:
        rows, columns = block.shape
        padded = np.zeros((rows + 2, columns + 2), np.uint8)
        padded[1:-1, 1:-1] = block
        below, above = padded[:-1, 1:-1], padded[1:, 1:-1]
        self._across = _nonzero_places(below != above)
        self._across_values = below[self._across], above[self._across]
        left, right = padded[1:-1, :-1], padded[1:-1, 1:]
        row, column = _nonzero_places(left != right)
        order = np.argsort(column.astype(np.uint16), kind="stable")
        row, column = row[order], column[order]
        self._up = column, row
        self._up_values = left[row, column], right[row, column]

    def lines(self, label: Label) -> Lines:
        """The outline of a label: x and y of the ends of straight lines, in pairs.

        Coordinates are of voxel corners: voxel (r, c) reaches from (c, r) to (c + 1, r + 1).
        """
        y, x0, x1 = _find_runs(*self._edges_of(label, self._across, self._across_values))
        x, y0, y1 = _find_runs(*self._edges_of(label, self._up, self._up_values))
        return (
            np.concatenate([np.stack([x0, x1], axis=1).ravel(), np.repeat(x, 2)]).astype(float),
            np.concatenate([np.repeat(y, 2), np.stack([y0, y1], axis=1).ravel()]).astype(float),
        )

    def path(
        self, label: Label, origin: tuple[float, float], steps: tuple[float, float]
    ) -> QPainterPath:
        """The lines in a view's mm; ``origin`` is the corner of the first voxel (x, y)."""
        x, y = self.lines(label)
        path: QPainterPath = pg.arrayToQPath(
            origin[0] + x * steps[0], origin[1] + y * steps[1], connect="pairs", finiteCheck=False
        )
        return path

    def _edges_of(self, label: Label, places: _Places, values: _Values) -> _Places:
        first, second = values
        edge = label_mask(first, label) != label_mask(second, label)
        return places[0][edge], places[1][edge]


def _nonzero_places(edge: NDArray[np.bool_]) -> _Places:
    """As `np.nonzero`, several times faster where there is little to find."""
    row, column = np.divmod(np.flatnonzero(edge), edge.shape[1])
    return row, column


def _find_runs(line: NDArray[np.intp], place: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
    """Runs of places on a line: the line, the first place, the one after the last."""
    ends = (np.diff(line) != 0) | (np.diff(place) != 1)
    first = np.append(True, ends)[: len(line)]
    last = np.append(ends, True)[: len(line)]
    return line[first], place[first], place[last] + 1
