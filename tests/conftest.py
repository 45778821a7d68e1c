"""Fixtures shared by all tests: small NIfTI files, phantoms, networks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from liverview.phantoms.config import Phantom, PhantomConfig
from liverview.phantoms.generation import iter_generate

from support.odd_scans import patch


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a NIfTI file from an array and an affine."""

    def write_file(
        voxels: np.ndarray,
        affine: np.ndarray | None = None,
        name: str = "scan.nii.gz",
        kind: Any = nib.Nifti1Image,
        **fields: Any,
    ) -> Path:
        image = kind(voxels, np.diag([1.0, 1.0, 1.0, 1.0]) if affine is None else affine)
        image.header.set_xyzt_units("mm")
        path = tmp_path / name
        nib.save(image, path)
        if fields:
            patch(path, **fields)
        return path

    return write_file


@pytest.fixture(scope="session")
def case() -> Phantom:
    """A small phantom with liver, vessels and tumors."""
    config = PhantomConfig(shape=(96, 84, 40), spacing=(4.0, 4.0, 5.0), seed=3, noise_hu=8)
    *_, made = iter_generate(config)
    assert isinstance(made, Phantom)
    return made


@pytest.fixture(scope="session", autouse=True)
def _application(qapp: QApplication) -> None:
    """One that can show windows: a command that prints would make one that cannot."""


@pytest.fixture(autouse=True)
def _networks_of_this_test() -> Iterator[None]:
    """What a test puts in place of trained networks is not kept for the next one."""
    yield
    segmenting = sys.modules.get("liverview.cohort.segmenting")
    if segmenting is not None:
        segmenting.networks_ahead.cache_clear()


@pytest.fixture(autouse=True)
def _away_from_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> None:
    """No test reads or writes the settings of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "APPDATA"):
        monkeypatch.setenv(name, str(home))
