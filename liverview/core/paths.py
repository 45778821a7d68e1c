"""Folders of resources and weights: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def _folder(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def resources() -> Path:
    """Folder of icons, window presets, label colors and recipes."""
    return _folder("resources")


def weights() -> Path:
    """Folder of trained checkpoints."""
    return _folder("weights")
