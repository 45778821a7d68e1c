"""Forward passes: number formats, and what happens without memory."""

from __future__ import annotations

import pytest
import torch

from liverview.inference import runner as runner_module
from liverview.inference.runner import ExecutionDevice, Runner
from liverview.inference.segmentation import load_models
from liverview.networks.inference_network import InferenceNetwork

from support import tiny_networks


class Greedy(torch.nn.Module):
    """A network that runs out of memory above a batch size."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.config = tiny_networks.fine().network.config
        self.most = most
        self.batches: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.batches.append(len(x))
        return x[:, :4]


class Crowded(Runner):
    """A runner on a graphics card that has no room for anything, not even the network."""

    def _run_network(self, x: torch.Tensor, gates: bool) -> list[torch.Tensor]:
        if self.execution.device.type != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super()._run_network(x, gates)


def test_bfloat16_says_nearly_what_float32_says() -> None:
    models = load_models()
    x = torch.randn(2, 11, 32, 48)
    plain, rounded = (
        Runner(models.fine.network, ExecutionDevice(torch.device("cpu"), dtype)).predict(x)
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert rounded.dtype == torch.float32
    assert not torch.equal(plain, rounded)
    assert (plain - rounded).abs().max() < 0.1
    assert (plain - rounded).abs().mean() < 0.005
    assert {p.dtype for p in models.fine.network.parameters()} == {torch.float32}


def test_out_of_memory_halves_the_batch() -> None:
    network = Greedy(most=3)
    x = torch.randn(10, 11, 16, 16)
    place = ExecutionDevice(torch.device("cpu"))
    runner = Runner(network, place)  # type: ignore[arg-type]
    assert torch.equal(runner.predict(x), x[:, :4].softmax(dim=1))
    assert network.batches == [2] * 5
    assert place.take_notices() == []
    runner.predict(x)
    assert max(network.batches) == 2  # it does not try what failed again


def test_out_of_memory_ends_on_the_cpu_for_all_networks_and_is_said_once() -> None:
    x = torch.randn(4, 11, 16, 16)
    place = ExecutionDevice(torch.device("meta"))  # no graphics card is needed to be out of it
    for _ in range(2):
        runner = Crowded(Greedy(most=99), place)  # type: ignore[arg-type]
        assert torch.equal(runner.predict(x), x[:, :4].softmax(dim=1))
    assert place.device == torch.device("cpu")
    (notice,) = place.take_notices()
    assert "ran out of memory" in notice.text
    assert place.take_notices() == []


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_out_of_memory_on_the_cpu_is_an_error(error: RuntimeError) -> None:
    network = Greedy(most=9)

    def fail(x: torch.Tensor) -> torch.Tensor:
        raise error

    network.forward = fail  # type: ignore[method-assign]
    runner = Runner(network, ExecutionDevice(torch.device("cpu")))  # type: ignore[arg-type]
    with pytest.raises(MemoryError, match="not enough memory"):
        runner.predict(torch.randn(2, 11, 16, 16))


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    runner = Runner(Greedy(most=9), ExecutionDevice(torch.device("cpu")))  # type: ignore[arg-type]
    runner.network.forward = lambda x: x @ torch.zeros(7, 7)  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="size"):
        runner.predict(torch.randn(2, 11, 16, 16))


@pytest.mark.parametrize("stage", ["coarse", "fine"])
def test_the_fast_form_says_what_the_network_says(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = getattr(load_models(), stage).network
    x = torch.randn(2, network.config.in_channels, *(32, 48, 16)[: network.config.dims])
    execution = ExecutionDevice(torch.device("cpu"), torch.float32)
    fast = Runner(network, execution).predict_with_gates(x)
    monkeypatch.setattr(runner_module, "inference_network", lambda _: None)
    plain = Runner(network, execution).predict_with_gates(x)
    assert torch.allclose(fast[0], plain[0], atol=1e-5)
    for mine, own in zip(fast[1], plain[1], strict=True):
        assert torch.allclose(mine, own, atol=1e-5)


def test_out_of_memory_halves_the_batch_of_the_fast_form(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_networks.fine().network
    x = torch.randn(5, network.config.in_channels, 16, 32)
    runner = Runner(network, ExecutionDevice(torch.device("cpu"), torch.float32))
    whole = runner.predict(x)
    real, batches = InferenceNetwork.__call__, []

    def limited(self: InferenceNetwork, x: torch.Tensor) -> object:
        if len(x) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")
        batches.append(len(x))
        return real(self, x)

    monkeypatch.setattr(InferenceNetwork, "__call__", limited)
    assert torch.allclose(runner.predict(x), whole, atol=1e-6)
    assert batches == [2, 2, 1]
