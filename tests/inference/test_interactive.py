"""Proposals with the shipped weights, on a small scan whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from liverview.core.labels import Label
from liverview.core.volume import Volume
from liverview.editing.marks import Marks, MarksError, Proposal
from liverview.inference.interactive import ClickNetwork, load_click_network, propose
from liverview.networks.checkpoint import CheckpointError, save_checkpoint

from support import tiny_networks

SPACING = (1.1, 1.1, 3.0)
CENTER = (45, 40, 14)
RADIUS_MM = 13.0


@pytest.fixture(scope="module")
def network() -> ClickNetwork:
    return load_click_network(device="cpu")


def distance(center: tuple[int, int, int]) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, (92, 84, 28)), indexing="ij"), axis=-1)
    return np.linalg.norm((index - center) * SPACING, axis=-1)


LESION = distance(CENTER) < RADIUS_MM
LIVER = distance((46, 42, 14)) < 43


@pytest.fixture(scope="module")
def scan() -> Volume:
    """A liver of 86 mm in fat, with a dark lesion of 26 mm in it."""
    noise = np.random.default_rng(0).normal(0, 12, LESION.shape)
    hu = np.select([LESION, LIVER], [55.0, 110.0], -90.0)
    hu = ndimage.gaussian_filter(hu, 0.5) + ndimage.gaussian_filter(noise, 0.5)
    return Volume.from_array(hu.astype(np.int16), spacing=SPACING, name="ball")


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """As a segmentation that missed the lesion left them."""
    return LIVER.astype(np.uint8)


def placed(proposal: Proposal, mask: np.ndarray) -> np.ndarray:
    whole = np.zeros(LESION.shape, bool)
    whole[proposal.box] = mask
    return whole


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def line(scan: Volume) -> Marks:
    i, j, k = CENTER
    half = round(RADIUS_MM / SPACING[0])
    return Marks.in_voxels(scan, Label.TUMOR, line=[(i - half, j, k), (i + half, j, k)])


def test_a_line_becomes_the_lesion(scan: Volume, labels: np.ndarray, network: ClickNetwork) -> None:
    proposal = propose(scan, labels, line(scan), network)
    found = placed(proposal, proposal.mask)
    assert dice(found, LESION) > 0.8
    np.testing.assert_array_equal(proposal.add, proposal.mask)
    assert not proposal.remove.any()
    after = proposal.applied(labels[proposal.box])
    assert (after[proposal.mask] == Label.TUMOR).all()
    assert (after[~proposal.mask] == labels[proposal.box][~proposal.mask]).all()


def test_a_click_finds_the_lesion_and_further_ones_mend_it(
    scan: Volume, labels: np.ndarray, network: ClickNetwork
) -> None:
    marks = Marks.in_voxels(scan, Label.TUMOR, [CENTER])
    first = propose(scan, labels, marks, network)
    assert dice(placed(first, first.mask), LESION) > 0.65
    beside = scan.grid.voxel_to_world((CENTER[0] + 20, CENTER[1], CENTER[2]))
    second = propose(scan, labels, marks.adding(beside, negative=True), network, first)
    assert not placed(second, second.mask)[CENTER[0] + 20, CENTER[1], CENTER[2]]
    assert dice(placed(second, second.mask), LESION) > 0.65


def test_the_same_marks_give_the_same_proposal(
    scan: Volume, labels: np.ndarray, network: ClickNetwork
) -> None:
    first, again = (propose(scan, labels, line(scan), network) for _ in range(2))
    assert first.box == again.box
    np.testing.assert_array_equal(first.mask, again.mask)


def test_a_scan_that_is_stored_turned_gives_the_same_proposal(
    scan: Volume, labels: np.ndarray, network: ClickNetwork
) -> None:
    turned = np.ascontiguousarray(scan.to_numpy()[::-1, :, ::-1].transpose(2, 0, 1))
    affine = np.zeros((4, 4))
    affine[0, 1], affine[1, 2], affine[2, 0] = -SPACING[0], SPACING[1], -SPACING[2]
    affine[:, 3] = (LESION.shape[0] - 1) * SPACING[0], 0, (LESION.shape[2] - 1) * SPACING[2], 1
    stored = Volume.from_array(turned, affine)
    np.testing.assert_array_equal(stored.to_numpy(), scan.to_numpy())
    first = propose(scan, labels, line(scan), network)
    second = propose(stored, labels, line(scan), network)
    assert first.box == second.box
    assert dice(placed(first, first.mask), placed(second, second.mask)) > 0.999


def test_thick_and_thin_slices_get_the_same_lesion(
    scan: Volume, labels: np.ndarray, network: ClickNetwork
) -> None:
    thin = Volume.from_array(
        ndimage.zoom(
            scan.to_numpy().astype(np.float32), (1, 1, 3), order=1, grid_mode=True, mode="nearest"
        ),
        np.array([[1.1, 0, 0, 0], [0, 1.1, 0, 0], [0, 0, 1.0, -1.0], [0, 0, 0, 1]]),
    )
    many = np.repeat(labels, 3, axis=2)
    proposal = propose(thin, many, line(scan), network)
    whole = np.zeros(many.shape, bool)
    whole[proposal.box] = proposal.mask
    assert dice(whole, np.repeat(LESION, 3, axis=2)) > 0.8


def test_vessels_and_liver_change_at_the_marks_alone(scan: Volume, network: ClickNetwork) -> None:
    whole = LIVER.astype(np.uint8)
    far = distance((46, 42, 14)) < 20
    missing = whole.copy()
    missing[(distance((80, 42, 14)) < 18) & LIVER] = 0
    missing[(distance((12, 42, 14)) < 8) & LIVER] = 0
    marks = Marks.in_voxels(scan, Label.LIVER, [(78, 42, 14)])
    proposal = propose(scan, missing, marks, network)
    after = missing.copy()
    after[proposal.box] = proposal.applied(missing[proposal.box])
    assert (after != missing).sum() == proposal.add.sum()
    assert not proposal.remove.any()
    assert (after[far] == missing[far]).all()
    assert (after == whole).sum() >= (missing == whole).sum()
    nothing = Marks.in_voxels(scan, Label.VESSEL, negative=[(46, 42, 14)])
    assert propose(scan, whole, nothing, network).is_empty


def test_a_mark_outside_the_scan_is_one_sentence(
    scan: Volume, labels: np.ndarray, network: ClickNetwork
) -> None:
    with pytest.raises(MarksError, match="outside the scan ball: mark inside its images"):
        propose(scan, labels, Marks(Label.TUMOR, ((500.0, 0.0, 0.0),)), network)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "click.safetensors", tiny_networks.coarse())
    with pytest.raises(CheckpointError, match="not a network for a person's marks"):
        load_click_network(tmp_path, "cpu")
    with pytest.raises(CheckpointError, match="none"):
        load_click_network(tmp_path / "none", "cpu")


def test_the_shipped_weights_are_small() -> None:
    from liverview.core import paths

    assert (paths.weights() / "click.safetensors").stat().st_size < 4_000_000
