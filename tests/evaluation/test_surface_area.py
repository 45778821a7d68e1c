"""NSD by area, on surfaces whose areas are known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import marching_cubes, mesh_surface_area

from liverview.core.volume import LabelMap
from liverview.evaluation.scoring import evaluate
from liverview.evaluation.surface_area import _cube_areas, area_nsd


def block(size: tuple[int, int, int], at: tuple[int, int, int] = (4, 4, 4)) -> np.ndarray:
    mask = np.zeros((30, 30, 30), bool)
    mask[tuple(slice(a, a + n) for a, n in zip(at, size, strict=True))] = True
    return mask


def block_areas(
    size: tuple[int, int, int], spacing: tuple[float, float, float]
) -> tuple[list[float], float]:
    """The flat area on each pair of faces, and that of all beveled edges and cut corners, mm2."""
    (a, b, c), (x, y, z) = (tuple(n - 1 for n in size)), spacing
    flat = [2 * b * y * c * z, 2 * a * x * c * z, 2 * a * x * b * y]
    edges = 4 * (a * x * math.hypot(y, z) + b * y * math.hypot(x, z) + c * z * math.hypot(x, y)) / 2
    corners = 8 * math.hypot(y * z, x * z, x * y) / 8
    return flat, edges + corners


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.8, 5.0), (3.0, 1.0, 0.5)])
def test_the_area_of_a_block_is_that_of_its_faces_edges_and_corners(
    spacing: tuple[float, float, float],
) -> None:
    size = (6, 7, 5)
    flat, rest = block_areas(size, spacing)
    mask = np.pad(block(size), 1).astype(np.uint8)
    codes = sum(
        mask[i : i + 31, j : j + 31, k : k + 31].astype(int) << (4 * i + 2 * j + k)
        for i in (0, 1)
        for j in (0, 1)
        for k in (0, 1)
    )
    assert _cube_areas(spacing)[codes].sum() == pytest.approx(sum(flat) + rest, rel=1e-5)


def test_inside_and_outside_have_the_same_surface() -> None:
    areas = _cube_areas((0.7, 0.9, 2.5))
    assert areas[[0, 255]].tolist() == [0, 0]
    assert (areas[1:255] > 0).all()
    assert areas.tolist() == areas[::-1].tolist()


def test_the_area_of_a_ball_is_that_of_its_triangles() -> None:
    radius = 11.0
    places = np.indices((30, 30, 30)) - 14.6
    ball = (places**2).sum(axis=0) < radius**2
    vertices, faces, *_ = marching_cubes(ball.astype(np.float32), 0.5, method="lorensen")
    far = np.zeros_like(ball)
    far[0, 0, 0] = True
    (share,) = area_nsd(far, ball, (1.0, 1.0, 1.0), (25.0,))
    # Only the speck's own area, a cube of eight cut corners, and nearer points are within 25 mm.
    assert 0 < share < 1
    whole = 2 * mesh_surface_area(vertices, faces)
    (same,) = area_nsd(ball, ball, (1.0, 1.0, 1.0), (0.0,))
    assert same == 1
    assert whole / 2 == pytest.approx(4 * math.pi * radius**2, rel=0.12)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 5.0), (0.75, 0.75, 2.5), (1.0, 2.0, 3.0)])
def test_a_block_that_is_a_slice_taller_counts_by_the_area_of_that_face(
    spacing: tuple[float, float, float],
) -> None:
    """The tops lie one slice apart, farther than the tolerance; the sides lie on each other."""
    size, taller = (8, 8, 6), (8, 8, 7)
    x, y, z = spacing
    tolerance = 0.9 * z
    areas = [sum(block_areas(s, spacing)[0]) + block_areas(s, spacing)[1] for s in (size, taller)]
    # Of the shorter one its top, beveled edges and corners: its sides are within the other's.
    inner = 7 * x * 7 * y
    top = inner + 2 * (7 * x * math.hypot(y, z) + 7 * y * math.hypot(x, z)) / 2
    top += 4 * math.hypot(y * z, x * z, x * y) / 8
    # The edges and corners of the shorter one's top lie beside the taller one's sides, and of the
    # taller one's top nothing is near the shorter one; the sides of its last slice end half a
    # slice below.
    lost = inner_far(size, spacing, tolerance) + top
    (found,) = area_nsd(block(taller), block(size), spacing, (tolerance,))
    assert found == pytest.approx(1 - lost / sum(areas), abs=1e-6)


def inner_far(
    size: tuple[int, int, int], spacing: tuple[float, float, float], tolerance: float
) -> float:
    """The area of a top whose cubes lie farther than the tolerance from the sides around it."""
    x, y, _ = spacing
    far = 0
    for i in range(1, size[0]):
        for j in range(1, size[1]):
            aside = min(i * x, (size[0] - i) * x, j * y, (size[1] - j) * y)
            far += aside > tolerance
    return far * x * y


def test_tolerances_are_inclusive() -> None:
    first, moved = block((9, 9, 9)), block((9, 9, 9), (6, 4, 4))
    assert area_nsd(moved, first, (1.0, 1.0, 1.0), (1.99, 2.0))[1] == 1
    assert area_nsd(moved, first, (1.0, 1.0, 1.0), (1.99, 2.0))[0] < 1


def test_what_is_missing() -> None:
    some, none = block((3, 3, 3)), np.zeros((30, 30, 30), bool)
    assert area_nsd(none, some, (1, 1, 1), (2.0, 3.0)) == (0, 0)
    assert all(math.isnan(v) for v in area_nsd(some, none, (1, 1, 1), (2.0, 3.0)))
    assert all(math.isnan(v) for v in area_nsd(none, none, (1, 1, 1), (2.0, 3.0)))
    assert area_nsd(some, some, (1, 1, 1), (0.0,)) == (1,)
    whole = np.ones((4, 4, 4), bool)  # up to the end of the array
    assert area_nsd(whole, whole, (1, 1, 1), (0.0,)) == (1,)


def test_scores_say_what_nsd_counts() -> None:
    affine = np.diag([1.0, 1.0, 5.0, 1.0])
    smooth = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(30, 30, 8)), 2)
    first = LabelMap((smooth > 0.03).astype(np.uint8), affine)
    second = LabelMap((smooth > 0.06).astype(np.uint8), affine)
    by_voxels, by_area = (evaluate(first, second, nsd=way)[0] for way in ("voxels", "area"))
    assert (by_voxels.nsd_by, by_area.nsd_by) == ("voxels", "area")
    assert by_voxels.hd95_mm == by_area.hd95_mm
    assert by_voxels.nsd_2mm != by_area.nsd_2mm
    expected = area_nsd(first.voxels > 0, second.voxels > 0, first.spacing, (2.0, 3.0))
    assert (by_area.nsd_2mm, by_area.nsd_3mm) == expected
    with pytest.raises(ValueError, match="voxels or area, not 'volume'"):
        evaluate(first, second, nsd="volume")  # type: ignore[arg-type]
