"""Rulers and ellipses of a scan, kept with its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytestqt.qtbot import QtBot

from liverview.core.volume import Plane, Volume
from liverview.files import images
from liverview.measurement.markup.shapes import Ruler
from liverview.ui.main_window import MainWindow


def test_markups_come_back_with_their_file(
    make_window: Callable[[], MainWindow], qtbot: QtBot, volume: Volume, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        for _ in images.iter_write_volume(tmp_path / f"{name}.nii", volume):
            pass
    window = make_window()

    def load(where: MainWindow, name: str) -> None:
        with qtbot.waitSignal(where.session.volume_changed):
            where.open(tmp_path / f"{name}.nii")

    load(window, "a")
    ruler = Ruler(Plane.AXIAL, (2, 3, 8), (8, 3, 8))
    window.markups.add(ruler)
    window.markups.rename(window.markups.entries()[0].id, "Left lobe")
    load(window, "b")
    assert window.markups.entries() == []
    window.close()
    again = make_window()
    load(again, "a")
    (entry,) = again.markups.entries()
    assert (entry.name, entry.markup) == ("Left lobe", ruler)
