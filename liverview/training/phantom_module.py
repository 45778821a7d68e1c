"""Training on phantoms: the Lightning module, its schedule and the moving average."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from monai.losses.cldice import SoftclDiceLoss
from monai.losses.dice import DiceLoss
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, DistributedSampler

from liverview.networks.network import AttentionResUNet
from liverview.training.recipe import OptimizerConfig, Recipe
from liverview.training.samples import PhantomSamples
from liverview.training.scans import IGNORE_INDEX, LabelledScan, complementary_label

_VALIDATION_STREAM = 1
Batch = tuple[Tensor, Tensor]


class ExponentialMovingAverage(EMAWeightAveraging):
    """The moving average; also where a resumed run finds that nothing is left to train."""

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Before the network settles, its statistics become the averaged ones."""
        assert isinstance(pl_module, PhantomModule)
        if pl_module.settles and trainer.current_epoch == pl_module.first_settled_round:
            average = self._average_model.module.buffers()
            for settled, buffer in zip(average, pl_module.buffers(), strict=True):
                buffer.copy_(settled)

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._copy_average_to_current(pl_module)


class PresentDiceCE(nn.Module):
    """Cross-entropy, the Dice loss of the classes that a batch shows, the vessels' centerlines.

    The Dice loss of a class that is not there pulls its probability to zero wherever it is
    small already: a small organ that most blocks lack, such as the gallbladder, is then never
    learned.

    Voxels of scans may have the `complementary_label` of a class, which counts for that one alone,
    or `IGNORE_INDEX`, which counts for nothing.

    Of ``lines``, a class of thin and branching things, the centerlines count as well, with
    ``line_weight``: soft clDice (Shit et al. 2021, doi:10.1109/CVPR46437.2021.01629) in the
    slices that show some.
    """

    def __init__(
        self, label_smoothing: float, lines: int | None = None, line_weight: float = 0.0
    ) -> None:
        super().__init__()
        self.cross_entropy = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
        self.dice = DiceLoss(batch=True, include_background=False, reduction="none")
        self.lines = lines if line_weight else None
        self.line_weight = line_weight
        self.centerline = SoftclDiceLoss(iter_=3)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Logits (B, C, ...) and targets (B, ...) -> a scalar."""
        count = logits.shape[1]
        named = target >= 0
        classes = _one_hot(target.clamp(min=0), count)
        seen = logits.softmax(dim=1)
        if bool(named.all()):
            # On CUDA only the form with probabilities can be repeated to the bit.
            whole: Tensor = self.cross_entropy(logits, classes if logits.is_cuda else target)
            return whole + self._overlap(seen, classes)
        classes = classes * named[:, None]
        excluded = _one_hot((complementary_label(0) - target).clamp(0, count - 1), count)
        excluded = excluded * ((target != IGNORE_INDEX) & ~named)[:, None]
        spread = nn.functional.cross_entropy(
            logits,
            classes,
            label_smoothing=self.cross_entropy.label_smoothing,
            reduction="none",
        )
        others = logits.masked_fill(excluded > 0, -torch.inf).logsumexp(dim=1)
        against = (logits.logsumexp(dim=1) - others) * excluded.sum(dim=1)
        total = ((spread * named) + against).sum() / (target != IGNORE_INDEX).sum().clamp(min=1)
        return total + self._overlap(seen * (named[:, None] + excluded), classes)

    def _overlap(self, seen: Tensor, classes: Tensor) -> Tensor:
        """The Dice loss of the classes that are there."""
        per_class = self.dice(seen, classes).flatten()
        present = (classes.sum(dim=(0, *range(2, classes.ndim)))[1:] > 0).to(per_class.dtype)
        loss: Tensor = (per_class * present).sum() / present.sum().clamp(min=1)
        if self.lines is None:
            return loss
        line, found = (part[:, self.lines : self.lines + 1] for part in (classes, seen))
        shown = line.flatten(1).any(dim=1)
        if not shown.any():
            return loss
        return loss + self.line_weight * self.centerline(found[shown], line[shown])


def _one_hot(classes: Tensor, count: int) -> Tensor:
    return nn.functional.one_hot(classes, count).movedim(-1, 1).float()


class PhantomModule(lightning.LightningModule):
    """One network under training. A Lightning epoch is one round of ``validate_every`` steps."""

    def __init__(self, recipe: Recipe, scans: Sequence[LabelledScan] = ()) -> None:
        super().__init__()
        self.recipe = recipe
        self.scans = scans
        self.network = AttentionResUNet(recipe.network)
        self.held_out: dict[str, float] = {}
        how = recipe.optimizer
        lines = recipe.classes.index("vessel") if "vessel" in recipe.classes else None
        self.loss = PresentDiceCE(how.label_smoothing, lines, how.centerline_weight)

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
        samples = PhantomSamples(self.recipe, first * how.batch, last * how.batch, scans=self.scans)
        return self._loader(samples)

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
        loss: Tensor = self.loss(self(x), target)
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
        schedule = LambdaLR(optimizer, lambda step: warmup_cosine(step, how))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def card(self) -> dict[str, Any]:
        """What the exported checkpoint says about the training."""
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

    def _flat(self, batch: Batch) -> Batch:
        """For a 2D network, the slices of all samples side by side in one batch."""
        x, target = batch
        if self.recipe.network.dims == 2:
            x, target = x.flatten(0, 1), target.flatten(0, 1)
        # Channels last in memory: 1.1 to 1.6 times faster convolutions on the CPU.
        form = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
        return x.contiguous(memory_format=form), target


def warmup_cosine(step: int, how: OptimizerConfig) -> float:
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
