"""Vessels in two trees: drawn ones whose lengths, radii and trees are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import liverview as lv
from liverview.core.errors import LiverviewError
from liverview.vasculature.beliefs import propagate
from liverview.vasculature.centerlines import find_chains
from liverview.vasculature.evidence import STATES
from liverview.vasculature.relations import Relations
from liverview.vasculature.split import VesselTrees, split_vessels
from liverview.vasculature.territories import find_territories, with_radii
from liverview.vasculature.voxel_graph import build_voxel_graph

PORTAL, HEPATIC, UNDECIDED = (
    lv.VesselTree.PORTAL,
    lv.VesselTree.HEPATIC,
    lv.VesselTree.UNDECIDED,
)
SHAPE, SIZE_MM = (90, 70, 80), np.array([90.0, 70.0, 80.0])

# Ends in mm of the liver's box, from left, back and feet, and radius at both ends.
PORTAL_TREE = (
    ((42, 35, 36), (58, 36, 36), 4.0, 3.5),
    ((58, 36, 36), (82, 46, 30), 2.8, 1.6),
    ((58, 36, 36), (80, 34, 14), 2.6, 1.6),
    ((42, 35, 36), (14, 44, 30), 3.0, 1.6),
)
HEPATIC_TREE = (
    ((36, 34, 75), (60, 38, 62), 4.0, 3.2),
    ((60, 38, 62), (84, 44, 50), 2.6, 1.6),
    ((60, 38, 62), (70, 60, 46), 2.4, 1.6),
    ((36, 34, 75), (16, 54, 52), 2.8, 1.6),
)
CROSSING = (((64, 36, 62), (66, 38, 12), 2.4, 2.0),)
"""A hepatic vein straight down, through a branch of the portal vein."""


def draw(
    parts: tuple, spacing: tuple[float, float, float], affine: np.ndarray | None = None
) -> np.ndarray:
    """The voxels within cones, by their centers."""
    shape = [round(mm / step) for mm, step in zip(SIZE_MM, spacing, strict=True)]
    places = np.moveaxis(np.indices(shape), 0, -1) * spacing
    mask = np.zeros(shape, bool)
    for start, end, first, last in parts:
        along = np.subtract(end, start)
        share = np.clip((places - start) @ along / (along @ along), 0, 1)
        away = np.linalg.norm(places - start - share[..., None] * along, axis=-1)
        mask |= away <= first + (last - first) * share
    return mask


def label_map(
    portal: tuple = PORTAL_TREE,
    hepatic: tuple = HEPATIC_TREE,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> tuple[lv.LabelMap, np.ndarray]:
    """Labels with both trees, and the truth: the tree of each voxel, hepatic over portal."""
    truth = np.where(draw(portal, spacing), PORTAL, 0)
    truth = np.where(draw(hepatic, spacing), HEPATIC, truth).astype(np.uint8)
    labels = np.where(truth > 0, lv.Label.VESSEL, lv.Label.LIVER).astype(np.uint8)
    for axis in range(3):  # the liver ends within the array
        edge = [slice(None)] * 3
        for side in (slice(0, 1), slice(-1, None)):
            edge[axis] = side
            labels[tuple(edge)] = lv.Label.BACKGROUND
    truth[labels != lv.Label.VESSEL] = 0
    return lv.LabelMap.from_array(labels, spacing=spacing, name="drawn"), truth


def share_right(trees: VesselTrees, truth: np.ndarray) -> float:
    return float((trees.labels.voxels == truth)[truth > 0].mean())


def test_two_trees_that_do_not_touch_are_told_apart_to_the_voxel():
    labels, truth = label_map()
    trees = split_vessels(labels)
    assert np.array_equal(trees.labels.voxels, truth)
    assert trees.warnings == ()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 5.0), (0.7, 0.7, 2.5)])
def test_thick_slices_give_the_same_trees(spacing: tuple[float, float, float]):
    labels, truth = label_map(spacing=spacing)
    assert share_right(split_vessels(labels), truth) > 0.97


@pytest.mark.parametrize("axes", [(-1, 1, 1), (-1, -1, 1), (1, 1, -1)])
def test_arrays_stored_in_other_directions_give_the_same_trees(axes: tuple[int, int, int]):
    labels, _ = label_map(hepatic=HEPATIC_TREE + CROSSING)
    affine = np.diag([*axes, 1.0])
    affine[:3, 3] = [0 if a > 0 else n - 1 for a, n in zip(axes, SHAPE, strict=True)]
    stored = labels.voxels[tuple(slice(None, None, a) for a in axes)]
    turned = split_vessels(lv.LabelMap.from_array(stored, affine))
    assert np.array_equal(turned.labels.voxels, split_vessels(labels).labels.voxels)


def test_an_oblique_grid_gives_the_same_trees():
    labels, truth = label_map()
    angle = np.radians(12)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    oblique = replace(labels, affine=affine)
    assert share_right(split_vessels(oblique), truth) > 0.97


def test_twice_the_same_is_the_same():
    labels, _ = label_map(hepatic=HEPATIC_TREE + CROSSING)
    first, second = split_vessels(labels), split_vessels(labels)
    assert np.array_equal(first.labels.voxels, second.labels.voxels)
    assert first.graph.to_dict() == second.graph.to_dict()


def test_branches_lead_away_from_the_root_and_have_the_lengths_that_were_drawn():
    trees = split_vessels(label_map()[0])
    drawn = sum(np.linalg.norm(np.subtract(end, start)) for start, end, *_ in PORTAL_TREE)
    assert trees.graph.length_mm(PORTAL) == pytest.approx(drawn, rel=0.1)
    numbers = {branch.number: branch for branch in trees.graph.branches}
    for branch in trees.graph.branches:
        if branch.parent is not None:
            above = numbers[branch.parent]
            assert above.nodes[1] == branch.nodes[0]
            assert above.generation is not None
            assert branch.generation == above.generation + 1
            assert above.tree is branch.tree
    assert any(branch.generation == 0 for branch in trees.graph.of_tree(PORTAL))
    assert any(branch.generation == 0 for branch in trees.graph.of_tree(HEPATIC))


def test_volumes_of_branches_are_those_of_the_voxels():
    trees = split_vessels(label_map()[0])
    by_branch = sum(branch.volume_ml for branch in trees.graph.of_tree(HEPATIC))
    assert by_branch == pytest.approx(trees.volume_ml(HEPATIC), rel=0.02)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.75, 0.75, 1.6)])
@pytest.mark.parametrize("direction", [(1, 0, 0), (0, 0, 1), (1, 0.3, 0.2), (0.2, 0.3, 1)])
@pytest.mark.parametrize("radius", [1.5, 3.0])
def test_a_rod_has_its_radius_and_length(
    radius: float, direction: tuple[float, float, float], spacing: tuple[float, float, float]
):
    along = np.array(direction) / np.linalg.norm(direction) * 20
    middle = SIZE_MM / 2 + 0.2
    mask = draw(((middle - along, middle + along, radius, radius),), spacing)
    affine = np.diag([*spacing, 1.0])
    graph = build_voxel_graph(mask, affine)
    chains = find_chains(graph)
    (rod,) = with_radii(chains, find_territories(graph, chains))
    # Its ends are half spheres around the ends of the axis: the line ends within a voxel of these.
    assert rod.length_mm == pytest.approx(40, abs=2 * radius + max(spacing))
    assert np.median(rod.radii) == pytest.approx(radius, abs=0.25)


def test_a_missing_tree_is_said_and_the_other_one_is_whole():
    labels, truth = label_map(hepatic=())
    trees = split_vessels(labels)
    assert (trees.labels.voxels[truth > 0] == PORTAL).mean() > 0.6
    assert trees.warnings


def test_no_vessels_and_no_liver_are_said_in_a_sentence():
    empty = lv.LabelMap.from_array(np.zeros((8, 8, 8), np.uint8), spacing=(1, 1, 1))
    trees = split_vessels(empty)
    assert not trees.labels.voxels.any()
    assert trees.graph.branches == ()
    assert "no vessels" in trees.warnings[0]
    with pytest.raises(LiverviewError, match="has no vessels"):
        split_vessels(empty, portal=(1, 1, 1))


def test_a_seed_of_a_person_wins():
    labels, truth = label_map()
    trees = split_vessels(labels, portal=(36, 34, 75), hepatic=(42, 35, 36))
    swapped = np.where(truth == PORTAL, HEPATIC, np.where(truth == HEPATIC, PORTAL, 0))
    assert np.array_equal(trees.labels.voxels, swapped)


def test_a_seed_far_from_vessels_is_refused_with_the_distance():
    labels, _ = label_map()
    with pytest.raises(LiverviewError, match=r"mm away; give a voxel in a vessel"):
        split_vessels(labels, portal=(2, 2, 2))


def test_a_vessel_beyond_a_gap_goes_to_the_tree_that_it_continues():
    gap = (((58, 36, 36), (66, 36, 36), 2.6, 2.4), ((72, 36, 36), (85, 36, 36), 2.2, 1.6))
    labels, _ = label_map(portal=PORTAL_TREE[:1] + gap)
    trees = split_vessels(labels)
    assert trees.labels.voxels[78, 36, 36] == PORTAL


def test_hu_that_differ_between_trees_do_no_harm_where_shape_decides():
    labels, truth = label_map()
    hu = np.where(truth == PORTAL, 180, np.where(truth == HEPATIC, 140, 100)).astype(np.int16)
    scan = lv.Volume.from_array(hu, spacing=(1, 1, 1))
    assert np.array_equal(split_vessels(labels, scan).labels.voxels, truth)


def test_two_trees_that_touch_at_a_crossing_are_told_apart_beyond_it():
    labels, truth = label_map(hepatic=HEPATIC_TREE + CROSSING)
    trees = split_vessels(labels)
    assert share_right(trees, truth) > 0.9
    # The hepatic vein goes on as such below the branch that it runs through, and this beyond it.
    assert trees.labels.voxels[66, 38, 16] == HEPATIC
    assert trees.labels.voxels[79, 45, 31] == PORTAL


def test_what_is_believed_of_three_pieces_in_a_row_is_that_of_all_their_states():
    pieces = np.array([[0, 1], [1, 2]])
    relations = Relations(pieces, np.array([[True, False]] * 2), np.zeros((2, 2, 9)))
    numbers = np.random.default_rng(3)
    scores, pairs = numbers.normal(size=(3, STATES)), numbers.normal(size=(2, STATES, STATES))
    joint = np.exp(
        scores[0][:, None, None]
        + scores[1][:, None]
        + scores[2]
        + pairs[0][:, :, None]
        + pairs[1][None]
    )
    joint /= joint.sum()
    expected = [joint.sum(axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
    np.testing.assert_allclose(np.exp(propagate(scores, relations, pairs)), expected, atol=2e-4)
