"""Candidates for lesions: found, judged, let in and out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import liverview as lv
from liverview.cli import main
from liverview.core import paths
from liverview.core.candidates import LesionCandidates, write_candidate
from liverview.core.labels import Label
from liverview.core.stream import Progress, Slab
from liverview.inference.candidates.classifier import (
    LESIONS_FILE,
    LesionClassifier,
    load_classifier,
    save_classifier,
)
from liverview.inference.candidates.features import FEATURES
from liverview.inference.candidates.survey import ScanBlock
from liverview.inference.cleanup import CleanedBlock, iter_clean_labels
from liverview.inference.segmentation import Models, iter_segment
from liverview.networks.checkpoint import CheckpointError
from liverview.phantoms.config import Phantom

from support import tiny_networks

SPACING = (1.5, 1.5, 2.5)
SHAPE = (110, 90, 56)
LIVER_HU, NOISE_HU = 110.0, 12.0


class Block:
    """A liver of one density under lung, with what is put into it."""

    def __init__(self) -> None:
        self.at = np.indices(SHAPE).T * SPACING  # (k, j, i, 3)
        middle = np.array([82.0, 67, 62])
        reach = (((self.at - middle) / (70, 55, 48)) ** 2).sum(axis=-1).T
        self.hu = np.where(self.at[..., 2].T > 62, -800.0, -90.0)
        self.hu[reach < 1] = LIVER_HU
        self.labels = np.asfortranarray((reach < 1).astype(np.uint8))
        self.tumor = np.zeros(SHAPE, np.uint8, order="F")

    def ball(self, middle: tuple[float, float, float], radius: float) -> np.ndarray:
        """The voxels of a ball, mm."""
        return np.asarray((((self.at - middle) ** 2).sum(axis=-1) < radius**2).T)

    def cleaned(
        self, classifier: LesionClassifier | None, least: float = 0.5
    ) -> tuple[np.ndarray, CleanedBlock]:
        """The labels after the clean-up, and what it returns."""
        noise = np.random.default_rng(3).normal(0, NOISE_HU, SHAPE)
        blurred = ndimage.gaussian_filter(self.hu, (0.6, 0.6, 0.5))
        voxels = np.asfortranarray((blurred + noise).round().astype(np.int16))
        labels, tumor = self.labels.copy(order="F"), self.tumor.copy(order="F")
        work = iter_clean_labels(labels, tumor, ScanBlock(voxels, 0, SPACING), classifier, least)
        returned: list[CleanedBlock] = []

        def iter_all() -> Iterator[Progress]:
            returned.append((yield from work))

        assert all(step.fraction < 1 for step in iter_all())
        return labels, returned[0]


@pytest.fixture(scope="module")
def shipped() -> LesionClassifier:
    """The judge that liverview brings."""
    return load_classifier(paths.weights() / LESIONS_FILE)


def block_with_all() -> tuple[Block, dict[str, np.ndarray]]:
    """A dark lesion called background, one called tumor, a hole of fat, and a doubtful dome."""
    block = Block()
    dark = block.ball((60, 67, 60), 13)
    block.hu[dark] = 50
    block.labels[dark] = Label.BACKGROUND
    block.tumor[dark] = 60
    plain = block.ball((115, 70, 55), 9)
    block.hu[plain] = 60
    block.labels[plain], block.tumor[plain] = Label.TUMOR, 235
    fat = block.ball((90, 40, 50), 6)
    block.hu[fat] = -90
    block.labels[fat] = Label.BACKGROUND
    dome = block.ball((82, 67, 114), 9) & (block.labels == Label.LIVER)
    block.hu[dome] = 20
    block.tumor[dome], block.labels[dome] = 115, Label.TUMOR
    return block, {"dark": dark, "plain": plain, "fat": fat, "dome": dome}


def test_a_dark_lesion_that_the_network_called_no_liver_is_a_lesion(
    shipped: LesionClassifier,
) -> None:
    block, where = block_with_all()
    labels, cleaned = block.cleaned(shipped)
    for name in ("dark", "plain"):
        assert (labels[where[name]] == Label.TUMOR).mean() > 0.8, name
        [own] = [c for c in cleaned.candidates if where[name][c.box][c.mask].any()]
        assert own.certainty > 0.6
    assert not (labels[where["fat"]] == Label.TUMOR).any()
    assert (labels[where["fat"]] == Label.LIVER).all()
    assert not (labels[where["dome"]] == Label.TUMOR).any()


def test_without_weights_the_mean_probability_judges_and_a_hole_is_liver() -> None:
    block, where = block_with_all()
    labels, cleaned = block.cleaned(None)
    assert (labels[where["plain"]] == Label.TUMOR).all()
    assert (labels[where["dark"]] == Label.LIVER).all()
    [own] = [c for c in cleaned.candidates if where["plain"][c.box][c.mask].any()]
    assert own.certainty == pytest.approx(234 / 255, abs=0.001)


def test_any_certainty_gives_the_labels_of_a_clean_up_with_it(shipped: LesionClassifier) -> None:
    block, _ = block_with_all()
    none, cleaned = block.cleaned(shipped, 1.0)
    assert len(cleaned.candidates) >= 3
    assert not (none == Label.TUMOR).any()
    certain = [one.certainty for one in cleaned.candidates]
    assert certain == sorted(certain, reverse=True)
    assert min(certain) > 0
    assert max(certain) < 1
    count = np.zeros(SHAPE, int)
    for least in (0.0, certain[1], 0.5):
        expected = none.copy()
        for one in cleaned.candidates:
            write_candidate(expected, one, least)
        assert np.array_equal(block.cleaned(shipped, least)[0], expected)
    for one in cleaned.candidates:
        assert np.array_equal(one.otherwise[one.mask], none[one.box][one.mask])
        count[one.box][one.mask] += 1
    everything, _ = block.cleaned(shipped, 0.0)
    assert count.max() == 1
    assert np.array_equal(count > 0, everything == Label.TUMOR)


def test_a_mass_beside_the_liver_is_background_and_takes_nothing_with_it() -> None:
    block = Block()
    mass = block.ball((82, 128, 62), 24) & (block.labels == 0)
    block.hu[mass] = 60
    block.labels[mass], block.tumor[mass] = Label.TUMOR, 250
    before = block.labels == Label.LIVER
    labels, cleaned = block.cleaned(None)
    assert not labels[mass].any()
    assert (labels[before] == Label.LIVER).all()
    [own] = cleaned.candidates
    assert own.certainty < 0.01
    assert not own.otherwise[own.mask].any()


def judge(seed: int = 0) -> LesionClassifier:
    """A judge of any numbers."""
    draw = np.random.default_rng(seed)
    size = len(FEATURES)
    return LesionClassifier(
        FEATURES,
        {
            "mean": draw.normal(size=size),
            "scale": draw.uniform(0.5, 2, size),
            "direct": draw.normal(size=(2, size)),
            "hidden": draw.normal(size=(2, size, 3)),
            "hidden_bias": draw.normal(size=(2, 3)),
            "out": draw.normal(size=(2, 3)),
            "bias": draw.normal(size=2),
            "calibration": np.array([0.8, -0.3]),
        },
        {"seed": seed},
    )


def test_a_judge_is_read_as_it_was_written_and_is_the_formula(tmp_path: Path) -> None:
    path, made = tmp_path / LESIONS_FILE, judge()
    save_classifier(path, made, "name = 'x'")
    read = load_classifier(path)
    assert read.features == FEATURES
    assert read.card == {"seed": 0}
    x = np.random.default_rng(1).normal(0, 2, (5, len(FEATURES)))
    assert np.allclose(read.certainties(x), made.certainties(x), atol=0.002)
    t = made.tensors
    for row, found in zip(x, made.scores(x), strict=True):
        scaled = np.clip((row - t["mean"]) / t["scale"], -3, 3)
        outs = [
            scaled @ t["direct"][n]
            + np.tanh(scaled @ t["hidden"][n] + t["hidden_bias"][n]) @ t["out"][n]
            + t["bias"][n]
            for n in range(2)
        ]
        assert found == pytest.approx(np.mean(outs))


def test_a_judge_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / LESIONS_FILE
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"lesions\.safetensors is not a safetensors file"):
        load_classifier(path)
    path.write_bytes((paths.weights() / "click.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match="is no judge of liverview for lesions"):
        load_classifier(path)
    broken = judge()
    broken.tensors["hidden"][0, 0, 0] = np.nan  # type: ignore[index]
    save_classifier(path, broken)
    with pytest.raises(CheckpointError, match="hidden holds what is no finite number"):
        load_classifier(path)
    with pytest.raises(ValueError, match=r"features that are not known: .*odor"):
        LesionClassifier(("odor",), judge().tensors)


def judged(case: Phantom, models: Models, k: int) -> tuple[np.ndarray, LesionCandidates]:
    """The labels of a phantom and its candidates, looked at from a slice outward."""
    items = list(iter_segment(case.volume, models, "cpu", (0, 0, k), least_certainty=0.3))
    labels = np.zeros(case.volume.shape, np.uint8)
    for item in items:
        if isinstance(item, Slab):
            labels[:, :, item.start : item.stop] = item.labels
    found = [item for item in items if isinstance(item, LesionCandidates)]
    assert len(found) == 1
    last = items.index(found[0])
    assert not any(isinstance(item, Slab) for item in items[last:])
    return labels, found[0]


def test_candidates_are_the_same_from_any_crosshair(case: Phantom) -> None:
    models = Models(tiny_networks.bright_liver().coarse, tiny_networks.fine(), judge())
    labels, first = judged(case, models, 0)
    others, second = judged(case, models, 35)
    assert np.array_equal(labels, others)
    assert first.least_certainty == 0.3
    assert len(first.parts) == len(second.parts) > 0
    for one, other in zip(first.parts, second.parts, strict=True):
        assert (one.box, one.certainty) == (other.box, other.certainty)
        assert np.array_equal(one.mask, other.mask)
        expected = np.uint8(Label.TUMOR) if one.certainty >= 0.3 else one.otherwise[one.mask]
        assert (labels[one.box][one.mask] == expected).all()


@pytest.mark.parametrize("wrong", ["1.5", "-0.1", "nan", "half"])
def test_a_certainty_is_from_0_to_1(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["segment", "ct.nii.gz", "-o", str(tmp_path), "--least-certainty", wrong])
    assert f"a certainty is a number from 0 to 1, as 0.5, not '{wrong}'" in capsys.readouterr().err
    if wrong != "half":
        scan = lv.Volume.from_array(np.zeros((8, 8, 8), np.int16), spacing=(2, 2, 2))
        with pytest.raises(lv.LiverviewError, match="least certainty must be a number from 0"):
            lv.segment(scan, device="cpu", least_certainty=float(wrong))
