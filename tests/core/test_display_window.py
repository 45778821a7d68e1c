"""Windows chosen from values: by soft tissue in HU, by the values themselves elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from liverview.core.display_window import default_window, suggest_window, value_range
from liverview.core.volume import Volume
from liverview.phantoms.api import phantom

RNG = np.random.default_rng(5)


def body(*, air: float = -1000.0, table: bool = False) -> np.ndarray:
    """Air, and in it an ellipse of fat around organs, lungs and bone, with noise."""
    i, j, k = np.indices((96, 80, 20))
    radius = np.hypot((i - 48) / 42, (j - 40) / 32)
    hu = np.full(i.shape, air, np.float32)
    hu[radius < 1] = -105
    hu[radius < 0.85] = 60
    hu[(radius < 0.5) & (i < 40) & (k > 15)] = -850
    hu[np.hypot(i - 48, j - 15) < 6] = 700
    if table:
        hu[:, 76:78] = -120
    return hu + RNG.normal(0, 15, hu.shape).astype(np.float32)


@pytest.mark.parametrize(
    "hu",
    [
        body(),
        body(table=True),
        body(air=-2000),
        np.pad(body(), 60, constant_values=-1024),
        body()[30:66, 30:50],  # cut within the body
    ],
)
def test_hu_are_shown_by_their_soft_tissue(hu: np.ndarray) -> None:
    level, width = suggest_window(Volume(hu.astype(np.int16), np.eye(4)))
    assert (level, width) == (round(level), round(width))  # whole HU
    low, high = level - width / 2, level + width / 2
    assert level == pytest.approx(60, abs=4)  # the organs
    assert -160 <= low < 20  # fat or organs are the darkest, not air
    assert 110 < high <= 300  # organs are not white, bone may be


def test_a_phantom_is_shown_as_an_abdomen_is() -> None:
    made = phantom(seed=4, shape=(96, 96, 48), spacing=(4, 4, 6))
    level, width = suggest_window(made.volume)
    assert 20 <= level <= 70
    assert 300 <= width <= 460


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1.0, 1e9, 1e30])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_values_that_are_no_hu_are_shown_by_themselves(scale: float, share: float) -> None:
    """The middle 99 % of what the file has numbers for, by numpy: nothing that was filled."""
    voxels = (RNG.random((40, 40, 40)) * scale).astype(np.float32)
    outside = RNG.random(voxels.shape) < share
    low, high = np.percentile(voxels[~outside].astype(float), (0.5, 99.5))
    voxels[outside] = filled = np.float32(-scale * 1e-6)
    volume = Volume(
        voxels, np.eye(4), in_hu=False, filled=int(outside.sum()), filled_with=float(filled)
    )
    level, width = suggest_window(volume)
    assert level == pytest.approx((low + high) / 2)
    assert width == pytest.approx(high - low)
    assert default_window(volume) == (level, width)


def test_hu_that_were_shifted_above_zero_are_no_air() -> None:
    """HU + 1024: what lies between -200 and 300 there is air, and nothing to choose a window by."""
    hu = (body().clip(-1024) + 1024).astype(np.int16)
    level, width = suggest_window(Volume(hu, np.eye(4)))
    assert level - width / 2 < 100
    assert level + width / 2 > 1100


@pytest.mark.parametrize("value", [0.0, 7.0, -1000.0, 3e-7])
def test_one_value_alone_gets_a_window(value: float) -> None:
    volume = Volume(np.full((4, 4, 4), value, np.float32), np.eye(4), in_hu=abs(value) > 1)
    level, width = suggest_window(volume)
    assert width > 0
    assert abs(level - value) <= 0.5
    low, high = value_range(volume)
    assert low < high


def test_a_small_body_that_the_pattern_misses_is_found() -> None:
    voxels = np.full((200, 200, 5), -1e-6, np.float32)
    voxels[101, 101, :] = np.linspace(0, 1, 5)
    volume = Volume(
        voxels, np.eye(4), in_hu=False, filled=199_995, filled_with=float(voxels[0, 0, 0])
    )
    level, width = suggest_window(volume)
    assert (level, width) == pytest.approx((0.5, 0.99), abs=0.02)
