"""Training on slices of scans: the Lightning module of the Decathlon recipes."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping
from monai.losses.dice import DiceCELoss
from torch import Tensor
from torch.nn import functional as F
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader

from liverview.networks.network import AttentionResUNet
from liverview.training.decathlon import DataError, Decathlon, Slices, Unpacking, common_size
from liverview.training.recipe import RecipeError, SliceRecipe

Batch = tuple[Tensor, Tensor, Tensor]
Loader = DataLoader[tuple[Tensor, Tensor, int]]  # of samples; Batch is what it gives


class EarlyStop(EarlyStopping):
    """Early stopping that also ends a resumed run that had come to its end already."""

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        trainer.should_stop = self.wait_count >= self.patience


class SliceModule(lightning.LightningModule):
    """One 2D network under training; its epochs are the data's.

    Attributes
    ----------
    best : weights after the epoch with the lowest validation loss, on the CPU.
    held_out : that epoch's figures.
    """

    def __init__(self, recipe: SliceRecipe, data: Decathlon, cache: Path) -> None:
        super().__init__()
        self.recipe = recipe
        self.data = data
        self.cache = cache
        self.network = AttentionResUNet(recipe.network)
        self.best: dict[str, Tensor] = {}
        self.held_out: dict[str, float] = {}
        self.loss = DiceCELoss(softmax=True, batch=True, include_background=False)

    def forward(self, x: Tensor) -> Tensor:
        """The network's logits, float32."""
        logits: Tensor = self.network(x)
        return logits.float()

    # ---- data ----------------------------------------------------------------------------

    def prepare_data(self) -> None:
        """Unpack the scans, once and by one process; the others wait.

        Raises
        ------
        DataError : where a scan or its label map cannot be used.
        """
        self.cache.mkdir(exist_ok=True)
        scans = (*self.data.training, *self.data.validation)
        unpacking = Unpacking(scans, self.cache, len(self.recipe.classes))
        terminal = sys.stderr.isatty()
        problems = DataLoader(unpacking, batch_size=None, num_workers=self._workers)
        for number, problem in enumerate(problems, start=1):
            if problem:
                raise DataError(problem)
            if terminal:
                print(f"\rUnpacking scan {number} of {len(scans)}", end="", file=sys.stderr)
        if terminal:
            print(file=sys.stderr)

    def setup(self, stage: str) -> None:
        """Open the unpacked slices.

        Raises
        ------
        RecipeError : where the processes cannot share a batch.
        """
        data, preprocessing = self.data, self.recipe.preprocessing
        if self.recipe.optimizer.batch % self.trainer.world_size:
            raise RecipeError(
                f"A batch of {self.recipe.optimizer.batch} slices cannot be shared by "
                f"{self.trainer.world_size} processes: start a number that divides it."
            )
        scans = (*data.training, *data.validation)
        size = common_size(scans, self.cache, self.recipe.network.multiple)
        self._training = Slices(data.training, self.cache, preprocessing, size)
        self._validation = Slices(data.validation, self.cache, preprocessing, size)

    def train_dataloader(self) -> Loader:
        """The slices in an order that is a function of the seed and the epoch alone."""
        rng = np.random.default_rng((self.recipe.seed, self.current_epoch))
        order = rng.permutation(len(self._training)).tolist()
        world = self.trainer.world_size
        # As many for every process: they wait for each other at every step.
        return self._loader(self._training, order[: len(order) // world * world])

    def val_dataloader(self) -> Loader:
        """The held-out slices in their own order."""
        return self._loader(self._validation, range(len(self._validation)))

    def _loader(self, slices: Slices, order: Sequence[int]) -> Loader:
        world = self.trainer.world_size
        return DataLoader(
            slices,
            self.recipe.optimizer.batch // world,
            sampler=order[self.trainer.global_rank :: world],
            num_workers=self._workers,
            pin_memory=self.device.type == "cuda",
        )

    @property
    def _workers(self) -> int:
        # On the CPU the network needs all cores, and a mapped slice is there at once.
        on_cpu = self.trainer.strategy.root_device.type == "cpu"
        return 0 if on_cpu else min(8, os.cpu_count() or 1)

    # ---- training ------------------------------------------------------------------------

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        x, target, _ = batch
        loss: Tensor = self.loss(self._logits(x), self._one_hot(target))
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        config = self.recipe.optimizer
        optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate)
        plateau = ReduceLROnPlateau(
            optimizer, factor=config.plateau_factor, patience=config.plateau_patience
        )
        # Lightning steps what counts epochs only after the state was kept, and a resumed run
        # would miss that step; what counts an epoch's steps comes before.
        steps = len(self.train_dataloader())
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": plateau,
                "monitor": "val_loss",
                "interval": "step",
                "frequency": steps,
            },
        }

    def on_fit_end(self) -> None:
        if not self.best:
            raise RecipeError(
                f"Training with {self.recipe.name} has not found a loss that is a number: "
                "lower its learning_rate."
            )
        self.network.load_state_dict(self.best)

    # ---- validation ----------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        # Per held-out scan and class: voxels that both have, and the sum of both.
        shape = (len(self.data.validation), len(self.recipe.classes))
        self._both = torch.zeros(shape, dtype=torch.int64)
        self._total = torch.zeros(shape, dtype=torch.int64)
        self._truth = torch.zeros(shape, dtype=torch.int64)
        self._loss = torch.zeros(2, dtype=torch.float64)

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        x, target, scans = batch
        logits, truth = self._logits(x), self._one_hot(target)
        loss = float(self.loss(logits, truth))
        self._loss += torch.tensor([loss * len(x), len(x)], dtype=torch.float64)
        predicted, truth = logits.softmax(dim=1) > self.recipe.threshold, truth > 0
        scans = scans.cpu()
        for counts, voxels in (
            (self._both, predicted & truth),
            (self._total, predicted),
            (self._total, truth),
            (self._truth, truth),
        ):
            counts.index_add_(0, scans, voxels.sum(dim=(2, 3)).cpu())

    def on_validation_epoch_end(self) -> None:
        """The loss, and Dice per class: of each held-out scan, mean over those that hold it."""
        counts = torch.stack([self._both, self._total, self._truth])
        counts = self.all_gather(counts).reshape(-1, *counts.shape).sum(dim=0).cpu()
        loss, slices = self.all_gather(self._loss).reshape(-1, 2).sum(dim=0).tolist()
        both, total, truth = counts.double()
        dice = (2 * both / total.clamp(min=1)).where(truth > 0, torch.nan).nanmean(dim=0)
        figures = {"val_loss": loss / slices} | {
            f"dice_{name}": value
            for name, value in zip(self.recipe.classes[1:], dice[1:].tolist(), strict=True)
            if not math.isnan(value)
        }
        self.log_dict(figures)
        if figures["val_loss"] < self.held_out.get("val_loss", torch.inf):
            self.held_out = {"epoch": self.current_epoch + 1, **figures}
            weights = self.network.state_dict()
            self.best = {name: t.detach().cpu().clone() for name, t in weights.items()}

    # ---- state and card ------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["best"], checkpoint["held_out"] = self.best, self.held_out

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.best, self.held_out = checkpoint["best"], checkpoint["held_out"]

    def card(self) -> dict[str, Any]:
        """The data card of the exported checkpoint."""
        data = self.data
        return {
            "data": f"Medical Segmentation Decathlon, {data.name}",
            "license": data.license,
            "seed": self.recipe.seed,
            "training_scans": [scan.name for scan in data.training],
            "held_out_scans": [scan.name for scan in data.validation],
            "device": self.trainer.strategy.root_device.type,
            "held_out": {name: round(value, 4) for name, value in self.held_out.items()},
        }

    def _one_hot(self, target: Tensor) -> Tensor:
        """(B, H, W) -> (B, classes, H, W) float.

        Given class numbers, cross-entropy on CUDA cannot be repeated to the bit.
        """
        return F.one_hot(target.long(), len(self.recipe.classes)).movedim(3, 1).float()

    def _logits(self, x: Tensor) -> Tensor:
        # Channels last in memory: faster convolutions.
        logits: Tensor = self(x.contiguous(memory_format=torch.channels_last))
        return logits
