"""Livers cut by the field of view: scans of a few slices, livers at a scan's end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.scoring import evaluate
from liverview.inference.coarse import CoarseLiver, _window_starts, iter_find_liver
from liverview.inference.runner import ExecutionDevice
from liverview.inference.segmentation import collect_labels, iter_segment, load_models
from liverview.networks.checkpoint import Checkpoint
from liverview.phantoms.config import Phantom

from support import tiny_networks


class Watching(tiny_networks.Threshold):
    """Keeps what it is shown, in 4 mm slices of mean value."""

    seen: list[list[float]]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append([round(v, 4) for v in x[0, 0, :48, :48].mean(dim=(0, 1)).tolist()])
        return super().forward(x)


def watched() -> tuple[Checkpoint, Watching]:
    """A first stage that takes 60 to 130 HU for liver, and what it was shown."""
    made = tiny_networks.coarse()
    network = Watching(made.network, ((1, 0.1, 0.45),))
    network.seen = []
    return tiny_networks.with_network(made, network), network


def scan_of(slices: list[int]) -> Volume:
    """Axial slices of one HU each, 4 mm apart."""
    voxels = np.broadcast_to(np.array(slices, np.int16), (48, 48, len(slices)))
    return Volume(np.asfortranarray(voxels), np.diag([4.0, 4.0, 4.0, 1.0]))


def find(volume: Volume, checkpoint: Checkpoint) -> CoarseLiver | None:
    stream = iter_find_liver(volume, checkpoint, ExecutionDevice(torch.device("cpu")))
    while True:
        try:
            next(stream)
        except StopIteration as end:
            liver: CoarseLiver | None = end.value
            return liver


def test_a_short_scan_lies_in_the_middle_of_few_repeated_slices() -> None:
    checkpoint, network = watched()
    find(scan_of([80, 90, 100, 110, 120, 125, 70, 65]), checkpoint)
    expected = [80] * 4 + [80, 90, 100, 110, 120, 125, 70, 65] + [65] * 4
    assert network.seen == [pytest.approx([(hu - 40) / 200 for hu in expected], abs=1e-3)]


def test_one_slice_is_seen_as_sixteen_of_it_and_found_once() -> None:
    checkpoint, network = watched()
    volume = replace(scan_of([100]), affine=np.diag([4.0, 4.0, 8.0, 1.0]))
    liver = find(volume, checkpoint)
    assert network.seen == [pytest.approx([0.3] * 16)]
    assert liver is not None
    assert liver.mask.shape == (48, 48, 2)
    assert liver.mask.all()


@pytest.mark.parametrize("depth", [32, 33, 40, 47, 48, 49, 64, 111])
def test_longer_scans_have_no_slice_added(depth: int) -> None:
    hu = [60 + n % 60 for n in range(depth)]
    checkpoint, network = watched()
    find(scan_of(hu), checkpoint)
    starts = _window_starts(depth, 32)
    assert starts[0] == 0
    assert starts[-1] == depth - 32
    assert all(0 < after - before <= 16 for before, after in zip(starts, starts[1:], strict=False))
    expected = [[(hu[n] - 40) / 200 for n in range(start, start + 32)] for start in starts]
    assert network.seen == [pytest.approx(window, abs=1e-3) for window in expected]


@pytest.mark.parametrize("depth", [1, 2, 7, 8, 16, 17, 25, 31, 32, 39, 70])
@pytest.mark.parametrize("end", ["first", "last"])
def test_a_liver_at_an_end_of_the_scan_is_found_where_it_is(depth: int, end: str) -> None:
    """Repeated slices are no part of it, and add nothing to it."""
    inside = max(1, depth // 3)
    hu = [100] * inside + [0] * (depth - inside)
    liver = find(scan_of(hu if end == "first" else hu[::-1]), watched()[0])
    assert liver is not None
    found = liver.mask.any(axis=(0, 1)).tolist()
    expected = [True] * inside + [False] * (depth - inside)
    assert found == (expected if end == "first" else expected[::-1])
    assert int(liver.mask.sum()) == 48 * 48 * inside


def test_shipped_weights_keep_the_liver_of_a_slab(case: Phantom) -> None:
    """Of eight slices, 40 mm, of a phantom (synthetic)."""
    slices = np.flatnonzero((case.labels.voxels > 0).any(axis=(0, 1)))
    middle = int(slices[len(slices) // 2])
    cut = slice(middle - 4, middle + 4)
    scan = replace(case.volume, voxels=case.volume.voxels[:, :, cut])
    truth = LabelMap(case.labels.voxels[:, :, cut], scan.affine)
    labels = collect_labels(iter_segment(scan, load_models(), "cpu"), scan.shape)
    assert evaluate(LabelMap(labels, scan.affine), truth)[0].dice > 0.85
