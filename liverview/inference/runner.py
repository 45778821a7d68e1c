"""Running a network on a device, with a ladder down when its memory does not suffice."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor

from liverview.core.stream import Message
from liverview.networks.device import fastest_type
from liverview.networks.network import AttentionResUNet


class ExecutionDevice:
    """Where the networks of one segmentation run; all of them move down together.

    Attributes
    ----------
    device : where they run now.
    dtype : what convolutions are computed in; float32 but for CPUs made for less.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype | None = None) -> None:
        self.device = device
        self.dtype = dtype or fastest_type(device)
        self._notices: list[Message] = []

    def fall_back_to_cpu(self) -> None:
        """Go on on the CPU, which is said once.

        Raises
        ------
        MemoryError : where it is the CPU that has no memory left.
        """
        if self.device.type == "cpu":
            raise MemoryError(
                "There is not enough memory to segment this scan: close other programs or crop it."
            )
        self.device = torch.device("cpu")
        self.dtype = fastest_type(self.device)
        self._notices.append(
            Message("The graphics card ran out of memory; the segmentation goes on on the CPU.")
        )

    def take_notices(self) -> list[Message]:
        """What a person should be told, each notice once."""
        taken, self._notices = self._notices, []
        return taken


class Runner:
    """A network at a place.

    Out of memory on the device: half the batch, and when a single input is too much, the
    CPU for the rest of the work.
    """

    def __init__(self, network: AttentionResUNet, place: ExecutionDevice) -> None:
        self.place = place
        self.network = network
        two = network.config.dims == 2
        self._memory_format = torch.channels_last if two else torch.channels_last_3d
        self._max_batch: int | None = None

    def predict(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> class probabilities (B, classes, ...) float32 on the CPU."""
        (found,) = self._predict_in_pieces(x, gates=False)
        return found

    def predict_with_gates(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Probabilities, and the attention gates' coefficients as the network returns them.

        All are float32 on the CPU, the probabilities the same as without the gates.
        """
        found, *gates = self._predict_in_pieces(x, gates=True)
        return found, gates

    def _predict_in_pieces(self, x: Tensor, gates: bool) -> list[Tensor]:
        parts: list[list[Tensor]] = []
        done = 0
        while done < len(x):
            piece = x[done : done + (self._max_batch or len(x))]
            part = self._try_forward(piece, gates)
            if part is None:
                self._step_down(len(piece))
            else:
                parts.append(part)
                done += len(piece)
        return [torch.cat(pieces) for pieces in zip(*parts, strict=True)]

    def _try_forward(self, x: Tensor, gates: bool) -> list[Tensor] | None:
        """One forward pass; None where the memory did not suffice."""
        try:
            return self._run_network(x, gates)
        except torch.OutOfMemoryError:
            return None
        except RuntimeError as error:
            if "can't allocate memory" in str(error):  # how torch says it on the CPU
                return None
            raise

    def _run_network(self, x: Tensor, gates: bool) -> list[Tensor]:
        """Probabilities and, if asked for, the gates' coefficients."""
        device, dtype = self.place.device, self.place.dtype
        # Weights stay as they are and are rounded on their way.
        plain = dtype is torch.float32
        rounded = nullcontext() if plain else torch.autocast(device.type, dtype)
        with torch.inference_mode(), rounded:
            self.network = self.network.to(device)
            there = x.to(device).contiguous(memory_format=self._memory_format)
            logits, found = (
                self.network(there, return_gates=True)
                if gates
                else (
                    self.network(there),
                    [],
                )
            )
            return [logits.float().softmax(dim=1).cpu(), *(gate.float().cpu() for gate in found)]

    def _step_down(self, size: int) -> None:
        if self.place.device.type == "cuda":
            torch.cuda.empty_cache()
        if size > 1:
            self._max_batch = size // 2
        else:
            self.place.fall_back_to_cpu()
