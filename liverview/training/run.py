"""The training loop (Lightning, the optional extra ``liverview[train]``) and its export."""

from __future__ import annotations

import logging
import math
import os
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from monai.losses.dice import DiceCELoss
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, DistributedSampler

from liverview.checkpoint import Checkpoint, save_checkpoint
from liverview.device import DeviceError, pick_device
from liverview.memory import reuse_large_blocks
from liverview.network import AttentionResUNet
from liverview.training.recipe import OptimizerConfig, Recipe, RecipeError
from liverview.training.samples import PhantomSamples

_VALIDATION_STREAM = 1
_STATE, _RECIPE = "last.ckpt", "recipe.toml"
Batch = tuple[Tensor, Tensor]


def train(recipe: Recipe, out: Path, device: str = "auto", resume: bool = False) -> Path:
    """Train, and export a checkpoint that the app loads; returns its path.

    ``out`` receives logs, the training state after every ``validate_every`` steps,
    and NAME.safetensors. The same recipe on the same machine gives the same weights, and
    a resumed run gives those of an uninterrupted one.

    Raises
    ------
    DeviceError : where the device is not there, or cannot train.
    FileExistsError : where ``out`` holds a run and ``resume`` is not set.
    RecipeError : where ``out`` holds a run of another recipe, or a damaged one.
    """
    path, state = out / f"{recipe.name}.safetensors", out / _STATE
    where = _check_device(device)
    _check_folder(recipe, out, path, state, resume)
    if path.exists():
        return path
    reuse_large_blocks()
    lightning.seed_everything(recipe.seed, verbose=False)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    module = _Module(recipe)
    trainer = _trainer(recipe, out, where)
    with warnings.catch_warnings():
        # Advice on worker counts: one worker is what keeps the run reproducible.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # A resumed run finds its own state.
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        trainer.fit(module, ckpt_path=state if state.exists() else None, weights_only=True)
    card = {
        "data": "phantoms drawn by liverview: no real scan, no real organ shape",
        "license": "MIT",
        "seed": recipe.seed,
        "samples": recipe.optimizer.steps * recipe.optimizer.batch,
        "device": trainer.strategy.root_device.type,
        "held_out_phantoms": {k: round(float(v), 4) for k, v in module.held_out.items()},
    }
    if not trainer.is_global_zero:
        return path
    save_checkpoint(
        path,
        Checkpoint(
            network=module.network.eval(),
            preprocessing=recipe.preprocessing,
            classes=recipe.classes,
            recipe=recipe.text,
            card=card,
        ),
    )
    return path


def _check_device(name: str) -> torch.device:
    device = pick_device(name)
    if device.type == "mps" and name == "auto":
        return torch.device("cpu")
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"Training runs on cpu, cuda or cuda:N, not on {name!r}.")
    return device


def _check_folder(recipe: Recipe, out: Path, path: Path, state: Path, resume: bool) -> None:
    """Make the folder, or make sure that what it holds is a run of this recipe."""
    began = path.exists() or state.exists()
    if began and not resume:
        raise FileExistsError(f"{out} holds a run already: resume it, or choose another folder.")
    out.mkdir(parents=True, exist_ok=True)
    kept = out / _RECIPE
    if began and not (kept.exists() and kept.read_text(encoding="utf-8") == recipe.text):
        raise RecipeError(f"{out} holds a run of another recipe: choose another folder.")
    if state.exists() and not zipfile.is_zipfile(state):
        raise RecipeError(f"{state} is damaged: remove it to start again.")
    kept.write_text(recipe.text, encoding="utf-8")


def _trainer(recipe: Recipe, out: Path, device: torch.device) -> lightning.Trainer:
    how = recipe.optimizer
    on_cpu = device.type == "cpu"
    processes = how.processes if on_cpu else 1
    if on_cpu:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    callbacks: list[Callback] = [
        _Average(decay=how.average_decay),
        # Written between two rounds of samples: what makes a resumed run exact.
        ModelCheckpoint(
            out,
            filename=Path(_STATE).stem,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        ),
    ]
    return lightning.Trainer(
        accelerator="cpu" if on_cpu else "gpu",
        devices=processes if device.index is None else [device.index],
        strategy="ddp" if processes > 1 else "auto",
        max_epochs=math.ceil(how.steps / recipe.validate_every),
        gradient_clip_val=how.clip_norm,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
        logger=CSVLogger(out, name="logs"),
        callbacks=callbacks,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        deterministic=not on_cpu,
    )


class _Average(EMAWeightAveraging):
    """The moving average; also where a resumed run finds that nothing is left to train."""

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Before the network settles, its statistics become the averaged ones."""
        assert isinstance(pl_module, _Module)
        if pl_module.settles and trainer.current_epoch == pl_module.first_settled_round:
            average = self._average_model.module.buffers()
            for settled, buffer in zip(average, pl_module.buffers(), strict=True):
                buffer.copy_(settled)

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._copy_average_to_current(pl_module)


class _Module(lightning.LightningModule):
    """One network under training. A Lightning epoch is one round of ``validate_every`` steps."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = AttentionResUNet(recipe.network)
        self.held_out: dict[str, float] = {}
        self.loss = DiceCELoss(
            to_onehot_y=True,
            softmax=True,
            batch=True,
            include_background=False,
            label_smoothing=recipe.optimizer.label_smoothing,
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits

    @property
    def first_settled_round(self) -> int:
        how = self.recipe.optimizer
        return math.ceil((how.steps - how.settle_steps) / self.recipe.validate_every)

    @property
    def settles(self) -> bool:
        """Whether batch norm's statistics are fixed in this round."""
        how = self.recipe.optimizer
        return how.settle_steps > 0 and self.current_epoch >= self.first_settled_round

    def on_train_epoch_start(self) -> None:
        if self.settles:
            for part in self.network.modules():
                if isinstance(part, _BatchNorm):
                    part.eval()

    def train_dataloader(self) -> DataLoader[Batch]:
        how = self.recipe.optimizer
        first = self.current_epoch * self.recipe.validate_every
        last = min(first + self.recipe.validate_every, how.steps)
        return self._loader(PhantomSamples(self.recipe, first * how.batch, last * how.batch))

    def val_dataloader(self) -> DataLoader[Batch]:
        count = self.recipe.validation_samples
        return self._loader(PhantomSamples(self.recipe, 0, count, _VALIDATION_STREAM))

    def _loader(self, samples: PhantomSamples) -> DataLoader[Batch]:
        # On the CPU each process draws its own samples: workers would fight for the cores.
        workers = 0 if self.device.type == "cpu" else min(8, os.cpu_count() or 1)
        world = self.trainer.world_size
        # In order, each process its own lanes, so that each body is drawn once.
        order: DistributedSampler[Batch] = DistributedSampler(
            samples, world, self.trainer.global_rank, shuffle=False
        )
        share = self.recipe.optimizer.batch // world
        return DataLoader(samples, share, sampler=order, num_workers=workers)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        x, target = self._flat(batch)
        loss: Tensor = self.loss(self(x), target[:, None])
        self.log("loss", loss, prog_bar=True)
        return loss

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["held_out"] = self.held_out

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.held_out = checkpoint["held_out"]

    def on_validation_epoch_start(self) -> None:
        self._both = torch.zeros(len(self.recipe.classes))
        self._total = torch.zeros(len(self.recipe.classes))

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        x, target = self._flat(batch)
        found = self(x).argmax(dim=1)
        for index in range(len(self.recipe.classes)):
            self._both[index] += ((found == index) & (target == index)).sum().cpu()
            self._total[index] += ((found == index).sum() + (target == index).sum()).cpu()

    def on_validation_epoch_end(self) -> None:
        """Dice per class over all voxels of the held-out phantoms together."""
        counts = self.all_gather(torch.stack([self._both, self._total]))
        both, total = counts.reshape(-1, *counts.shape[-2:]).sum(dim=0)
        dice = 2 * both / total.clamp(min=1)
        self.held_out = {
            f"dice_{name}": float(value)
            for name, value in zip(self.recipe.classes[1:], dice[1:], strict=True)
        }
        self.log_dict(self.held_out, rank_zero_only=True)

    def configure_optimizers(self) -> Any:
        how = self.recipe.optimizer
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=how.learning_rate, weight_decay=how.weight_decay
        )
        schedule = LambdaLR(optimizer, lambda step: _warmup_cosine(step, how))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _flat(self, batch: Batch) -> Batch:
        """For a 2D network, the slices of all samples side by side in one batch."""
        x, target = batch
        if self.recipe.network.dims == 2:
            x, target = x.flatten(0, 1), target.flatten(0, 1)
        # Channels last in memory: 1.1 to 1.6 times faster convolutions on the CPU.
        form = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
        return x.contiguous(memory_format=form), target


def _warmup_cosine(step: int, how: OptimizerConfig) -> float:
    """Share of the learning rate at a step: linear warm-up, cosine to zero, the same to settle."""
    first_settled = how.steps - how.settle_steps
    if how.settle_steps and step >= first_settled:
        share = how.settle_rate / how.learning_rate
        return share * _cosine((step - first_settled) / how.settle_steps)
    if step < how.warmup_steps:
        return (step + 1) / how.warmup_steps
    last = how.decay_steps or first_settled
    return _cosine((step - how.warmup_steps) / max(1, last - how.warmup_steps))


def _cosine(progress: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
