"""Clean-up of the label map, beside the same rules for a whole block."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np
import pytest
from scipy import ndimage

from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.inference import streamed_components
from liverview.inference.candidates.survey import ScanBlock
from liverview.inference.cleanup import MIN_COMPONENT_ML, CleanedBlock, iter_clean_labels


def result(work: Generator[Progress, None, CleanedBlock]) -> CleanedBlock:
    """What a generator returns at its end."""
    returned: list[CleanedBlock] = []

    def iter_all() -> Iterator[Progress]:
        returned.append((yield from work))

    assert all(step.fraction < 1 for step in iter_all())
    return returned[0]


TWO_MM = (2.0, 2.0, 2.0)


def cleaned_up(
    labels: np.ndarray, tumor: np.ndarray, spacing: tuple[float, float, float]
) -> np.ndarray:
    """The labels after the clean-up, which says of every slice whether it is another."""
    after = labels.copy(order="F")
    scan = ScanBlock(np.zeros(labels.shape, np.int16), 100, spacing)
    changed = result(iter_clean_labels(after, tumor.copy(order="F"), scan)).changed
    assert (changed | (after == labels).all(axis=(0, 1))).all()
    return after


def sure(labels: np.ndarray) -> np.ndarray:
    """A network that is sure of all of its tumors."""
    return np.where(labels == Label.TUMOR, 255, 0).astype(np.uint8)


def test_clean_up_keeps_the_largest_liver_fills_holes_and_drops_specks() -> None:
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[2:20, 2:20, 2:20] = 1
    labels[5:15, 5:15, 5:15] = 3
    labels[10, 10, 10] = labels[17, 17, 17] = 0  # holes of the tumor and of the liver
    labels[3, 3, 3] = 2  # a speck
    labels[25:28, 25:28, 25:28] = 1  # a loose part
    cleaned = cleaned_up(labels, sure(labels), TWO_MM)
    assert cleaned[17, 17, 17] == Label.LIVER
    assert cleaned[3, 3, 3] == Label.LIVER
    assert not cleaned[25:28].any()
    assert (cleaned == 3).sum() == 1000
    nothing = np.zeros((3, 3, 3), np.uint8)
    assert not cleaned_up(nothing, nothing, TWO_MM).any()


def test_a_tumor_that_the_network_is_not_sure_of_is_none() -> None:
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[2:28, 2:28, 2:28] = 1
    labels[5:10, 5:10, 5:10] = 3
    labels[15:25, 15:25, 15:25] = 3
    probability = np.where(labels == 3, 200, 0).astype(np.uint8)
    probability[5:10, 5:10, 5:10] = 110
    probability[5, 5, 5] = 255  # as a whole it counts, not by its surest voxel
    cleaned = cleaned_up(labels, probability, TWO_MM)
    assert (cleaned[5:10, 5:10, 5:10] == Label.LIVER).all()
    assert (cleaned[15:25, 15:25, 15:25] == Label.TUMOR).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("step", [0.7, 2.0, 5.0])
def test_what_is_beside_the_liver_is_told_in_mm(axis: int, step: float) -> None:
    """The same ball in the same liver's surface, however thick the slices are."""
    spacing = [1.0, 1.0, 1.0]
    spacing[axis] = step
    at = np.indices([round(60 / s) for s in spacing]).T * spacing
    kept = {}
    for deep in (-3.0, 6.0):  # of the ball's middle, below the surface at 30 mm
        labels = (at[..., axis] < 30).astype(np.uint8)
        middle = np.array([30.0, 30, 30])
        middle[axis] -= deep
        ball = ((at - middle) ** 2).sum(axis=-1) < 12**2
        labels[ball] = 3
        labels = np.ascontiguousarray(labels.T)
        cleaned = cleaned_up(labels, sure(labels), (spacing[0], spacing[1], spacing[2]))
        kept[deep] = bool((cleaned == Label.TUMOR).any())
    assert kept == {-3.0: False, 6.0: True}


@pytest.mark.parametrize("corner", [0, 5])
def test_a_tumor_that_is_more_beside_the_liver_than_in_it_is_none(corner: int) -> None:
    labels = np.zeros((40, 40, 40), np.uint8)
    inner = slice(corner, 30 + corner)
    labels[inner, inner, inner] = 1
    at = 30 + corner
    labels[at - 10 : at - 2, 10:20, 10:20] = 3  # inside
    labels[at - 8 : at, 10:20, 22:30] = 3  # at the capsule
    labels[at : at + 5, 10:20, 10:20] = 3  # a neighbor, one of six faces in the liver
    cleaned = cleaned_up(labels, sure(labels), TWO_MM)
    assert not cleaned[at:].any()
    assert (cleaned[:at] == labels[:at]).all()


def outlined(
    part: np.ndarray, chance: np.ndarray, labels: np.ndarray, organ: np.ndarray, ml: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The lesions in a part, each with the less probable voxels that are nearest to it."""
    least = np.uint8(min(0.5 * 255, 0.6 * np.percentile(chance[part], 98)))
    core = part & ((chance >= least) | (labels == 0))
    numbers, _ = ndimage.label(core, np.ones((3, 3, 3), bool))
    sizes = np.bincount(numbers.ravel())[1:] * ml
    large = np.flatnonzero(sizes >= 0.25) + 1
    if not len(large) and len(sizes) and sizes.max() >= MIN_COMPONENT_ML[Label.TUMOR]:
        large = np.array([sizes.argmax() + 1])
    if not len(large):
        return [(part, np.zeros_like(part))]
    away = np.stack([ndimage.distance_transform_edt(numbers != number) for number in large])
    nearest = away.argmin(axis=0)
    found = []
    for index, number in enumerate(large):
        lesion = numbers == number
        holes = ndimage.binary_fill_holes(lesion) & organ & ~np.isin(numbers, large)
        found.append((lesion | holes, part & (nearest == index) & ~lesion & ~holes))
    return found


def exposed_share(
    lesion: np.ndarray, organ: np.ndarray, spacing: tuple[float, float, float]
) -> float:
    """The share of a lesion's surface with nothing of the organ beyond."""
    surface = outside = 0.0
    for axis, step in enumerate(spacing):
        for shift in (-1, 1):
            there = np.roll(lesion, shift, axis) & ~lesion  # no label at the border
            surface += there.sum() / step
            outside += (there & ~organ).sum() / step
    return outside / surface


def plain_clean_up(
    labels: np.ndarray, tumor: np.ndarray, spacing: tuple[float, float, float]
) -> np.ndarray:
    """The same rules, written down for a whole block."""
    corners = np.ones((3, 3, 3), bool)
    ml = np.prod(spacing) / 1000
    chance = tumor & 254  # known to 2/255

    def largest(mask: np.ndarray) -> np.ndarray:
        numbers, _ = ndimage.label(mask)
        return mask & (numbers == np.bincount(numbers[mask], minlength=2).argmax())

    organ = ndimage.binary_fill_holes(largest(labels > 0))
    may = organ & ((chance >= round(0.3 * 255)) | (labels == Label.TUMOR) | (labels == 0))
    numbers, count = ndimage.label(may, corners)
    beside, lesions = np.zeros(labels.shape, bool), []
    for number in range(1, count + 1):
        part = numbers == number
        seeds = (part & ((chance >= round(0.4 * 255)) | (labels == 0))).sum()
        if part.sum() * ml < MIN_COMPONENT_ML[Label.TUMOR] or seeds * ml < 0.02:
            continue
        for lesion, rim in outlined(part, chance, labels, organ, ml):
            if exposed_share(lesion, organ, spacing) > 0.45:
                beside |= (lesion | rim) & ((labels == Label.TUMOR) | (labels == 0))
            elif round(float(chance[lesion].mean()) / 255, 3) >= 0.5:
                lesions.append(lesion)
    organ = largest(organ & ~beside) if beside.any() else organ
    out = np.where(organ, np.maximum(np.where(labels == Label.TUMOR, Label.LIVER, labels), 1), 0)
    small, _ = ndimage.label(out == Label.VESSEL, corners)
    sizes = np.bincount(small.ravel()) * ml
    out[(small > 0) & (sizes < MIN_COMPONENT_ML[Label.VESSEL])[small]] = Label.LIVER
    base = out.copy()
    for part in lesions:
        if (base > 0)[ndimage.binary_dilation(part, corners)].any():
            out[part] = Label.TUMOR
    return out


@pytest.mark.parametrize("voxels", [1, 3000, 10**9])
def test_the_clean_up_is_the_same_in_slabs_of_any_size(
    voxels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_components, "_VOXELS", voxels)
    spacing = (1.5, 2.0, 3.0)
    for seed in range(6):
        generator = np.random.default_rng(seed)
        smooth = [
            ndimage.gaussian_filter(generator.normal(size=(34, 30, 26)), sigma)
            for sigma in (3.0, 1.5, 1.5)
        ]
        labels = (smooth[0] > 0).astype(np.uint8)
        for label, field in ((Label.VESSEL, smooth[1]), (Label.TUMOR, smooth[2])):
            labels[(field > 0.08) & (smooth[0] > -0.01)] = label
        labels[[0, -1]] = labels[:, [0, -1]] = labels[:, :, [0, -1]] = 0
        chance = 125 + 2700 * (smooth[2] - 0.08) + 1500 * smooth[0]
        tumor = np.clip(chance, 0, 255).astype(np.uint8)
        expected = plain_clean_up(labels, tumor, spacing)
        assert {0, 1, 2, 3} <= set(np.unique(expected))
        different = cleaned_up(labels, tumor, spacing) != expected
        # A voxel of a rim that is as near to two lesions may go with either.
        assert different.sum() <= 2
        assert (labels[different] == Label.TUMOR).all()
