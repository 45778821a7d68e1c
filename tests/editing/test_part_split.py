"""Splitting parts: two components, little lost, whatever the line's direction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from liverview.core.labels import Label
from liverview.core.volume import Plane
from liverview.editing.part_split import CutLine, crossed_seeds, find_sheet
from liverview.editing.parts import Seed

AROUND = np.ones((3, 3, 3), bool)


def sizes(mask: np.ndarray) -> list[int]:
    ids, _ = ndimage.label(mask, AROUND)
    return sorted(np.bincount(ids.ravel())[1:].tolist(), reverse=True)


def two_balls(plane: Plane) -> np.ndarray:
    """Two balls that touch in a neck; their line runs along the plane's horizontal axis."""
    a, b, c = np.indices((44, 30, 26))
    mask = (a - 13) ** 2 + (b - 15) ** 2 + (c - 13) ** 2 < 100
    mask |= (a - 30) ** 2 + (b - 15) ** 2 + (c - 13) ** 2 < 90
    order = [0, 0, 0]
    order[plane.horizontal_axis], order[plane.vertical_axis], order[plane.axis] = 0, 1, 2
    return mask.transpose(order)


@pytest.mark.parametrize("plane", Plane)
@settings(max_examples=25, deadline=None)
@given(start=st.floats(19, 25), end=st.floats(19, 25), index=st.integers(9, 17))
def test_two_balls_come_apart_at_their_neck(
    plane: Plane, start: float, end: float, index: int
) -> None:
    mask = two_balls(plane)
    sheet = find_sheet(mask, CutLine(plane, index, (start, 0.0), (end, 29.0)))
    assert sheet is not None
    assert not (sheet & ~mask).any()
    left = sizes(mask & ~sheet)
    assert len(left) == 2
    # One voxel thick: no more than the section, in which a slanted line passes more voxels.
    section = mask.sum(axis=(plane.vertical_axis, plane.axis))[19:26].max()
    assert sheet.sum() <= 2 * section
    assert sum(left) + sheet.sum() == mask.sum()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(Plane)))
def test_random_parts_fall_apart_at_any_line_that_divides_them(seed: int, plane: Plane) -> None:
    rng = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(rng.normal(size=rng.integers(4, 16, 3)), 1.2)
    ids, count = ndimage.label(values > np.quantile(values, 0.5), AROUND)
    assume(count)
    mask = ids == 1 + np.argmax(np.bincount(ids.ravel())[1:])
    across, up = mask.shape[plane.horizontal_axis], mask.shape[plane.vertical_axis]
    ends = rng.uniform(-2, 2, 2)
    line = CutLine(
        plane,
        int(rng.integers(mask.shape[plane.axis])),
        (across * rng.uniform() + ends[0], -3.0),
        (across * rng.uniform() + ends[1], up + 3.0),
    )
    sheet = find_sheet(mask, line)
    if sheet is None:
        return
    assert sheet.any()
    assert not (sheet & ~mask).any()
    assert len(sizes(mask & ~sheet)) >= 2
    places = np.argwhere(sheet)
    a, b = places[:, plane.horizontal_axis], places[:, plane.vertical_axis]
    (x, y), (u, v) = line.start, line.end
    away = np.abs((u - x) * (b - y) - (v - y) * (a - x)) / np.hypot(u - x, v - y)
    assert away.max() <= np.sqrt(2)  # next to the line, and nowhere else


def test_the_sheet_is_as_thin_as_the_bridge() -> None:
    mask = np.zeros((30, 12, 12), bool)
    mask[2:12], mask[18:28] = True, True
    mask[12:18, 4:7, 5:9] = True
    sheet = find_sheet(mask, CutLine(Plane.AXIAL, 6, (14.6, 0.0), (14.6, 11.0)))
    assert sheet is not None
    assert sheet.sum() == 3 * 4
    assert sizes(mask & ~sheet) == [10 * 144 + 3 * 12, 10 * 144 + 2 * 12]


def test_only_what_the_line_crosses_is_cut() -> None:
    """One leg of a U; the other, on the line's extension, stays whole."""
    mask = np.zeros((30, 30, 3), bool)
    mask[2:6, 2:28], mask[22:26, 2:28], mask[2:26, 2:6] = True, True, True
    sheet = find_sheet(mask, CutLine(Plane.AXIAL, 1, (0.0, 15.5), (9.0, 15.5)))
    assert sheet is not None
    assert sheet.sum() == 4 * 3
    assert not sheet[10:].any()
    assert len(sizes(mask & ~sheet)) == 2


def test_a_line_is_made_longer_where_the_part_is_wider_in_other_slices() -> None:
    a, b, c = np.indices((31, 31, 31))
    mask = (a - 15) ** 2 + (b - 15) ** 2 + (c - 15) ** 2 < 200
    index = 5  # a small section of the ball
    half = np.sqrt(200 - 100) + 1
    line = CutLine(Plane.AXIAL, index, (15.5, 15 - half), (15.5, 15 + half))
    sheet = find_sheet(mask, line)
    assert sheet is not None
    assert sheet[:, :, 15].sum() > 2 * half
    assert len(sizes(mask & ~sheet)) == 2


def test_a_ring_that_is_cut_once_is_not_divided() -> None:
    a, b = np.indices((41, 41))
    ring = np.abs(np.hypot(a - 20, b - 20) - 15) < 2.5
    mask = np.repeat(ring[:, :, None], 3, axis=2)
    assert find_sheet(mask, CutLine(Plane.AXIAL, 1, (20.5, 1.0), (20.5, 3.0))) is None
    sheet = find_sheet(mask, CutLine(Plane.AXIAL, 1, (20.5, -1.0), (20.5, 42.0)))
    assert sheet is not None
    assert len(sizes(mask & ~sheet)) == 2


@pytest.mark.parametrize(
    ("start", "end"),
    [((50.0, 0.0), (50.0, 9.0)), ((3.0, 3.0), (3.0, 3.0)), ((-9.0, -5.0), (9.0, -5.0))],
)
def test_a_line_that_crosses_nothing_gives_nothing(
    start: tuple[float, float], end: tuple[float, float]
) -> None:
    mask = np.ones((8, 8, 8), bool)
    assert find_sheet(mask, CutLine(Plane.AXIAL, 4, start, end)) is None
    assert find_sheet(mask, CutLine(Plane.AXIAL, 40, (4.5, -1.0), (4.5, 9.0))) is None


def test_a_part_too_thin_to_lose_a_voxel_on_either_side_stays() -> None:
    mask = np.ones((2, 1, 1), bool)
    assert find_sheet(mask, CutLine(Plane.AXIAL, 0, (0.5, -1.0), (0.5, 1.0))) is None
    longer = np.ones((4, 1, 1), bool)
    sheet = find_sheet(longer, CutLine(Plane.AXIAL, 0, (0.5, -1.0), (0.5, 1.0)))
    assert sheet is not None
    assert np.argwhere(sheet).tolist() == [[1, 0, 0]]  # the single voxel is spared


def test_what_the_line_passes_wholly_is_crossed() -> None:
    labels = np.zeros((20, 30), np.uint8)  # rows, columns
    labels[2:18, 2:28] = Label.LIVER
    labels[8:12, 5:9] = Label.TUMOR
    labels[8:12, 15:19] = Label.TUMOR
    labels[5, 12] = Label.VESSEL
    every = (Label.LIVER, Label.VESSEL, Label.TUMOR)

    def found(start: tuple[float, float], end: tuple[float, float], *labels_: Label) -> list[Seed]:
        return crossed_seeds(labels, CutLine(Plane.AXIAL, 7, start, end), labels_ or every)

    two = found((3.0, 10.0), (25.0, 10.0))
    assert [seed.label for seed in two] == [Label.TUMOR, Label.TUMOR]
    assert [labels[s.voxel[1], s.voxel[0]] for s in two] == [Label.TUMOR, Label.TUMOR]
    assert {s.voxel[2] for s in two} == {7}
    assert [s.label for s in found((-5.0, 10.0), (40.0, 10.0))] == [Label.LIVER]
    assert [s.label for s in found((3.0, 5.0), (25.0, 5.0))] == [Label.VESSEL]
    assert found((3.0, 10.0), (7.0, 10.0)) == []  # it ends inside
    assert found((4.0, 3.0), (20.0, 3.0)) == []
    assert found((3.0, 10.0), (25.0, 10.0), Label.LIVER) == []
