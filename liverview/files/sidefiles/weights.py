"""Hashes of the networks that made the labels."""

from __future__ import annotations

import hashlib
from pathlib import Path

from liverview.core import paths
from liverview.core.errors import LiverviewError

_NEEDED = ("coarse.safetensors", "fine.safetensors")
_WEIGHTS = (*_NEEDED, "lesions.safetensors")


class WeightsError(LiverviewError):
    """Weights that are not there, or others; the message names them."""


def check_weights(folder: Path | None = None) -> None:
    """Raise `WeightsError` where one of both networks is not there; nothing is read."""
    folder = folder or paths.weights()
    for name in _NEEDED:
        if not (folder / name).is_file():
            raise WeightsError(
                f"{folder / name} is not there: give --weights a folder with {_NEEDED[0]} and "
                f"{_NEEDED[1]}."
            )


def weights_sha256(folder: Path | None = None) -> dict[str, str]:
    """SHA-256 of the weights in hexadecimal, by file name; without those that are not there."""
    found = {}
    for path in ((folder or paths.weights()) / name for name in _WEIGHTS):
        if path.is_file():
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
