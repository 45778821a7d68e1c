"""The Attention-ResUNet: what it is made of, what it takes and gives."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from liverview.networks.network import (
    AttentionGate,
    AttentionResUNet,
    DecoderStage,
    NetworkConfig,
    ResidualBlock,
    fold_batch_norm,
)


@pytest.mark.parametrize(("dims", "size"), [(2, (32, 48)), (3, (16, 32, 16))])
@pytest.mark.parametrize("features", [8, 16, 32])
def test_logits_have_the_size_of_the_input(dims: int, size: tuple[int, ...], features: int) -> None:
    network = AttentionResUNet(NetworkConfig(dims, 3, 5, features)).eval()
    with torch.inference_mode():
        assert network(torch.randn(2, 3, *size)).shape == (2, 5, *size)


def test_four_down_samplings_double_the_features() -> None:
    network = AttentionResUNet(NetworkConfig(2, 1, 2, 8))
    widths = [block.second.conv.out_channels for block in network.encoder]
    assert widths == [8, 16, 32, 64, 128]
    assert len(network.decoder) == 4
    assert all(isinstance(stage, DecoderStage) for stage in network.decoder)


def test_a_residual_block_is_two_3x3_convolutions_and_a_shortcut() -> None:
    block = ResidualBlock(2, 4, 8).eval()
    assert block.first.conv.kernel_size == block.second.conv.kernel_size == (3, 3)
    assert block.shortcut.conv.kernel_size == (1, 1)
    assert isinstance(ResidualBlock(2, 8, 8).shortcut, nn.Identity)
    with torch.no_grad():  # with the convolutions silent, the shortcut is all there is
        block.second.norm.weight.zero_()
        block.second.norm.bias.zero_()
        x = torch.randn(1, 4, 6, 6)
        assert torch.equal(block(x), torch.relu(block.shortcut(x)))


def test_a_gate_multiplies_the_skip_by_its_coefficients() -> None:
    gate = AttentionGate(2, 8).eval()
    x, g = torch.randn(2, 8, 5, 5), torch.randn(2, 8, 5, 5)
    gated, alpha = gate(x, g)
    assert alpha.shape == (2, 1, 5, 5)
    assert torch.all((alpha > 0) & (alpha < 1))
    assert torch.equal(gated, alpha * x)
    expected = torch.sigmoid(gate.psi(torch.relu(gate.w_x(x) + gate.w_g(g))))
    assert torch.equal(alpha, expected)


def test_the_gates_can_be_asked_for() -> None:
    network = AttentionResUNet(NetworkConfig(2, 1, 2, 4)).eval()
    x = torch.randn(1, 1, 32, 32)
    logits, gates = network(x, return_gates=True)
    assert torch.equal(logits, network(x))
    assert [tuple(a.shape[2:]) for a in gates] == [(4, 4), (8, 8), (16, 16), (32, 32)]


@pytest.mark.parametrize("dims", [2, 3])
def test_folding_batch_norms_changes_nothing(dims: int) -> None:
    network = AttentionResUNet(NetworkConfig(dims, 2, 3, 4))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    network.eval()
    x = torch.randn(1, 2, *(16,) * dims)
    with torch.inference_mode():
        before = network(x)
        after = fold_batch_norm(network)(x)
    assert torch.allclose(before, after, atol=1e-4)
    assert not any(isinstance(m, nn.BatchNorm2d | nn.BatchNorm3d) for m in network.modules())


def test_every_parameter_learns() -> None:
    network = AttentionResUNet(NetworkConfig(2, 1, 2, 4))
    network(torch.randn(4, 1, 32, 32)).square().mean().backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("shape", [(1, 1, 20, 32), (1, 2, 32, 32), (1, 1, 32, 32, 32)])
def test_impossible_inputs_are_refused(shape: tuple[int, ...]) -> None:
    network = AttentionResUNet(NetworkConfig(2, 1, 2, 4))
    with pytest.raises(ValueError, match=r"must be"):
        network(torch.zeros(shape))


@pytest.mark.parametrize("values", [(4, 1, 2), (2, 0, 2), (2, 1, 0)])
def test_impossible_configurations_are_refused(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        NetworkConfig(*values)
