"""A body that the tests of the phantom share."""

from __future__ import annotations

import pytest

from liverview.phantoms.body import Body, draw_body
from liverview.phantoms.fields import RandomSource


@pytest.fixture(scope="session")
def body() -> Body:
    return draw_body(RandomSource(1))
