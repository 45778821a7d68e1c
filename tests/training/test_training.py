"""Training: recipes, samples that depend on their number alone, runs that can be repeated."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from liverview.core import paths
from liverview.core.labels import Label
from liverview.networks.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from liverview.networks.device_names import DeviceError
from liverview.networks.network import AttentionResUNet
from liverview.phantoms.fields import Grid
from liverview.phantoms.frame import Organ
from liverview.phantoms.paint import Painting
from liverview.phantoms.scanner import Scanner
from liverview.training import run, samples
from liverview.training.initial_weights import copy_weights, record_initial_weights
from liverview.training.losses import PresentDiceCE
from liverview.training.phantom_module import Batch, PhantomModule, warmup_cosine
from liverview.training.recipe import Recipe, RecipeError, read_recipe
from liverview.training.run import train
from liverview.training.samples import PhantomSamples

from support.tiny_recipe import TINY

OURS = {"liver.toml": "coarse", "fine.toml": "fine"}
"""Recipes, and the weights that they made."""


def recipe(tmp_path: Path, **changes: str) -> Recipe:
    text = TINY
    for old, new in changes.items():
        text = "\n".join(
            f"{old} = {new}" if line.split(" = ")[0] == old else line for line in text.split("\n")
        )
    path = tmp_path / "tiny.toml"
    path.write_text(text)
    return read_recipe(path)


# ---- recipes -----------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "name"), [*OURS.items(), ("coarse.toml", "coarse")])
def test_shipped_recipes_are_complete(file: str, name: str) -> None:
    shipped = read_recipe(paths.resources() / "recipes" / file)
    assert shipped.name == name
    assert shipped.network.in_channels == shipped.preprocessing.channels
    assert shipped.network.depth == 4


@pytest.mark.parametrize("file", OURS)
def test_shipped_weights_were_made_with_the_shipped_recipe(file: str) -> None:
    text = (paths.resources() / "recipes" / file).read_text()
    checkpoint = load_checkpoint(paths.weights() / f"{OURS[file]}.safetensors")
    assert checkpoint.recipe == text
    assert checkpoint.card["license"]


def test_organ_classes_are_the_organs(tmp_path: Path) -> None:
    names = recipe(tmp_path).classes
    assert names == ("background", *(organ.name.lower() for organ in list(Organ)[1:]))
    shipped = read_recipe(paths.resources() / "recipes" / "liver.toml")
    assert shipped.classes == names


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"seed": "[oops"}, "readable"),
        ({"dims": "5"}, "dims"),
        ({"processes": "2"}, "processes"),
        ({"spacing_mm": "[0, 1, 1]"}, "spacing_mm"),
        ({"kind": '"teeth"'}, "kind"),
        ({"every": "0"}, "every"),
        ({"steps": "0"}, "steps"),
        ({"steps": "4.0"}, "whole"),
        ({"batch": "0"}, "batch"),
        ({"learning_rate": "0"}, "learning_rate"),
        ({"clip_norm": "2.0\nsettle_steps = 1"}, "settling"),
        ({"clip_norm": "2.0\nsettle_steps = 5"}, "settle_steps"),
        ({"learning_rate": '"fast"'}, "learning_rate"),
        ({"shape": "[10, 10, 10]"}, "multiples of 8"),
        ({"shape": '["a", 8, 8]'}, "shape"),
        ({"name": '"../escaped"'}, "name"),
        ({"depth": "99"}, "depth"),
        ({"seed": "-1"}, "seed"),
        ({"seed": "1\nlesions = 2"}, "lesions is not an entry"),
        ({"every": "2\nevry = 1"}, "validation.evry"),
        ({"clip_norm": "2.0\ncenterline_weight = 0.3"}, "class vessel"),
    ],
)
def test_unusable_recipes_are_a_sentence(change: dict[str, str], word: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=word) as caught:
        recipe(tmp_path, **change)
    assert "tiny.toml" in str(caught.value)


def test_a_missing_entry_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('name = "x"')
    with pytest.raises(RecipeError, match="preprocessing"):
        read_recipe(tmp_path / "bad.toml")


# ---- samples -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contrast", "patch", "asked"),
    [(25, 0, True), (25, -25, True), (0, 0, False), (0, -25, False), (-25, 25, True)],
)
def test_a_vessel_is_asked_for_where_it_differs_from_what_is_around_it(
    contrast: float, patch: float, asked: bool
) -> None:
    """A part of the liver that is darker or brighter as a whole hides no vessel and shows none."""
    grid = Grid.centered((0, 0, 0), (1.25, 1.25, 2.5), (64, 64, 8))
    labels = torch.full(grid.shape, int(Label.LIVER), dtype=torch.uint8)
    labels[29:35, 29:35] = int(Label.VESSEL)
    hu = torch.full(grid.shape, 100.0)
    hu[8:56, 8:56] += patch
    hu[29:35, 29:35] += contrast
    painting = Painting(torch.zeros_like(labels), labels, hu)
    seen = samples._visible_labels(painting, 100.0, Scanner(noise_hu=8), grid)
    assert bool((seen == Label.VESSEL).any()) == asked
    assert torch.equal(seen == Label.LIVER, labels == Label.LIVER) == asked


def test_organ_samples_depend_on_their_number_alone(tmp_path: Path) -> None:
    how = recipe(tmp_path)
    samples = PhantomSamples(how, 0, 8)
    x, organs = samples[5]
    assert x.shape == (2, 64, 64, 16)
    assert x.min() >= -1
    assert x.max() <= 1
    assert organs.shape == (64, 64, 16)
    assert organs.max() < len(how.classes)
    samples[0], samples[7]
    later = PhantomSamples(how, 5, 6)[0]
    assert torch.equal(later[0], x)
    assert torch.equal(later[1], organs)
    assert not torch.equal(samples[6][0], x)
    assert not torch.equal(PhantomSamples(how, 0, 8, stream=1)[5][0], x)


def test_liver_samples_have_labels_and_a_first_stage() -> None:
    how = read_recipe(paths.resources() / "recipes" / "fine.toml")
    samples = PhantomSamples(how, 0, 12)
    seen = set()
    between = []
    for n in range(0, 12, 2):
        x, labels = samples[n]
        assert x.shape == (4, how.preprocessing.channels, 128, 128)
        assert labels.shape == (4, 128, 128)
        seen |= set(labels.unique().tolist())
        prior, liver = x[:, -1], labels > 0
        if liver.any() and not liver.all():
            between.append(float(prior[liver].mean() - prior[~liver].mean()))
    assert np.median(between) > 1  # errors and all, it knows where the liver is
    assert seen >= {0, 1, 2}


# ---- runs --------------------------------------------------------------------------------


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path).network.state_dict()


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.skipif(sys.platform == "win32", reason="trained on Linux and macOS")
def test_a_run_can_be_repeated_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how = recipe(tmp_path)
    whole = weights_of(train(how, tmp_path / "a", "cpu"))
    step = PhantomModule.training_step

    def fail_in_the_second_round(self: PhantomModule, batch: Batch, index: int) -> torch.Tensor:
        if self.global_step == 3:
            raise RuntimeError("the power went out")
        return step(self, batch, index)

    with monkeypatch.context() as outage:
        outage.setattr(PhantomModule, "training_step", fail_in_the_second_round)
        with pytest.raises(RuntimeError, match="power"):
            train(how, tmp_path / "c", "cpu")
    assert not (tmp_path / "c" / "tiny.safetensors").exists()
    # Its first half is a repetition, its second half was resumed.
    assert same(whole, weights_of(train(how, tmp_path / "c", "cpu", resume=True)))
    with pytest.raises(FileExistsError, match="resume"):
        train(how, tmp_path / "a", "cpu")
    # A run that is complete stays as it is, and is exported again where that was lost.
    exported = tmp_path / "a" / "tiny.safetensors"
    before = exported.read_bytes()
    assert train(how, tmp_path / "a", "cpu", resume=True).read_bytes() == before
    card = load_checkpoint(exported).card
    exported.unlink()
    again = train(how, tmp_path / "a", "cpu", resume=True)
    assert same(whole, weights_of(again))
    assert load_checkpoint(again).card == card
    other = recipe(tmp_path, seed="8")
    with pytest.raises(RecipeError, match="another recipe"):
        train(other, tmp_path / "a", "cpu", resume=True)
    assert not same(whole, weights_of(train(other, tmp_path / "d", "cpu")))


@pytest.mark.skipif(sys.platform == "win32", reason="trained on Linux and macOS")
def test_batch_norm_settles(tmp_path: Path) -> None:
    """In the last steps the statistics stay as they are, and everything else is trained."""
    how = recipe(tmp_path, steps="6", clip_norm="2.0\nsettle_steps = 2\nsettle_rate = 1e-2")
    seen: list[dict[str, torch.Tensor]] = []

    class Watched(PhantomModule):
        def on_train_epoch_end(self) -> None:
            seen.append({name: t.clone() for name, t in self.network.state_dict().items()})

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "PhantomModule", Watched)
        last = weights_of(train(how, tmp_path / "run", "cpu"))
    first, second, third = seen
    statistics = [name for name in first if "running" in name]
    others = [name for name in first if name.endswith("conv.weight")]
    assert any(not torch.equal(first[name], second[name]) for name in statistics)
    for name in others:
        assert not torch.equal(second[name], third[name])
    for name in statistics:
        assert torch.equal(third[name].half(), last[name].half())


def test_the_learning_rate_starts_again_to_settle(tmp_path: Path) -> None:
    how = recipe(
        tmp_path, steps="100", clip_norm="2.0\nsettle_steps = 40\nsettle_rate = 5e-3"
    ).optimizer
    rates = [warmup_cosine(step, how) * how.learning_rate for step in range(100)]
    assert rates[1] == max(rates) == how.learning_rate
    assert rates[59] < 1e-4
    assert rates[60] == pytest.approx(5e-3)
    assert rates[99] < 1e-4


# ---- weights to begin with ---------------------------------------------------------------


def weights(path: Path, how: Recipe, classes: tuple[str, ...]) -> Path:
    """A checkpoint of the recipe's network with other random weights and other classes."""
    torch.manual_seed(3)
    network = AttentionResUNet(replace(how.network, classes=len(classes)))
    save_checkpoint(path, Checkpoint(network.eval(), how.preprocessing, classes))
    return path


def test_weights_are_taken_by_name(tmp_path: Path) -> None:
    how = recipe(tmp_path)
    path = weights(tmp_path / "other.safetensors", how, ("background", "tumor", "liver"))
    theirs = weights_of(path)
    torch.manual_seed(0)
    network = AttentionResUNet(how.network)
    random = {name: t.clone() for name, t in network.state_dict().items()}
    copy_weights(network, how.classes, path)
    taken = network.state_dict()
    body = [name for name in taken if not name.startswith("head")]
    assert all(torch.equal(taken[name], theirs[name]) for name in body)
    for name in ("head.weight", "head.bias"):
        liver, fat = how.classes.index("liver"), how.classes.index("fat")
        assert torch.equal(taken[name][liver], theirs[name][2])
        assert torch.equal(taken[name][0], theirs[name][0])
        assert torch.equal(taken[name][fat], random[name][fat])


@pytest.mark.skipif(sys.platform == "win32", reason="trained on Linux and macOS")
def test_a_run_says_what_it_began_with(tmp_path: Path) -> None:
    how = recipe(tmp_path, steps="2")
    init = weights(tmp_path / "first.safetensors", how, how.classes)
    other = weights(tmp_path / "other.safetensors", how, ("background", *how.classes[:0:-1]))
    path = train(how, tmp_path / "run", "cpu", init=init)
    card = load_checkpoint(path).card
    digest = hashlib.sha256(init.read_bytes()).hexdigest()
    assert card["began_with"] == {"file": "first.safetensors", "sha256": digest}
    started = weights_of(train(how, tmp_path / "plain", "cpu"))
    assert not same(weights_of(path), started)
    path.unlink()
    again = train(how, tmp_path / "run", "cpu", resume=True)
    assert load_checkpoint(again).card == card
    with pytest.raises(RecipeError, match=r"began with first\.safetensors"):
        train(how, tmp_path / "run", "cpu", resume=True, init=other)
    with pytest.raises(RecipeError, match="began with random weights"):
        train(how, tmp_path / "plain", "cpu", resume=True, init=init)


def test_weights_to_begin_with_are_asked_for_again_where_nothing_else_is_left(
    tmp_path: Path,
) -> None:
    how = recipe(tmp_path)
    init = weights(tmp_path / "first.safetensors", how, how.classes)
    record_initial_weights(tmp_path, init, began=False, resume=False)
    with pytest.raises(RecipeError, match=r"first\.safetensors.* --init again"):
        train(how, tmp_path, "cpu", resume=True)


def test_weights_that_do_not_fit_are_a_sentence(tmp_path: Path) -> None:
    how = recipe(tmp_path)
    init = weights(tmp_path / "first.safetensors", how, how.classes)
    wider = recipe(tmp_path, base_features="6", depth="2")
    with pytest.raises(CheckpointError, match="base_features 4 instead of 6, depth 3 instead of 2"):
        train(wider, tmp_path / "run", "cpu", init=init)
    with pytest.raises(CheckpointError, match=r"none\.safetensors cannot be read"):
        train(how, tmp_path / "run", "cpu", init=tmp_path / "none.safetensors")


@pytest.mark.parametrize("device", ["mps", "cuda:99", "cuda:x"])
def test_devices_that_cannot_train_are_a_sentence(device: str, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=device):
        train(recipe(tmp_path), tmp_path / "run", device)


def test_a_damaged_run_is_a_sentence(tmp_path: Path) -> None:
    how = recipe(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.toml").write_text(how.text)
    (tmp_path / "run" / "last.ckpt").write_bytes(b"half of it")
    with pytest.raises(RecipeError, match="damaged"):
        train(how, tmp_path / "run", "cpu", resume=True)


LEARNS = """
name = "tiny-liver"
seed = 7
classes = ["background", "liver", "vessel", "tumor"]
[network]
dims = 2
base_features = 8
depth = 3
[preprocessing]
spacing_mm = [4.0, 4.0, 4.0]
slices = 3
windows = [{ level = 0, width = 200, relative = true }, { level = 40, width = 400 }]
[sample]
kind = "liver"
shape = [64, 64, 4]
per_body = 64
slice_mm = [4.0, 5.0]
[optimizer]
steps = 40
batch = 4
processes = 2
learning_rate = 1e-2
weight_decay = 1e-4
warmup_steps = 5
average_decay = 0.8
label_smoothing = 0.02
clip_norm = 2.0
settle_steps = 20
settle_rate = 5e-3
[validation]
samples = 8
every = 20
"""
LIVER_DICE = 0.65
"""What a minute on two cores must reach on phantoms that were held out; it was .77."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="trained on Linux and macOS")
def test_a_network_learns(tmp_path: Path) -> None:
    """By the command, in two processes; what is exported can be used."""
    path = tmp_path / "learns.toml"
    path.write_text(LEARNS)
    out = tmp_path / "run"
    command = ["-m", "liverview", "train", str(path), "--out", str(out), "--device", "cpu"]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *command], check=True, env=environment, capture_output=True)
    checkpoint = load_checkpoint(out / "tiny-liver.safetensors")
    assert checkpoint.recipe == LEARNS
    held_out = checkpoint.card["held_out_phantoms"]
    assert held_out.keys() == {"dice_liver", "dice_vessel", "dice_tumor"}
    assert held_out["dice_liver"] > LIVER_DICE
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_loss_leaves_out_classes_that_are_not_there() -> None:
    loss = PresentDiceCE(label_smoothing=0.0)
    target = torch.zeros(1, 6, 6, dtype=torch.long)
    target[:, :2] = 1
    logits = torch.zeros(1, 4, 6, 6, requires_grad=True)
    chance = float(torch.log(torch.tensor(4.0)))  # cross-entropy of four equal chances
    share = 2 * 12 * 0.25 / (12 + 36 * 0.25)  # Dice of class 1 at equal chances
    whole = loss(logits, target)
    assert float(whole.detach()) == pytest.approx(chance + 1 - share, abs=1e-3)
    whole.backward()
    assert logits.grad is not None
    assert logits.grad[0, 1, :2].max() < 0  # pulled up where it is
    nobody = loss(torch.zeros(1, 4, 6, 6), torch.zeros_like(target))
    assert float(nobody) == pytest.approx(chance, abs=1e-5)
