"""Forward passes on a device, in smaller batches or on the CPU when its memory runs out."""

from __future__ import annotations

from contextlib import nullcontext
from threading import Lock

import torch
from torch import Tensor

from liverview.core.stream import Message
from liverview.networks.inference_network import InferenceNetwork, inference_network
from liverview.networks.network import AttentionResUNet
from liverview.networks.runtime import fastest_type


class ExecutionDevice:
    """The device that all networks of one segmentation run on.

    Attributes
    ----------
    device : the current one.
    dtype : the number format of convolutions; float32 but for CPUs made for less.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype | None = None) -> None:
        self.device = device
        self.dtype = dtype or fastest_type(device)
        self._notices: list[Message] = []

    def fall_back_to_cpu(self) -> None:
        """Go on on the CPU, with one notice.

        Raises
        ------
        MemoryError : where the CPU is the one that has no memory left.
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
        """Return the notices for the user that were not taken yet."""
        taken, self._notices = self._notices, []
        return taken


class Runner:
    """A network on an execution device.

    Out of memory on the device: half the batch, and when a single input is too much, the
    CPU for the rest of the work. On the CPU several threads may call it at once.
    """

    def __init__(self, network: AttentionResUNet, execution: ExecutionDevice) -> None:
        self.execution = execution
        self.network = network
        is_2d = network.config.dims == 2
        self._memory_format = torch.channels_last if is_2d else torch.channels_last_3d
        self._max_batch: int | None = None
        self._fast: InferenceNetwork | None = None
        self._ready_for: torch.device | None = None
        self._getting_ready = Lock()  # the first pass of each thread would make its own

    def predict(self, x: Tensor) -> Tensor:
        """Class probabilities (B, classes, ...) of (B, C, ...), float32 on the CPU."""
        (probabilities,) = self._predict_in_pieces(x, gates=False)
        return probabilities

    def predict_with_gates(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Class probabilities, and the attention gates' coefficients as the network returns them.

        All are float32 on the CPU, the probabilities the same as without the gates.
        """
        probabilities, *coefficients = self._predict_in_pieces(x, gates=True)
        return probabilities, coefficients

    def _predict_in_pieces(self, x: Tensor, gates: bool) -> list[Tensor]:
        outputs: list[list[Tensor]] = []
        done = 0
        while done < len(x):
            piece = x[done : done + (self._max_batch or len(x))]
            output = self._try_forward(piece, gates)
            if output is None:
                self._step_down(len(piece))
            else:
                outputs.append(output)
                done += len(piece)
        return [torch.cat(pieces) for pieces in zip(*outputs, strict=True)]

    def _try_forward(self, x: Tensor, gates: bool) -> list[Tensor] | None:
        """Run one forward pass; None where the memory did not suffice."""
        try:
            return self._run_network(x, gates)
        except torch.OutOfMemoryError:
            return None
        except RuntimeError as error:
            if "can't allocate memory" in str(error):  # how torch says it on the CPU
                return None
            raise

    def _run_network(self, x: Tensor, gates: bool) -> list[Tensor]:
        """Class probabilities and, if asked for, the gates' coefficients."""
        device, dtype = self.execution.device, self.execution.dtype
        # Weights stay as they are and are rounded on their way.
        plain = dtype is torch.float32
        rounded = nullcontext() if plain else torch.autocast(device.type, dtype)
        with torch.inference_mode(), rounded:
            fast = self._get_ready(device)
            if fast is not None and plain:
                logits, coefficients = fast(x)
            else:
                batch = x.to(device).contiguous(memory_format=self._memory_format)
                answer = self.network(batch, return_gates=True) if gates else self.network(batch)
                logits, coefficients = answer if gates else (answer, [])
            shown = coefficients if gates else []
            probabilities = logits.float().softmax(dim=1).cpu()
            return [probabilities, *(gate.float().cpu() for gate in shown)]

    def _get_ready(self, device: torch.device) -> InferenceNetwork | None:
        """Move the network to a device; its form for CPUs there, None where it has none."""
        with self._getting_ready:
            if self._ready_for != device:
                self.network = self.network.to(device)
                self._fast = inference_network(self.network) if device.type == "cpu" else None
                self._ready_for = device
            return self._fast

    def _step_down(self, size: int) -> None:
        """Halve the batch, or go on on the CPU where a single input was too much."""
        if self.execution.device.type == "cuda":
            torch.cuda.empty_cache()
        if size > 1:
            self._max_batch = min(size // 2, self._max_batch or size)
        else:
            self.execution.fall_back_to_cpu()
