"""The moving average of the weights, which validation and export use."""

from __future__ import annotations

import lightning
from lightning.pytorch.callbacks import EMAWeightAveraging

from liverview.training.phantom_module import PhantomModule


class ExponentialMovingAverage(EMAWeightAveraging):
    """The exponential moving average, kept too by a resumed run with nothing left to train."""

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Give the network the averaged batch norm statistics when it begins to settle."""
        assert isinstance(pl_module, PhantomModule)
        if pl_module.settles and trainer.current_epoch == pl_module.first_settled_round:
            averages = self._average_model.module.buffers()
            for average, buffer in zip(averages, pl_module.buffers(), strict=True):
                buffer.copy_(average)

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Copy the averaged weights to the network."""
        self._copy_average_to_current(pl_module)
