"""Devices by name."""

from __future__ import annotations

import pytest
import torch

from liverview.networks.runtime import DeviceError, pick_device


def test_devices() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("gpu", "cpu:1", "cuda:x", "mps:0", "cuda:"):
        with pytest.raises(DeviceError, match="not known"):
            pick_device(name)
    with pytest.raises(DeviceError, match="not on this machine"):
        pick_device("cuda:99")
