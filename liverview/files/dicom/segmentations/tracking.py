"""Tracking UIDs: by which follow-up knows a lesion again, the same wherever it is written."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

_CELL_MM = 5.0
_DIGITS = 3  # that two ways to compute a centroid agree in: it may lie on a cell's edge

Point = tuple[float, float, float]


def lesion_tracking_uids(series_uid: str, centroids: Sequence[Point]) -> tuple[str, ...]:
    """A UID for each lesion of a series.

    What identifies a lesion is where it is, not its number, which changes with its neighbors: the
    UID is that of the cell of a lattice of 5 mm in which its centroid lies, and of its place among
    those in this cell. The same labels give the same UIDs, and so does a lesion that is written
    again after others were added, removed or ruled out. One whose centroid an edit moves across
    the edge of a cell becomes another one. Nothing of the patient can be read from a UID.

    Parameters
    ----------
    series_uid : of the scan.
    centroids : world mm, RAS+, (x, y, z) each.
    """
    order = sorted(range(len(centroids)), key=lambda index: centroids[index])
    found: dict[int, str] = {}
    taken: dict[tuple[int, ...], int] = {}
    for index in order:
        cell = tuple(round(round(value, _DIGITS) / _CELL_MM) for value in centroids[index])
        taken[cell] = taken.get(cell, 0) + 1
        place = " ".join(str(value) for value in (*cell, taken[cell]))
        name = uuid.uuid5(uuid.NAMESPACE_OID, f"{series_uid} lesion {place}")
        found[index] = f"2.25.{name.int}"
    return tuple(found[index] for index in range(len(centroids)))
