"""Torch and the networks, on their way while the first scan is read.

What holds Python's lock while torch is imported is Python code; loading its library, a third of the
time, need not, and reading a scan is mostly inflating, which does not either. So the library comes
first, by a call that lets go of the lock.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from liverview.core.garbage import uncollected
from liverview.core.stream import Progress

if TYPE_CHECKING:
    from liverview.core.volume import Volume
    from liverview.inference.segmentation import Models, SegmentationItem

T = TypeVar("T")
_LIBRARIES = ("libtorch_global_deps.so", "libtorch_cpu.so")  # in torch's order


class ModelsAhead:
    """The networks of a folder and the device for them, got ready on a thread of their own.

    Parameters
    ----------
    folder : of the weights; None for those that liverview brings.
    device : auto, cpu, cuda, cuda:N or mps.
    """

    def __init__(self, folder: Path | None, device: str) -> None:
        self._folder, self._device = folder, device
        self._future: Future[tuple[Models, str]] | None = None
        self._abandoned = Event()

    def start(self) -> None:
        """Begin now, where that has not happened yet."""
        self._begun()

    @property
    def is_begun(self) -> bool:
        """True once the thread was started."""
        return self._future is not None

    def wait(self) -> tuple[Models, str]:
        """Wait for the networks, and the name of the device.

        Raises
        ------
        DeviceError : where the device is unknown or not there.
        CheckpointError : where a network is missing, damaged or of the wrong kind.
        """
        return self._begun().result()

    def check(self) -> None:
        """Raise what is wrong with them, where that is known by now."""
        if self._future is not None and self._future.done():
            self._future.result()

    def abandon(self) -> None:
        """Nobody waits any more: the thread ends after the step it is at."""
        self._abandoned.set()

    def _begun(self) -> Future[tuple[Models, str]]:
        if self._future is None:
            pool = ThreadPoolExecutor(1, "networks ahead")
            self._future = pool.submit(self._load)
            pool.shutdown(wait=False)
        return self._future

    def _load(self) -> tuple[Models, str]:
        load_library()
        self._go_on()
        with uncollected():
            from liverview.networks.runtime import pick_device

            device = str(pick_device(self._device))
            self._go_on()
            from liverview.inference.segmentation import load_models
        self._go_on()
        return load_models(self._folder), device

    def _go_on(self) -> None:
        if self._abandoned.is_set():
            raise CancelledError


def iter_beside(stream: Iterator[T], ahead: ModelsAhead) -> Iterator[T]:
    """Pass a stream on while networks are loaded, from its first step on.

    By then all is imported that reading needs: the system loads one library at a time, and torch's
    would hold up the others. What is wrong with the networks is raised as soon as it is known.

    Raises
    ------
    DeviceError, CheckpointError : as `ModelsAhead.wait`.
    """
    try:
        for item in stream:
            if isinstance(item, Progress):
                ahead.start()
            ahead.check()
            yield item
    finally:
        ahead.abandon()


def iter_segment(
    volume: Volume, models: Models, device: str, *, least_certainty: float
) -> Iterator[SegmentationItem]:
    """Segment; with torch, which may still be on its way when this module is imported."""
    from liverview.inference import segmentation

    return segmentation.iter_segment(volume, models, device, least_certainty=least_certainty)


def load_library() -> None:
    """Load torch's library for the CPU, other threads going on; torch itself finds it loaded.

    Where that is not possible it does nothing: torch loads it then, or says what is wrong.
    """
    if "torch" in sys.modules or not sys.platform.startswith("linux"):
        return
    spec = importlib.util.find_spec("torch")
    load = getattr(ctypes.CDLL(None), "dlopen", None)
    if spec is None or spec.origin is None or load is None:
        return
    load.restype, load.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    for name in _LIBRARIES:
        path = Path(spec.origin).parent / "lib" / name
        visible = os.RTLD_GLOBAL if name == _LIBRARIES[0] else os.RTLD_LOCAL  # as torch does
        if not path.is_file() or not load(os.fsencode(path), os.RTLD_NOW | visible):
            return
