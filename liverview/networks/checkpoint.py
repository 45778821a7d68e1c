"""Checkpoints: weights and everything needed to use them, in one safetensors file.

The weights are half precision; the header holds, as JSON, the network's configuration,
the preprocessing, the class names, the recipe and the data card. Loading reads tensors
and text only: nothing in a checkpoint is ever executed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from liverview.core.errors import LiverviewError
from liverview.core.text import quoted
from liverview.files import atomic
from liverview.networks.network import AttentionResUNet, NetworkConfig
from liverview.networks.preprocessing import Preprocessing

_FORMAT = "liverview-checkpoint-1"
_PREFIX = 8  # bytes that give the header's size
_LARGEST = 2 << 30  # bytes of a file; the largest network has far less


class CheckpointError(LiverviewError):
    """A file that is not a usable checkpoint; the message names it and says why."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network in evaluation mode with everything needed to use it.

    Attributes
    ----------
    network : float32 weights.
    preprocessing : from HU to its input.
    classes : the name of each output channel; "background" first.
    recipe : the TOML text it was trained with.
    card : data, licence, seeds, samples, hours, figures.
    """

    network: AttentionResUNet
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    recipe: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config = self.network.config
        if not all(isinstance(name, str) for name in self.classes):
            raise ValueError(f"classes must be a list of names, got {quoted(self.classes)}")
        if len(self.classes) != config.classes:
            raise ValueError(
                f"{config.classes} classes need as many names, got {quoted(self.classes)}"
            )
        if self.preprocessing.channels != config.in_channels:
            raise ValueError(
                f"the preprocessing makes {self.preprocessing.channels} channels, "
                f"the network takes {config.in_channels}"
            )


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint with weights in half precision, whole or not at all.

    Raises
    ------
    TargetError, CheckpointError : where the file cannot be written.
    """
    tensors = {
        name: (t.half() if t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in checkpoint.network.state_dict().items()
    }
    metadata = {
        "format": _FORMAT,
        "network": json.dumps(checkpoint.network.config.to_dict()),
        "preprocessing": json.dumps(checkpoint.preprocessing.to_dict()),
        "classes": json.dumps(checkpoint.classes),
        "recipe": checkpoint.recipe,
        "card": json.dumps(dict(checkpoint.card)),
    }
    with atomic.atomic_write(path) as temporary:
        try:
            save_file(tensors, temporary, metadata=metadata)
        except SafetensorError as error:
            raise CheckpointError(f"{path} could not be written: {error}") from error


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; the network is in evaluation mode, float32, on the CPU.

    Raises
    ------
    CheckpointError : for anything that is not a complete liverview checkpoint.
    """
    metadata, tensors = read_tensors(path)
    if metadata.get("format") != _FORMAT:
        file_format = quoted(metadata.get("format", "no format"))
        raise CheckpointError(f"{path} is not a liverview checkpoint: {file_format}, not {_FORMAT}")
    try:
        network = AttentionResUNet(NetworkConfig(**json.loads(metadata["network"])))
        network.load_state_dict(_single_precision(tensors))
        if not all(torch.isfinite(t).all() for t in network.state_dict().values()):
            raise ValueError("its weights are not all finite numbers")
        return Checkpoint(
            network=network.eval(),
            preprocessing=Preprocessing.from_dict(json.loads(metadata["preprocessing"])),
            classes=tuple(json.loads(metadata["classes"])),
            recipe=metadata.get("recipe", ""),
            card=dict(json.loads(metadata.get("card", "{}"))),
        )
    except KeyError as error:
        raise CheckpointError(
            f"{path} is a damaged liverview checkpoint: {quoted(error)} is missing"
        ) from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{path} is a damaged liverview checkpoint: {quoted(error, 300)}"
        ) from error


def read_tensors(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """The metadata and the tensors of a safetensors file."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no file")
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST} bytes")
        # Not by its name: safetensors opens no file whose name is not UTF-8.
        content = path.read_bytes()
        tensors = load(content)
        size = int.from_bytes(content[:_PREFIX], "little")
        header = json.loads(content[_PREFIX : _PREFIX + size])
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else quoted(error, 300)
        raise CheckpointError(f"{path} is not a safetensors file: {why}") from error
    return header.get("__metadata__") or {}, tensors


def _single_precision(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors, floating-point ones as float32."""
    return {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}
