"""FROC: the share of lesions that are found against false lesions per scan, at every certainty.

Lesions and false lesions of all scans are counted together; the band is that of scans drawn again
with replacement. Livers without tumors have no lesions to find: what they add to the false ones,
and how many of them have none, is counted on its own, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverview.evaluation.lesion_table import ScanCurve
from liverview.evaluation.scores import as_json

RATES = (0.5, 1.0, 2.0, 4.0)
"""False lesions per scan at which the share of lesions found is told."""
_RESAMPLES = 2_000
_BAND_POINTS = 200


@dataclass(frozen=True)
class FrocPoint:
    """What is found where candidates of a certainty or more are labeled.

    Attributes
    ----------
    certainty : the threshold.
    recall, recall_large : share of the lesions that are found; of those with the volume of a 10 mm
        sphere or more; NaN where there are none.
    false_per_scan : over all scans.
    false_per_healthy : over those without tumors; NaN where there are none.
    clear_share : of those without tumors, the share without a false lesion; NaN where there are
        none.
    """

    certainty: float
    recall: float
    recall_large: float
    false_per_scan: float
    false_per_healthy: float
    clear_share: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON and tables; None where there is no figure."""
        return {name: as_json(value, 4) for name, value in vars(self).items()}


class BandPoint(NamedTuple):
    """The 95 % interval of the share of large lesions found, at a rate of false lesions."""

    false_per_scan: float
    low: float
    high: float


@dataclass(frozen=True)
class Froc:
    """The curve over all scans.

    Attributes
    ----------
    points : the most certain first; before them, nothing is found and nothing is false.
    usual : the point of the threshold by which the scans were labeled.
    band : of large lesions; empty below two scans, or where there are no such lesions.
    scans, healthy : how many; of those, without a voxel of tumor.
    lesions, large : how many lesions; of those, large ones.
    """

    points: tuple[FrocPoint, ...]
    usual: FrocPoint
    band: tuple[BandPoint, ...]
    scans: int
    healthy: int
    lesions: int
    large: int

    def recall_at(self, rate: float, *, large: bool = True) -> float:
        """The largest share found with at most so many false lesions per scan."""
        shares = [
            point.recall_large if large else point.recall
            for point in self.points
            if point.false_per_scan <= rate
        ]
        none = 0.0 if (self.large if large else self.lesions) else math.nan
        return max([none, *shares])

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "scans": self.scans,
            "scans_without_tumors": self.healthy,
            "lesions": self.lesions,
            "lesions_large": self.large,
            "default": self.usual.to_dict(),
            "recall_at_false_per_scan": {
                f"{rate:g}": {
                    "recall": as_json(self.recall_at(rate, large=False), 4),
                    "recall_large": as_json(self.recall_at(rate), 4),
                }
                for rate in RATES
            },
            "points": [point.to_dict() for point in self.points],
            "band_95": [
                {name: as_json(value, 4) for name, value in point._asdict().items()}
                for point in self.band
            ],
        }


def pool_curves(curves: Sequence[ScanCurve], seed: int = 0) -> Froc:
    """The FROC over all scans; the same curves and seed give the same one.

    Raises
    ------
    ValueError : where there are no scans.
    """
    if not curves:
        raise ValueError("FROC needs a scan whose reference is a measure of tumors.")
    counts = _Counts.of(curves, sorted({s.certainty for c in curves for s in c.steps})[::-1])
    usual = _Counts.of(curves, [curves[0].least_certainty])
    return Froc(
        tuple(counts.points()),
        usual.points()[0],
        tuple(counts.band(seed)),
        scans=len(curves),
        healthy=int(counts.healthy.sum()),
        lesions=int(counts.lesions.sum()),
        large=int(counts.large.sum()),
    )


@dataclass(frozen=True, eq=False)
class _Counts:
    """Counts of every scan at every threshold.

    Attributes
    ----------
    certainties : (T,), falling.
    lesions, large, healthy : (scans,).
    found, found_large, false : (scans, T).
    """

    certainties: NDArray[np.float64]
    lesions: NDArray[np.int64]
    large: NDArray[np.int64]
    healthy: NDArray[np.bool_]
    found: NDArray[np.int64]
    found_large: NDArray[np.int64]
    false: NDArray[np.int64]

    @classmethod
    def of(cls, curves: Sequence[ScanCurve], certainties: Sequence[float]) -> _Counts:
        steps = [[curve.at(certainty) for certainty in certainties] for curve in curves]
        table = np.array(
            [[(s.found, s.found_large, s.false) for s in row] for row in steps], np.int64
        ).reshape(len(curves), len(certainties), 3)
        return cls(
            np.array(certainties, np.float64),
            np.array([curve.lesions for curve in curves]),
            np.array([curve.large for curve in curves]),
            np.array([curve.healthy for curve in curves]),
            *np.moveaxis(table, 2, 0),
        )

    def points(self) -> list[FrocPoint]:
        nan = np.full(len(self.certainties), np.nan)
        lesions, large, healthy = (n.sum() for n in (self.lesions, self.large, self.healthy))
        false = self.false[self.healthy]
        columns = (
            self.certainties,
            self.found.sum(axis=0) / lesions if lesions else nan,
            self.found_large.sum(axis=0) / large if large else nan,
            self.false.mean(axis=0),
            false.mean(axis=0) if healthy else nan,
            (false == 0).mean(axis=0) if healthy else nan,
        )
        return [FrocPoint(*map(float, row)) for row in zip(*columns, strict=True)]

    def band(self, seed: int) -> list[BandPoint]:
        """Bootstrap over scans: at each rate the share found with at most as many false ones."""
        scans = len(self.lesions)
        if scans < 2 or not self.large.any() or not len(self.certainties):
            return []
        draws = np.random.default_rng(seed).integers(0, scans, (_RESAMPLES, scans))
        times = np.stack([(draws == scan).sum(axis=1) for scan in range(scans)], axis=1)
        times = times[times @ self.large > 0]
        rates = times @ self.false / scans
        shares = times @ self.found_large / (times @ self.large)[:, None]
        asked = np.unique(self.false.mean(axis=0))
        asked = asked[:: math.ceil(len(asked) / _BAND_POINTS)]
        found = []
        for rate in asked:
            best = np.where(rates <= rate, shares, 0.0).max(axis=1)
            low, high = np.percentile(best, [2.5, 97.5], method="inverted_cdf")
            found.append(BandPoint(float(rate), float(low), float(high)))
        return found
