"""What the window writes of a DICOM case: nothing of it says whose scan it is, however packed."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import drain
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.ui.app import keep_journal
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers
from support.dicom_series import pattern, write_series
from support.hidden_texts import markers_in, markers_in_folder
from support.journals import answer, labels_of, left_after_a_crash, offer
from support.window import open_scan

HU = pattern(30, 28, 10)
MakeWindow = Callable[..., MainWindow]
MARKERS = ("ZQFAMILY", "ZQGIVEN", "ZQNUMBER", "ZQACCESS", "19310417", "20310418", "2031-04-18")


@pytest.fixture
def shown(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> MainWindow:
    with quiet_pydicom():
        write_series(
            tmp_path / "scans", HU, name="venous", PatientName="ZQFAMILY^ZQGIVEN",
            PatientID="ZQNUMBER", AccessionNumber="ZQACCESS", PatientBirthDate="19310417",
            StudyDate="20310418", PatientAge="ZQNUMBER",
        )  # fmt: skip
    open_scan(qtbot, window, tmp_path / "scans")
    return window


def draw(window: MainWindow) -> np.ndarray:
    """Two steps of the history, on labels that have the grid of the scan."""
    volume, store = window.session.volume, window.session.store
    assert volume is not None
    voxels = np.zeros(volume.shape, np.uint8, order="F")
    store.open_labels(LabelMap(voxels, volume.affine, volume.name, volume.source))
    for label, start, stop in ((Label.LIVER, 2, 15), (Label.TUMOR, 5, 9)):
        box = Box.from_bounds((start, start, 2), (stop, stop, 7))
        with window.session.store.edit(box, "brush") as voxels:
            voxels[...] = label
    return labels_of(window)


def test_journal_session_and_settings_say_nothing_of_the_patient(
    qtbot: QtBot, shown: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    volume = shown.session.volume
    assert volume is not None
    assert volume.source is not None
    assert "ZQFAMILY" in markers_in(volume.source.header, MARKERS)  # else it could not fail
    recovery = keep_journal(shown, tmp_path / "journals")
    draw(shown)
    left_after_a_crash(qtbot, recovery.autosave, out / "journal")
    answers.session_file, answers.keep_history = out / "case.liverview", True
    with qtbot.waitSignal(shown.controller.saving.saved, timeout=TIMEOUT_MS):
        shown.actions_.file.save_session.trigger()
    qtbot.waitUntil(lambda: not shown.controller.saving.is_running, timeout=TIMEOUT_MS)
    shown.close()
    shown.settings.sync()
    settings = Path(shown.settings.fileName())
    (out / "settings").write_bytes(settings.read_bytes())
    with zipfile.ZipFile(out / "case.liverview") as archive:
        assert len(archive.namelist()) > 3  # the history, too
    assert {path.name for path in out.iterdir()} == {"journal", "case.liverview", "settings"}
    assert markers_in_folder(out, MARKERS) == {}


def test_labels_of_a_crash_are_saved_as_a_segmentation_of_the_series_again(
    qtbot: QtBot, shown: MainWindow, make_window: MakeWindow, tmp_path: Path
) -> None:
    autosave = keep_journal(shown, tmp_path / "journals").autosave
    drawn = draw(shown)
    left_after_a_crash(qtbot, autosave, tmp_path / "left")
    window = make_window()
    offer(qtbot, window, tmp_path / "left")
    answer(window, "Restore")
    qtbot.waitUntil(lambda: "is as it was" in window.messages.text.text(), timeout=TIMEOUT_MS)
    assert np.array_equal(labels_of(window), drawn)
    session = window.session
    assert session.volume is not None
    for edits in (0, 1):  # labels as they came back, and as a step of the history has them
        for _ in range(edits):
            session.store.history.undo()
        path = tmp_path / f"{edits}.dcm"
        drain(images.iter_write_labels(path, session.store.snapshot(), session.volume))
        assert pydicom.dcmread(path).PatientName == "ZQFAMILY^ZQGIVEN"
        assert np.array_equal(images.read_labels(path).voxels, labels_of(window))
