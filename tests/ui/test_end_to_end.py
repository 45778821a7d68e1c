"""The main job from `main()` to a file that another reader opens; and without a screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from liverview.cli import main
from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Plane
from liverview.evaluation.scoring import evaluate
from liverview.phantoms.config import Phantom
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS


@pytest.fixture
def scan(case: Phantom, tmp_path: Path) -> Path:
    """The phantom as a scanner would store it: LPS, with both orientations."""
    image = nib.Nifti1Image(case.volume.voxels, case.volume.affine)
    image.set_qform(image.affine, code=1)
    image.set_sform(image.affine, code=1)
    lps = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt("LPS")
    )
    nib.save(image.as_reoriented(lps), tmp_path / "scan.nii.gz")
    return tmp_path / "scan.nii.gz"


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path) -> None:
    for kind in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
        QSettings.setPath(kind, QSettings.Scope.UserScope, str(tmp_path / "settings"))


def drive(scenario: Callable[[MainWindow], None], *arguments: str) -> int:
    """Run `main` and, inside its event loop, a scenario; the window is closed at the end."""

    def play() -> None:
        (window,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)]
        try:
            scenario(window)
        finally:
            window.session.store.mark_saved()
            window.close()
            window.deleteLater()
            QApplication.quit()

    QTimer.singleShot(0, play)
    return main(list(arguments))


def menu_action(window: MainWindow, menu: str, start: str) -> QAction:
    for entry in window.menuBar().actions():
        if entry.text() == menu:
            return next(a for a in entry.menu().actions() if a.text().startswith(start))
    raise AssertionError(menu)


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the person picks in the file dialogs."""
    names = {"open": "", "save": ""}
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (names["open"], ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (names["save"], ""))
    return names


def test_open_segment_toggle_save(
    qtbot: QtBot, scan: Path, case: Phantom, chosen: dict[str, str], tmp_path: Path
) -> None:
    saved = tmp_path / "labels.nii.gz"
    chosen.update(open=str(scan), save=str(saved))
    states: list[tuple[float, int]] = []

    def scenario(window: MainWindow) -> None:
        session = window.session
        with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
            menu_action(window, "&File", "&Open").trigger()
        qtbot.waitUntil(lambda: not window.controller.busy, timeout=TIMEOUT_MS)

        def watch(box: Box) -> None:
            assert session.labels is not None
            done = session.progress.fraction if session.progress else 0.0
            states.append((done, int((session.labels.voxels > 1).sum())))

        session.store.changed.connect(watch)
        with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
            menu_action(window, "&Segment", "Se").trigger()
        session.store.changed.disconnect(watch)

        view = window.views.by_plane[Plane.AXIAL]
        view.refresh()
        shown = view.grab().toImage()
        menu_action(window, "&Labels", "Liver").trigger()
        view.refresh()
        assert view.grab().toImage() != shown
        menu_action(window, "&Labels", "Liver").trigger()
        view.refresh()
        assert view.grab().toImage() == shown
        with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
            menu_action(window, "&File", "&Save label").trigger()

    assert drive(scenario) == 0
    # Labels came in while it ran: many states, growing vessels and tumors between.
    assert len(states) > 6
    assert len({count for _, count in states}) > 3

    written, source = sitk.ReadImage(str(saved)), sitk.ReadImage(str(scan))
    assert written.GetSize() == source.GetSize()
    assert written.GetOrigin() == pytest.approx(source.GetOrigin())
    assert written.GetSpacing() == pytest.approx(source.GetSpacing())
    assert written.GetDirection() == pytest.approx(source.GetDirection())
    # SimpleITK gives (k, j, i) in LPS; the phantom's truth is (i, j, k) in RAS.
    stored = sitk.GetArrayFromImage(written).transpose(2, 1, 0)[::-1, ::-1]
    scores = evaluate(LabelMap(np.ascontiguousarray(stored), case.volume.affine), case.labels)
    assert scores[0].label is Label.LIVER
    assert scores[0].dice > 0.85


def test_looks_survive_from_one_start_to_the_next(
    qtbot: QtBot, scan: Path, chosen: dict[str, str]
) -> None:
    chosen["open"] = str(scan)

    def first(window: MainWindow) -> None:
        with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
            menu_action(window, "&File", "&Open").trigger()
        window.session.set_window(90, 150)

    def second(window: MainWindow) -> None:
        assert (window.session.level, window.session.width) == (90, 150)
        assert [a.text() for a in window.actions_.file.recent.actions()] == [
            f"{scan.parent.name}/scan.nii.gz"
        ]

    assert drive(first) == 0
    assert drive(second) == 0


def test_a_scan_on_the_command_line_is_opened(qtbot: QtBot, scan: Path) -> None:
    def scenario(window: MainWindow) -> None:
        qtbot.waitUntil(lambda: window.session.volume is not None, timeout=TIMEOUT_MS)

    assert drive(scenario, str(scan)) == 0


def test_the_same_job_without_a_person(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([str(scan), "--out", str(out), "--device", "cpu"]) == 0
    names = {path.name for path in out.iterdir()}
    assert names == {"scan_seg.nii.gz", "scan_measurement.json", "screenshot.png"}
    figures = json.loads((out / "scan_measurement.json").read_text())
    labels = np.asanyarray(nib.load(out / "scan_seg.nii.gz").dataobj)
    voxel_ml = float(np.prod(nib.load(scan).header.get_zooms())) / 1000
    liver_ml = float((labels > 0).sum()) * voxel_ml
    assert figures["liver_with_vessels_and_tumors_ml"] == pytest.approx(liver_ml, rel=1e-3)
    assert figures["lesion_count"] == len(figures["lesions"])
    assert all(lesion["mean_hu"] is not None for lesion in figures["lesions"])
    assert figures["recist_1_1"]["caveats"]
    said = capsys.readouterr()
    assert all(str(out / name) in said.out for name in names)
    assert not said.err


def test_the_job_without_a_person_fails_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none.nii"), "--out", str(tmp_path / "out")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []
