"""Running a network on a device, with a ladder down when its memory does not suffice."""

from __future__ import annotations

import torch
from torch import Tensor

from liverview.network import AttentionResUNet
from liverview.stream import Notice


class DeviceError(ValueError):
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


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class Runner:
    """A network on a device.

    Out of memory on the device: half the batch, and when a single input is too much, the
    CPU for the rest of the work, said once in `take_notices`.
    """

    def __init__(self, network: AttentionResUNet, device: torch.device) -> None:
        self.device = device
        self.network = network.to(device)
        two = network.config.dims == 2
        self._form = torch.channels_last if two else torch.channels_last_3d
        self._most: int | None = None
        self._notices: list[Notice] = []

    def probabilities(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> class probabilities (B, classes, ...) float32 on the CPU."""
        parts: list[Tensor] = []
        done = 0
        while done < len(x):
            piece = x[done : done + (self._most or len(x))]
            try:
                parts.append(self._forward(piece))
                done += len(piece)
            except torch.OutOfMemoryError:
                self._step_down(len(piece))
        return torch.cat(parts)

    def _forward(self, x: Tensor) -> Tensor:
        with torch.inference_mode():
            logits: Tensor = self.network(x.to(self.device).contiguous(memory_format=self._form))
            return logits.float().softmax(dim=1).cpu()

    def _step_down(self, size: int) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if size > 1:
            self._most = size // 2
            return
        if self.device.type == "cpu":
            raise MemoryError("There is not enough memory to segment a single slice.")
        self.device = torch.device("cpu")
        self.network = self.network.to(self.device)
        self._notices.append(
            Notice("The graphics card ran out of memory; the segmentation goes on on the CPU.")
        )

    def take_notices(self) -> list[Notice]:
        """What a person should be told, each notice once."""
        taken, self._notices = self._notices, []
        return taken
