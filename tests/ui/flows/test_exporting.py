"""Exports of the open case: what is written is read by pydicom, and what cannot be is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
import trimesh
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label, default_styles
from liverview.core.stream import Progress, drain, result_of
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.dicom.headers.header_reading import header_of
from liverview.files.dicom.places.sources import FileSource
from liverview.files.dicom.reading import iter_read_volume
from liverview.files.dicom.series.splitting import split_series
from liverview.files.dicom.writing.series_writing import iter_write_series
from liverview.ui.dialogs.export import (
    MeshChoice,
    MeshDialog,
    SegmentationChoice,
    SegmentationDialog,
    mesh_file_paths,
)
from liverview.ui.dialogs.questions import Dialogs
from liverview.ui.jobs import export_work
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers

SHAPE = (12, 10, 8)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A DICOM series in a folder of its own."""
    i, j, k = np.indices(SHAPE)
    hu = (i * 20 + j * 3 + k - 100).astype(np.int16)
    volume = Volume.from_array(hu, spacing=(2, 3, 4), name="case")
    (tmp_path / "disc").mkdir()
    folder = tmp_path / "disc" / "case"
    drain(iter_write_series(folder, volume, overwrite=False, phantom=True))
    return folder


@pytest.fixture
def of_dicom(window: MainWindow, series: Path) -> MainWindow:
    """A window with the series open, and labels on it."""
    (found,) = split_series([header_of(FileSource(path)) for path in sorted(series.iterdir())])
    volume = result_of(iter_read_volume(found), Volume)
    voxels = np.zeros(SHAPE, np.uint8, order="F")
    voxels[2:9, 2:8, 1:7] = Label.LIVER
    voxels[3:5, 3:5, 2:4] = voxels[6:8, 5:7, 4:6] = Label.TUMOR
    truth = LabelMap(voxels, volume.affine, volume.name, volume.source)
    window.controller.show_volume(volume, series, None)
    window.session.store.open_labels(truth)
    window.controller.busy_changed.emit()  # as whatever opens labels does
    return window


def export(qtbot: QtBot, window: MainWindow, command: str) -> str:
    """Trigger a command and wait for the end of its job; returns what was said."""
    said: list[str] = []
    window.exporting.written.connect(said.append)
    window.controller.failed.connect(said.append)
    action = find(window, command)
    assert action.isEnabled()
    action.trigger()
    qtbot.waitUntil(lambda: bool(said), timeout=TIMEOUT_MS)
    return said[0]


def find(window: MainWindow, name: str) -> QAction:
    return next(a for a in window.findChildren(QAction) if a.objectName() == name)


def test_a_dicom_segmentation(
    qtbot: QtBot, of_dicom: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.segmentation = SegmentationChoice(per_lesion=True)
    answers.export_file = tmp_path / "out.dcm"
    said = export(qtbot, of_dicom, "dicom_segmentation")
    assert answers.asked == ["segmentation", "case_seg.dcm"]
    assert said == f"DICOM segmentation saved and verified: {tmp_path / 'out.dcm'}."
    assert (
        len(pydicom.dcmread(tmp_path / "out.dcm").SegmentSequence) == 4
    )  # liver, vessels, two lesions
    read = images.read_labels(tmp_path / "out.dcm")
    labels = of_dicom.session.labels
    assert labels is not None
    np.testing.assert_array_equal(read.voxels, labels.voxels)


def test_a_structured_report_with_its_segmentation(
    qtbot: QtBot, of_dicom: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.segmentation = SegmentationChoice(label_map=True)
    answers.export_file = tmp_path / "case_sr.dcm"
    said = export(qtbot, of_dicom, "dicom_structured_report")
    assert said.endswith("case_sr.dcm, with the segmentation case_seg.dcm.")
    report = pydicom.dcmread(tmp_path / "case_sr.dcm")
    assert report.Modality == "SR"
    segmentation = pydicom.dcmread(tmp_path / "case_seg.dcm")
    assert segmentation.SOPInstanceUID in str(report)
    answers.segmentation = SegmentationChoice(wanted=False)
    answers.export_file = tmp_path / "alone.dcm"
    assert export(qtbot, of_dicom, "dicom_structured_report").endswith("alone.dcm.")
    assert not (tmp_path / "alone_seg.dcm").exists()
    assert segmentation.SOPInstanceUID not in str(pydicom.dcmread(tmp_path / "alone.dcm"))


def test_a_segmentation_that_is_there_stays_when_its_report_is_exported(
    qtbot: QtBot, of_dicom: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.segmentation = SegmentationChoice()
    answers.export_file = earlier = tmp_path / "case_seg.dcm"
    export(qtbot, of_dicom, "dicom_segmentation")
    before = earlier.read_bytes()
    answers.asked.clear()
    answers.export_file = tmp_path / "case_sr.dcm"
    said = export(qtbot, of_dicom, "dicom_structured_report")
    assert said.endswith("case_sr.dcm, with the segmentation case_sr_seg.dcm.")
    assert answers.asked == ["segmentation beside a report", "case_sr.dcm"]
    assert earlier.read_bytes() == before
    segmentation = pydicom.dcmread(tmp_path / "case_sr_seg.dcm")
    assert segmentation.SOPInstanceUID in str(pydicom.dcmread(tmp_path / "case_sr.dcm"))


def test_key_images_of_each_lesion(
    qtbot: QtBot, of_dicom: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path
    folder = tmp_path / "case_key_images"
    assert export(qtbot, of_dicom, "dicom_key_images") == f"2 key images saved in {folder}."
    for path in folder.iterdir():
        assert pydicom.dcmread(path).SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"


def test_a_deidentified_copy_and_what_it_kept(
    qtbot: QtBot, of_dicom: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path
    folder = tmp_path / "case_deidentified"
    said = export(qtbot, of_dicom, "de-identified_copy")
    assert said.startswith(f"De-identified copy saved: {SHAPE[2]} files in {folder}.")
    copies = [pydicom.dcmread(path) for path in folder.iterdir()]
    assert len(copies) == SHAPE[2]
    assert {each.PatientIdentityRemoved for each in copies} == {"YES"}
    assert "Phantom" not in str(copies[0].PatientName)


@pytest.mark.parametrize(("suffix", "lps"), [(".stl", True), (".ply", False), (".glb", True)])
def test_meshes_lie_where_the_labels_do(
    qtbot: QtBot, of_dicom: MainWindow, answers: Answers, tmp_path: Path, suffix: str, lps: bool
) -> None:
    answers.mesh = MeshChoice(suffix, (Label.TUMOR,), lps)
    answers.export_file = tmp_path / f"case{suffix}"
    said = export(qtbot, of_dicom, "meshes")
    assert answers.asked == ["meshes of liver, tumor", f"case{suffix}"]
    name = f"case{suffix}" if suffix == ".glb" else f"case_tumor{suffix}"
    assert said == f"{name} saved in {tmp_path}: mm, " + (
        "left, back, up (LPS)." if lps else "right, front, up (RAS)."
    )
    mesh = trimesh.load(tmp_path / name, force="mesh")
    labels = of_dicom.session.labels
    assert labels is not None
    voxels = np.argwhere(labels.voxels == Label.TUMOR)
    world = voxels @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    expected = world.mean(axis=0) * ([-1, -1, 1] if lps else [1, 1, 1])
    np.testing.assert_allclose(mesh.bounds.mean(axis=0), expected, atol=2)
    assert mesh.volume / 1000 == pytest.approx(len(voxels) * 24 / 1000, rel=0.01)


def test_labels_and_directions_of_meshes(qtbot: QtBot) -> None:
    styles = default_styles()
    dialog = MeshDialog([Label.LIVER, Label.TUMOR], styles)
    qtbot.addWidget(dialog)
    assert dialog.choice() == MeshChoice(".stl", (Label.LIVER, Label.TUMOR), True)
    dialog.boxes[Label.LIVER].setChecked(False)
    dialog.directions.setCurrentIndex(1)
    dialog.format.setCurrentIndex(dialog.format.findData(".obj"))
    choice = dialog.choice()
    assert choice == MeshChoice(".obj", (Label.TUMOR,), False)
    assert [path.name for path in mesh_file_paths(Path("a.obj"), choice)] == ["a.obj", "a.mtl"]
    dialog.boxes[Label.TUMOR].setChecked(False)
    buttons = dialog.findChild(QDialogButtonBox)
    assert buttons is not None
    assert not buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()


@pytest.mark.parametrize(
    "command",
    ["dicom_segmentation", "dicom_structured_report", "dicom_key_images", "de-identified_copy"],
)
def test_a_scan_that_is_no_dicom_has_none(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, command: str
) -> None:
    with qtbot.waitSignal(segmented.exporting.failed) as said:
        find(segmented, command).trigger()
    assert "refers to a DICOM series, and this scan is none: open its DICOM files" in said.args[0]
    assert answers.asked == []


def test_without_labels_there_is_nothing_to_export(opened: MainWindow) -> None:
    assert not find(opened, "dicom_segmentation").isEnabled()
    assert find(opened, "save_scan_as").isEnabled()


@pytest.mark.parametrize("name", ["saved", "saved.nii.gz", "saved.nrrd", "saved.mha"])
def test_the_scan_is_saved_in_any_format(
    qtbot: QtBot, opened: MainWindow, answers: Answers, tmp_path: Path, name: str
) -> None:
    answers.export_file = tmp_path / name
    said = export(qtbot, opened, "save_scan_as")
    assert str(answers.export_file) in said
    scan = opened.session.volume
    assert scan is not None
    if name == "saved":
        assert said.startswith(f"{scan.shape[2]} DICOM files saved and verified")
        files = sorted(answers.export_file.iterdir())
        read = np.stack([pydicom.dcmread(path).pixel_array.T for path in files], axis=2)
        np.testing.assert_array_equal(read[::-1, ::-1], scan.to_numpy())
        assert pydicom.dcmread(files[0]).PatientName == "Unknown^"
    else:
        read = images.read(answers.export_file).to_numpy()
        np.testing.assert_array_equal(read, scan.to_numpy())


def test_the_open_scan_is_never_replaced(
    qtbot: QtBot, of_dicom: MainWindow, answers: Answers, series: Path
) -> None:
    before = sorted(series.iterdir())
    for path in (series, series.parent):
        answers.export_file = path
        with qtbot.waitSignal(of_dicom.exporting.failed) as said:
            find(of_dicom, "save_scan_as").trigger()
        assert said.args[0] == f"{path} holds the open scan itself: choose another name."
    assert sorted(series.iterdir()) == before


def test_files_of_others_are_asked_about_and_stay(
    qtbot: QtBot, opened: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.export_file = tmp_path / "there"
    answers.export_file.mkdir()
    (answers.export_file / "letter.txt").write_text("kept")
    answers.replace = False
    find(opened, "save_scan_as").trigger()
    assert opened.exporting.job is None
    answers.replace = True
    with qtbot.waitSignal(opened.controller.failed, timeout=TIMEOUT_MS) as said:
        find(opened, "save_scan_as").trigger()
    qtbot.waitUntil(lambda: opened.exporting.job is None, timeout=TIMEOUT_MS)
    assert "files of others, such as letter.txt" in said.args[0]
    assert [path.name for path in answers.export_file.iterdir()] == ["letter.txt"]


def test_an_export_can_be_canceled_and_leaves_nothing(
    qtbot: QtBot,
    opened: MainWindow,
    answers: Answers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def iter_forever(path: Path, volume: Volume, *, phantom: bool) -> Iterator[Progress]:
        path.mkdir()
        try:
            while True:
                yield Progress("Writing", 0.5)
        finally:
            path.rmdir()

    monkeypatch.setattr(export_work, "iter_write_scan", iter_forever)
    answers.export_file = tmp_path / "long"
    find(opened, "save_scan_as").trigger()
    qtbot.waitUntil(answers.export_file.exists, timeout=TIMEOUT_MS)
    with qtbot.waitSignal(opened.exporting.failed) as said:
        find(opened, "save_scan_as").trigger()
    assert "exported already" in said.args[0]
    with qtbot.waitSignal(opened.exporting.written, timeout=TIMEOUT_MS) as said:
        progress = opened.exporting.progress
        assert progress is not None
        progress.canceled.emit()
    assert said.args[0] == "The export was canceled; nothing of it is left."
    qtbot.waitUntil(lambda: not answers.export_file.exists(), timeout=TIMEOUT_MS)


# ---- dialogs ---------------------------------------------------------------------------------


def test_options_of_a_segmentation(qtbot: QtBot) -> None:
    dialog = SegmentationDialog(report=True)
    qtbot.addWidget(dialog)
    assert dialog.choice() == SegmentationChoice()
    dialog.kind.setCurrentIndex(1)
    dialog.per_lesion.setChecked(True)
    assert dialog.choice() == SegmentationChoice(label_map=True, per_lesion=True)
    dialog.wanted.setChecked(False)
    assert not dialog.kind.isEnabled()
    assert not dialog.per_lesion.isEnabled()
    assert not dialog.choice().wanted
    assert dialog.findChild(QDialogButtonBox) is not None


def test_names_get_the_suffix_of_the_format_that_was_chosen(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offered: list[list[str]] = []
    chosen = {"at": 0, "name": "scan"}

    def save_file(parent: QWidget, title: str, start: str, patterns: str) -> tuple[str, str]:
        offered.append([part.split(" (")[0] for part in patterns.split(";;")])
        return str(tmp_path / str(chosen["name"])), patterns.split(";;")[int(chosen["at"])]

    monkeypatch.setattr(QFileDialog, "getSaveFileName", save_file)
    parent = QWidget()
    qtbot.addWidget(parent)
    dialogs = Dialogs(parent)
    names = []
    for at in range(4):
        chosen["at"] = at
        names.append(dialogs.scan_to_write(tmp_path / "x"))
    assert offered[0] == ["NIfTI", "DICOM series, a folder", "NRRD", "MetaImage"]
    assert [path and path.name for path in names] == [
        "scan.nii.gz", "scan", "scan.nrrd", "scan.mha",
    ]  # fmt: skip
    names = []
    for at in range(5):
        chosen["at"] = at
        names.append(dialogs.label_map_to_write(tmp_path / "x", of_dicom=True))
    assert offered[-1] == [
        "NIfTI", "DICOM segmentation", "NRRD", "Slicer segmentation", "MetaImage",
    ]  # fmt: skip
    assert [path and path.name for path in names] == [
        "scan.nii.gz", "scan.dcm", "scan.nrrd", "scan.seg.nrrd", "scan.mha",
    ]  # fmt: skip
    chosen["at"] = 0
    dialogs.label_map_to_write(tmp_path / "x")
    assert "DICOM segmentation" not in offered[-1]
    chosen["name"] = "odd"
    assert dialogs.file_to_export("Save", tmp_path / "x.dcm") == tmp_path / "odd.dcm"
