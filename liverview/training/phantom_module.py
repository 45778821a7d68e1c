"""Training on phantoms: the Lightning module and its schedule."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, DistributedSampler

from liverview.networks.network import AttentionResUNet
from liverview.training.losses import PresentDiceCE
from liverview.training.recipe import OptimizerConfig, Recipe
from liverview.training.samples import PhantomSamples
from liverview.training.scans import LabelledScan

_VALIDATION_STREAM = 1
Batch = tuple[Tensor, Tensor]


class PhantomModule(lightning.LightningModule):
    """One network under training. A Lightning epoch is one round of ``validate_every`` steps."""

    def __init__(self, recipe: Recipe, scans: Sequence[LabelledScan] = ()) -> None:
        super().__init__()
        self.recipe = recipe
        self.scans = scans
        self.network = AttentionResUNet(recipe.network)
        self.held_out: dict[str, float] = {}
        config = recipe.optimizer
        lines = recipe.classes.index("vessel") if "vessel" in recipe.classes else None
        self.loss: nn.Module = PresentDiceCE(
            config.label_smoothing, lines, config.centerline_weight
        )

    def forward(self, x: Tensor) -> Tensor:
        """The network's logits."""
        logits: Tensor = self.network(x)
        return logits

    @property
    def first_settled_round(self) -> int:
        """The first round that uses the averaged batch norm statistics."""
        config = self.recipe.optimizer
        return math.ceil((config.steps - config.settle_steps) / self.recipe.validate_every)

    @property
    def settles(self) -> bool:
        """True where batch norm's statistics are fixed in this round."""
        config = self.recipe.optimizer
        return config.settle_steps > 0 and self.current_epoch >= self.first_settled_round

    def on_train_epoch_start(self) -> None:
        if self.settles:
            for module in self.network.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

    def train_dataloader(self) -> DataLoader[Batch]:
        """The samples of this round."""
        config = self.recipe.optimizer
        first_step = self.current_epoch * self.recipe.validate_every
        stop = min(first_step + self.recipe.validate_every, config.steps)
        samples = PhantomSamples(
            self.recipe, first_step * config.batch, stop * config.batch, scans=self.scans
        )
        return self._loader(samples)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The held-out phantoms, the same after every round."""
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
        x, target = self._flatten_slices(batch)
        loss: Tensor = self.loss(self(x), target)
        self.log("loss", loss, prog_bar=True)
        return loss

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["held_out"] = self.held_out

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.held_out = checkpoint["held_out"]

    def on_validation_epoch_start(self) -> None:
        self._counts = torch.zeros((3, len(self.recipe.classes)))

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        x, target = self._flatten_slices(batch)
        predicted = self(x).argmax(dim=1)
        self._counts += count_classes(predicted, target, len(self.recipe.classes))

    def on_validation_epoch_end(self) -> None:
        """Dice per class over all voxels of the held-out phantoms together."""
        counts = self.all_gather(self._counts)
        counts = counts.reshape(-1, *counts.shape[-2:]).sum(dim=0)
        self.held_out = dice_by_class(counts, self.recipe.classes)
        self.log_dict(self.held_out, rank_zero_only=True)

    def configure_optimizers(self) -> Any:
        config = self.recipe.optimizer
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        schedule = LambdaLR(optimizer, lambda step: warmup_cosine(step, config))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def card(self) -> dict[str, Any]:
        """The data card of the exported checkpoint."""
        recipe = self.recipe
        return {
            "data": "phantoms drawn by liverview from real shapes of livers and bodies, see "
            "resources/bank/README.md"
            + (
                f"; {recipe.scans_share:.0%} of the samples from labelled scans: "
                + ", ".join(scan.name for scan in self.scans)
                if self.scans
                else ": no real scan"
            ),
            "license": "CC BY-SA 4.0",
            "seed": recipe.seed,
            "samples": recipe.optimizer.steps * recipe.optimizer.batch,
            "device": self.trainer.strategy.root_device.type,
            "held_out_phantoms": {k: round(float(v), 4) for k, v in self.held_out.items()},
        }

    def _flatten_slices(self, batch: Batch) -> Batch:
        """Put the slices of all samples side by side in one batch for a 2D network."""
        x, target = batch
        if self.recipe.network.dims == 2:
            x, target = x.flatten(0, 1), target.flatten(0, 1)
        # Channels last in memory: 1.1 to 1.6 times faster convolutions on the CPU.
        memory_format = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
        return x.contiguous(memory_format=memory_format), target


def warmup_cosine(step: int, config: OptimizerConfig) -> float:
    """Share of the learning rate at a step: warm-up, cosine to zero, another one to settle."""
    first_settled = config.steps - config.settle_steps
    if config.settle_steps and step >= first_settled:
        share = config.settle_rate / config.learning_rate
        return share * _cosine((step - first_settled) / config.settle_steps)
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    decay_end = config.decay_steps or first_settled
    return _cosine((step - config.warmup_steps) / max(1, decay_end - config.warmup_steps))


def _cosine(progress: float) -> float:
    """Half a cosine from 1 to 0 over progress 0..1."""
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def count_classes(predicted: Tensor, target: Tensor, classes: int) -> Tensor:
    """Voxels per class that both have, the sum of both, and those of the target, (3, classes).

    Only where the class is known: of others nothing can say whether they are right.
    """
    known = target >= 0
    counts = torch.zeros((3, classes))
    for index in range(classes):
        found, true = (predicted == index) & known, target == index
        sums = torch.stack([(found & true).sum(), found.sum() + true.sum(), true.sum()])
        counts[:, index] = sums.cpu()
    return counts


def dice_by_class(counts: Tensor, classes: Sequence[str]) -> dict[str, float]:
    """Dice of every class but the background that the targets of `count_classes` hold."""
    both, total, truth = counts
    dice = 2 * both / total.clamp(min=1)
    return {
        f"dice_{name}": float(value)
        for name, value, voxels in zip(classes[1:], dice[1:], truth[1:], strict=True)
        if voxels > 0
    }
