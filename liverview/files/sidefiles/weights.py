"""Hashes of the networks that made the labels."""

from __future__ import annotations

import hashlib
from pathlib import Path

from liverview.core import paths

_WEIGHTS = ("coarse.safetensors", "fine.safetensors", "lesions.safetensors")


def weights_sha256(folder: Path | None = None) -> dict[str, str]:
    """SHA-256 of the weights in hexadecimal, by file name; without those that are not there."""
    found = {}
    for path in ((folder or paths.weights()) / name for name in _WEIGHTS):
        if path.is_file():
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
