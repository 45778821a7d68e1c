"""Keeps pydicom from loading what it would fetch files of its own tests with.

Where the package requests is installed, ``import pydicom`` imports it, and urllib3, which comes
with that, opens a socket to see whether the system knows IPv6. Neither is ever used.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

_FETCHES = "pydicom.data.download"
_NOT_NEEDED = "requests"


class _WithoutRequests(importlib.machinery.SourceFileLoader):
    """Loads a module that finds no requests, and does without."""

    def exec_module(self, module: ModuleType) -> None:
        if _NOT_NEEDED in sys.modules:
            super().exec_module(module)
            return
        sys.modules[_NOT_NEEDED] = None  # type: ignore[assignment]  # so that it is not found
        try:
            super().exec_module(module)
        finally:
            del sys.modules[_NOT_NEEDED]


class _Finder:
    """Finds that one module, and no other."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != _FETCHES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _WithoutRequests(spec.loader.name, spec.loader.path)
        return spec


def keep_pydicom_offline() -> None:
    """Let pydicom, where it is imported from now on, do so without requests."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
