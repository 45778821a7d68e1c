"""Numbers as people read them."""

from __future__ import annotations

import pytest

from liverview.ui.widgets.formatting import format_ml


@pytest.mark.parametrize(
    ("ml", "text"), [(0, "0.0 mL"), (9.96, "10.0 mL"), (99.96, "100 mL"), (1489.2, "1,489 mL")]
)
def test_milliliters_are_readable(ml: float, text: str) -> None:
    assert format_ml(ml) == text
