"""``evaluate --clicks`` and ``--rulers``: table, JSON, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import liverview as lv
from liverview.cli.main import main


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A patient with two lesions, and one without a reference."""
    root = tmp_path_factory.mktemp("marked")
    index = np.stack(np.meshgrid(*map(np.arange, (64, 60, 30)), indexing="ij"), axis=-1)
    spacing = (3.0, 3.0, 5.0)

    def ball(center: tuple[int, int, int], mm: float) -> np.ndarray:
        return np.asarray(np.linalg.norm((index - center) * spacing, axis=-1) < mm)

    liver, lesions = ball((32, 30, 15), 60), ball((25, 30, 15), 12) | ball((40, 36, 14), 16)
    hu = np.select([lesions, liver, ball((32, 30, 15), 80)], [60, 110, -90], -1000)
    labels = np.select([lesions, liver], [3, 1], 0).astype(np.uint8)
    for name in ("a", "broken"):
        (root / name).mkdir()
        scan = lv.Volume.from_array(hu.astype(np.int16), spacing=spacing)
        lv.write_volume(root / name / "ct.nii.gz", scan)
    truth = lv.LabelMap.from_array(labels, spacing=spacing)
    lv.write_labels(root / "a" / "reference.nii.gz", truth)
    return root


def test_lesions_are_marked_and_counted_by_patient(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    command = ["evaluate", "--cases", str(cases), "--device", "cpu", "--json", str(figures)]
    assert main([*command, "--clicks", "2", "--rulers"]) == 2
    shown = capsys.readouterr()
    assert "broken: " in shown.err
    assert "reference.nii.gz does not exist" in shown.err
    heading, *rows = shown.out.splitlines()
    for title in ("ruler", "1 click", "2 clicks", "ellipsoid", "labeled"):
        assert title in heading
    assert [row.split()[0] for row in rows[:2]] == ["a", "a"]
    assert "1 patients, 2 lesions" in shown.out
    content = json.loads(figures.read_text())
    assert list(content["failed"]) == ["broken"]
    lesions = content["scans"]["a"]["lesions"]
    assert [len(lesion["clicks"]) for lesion in lesions] == [2, 2]
    dice = content["summary"]["dice"]
    assert dice["ruler"]["by_patient"] == pytest.approx(
        np.median([lesion["ruler"] for lesion in lesions]), abs=1e-4
    )
    assert dice["ellipsoid"]["by_patient"] > 0.8


def test_what_cannot_be_marked_is_refused(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*arguments: object) -> str:
        assert main(["evaluate", *map(str, arguments)]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        return line

    labels = cases / "a" / "reference.nii.gz"
    assert "add --cases DIR" in fails(labels, labels, "--rulers")
    assert "0 to 20, not 21" in fails("--cases", cases, "--clicks", "21")
    assert "leave it out" in fails("--cases", cases, "--rulers", "--montage", cases / "x.png")
    assert "leave" in fails(labels, "--cases", cases, "--rulers")
