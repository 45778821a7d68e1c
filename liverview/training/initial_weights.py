"""Initial weights: those that ``--init`` takes from a checkpoint, and the record of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from liverview.files import atomic
from liverview.networks.checkpoint import CheckpointError, load_checkpoint
from liverview.networks.network import AttentionResUNet
from liverview.training.recipe import RecipeError

_RECORD = "init.json"
_SHAPE = ("dims", "in_channels", "base_features", "depth")


@dataclass(frozen=True)
class InitialWeights:
    """The checkpoint that a run began with.

    Attributes
    ----------
    file : its name, without folders.
    sha256 : of the file's bytes, hexadecimal.
    """

    file: str
    sha256: str


def copy_weights(network: AttentionResUNet, classes: tuple[str, ...], path: Path) -> None:
    """Copy a checkpoint's weights into a network, in place.

    The head is taken class by class, by name; a class that the checkpoint does not know
    keeps its random weights.

    Raises
    ------
    CheckpointError : where the file is no checkpoint, or of a network of another shape.
    """
    given = load_checkpoint(path)
    theirs, ours = given.network.config.to_dict(), network.config.to_dict()
    mismatches = [
        f"{name} {theirs[name]} instead of {ours[name]}"
        for name in _SHAPE
        if theirs[name] != ours[name]
    ]
    if mismatches:
        raise CheckpointError(
            f"{path} does not fit the recipe's network, it has {', '.join(mismatches)}: begin with "
            "other weights or change the recipe."
        )
    tensors = given.network.state_dict()
    own = network.state_dict()
    for name in ("head.weight", "head.bias"):
        head = own[name].clone()
        for index, known in enumerate(classes):
            if known in given.classes:
                head[index] = tensors[name][given.classes.index(known)]
        tensors[name] = head
    with torch.no_grad():
        network.load_state_dict(tensors)


def record_initial_weights(
    out: Path, init: Path | None, began: bool, resume: bool
) -> InitialWeights | None:
    """Record the initial weights of the run in ``out``, or check them against the record.

    Returns those that the run began with, None for random ones.

    Raises
    ------
    RecipeError : where a run is resumed with other weights than it began with, or where
        nothing but the record is left of it and ``init`` is not given again.
    CheckpointError : where ``init`` cannot be read.
    """
    record = out / _RECORD
    kept = InitialWeights(**json.loads(record.read_text("utf-8"))) if record.exists() else None
    given = _hash_checkpoint(init) if init else None
    if began:
        if given and (kept is None or given.sha256 != kept.sha256):
            what = f"with {kept.file}" if kept else "with random weights"
            raise RecipeError(
                f"{out} holds a run that began {what}, not with {init}: leave --init out, or "
                "choose another folder."
            )
        return kept
    if resume and kept and not given:
        raise RecipeError(
            f"The run in {out} was stopped before its first round was kept: name {kept.file}, "
            "which it began with, with --init again."
        )
    if given:
        atomic.write_json(record, asdict(given))
    else:
        record.unlink(missing_ok=True)
    return given


def _hash_checkpoint(path: Path) -> InitialWeights:
    try:
        return InitialWeights(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror or error}; name a checkpoint with --init."
        ) from error
