"""Devices by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from liverview.networks import runtime
from liverview.networks.device_names import DeviceError
from liverview.networks.runtime import fastest_type, pick_device


def test_devices() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("gpu", "cpu:1", "cuda:x", "mps:0", "cuda:"):
        with pytest.raises(DeviceError, match="not known"):
            pick_device(name)
    with pytest.raises(DeviceError, match="not on this machine"):
        pick_device("cuda:99")


@pytest.mark.parametrize(
    ("tiles", "instructions", "share", "wanted"),
    [
        (True, True, 2.0, torch.bfloat16),  # tiles decide, nothing is measured
        (False, True, 0.5, torch.bfloat16),
        (False, True, 0.95, torch.float32),  # within the noise
        (False, False, 0.5, torch.float32),
    ],
)
def test_bfloat16_where_the_cpu_is_made_for_it(
    monkeypatch: pytest.MonkeyPatch,
    tiles: bool,
    instructions: bool,
    share: float,
    wanted: torch.dtype,
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: instructions, raising=False)
    times = {torch.float32: 1.0, torch.bfloat16: share}
    monkeypatch.setattr(runtime, "_time_convolutions", times.__getitem__)
    runtime._bfloat16_pays.cache_clear()
    try:
        assert fastest_type(torch.device("cpu")) is wanted
        assert fastest_type(torch.device("cuda")) is torch.float32
    finally:
        runtime._bfloat16_pays.cache_clear()


def test_the_measurement_computes_in_the_type_it_times(monkeypatch: pytest.MonkeyPatch) -> None:
    convolved = []
    for name in ("conv2d", "conv3d"):
        real = getattr(torch.nn.functional, name)

        def watched(*given: object, real: Any = real, **more: object) -> Any:
            convolved.append(real(*given, **more))
            return convolved[-1]

        monkeypatch.setattr(torch.nn.functional, name, watched)
    for dtype in (torch.float32, torch.bfloat16):
        convolved.clear()
        assert runtime._time_convolutions(dtype) > 0
        assert [result.dtype for result in convolved] == [dtype] * 2
