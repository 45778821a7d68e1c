"""Surfaces that follow changes are those of a fresh look, vertex by vertex."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liverview.core.box import Box
from liverview.core.differences import Difference
from liverview.core.labels import FOREGROUND, Label
from liverview.core.volume import LabelMap
from liverview.measurement.incremental_surfaces import (
    MeshedLabels,
    iter_mesh_changes,
    iter_mesh_labels,
)
from liverview.measurement.surface import Surface, iter_surfaces

SHAPE = (30, 26, 22)


def last(work: object) -> MeshedLabels:
    *_, found = work  # type: ignore[misc]
    assert isinstance(found, MeshedLabels)
    return found


def edit(rng: np.random.Generator, labels: LabelMap) -> tuple[LabelMap, list[Difference]]:
    start = [int(rng.integers(0, n - 1)) for n in SHAPE]
    stop = [min(n, s + int(rng.integers(1, 12))) for n, s in zip(SHAPE, start, strict=True)]
    box, new = Box.from_bounds(start, stop), labels.voxels.copy(order="F")
    new[box] = rng.integers(0, 4)
    return replace(labels, voxels=new), [Difference(box, labels.voxels[box], new[box])]


def assert_same(found: MeshedLabels, labels: LabelMap) -> None:
    fresh = {one.label: one for one in iter_surfaces(labels) if isinstance(one, Surface)}
    assert set(found.surfaces) == set(fresh)
    for label, surface in fresh.items():
        ours = found.surfaces[label]
        for name in ("vertices", "faces", "normals"):
            # Sums in another order differ in their last digit.
            np.testing.assert_allclose(
                getattr(ours, name), getattr(surface, name), rtol=1e-4, atol=1e-5
            )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.15, 0.3, 0.7, 1.0, 2.5]))
def test_after_any_edits_they_are_those_of_a_fresh_look(seed: int, mm: float) -> None:
    """Steps of one voxel and of more, which do not end where the label does."""
    rng = np.random.default_rng(seed)
    voxels = np.zeros(SHAPE, np.uint8, order="F")
    if rng.integers(4):
        voxels[3:25, 4:20, 2:19] = Label.LIVER
        voxels[8:14, 7:12, 5:11] = rng.integers(1, 4)
    labels = LabelMap(voxels, np.diag([mm, mm * 1.3, 1.1, 1.0]))
    known = last(iter_mesh_labels(labels))
    assert_same(known, labels)
    for _ in range(4):
        before = known
        labels, changes = edit(rng, labels)
        known = last(iter_mesh_changes(known, changes, labels))
        assert_same(known, labels)
        for label in set(FOREGROUND) & set(before.surfaces) & set(known.surfaces):
            masks = changes[0].masks(label)
            kept = known.surfaces[label] is before.surfaces[label]
            assert kept == np.array_equal(*masks)  # what did not change is not made again
    clear = Box.of_shape(SHAPE)
    nothing = replace(labels, voxels=np.zeros(SHAPE, np.uint8, order="F"))
    change = Difference(clear, labels.voxels, nothing.voxels)
    found = last(iter_mesh_changes(known, [change], nothing))
    assert (found.surfaces, found.cells) == ({}, {})
