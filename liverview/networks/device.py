"""Which device the networks run on."""

from __future__ import annotations

import torch

from liverview.core.errors import LiverviewError


class DeviceError(LiverviewError):
    """A device that is not there; the message says what is."""


def pick_device(name: str = "auto") -> torch.device:
    """The device for auto, cpu, cuda, cuda:N or mps.

    Raises
    ------
    DeviceError : where the name is unknown or the device is not there.
    """
    if name == "auto":
        return torch.device(_best())
    kind, _, number = name.partition(":")
    numbered = kind == "cuda" and number.isdigit()
    if kind not in ("cpu", "cuda", "mps") or (":" in name and not numbered):
        raise DeviceError(f"The device {name!r} is not known: use auto, cpu, cuda, cuda:N or mps.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    missing_cuda = kind == "cuda" and int(number or 0) >= count
    if missing_cuda or (kind == "mps" and not torch.backends.mps.is_available()):
        raise DeviceError(f"The device {name!r} is not on this machine: use auto or cpu.")
    return torch.device(name)


def fastest_type(device: torch.device) -> torch.dtype:
    """The number format to compute in: bfloat16 on CPUs that have tiles for it (AMX), else float32.

    On those it took a third of the time, and left labels and Dice as they were (README,
    Benchmarks). Elsewhere bfloat16 is emulated, and no other device was measured.
    """
    has_tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)  # not in every torch
    tiles = device.type == "cpu" and has_tiles is not None and has_tiles()
    return torch.bfloat16 if tiles else torch.float32


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
