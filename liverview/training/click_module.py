"""Training on marks: rounds of clicks in the largest error of what the network itself proposes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from liverview.inference import simulated_user
from liverview.networks.click_input import disks, rounds_channels
from liverview.phantoms.fields import RandomSource
from liverview.training.losses import MarkedDiceCE
from liverview.training.phantom_module import Batch, PhantomModule
from liverview.training.recipe import Recipe
from liverview.training.scans import LabelledScan
from liverview.training.targets import IGNORE_INDEX

_ROUNDS = (0.5, 0.22, 0.12, 0.09, 0.07)  # shares of 0 to 4 rounds after the first marks
_STREAM = 3


class ClickModule(PhantomModule):
    """One network for marks under training; see `PhantomModule`."""

    def __init__(self, recipe: Recipe, scans: Sequence[LabelledScan] = ()) -> None:
        super().__init__(recipe, scans)
        self.loss = MarkedDiceCE(recipe.optimizer.label_smoothing)
        self._changing = rounds_channels(len(recipe.preprocessing.windows))

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        x, target = self._flatten_slices(batch)
        draw = RandomSource((self.recipe.seed, _STREAM, self.global_step))
        for _ in range(draw.choice(_ROUNDS)):
            x = self._click_again(x, target)
        loss: Tensor = self.loss(self(x), target)
        self.log("loss", loss, prog_bar=True)
        return loss

    def _click_again(self, x: Tensor, target: Tensor) -> Tensor:
        """The input with the network's own proposal, and a click in its largest error."""
        trained = self.network.training
        self.network.eval()
        with torch.no_grad():
            proposed = self(x).softmax(dim=1)[:, 1]
        self.network.train(trained)
        if self.settles:
            self.on_train_epoch_start()
        x = x.clone()
        for sample, probability, truth in zip(x, proposed, target, strict=True):
            add_click(sample, probability, truth, self._changing)
        return x


def add_click(
    x: Tensor, probability: Tensor, truth: Tensor, channels: tuple[int, int, int]
) -> None:
    """Write a proposal and the click in the middle of its largest error into an input, in place.

    Parameters
    ----------
    x : (C, I, J, K), the input of one sample.
    probability, truth : (I, J, K), of the proposal; 1 where it should be, `IGNORE_INDEX` unknown.
    channels : those of the proposal, of positive and of negative marks.
    """
    before, positive, negative = channels
    x[before] = probability * 2 - 1
    known = (truth != IGNORE_INDEX).cpu().numpy()
    found = (probability > 0.5).cpu().numpy() & known
    click = simulated_user.next_click(found, (truth == 1).cpu().numpy(), (1.0, 1.0, 1.0))
    if click is not None:
        channel = negative if click.negative else positive
        disk = disks(truth.shape, np.array([click.voxel], float)).to(x.device)
        x[channel] = torch.maximum(x[channel], disk)
