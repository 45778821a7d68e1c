"""curves.png: loss, Dice and learning rate of a run, drawn again after each validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from matplotlib import colormaps
from matplotlib.figure import Figure

from liverview.files import atomic

_LOSS, _HELD_OUT, _RATE, _DICE = "loss", "val_loss", "learning rate", "dice_"


class Curves(Callback):
    """The curves of a run, drawn after each validation.

    Their points are part of the training state: a resumed run goes on with the same curves.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._points: dict[str, list[tuple[int, float]]] = {}
        self._losses: list[Any] = []

    def state_dict(self) -> dict[str, Any]:
        return {"points": self._points}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._points = state_dict["points"]

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        # Kept where it is: to look at every step's loss would make the device wait.
        self._losses.append(outputs["loss"].detach())
        if trainer.global_step % trainer.log_every_n_steps == 0:
            self._add_losses(trainer)

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self._add_losses(trainer)
        for name, value in trainer.callback_metrics.items():
            if name == _HELD_OUT or name.startswith(_DICE):
                self._add_point(name, trainer.global_step, float(value))
        if trainer.is_global_zero:
            with atomic.atomic_write(self.path) as temporary:
                _draw_figure(self._points).savefig(temporary, dpi=120)

    def _add_losses(self, trainer: lightning.Trainer) -> None:
        """Add one point for the steps since the last one."""
        if self._losses:
            mean = float(sum(self._losses)) / len(self._losses)
            self._losses.clear()
            self._add_point(_LOSS, trainer.global_step, mean)
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            self._add_point(_RATE, trainer.global_step, float(rate))

    def _add_point(self, name: str, step: int, value: float) -> None:
        self._points.setdefault(name, []).append((step, value))


def _draw_figure(points: dict[str, list[tuple[int, float]]]) -> Figure:
    figure = Figure(figsize=(9, 8), layout="constrained")
    losses, dice, rate = figure.subplots(3, sharex=True, height_ratios=(3, 3, 1))
    losses.set_ylabel("loss")
    dice.set_ylabel("Dice, validation")
    dice.set_ylim(0, 1)
    rate.set_ylabel("learning rate")
    rate.set_xlabel("step")
    classes = [name for name in points if name.startswith(_DICE)]
    lines: list[tuple[Any, str, str, Any]] = [
        (losses, _LOSS, "training", "tab:gray"),
        (losses, _HELD_OUT, "validation", "tab:red"),
    ]
    colors = colormaps["tab20" if len(classes) > 10 else "tab10"]
    lines += [(dice, name, name.removeprefix(_DICE), colors(n)) for n, name in enumerate(classes)]
    lines += [(rate, _RATE, "", "black")]
    for axes, name, label, color in lines:
        if name in points:
            steps, values = zip(*points[name], strict=True)
            marker = "." if len(steps) < 100 else ""
            axes.plot(steps, values, marker=marker, color=color, label=label, linewidth=1.2)
    for axes in (losses, dice, rate):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in (losses, dice)[: 2 if classes else 1]:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure
