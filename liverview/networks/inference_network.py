"""The trained network for CPUs, with as few passes over memory as torch's operations allow.

Sums and activations that follow a convolution are done by it while its result is at hand (oneDNN's
post-operations), and none is left to the general way that torch takes for kernels of one pixel on
one thread and for single blocks. The arithmetic is that of `network`; only the order of sums
differs.
"""

from __future__ import annotations

import functools
import platform
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from liverview.networks.network import (
    POOL,
    AttentionGate,
    AttentionResUNet,
    ConvNorm,
    DecoderStage,
    ResidualBlock,
)

_FORMAT = {2: torch.channels_last, 3: torch.channels_last_3d}
_TOLERANCE = 1e-4  # of a trial's values, which are about 1


class InferenceNetwork:
    """A trained network's results, (B, in_channels, ...) float32 -> logits and gates, on the CPU.

    It is made of the network's weights as they are; later changes are not seen.
    """

    def __init__(self, network: AttentionResUNet) -> None:
        dims = network.config.dims
        self._format, self._pool = _FORMAT[dims], POOL[dims]
        self._encoder = [_Block(block) for block in network.encoder]
        self._decoder = [_Stage(stage) for stage in network.decoder]
        self._classes, self._bias = _of_pixels(network.head)

    def __call__(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and the gates' coefficients as `AttentionResUNet` returns them."""
        x = x.contiguous(memory_format=self._format)
        x = self._encoder[0](x)
        skips: list[Tensor] = []
        for block in self._encoder[1:]:
            skips.append(x)
            x = block(self._pool(x, 2))
        gates: list[Tensor] = []
        for stage in self._decoder:
            x, alpha = stage(x, skips.pop())
            gates.append(alpha)
        return self._head(x), gates

    def _head(self, x: Tensor) -> Tensor:
        """A product whose result is contiguous, as softmax over the classes is fast on it."""
        weight = self._classes.expand(len(x), *self._classes.shape)
        logits = torch.baddbmm(self._bias[None, :, None], weight, x.flatten(2))
        return logits.reshape(len(x), -1, *x.shape[2:])


def inference_network(network: nn.Module) -> InferenceNetwork | None:
    """Make the fast form of a network; None where it has none or this torch cannot compute it."""
    if not isinstance(network, AttentionResUNet) or network.training:
        return None
    return InferenceNetwork(network) if _computes(network.config.dims) else None


@functools.cache
def _computes(dims: int) -> bool:
    """True where torch has the operations, and they do what a convolution and a sum do.

    They are those that torch's compiler calls; torch does not promise that they stay as they are.
    On other processors than those of this family nothing was measured.
    """
    onednn: Any = torch.backends.mkldnn
    usable = onednn.is_available() and onednn.enabled
    if not usable or platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    conv = (nn.Conv2d if dims == 2 else nn.Conv3d)(8, 8, 3, padding=1).eval()
    x = torch.linspace(-1, 1, 8 * 6**dims).reshape(1, 8, *[6] * dims)
    x = x.contiguous(memory_format=_FORMAT[dims])
    with torch.inference_mode():
        try:
            fast = _Convolution(conv)
            found = fast(x, "relu"), fast.add_to(x.clone(), x, "relu")
        except (AttributeError, RuntimeError):  # another torch, or another processor
            return False
        sums = conv(x).relu(), (conv(x) + x).relu()
    return all(torch.allclose(*pair, atol=_TOLERANCE) for pair in zip(found, sums, strict=True))


class _Convolution:
    """A convolution of stride 1, with what follows it.

    oneDNN puts the weights in an order that depends on the input's shape. Slabs have many shapes,
    and to do so in each call takes less time than to ask for the order whenever a shape comes.
    """

    def __init__(self, conv: nn.Module) -> None:
        assert isinstance(conv, nn.Conv2d | nn.Conv3d)
        # Close to every order: a third of the time to get there.
        self._weight = conv.weight.detach().contiguous(memory_format=_FORMAT[conv.weight.ndim - 2])
        self._bias = None if conv.bias is None else conv.bias.detach()
        ones = [1] * len(conv.kernel_size)
        # Padding, stride, dilation, groups.
        self._settings = ([size // 2 for size in conv.kernel_size], ones, ones, 1)

    def __call__(self, x: Tensor, activation: str = "none") -> Tensor:
        """The activation of the convolution of (B, inputs, ...)."""
        out: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._weight, self._bias, *self._settings, activation, [], ""
        )
        return out

    def add_to(self, total: Tensor, x: Tensor, activation: str) -> Tensor:
        """Add the convolution of x to ``total``, in place; the activation of the sum."""
        out: Tensor = torch.ops.mkldnn._convolution_pointwise_(
            *(total, x, self._weight, self._bias, *self._settings),
            *("add", 1.0, activation, [], None),
        )
        return out


class _Block:
    """`ResidualBlock`."""

    def __init__(self, block: nn.Module) -> None:
        assert isinstance(block, ResidualBlock)
        self._first, self._second = _folded(block.first), _folded(block.second)
        same = isinstance(block.shortcut, nn.Identity)
        self._shortcut = None if same else _folded(block.shortcut)

    def __call__(self, x: Tensor) -> Tensor:
        hidden = self._first(x, "relu")
        total = x.clone() if self._shortcut is None else self._shortcut(x)
        return self._second.add_to(total, hidden, "relu")


class _Gate:
    """`AttentionGate`; the skip is overwritten by what passes of it."""

    def __init__(self, gate: AttentionGate) -> None:
        self._w_x, self._w_g = _folded(gate.w_x), _folded(gate.w_g)
        psi, self._bias = _of_pixels(gate.psi)
        self._psi = psi[0]

    def __call__(self, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self._w_g.add_to(self._w_x(x), g, "relu").movedim(1, -1)
        alpha = torch.addmv(self._bias, hidden.reshape(-1, len(self._psi)), self._psi).sigmoid_()
        alpha = alpha.reshape(hidden.shape[:-1])[:, None]
        return x.mul_(alpha), alpha


class _Stage:
    """`DecoderStage`; the skip is overwritten."""

    def __init__(self, stage: nn.Module) -> None:
        assert isinstance(stage, DecoderStage)
        self._mode = stage.mode
        self._reduce = _folded(stage.reduce)
        self._gate = _Gate(stage.gate)
        self._block = _Block(stage.block)

    def __call__(self, x: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        g = F.interpolate(self._reduce(x), scale_factor=2.0, mode=self._mode)
        gated, alpha = self._gate(skip, g)
        both = torch.cat([g, gated], dim=1)
        del g, skip, gated  # the memory is reused
        return self._block(both), alpha


def _folded(module: nn.Module) -> _Convolution:
    """The convolution of a `ConvNorm`, its batch norm merged into it."""
    assert isinstance(module, ConvNorm)
    if isinstance(module.norm, _BatchNorm):
        return _Convolution(fuse_conv_bn_eval(module.conv, module.norm))
    return _Convolution(module.conv)


def _of_pixels(conv: nn.Module) -> tuple[Tensor, Tensor]:
    """The weights, (outputs, inputs), and the bias of a convolution of single pixels."""
    assert isinstance(conv, nn.Conv2d | nn.Conv3d)
    assert conv.bias is not None
    return conv.weight.detach().flatten(1), conv.bias.detach()
