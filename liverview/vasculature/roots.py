"""Where the two trees begin: at the hilum, and where the hepatic veins meet the vena cava.

Both places are where thick vessels reach the surface of the liver. The portal vein enters on the
under side, half-way up; the hepatic veins leave near the top, at the back. Where they are expected
is measured in the liver's own box, so that nothing depends on its size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Affine
from liverview.vasculature.centerlines import Chain
from liverview.vasculature.pieces import Piece
from liverview.vasculature.voxel_graph import Lengths, Mask, Places

_COARSE_MM = 3.0
_SURFACE_MM = 10.0  # how deep the middle of a vessel that leaves lies
_END = 1.3  # how much more a vessel that ends is like one that leaves
_TRUNK_MM = 12.0  # around a root, where thick vessels are of its trunk
_TRUNK_SHARE = 0.6  # of its radius
_LEAST_RADIUS_MM = 2.0
_EXPECTED = {  # middle and spread in the box of the liver, each axis 0..1 in RAS+
    "portal": ((0.48, 0.55, 0.50), (0.16, 0.30, 0.14)),
    "hepatic": ((0.40, 0.50, 0.90), (0.15, 0.20, 0.13)),
}
_TOGETHER_MM = 40.0  # within which veins of one root meet the vena cava
_NO_ROOT = 0.15  # likelihood of the place below which nothing begins there,
_UNSURE = 0.4  # and below which it is said to be unsure


@dataclass(frozen=True)
class FoundRoots:
    """The pieces at which a tree begins, surest first, and the places of these.

    Attributes
    ----------
    pieces : their numbers.
    places : world mm.
    likelihood : 0..1, how much the first place is like those of the tree's roots.
    """

    pieces: tuple[int, ...]
    places: tuple[tuple[float, float, float], ...]
    likelihood: float

    @property
    def is_sure(self) -> bool:
        return self.likelihood >= _UNSURE


NO_ROOTS = FoundRoots((), (), 0.0)


def seeded_root(
    place: Lengths, chains: Sequence[Chain], pieces: Sequence[Piece]
) -> tuple[FoundRoots, float]:
    """The root at the piece nearest to a place a person gave, and how far that is, mm."""
    away = [
        float(np.linalg.norm(chains[p.chain].places[p.first : p.last + 1] - place, axis=1).min())
        for p in pieces
    ]
    nearest = int(np.argmin(away))
    x, y, z = (float(mm) for mm in place)
    return FoundRoots((nearest,), ((x, y, z),), 1.0), away[nearest]


def find_roots(
    organ: Mask,
    affine: Affine,
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    taken: frozenset[int] = frozenset(),
) -> tuple[FoundRoots, FoundRoots]:
    """The roots of portal vein and hepatic veins, `NO_ROOTS` where nothing thick is near.

    Parameters
    ----------
    organ : (I, J, K), the liver with its vessels and tumors.
    taken : pieces that can be no root any more.
    """
    box = Box.around(organ)
    if box is None or not pieces:
        return NO_ROOTS, NO_ROOTS
    places, radii, owner, ends = _candidates(chains, pieces)
    depth = _depths(organ, affine, box, places)
    usable = (radii >= _LEAST_RADIUS_MM) & ~np.isin(owner, list(taken))
    weight = radii**2 * np.where(ends, _END, 1.0) * np.exp(-depth / _SURFACE_MM) * usable
    where = _in_box(organ, affine, box, places)
    found = {name: weight * _likelihood(where, name) for name in _EXPECTED}
    first = {name: _best(found[name], places, owner, where, name) for name in _EXPECTED}
    if first["portal"].pieces == first["hepatic"].pieces:  # the other one takes what is left
        loses = min(_EXPECTED, key=lambda name: float(found[name].max()))
        again = np.where(np.isin(owner, first[loses].pieces), 0.0, found[loses])
        first[loses] = _best(again, places, owner, where, loses)
    portal = _with_neighbors(
        first["portal"],
        found["portal"] - found["hepatic"],
        places,
        owner,
        radii,
        ends,
        first["hepatic"],
    )
    hepatic = _with_neighbors(
        first["hepatic"],
        found["hepatic"] - found["portal"],
        places,
        owner,
        radii,
        ends,
        first["portal"],
    )
    return portal, hepatic


def _candidates(
    chains: Sequence[Chain], pieces: Sequence[Piece]
) -> tuple[Places, Lengths, NDArray[np.intp], NDArray[np.bool_]]:
    """All points of the chains: places, radii, pieces, and whether a chain ends there."""
    from liverview.vasculature.centerlines import arms_of

    arms = arms_of(chains)
    places, radii, owner, ends = [], [], [], []
    for n, piece in enumerate(pieces):
        chain = chains[piece.chain]
        some = slice(piece.first, piece.last + 1)
        count = piece.last + 1 - piece.first
        places.append(chain.places[some])
        radii.append(np.full(count, piece.radius_mm))
        owner.append(np.full(count, n))
        is_end = np.zeros(count, bool)
        is_end[0] = piece.first == 0 and len(arms[chain.nodes[0]]) == 1
        is_end[-1] |= piece.last == len(chain.places) - 1 and len(arms[chain.nodes[1]]) == 1
        ends.append(is_end)
    return (
        np.concatenate(places),
        np.concatenate(radii),
        np.concatenate(owner),
        np.concatenate(ends),
    )


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


def _in_box(organ: Mask, affine: Affine, box: Box, places: Places) -> Places:
    """Places in the box of the liver along the patient's axes, 0..1 from left, back and feet."""
    corners = np.array(np.meshgrid(*[(s.start - 0.5, s.stop - 0.5) for s in box])).reshape(3, -1).T
    world = corners @ affine[:3, :3].T + affine[:3, 3]
    low, high = world.min(axis=0), world.max(axis=0)
    share: Places = (places - low) / (high - low)
    return share


def _likelihood(where: Places, name: str) -> Lengths:
    middle, spread = (np.array(values) for values in _EXPECTED[name])
    likely: Lengths = np.exp(-(((where - middle) / spread) ** 2).sum(axis=1) / 2)
    return likely


def _best(
    score: Lengths, places: Places, owner: NDArray[np.intp], where: Places, name: str
) -> FoundRoots:
    at = int(np.argmax(score))
    if score[at] <= 1e-4:
        return NO_ROOTS
    x, y, z = (float(mm) for mm in places[at])
    likely = float(_likelihood(where[[at]], name)[0])
    if likely < _NO_ROOT:
        return NO_ROOTS
    return FoundRoots((int(owner[at]),), ((x, y, z),), likely)


def _with_neighbors(
    root: FoundRoots,
    advantage: Lengths,
    places: Places,
    owner: NDArray[np.intp],
    radii: Lengths,
    ends: NDArray[np.bool_],
    other: FoundRoots,
) -> FoundRoots:
    """With further vessels that end near the root, where the other tree's root is farther."""
    if not root.pieces:
        return root
    away = np.linalg.norm(places - root.places[0], axis=1)
    at = int(np.argmin(away))
    near = ends & (away < _TOGETHER_MM) & (radii >= _LEAST_RADIUS_MM)
    near |= (away < _TRUNK_MM) & (radii >= _TRUNK_SHARE * radii[at])
    near &= advantage > 0
    if other.pieces:
        near &= np.linalg.norm(places - other.places[0], axis=1) > away
    more = [
        n
        for n in np.flatnonzero(near)[np.argsort(away[near], kind="stable")].tolist()
        if int(owner[n]) not in root.pieces
    ]
    pieces, spots = list(root.pieces), list(root.places)
    for n in more:
        if int(owner[n]) not in pieces:
            x, y, z = (float(mm) for mm in places[n])
            pieces.append(int(owner[n]))
            spots.append((x, y, z))
    return FoundRoots(tuple(pieces), tuple(spots), root.likelihood)


_UPHILL_MM = 40.0  # how far from where a root was found its trunk may lead on
_THINNER = 0.9


def led_uphill(
    root: FoundRoots, pieces: Sequence[Piece], beside: Mapping[int, Sequence[int]]
) -> FoundRoots:
    """A root with what leads from it to the thickest part of its trunk: that begins there, too."""
    found = list(root.pieces)
    for n in found:  # which grows
        for other in beside.get(n, ()):
            away = min(
                float(np.linalg.norm(pieces[other].middle - np.array(place)))
                for place in root.places
            )
            grows = pieces[other].radius_mm >= _THINNER * pieces[n].radius_mm
            if other not in found and grows and away < _UPHILL_MM:
                found.append(other)
    return replace(root, pieces=tuple(found))
