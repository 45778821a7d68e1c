"""Small networks for tests that need no trained weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from liverview.inference.segmentation import Models
from liverview.networks.checkpoint import Checkpoint, save_checkpoint
from liverview.networks.network import AttentionResUNet, NetworkConfig
from liverview.networks.preprocessing import Preprocessing, Window

SOFT = Window(40, 400)


def checkpoint(
    dims: int,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    seed: int = 0,
) -> Checkpoint:
    """A network with random weights, in evaluation mode."""
    torch.manual_seed(seed)
    config = NetworkConfig(dims, preprocessing.channels, len(classes), base_features=4, depth=4)
    network = AttentionResUNet(config)
    with torch.no_grad():  # batch norms that do something
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm3d):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.5, 1.5)
    return Checkpoint(network.eval(), preprocessing, classes)


def coarse(seed: int = 0) -> Checkpoint:
    """A first stage: 3D, three classes."""
    how = Preprocessing((4.0, 4.0, 4.0), (SOFT,))
    return checkpoint(3, ("background", "liver", "spleen"), how, seed)


def fine(seed: int = 1) -> Checkpoint:
    """A second stage: 2D, five adjacent slices, the first stage's probability."""
    how = Preprocessing((1.25, 1.25, 1.5), (Window(0, 200, relative=True),), slices=5, prior=True)
    return checkpoint(2, ("background", "liver", "vessel", "tumor"), how, seed)


class Threshold(torch.nn.Module):
    """Stands for a trained network: a class wherever the slice's value lies in its range."""

    def __init__(self, like: AttentionResUNet, ranges: Sequence[tuple[int, float, float]]) -> None:
        super().__init__()
        self.config = like.config
        self.ranges = ranges

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(len(x), self.config.classes, *x.shape[2:])
        logits[:, 0] = 1.0
        seen = x[:, (self.config.in_channels - 1) // 2]  # the slice itself, not a neighbor
        for index, low, high in self.ranges:
            logits[:, index] = torch.where((seen >= low) & (seen < high), 10.0, -10.0)
        return logits


class Doubtful(Threshold):
    """As `Threshold`, but takes class 1 only where the prior is sure of ``reach`` pixels around.

    What is brighter than ``sure`` is taken nevertheless.
    """

    def __init__(
        self,
        like: AttentionResUNet,
        ranges: Sequence[tuple[int, float, float]],
        sure: float,
        reach: int,
    ) -> None:
        super().__init__(like, ranges)
        self.sure, self.reach = sure, reach

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = super().forward(x)
        size = 2 * self.reach + 1
        around = -torch.nn.functional.max_pool2d(-x[:, -1:], size, 1, self.reach)[:, 0]
        seen = x[:, (self.config.in_channels - 1) // 2]
        logits[:, 1] = logits[:, 1].where((around > 0) | (seen > self.sure), -10.0)
        return logits


def with_network(checkpoint: Checkpoint, network: torch.nn.Module) -> Checkpoint:
    return Checkpoint(network, checkpoint.preprocessing, checkpoint.classes)  # type: ignore[arg-type]


PARTS = ((1, -0.35, 0.3), (2, 0.3, 0.9), (3, -0.9, -0.35))


def bright_liver(parts: tuple[tuple[int, float, float], ...] = PARTS) -> Models:
    """Two stages that call everything of about liver density liver, brighter parts vessel."""
    first, second = coarse(), fine()
    # Window 40 +- 200: 60 to 130 HU is 0.1 to 0.45. Relative window: liver +- 100 is -1 to 1.
    found = with_network(first, Threshold(first.network, ((1, 0.1, 0.45),)))
    return Models(found, with_network(second, Threshold(second.network, parts)))


def save_weights(folder: Path) -> Path:
    """A folder of weights that any process can load: they call the whole of every scan liver.

    The second stage's random weights make vessels and tumors of parts of it.
    """
    first, second = coarse(), fine()
    with torch.no_grad():
        first.network.head.bias.copy_(torch.tensor([-9.0, 9.0, -9.0]))
        second.network.head.bias.copy_(torch.tensor([-9.0, 0.3, 0.0, 0.0]))
    folder.mkdir(exist_ok=True)
    save_checkpoint(folder / "coarse.safetensors", first)
    save_checkpoint(folder / "fine.safetensors", second)
    return folder
