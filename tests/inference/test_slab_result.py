"""Results of a slab: a later look at a window replaces what is in it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from liverview.inference.slab_result import SlabFrame, SlabResult

FRAME = SlabFrame((20, 16), start=8, depth=3, group=1)
CELLS, VOXELS = (slice(1, 3), slice(1, 2)), (slice(4, 12), slice(4, 8))


def result_of(i: slice, j: slice, value: int) -> SlabResult:
    """A result of one value in a box of the volume; cells have four voxels along i and j."""
    shape = (i.stop - i.start, j.stop - j.start, 3)
    values = np.full(shape, value, np.uint8, order="F")
    chances = np.full((3, *shape), value / 4, np.float16)
    organ = torch.full((5, 4, 3), float(value))
    return SlabResult((i, j), values, values * 10, organ, {"probabilities": (chances, (i, j))})


def on_volume(result: SlabResult) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    refined = result.on_volume(FRAME, {"probabilities": ((3,), np.float16)}, 1.0)
    assert refined.slab.probabilities is not None
    return refined.slab.labels, refined.tumor, refined.slab.probabilities


def test_a_later_look_replaces_its_window_and_nothing_else() -> None:
    earlier = result_of(slice(2, 14), slice(2, 14), 1)
    later = result_of(slice(5, 18), slice(0, 7), 2)
    labels, tumor, probabilities = on_volume(earlier.replaced(later, CELLS, VOXELS))
    expected = np.zeros((20, 16, 3), np.uint8)
    expected[2:14, 2:14] = 1
    expected[VOXELS] = 0  # what the later look does not show in its window is nothing
    expected[5:12, 4:7] = 2
    assert np.array_equal(labels, expected)
    assert np.array_equal(tumor, expected * 10)
    assert np.array_equal(probabilities[1], (expected / 4).astype(np.float16))
    organ = earlier.replaced(later, CELLS, VOXELS).organ
    assert (organ[CELLS] == 2).all()
    assert float(organ.sum()) == organ.numel() + 2 * 3
    assert (earlier.labels == 1).all()


def test_a_look_that_finds_nothing_empties_its_window() -> None:
    earlier = result_of(slice(2, 14), slice(2, 14), 1)
    later = SlabResult.empty((5, 4, 3))
    labels, *_ = on_volume(earlier.replaced(later, CELLS, VOXELS))
    assert not labels[VOXELS].any()
    assert labels.sum() == (12 * 12 - 8 * 4) * 3
    beyond = replace(earlier, box=(slice(16, 20), slice(2, 14)), labels=earlier.labels[:4])
    beyond = replace(beyond, tumor=earlier.tumor[:4], extras={})
    assert np.array_equal(beyond.replaced(later, CELLS, VOXELS).labels, beyond.labels)
