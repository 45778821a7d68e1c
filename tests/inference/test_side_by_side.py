"""Slabs side by side: order, errors, closing, and the numbers of torch's threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from liverview.core.stream import Slab
from liverview.inference import runner as runner_module
from liverview.inference import side_by_side
from liverview.inference.runner import ExecutionDevice, Runner
from liverview.inference.segmentation import Models, collect_labels, iter_segment
from liverview.inference.side_by_side import iter_side_by_side
from liverview.phantoms.config import Phantom

from support import tiny_networks

CPU = torch.device("cpu")


@pytest.fixture(params=[2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """torch's threads of this thread, more than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def helpers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("side by side")]


def threads_of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    second_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_done.wait(10)  # the first is done after the second
        if item == 1:
            second_done.set()
        return item * item

    assert list(iter_side_by_side(work, range(9), CPU)) == [n * n for n in range(9)]
    assert not helpers()


def test_no_more_is_begun_than_one_beyond_those_at_once(threads: int) -> None:
    begun = []
    stream = iter_side_by_side(begun.append, range(40), CPU)
    for taken, _ in enumerate(stream, start=1):
        assert len(begun) <= taken + threads
    assert sorted(begun) == list(range(40))


def test_an_error_is_raised_as_it_is_when_its_result_is_due(threads: int) -> None:
    error = MemoryError("none left")

    def work(item: int) -> int:
        if item == 3:
            raise error
        return item

    stream = iter_side_by_side(work, range(20), CPU)
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(MemoryError) as raised:
        next(stream)
    assert raised.value is error
    assert not helpers()


@pytest.mark.parametrize("how", [GeneratorExit, KeyboardInterrupt])
def test_nothing_goes_on_after_it_is_closed(threads: int, how: type[BaseException]) -> None:
    begun: list[int] = []
    stream = iter_side_by_side(begun.append, range(100), CPU)
    next(stream)
    assert helpers()
    if how is GeneratorExit:
        stream.close()
    else:
        with pytest.raises(how):
            stream.throw(how())
    assert not helpers()
    assert len(begun) <= 1 + threads


def test_the_threads_of_torch_are_shared_among_those_at_once_and_nobody_else(
    threads: int,
) -> None:
    of_new_threads = threads_of_a_new_thread()
    all_there = threading.Barrier(threads)

    def work(_: int) -> int:
        all_there.wait(10)
        return torch.get_num_threads()

    assert list(iter_side_by_side(work, range(threads), CPU)) == [1] * threads
    assert torch.get_num_threads() == threads
    assert threads_of_a_new_thread() == of_new_threads


@pytest.mark.parametrize(
    ("cores", "items", "shares"),
    [(1, 9, [1]), (2, 9, [1, 1]), (4, 9, [1] * 4), (8, 1, [8]), (8, 3, [2, 3, 3]), (6, 0, [])],
)
def test_cores_beyond_four_are_shared(
    cores: int, items: int, shares: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    assert side_by_side._share_threads(items) == shares


def test_with_one_thread_or_another_device_it_is_the_callers_own_thread(threads: int) -> None:
    def work(_: int) -> threading.Thread:
        return threading.current_thread()

    own = [threading.current_thread()] * 3
    assert list(iter_side_by_side(work, range(3), torch.device("meta"))) == own
    torch.set_num_threads(1)
    assert list(iter_side_by_side(work, range(3), CPU)) == own


def test_labels_are_the_same_whatever_the_number_of_threads(case: Phantom) -> None:
    made = tiny_networks.bright_liver()
    before, results = torch.get_num_threads(), []
    try:
        for number, k in ((1, 20), (2, 20), (3, 20), (2, 0)):
            torch.set_num_threads(number)
            stream = iter_segment(case.volume, made, "cpu", (0, 0, k))
            results.append(collect_labels(stream, case.volume.shape))
    finally:
        torch.set_num_threads(before)
    assert results[0].any()
    for other in results[1:]:
        assert np.array_equal(results[0], other)


def test_a_segmentation_that_is_closed_has_no_threads_left(case: Phantom, threads: int) -> None:
    made = Models(tiny_networks.bright_liver().coarse, tiny_networks.fine())
    stream = iter_segment(case.volume, made, "cpu")
    for item in stream:
        if isinstance(item, Slab) and item.labels.shape[2] == 4:
            break
    assert helpers()
    stream.close()  # type: ignore[attr-defined]
    assert not helpers()


def test_the_network_gets_ready_once_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, made = 4, []
    make = runner_module.inference_network

    def note(network: torch.nn.Module) -> object:
        made.append(network)
        return make(network)

    monkeypatch.setattr(runner_module, "inference_network", note)
    runner = Runner(tiny_networks.fine().network, ExecutionDevice(CPU, torch.float32))
    x, together = torch.randn(1, 6, 16, 16), threading.Barrier(at_once)

    def predict(_: int) -> torch.Tensor:
        together.wait(10)
        return runner.predict(x)

    with ThreadPoolExecutor(at_once) as pool:
        first, *others = pool.map(predict, range(at_once))
    assert len(made) == 1
    assert all(torch.equal(first, other) for other in others)
