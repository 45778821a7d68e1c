"""The contact sheet."""

from __future__ import annotations

import numpy as np

from liverview.phantoms.sheet import iter_contact_sheet


def test_a_contact_sheet_shows_its_samples() -> None:
    *steps, picture = iter_contact_sheet(0, count=2)
    assert len(steps) == 2
    assert isinstance(picture, np.ndarray)
    assert picture.dtype == np.uint8
    for tile in np.split(picture, 2, axis=1):
        assert tile.std() > 20
        assert (tile[..., 0] != tile[..., 1]).mean() > 0.01  # colored labels
