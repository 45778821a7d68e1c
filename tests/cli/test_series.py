"""``liverview series``: the table of volumes, on a terminal and as JSON."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from liverview.cli import main

from support.dicom_series import pattern, write_series

MARK = "ZQNAMEQZ"
"""In every element that tells who the patient is."""


def mark(index: int, data: Dataset) -> None:
    data.PatientName, data.PatientID, data.AccessionNumber = f"{MARK}^Given", f"{MARK}1", MARK
    data.PatientBirthDate, data.StudyDate, data.StudyTime = "19440404", "20240229", "235958"
    data.StudyDescription, data.InstitutionName = MARK, MARK


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three series and a text, which nobody changes."""
    folder = tmp_path_factory.mktemp("study") / "cd"
    write_series(
        folder / "a", pattern(8, 8, 4), name="scout", change=mark, ImageType=["O", "P", "LOCALIZER"]
    )
    native = {"name": "Abdomen nativ", "SliceThickness": 5}
    write_series(folder / "b", pattern(8, 8, 30), step=5, change=mark, **native)
    write_series(
        folder / "c",
        pattern(8, 8, 40),
        step=4,
        name="Abdomen portalven",
        change=mark,
        SliceThickness=4,
        BodyPartExamined="ABDOMEN",
        ConvolutionKernel="Br40f",
        ContrastBolusAgent="Agent 400",
    )
    (folder / "README.txt").write_text("Read me.")
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["series", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_table_has_the_likeliest_volume_first(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, place)
    assert code == 0
    lines = out.splitlines()
    assert lines[:4] == [
        "N     kind       slices  step    pixel  thick  kernel  contrast   description",
        "0  *  CT             40     4  0.7x0.8      4  Br40f   Agent 400  Abdomen portalven",
        "   portal venous phase, abdomen, slices of 4 mm over 160 mm",
        "1     CT             30     5  0.7x0.8      5  -       -          Abdomen nativ",
    ]
    assert lines[4] == "   without contrast agent, abdomen, slices of 5 mm over 150 mm"
    assert any(line.startswith("2     localizer") for line in lines)
    assert err == "1 file is no DICOM.\n"


def test_an_archive_has_the_same_table(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "cd.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(place.rglob("*")):
            file.write(path, path.relative_to(place))
    assert run(capsys, archive) == run(capsys, place)


def test_nothing_of_the_patient_is_said_unless_it_is_asked_for(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "list.json"
    private = (MARK, "19440404", "20240229", "235958")
    code, out, err = run(capsys, place, "--json", target)
    written = target.read_text()
    assert code == 0
    assert not [word for word in private if word in out + err + written]
    code, out, err = run(capsys, place, "--patient", "--json", target, "--overwrite")
    written = target.read_text()
    assert f"patient {MARK} Given, ID {MARK}1, born 19440404, sex O, study 20240229 {MARK}" in out
    assert all(word in written for word in private)


def test_the_list_as_json(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "list.json"
    assert run(capsys, place, "--json", target)[0] == 0
    content = json.loads(target.read_text())
    assert content["unreadable"] == []
    assert content["other_files"] == 1
    first, second, third = content["volumes"]
    assert first["number"] == 0
    assert first["likely"] is True
    assert first["shape"] == [8, 8, 40]
    assert first["spacing_mm"] == pytest.approx([0.7, 0.8, 4])
    assert first["thickness_mm"] == 4
    assert first["kernel"] == "Br40f"
    assert (second["likely"], second["series_description"]) == (False, "Abdomen nativ")
    assert third["kind"] == "localizer"
    code, _, err = run(capsys, place, "--json", target)
    assert code == 2
    assert str(target) in err


def test_unreadable_files_are_named_and_what_files_say_cannot_change_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = write_series(
        tmp_path, pattern(8, 8, 3), SeriesDescription="Abdomen \x1b[31m\x07", ProtocolName="a" * 60
    )
    paths[1].write_bytes(paths[1].read_bytes()[:700])
    code, out, err = run(capsys, tmp_path)
    assert code == 0
    assert not {"\x1b", "\x07"} & set(out)
    assert r"Abdomen [31m\x07" in out
    assert f"{paths[1]} is cut off: it ends within its header; copy or export it again.\n" in err


def test_places_without_dicom_end_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text("no image")
    assert run(capsys, tmp_path) == (
        2,
        "",
        f"liverview: {tmp_path}: no DICOM among 1 file: give the folder that has the images.\n",
    )
    assert run(capsys, tmp_path / "none") == (
        2,
        "",
        f"liverview: {tmp_path / 'none'} does not exist: check the name.\n",
    )
