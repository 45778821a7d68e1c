"""The loss of training on phantoms and labelled scans."""

from __future__ import annotations

import torch
from monai.losses.cldice import SoftclDiceLoss
from monai.losses.dice import DiceLoss
from torch import Tensor, nn

from liverview.training.targets import IGNORE_INDEX, complementary_label


class PresentDiceCE(nn.Module):
    """Cross-entropy, the Dice loss of the classes that a batch shows, and centerline Dice.

    The Dice loss of an absent class pulls its probability to zero wherever it is small
    already: a small organ that most blocks lack, such as the gallbladder, is then never
    learned.

    Voxels of scans may have the `complementary_label` of a class, which counts for that one alone,
    or `IGNORE_INDEX`, which counts for nothing.

    The centerlines of ``lines``, a class of thin branching structures, count as well, with
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
        """The loss, a scalar, of logits (B, C, ...) and targets (B, ...)."""
        count = logits.shape[1]
        named = target >= 0
        classes = _one_hot(target.clamp(min=0), count)
        probabilities = logits.softmax(dim=1)
        if bool(named.all()):
            # On CUDA only the form with probabilities can be repeated to the bit.
            whole: Tensor = self.cross_entropy(logits, classes if logits.is_cuda else target)
            return whole + self._overlap(probabilities, classes)
        classes = classes * named[:, None]
        excluded = _one_hot((complementary_label(0) - target).clamp(0, count - 1), count)
        excluded = excluded * ((target != IGNORE_INDEX) & ~named)[:, None]
        per_voxel = nn.functional.cross_entropy(
            logits,
            classes,
            label_smoothing=self.cross_entropy.label_smoothing,
            reduction="none",
        )
        others = logits.masked_fill(excluded > 0, -torch.inf).logsumexp(dim=1)
        against = (logits.logsumexp(dim=1) - others) * excluded.sum(dim=1)
        total = ((per_voxel * named) + against).sum() / (target != IGNORE_INDEX).sum().clamp(min=1)
        return total + self._overlap(probabilities * (named[:, None] + excluded), classes)

    def _overlap(self, probabilities: Tensor, classes: Tensor) -> Tensor:
        """The Dice loss of the classes in the batch, and that of centerlines."""
        per_class = self.dice(probabilities, classes).flatten()
        present = (classes.sum(dim=(0, *range(2, classes.ndim)))[1:] > 0).to(per_class.dtype)
        loss: Tensor = (per_class * present).sum() / present.sum().clamp(min=1)
        if self.lines is None:
            return loss
        channel = slice(self.lines, self.lines + 1)
        truth, predicted = classes[:, channel], probabilities[:, channel]
        shown = truth.flatten(1).any(dim=1)
        if not shown.any():
            return loss
        return loss + self.line_weight * self.centerline(predicted[shown], truth[shown])


class MarkedDiceCE(nn.Module):
    """Cross-entropy and the Dice loss of every sample by itself, for two classes.

    A sample without any voxel of the label asks for an empty proposal. Voxels of
    `IGNORE_INDEX` count for nothing.
    """

    def __init__(self, label_smoothing: float, smooth: float = 20.0) -> None:
        super().__init__()
        self.cross_entropy = nn.CrossEntropyLoss(
            label_smoothing=label_smoothing, ignore_index=IGNORE_INDEX
        )
        self.smooth = smooth

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss, a scalar, of logits (B, 2, ...) and targets (B, ...)."""
        known = (target != IGNORE_INDEX).flatten(1)
        found = logits.softmax(dim=1)[:, 1].flatten(1) * known
        true = (target == 1).flatten(1).to(found.dtype)
        both = (found * true).sum(dim=1)
        total = found.sum(dim=1) + true.sum(dim=1)
        dice = (2 * both + self.smooth) / (total + self.smooth)
        whole: Tensor = self.cross_entropy(logits, target) + (1 - dice).mean()
        return whole


def _one_hot(classes: Tensor, count: int) -> Tensor:
    """Class numbers (B, ...) as channels (B, count, ...), float."""
    return nn.functional.one_hot(classes, count).movedim(-1, 1).float()
