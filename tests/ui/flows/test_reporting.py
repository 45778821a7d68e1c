"""The report's PDF, the command, and the window's menu entry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview import DISCLAIMER
from liverview.cli import main
from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import Plane, Volume
from liverview.files import images
from liverview.measurement.markup.shapes import Ruler
from liverview.phantoms.config import Phantom
from liverview.printing import pdf
from liverview.report.assembly import WrittenReport, iter_write_report
from liverview.report.contents import Column, Contents, Section, Table
from liverview.report.provenance import Provenance
from liverview.ui.main_window import MainWindow
from liverview.ui.state.label_changes import LabelSource

from support.answers import TIMEOUT_MS, Answers
from support.pdf_text import read_pages, squeezed


@pytest.fixture(scope="module")
def reported(case: Phantom, tmp_path_factory: pytest.TempPathFactory) -> WrittenReport:
    folder = tmp_path_factory.mktemp("report")
    origin = Provenance("scan <&> Ü.nii.gz", "labels.nii.gz")
    *_, made = iter_write_report(case.volume, case.labels, folder, origin, pdf.write_pdf)
    assert isinstance(made, WrittenReport)
    return made


# ---- the PDF -------------------------------------------------------------------------------


def test_all_of_the_page_is_text_in_the_pdf(reported: WrittenReport) -> None:
    pages = read_pages(reported.paths.pdf)
    text = "".join(page.text for page in pages)
    contents = reported.contents
    said = [
        contents.title,
        contents.disclaimer,
        *(word for fact in contents.facts for word in fact),
    ]
    for section in contents.sections:
        said += [section.heading, *section.paragraphs, *section.remarks]
        said += [figure.caption for figure in section.figures]
        said += [f"{key.name}: {key.drawn}" for key in section.keys]
        if section.table:
            said += [column.heading for column in section.table.columns]
            said += ["".join(row) for row in section.table.rows]
    assert len(said) > 40
    assert [what for what in said if squeezed(what) not in text] == []
    figures = sum(len(section.figures) for section in contents.sections)
    assert sum(page.pictures for page in pages) >= figures >= 4


def test_its_pages_are_a4_and_numbered(reported: WrittenReport) -> None:
    pages = read_pages(reported.paths.pdf)
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        assert page.size == (595, 842)
        assert f"Page{number}of{len(pages)}" in page.text
        assert squeezed(DISCLAIMER) in page.text


def report_of(rows: int, remark: str = "") -> Contents:
    columns = (Column("Number"), Column("Remark", numeric=False))
    table = Table(columns, tuple((f"#{n}#", remark) for n in range(rows)))
    return Contents("Many", DISCLAIMER, (), (Section("Lesions", table=table),))


def test_a_long_table_goes_on_under_its_heading(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    pdf.write_pdf(path, report_of(150, "some words on a lesion"))
    pages = read_pages(path)
    assert len(pages) > 2
    found = [page.text.count("#") // 2 for page in pages]
    assert sum(found) == 150
    assert all(page.text.count("NumberRemark") == 1 for page in pages)
    text = "".join(page.text for page in pages)
    places = [text.index(f"#{number}#") for number in range(150)]
    assert places == sorted(places)


def test_a_short_table_is_not_broken(tmp_path: Path) -> None:
    path = tmp_path / "short.pdf"
    contents = report_of(10)
    for before in range(20, 60, 3):
        lines = Section("Before", remarks=("A line.",) * before)
        pdf.write_pdf(path, replace(contents, sections=(lines, *contents.sections)))
        texts = [page.text for page in read_pages(path)]
        (whole,) = (text for text in texts if "#0#" in text)
        assert "#9#" in whole
        assert "LesionsNumberRemark" in whole  # its heading came along


def test_a_row_of_more_than_a_page_is_all_there(tmp_path: Path) -> None:
    path = tmp_path / "tall.pdf"
    pdf.write_pdf(path, report_of(2, "words " * 4000 + "end"))
    text = "".join(page.text for page in read_pages(path))
    assert text.count("end") == 2
    assert text.count("words") == 8000


# ---- the command ---------------------------------------------------------------------------


@pytest.fixture
def files(case: Phantom, tmp_path: Path) -> tuple[str, str]:
    """A scan and its labels."""
    folder = tmp_path / "patient_12"
    folder.mkdir()
    scan, labels = folder / "ct.nii.gz", folder / "labels.nii.gz"
    for work in (
        images.iter_write_volume(scan, case.volume),
        images.iter_write_labels(labels, case.labels, case.volume),
    ):
        for _ in work:
            pass
    return str(scan), str(labels)


def test_the_command_needs_no_screen(files: tuple[str, str], tmp_path: Path) -> None:
    names = "QT_QPA_PLATFORM", "WAYLAND_DISPLAY"
    bare = {name: value for name, value in os.environ.items() if name not in names}
    bare["DISPLAY"] = ":99999"  # a display that is not there must not matter either
    out = tmp_path / "new" / "folder"
    command = [sys.executable, "-W", "error", "-m", "liverview", "report", *files, "-o", str(out)]
    done = subprocess.run(command, env=bare, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    kinds = "_report.html", "_report.pdf", "_measurement.json", "_lesions.csv"
    names = [f"patient_12{kind}" for kind in kinds]  # many scans are called ct
    assert {path.name for path in out.iterdir()} == {*names, "patient_12_measurement.csv"}
    assert all(f"{out / name} written." in done.stdout for name in names)
    content = json.loads((out / "patient_12_measurement.json").read_text(encoding="utf-8"))
    labels = images.read_labels(Path(files[1]))
    tumor_ml = (labels.voxels == Label.TUMOR).sum() * labels.voxel_ml
    assert content["tumor_ml"] == pytest.approx(tumor_ml, abs=0.005)
    first = read_pages(out / "patient_12_report.pdf")[0].text
    assert "Liverreport:patient_12" in first
    assert "ct.nii.gz" in first
    assert (content["name"], content["scan_file"]) == ("patient_12", "ct.nii.gz")


def test_the_command_replaces_nothing_unasked(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "patient_12_lesions.csv").write_text("mine")
    command = ["report", *files, "-o", str(out)]
    assert main(command) == 2
    assert "patient_12_lesions.csv exists already" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["patient_12_lesions.csv"]
    assert main([*command, "--overwrite"]) == 0
    assert (out / "patient_12_lesions.csv").read_text() != "mine"


def test_the_command_says_what_is_wrong(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], volume: Volume
) -> None:
    other = tmp_path / "other.nii.gz"
    for _ in images.iter_write_volume(other, volume):
        pass
    scan, labels = files
    for given, sentence in (
        ([str(other), labels, "-o", str(tmp_path / "a")], "do not lie on the same voxels"),
        ([scan, labels, "-o", scan], f"{scan} is no folder"),
        ([str(tmp_path / "none.nii"), labels, "-o", str(tmp_path / "b")], "none.nii"),
        ([scan, labels, "-o", str(tmp_path / "c"), "--volume", "3"], "there is no number 3"),
    ):
        assert main(["report", *given]) == 2
        said = capsys.readouterr().err
        assert sentence in said
        assert said.count("\n") == 1


# ---- the window ----------------------------------------------------------------------------


@pytest.fixture
def segmented(window: MainWindow, volume: Volume) -> MainWindow:
    """A window with labels: a liver with a lesion."""
    session = window.session
    session.open(volume)
    session.store.begin_segmentation()
    labels = np.ones(volume.shape, np.uint8)
    labels[3:7, 4:8, 5:9] = Label.TUMOR
    session.store.merge_slab(Slab(0, labels))
    session.store.end_segmentation(complete=True)
    session.store.source = LabelSource(device="cpu")
    window._update_actions()
    return window


def test_the_window_writes_a_report_of_all_that_it_knows(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path
    segmented.markups.add(Ruler(Plane.AXIAL, (1, 1, 1), (5, 1, 1)))
    findings = segmented.panels.findings
    qtbot.waitUntil(lambda: len(findings.lesions) == 1, timeout=TIMEOUT_MS)
    findings.exclude(1, "cyst")  # at once in the labels, and so in the report
    with qtbot.waitSignal(segmented.reporting.written, timeout=TIMEOUT_MS) as done:
        segmented.actions_.file.report.trigger()
    assert done.args == [tmp_path / "small_report.html"]  # a phantom has a name, and no file
    assert str(done.args[0]) in segmented.messages.text.text()
    assert [button.text() for button in segmented.messages.buttons] == ["Open it"]
    content = json.loads((tmp_path / "small_measurement.json").read_text(encoding="utf-8"))
    assert (content["scan_file"], content["device"]) == ("small", "cpu")
    assert content["markups"][0]["length_mm"] == 8
    assert [one["reason"] for one in content["ruled_out_lesions"]] == ["cyst"]
    assert (content["tumor_ml"], content["lesions"]) == (0, [])
    text = "".join(page.text for page in read_pages(tmp_path / "small_report.pdf"))
    assert "Ruledout" in text
    assert "cyst" in text
    assert "Ruler1" in text
    qtbot.waitUntil(lambda: not segmented.controller.runner._live)
    answers.replace = False
    segmented.actions_.file.report.trigger()
    assert answers.asked == ["replace"]
    assert not segmented.controller.runner._live


def test_a_report_needs_labels_that_are_complete(
    window: MainWindow, volume: Volume, answers: Answers, tmp_path: Path
) -> None:
    assert not window.actions_.file.report.isEnabled()
    window.session.open(volume)
    assert not window.actions_.file.report.isEnabled()
    answers.folder = tmp_path
    window.session.store.begin_segmentation()
    window.session.store.merge_slab(Slab(0, np.ones(volume.shape, np.uint8)))
    window.reporting.save()  # as if it had begun while the question was open
    assert "not complete" in window.messages.text.text()
    assert list(tmp_path.iterdir()) == []
    window.session.store.end_segmentation(complete=True)


def test_a_report_that_fails_says_so(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path / "gone"
    with qtbot.waitSignal(segmented.controller.failed, timeout=TIMEOUT_MS):
        segmented.actions_.file.report.trigger()
    assert "its folder is not there" in segmented.messages.text.text()
    qtbot.waitUntil(lambda: not segmented.controller.runner._live)
    answers.folder = tmp_path
    with qtbot.waitSignal(segmented.reporting.written, timeout=TIMEOUT_MS):
        segmented.actions_.file.report.trigger()
    qtbot.waitUntil(lambda: not segmented.controller.runner._live)


def test_one_report_at_a_time(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path
    with qtbot.waitSignal(segmented.reporting.written, timeout=TIMEOUT_MS):
        segmented.actions_.file.report.trigger()
        segmented.actions_.file.report.trigger()
        assert "written already" in segmented.messages.text.text()
    qtbot.waitUntil(lambda: not segmented.controller.runner._live)


def test_a_report_has_the_name_of_the_case(
    qtbot: QtBot, segmented: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = tmp_path
    segmented.session.path = tmp_path / "patient_12" / "ct.nii.gz"
    with qtbot.waitSignal(segmented.reporting.written, timeout=TIMEOUT_MS) as done:
        segmented.actions_.file.report.trigger()
    assert done.args == [tmp_path / "patient_12_report.html"]
    page = done.args[0].read_text(encoding="utf-8")
    assert "Liver report: patient_12" in page
    qtbot.waitUntil(lambda: not segmented.controller.runner._live)
