"""The runtime of networks: device, number format, and reuse of memory."""

from __future__ import annotations

import ctypes
import sys

import torch

from liverview.core.errors import LiverviewError

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # glibc's malloc.h


class DeviceError(LiverviewError):
    """A device that is not there; the message names those that are."""


def pick_device(name: str = "auto") -> torch.device:
    """The torch device for auto, cpu, cuda, cuda:N or mps.

    Raises
    ------
    DeviceError : where the name is unknown or the device is not there.
    """
    if name == "auto":
        return torch.device(_fastest_device())
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

    On those it took a third of the time, and left labels and Dice as they were
    (docs/benchmarks.md). Elsewhere bfloat16 is emulated, and no other device was measured.
    """
    has_tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)  # not in every torch
    tiles = device.type == "cpu" and has_tiles is not None and has_tiles()
    return torch.bfloat16 if tiles else torch.float32


def _fastest_device() -> str:
    """The fastest kind of device that is there."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def reuse_large_blocks() -> None:
    """Make glibc recycle large blocks; does nothing elsewhere.

    By default every block above some megabytes is mapped afresh and zeroed by the kernel,
    page by page. Networks ask for the same large blocks again and again: recycling them
    takes the system's share of training on the CPU from half of the time to nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
