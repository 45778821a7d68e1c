"""Versions, processor, device and weights, to be named beside a question."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from liverview.core.about import __version__

_PACKAGES = (
    *("torch", "numpy", "scipy", "nibabel", "PySide6-Essentials", "pyqtgraph", "isal"),
    *("pydicom", "highdicom", "python-gdcm", "pynetdicom"),
)
_GIB = 2**30
_SHORT = 16  # digits of a hash that are shown


def iter_system_info() -> Iterator[tuple[str, str]]:
    """Yield names and values, those known at once first; imports torch on the way."""
    yield "liverview", __version__
    yield "Python", platform.python_version()
    yield "System", platform.platform()
    for package in _PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "not installed"
    yield "Processor", f"{platform.machine()}, {os.cpu_count()} cores"

    import torch

    from liverview.files.sidefiles.weights import weights_sha256
    from liverview.networks.runtime import fastest_type, pick_device

    yield "Threads of torch", str(torch.get_num_threads())
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        card = torch.cuda.get_device_properties(number)
        free, total = torch.cuda.mem_get_info(number)
        yield (
            f"CUDA device {number}",
            f"{card.name}, {free / _GIB:.1f} of {total / _GIB:.1f} GiB free, "
            f"compute capability {card.major}.{card.minor}",
        )
    yield "CUDA of torch", torch.version.cuda or "none: this torch is for the CPU"
    device = pick_device()
    kind = str(fastest_type(device)).removeprefix("torch.")
    yield "Networks run on", f"{device} in {kind}"
    for name, digest in weights_sha256().items():
        yield name, f"SHA-256 {digest[:_SHORT]}…"
