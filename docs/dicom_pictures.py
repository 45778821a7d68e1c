"""Pictures of DICOM, for `take_pictures`: a disc's series, and a PACS and back; all synthetic."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from pydicom.uid import generate_uid
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from liverview.core.stream import drain, result_of
from liverview.core.volume import Volume
from liverview.files import images
from liverview.files.dicom import reading
from liverview.files.dicom.series.series_volume import SeriesKind
from liverview.files.dicom.writing.series_writing import iter_write_series
from liverview.phantoms.config import Phantom, PhantomConfig, Phase
from liverview.phantoms.generation import iter_generate
from liverview.ui.dialogs.series_model import PICTURE, SeriesModel
from liverview.ui.main_window import MainWindow

sys.path.append(str(Path(__file__).parents[1] / "tests"))

SMALL = PhantomConfig(shape=(300, 300, 80), spacing=(1.27, 1.27, 2.5), seed=3)
PATIENTS = {3: "Phantom^Synthetic A", 5: "Phantom^Synthetic B"}
"""By the seed of the phantom."""
SHOWN = {
    Phase.ARTERIAL: "Abdomen synthetic arterial 2.5",
    Phase.PORTAL: "Abdomen synthetic portal venous 2.5",
}
_FRAME, _GAP, _CAPTION = 560, 10, 34
_GROUND, _INK = (32, 33, 36), (235, 235, 235)
Until = Callable[[Callable[[], bool]], None]
Grab = Callable[[QWidget], Image.Image]


def write_disc(folder: Path) -> None:
    """Two phantoms, in two phases each, a thick reconstruction, a slice lost, a segmentation."""
    for seed in PATIENTS:
        for number, phase in enumerate(SHOWN, start=2):
            case = _case(seed, phase)
            path = folder / f"ST{seed:06d}" / f"SE{number:06d}"
            _write(path, case, seed, number, SHOWN[phase])
        if seed == SMALL.seed:
            thick = folder / f"ST{seed:06d}" / "SE000009"
            _write(thick, case, seed, 9, "Abdomen synthetic portal venous 5.0", every=2)
            series = result_of(reading.iter_read(path), Volume)
            target = folder / f"ST{seed:06d}" / "SE000010.dcm"
            drain(images.iter_write_labels(target, case.labels, series))
        else:
            sorted(path.iterdir())[30].unlink()


def _case(seed: int, phase: Phase) -> Phantom:
    return result_of(iter_generate(replace(SMALL, seed=seed, phase=phase)), Phantom)


def _write(folder: Path, case: Phantom, seed: int, number: int, words: str, every: int = 1) -> None:
    """A series of a phantom, in one study with the other series of its patient."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    drain(iter_write_series(folder, case.volume, overwrite=False, description=words, phantom=True))
    for index, path in enumerate(sorted(folder.iterdir())):
        if index % every:
            path.unlink()
            continue
        data = dcmread(path)
        data.PatientName, data.PatientID = PATIENTS[seed], f"SYN{seed:04d}"
        data.StudyInstanceUID = generate_uid(entropy_srcs=["study", str(seed)])
        data.StudyDate = data.SeriesDate = f"2026{seed:02d}12"
        data.SeriesNumber, data.SliceThickness = number, 2.5 * every
        data.ContrastBolusAgent, data.ConvolutionKernel = "synthetic", "B30f"
        data.save_as(path)


# ---- the pictures --------------------------------------------------------------------------


def take_series(window: MainWindow, until: Until, grab: Grab) -> Image.Image:
    """The table of the series of a disc, as its folder is opened."""
    with tempfile.TemporaryDirectory() as folder:
        disc = Path(folder) / "DISC"
        write_disc(disc)
        window.files.open(disc)
        until(lambda: _is_complete(window))
        table = window.series.table
        assert table is not None
        until(lambda: all(_is_pictured(table.model, row) for row in range(table.model.rowCount())))
        picture = grab(table)
        table.reject()
    return picture


def _is_pictured(model: SeriesModel, row: int) -> bool:
    """True where a row has its picture, and for labels, which have none."""
    picture = model.index(row, PICTURE).data(Qt.ItemDataRole.DecorationRole)
    return picture is not None or model.entries[row].volume.kind is SeriesKind.LABELS


def _is_complete(window: MainWindow) -> bool:
    table = window.series.table
    return table is not None and table.listed is not None and table.listed.complete


def take_pacs(window: MainWindow, until: Until, grab: Grab) -> Image.Image:
    """From a PACS and back: a server of its own, on this computer alone."""
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as server:
        window.pacs.nodes.set_nodes([replace(server.node(), name="Orthanc")])
        frames = [("Search, and retrieve a series", _search(window, until, grab, "CT"))]
        dialog = window.pacs.query_dialog
        assert dialog is not None
        dialog.retrieve_button.click()
        until(lambda: window.session.volume is not None and not window.controller.busy)
        dialog.reject()
        window.segment()
        until(lambda: window.session.store.can_be_saved and not window.controller.busy)
        findings = window.panels.findings
        until(lambda: findings.measurement is not None and findings.is_current)
        findings.choose(1)
        frames.append(("Segment (F5), look, correct", grab(window)))
        told: list[str] = []
        window.pacs.message.connect(told.append)
        shots: list[Image.Image] = []
        QTimer.singleShot(0, lambda: _accept(shots, grab))
        window.pacs.send()
        frames.append(("Send the labels and the measurements", shots[0]))
        until(lambda: bool(told))
        frames.append(("They are in the study", _search(window, until, grab, "Any")))
        assert window.pacs.query_dialog is not None
        window.pacs.query_dialog.reject()
    return _sheet(frames)


@contextmanager
def _server(folder: Path) -> Iterator[Any]:
    """An Orthanc that holds one phantom in two phases."""
    from support.orthanc import run_orthanc

    with run_orthanc(folder) as server:
        for number, phase in enumerate(SHOWN, start=2):
            series = folder / f"series{number}"
            _write(series, _case(SMALL.seed, phase), SMALL.seed, number, SHOWN[phase])
            for path in sorted(series.iterdir()):
                server.store(path)
        yield server


def _search(window: MainWindow, until: Until, grab: Grab, modality: str) -> Image.Image:
    window.pacs.query()
    dialog = window.pacs.query_dialog
    assert dialog is not None
    dialog.resize(860, 480)
    dialog.patient_name.setText("Phantom")
    dialog.modality.setCurrentText(modality)
    dialog.search_button.click()
    until(dialog.search_button.isEnabled)
    study = dialog.tree.topLevelItem(0)
    study.setExpanded(True)
    dialog.tree.setCurrentItem(study.child(study.childCount() - 1))
    return grab(dialog)


def _accept(shots: list[Image.Image], grab: Grab) -> None:
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, QDialog)
    shots.append(grab(dialog))
    dialog.accept()


def _sheet(frames: list[tuple[str, Image.Image]]) -> Image.Image:
    """Frames two by two, each under its caption."""
    height = max(round(each.height * _FRAME / each.width) for _, each in frames[:2])
    size = 2 * _FRAME + _GAP, 2 * (height + _CAPTION) + _GAP
    sheet = Image.new("RGB", size, _GROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(17)
    for number, (words, frame) in enumerate(frames):
        x, y = (number % 2) * (_FRAME + _GAP), (number // 2) * (height + _CAPTION + _GAP)
        draw.text((x + 6, y + 7), f"{number + 1}  {words}", _INK, font)
        share = min(_FRAME / frame.width, height / frame.height, 1.0)
        small = frame.resize(
            (round(frame.width * share), round(frame.height * share)), Image.Resampling.LANCZOS
        )
        room = _FRAME - small.width, height - small.height
        sheet.paste(small, (x + room[0] // 2, y + _CAPTION + room[1] // 2))
    return sheet
