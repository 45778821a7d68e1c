"""Pictures of the window and its views, in files and on the clipboard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from liverview.core.labels import DrawStyle, Label
from liverview.core.stream import Slab
from liverview.core.volume import Plane, Volume
from liverview.ui.main_window import MainWindow

from support.answers import Answers


@pytest.fixture
def pictured(window: MainWindow, volume: Volume, tmp_path: Path) -> MainWindow:
    """A window with the small volume of a file, all of whose voxels are tumor."""
    folder = tmp_path / "patient_12"
    folder.mkdir()
    window.session.open(volume, folder / "ct.nii.gz")
    for label in (Label.LIVER, Label.TUMOR):
        window.session.set_style(label, opacity=1.0, draw_style=DrawStyle.FILLED)
    window.session.set_show_crosshair(False)
    QApplication.processEvents()
    window.session.store.merge_slab(Slab(0, np.full((11, 13, 17), Label.TUMOR, np.uint8)))
    return window


def trigger(window: MainWindow, text: str) -> None:
    (action,) = [a for a in window.actions_.file.pictures if text in a.text().replace("&", "")]
    assert action.isEnabled()
    action.trigger()


def share_of_gold(image: QImage) -> float:
    gold = sum(
        image.pixelColor(x, y).getRgb()[:3] == (255, 215, 0)
        for x in range(0, image.width(), 5)
        for y in range(0, image.height(), 5)
    )
    return gold / ((image.width() // 5) * (image.height() // 5))


@pytest.mark.parametrize("plane", Plane)
def test_one_view_goes_into_a_file(
    pictured: MainWindow, answers: Answers, tmp_path: Path, plane: Plane, asked_pictures: list[Path]
) -> None:
    answers.image = tmp_path / "view.png"
    pictured.activateWindow()
    view = pictured.views.by_plane[plane]
    view.setFocus()
    pictured.session.set_crosshair((3, 4, 5))
    trigger(pictured, "Save picture of view")
    written = QImage(str(answers.image))
    assert written.size() == view.size() * view.devicePixelRatio()
    assert share_of_gold(written) > 0.2  # labels that came since the last frame are on it
    number = (3, 4, 5)[plane.axis] + 1
    folder = pictured.session.path.parent
    assert asked_pictures == [folder / f"patient_12_{plane.name.lower()}_{number}.png"]


def test_all_views_and_the_window_go_into_files(
    pictured: MainWindow, answers: Answers, tmp_path: Path, asked_pictures: list[Path]
) -> None:
    answers.image = tmp_path / "views.png"
    trigger(pictured, "Save picture of all views")
    assert QImage(str(answers.image)).size() == pictured.views.size()
    trigger(pictured, "Save screenshot")
    assert QImage(str(answers.image)).size() == pictured.size()
    assert [path.name for path in asked_pictures] == ["patient_12_views.png", "patient_12.png"]


def test_views_go_onto_the_clipboard(pictured: MainWindow) -> None:
    view = pictured.views.by_plane[Plane.AXIAL]
    trigger(pictured, "Copy picture of view")
    copied = QApplication.clipboard().image()
    assert copied.size() == view.size()
    assert share_of_gold(copied) > 0.2
    assert "axial" in pictured.statusBar().currentMessage()
    trigger(pictured, "Copy picture of all views")
    assert QApplication.clipboard().image().size() == pictured.views.size()


def test_a_picture_of_a_view_says_what_it_is_not_for(pictured: MainWindow) -> None:
    """Light letters at the lower left, where the view itself is black."""
    pictured.session.set_window(1e5, 1)
    pictured.session.set_show_text(False)
    view = pictured.views.by_plane[Plane.AXIAL]
    view.zoom(0.25)
    view.refresh()
    own = view.grab().toImage()
    trigger(pictured, "Copy picture of view")
    copied = QApplication.clipboard().image()

    def light(image: QImage) -> int:
        rows = range(image.height() - 50, image.height() - 20)
        return sum(image.pixelColor(x, y).lightness() > 150 for x in range(120) for y in rows)

    assert light(copied) > light(own) + 100


def test_a_picture_that_cannot_be_written_is_said(
    pictured: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.image = tmp_path / "missing" / "view.png"
    trigger(pictured, "Save picture of view")
    assert "could not be written" in pictured.messages.text.text()


@pytest.fixture
def asked_pictures(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Names that were suggested for pictures."""
    asked: list[Path] = []
    monkeypatch.setattr(answers, "image_to_write", lambda path: asked.append(path) or answers.image)
    return asked
