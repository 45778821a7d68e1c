"""Training on scans: a tiny Medical Segmentation Decathlon folder from its files to the labels."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from liverview.core import paths
from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.inference.segmentation import Models, collect_labels, iter_segment, load_models
from liverview.networks.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from liverview.networks.preprocessing import Preprocessing
from liverview.phantoms.config import Phantom, PhantomConfig
from liverview.phantoms.generation import iter_generate
from liverview.training import run
from liverview.training.decathlon import (
    DataError,
    DecathlonCase,
    read_alone,
    read_decathlon,
    split_cases,
)
from liverview.training.recipe import SliceRecipe, read_recipe
from liverview.training.run import train
from liverview.training.slices import Batch, SliceModule

from support import tiny_networks

SHIPPED = paths.resources() / "recipes"
WHOLE = Preprocessing((0, 0, 0), (), min_max=True)

trains = pytest.mark.skipif(sys.platform == "win32", reason="trained on Linux and macOS")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is so small is done sooner by one thread than shared by two."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)


@pytest.fixture(scope="module")
def case() -> Phantom:
    torch.set_num_threads(1)
    config = PhantomConfig(shape=(64, 52, 36), spacing=(6, 6.5, 8), seed=4, noise_hu=5)
    *_, case = iter_generate(config)
    assert isinstance(case, Phantom)
    return case


@pytest.fixture(scope="module")
def folder(case: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five scans of four slices, and one that has too many."""
    folder = tmp_path_factory.mktemp("data") / "Task03_Liver"
    parts = {f"liver_{n}": slice(8 + 4 * n, 12 + 4 * n) for n in range(5)} | {
        "liver_5": slice(None)
    }
    truth = np.array([0, 1, 1, 2], np.uint8)[case.labels.voxels]  # the Decathlon's own values
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for name, part in parts.items():
        volume = Volume(case.volume.voxels[:, :, part], case.volume.affine)
        labels = LabelMap(truth[:, :, part], volume.affine)
        for _ in images.iter_write_volume(folder / "imagesTr" / f"{name}.nii.gz", volume):
            pass
        for _ in images.iter_write_labels(folder / "labelsTr" / f"{name}.nii.gz", labels, volume):
            pass
    content = {
        "name": "Liver",
        "licence": "CC-BY-SA 4.0",
        "labels": {"0": "background", "1": "liver", "2": "cancer"},
        "training": [
            {"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"}
            for name in parts
        ],
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def recipe(folder: Path, **changes: str) -> SliceRecipe:
    """The shipped recipe but for its size, and what is asked for."""
    text = (SHIPPED / "decathlon-liver.toml").read_text()
    small = {"base_features": "2", "fewer_than": "20", "epochs": "3", "batch": "8"}
    for name, value in (small | changes).items():
        text, count = re.subn(rf"(?m)^{name} = [^#\n]*", f"{name} = {value} ", text)
        assert count == 1
    path = folder / "small.toml"
    path.write_text(text)
    how = read_recipe(path)
    assert isinstance(how, SliceRecipe)
    return how


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path).network.state_dict()


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# ---- recipes and data --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "features", "fewer_than", "classes"),
    [
        ("decathlon-liver", 8, 300, ("background", "liver", "tumor")),
        ("decathlon-vessel", 16, 80, ("background", "vessel", "tumor")),
    ],
)
def test_shipped_recipes_are_the_posts_training(
    name: str, features: int, fewer_than: int, classes: tuple[str, ...]
) -> None:
    how = read_recipe(SHIPPED / f"{name}.toml")
    assert isinstance(how, SliceRecipe)
    assert how.name == name
    assert how.classes == classes
    assert (how.network.dims, how.network.base_features) == (2, features)
    assert how.preprocessing == WHOLE
    assert (how.sample.fewer_than, how.sample.validation_share) == (fewer_than, 0.2)
    optimizer = how.optimizer
    assert (optimizer.batch, optimizer.learning_rate) == (32, 1e-4)
    assert (optimizer.plateau_factor, optimizer.plateau_patience) == (0.5, 3)
    assert optimizer.stop_patience == 5
    assert how.threshold == 0.5


@pytest.mark.parametrize(
    ("count", "training", "held_out"), [(54, 43, 11), (216, 172, 44), (2, 1, 1)]
)
def test_scans_are_split_as_the_post_split_them(count: int, training: int, held_out: int) -> None:
    how = read_recipe(SHIPPED / "decathlon-liver.toml")
    assert isinstance(how, SliceRecipe)
    scans = [DecathlonCase(f"liver_{n}", Path(), Path()) for n in range(count)]
    parts = split_cases(scans, how)
    assert [len(part) for part in parts] == [training, held_out]
    assert {*parts[0], *parts[1]} == set(scans)
    assert split_cases(scans[::-1], how) == parts
    assert count == 2 or split_cases(scans, replace(how, seed=1)) != parts


def test_what_does_not_fit_is_a_sentence(folder: Path, tmp_path: Path) -> None:
    how = recipe(tmp_path)
    out = tmp_path / "run"
    with pytest.raises(DataError, match="--data"):
        train(how, out, "cpu")
    with pytest.raises(DataError, match=r"phantoms, not from .*Task03_Liver"):
        train(read_recipe(SHIPPED / "coarse.toml"), out, "cpu", data=folder)
    with pytest.raises(DataError, match=r"dataset\.json cannot be read"):
        train(how, out, "cpu", data=tmp_path)
    vessel = read_recipe(SHIPPED / "decathlon-vessel.toml")
    with pytest.raises(DataError, match="labels for background, liver, tumor"):
        train(vessel, out, "cpu", data=folder)
    with pytest.raises(DataError, match=r"0 scan\(s\) with fewer than 4 slices"):
        train(recipe(tmp_path, fewer_than="4"), out, "cpu", data=folder)
    content = json.loads((folder / "dataset.json").read_text())
    scans = [
        {"image": str(folder / e["image"]), "label": str(folder / e["label"])}
        for e in content["training"]
    ]
    scans[1]["label"] = scans[5]["label"]
    (tmp_path / "dataset.json").write_text(json.dumps(content | {"training": scans}))
    with pytest.raises(DataError, match=r"liver_5\.nii\.gz has \(64, 52, 36\) voxels, its scan"):
        train(how, out, "cpu", data=tmp_path)
    (tmp_path / "dataset.json").write_text('{"labels": {}}')
    with pytest.raises(DataError, match="'training' is amiss"):
        read_decathlon(tmp_path, how)


# ---- runs --------------------------------------------------------------------------------


def test_a_scan_to_train_on_is_alone_in_its_file(write: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="holds 2 volumes"):
        read_alone(write(np.zeros((4, 5, 6, 2), np.int16)))
    assert read_alone(write(np.zeros((4, 5, 6, 1), np.int16))).shape == (4, 5, 6)


@trains
def test_a_run_from_its_scans_to_labels(
    folder: Path, case: Phantom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how, out = recipe(tmp_path), tmp_path / "run"
    path = train(how, out, "cpu", data=folder)
    checkpoint = load_checkpoint(path)
    assert checkpoint.classes == how.classes
    assert checkpoint.preprocessing == WHOLE
    assert checkpoint.card["license"] == "CC-BY-SA 4.0"
    assert checkpoint.card["held_out"]["dice_liver"] >= 0
    parts = json.loads((out / "split.json").read_text())
    assert sorted(parts["training"] + parts["validation"]) == [f"liver_{n}" for n in range(5)]
    assert len(parts["validation"]) == 1
    cached = {file.name.split(".")[0] for file in (out / "cache").iterdir()}
    assert cached == {f"liver_{n}" for n in range(5)}
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "val_loss" in (out / "logs" / "version_0" / "metrics.csv").read_text()
    assert list((out / "logs" / "version_0").glob("events.out.tfevents.*"))

    models = Models(tiny_networks.bright_liver().coarse, checkpoint)
    labels = collect_labels(iter_segment(case.volume, models, "cpu"), case.volume.shape)
    assert set(np.unique(labels)) <= {Label.BACKGROUND, Label.LIVER, Label.TUMOR}

    # Stopped in the second epoch, and gone on with: the same weights, the same card.
    step = SliceModule.training_step

    def stop_in_the_second_epoch(self: SliceModule, batch: Batch, index: int) -> torch.Tensor:
        if self.current_epoch == 1 and index == 1:
            raise KeyboardInterrupt
        return step(self, batch, index)

    other = tmp_path / "stopped"
    with monkeypatch.context() as interrupted:
        interrupted.setattr(SliceModule, "training_step", stop_in_the_second_epoch)
        with pytest.raises(KeyboardInterrupt):
            train(how, other, "cpu", data=folder)
    assert not (other / path.name).exists()
    again = train(how, other, "cpu", resume=True, data=folder)
    assert same(weights_of(path), weights_of(again))
    assert load_checkpoint(again).card == checkpoint.card
    (other / "split.json").write_text("{}")
    with pytest.raises(DataError, match="other scans"):
        train(how, other, "cpu", resume=True, data=folder)


@trains
def test_plateaus_lower_the_rate_and_end_the_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = SliceModule.validation_step

    def on_a_plateau(self: SliceModule, batch: Batch, index: int) -> None:
        step(self, batch, index)
        self._loss[0] = self._loss[1]

    monkeypatch.setattr(SliceModule, "validation_step", on_a_plateau)
    how, out = recipe(tmp_path, epochs="50", batch="24"), tmp_path / "run"
    path = train(how, out, "cpu", data=folder)
    state = torch.load(out / run._STATE, weights_only=True)
    # The first epoch counts as better than nothing; the fifth is the fourth that is no better.
    assert state["epoch"] == 5
    assert state["optimizer_states"][0]["param_groups"][0]["lr"] == 0.5e-4
    card = load_checkpoint(path).card
    assert card["held_out"]["epoch"] == 1
    # A run that has ended is exported again, and not trained on.
    before = weights_of(path)
    path.unlink()
    assert same(weights_of(train(how, out, "cpu", resume=True, data=folder)), before)
    assert load_checkpoint(path).card == card
    assert torch.load(out / run._STATE, weights_only=True)["epoch"] == 5


# ---- second stages that know a part of the labels ----------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    save_checkpoint(tmp_path / "coarse.safetensors", tiny_networks.coarse())
    return tmp_path


@pytest.mark.parametrize("part", ["liver", "vessel"])
def test_networks_for_a_part_of_the_labels_are_second_stages(own: Path, part: str) -> None:
    classes = ("background", part, "tumor")
    save_checkpoint(own / "fine.safetensors", tiny_networks.checkpoint(2, classes, WHOLE))
    assert load_models(own).fine.classes == classes


@pytest.mark.parametrize(
    "classes", [("liver", "background"), ("background", "spleen"), ("background", "tumor", "tumor")]
)
def test_other_networks_are_not(own: Path, classes: tuple[str, ...]) -> None:
    save_checkpoint(own / "fine.safetensors", tiny_networks.checkpoint(2, classes, WHOLE))
    with pytest.raises(CheckpointError, match=r"fine\.safetensors"):
        load_models(own)


@pytest.mark.parametrize("spacing", [(0, 0, 0), (6, 6, 8)])
def test_without_a_liver_class_the_liver_is_the_first_stages(
    case: Phantom, spacing: tuple[float, float, float]
) -> None:
    """A network that sees vessels everywhere: they end where the first stage's liver does."""
    how = Preprocessing(spacing, (tiny_networks.SOFT,))
    second = tiny_networks.checkpoint(2, ("background", "vessel", "tumor"), how)
    everywhere = tiny_networks.Threshold(second.network, ((1, -9.0, 9.0),))
    models = Models(
        tiny_networks.bright_liver().coarse, tiny_networks.with_network(second, everywhere)
    )
    slabs = [
        item
        for item in iter_segment(case.volume, models, "cpu", probabilities=True)
        if isinstance(item, Slab)
    ]
    refined = [n for n, slab in enumerate(slabs) if slab.probabilities is not None]
    first = collect_labels(iter(slabs[: refined[0]]), case.volume.shape)
    vessels = collect_labels(iter(slabs[: refined[-1] + 1]), case.volume.shape)
    assert (first > 0).sum() > 100
    assert np.array_equal(vessels == Label.VESSEL, first > 0)
    for slab in (slabs[n] for n in refined):
        assert slab.probabilities is not None
        assert slab.probabilities.shape == (3, *slab.labels.shape)
        assert (slab.probabilities[0] >= slab.probabilities[1]).all()
