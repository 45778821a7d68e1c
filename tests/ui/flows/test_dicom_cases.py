"""A DICOM scan that is open: the patient's line, missing slices, sessions, and after a crash."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Plane
from liverview.files import images
from liverview.files.dicom.series.series_volume import SeriesKind
from liverview.ui.app import keep_journal
from liverview.ui.dialogs.questions import study_lines
from liverview.ui.dialogs.series_model import warnings_of
from liverview.ui.dialogs.session_questions import Changed
from liverview.ui.main_window import MainWindow
from liverview.ui.views.annotation import _badges
from liverview.ui.views.missing_slices import MISSING_COLOR, MISSING_SLICE

from support.answers import TIMEOUT_MS, Answers
from support.dicom_series import pattern, slice_positions, write_series
from support.journals import answer, labels_of, left_after_a_crash, offer, paint
from support.window import open_scan

HU = pattern(30, 28, 10)
MakeWindow = Callable[..., MainWindow]


@pytest.fixture
def series(tmp_path: Path) -> Path:
    folder = tmp_path / "case_7" / "S0001"
    write_series(
        folder, HU, name="venous", PatientName="Doe^Jane", PatientID="ID4711",
        StudyDescription="CT abdomen",
    )  # fmt: skip
    return folder


@pytest.fixture
def shown(qtbot: QtBot, window: MainWindow, series: Path) -> MainWindow:
    open_scan(qtbot, window, series)
    return window


def picture_of(window: MainWindow) -> QImage:
    QApplication.processEvents()
    return window.patient_line.grab().toImage()


def is_blank(image: QImage) -> bool:
    black = QColor(0, 0, 0).rgb()
    return all(
        image.pixel(x, y) == black for x in range(image.width()) for y in range(image.height())
    )


# ---- the patient's line ------------------------------------------------------------------------


def test_whose_scan_it_is_stands_above_the_images_and_can_be_hidden(shown: MainWindow) -> None:
    line = shown.patient_line
    assert line.isVisible()
    assert line.words == ("Doe Jane, ID4711", "2026-01-02 · CT abdomen · CT · venous")
    assert not is_blank(picture_of(shown))
    shown.actions_.view.patient.trigger()
    assert not line.isVisible()
    assert line.toolTip() == ""
    shown.actions_.view.patient.trigger()
    assert line.isVisible()
    assert "Doe" not in shown.windowTitle()


def test_the_switch_is_remembered(shown: MainWindow, make_window: MakeWindow) -> None:
    shown.actions_.view.patient.trigger()
    shown.close()
    again = make_window()
    assert not again.session.show_patient
    assert not again.actions_.view.patient.isChecked()


def test_a_scan_without_such_facts_has_no_line(opened: MainWindow) -> None:
    assert not opened.patient_line.isVisible()


def test_pictures_of_the_window_are_without_the_patient_unless_asked(shown: MainWindow) -> None:
    def line_in(picture: QImage) -> QImage:
        place = shown.patient_line.mapTo(shown, shown.patient_line.rect().topLeft())
        return picture.copy(shown.patient_line.rect().translated(place))

    assert is_blank(line_in(shown.pictures.grab_window().toImage()))
    shown.actions_.file.patient.trigger()
    assert not is_blank(line_in(shown.pictures.grab_window().toImage()))
    assert not is_blank(picture_of(shown))


def test_scan_information_has_the_facts(shown: MainWindow) -> None:
    lines = study_lines(shown.session.volume.study)
    assert lines[:3] == [
        "Doe Jane, ID4711 · O · born 19600101",
        "2026-01-02 · CT abdomen",
        "CT · venous",
    ]
    assert study_lines(None) == []


# ---- slices that are missing, gantry tilt ------------------------------------------------------


def amber(image: QImage) -> list[tuple[int, int]]:
    """Places of pixels in the color of what is missing."""
    wanted = MISSING_COLOR.rgb()
    size = range(image.height()), range(image.width())
    return [(x, y) for y in size[0] for x in size[1] if image.pixel(x, y) == wanted]


def test_a_missing_slice_is_said_where_it_is_shown_and_marked_in_other_planes(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    kept = [0, 1, 2, 3, 5, 6, 7, 8, 9]
    places = slice_positions(10)
    write_series(tmp_path / "gap", HU[kept], [places[k] for k in kept])
    open_scan(qtbot, window, tmp_path / "gap")
    session = window.session
    assert session.volume.missing.axis == 2
    assert session.volume.missing.indices == (4,)
    axial, coronal = (window.views.by_plane[plane] for plane in (Plane.AXIAL, Plane.CORONAL))
    session.set_show_crosshair(False)
    said = {}
    for k in (3, 4):
        session.set_crosshair((5, 5, k))
        axial.refresh()
        said[k] = amber(axial.grab().toImage())
    assert said[3] == []
    assert said[4], MISSING_SLICE
    ticks = amber(coronal.grab().toImage())
    top, bottom = (coronal.widget_position((5, 5, k)).y() for k in (4.5, 3.5))
    assert ticks
    assert all(top - 1 <= y <= bottom + 1 for _, y in ticks)
    assert {x < coronal.width() / 2 for x, _ in ticks} == {True, False}  # at both edges
    slider = window.views.panes[Plane.AXIAL].slider
    session.set_crosshair((5, 5, 0))
    QApplication.processEvents()
    rows = {y for _, y in amber(slider.grab().toImage())}
    assert rows
    middle = slider.height() / 2
    assert all(abs(y - middle) < slider.height() / 8 for y in rows)


def test_gantry_tilt_has_a_badge(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    shear = (0, 2.5 * np.tan(np.deg2rad(15)), 0)
    write_series(tmp_path / "tilt", HU, step=2.5, shear=shear)
    open_scan(qtbot, window, tmp_path / "tilt")
    assert _badges(window.session) == "gantry tilt 15°"


def test_an_oblique_series_is_not_called_tilted(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    angle = np.deg2rad(10)
    turned = (1.0, 0.0, 0.0, 0.0, np.cos(angle), np.sin(angle))
    write_series(tmp_path / "turned", HU, orientation=turned)
    open_scan(qtbot, window, tmp_path / "turned")
    assert _badges(window.session) == "oblique 10°"


# ---- sessions ----------------------------------------------------------------------------------


def draw(window: MainWindow) -> np.ndarray:
    session = window.session
    with session.store.edit(Box.of_shape(session.volume.shape), "brush") as voxels:
        voxels[3:20, 4:15, 2:8] = Label.LIVER
        voxels[6:9, 6:9, 3:5] = Label.TUMOR
    return session.labels.voxels.copy()


def save_session(qtbot: QtBot, window: MainWindow, answers: Answers, path: Path) -> Path:
    answers.session_file = path
    path.parent.mkdir(exist_ok=True)
    with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
        window.actions_.file.save_session.trigger()
    qtbot.waitUntil(lambda: not window.controller.saving.is_running, timeout=TIMEOUT_MS)
    window.close()
    return path


@pytest.mark.parametrize("place", ["where it was", "beside the session", "in an archive"])
def test_a_session_finds_its_series_and_its_labels(
    qtbot: QtBot, shown: MainWindow, series: Path, answers: Answers, make_window: MakeWindow,
    tmp_path: Path, place: str,
) -> None:  # fmt: skip
    voxels = draw(shown)
    path = save_session(qtbot, shown, answers, tmp_path / "a" / "case.liverview")
    found = series
    if place == "beside the session":
        found = path.parent / series.name
        shutil.move(series, found)
    elif place == "in an archive":
        found = answers.scan = tmp_path / "moved.zip"
        with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(series.iterdir()):
                archive.write(file, file.name)
        shutil.rmtree(series)
    again = make_window()
    qtbot.waitUntil(lambda: not again.controller.busy)
    again.open(path)
    qtbot.waitUntil(lambda: again.sessions.path == path, timeout=TIMEOUT_MS)
    assert np.array_equal(again.session.labels.voxels, voxels)
    assert again.session.path.resolve() == found.resolve()
    assert again.session.volume.study.patient_id == "ID4711"


def test_nothing_of_the_patient_is_in_a_session_file(
    qtbot: QtBot, shown: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    draw(shown)
    uid = shown.session.volume.study.series_uid
    path = save_session(qtbot, shown, answers, tmp_path / "case.liverview")
    with zipfile.ZipFile(path) as archive:
        state = archive.read("case.json").decode()
        assert "scan.nii.gz" not in archive.namelist()
    for secret in ("Doe", "Jane", "ID4711", "20260102", "2026-01-02", uid):
        assert secret not in state


def test_a_file_that_joins_the_folder_changes_nothing(
    qtbot: QtBot, shown: MainWindow, series: Path, answers: Answers, make_window: MakeWindow,
    tmp_path: Path,
) -> None:  # fmt: skip
    voxels = draw(shown)
    path = save_session(qtbot, shown, answers, tmp_path / "case.liverview")
    write_series(series / "more", HU + 3, name="another")
    (series / "report.txt").write_text("none")
    again = make_window()
    again.open(path)
    qtbot.waitUntil(lambda: again.sessions.path == path, timeout=TIMEOUT_MS)
    assert np.array_equal(again.session.labels.voxels, voxels)
    assert not any("changed" in one for one in answers.asked)


def test_other_pixels_are_said_and_opened_on_request(
    qtbot: QtBot, shown: MainWindow, series: Path, answers: Answers, make_window: MakeWindow,
    tmp_path: Path,
) -> None:  # fmt: skip
    draw(shown)
    path = save_session(qtbot, shown, answers, tmp_path / "case.liverview")
    write_series(series, HU + 1, name="venous")
    again = make_window()
    answers.changed = Changed.OPEN
    again.open(path)
    qtbot.waitUntil(lambda: again.sessions.path == path, timeout=TIMEOUT_MS)
    assert f"{series.name} has changed" in answers.asked
    assert int(again.session.volume.to_numpy().max()) == int(HU.max()) + 1


def test_a_series_that_is_gone_is_kept_in_the_session(
    qtbot: QtBot, shown: MainWindow, series: Path, answers: Answers, make_window: MakeWindow,
    tmp_path: Path,
) -> None:  # fmt: skip
    voxels, hu = draw(shown), shown.session.volume.to_numpy().copy()
    shutil.rmtree(series)
    path = save_session(qtbot, shown, answers, tmp_path / "case.liverview")
    again = make_window()
    again.open(path)
    qtbot.waitUntil(lambda: again.sessions.path == path, timeout=TIMEOUT_MS)
    assert np.array_equal(again.session.labels.voxels, voxels)
    assert np.array_equal(again.session.volume.to_numpy(), hu)


# ---- after a crash -----------------------------------------------------------------------------


def test_a_series_of_a_crash_is_opened_again_with_its_labels(
    qtbot: QtBot, shown: MainWindow, series: Path, make_window: MakeWindow, tmp_path: Path
) -> None:
    write_series(series / "more", HU + 3, name="another")  # so that the folder alone says nothing
    autosave = keep_journal(shown, tmp_path / "first").autosave
    paint(shown, (0, 0, 0), (4, 5, 6), Label.LIVER)
    left_after_a_crash(qtbot, autosave, tmp_path / "left")
    window = make_window()
    offer(qtbot, window, tmp_path / "left")
    answer(window, "Restore")
    qtbot.waitUntil(lambda: "is as it was" in window.messages.text.text(), timeout=TIMEOUT_MS)
    assert np.array_equal(labels_of(window), labels_of(shown))
    assert window.session.volume.study.series_description == "venous"
    assert window.series.table is None


# ---- segmentations -----------------------------------------------------------------------------


@pytest.fixture
def segmentation(shown: MainWindow, series: Path) -> tuple[Path, np.ndarray]:
    """A DICOM segmentation of the open series, in a file beside its folder, and its voxels."""
    volume = shown.session.volume
    voxels = np.zeros(volume.shape, np.uint8)
    voxels[3:20, 4:15, 2:8] = Label.LIVER
    voxels[6:9, 6:9, 3:5] = Label.TUMOR
    path = series.parent / "labels.dcm"
    images.write_labels(path, LabelMap(voxels, volume.affine, source=volume.source), volume)
    return path, voxels


def choose(window: MainWindow, word: str) -> None:
    (button,) = [button for button in window.messages.buttons if button.text() == word]
    button.click()


def test_a_segmentation_that_is_opened_is_for_the_open_scan(
    qtbot: QtBot, shown: MainWindow, segmentation: tuple[Path, np.ndarray]
) -> None:
    path, voxels = segmentation
    open_scan(qtbot, shown, path)
    assert shown.messages.text.text() == "labels.dcm is a segmentation."
    choose(shown, "Show its labels")
    qtbot.waitUntil(lambda: shown.session.store.has_labels, timeout=TIMEOUT_MS)
    assert np.array_equal(shown.session.labels.voxels, voxels)
    open_scan(qtbot, shown, path)
    choose(shown, "Compare with it")
    qtbot.waitUntil(lambda: shown.session.reference is not None, timeout=TIMEOUT_MS)
    assert np.array_equal(shown.session.reference.voxels, voxels)


def test_a_segmentation_alone_asks_for_its_scan(
    qtbot: QtBot, shown: MainWindow, segmentation: tuple[Path, np.ndarray], make_window: MakeWindow
) -> None:
    shown.close()
    window = make_window()
    open_scan(qtbot, window, segmentation[0])
    assert "open the scan that it is of first" in window.messages.text.text()


def test_a_segmentation_in_the_table_opens_with_its_series(
    qtbot: QtBot, shown: MainWindow, series: Path, segmentation: tuple[Path, np.ndarray],
    make_window: MakeWindow,
) -> None:  # fmt: skip
    shown.close()
    window = make_window()
    open_scan(qtbot, window, series.parent)
    table = window.series.table
    assert table is not None
    (entry,) = [e for e in table.model.entries if e.volume.kind is SeriesKind.LABELS]
    table.select(entry.key)
    assert "with the series that it is of" in warnings_of(entry)
    table.open_selected()
    qtbot.waitUntil(lambda: window.session.store.has_labels, timeout=TIMEOUT_MS)
    assert np.array_equal(window.session.labels.voxels, segmentation[1])
    assert window.session.volume.study.series_description == "venous"
