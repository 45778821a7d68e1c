"""Where the two trees begin: at the hilum, and where the hepatic veins meet the vena cava.

Both places are where thick vessels reach the surface of the liver. The portal vein enters on the
under side, half-way up; the hepatic veins leave near the top, at the back. Where they are expected
is measured in the liver's own box, so that nothing depends on its size: middles and spreads are
those of 139 real livers, by where their Couinaud segments meet, made a little wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Affine
from liverview.vasculature.centerlines import Chain
from liverview.vasculature.pieces import Piece
from liverview.vasculature.relations import loose_ends
from liverview.vasculature.voxel_graph import Lengths, Mask, Places

_COARSE_MM = 3.0
_SURFACE_MM = 12.0  # how deep the middle of a vessel that leaves lies
_END = 1.3  # how much more a vessel that ends is like one that leaves
_TOGETHER_MM = 15.0  # within which the middle of likely places is taken
_APART_MM = 15.0  # between the roots of both trees
_BEGINS_MM = 40.0  # of a root, within which further vessels of its tree begin
_LEAST_RADIUS_MM = 1.5
_EXPECTED = (  # portal vein, hepatic veins: middle and spread, each axis 0..1 in RAS+
    ((0.52, 0.60, 0.53), (0.09, 0.14, 0.10)),
    ((0.43, 0.54, 0.86), (0.09, 0.11, 0.10)),
)
_UNSURE = 0.05  # likelihood of the place, below which it is said to be unsure


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
    scores = [weight * one for one in likely]
    found = list(given)
    # The surer one first: the other one is somewhere else.
    for tree in sorted(range(2), key=lambda n: -float(scores[n].max())):
        if found[tree] is not None:
            continue
        other = found[1 - tree]
        score = scores[tree]
        if other is not None:
            score = np.where(np.linalg.norm(places - other.place, axis=1) < _APART_MM, 0, score)
        found[tree] = _best(score, likely[tree], places, low + _EXPECTED[tree][0] * (high - low))
    portal, hepatic = found
    assert portal is not None
    assert hepatic is not None
    return portal, hepatic


def _best(score: Lengths, likely: Lengths, places: Places, expected: Lengths) -> RootPlace:
    at = int(np.argmax(score))
    if score[at] <= 1e-4:
        x, y, z = (float(mm) for mm in expected)
        return RootPlace((x, y, z), 0.0)
    near = np.linalg.norm(places - places[at], axis=1) < _TOGETHER_MM
    share = score * near
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
    for n, at_last, place, _ in loose_ends(chains, pieces):
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
    for n, at_last, *_ in loose_ends(chains, pieces):
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
