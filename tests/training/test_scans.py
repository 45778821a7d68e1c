"""Training samples from labelled scans, and how they count in the loss."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from liverview.core.labels import Label
from liverview.networks.checkpoint import load_checkpoint
from liverview.networks.preprocessing import Preprocessing, Window
from liverview.phantoms.fields import Grid, RandomSource, gaussian
from liverview.training import scan_samples
from liverview.training.decathlon import DataError
from liverview.training.lesion_insertion import insert_lesions
from liverview.training.losses import PresentDiceCE
from liverview.training.recipe import Recipe, RecipeError, SampleConfig, read_recipe
from liverview.training.run import train
from liverview.training.samples import PhantomSamples
from liverview.training.scan_samples import draw_liver_sample, draw_organ_sample
from liverview.training.scans import LabelledScan, read_scans
from liverview.training.targets import IGNORE_INDEX, complementary_label, ignore_invisible_vessels

from support.tiny_recipe import TINY

HOW = Preprocessing((4.0, 4.0, 4.0), (Window(40, 400),))
FINE = Preprocessing((1.25, 1.25, 1.5), (Window(40, 400),), slices=3, prior=True)
SLICES = SampleConfig("liver", (96, 96, 4), 6)
BLOCK = SampleConfig("organs", (48, 48, 16), 8)
LIVER = 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two scans of a bright ball; nobody knows what is on its left. Stored LPS, 3 x 3 x 5 mm."""
    shape, spacing = (64, 60, 30), (3.0, 3.0, 5.0)
    away = sum(
        ((n - size / 2) * mm) ** 2
        for n, size, mm in zip(np.indices(shape), shape, spacing, strict=True)
    )
    ball = away < 50**2
    labels = ball.astype(np.uint8)
    labels[: shape[0] // 4] = 255
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    for name, hu in (("a", 150), ("b", 220)):
        where = tmp_path / "scans" / name
        where.mkdir(parents=True)
        voxels = np.where(ball, hu, -60).astype(np.int16)
        nib.save(nib.Nifti1Image(voxels, affine), where / "ct.nii.gz")
        nib.save(nib.Nifti1Image(labels, affine), where / "liver.nii.gz")
    return tmp_path / "scans"


def mixed(tmp_path: Path, share: float = 0.5) -> Recipe:
    path = tmp_path / "mixed.toml"
    path.write_text(TINY + f"[scans]\nshare = {share}\n")
    recipe = read_recipe(path)
    assert isinstance(recipe, Recipe)
    return recipe


def test_labels_stay_on_what_they_name(folder: Path) -> None:
    """However a block is bent and recolored, the ball is where its label says."""
    scans = read_scans(folder, HOW)
    assert [scan.name for scan in scans] == ["a", "b"]
    for n in range(12):
        x, target = draw_organ_sample(RandomSource((4, n)), scans[n % 2], BLOCK, HOW, LIVER)
        assert x.shape == (1, *BLOCK.shape)
        assert target.shape == BLOCK.shape
        assert set(target.unique().tolist()) <= {LIVER, complementary_label(LIVER), IGNORE_INDEX}
        inside, outside = x[0][target == LIVER], x[0][target == complementary_label(LIVER)]
        assert (inside > float(inside.median() + outside.median()) / 2).float().mean() > 0.93
        assert (outside < float(inside.median() + outside.median()) / 2).float().mean() > 0.93


def test_slices_of_the_second_stage_are_the_scans_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In-plane they are bent, and every voxel inside is some part of the organ, whichever."""
    monkeypatch.setattr(scan_samples, "insert_lesions", lambda draw, hu, target, grid, noise_hu: hu)
    scans = read_scans(folder, FINE)
    assert scans[0].spacing == (1.25, 1.25, 5.0)
    depths = set()
    for n in range(16):
        x, target = draw_liver_sample(RandomSource((5, n)), scans[n % 2], SLICES, FINE)
        assert x.shape == (4, FINE.channels, *SLICES.shape[:2])
        assert target.shape == (4, *SLICES.shape[:2])
        assert set(target.unique().tolist()) <= {0, complementary_label(0), IGNORE_INDEX}
        own = x[:, 1]
        if (target == complementary_label(0)).sum() < 100:
            continue  # at the edge of what nobody knows
        inside, outside = own[target == complementary_label(0)], own[target == 0]
        between = float(inside.median() + outside.median()) / 2
        assert (inside > between).float().mean() > 0.93
        assert (outside < between).float().mean() > 0.93
        prior = x[:, -1]
        assert prior.min() >= -1
        assert prior.max() <= 1
        depths.add(float((prior * (target == complementary_label(0))).mean()))
    assert len(depths) > 8  # the first stage errs in its own way every time


@pytest.fixture
def parts(folder: Path) -> LabelledScan:
    """A scan whose ball has a vessel along z, a tumor, and a half of which no more is known."""
    where = folder / "a"
    image = nib.load(where / "liver.nii.gz")
    labels = np.asarray(image.dataobj).copy()
    i, j, _ = np.indices(labels.shape)
    ball = labels == 1
    labels[ball & (j >= 30)] = 4
    labels[ball & (j >= 30) & (abs(i - 40) < 3) & (abs(j - 36) < 3)] = 2
    labels[ball & (j >= 30) & (abs(i - 28) < 5) & (abs(j - 38) < 5)] = 3
    voxels = np.asarray(nib.load(where / "ct.nii.gz").dataobj).copy()
    voxels[labels == 2] += 60
    voxels[labels == 3] -= 60
    nib.save(nib.Nifti1Image(labels, image.affine), where / "liver.nii.gz")
    nib.save(nib.Nifti1Image(voxels, image.affine), where / "ct.nii.gz")
    return read_scans(folder, FINE)[0]


def test_vessels_and_tumors_are_named_where_they_are_known(
    parts: LabelledScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_samples, "insert_lesions", lambda draw, hu, target, grid, noise_hu: hu)
    seen = set()
    for n in range(24):
        x, target = draw_liver_sample(RandomSource((6, n)), parts, SLICES, FINE)
        named = set(target.unique().tolist())
        assert named <= {0, 1, 2, 3, complementary_label(0), IGNORE_INDEX}
        own = x[:, 1]
        for label, sign in ((Label.VESSEL, 1), (Label.TUMOR, -1)):
            if (target == label).sum() > 60 and (target == Label.LIVER).sum() > 60:
                apart = own[target == label].median() - own[target == Label.LIVER].median()
                assert sign * float(apart) > 0
                seen.add(label)
    assert seen == {Label.VESSEL, Label.TUMOR}


def test_vessels_that_the_noise_hides_are_not_asked_for() -> None:
    hu = torch.full((8, 8, 2), 100.0)
    target = torch.full((8, 8, 2), int(Label.LIVER))
    target[:2] = int(Label.VESSEL)
    hu[:2] += 12
    ignore_invisible_vessels(hu, target, noise_hu=20.0)
    assert (target[:2] == Label.VESSEL).all()
    ignore_invisible_vessels(hu, target, noise_hu=30.0)
    assert (target[:2] == complementary_label(0)).all()
    assert (target[2:] == Label.LIVER).all()


def test_lesions_are_drawn_into_a_real_liver_and_named() -> None:
    """Its noise goes on through them, what lies outside stays, and what is unknown stays so."""
    grid = Grid.centered((0, 0, 0), (1.25, 1.25, 2.5), (96, 96, 8))
    noise = RandomSource(1).white_noise(grid.shape) * 10
    target = torch.zeros(grid.shape, dtype=torch.long)
    target[16:80, 16:80] = complementary_label(0)
    target[16:40, 16:40] = IGNORE_INDEX
    organ = target != 0
    hu = torch.where(organ, 100.0, -60.0) + noise
    sizes = []
    for n in range(12):
        drawn = target.clone()
        seen = insert_lesions(RandomSource((7, n)), hu, drawn, grid, 10.0)
        tumor = drawn == Label.TUMOR
        assert not tumor[~organ].any()
        assert torch.equal(drawn == IGNORE_INDEX, target == IGNORE_INDEX)
        assert torch.allclose(seen[~organ], hu[~organ], atol=1e-3)
        if tumor.sum() > 300:
            assert float((seen - hu)[tumor].abs().mean()) > 5
            # Without what the lesion adds, which is smooth, its noise is that of the scan.
            rough = seen - gaussian(seen, (1.5, 1.5, 0))
            before = hu - gaussian(hu, (1.5, 1.5, 0))
            deep = gaussian(tumor.float(), (2, 2, 0)) > 0.98
            if deep.sum() > 200:
                assert float(rough[deep].std()) > 0.8 * float(before[deep].std())
        sizes.append(int(tumor.sum()))
    assert max(sizes) > 1000


def test_centerlines_count_where_vessels_are_shown() -> None:
    target = torch.zeros(2, 32, 32, dtype=torch.long)
    target[0, 15:18] = 2
    whole, broken = (torch.zeros(2, 4, 32, 32) for _ in range(2))
    whole[:, 0] = broken[:, 0] = 8.0
    whole[0, 2, 15:18] = broken[0, 2, 15:18] = 16.0
    broken[0, 2, :, 12:20] = 0.0
    plain, lines = PresentDiceCE(0.0), PresentDiceCE(0.0, lines=2, line_weight=0.5)
    assert float(lines(whole, target) - plain(whole, target)) == pytest.approx(0, abs=0.02)
    assert float(lines(broken, target) - plain(broken, target)) > 0.05
    empty = torch.zeros_like(target)
    assert torch.equal(lines(broken, empty), plain(broken, empty))


def test_what_nobody_knows_and_what_is_beyond_the_scan_is_unknown(folder: Path) -> None:
    scan = read_scans(folder, HOW)[0]
    big = SampleConfig("organs", (96, 96, 48), 8)
    _, target = draw_organ_sample(RandomSource(1), scan, big, HOW, LIVER)
    # The scan has 192 x 180 x 150 mm, a quarter of it unknown; the block 384 x 384 x 192.
    assert (target[:10] == IGNORE_INDEX).all()
    assert (target[:, :, :3] == IGNORE_INDEX).all()
    named = float((target != IGNORE_INDEX).float().mean()) * 384 * 384 * 192
    assert named == pytest.approx(0.75 * 192 * 180 * 150, rel=0.4)


def test_samples_are_mixed_and_repeatable(folder: Path, tmp_path: Path) -> None:
    recipe = mixed(tmp_path)
    scans = read_scans(folder, HOW)
    samples = PhantomSamples(recipe, 0, 24, scans=scans)
    real = [bool((samples[n][1] < 0).any()) for n in range(8)]
    assert 0 < sum(real) < 8
    n = real.index(True)
    again = PhantomSamples(recipe, n, n + 1, scans=scans)
    assert torch.equal(again[0][0], samples[n][0])
    assert torch.equal(again[0][1], samples[n][1])


def test_not_liver_counts_against_the_liver_alone_and_unknown_for_nothing() -> None:
    torch.manual_seed(0)
    loss = PresentDiceCE(0.0)
    target = torch.full((1, 4, 4, 4), complementary_label(2))
    target[:, 0] = 2
    target[:, 3] = IGNORE_INDEX
    logits = torch.randn(1, 4, 4, 4, 4, requires_grad=True)
    loss(logits, target).backward()
    assert logits.grad is not None
    slope = logits.grad[0]
    assert (slope[:, 3] == 0).all()
    assert (slope[2, 1:3] > 0).all()
    # The others share what the liver loses as they stand to each other: none is preferred.
    chance = torch.cat([logits.detach()[0, :2], logits.detach()[0, 3:]])[:, 1:3].softmax(dim=0)
    others = torch.cat([slope[:2], slope[3:]])[:, 1:3]
    assert torch.allclose(others / others.sum(dim=0), chance, atol=1e-4)


def test_a_run_on_phantoms_and_scans(folder: Path, tmp_path: Path) -> None:
    recipe, out = mixed(tmp_path), tmp_path / "run"
    made = load_checkpoint(train(recipe, out, "cpu", data=folder))
    assert made.card["data"].endswith("50% of the samples from labelled scans: a, b")
    (folder / "b" / "ct.nii.gz").unlink()
    with pytest.raises(DataError, match="a run on other scans"):
        train(recipe, out, "cpu", resume=True, data=folder)


def test_bad_folders_and_recipes_are_sentences(folder: Path, tmp_path: Path) -> None:
    recipe, out = mixed(tmp_path), tmp_path / "run"
    with pytest.raises(DataError, match="mixes phantoms with labelled scans"):
        train(recipe, out, "cpu")
    with pytest.raises(DataError, match="holds no folder with"):
        train(recipe, out, "cpu", data=tmp_path / "none")
    labels = folder / "a" / "liver.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)), labels)
    with pytest.raises(DataError, match=r"\(4, 4, 4\) voxels"):
        train(recipe, out, "cpu", data=folder)
    labels.unlink()
    with pytest.raises(DataError, match=r"liver\.nii\.gz is missing"):
        train(recipe, out, "cpu", data=folder)
    assert not (out / "mixed.safetensors").exists()
    with pytest.raises(RecipeError, match="share"):
        mixed(tmp_path, 1.5)


@pytest.mark.parametrize(
    ("value", "shift_mm", "word"),
    [(7, 0, "value 7"), (1, 50, "grid of the scan"), (0, 0, "no liver")],
)
def test_labels_that_cannot_be_used_are_a_sentence(
    folder: Path, value: int, shift_mm: float, word: str
) -> None:
    path = folder / "a" / "liver.nii.gz"
    image = nib.load(path)
    labels = np.asarray(image.dataobj).copy()
    labels[labels > 0] = value
    affine = image.affine.copy()
    affine[0, 3] += shift_mm
    nib.save(nib.Nifti1Image(labels, affine), path)
    with pytest.raises(DataError, match=word) as caught:
        read_scans(folder, FINE)
    assert str(path) in str(caught.value)
