"""Values that are those of a CT, of an MR, or of something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from nibabel.testing import data_path
from numpy.typing import NDArray

import liverview as lv
from liverview.cli import main
from liverview.files.values import check_plausibility
from liverview.phantoms.config import Phantom, PhantomConfig, Region
from liverview.phantoms.generation import iter_generate

Values = NDArray[np.float32]
Write = Callable[..., Path]
NO_CT = "an MR or another kind of image"
HU = [-1100, -900, -300, -110, -60, 0, 30, 60, 120, 200, 1000]
SIGNALS = {
    "T1": [0, 0.01, 0.06, 0.95, 0.9, 0.12, 0.35, 0.42, 0.5, 0.3, 0.08],
    "T1, fat suppressed": [0, 0.01, 0.03, 0.12, 0.14, 0.2, 0.45, 0.7, 0.95, 0.6, 0.1],
    "T2": [0, 0.01, 0.05, 0.6, 0.6, 0.95, 0.5, 0.3, 0.15, 0.1, 0.03],
    "diffusion": [0, 0.005, 0.01, 0.03, 0.05, 0.15, 0.3, 0.2, 0.25, 0.1, 0.02],
}


@pytest.fixture(scope="module")
def hu(case: Phantom) -> Values:
    return case.volume.voxels.astype(np.float32) + case.volume.intercept


def magnetic(hu: Values, weighting: str) -> Values:
    """0 to about 1: tissues by another order, a coil's uneven field, Rician noise."""
    signal = np.interp(hu, HU, SIGNALS[weighting])
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in hu.shape), indexing="ij", sparse=True)
    signal = signal * np.exp(0.4 * np.cos(1.3 * i + 0.3) - 0.3 * j**2 + 0.1 * k)
    noise = np.random.default_rng(0).normal(0, 0.02, (2, *hu.shape))
    found = np.hypot(signal + noise[0], noise[1])
    return (found / np.percentile(found, 99.9)).astype(np.float32)


def remarks(values: NDArray[np.generic]) -> list[str]:
    return check_plausibility(values, 0)[0]


@pytest.mark.parametrize("weighting", SIGNALS)
def test_an_mr_is_no_ct_however_it_is_stored(weighting: str, hu: Values) -> None:
    mr = magnetic(hu, weighting)
    noise = np.random.default_rng(1).normal(0, 15, mr.shape)
    stored = {
        "12 bits": np.round(mr * 4095).astype(np.uint16),
        "0 to 2000": np.round(mr * 2000).astype(np.int16),
        "0 to 800": np.round(mr * 800).astype(np.int16),
        "16 bits": np.round(mr * 30000).astype(np.int16),
        "float": mr * 1234.5,
        "a little below 0": np.round(mr * 1200 + noise).astype(np.int16),
        "shifted by 100": np.round(mr * 1500 - 100).astype(np.int16),
        "shifted by 200": np.round(mr * 2000 - 200).astype(np.int16),
        "shifted by 1024": np.round(mr * 4095 - 1024).astype(np.int16),
        "no background": np.where(mr < 0.06, 0, np.round(mr * 1200)).astype(np.int16),
        "background -1": np.where(mr < 0.06, -1, np.round(mr * 1200)).astype(np.int16),
        "padded by -1024": np.where(mr < 0.06, -1024, np.round(mr * 1500)).astype(np.int16),
    }
    silent = [name for name, values in stored.items() if not remarks(values)]
    assert silent == []
    named = [name for name, values in stored.items() if NO_CT in " ".join(remarks(values))]
    assert len(named) >= len(stored) - 1


def test_a_ct_is_one_however_it_is_stored(hu: Values) -> None:
    rng = np.random.default_rng(2)
    liver = np.s_[20:60, 25:65, 8:32]
    metal = hu.copy()
    metal.ravel()[rng.integers(0, hu.size, hu.size // 50)] = rng.uniform(-3000, 8000, hu.size // 50)
    stored = {
        "as it is": hu.astype(np.int16),
        "noise of 30 HU": hu + rng.normal(0, 30, hu.shape),
        "noise of 60 HU": np.maximum(hu + rng.normal(0, 60, hu.shape), -1024),
        "noise of 100 HU": np.maximum(hu + rng.normal(0, 100, hu.shape), -1024),
        "outside -1024": np.where(hu < -900, -1024, hu),
        "outside -3024": np.where(hu < -900, -3024, hu),
        "12 bits alone": np.clip(hu, -1024, 3071).astype(np.int16),
        "a window alone": np.clip(hu, -200, 300),
        "much contrast": np.where(hu > 120, hu + 150, hu),
        "metal": metal,
        "every fourth column": hu[::2, ::2],
        "a part": hu[liver],
    }
    said = {name: remarks(values.astype(np.float32)) for name, values in stored.items()}
    assert {name: text for name, text in said.items() if text} == {}


def test_a_part_inside_the_liver(case: Phantom, hu: Values) -> None:
    inside = hu[case.labels.voxels > 0]
    part = np.resize(inside, (24, 24, 24)).astype(np.float32)
    part += np.random.default_rng(3).normal(0, 12, part.shape).astype(np.float32)
    assert not any(NO_CT in text for text in remarks(part))
    masked = np.where(case.labels.voxels > 0, hu, -1024).astype(np.int16)
    assert remarks(masked) == []


@pytest.mark.parametrize("region", Region)
def test_phantoms_are_ct(region: Region) -> None:
    for noise in (0, 40):
        config = PhantomConfig((64, 56, 30), (6.0, 6.0, 7.0), 5, noise_hu=noise, region=region)
        *_, made = iter_generate(config)
        assert isinstance(made, Phantom)
        assert made.volume.warnings == ()
        assert remarks(made.volume.voxels) == []


def test_other_images(hu: Values, case: Phantom) -> None:
    rng = np.random.default_rng(4)
    uptake = np.where(hu > -300, rng.gamma(2.0, 3000.0, hu.shape), rng.gamma(1.0, 90.0, hu.shape))
    assert NO_CT in remarks(uptake.astype(np.float32))[0]  # Bq/mL
    assert remarks((uptake / 4000).astype(np.float32))  # SUV
    assert "normalized" in remarks((uptake / uptake.max()).astype(np.float32))[0]
    assert remarks(case.labels.voxels)
    assert "gray values" in remarks((magnetic(hu, "T1") * 180).astype(np.uint8))[0]


def test_hu_and_1024_are_told_from_an_mr(hu: Values) -> None:
    assert remarks((hu + 1024).clip(0).astype(np.uint16)) == [
        "No value is below 0: probably HU + 1024, labels will be wrong."
    ]
    mr = np.round(magnetic(hu, "T1") * 2000).astype(np.uint16)
    assert NO_CT in remarks(mr)[0]


def test_a_real_mr() -> None:
    """A head, of 8 bits but scaled, as nibabel's tests bring it."""
    image = nib.load(Path(data_path) / "anatomical.nii")
    assert any(NO_CT in text for text in lv.volume_from_nibabel(image).warnings)


def test_few_values_are_not_judged() -> None:
    values = np.random.default_rng(5).uniform(-1000, 3000, (10, 20, 20))
    assert remarks(values.astype(np.int16)) == []


def test_it_is_said_by_every_reader_and_by_segment(
    hu: Values, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mr = np.round(magnetic(hu, "T2") * 1500 - 100).astype(np.int16)
    path = write(mr, np.diag([4.0, 4.0, 5.0, 1.0]))
    volumes = [
        lv.read(path),
        lv.volume_from_nibabel(nib.load(path)),
        lv.volume_from_sitk(sitk.ReadImage(str(path))),
    ]
    for volume in volumes:
        assert any(NO_CT in text for text in volume.warnings)
    assert main(["segment", str(path), "-o", str(tmp_path / "l.nii.gz"), "--device", "cpu"]) == 0
    assert NO_CT in capsys.readouterr().err
