"""The runtime of networks: device, number format, and reuse of memory."""

from __future__ import annotations

import ctypes
import functools
import sys
import time

import torch

from liverview.core.shared_heap import share_heap
from liverview.networks.device_names import DeviceError, check_device_name

_TRIALS = 5  # the first of each makes the code
_CLEARLY = 0.8  # of float32's time
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # glibc's malloc.h


def pick_device(name: str = "auto") -> torch.device:
    """The torch device for auto, cpu, cuda, cuda:N or mps.

    Raises
    ------
    DeviceError : where the name is unknown or the device is not there.
    """
    check_device_name(name)
    if name == "auto":
        return torch.device(_fastest_device())
    kind, _, number = name.partition(":")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    missing_cuda = kind == "cuda" and int(number or 0) >= count
    if missing_cuda or (kind == "mps" and not torch.backends.mps.is_available()):
        raise DeviceError(f"The device {name!r} is not on this machine: use auto or cpu.")
    return torch.device(name)


def fastest_type(device: torch.device) -> torch.dtype:
    """The number format to compute in: bfloat16 on CPUs that are made for it, else float32.

    CPUs with tiles for it (AMX) took a third of the time, and left labels and Dice as they were
    (docs/benchmarks.md). Of those that have instructions but no tiles (AVX512-BF16, as AMD's
    since Zen 4), a short measurement says whether it pays. Elsewhere bfloat16 is emulated, and no
    other device was measured.
    """
    if device.type != "cpu":
        return torch.float32
    if _cpu_has("_is_amx_tile_supported"):
        return torch.bfloat16
    pays = _cpu_has("_is_avx512_bf16_supported") and _bfloat16_pays()
    return torch.bfloat16 if pays else torch.float32


def _cpu_has(feature: str) -> bool:
    """Whether torch finds a feature of the CPU; no for one that this torch does not ask for."""
    ask = getattr(torch.cpu, feature, None)
    return ask is not None and bool(ask())


@functools.cache
def _bfloat16_pays() -> bool:
    """True where convolutions like those of both stages take clearly less time in bfloat16.

    Clearly, so that noise does not decide: it takes half of the time where it is computed, and
    more than float32 where it is emulated.
    """
    plain, rounded = (
        min(_time_convolutions(dtype) for _ in range(_TRIALS))
        for dtype in (torch.float32, torch.bfloat16)
    )
    return rounded < _CLEARLY * plain


def _time_convolutions(dtype: torch.dtype) -> float:
    """Seconds of one convolution of each stage, in the layout that runners use."""
    flat = torch.ones(1, 32, 96, 96).contiguous(memory_format=torch.channels_last)
    solid = torch.ones(1, 32, 24, 24, 24).contiguous(memory_format=torch.channels_last_3d)
    kernel = torch.ones(32, 32, 3, 3)
    cube = torch.ones(32, 32, 3, 3, 3)
    with torch.inference_mode(), torch.autocast("cpu", dtype, dtype is not torch.float32):
        started = time.perf_counter()
        torch.nn.functional.conv2d(flat, kernel, padding=1)
        torch.nn.functional.conv3d(solid, cube, padding=1)
        return time.perf_counter() - started


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
    share_heap()


def give_back_free_blocks() -> None:
    """Give blocks that nobody uses back to the system; does nothing without glibc.

    Where sizes change, what is kept to be reused is of the wrong size.
    """
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # musl has none
        trim(0)
