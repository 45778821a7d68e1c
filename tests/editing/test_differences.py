"""Differences of labels: exact either way, whatever changed, and refused where damaged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from liverview.core.box import Box
from liverview.editing import differences as module
from liverview.editing.differences import (
    Difference,
    HistoryError,
    apply_differences,
    find_differences,
    join_differences,
    joint_box,
)

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=0, max_side=9)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Two blocks that differ nowhere, in a part, or everywhere; in any memory order."""
    shape = draw(SHAPES)
    before = draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, 255)))
    after = before.copy(order=draw(st.sampled_from("CF")))
    if before.size and draw(st.booleans()):
        start = [draw(st.integers(0, n - 1)) for n in shape]
        stop = [draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)]
        part = after[Box.from_bounds(start, stop)]
        part[...] = draw(
            st.integers(0, 255) | hnp.arrays(np.uint8, part.shape, elements=st.integers(0, 255))
        )
    return before[::-1], after[::-1]


@settings(max_examples=300, deadline=None)
@given(pairs())
def test_differences_lead_there_and_back_and_lie_where_something_changed(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    before, after = pair
    found = find_differences(before, after)
    assert bool(found) == (not np.array_equal(before, after))
    voxels = before.copy()
    apply_differences(voxels, found)
    assert np.array_equal(voxels, after)
    apply_differences(voxels, found)
    assert np.array_equal(voxels, before)
    outside = before != after
    assert not found or Box.around(outside).union(joint_box(found)) == joint_box(found)
    outside[joint_box(found)] = False
    assert not outside.any()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_several_are_joined_to_what_does_the_same(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, (12, 11, 10), np.uint8)
    now, found = first.copy(), list[Difference]()
    for _ in range(count):
        before = now.copy()
        start = rng.integers(0, 8, 3)
        box = Box.from_bounds(start, start + rng.integers(1, 3, 3))
        now[box] = rng.integers(0, 4)
        found += find_differences(before[box], now[box], box.start)
    joined = join_differences(found)
    assert len(joined) <= 1 or len(joined) == len(found)
    voxels = first.copy()
    apply_differences(voxels, joined)
    assert np.array_equal(voxels, now)


def test_large_blocks_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 200)
    rng = np.random.default_rng(3)
    before = rng.integers(0, 4, (11, 7, 23), np.uint8)
    after = rng.integers(0, 4, before.shape, np.uint8)
    after[:, :, 4:9] = before[:, :, 4:9]
    found = find_differences(before, after, (1, 2, 3))
    assert len(found) > 5
    voxels = np.zeros((20, 20, 30), np.uint8)
    voxels[1:12, 2:9, 3:26] = before
    apply_differences(voxels, found)
    assert np.array_equal(voxels[1:12, 2:9, 3:26], after)
    assert voxels.sum() == after.sum(dtype=int)


def test_a_small_change_in_a_large_box_takes_few_bytes() -> None:
    before = np.random.default_rng(1).integers(0, 4, (64, 64, 64), np.uint8)
    after = before.copy()
    after[10:14, 20:24, 30:34] = 3
    (one,) = find_differences(before, after)
    changed = Box.around(after != before)
    assert one.box == changed
    assert len(one.packed) < 100


@pytest.mark.parametrize("damage", ["cut", "other", "longer", "bomb", "runs"])
def test_damaged_bytes_are_refused_and_change_nothing(damage: str) -> None:
    import zlib

    before = np.zeros((30, 20, 10), np.uint8)
    after = before.copy()
    after[3:20, 2:19, 1:9] = 1
    after[5:9, 5:9, 5:9] = 2
    (good,) = find_differences(before, after)
    packed = {
        "cut": good.packed[:-6],
        "other": b"no zlib at all",
        "longer": zlib.compress(zlib.decompress(good.packed) + bytes(5)),
        "bomb": zlib.compress(bytes(50_000_000)),
        "runs": zlib.compress(bytes(10)),
    }[damage]
    (other,) = find_differences(before[:2], after[1:3] + 7, (0, 0, 0))
    for bad in (replace(good, packed=packed), replace(good, packed=packed, in_runs=False)):
        voxels = before.copy()
        with pytest.raises(HistoryError):
            apply_differences(voxels, [other, bad])
        assert np.array_equal(voxels, before)


def test_a_box_beyond_the_labels_is_refused() -> None:
    (one,) = find_differences(
        np.zeros((2, 2, 2), np.uint8), np.ones((2, 2, 2), np.uint8), (3, 0, 0)
    )
    voxels = np.zeros((4, 4, 4), np.uint8)
    with pytest.raises(HistoryError, match="beyond"):
        apply_differences(voxels, [one])
    assert not voxels.any()
