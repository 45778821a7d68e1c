"""Livers cut by the field of view: scans of a few slices, livers at a scan's end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.scoring import evaluate
from liverview.inference.candidates.survey import FirstStageBlock, ScanBlock
from liverview.inference.cleanup import iter_clean_labels
from liverview.inference.coarse import CoarseLiver, iter_find_liver
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


def test_beyond_a_short_scans_last_slice_the_first_stage_sees_it_repeated() -> None:
    checkpoint, network = watched()
    hu = [80, 90, 100, 110, 120, 125, 70, 65]
    find(scan_of(hu), checkpoint)
    expected = [(n - 40) / 200 for n in [*hu, *[65] * 24]]
    assert network.seen == [pytest.approx(expected, abs=1e-3)]


def test_a_liver_in_one_slice_is_found_once() -> None:
    checkpoint, network = watched()
    volume = replace(scan_of([100]), affine=np.diag([4.0, 4.0, 8.0, 1.0]))
    liver = find(volume, checkpoint)
    assert network.seen == [pytest.approx([0.3] * 32)]
    assert liver is not None
    assert liver.mask.shape == (48, 48, 2)
    assert liver.mask.all()


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


@pytest.mark.parametrize(("sure", "kept"), [(0.97, True), (0.6, False)])
def test_the_dark_end_of_a_slab_stays_liver_where_the_first_stage_is_sure(
    sure: float, kept: bool
) -> None:
    """Most of what the network calls a tumor there has no liver beside it, as a mass would."""
    shape, spacing = (60, 60, 8), (2.0, 2.0, 5.0)
    liver, dark = np.zeros(shape, bool), np.zeros(shape, bool)
    liver[10:50, 10:50], dark[10:50, 10:26] = True, True
    labels = np.asfortranarray(liver.astype(np.uint8) * np.uint8(Label.LIVER))
    labels[dark] = Label.TUMOR
    tumor = np.asfortranarray(dark.astype(np.uint8) * np.uint8(220))
    hu = np.where(liver, 98, -90).astype(np.int16)
    hu[dark] = 67
    # The block begins at voxel 4 of the scan along i; two voxels of it are one of the first stage.
    coarse = np.zeros((32, 30, 10), np.float32)
    coarse[7:27, 5:25] = 0.99
    coarse[7:27, 5:13] = sure
    look = FirstStageBlock(coarse, (4, 0, 0), (2.0, 2.0, 0.8))
    for _ in iter_clean_labels(labels, tumor, ScanBlock(hu, 0, spacing, look)):
        pass
    assert (labels[liver & ~dark] > 0).all()
    assert (labels[dark] > 0).all() == kept
    assert labels[dark].any() == kept
