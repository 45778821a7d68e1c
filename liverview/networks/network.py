"""Attention-ResUNet, 2D and 3D: the whole network in one file.

Residual blocks (two 3x3 convolutions with batch norm, a shortcut, ReLU) in encoder and
decoder, skips filtered by additive attention gates (Oktay et al. 2018, arXiv:1804.03999):
alpha = sigmoid(psi(relu(W_x x + W_g g))), and the skip passes on alpha * x.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from liverview.core.checks import check_number

_CONV = {2: nn.Conv2d, 3: nn.Conv3d}
_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
POOL = {2: F.max_pool2d, 3: F.max_pool3d}
_LINEAR = {2: "bilinear", 3: "trilinear"}
# Beyond these no machine could build it; a damaged file must not make one try.
_MAX = {"in_channels": 256, "classes": 256, "base_features": 128, "depth": 6}


@dataclass(frozen=True)
class NetworkConfig:
    """The architecture of a network; stored in every checkpoint.

    Attributes
    ----------
    dims : 2 for slices (B, C, H, W), 3 for blocks (B, C, I, J, K).
    in_channels : input channels; adjacent slices and windows are channels.
    classes : output classes, background included.
    base_features : features of the first level; they double at each down-sampling.
    depth : number of down-samplings; input sizes are multiples of ``2 ** depth``.
    """

    dims: int
    in_channels: int
    classes: int
    base_features: int = 8
    depth: int = 4

    def __post_init__(self) -> None:
        check_number("dims", self.dims, 2, 3, whole=True)
        for name, most in _MAX.items():
            check_number(name, getattr(self, name), 1, most, whole=True)

    @property
    def multiple(self) -> int:
        """The number of which every spatial size of the input must be a multiple."""
        return 2**self.depth

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON values."""
        return asdict(self)


class ConvNorm(nn.Module):
    """Convolution and batch norm, which `fold_batch_norm` makes one convolution."""

    def __init__(self, dims: int, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = _CONV[dims](inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm: nn.Module = _NORM[dims](outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.conv(x))
        return out


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions plus a shortcut, which is 1x1 where the features change."""

    def __init__(self, dims: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = ConvNorm(dims, inputs, outputs, 3)
        self.second = ConvNorm(dims, outputs, outputs, 3)
        same = inputs == outputs
        self.shortcut = nn.Identity() if same else ConvNorm(dims, inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, inputs, ...) -> (B, outputs, ...)
        residual = self.second(F.relu(self.first(x), inplace=True))
        return F.relu(residual + self.shortcut(x), inplace=True)


class AttentionGate(nn.Module):
    """Additive gate: the decoder's features g decide which voxels of the skip x pass."""

    def __init__(self, dims: int, features: int) -> None:
        super().__init__()
        hidden = max(features // 2, 1)
        self.w_x = ConvNorm(dims, features, hidden, 1)
        self.w_g = ConvNorm(dims, features, hidden, 1)
        self.psi = _CONV[dims](hidden, 1, 1)

    def forward(self, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        alpha = torch.sigmoid(
            self.psi(F.relu(self.w_x(x) + self.w_g(g), inplace=True))
        )  # (B, 1, ...)
        return alpha * x, alpha


class DecoderStage(nn.Module):
    """Up-sample by two, gate the skip with the result, merge both in a residual block."""

    def __init__(self, dims: int, features: int) -> None:
        super().__init__()
        self.mode = _LINEAR[dims]
        self.reduce = ConvNorm(dims, 2 * features, features, 1)
        self.gate = AttentionGate(dims, features)
        self.block = ResidualBlock(dims, 2 * features, features)

    def forward(self, x: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        # (B, 2f, H/2, ...), (B, f, H, ...) -> (B, f, H, ...), (B, 1, H, ...)
        # 1x1 before up-sampling: the same result as after it, for a fraction of the work.
        g = F.interpolate(self.reduce(x), scale_factor=2.0, mode=self.mode)
        gated, alpha = self.gate(skip, g)
        return self.block(torch.cat([g, gated], dim=1)), alpha


class AttentionResUNet(nn.Module):
    """The network: (B, in_channels, ...) float -> logits (B, classes, ...)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        features = [config.base_features * 2**level for level in range(config.depth + 1)]
        inputs = [config.in_channels, *features[:-1]]
        self.encoder = nn.ModuleList(
            ResidualBlock(config.dims, i, o) for i, o in zip(inputs, features, strict=True)
        )
        self.decoder = nn.ModuleList(DecoderStage(config.dims, f) for f in features[-2::-1])
        self.head = _CONV[config.dims](features[0], config.classes, 1)

    @overload
    def forward(self, x: Tensor, return_gates: Literal[False] = False) -> Tensor: ...
    @overload
    def forward(self, x: Tensor, return_gates: Literal[True]) -> tuple[Tensor, list[Tensor]]: ...
    def forward(
        self, x: Tensor, return_gates: bool = False
    ) -> Tensor | tuple[Tensor, list[Tensor]]:
        """The logits and, if asked for, the gates' coefficients.

        The coefficients are one (B, 1, ...) tensor in 0..1 per decoder stage, coarse to fine.

        Raises
        ------
        ValueError : where a spatial size is not a multiple of ``config.multiple``.
        """
        self._check_shape(x)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else POOL[self.config.dims](x, 2))
            skips.append(x)
        gates: list[Tensor] = []
        for stage, skip in zip(self.decoder, skips[-2::-1], strict=True):
            x, alpha = stage(x, skip)
            gates.append(alpha)
        logits: Tensor = self.head(x)
        return (logits, gates) if return_gates else logits

    def _check_shape(self, x: Tensor) -> None:
        if x.ndim != self.config.dims + 2 or x.shape[1] != self.config.in_channels:
            raise ValueError(
                f"input must be (B, {self.config.in_channels}) and {self.config.dims} sizes, "
                f"got {tuple(x.shape)}"
            )
        if any(size % self.config.multiple for size in x.shape[2:]):
            raise ValueError(
                f"spatial sizes must be multiples of {self.config.multiple}, "
                f"got {tuple(x.shape[2:])}"
            )


def fold_batch_norm(network: AttentionResUNet) -> AttentionResUNet:
    """Merge every batch norm into its convolution, in place, for inference."""
    network.eval()
    for module in network.modules():
        if isinstance(module, ConvNorm) and isinstance(module.norm, _BatchNorm):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    return network
