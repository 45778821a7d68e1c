"""Grids: places, angles and when two are one."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from liverview.core.errors import LiverviewError
from liverview.core.grid import Grid, GridMismatchError, check_same_grid
from liverview.core.volume import LabelMap, Volume

AFFINE = np.array(
    [[0.7, 0.1, 0, -90.0], [-0.1, 0.7, 0.2, 40.0], [0, -0.3, 2.5, 12.0], [0, 0, 0, 1]]
)


def test_figures_are_those_of_nibabel() -> None:
    grid = Grid((40, 30, 20), AFFINE)
    assert grid.spacing == pytest.approx(nib.affines.voxel_sizes(AFFINE))
    place = np.array([3.5, 7.0, 11.25])
    assert grid.voxel_to_world(place) == pytest.approx(nib.affines.apply_affine(AFFINE, place))
    assert grid.world_to_voxel(grid.voxel_to_world((3, 7, 11))) == (3, 7, 11)
    assert np.radians(grid.oblique_deg) == pytest.approx(nib.affines.obliquity(AFFINE).max())
    corner = [
        nib.affines.apply_affine(AFFINE, c) for c in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    ]
    edges = np.array(corner[1:]) - corner[0]
    assert grid.voxel_ml == pytest.approx(abs(edges[0] @ np.cross(edges[1], edges[2])) / 1000)


def test_volumes_and_label_maps_have_their_grid() -> None:
    for one in (
        Volume(np.zeros((4, 5, 6), np.int16), AFFINE),
        LabelMap(np.zeros((4, 5, 6), np.uint8), AFFINE),
    ):
        assert one.grid.shape == one.shape == (4, 5, 6)
        assert one.spacing == one.grid.spacing
        assert one.voxel_ml == one.grid.voxel_ml
        assert one.contains((3, 4, 5))
        assert not one.contains((3, 5, 5))


def test_grids_are_one_where_every_corner_is() -> None:
    shape = (512, 512, 100)
    grid, turned = Grid(shape, AFFINE), AFFINE.copy()
    turned[:3, :3] *= 1 + 1e-4  # a twentieth of a voxel at the last of 512
    assert grid.same_as(Grid(shape, turned))
    turned[:3, :3] *= 1 + 5e-4
    assert not grid.same_as(Grid(shape, turned))
    assert not grid.same_as(Grid((512, 512, 101), AFFINE))


@pytest.mark.parametrize(("mm", "written"), [(0.703125, 0.7031), (0.9765625, 0.9766)])
def test_other_digits_are_one_grid(mm: float, written: float) -> None:
    shape = (512, 512, 80)
    exact, rounded = (Grid(shape, np.diag([-side, side, 2.5, 1])) for side in (mm, written))
    assert exact.same_as(rounded)
    assert rounded.same_as(exact)


@pytest.mark.parametrize("part", [1 / 3, -1 / 3, 0.2])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_a_third_of_a_voxel_is_another_grid(part: float, axis: int, scale: float) -> None:
    affine = np.diag([scale, scale, scale, 1]) @ AFFINE
    moved = affine.copy()
    moved[:3, 3] += part * affine[:3, axis]
    assert not Grid((64, 64, 20), affine).same_as(Grid((64, 64, 20), moved))
    moved[:3, 3] = affine[:3, 3] + 0.1 * affine[:3, axis]
    assert Grid((64, 64, 20), affine).same_as(Grid((64, 64, 20), moved))


def test_what_does_not_lie_on_the_same_voxels_is_refused_by_name() -> None:
    scan = Volume(np.zeros((4, 5, 6), np.int16), AFFINE, name="ct")
    moved = AFFINE.copy()
    moved[0, 3] += 3
    labels = LabelMap(np.zeros((4, 5, 6), np.uint8), moved, name="drawn")
    with pytest.raises(GridMismatchError, match=r"ct and drawn .* 3 mm apart") as raised:
        check_same_grid(scan, labels)
    assert isinstance(raised.value, LiverviewError)
    with pytest.raises(GridMismatchError, match=r"\(4, 5, 6\) and \(4, 5, 7\) voxels"):
        check_same_grid(scan, LabelMap(np.zeros((4, 5, 7), np.uint8), AFFINE))


@pytest.mark.parametrize("shape", [(0, 3, 3), (3, 3)])
def test_no_grid_is_empty(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="none empty"):
        Grid(shape, AFFINE)  # type: ignore[arg-type]
