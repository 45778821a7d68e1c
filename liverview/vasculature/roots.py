"""Where the two trees begin: at the hilum, and where the hepatic veins meet the vena cava.

Both places are where thick vessels reach the surface of the liver. The portal vein enters on the
under side, half-way up; the hepatic veins leave near the top, at the back. Where they are expected
is measured in the liver's own box, so that nothing depends on its size: middles and spreads
began as those of 139 real livers, by where their Couinaud segments meet, and were widened, the
portal vein's moved forward, by hand until phantoms' roots were found more often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Affine
from liverview.vasculature.centerlines import Chain
from liverview.vasculature.pieces import Piece
from liverview.vasculature.relations import iter_loose_ends
from liverview.vasculature.voxel_graph import Lengths, Mask, Places

_COARSE_MM = 3.0
_SURFACE_MM = 12.0  # how deep the middle of a vessel that leaves lies
_END = 1.3  # how much more a vessel that ends is like one that leaves
_TOGETHER_MM = 15.0  # within which the middle of likely places is taken
_APART = ((-0.10, -0.10, 0.32), (0.12, 0.20, 0.14))
"""From the portal vein's root to that of the hepatic veins, likewise."""
_LEAST_SCORE = 1e-4
_APART_MM = 15.0  # between the roots of both trees, at least
_BEGINS_MM = 40.0  # of a root, within which further vessels of its tree begin
_LEAST_RADIUS_MM = 1.5
_EXPECTED = (  # portal vein, hepatic veins: middle and spread, each axis 0..1 in RAS+
    ((0.52, 0.70, 0.53), (0.10, 0.18, 0.12)),
    ((0.43, 0.54, 0.86), (0.09, 0.11, 0.10)),
)
_CHOICES = 12
_CLOSE = 50.0  # logits, against two roots at one place
_NO_ROOT = 0.03  # likelihood of the place, below which nothing begins there,
_UNSURE = 0.1  # and below which it is said to be unsure


@dataclass(frozen=True)
class RootPlace:
    """Where a tree begins.

    Attributes
    ----------
    place : world mm.
    likelihood : 0..1, how much the place is like those of the tree's roots; 0 where no vessel is.
    piece : the one that a person's seed lies in; None where it was searched.
    """

    place: tuple[float, float, float]
    likelihood: float
    piece: int | None = None

    @property
    def is_sure(self) -> bool:
        return self.likelihood >= _UNSURE


def seeded_root(
    place: Lengths, chains: Sequence[Chain], pieces: Sequence[Piece]
) -> tuple[RootPlace, float]:
    """The root at the piece nearest to a place a person gave, and how far that is, mm."""
    away = [
        float(np.linalg.norm(chains[p.chain].places[p.first : p.last + 1] - place, axis=1).min())
        for p in pieces
    ]
    nearest = int(np.argmin(away))
    x, y, z = (float(mm) for mm in place)
    return RootPlace((x, y, z), 1.0, nearest), away[nearest]


def find_roots(
    organ: Mask,
    affine: Affine,
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    given: tuple[RootPlace | None, RootPlace | None] = (None, None),
) -> tuple[RootPlace, RootPlace]:
    """The roots of portal vein and hepatic veins; without a vessel near, where they would be.

    Parameters
    ----------
    organ : (I, J, K), the liver with its vessels and tumors, at least one voxel.
    given : by a person, which are kept.
    """
    box = Box.around(organ)
    assert box is not None
    low, high = _corners(affine, box)
    places, radii, ends = _candidates(chains, pieces)
    where = (places - low) / (high - low)
    depth = _depths(organ, affine, box, places)
    weight = radii**2 * np.where(ends, _END, 1.0) * np.exp(-depth / _SURFACE_MM)
    weight = weight * (radii >= _LEAST_RADIUS_MM)
    likely = [_likelihood(where, *expected) for expected in _EXPECTED]
    scores = [weight * one * (one >= _NO_ROOT) for one in likely]
    expected = [low + middle * (high - low) for middle, _ in map(np.array, _EXPECTED)]
    choices = [
        [np.array(root.place)] if root else _choices(score, places) or [alone]
        for root, score, alone in zip(given, scores, expected, strict=True)
    ]
    at = _best_pair(choices, scores, places, high - low)
    portal, hepatic = (
        root or _middle_root(choices[tree][at[tree]], scores[tree], likely[tree], places)
        for tree, root in enumerate(given)
    )
    return portal, hepatic


def _choices(score: Lengths, places: Places) -> list[Lengths]:
    """The likeliest places, each away from the likelier ones."""
    left = score.copy()
    found: list[Lengths] = []
    while len(found) < _CHOICES and left.max() > _LEAST_SCORE:
        place = places[int(np.argmax(left))]
        found.append(place)
        left[np.linalg.norm(places - place, axis=1) < _APART_MM / 2] = 0
    return found


def _best_pair(
    choices: Sequence[Sequence[Lengths]],
    scores: Sequence[Lengths],
    places: Places,
    size: Lengths,
) -> tuple[int, int]:
    """The two choices, one of each tree, that are likely alone and by how they lie together."""
    best, most = (0, 0), -np.inf
    for at in product(range(len(choices[0])), range(len(choices[1]))):
        one, two = choices[0][at[0]], choices[1][at[1]]
        score = -((((two - one) / size - _APART[0]) / _APART[1]) ** 2).sum() / 2
        score -= _CLOSE * (np.linalg.norm(two - one) < _APART_MM)
        for values, place in zip(scores, (one, two), strict=True):
            nearest = int(np.argmin(np.linalg.norm(places - place, axis=1)))
            score += np.log(max(float(values[nearest]), _LEAST_SCORE))
        if score > most:
            best, most = at, score
    return best


def _middle_root(place: Lengths, score: Lengths, likely: Lengths, places: Places) -> RootPlace:
    """The middle of what is likely near a choice; unlikely where no vessel is."""
    away = np.linalg.norm(places - place, axis=1)
    share = score * (away < _TOGETHER_MM)
    at = int(np.argmin(away))
    if share.sum() <= _LEAST_SCORE:
        x, y, z = (float(mm) for mm in place)
        return RootPlace((x, y, z), 0.0)
    x, y, z = (float(mm) for mm in share @ places / share.sum())
    return RootPlace((x, y, z), float(likely[at]))


def find_beginnings(
    root: RootPlace,
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    of_tree: NDArray[np.bool_],
    along: NDArray[np.bool_],
) -> frozenset[int]:
    """The pieces at which a tree begins: that of a seed, and those that come from an end nearby.

    Parameters
    ----------
    of_tree : by piece, whether it is of the tree.
    along : by piece, whether the way from the root is that from its first point to its last.
    """
    if not of_tree.any():
        return frozenset()
    middles = np.array([piece.middle for piece in pieces])
    away = np.where(of_tree, np.linalg.norm(middles - root.place, axis=1), np.inf)
    found = {int(np.argmin(away)) if root.piece is None else root.piece}
    for n, at_last, place, _ in iter_loose_ends(chains, pieces):
        near = float(np.linalg.norm(place - root.place)) < _BEGINS_MM
        if near and of_tree[n] and bool(along[n]) != at_last:
            found.add(n)
    return frozenset(found)


def _candidates(
    chains: Sequence[Chain], pieces: Sequence[Piece]
) -> tuple[Places, Lengths, NDArray[np.bool_]]:
    """All points of the chains: places, radii, and whether a chain ends there."""
    spans = [chains[p.chain].places[p.first : p.last + 1] for p in pieces]
    counts = [len(span) for span in spans]
    begin = np.cumsum([0, *counts])
    ends = np.zeros(begin[-1], bool)
    for n, at_last, *_ in iter_loose_ends(chains, pieces):
        ends[begin[n + 1] - 1 if at_last else begin[n]] = True
    radii = np.repeat([p.radius_mm for p in pieces], counts)
    return np.concatenate(spans), radii, ends


def _depths(organ: Mask, affine: Affine, box: Box, places: Places) -> Lengths:
    """How deep below the organ's surface places lie, from voxels of a few mm."""
    from scipy import ndimage

    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    step = np.maximum(1, np.floor(_COARSE_MM / spacing)).astype(int)
    coarse = np.pad(organ[box][:: step[0], :: step[1], :: step[2]], 1)
    depth = ndimage.distance_transform_edt(coarse, sampling=spacing * step)
    inverse = np.linalg.inv(affine)
    voxels = places @ inverse[:3, :3].T + inverse[:3, 3]
    at = np.rint((voxels - box.start) / step).astype(int) + 1
    at = np.clip(at, 0, np.array(coarse.shape) - 1)
    found: Lengths = depth[tuple(at.T)]
    return found


def _corners(affine: Affine, box: Box) -> tuple[Lengths, Lengths]:
    """The corners of a box of voxels along the patient's axes, world mm, lowest and highest."""
    corners = np.array(np.meshgrid(*[(s.start - 0.5, s.stop - 0.5) for s in box])).reshape(3, -1).T
    world = corners @ affine[:3, :3].T + affine[:3, 3]
    return world.min(axis=0), world.max(axis=0)


def _likelihood(
    where: Places, middle: tuple[float, float, float], spread: tuple[float, float, float]
) -> Lengths:
    likely: Lengths = np.exp(-(((where - middle) / spread) ** 2).sum(axis=1) / 2)
    return likely
