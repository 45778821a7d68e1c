"""Rulers and ellipses: exact lengths, areas and values on grids of every kind; kept as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from liverview.core.volume import Plane, Volume
from liverview.files import images
from liverview.measurement.markup.listing import Entry, MarkupError, Markups
from liverview.measurement.markup.shapes import Ellipse, Ruler

from support.odd_scans import ORIENTATIONS, SPACING, oriented

SHEARED = np.array([[0.8, 0.3, 0.1, -20], [0, 0.7, 0.4, 5], [0, 0, 2.0, 40], [0, 0, 0, 1]])


@pytest.fixture
def volume() -> Volume:
    i, j, k = np.indices((30, 40, 20))
    return Volume((100 * i + 10 * j + k).astype(np.int16), SHEARED, intercept=-50, name="scan")


def brute(ellipse: Ellipse, volume: Volume) -> np.ndarray:
    """The values whose centers lie inside, voxel by voxel."""
    values = []
    for voxel in np.ndindex(*volume.shape):
        place = (voxel[ellipse.plane.horizontal_axis], voxel[ellipse.plane.vertical_axis])
        away = sum(
            ((p - c) / h) ** 2
            for p, c, h in zip(place, ellipse.center, ellipse.half_axes, strict=True)
        )
        if voxel[ellipse.plane.axis] == ellipse.index and away <= 1:
            values.append(volume.hu_at(voxel))
    return np.array(values)


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_a_ruler_is_as_long_however_the_scan_is_stored(
    codes: str, write: Callable[..., Path]
) -> None:
    stored, affine = oriented(codes)
    volume = images.read(write(stored, affine, name="scan.nii"))
    ruler = Ruler(Plane.SAGITTAL, (2, 0, 1.5), (2, 6, 8))
    assert ruler.length_mm(volume.affine) == pytest.approx(
        math.hypot(6 * SPACING[1], 6.5 * SPACING[2])
    )
    assert ruler.to_dict(volume)["start_mm"] == pytest.approx([-17, 5, 44.5])


def test_a_ruler_on_an_oblique_and_sheared_grid_is_that_of_the_world() -> None:
    turned = SHEARED.copy()
    turned[:3, :3] = (
        Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix() @ (SHEARED[:3, :3])
    )
    for plane in Plane:
        start, end = [2.0, 5.0, 7.0], [9.5, 1.25, 3.0]
        end[plane.axis] = start[plane.axis]
        ruler = Ruler(plane, tuple(start), tuple(end))
        for affine in (SHEARED, turned):
            world = [affine @ (*point, 1) for point in (start, end)]
            expected = math.dist(world[0][:3], world[1][:3])
            assert ruler.length_mm(affine) == pytest.approx(expected)
        assert ruler.length_mm(SHEARED) == pytest.approx(ruler.length_mm(turned))
        assert ruler.index == start[plane.axis]


def test_a_diagonal_on_a_sheared_grid() -> None:
    ruler = Ruler(Plane.AXIAL, (0, 0, 3), (10, 10, 3))
    assert ruler.length_mm(SHEARED) == pytest.approx(math.hypot(11, 7))


@pytest.mark.parametrize("plane", Plane)
def test_an_ellipse_holds_the_voxels_whose_centers_are_inside(plane: Plane, volume: Volume) -> None:
    ellipse = Ellipse(plane, 12, (14.3, 11.8), (6.5, 3.2))
    expected = brute(ellipse, volume)
    found = ellipse.stats(volume)
    assert found.voxel_count == len(expected) > 50
    assert found.mean == pytest.approx(expected.mean())
    assert found.sd == pytest.approx(expected.std())
    assert (found.lowest, found.highest) == (expected.min(), expected.max())


def test_a_circle_of_one_voxel_holds_five() -> None:
    values = np.zeros((5, 5, 1), np.float32)
    values[2, 2, 0], values[1, 2, 0] = 10, 5
    found = Ellipse(Plane.AXIAL, 0, (2, 2), (1, 1)).stats(Volume(values, np.eye(4)))
    assert (found.voxel_count, found.mean, found.lowest, found.highest) == (5, 3, 0, 10)
    assert found.area_mm2 == pytest.approx(math.pi)


def test_the_area_is_that_of_the_ellipse_in_mm(volume: Volume) -> None:
    axial = Ellipse(Plane.AXIAL, 3, (10, 10), (5, 2))
    assert axial.area_mm2(SHEARED) == pytest.approx(math.pi * 10 * 0.8 * 0.7)  # a shear keeps it
    sagittal = Ellipse(Plane.SAGITTAL, 3, (10, 10), (5, 2))
    pixel = np.linalg.norm(np.cross(SHEARED[:3, 1], SHEARED[:3, 2]))
    assert sagittal.area_mm2(SHEARED) == pytest.approx(math.pi * 10 * pixel)
    large = Ellipse(Plane.AXIAL, 3, (15, 20), (14, 19))
    count = large.stats(volume).voxel_count
    assert count * 0.8 * 0.7 == pytest.approx(large.area_mm2(SHEARED), rel=0.01)


def test_what_lies_outside_the_volume_is_not_counted(volume: Volume) -> None:
    ellipse = Ellipse(Plane.AXIAL, 5, (0, 39), (4, 6))
    expected = brute(ellipse, volume)
    found = ellipse.stats(volume)
    assert (found.voxel_count, found.mean) == (len(expected), pytest.approx(expected.mean()))
    for outside in (
        Ellipse(Plane.AXIAL, 20, (10, 10), (4, 4)),
        Ellipse(Plane.AXIAL, -1, (10, 10), (4, 4)),
        Ellipse(Plane.AXIAL, 5, (-10, 10), (4, 4)),
        Ellipse(Plane.AXIAL, 5, (10.5, 10.5), (0.2, 0.2)),
    ):
        found = outside.stats(volume)
        assert found.voxel_count == 0
        assert math.isnan(found.mean)
        assert found.area_mm2 > 0
        assert outside.to_dict(volume)["mean_hu"] is None


def test_values_that_are_no_hu_are_not_called_so(volume: Volume) -> None:
    plain = Volume(volume.voxels, volume.affine, in_hu=False)
    content = Ellipse(Plane.AXIAL, 5, (10, 10), (4, 4)).to_dict(plain)
    assert "mean_value" in content
    assert not any(key.endswith("_hu") for key in content)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Ruler(Plane.AXIAL, (0, 0, 1), (5, 5, 2)),
        lambda: Ruler(Plane.AXIAL, (0, math.nan, 1), (5, 5, 1)),
        lambda: Ellipse(Plane.AXIAL, 1, (5, 5), (0, 2)),
        lambda: Ellipse(Plane.AXIAL, 1, (5, 5), (2, math.inf)),
        lambda: Ellipse(Plane.AXIAL, 1, (math.nan, 5), (2, 2)),
    ],
)
def test_what_cannot_be_drawn_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"ruler|ellipse|half axes"):
        make()


# ---- the list ----------------------------------------------------------------------------

RULER = Ruler(Plane.AXIAL, (0, 0, 3), (10.25, 10, 3))
ELLIPSE = Ellipse(Plane.CORONAL, 7, (10.1, 8.4), (5.5, 2.25))


def test_a_list_names_counts_and_forgets() -> None:
    markups = Markups()
    first, second, third = markups.add(RULER), markups.add(ELLIPSE), markups.add(RULER)
    assert [entry.name for entry in markups] == ["Ruler 1", "Ellipse 1", "Ruler 2"]
    moved = Ruler(Plane.AXIAL, (0, 0, 3), (1, 1, 3))
    assert markups.replace(first.id, moved) == Entry(first.id, "Ruler 1", moved)
    assert markups.replace(second.id, name="left lobe").markup == ELLIPSE
    assert markups.remove(first.id).markup == moved
    assert [entry.id for entry in markups] == [second.id, third.id]
    assert len(markups) == 2
    with pytest.raises(KeyError):
        markups.remove(first.id)
    last = markups.add(RULER)
    assert last.id not in {first.id, second.id, third.id}
    assert last.name == "Ruler 1"
    assert markups[last.id] is last


def test_a_list_comes_back_from_json_as_it_was(volume: Volume) -> None:
    markups = Markups()
    markups.add(RULER)
    gone = markups.add(ELLIPSE)
    markups.add(ELLIPSE, "left lobe")
    markups.remove(gone.id)
    text = json.dumps(markups.to_dict(volume), allow_nan=False)
    again = Markups.from_dict(json.loads(text), volume)
    assert list(again) == list(markups)
    assert again.add(RULER).id == 4


def test_json_has_units_and_the_places_in_the_world(volume: Volume) -> None:
    markups = Markups()
    markups.add(RULER)
    markups.add(ELLIPSE)
    ruler, ellipse = markups.to_dict(volume)["markups"]
    assert ruler["length_mm"] == round(RULER.length_mm(volume.affine), 2)
    assert ruler["end_mm"] == pytest.approx(list(volume.voxel_to_world((10.25, 10, 3))), abs=1e-3)
    assert ellipse["center_mm"] == pytest.approx(
        list(volume.voxel_to_world((10.1, 7, 8.4))), abs=1e-3
    )
    assert ellipse["mean_hu"] == round(ELLIPSE.stats(volume).mean, 2)
    assert ellipse["half_axes_mm"] == pytest.approx(
        [5.5 * volume.spacing[0], 2.25 * volume.spacing[2]], abs=0.01
    )
    units = ("_mm", "_mm2", "_hu", "_voxel_ras", "_voxels", "_count")
    known = {"id", "name", "kind", "plane"}
    assert all(key in known or key.endswith(units) for key in (*ruler, *ellipse))


def test_markups_of_another_grid_are_refused(volume: Volume) -> None:
    markups = Markups()
    markups.add(RULER)
    content = markups.to_dict(volume)
    shifted = volume.affine.copy()
    shifted[0, 3] += 1
    other = Volume(volume.voxels, shifted, name="other")
    with pytest.raises(MarkupError, match="Ruler 1 does not lie in other"):
        Markups.from_dict(content, other)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "arrow"},
        {"plane": "diagonal"},
        {"plane": 3},
        {"start_voxel_ras": [1, 2]},
        {"start_voxel_ras": [1, 2, "x"]},
        {"start_voxel_ras": [0, 0, 4]},
        {"start_mm": [1, 2]},
        {"start_mm": "here"},
        {"id": "first"},
    ],
)
def test_damaged_markups_are_named(change: dict[str, object], volume: Volume) -> None:
    markups = Markups()
    markups.add(ELLIPSE)
    markups.add(RULER)
    content = markups.to_dict(volume)
    content["markups"][1] |= change
    with pytest.raises(MarkupError, match="Markup 2 cannot be read"):
        Markups.from_dict(content, volume)


def test_two_with_one_id_and_no_list_are_refused(volume: Volume) -> None:
    markups = Markups()
    markups.add(RULER)
    entry = markups.to_dict(volume)["markups"][0]
    with pytest.raises(MarkupError, match="id of another markup, 1"):
        Markups.from_dict({"markups": [entry, entry]}, volume)
    with pytest.raises(MarkupError, match="no list of markups"):
        Markups.from_dict({"rulers": []}, volume)
    with pytest.raises(MarkupError, match="Markup 1 cannot be read"):
        Markups.from_dict({"markups": ["ruler"]}, volume)
    with pytest.raises(MarkupError, match="no list of markups"):
        Markups.from_dict([entry], volume)
    for end in ("start_mm", "end_mm"):
        with pytest.raises(MarkupError, match="does not lie in scan"):
            Markups.from_dict({"markups": [entry | {end: [math.nan] * 3}]}, volume)
