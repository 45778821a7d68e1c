"""Vessels of the liver as two trees, portal vein and hepatic veins, from a label map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.checks import require_labels, require_volume
from liverview.core.grid import Voxel, check_same_grid
from liverview.core.labels import Label
from liverview.core.stream import Progress, ProgressCallback, result_of
from liverview.core.volume import LabelMap, Volume
from liverview.vasculature.assembly import assemble_graph
from liverview.vasculature.beliefs import networks, propagate, relation_scores
from liverview.vasculature.centerlines import Chain, find_chains
from liverview.vasculature.evidence import find_evidence
from liverview.vasculature.graph import VesselGraph, VesselTree
from liverview.vasculature.partition import (
    Trees,
    divide,
    keep_seeds,
    leads_along,
    pull_by_hu,
    pulled,
)
from liverview.vasculature.pieces import Piece, cut_pieces, find_crossings, is_inner
from liverview.vasculature.relations import find_relations
from liverview.vasculature.roots import RootPlace, find_beginnings
from liverview.vasculature.seeds import choose_roots, refuse_seeds
from liverview.vasculature.territories import Territories, find_territories, with_radii
from liverview.vasculature.voxel_graph import Lengths, Numbers, VoxelGraph, build_voxel_graph

_PHASE = "Dividing vessels"
_LEAST_VOXELS = 10
_MENTIONED = 0.02  # share of the vessels that is undecided, from which it is said


@dataclass(frozen=True, eq=False, repr=False)
class VesselTrees:
    """The vessels of a liver in two trees.

    Attributes
    ----------
    labels : a map of 0, 4 (portal vein), 5 (hepatic veins) and 2 (vessel of neither for sure),
        on the grid of the label map that it was made of.
    graph : the branches of both.
    warnings : what a person should know of how sure this is, one sentence each.

    Examples
    --------
    >>> import liverview as lv
    >>> trees = lv.split_vessels(lv.read_labels("labels.nii.gz"), lv.read("ct.nii.gz"))
    >>> trees
    VesselTrees portal vein ... mL, ... mm, hepatic veins ... mL, ... mm, undecided ... mL
    """

    labels: LabelMap
    graph: VesselGraph
    warnings: tuple[str, ...]

    def volume_ml(self, tree: VesselTree) -> float:
        """The volume of a tree."""
        return float(np.count_nonzero(self.labels.voxels == tree)) * self.labels.voxel_ml

    def __repr__(self) -> str:
        told = [
            f"{tree.words} {self.volume_ml(tree):.1f} mL, {self.graph.length_mm(tree):.0f} mm"
            for tree in (VesselTree.PORTAL, VesselTree.HEPATIC)
        ]
        undecided = f"undecided {self.volume_ml(VesselTree.UNDECIDED):.1f} mL"
        return f"VesselTrees {', '.join([*told, undecided])}"


def split_vessels(
    labels: LabelMap,
    scan: Volume | None = None,
    *,
    portal: Voxel | None = None,
    hepatic: Voxel | None = None,
    progress: ProgressCallback | None = None,
) -> VesselTrees:
    """Tell the portal vein from the hepatic veins among the vessels of a label map.

    Both trees are followed from where they begin, at the hilum and at the vena cava; where
    vessels touch, those that lead on straight and equally thick stay together. Where the trees
    begin is found by the shape of the liver, unless a person says it.

    Parameters
    ----------
    labels : with the liver and its vessels.
    scan : on the same voxels; its HU help where the trees differ in them.
    portal, hepatic : a voxel (i, j, k), RAS+, at which the tree begins.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    GridMismatchError : where scan and labels do not lie on the same voxels.
    VesselSeedError : where there is no vessel near a voxel that was given.

    Examples
    --------
    >>> import liverview as lv
    >>> trees = lv.split_vessels(lv.read_labels("labels.nii.gz"))
    >>> {int(value) for value in trees.labels.voxels.ravel()} <= {0, 2, 4, 5}
    True
    """
    work = iter_split_vessels(labels, scan, portal=portal, hepatic=hepatic)
    return result_of(work, VesselTrees, progress)


def iter_split_vessels(
    labels: LabelMap,
    scan: Volume | None = None,
    *,
    portal: Voxel | None = None,
    hepatic: Voxel | None = None,
) -> Iterator[Progress | VesselTrees]:
    """Divide vessels as `split_vessels` does; yields progress, then the `VesselTrees`.

    Examples
    --------
    >>> import liverview as lv
    >>> *_, trees = lv.iter_split_vessels(lv.read_labels("labels.nii.gz"))
    >>> isinstance(trees, lv.VesselTrees)
    True
    """
    require_labels(labels)
    if scan is not None:
        require_volume(scan)
        check_same_grid(labels, scan)
    yield Progress(_PHASE, 0.0)
    vessel = labels.voxels == Label.VESSEL
    box = Box.around(vessel)
    if box is None:
        refuse_seeds(labels, portal, hepatic)
        yield _nothing(labels)
        return
    cropped = vessel[box]
    affine = labels.affine.copy()
    affine[:3, 3] = labels.grid.voxel_to_world(box.start)
    graph = build_voxel_graph(cropped, affine)
    yield Progress(_PHASE, 0.25)
    chains = find_chains(graph)
    yield Progress(_PHASE, 0.5)
    territories = find_territories(graph, chains)
    chains = with_radii(chains, territories)
    yield Progress(_PHASE, 0.75)
    pieces = cut_pieces(chains)
    roots, warnings = choose_roots(labels, chains, pieces, portal, hepatic)
    stands = find_crossings(chains)
    relations = find_relations(chains, pieces, stands, _components(chains, pieces, stands))
    of_evidence, of_relations = networks()
    pairs = relation_scores(relations, of_relations(relations.features))
    places = (np.array(root.place) for root in roots)
    scores = of_evidence(find_evidence(chains, pieces, *places))[..., 0]
    scores = keep_seeds(scores, roots)
    beliefs = propagate(scores, relations, pairs)
    of_voxel = _piece_of_voxel(chains, pieces, territories)
    if scan is not None and scan.in_hu:
        hu = _hu_of_pieces(graph, scan, box, of_voxel, len(pieces))
        scores = pulled(scores, pull_by_hu(pieces, divide(beliefs), hu))
        beliefs = propagate(scores, relations, pairs)
    trees = _decide_inner(chains, pieces, stands, divide(beliefs))
    made = np.zeros(labels.shape, np.uint8, order="F")
    made[box][tuple(graph.voxels.T)] = trees[of_voxel]
    volumes = np.split(
        territories.volume_ml, np.cumsum([len(chain.places) for chain in chains])[:-1]
    )
    begins = _beginnings(roots, chains, pieces, trees, leads_along(beliefs))
    assembled = assemble_graph(chains, pieces, trees, stands, volumes, begins)
    warnings += _undecided_warning(trees[of_voxel], graph.voxel_ml)
    yield VesselTrees(_map_of(labels, made, warnings), assembled, tuple(warnings))


def _map_of(labels: LabelMap, voxels: NDArray[np.uint8], warnings: Sequence[str]) -> LabelMap:
    return LabelMap(
        voxels, labels.affine, labels.name, labels.source, tuple(warnings), partial=labels.partial
    )


def _nothing(labels: LabelMap) -> VesselTrees:
    warnings = ("There are no vessels in these labels: nothing was divided.",)
    empty = np.zeros(labels.shape, np.uint8, order="F")
    return VesselTrees(_map_of(labels, empty, warnings), VesselGraph((), ()), warnings)


def _components(
    chains: Sequence[Chain], pieces: Sequence[Piece], stands: Mapping[int, int]
) -> Numbers:
    """By piece, the number of what hangs together along chains and crossings."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    numbers = {node: n for n, node in enumerate(sorted(stands))}
    pairs = [(numbers[a], numbers[b]) for chain in chains for a, b in [chain.nodes]]
    pairs += [(numbers[node], numbers[other]) for node, other in stands.items()]
    rows, columns = np.array(pairs).T
    shape = (len(numbers), len(numbers))
    _, component = connected_components(
        coo_array((np.ones(len(rows)), (rows, columns)), shape=shape), directed=False
    )
    return np.array([component[numbers[chains[p.chain].nodes[0]]] for p in pieces], np.intp)


def _beginnings(
    roots: tuple[RootPlace, RootPlace],
    chains: Sequence[Chain],
    pieces: Sequence[Piece],
    trees: Trees,
    along: NDArray[np.bool_],
) -> frozenset[int]:
    both = zip(roots, (VesselTree.PORTAL, VesselTree.HEPATIC), strict=True)
    found = [find_beginnings(root, chains, pieces, trees == tree, along) for root, tree in both]
    return found[0] | found[1]


def _piece_of_voxel(
    chains: Sequence[Chain], pieces: Sequence[Piece], territories: Territories
) -> Numbers:
    begin = np.cumsum([0, *(len(chain.places) for chain in chains)])
    of_point = np.zeros(begin[-1], np.intp)
    for n, piece in enumerate(pieces):
        of_point[begin[piece.chain] + piece.first : begin[piece.chain] + piece.last + 1] = n
    found: Numbers = of_point[territories.point]
    return found


def _hu_of_pieces(
    graph: VoxelGraph, scan: Volume, box: Box, of_voxel: Numbers, count: int
) -> Lengths:
    """The median HU of each piece's voxels away from the wall; NaN where there are few."""
    inner = np.flatnonzero(graph.depth_mm > min(scan.spacing))
    hu = scan.voxels[box][tuple(graph.voxels[inner].T)].astype(np.float64)
    owner = of_voxel[inner]
    order = np.argsort(owner, kind="stable")
    cuts = np.searchsorted(owner[order], np.arange(1, count))
    found = np.full(count, np.nan)
    for n, values in enumerate(np.split(hu[order], cuts)):
        if len(values) >= _LEAST_VOXELS:
            found[n] = np.median(values)
    return found


def _decide_inner(
    chains: Sequence[Chain], pieces: Sequence[Piece], stands: Mapping[int, int], trees: Trees
) -> Trees:
    """The trees with those of chains inside of crossings: that of the thickest arm there."""
    thickest: dict[int, tuple[float, int]] = {}
    for n, piece in enumerate(pieces):
        chain = chains[piece.chain]
        if not is_inner(chain, stands):
            for node in chain.nodes:
                stand = stands[node]
                thickest[stand] = max(thickest.get(stand, (0.0, 0)), (piece.radius_mm, n))
    decided = trees.copy()
    for n, piece in enumerate(pieces):
        chain = chains[piece.chain]
        if is_inner(chain, stands) and stands[chain.nodes[0]] in thickest:
            decided[n] = trees[thickest[stands[chain.nodes[0]]][1]]
    return decided


def _undecided_warning(of_voxel: Trees, voxel_ml: float) -> list[str]:
    count = int(np.count_nonzero(of_voxel == VesselTree.UNDECIDED))
    if count <= _MENTIONED * len(of_voxel):
        return []
    return [
        f"Of the vessels, {count * voxel_ml:.1f} mL belong to neither tree for sure: they keep "
        "the value of vessels."
    ]
