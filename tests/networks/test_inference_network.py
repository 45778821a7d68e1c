"""The fast form of a network for CPUs: the same values as the network itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from liverview.networks import inference_network as module
from liverview.networks.inference_network import InferenceNetwork, inference_network
from liverview.networks.network import AttentionResUNet, NetworkConfig, fold_batch_norm


def trained(config: NetworkConfig) -> AttentionResUNet:
    """A network whose batch norms shift and scale, as those of a trained one."""
    torch.manual_seed(config.base_features + config.depth)
    network = AttentionResUNet(config)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(part.running_mean, -0.5, 0.5)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.5, 0.5)
    return network.eval()


def assert_same(network: AttentionResUNet, fast: InferenceNetwork, x: Tensor) -> None:
    """Logits and gates are those of the network, which gives them from a copy of the input."""
    before = x.clone()
    with torch.inference_mode():
        found, found_gates = fast(x)
        expected, gates = network(before, return_gates=True)
    assert torch.equal(x, before)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))
    assert len(found_gates) == len(gates) == network.config.depth
    for mine, own in zip(found_gates, gates, strict=True):
        assert mine.shape == own.shape
        assert torch.allclose(mine, own, atol=1e-4)


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize(
    ("config", "sizes"),
    [
        (NetworkConfig(2, 11, 4, 16, 4), [(4, 48, 32), (1, 16, 16), (3, 32, 80), (4, 48, 32)]),
        (NetworkConfig(2, 5, 7, 12, 3), [(2, 24, 40)]),
        (NetworkConfig(2, 8, 2, 8, 2), [(2, 12, 20)]),  # the first shortcut is the input itself
        (NetworkConfig(2, 1, 1, 1, 1), [(2, 6, 10), (1, 2, 2)]),
        (NetworkConfig(3, 2, 15, 8, 4), [(1, 32, 16, 16), (2, 16, 16, 32)]),
        (NetworkConfig(3, 13, 2, 5, 2), [(1, 8, 12, 4)]),
        (NetworkConfig(3, 1, 3, 2, 1), [(1, 4, 6, 2)]),
    ],
)
def test_it_gives_what_the_network_gives(
    config: NetworkConfig, sizes: list[tuple[int, ...]], folded: bool
) -> None:
    network = trained(config)
    if folded:
        fold_batch_norm(network)
    fast = inference_network(network)
    assert fast is not None
    for batch, *size in sizes:
        assert_same(network, fast, torch.randn(batch, config.in_channels, *size))


def test_the_layout_of_the_input_does_not_matter() -> None:
    network = trained(NetworkConfig(2, 6, 3, 8, 2))
    fast = inference_network(network)
    assert fast is not None
    x = torch.randn(2, 6, 16, 24)
    plain, _ = fast(x)
    for other in (
        x.contiguous(memory_format=torch.channels_last),
        torch.randn(2, 12, 16, 24)[:, ::2].copy_(x),
        x.permute(0, 1, 3, 2).contiguous().permute(0, 1, 3, 2),
    ):
        assert torch.equal(fast(other)[0], plain)


def test_the_number_of_threads_does_not_change_a_bit() -> None:
    network = trained(NetworkConfig(2, 11, 4, 16, 4))
    x, threads = torch.randn(2, 11, 64, 48), torch.get_num_threads()
    found = []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            fast = inference_network(network)
            assert fast is not None
            found.append(fast(x)[0])
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)


def test_only_a_trained_network_has_it() -> None:
    config = NetworkConfig(2, 1, 2, 2, 1)
    assert inference_network(AttentionResUNet(config).train()) is None
    assert inference_network(nn.Conv2d(1, 2, 1).eval()) is None
    assert inference_network(AttentionResUNet(config).eval()) is not None


@pytest.mark.parametrize(
    "answer",
    [
        AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_convolution_pointwise'"),
        RuntimeError("mkldnn is not available"),
        None,
    ],
)
def test_a_torch_that_cannot_or_errs_is_noticed(
    answer: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fused(self: object, x: Tensor, activation: str = "none") -> Tensor:
        if answer is not None:
            raise answer
        return torch.zeros_like(x)

    module._computes.cache_clear()
    monkeypatch.setattr(module._Convolution, "__call__", fused)
    try:
        assert inference_network(AttentionResUNet(NetworkConfig(2, 1, 2, 2, 1)).eval()) is None
    finally:
        module._computes.cache_clear()


def test_a_torch_without_onednn_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    module._computes.cache_clear()
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    try:
        assert inference_network(AttentionResUNet(NetworkConfig(3, 1, 2, 2, 1)).eval()) is None
    finally:
        module._computes.cache_clear()
