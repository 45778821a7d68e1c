"""Fixtures for tests of slice views."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane
from liverview.ui.state.session import Session
from liverview.ui.views.slice_view import SliceView

from support.slice_pictures import settle


@pytest.fixture
def views(session: Session, qtbot: QtBot) -> Iterator[dict[Plane, SliceView]]:
    """The three views, shown, without anything drawn over the image."""
    session.set_show_crosshair(False)
    session.set_show_text(False)
    session.display.set_interpolated(False)
    made = {}
    for plane in Plane:
        view = SliceView(session, plane)
        qtbot.addWidget(view)
        view.resize(420, 460)
        view.show()
        view.fit_slice()
        view.zoom(0.75)  # the letters at the edges lie beside the slice
        made[plane] = view
    settle(made)
    yield made
    for view in made.values():
        view.close()
