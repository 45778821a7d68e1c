"""Training runs (Lightning, the optional extra ``liverview[train]``) and their export."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import signal
import sys
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerStatus

from liverview.core.text import printable
from liverview.files import atomic
from liverview.networks.checkpoint import Checkpoint, save_checkpoint
from liverview.networks.device_names import DeviceError
from liverview.networks.runtime import pick_device, reuse_large_blocks
from liverview.training.click_module import ClickModule
from liverview.training.curves import Curves
from liverview.training.decathlon import DataError, Decathlon, read_decathlon
from liverview.training.initial_weights import copy_weights, record_initial_weights
from liverview.training.moving_average import ExponentialMovingAverage
from liverview.training.phantom_module import PhantomModule
from liverview.training.recipe import Recipe, RecipeError, RunConfig, SliceRecipe
from liverview.training.scans import LabelledScan, read_scans
from liverview.training.slices import EarlyStop, SliceModule

_STATE, _RECIPE, _SPLIT = "last.ckpt", "recipe.toml", "split.json"


def train(
    recipe: Recipe | SliceRecipe,
    out: Path,
    device: str = "auto",
    resume: bool = False,
    init: Path | None = None,
    data: Path | None = None,
) -> Path:
    """Train, and export a checkpoint that the app loads; returns its path.

    ``init`` is a checkpoint to begin with instead of random weights; a resumed run needs it
    no more. ``data`` is a folder of the Medical Segmentation Decathlon for a recipe of
    slices, and None for one of phantoms.

    ``out`` receives logs, curves.png, the training state after every round of
    ``validate_every`` steps or epoch of slices, and NAME.safetensors; from slices, also which
    scans were held out, and the scans unpacked. The same recipe on the same machine gives the
    same weights, and a resumed run gives those of an uninterrupted one.

    Raises
    ------
    DeviceError : where the device is not there, or cannot train.
    FileExistsError : where ``out`` holds a run and ``resume`` is not set.
    RecipeError : where ``out`` holds a run of another recipe, or a damaged one, or one that
        began with other weights.
    CheckpointError : where ``init`` does not fit the recipe's network.
    DataError : where ``data`` is not what the recipe needs, or not what the run began with.
    KeyboardInterrupt : where it was stopped; the last finished round or epoch is kept.
    """
    path, state = out / f"{recipe.name}.safetensors", out / _STATE
    torch_device = _check_device(device)
    decathlon = _check_data(recipe, data)
    began = path.exists() or state.exists()
    _check_folder(recipe, out, state, began, resume)
    scans: tuple[LabelledScan, ...] = ()
    if data and isinstance(recipe, Recipe):
        scans = read_scans(data, recipe.preprocessing)
    if decathlon or scans:
        _record_split(_split_by_name(decathlon, scans), out, began)
    initial = record_initial_weights(out, init, began, resume)
    if path.exists():
        return path
    reuse_large_blocks()
    lightning.seed_everything(recipe.seed, verbose=False)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    module = _make_module(recipe, decathlon, scans, out)
    if init and not began:
        copy_weights(module.network, recipe.classes, init)
    trainer = _make_trainer(recipe, out, torch_device)
    with _without_advice(), _interruptible(trainer):
        trainer.fit(module, ckpt_path=state if state.exists() else None, weights_only=True)
    card = module.card()
    if initial:
        card["began_with"] = asdict(initial)
    if trainer.is_global_zero:
        _export_checkpoint(path, recipe, module, card)
    return path


def _make_module(
    recipe: Recipe | SliceRecipe,
    decathlon: Decathlon | None,
    scans: tuple[LabelledScan, ...],
    out: Path,
) -> PhantomModule | SliceModule:
    """The Lightning module of a recipe, on its data."""
    if isinstance(recipe, SliceRecipe):
        assert decathlon is not None
        return SliceModule(recipe, decathlon, out / "cache")
    kind = ClickModule if recipe.sample.kind == "clicks" else PhantomModule
    return kind(recipe, scans)


def _export_checkpoint(
    path: Path,
    recipe: Recipe | SliceRecipe,
    module: PhantomModule | SliceModule,
    card: dict[str, Any],
) -> None:
    """Write the checkpoint that the app loads."""
    checkpoint = Checkpoint(
        network=module.network.eval(),
        preprocessing=recipe.preprocessing,
        classes=recipe.classes,
        recipe=recipe.text,
        card=card,
    )
    save_checkpoint(path, checkpoint)


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Silence advice of Lightning that does not apply to these runs."""
    with warnings.catch_warnings():
        # Advice on worker counts: one worker is what keeps the run reproducible.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # A resumed run finds its own state.
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        # Figures of slices are gathered before they are logged: every process has the same.
        warnings.filterwarnings("ignore", message=".*sync_dist=True.*")
        yield


def _check_data(recipe: Recipe | SliceRecipe, data: Path | None) -> Decathlon | None:
    """The Decathlon of a recipe of slices; a recipe of phantoms takes scans only if it says so."""
    if isinstance(recipe, SliceRecipe):
        if data is None:
            raise DataError(
                f"The recipe {recipe.name} is for slices of scans, not for phantoms: name a "
                "folder of the Medical Segmentation Decathlon with --data."
            )
        return read_decathlon(data, recipe)
    if recipe.scans_share and data is None:
        raise DataError(
            f"The recipe {recipe.name} mixes phantoms with labelled scans: name their folder "
            "with --data."
        )
    if data is not None and not recipe.scans_share:
        raise DataError(
            f"The recipe {recipe.name} draws its samples ({recipe.sample.kind}) from phantoms, "
            f"not from {data}: leave --data out, or choose a recipe of slices."
        )
    return None


def _split_by_name(
    decathlon: Decathlon | None, scans: tuple[LabelledScan, ...]
) -> dict[str, list[str]]:
    """The names of the scans in each part of the split."""
    if decathlon is None:
        return {"training": [scan.name for scan in scans]}
    return {
        "training": [case.name for case in decathlon.training],
        "validation": [case.name for case in decathlon.validation],
    }


def _record_split(split: dict[str, list[str]], out: Path, began: bool) -> None:
    """Record the split of the scans; a resumed run must have the same."""
    record = out / _SPLIT
    if began and not (record.exists() and json.loads(record.read_text("utf-8")) == split):
        raise DataError(f"{out} holds a run on other scans: name its own with --data.")
    atomic.write_json(record, split)


def _check_device(name: str) -> torch.device:
    """The device for training; auto takes no mps.

    Raises
    ------
    DeviceError : where the device is not there, or cannot train.
    """
    device = pick_device(name)
    if device.type == "mps" and name == "auto":
        return torch.device("cpu")
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"Training runs on cpu, cuda or cuda:N, not on {name!r}.")
    return device


def _check_folder(recipe: RunConfig, out: Path, state: Path, began: bool, resume: bool) -> None:
    """Make the folder, or check that it holds a run of this recipe."""
    if began and not resume:
        raise FileExistsError(f"{out} holds a run already: resume it, or choose another folder.")
    out.mkdir(parents=True, exist_ok=True)
    record = out / _RECIPE
    if began and not (record.exists() and record.read_text(encoding="utf-8") == recipe.text):
        raise RecipeError(f"{out} holds a run of another recipe: choose another folder.")
    if state.exists() and not zipfile.is_zipfile(state):
        raise RecipeError(f"{state} is damaged: remove it to start again.")
    record.write_text(recipe.text, encoding="utf-8")


def _make_trainer(
    recipe: Recipe | SliceRecipe, out: Path, device: torch.device
) -> lightning.Trainer:
    """The trainer of a recipe, with its callbacks and logs in ``out``."""
    on_cpu = device.type == "cpu"
    table = CSVLogger(out, name="logs")
    logs: list[CSVLogger | TensorBoardLogger] = [table]
    if printable(str(out)) == str(out):  # TensorBoard takes no other name of a folder
        logs.append(TensorBoardLogger(out, name="logs", version=table.version))
    if isinstance(recipe, SliceRecipe):
        limits: dict[str, Any] = {"max_epochs": recipe.optimizer.epochs}
        if not on_cpu:
            limits["precision"] = "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    else:
        limits = {
            "max_epochs": math.ceil(recipe.optimizer.steps / recipe.validate_every),
            "gradient_clip_val": recipe.optimizer.clip_norm,
        }
    return lightning.Trainer(
        **limits,
        **_execution_options(recipe, device),
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
        logger=logs,
        callbacks=_make_callbacks(recipe, out),
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        deterministic=not on_cpu,
    )


def _make_callbacks(recipe: Recipe | SliceRecipe, out: Path) -> list[Callback]:
    """The callbacks: signals, learning rate, curves, training state, average or early stop."""
    callbacks: list[Callback] = [
        _KeepSignals(),
        LearningRateMonitor("step"),
        Curves(out / "curves.png"),
        # Written between two rounds of samples: what makes a resumed run exact.
        ModelCheckpoint(
            out,
            filename=Path(_STATE).stem,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        ),
    ]
    if isinstance(recipe, SliceRecipe):
        return [*callbacks, EarlyStop("val_loss", patience=recipe.optimizer.stop_patience)]
    return [ExponentialMovingAverage(decay=recipe.optimizer.average_decay), *callbacks]


def _execution_options(recipe: Recipe | SliceRecipe, device: torch.device) -> dict[str, Any]:
    """The trainer's devices and strategy: from torchrun, else from the recipe and the device."""
    if device.type == "cpu":
        processes = recipe.optimizer.processes if isinstance(recipe, Recipe) else 1
        options: dict[str, Any] = {"accelerator": "cpu", "devices": processes}
    else:
        processes = 1
        every: str | int = "auto" if isinstance(recipe, SliceRecipe) else 1
        options = {
            "accelerator": "gpu",
            "devices": every if device.index is None else [device.index],
        }
    if torch.distributed.is_torchelastic_launched():
        processes = int(os.environ["LOCAL_WORLD_SIZE"])
        options["devices"] = processes
        options["num_nodes"] = int(os.environ["WORLD_SIZE"]) // processes
    if device.type == "cpu":
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    return options | {"strategy": "ddp" if processes > 1 else "auto"}


class _KeepSignals(Callback):
    """Keeps the handler of SIGTERM, so that it stops a run as it stops every other command.

    Lightning's own handler tells the other processes in a collective call, which waits for
    ever where they are busy with another one.
    """

    def __init__(self) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def setup(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        with contextlib.suppress(ValueError):  # not on the main thread: there are no signals
            signal.signal(signal.SIGTERM, self._handler)


@contextlib.contextmanager
def _interruptible(trainer: lightning.Trainer) -> Iterator[None]:
    """Raise KeyboardInterrupt where Lightning would end the program on an interrupt."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as end:
        if trainer.state.status == TrainerStatus.INTERRUPTED:
            raise KeyboardInterrupt from end
        raise
    finally:
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, handler)
