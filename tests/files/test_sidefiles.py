"""Side files: read back by strict parsers of their documented formats."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from liverview import DISCLAIMER, __version__
from liverview.core import paths
from liverview.core.labels import FOREGROUND, Label, LabelStyle, default_styles
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.atomic import TargetError
from liverview.files.sidefiles.weights import weights_sha256
from liverview.files.sidefiles.writing import SideFiles, iter_write_side_files

AFFINE = np.diag([0.5, 2.0, 5.0, 1.0])  # 0.005 mL a voxel
HASHES = {"coarse.safetensors": "a" * 64, "fine.safetensors": "b" * 64}


@pytest.fixture
def styles() -> dict[Label, LabelStyle]:
    """Colors and names that nobody would take for the defaults."""
    styles = default_styles()
    styles[Label.LIVER] = replace(styles[Label.LIVER], color=(1, 2, 3))
    styles[Label.TUMOR] = replace(
        styles[Label.TUMOR], name='The "large" tumor', color=(255, 0, 128)
    )
    return styles


@pytest.fixture
def labels() -> LabelMap:
    voxels = np.zeros((10, 10, 10), np.uint8)
    voxels[:6], voxels[2:4, :5], voxels[4, 4, :7] = 1, 2, 3
    return LabelMap(voxels, AFFINE)


def save(path: Path, labels: LabelMap, styles: dict[Label, LabelStyle], **options: bool) -> None:
    for _ in iter_write_side_files(path, labels, styles, HASHES, **options):
        pass


@pytest.fixture
def saved(tmp_path: Path, labels: LabelMap, styles: dict[Label, LabelStyle]) -> SideFiles:
    save(tmp_path / "case_seg.nii.gz", labels, styles)
    return SideFiles.of(tmp_path / "case_seg.nii.gz")


def test_they_lie_beside_the_label_map(saved: SideFiles, tmp_path: Path) -> None:
    names = ["case_seg.ctbl", "case_seg.json", "case_seg.txt", "case_seg_workbench.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert sorted(path.name for path in saved) == names
    assert SideFiles.of(Path("a.NII")).record == Path("a.json")


def test_itk_snap_label_description(saved: SideFiles, styles: dict[Label, LabelStyle]) -> None:
    """IDX R G B A VIS MSH "LABEL", behind a header that ITK-SNAP writes the same way."""
    lines = saved.snap.read_text(encoding="utf-8").splitlines()
    assert "# ITK-SnAP Label Description File" in lines
    rows = [line for line in lines if not line.startswith("#")]
    pattern = re.compile(
        r"\s*(\d{1,5})\s+(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+([01](?:\.\d+)?)\s+([01])\s+([01])"
        r'\s+"([^"]*)"'
    )
    parsed = [match.groups() for match in map(pattern.fullmatch, rows) if match]
    assert len(parsed) == len(rows)
    assert parsed[0] == ("0", "0", "0", "0", "0", "0", "0", "Clear Label")
    assert [
        (int(index), (int(r), int(g), int(b)), float(alpha), visible, mesh, name)
        for index, r, g, b, alpha, visible, mesh, name in parsed[1:]
    ] == [
        (int(label), styles[label].color, 1.0, "1", "1", styles[label].name.replace('"', "'"))
        for label in FOREGROUND
    ]


def test_slicer_color_table(saved: SideFiles, styles: dict[Label, LabelStyle]) -> None:
    """Index, name without spaces, R, G, B, A of 0..255, separated by one space."""
    lines = saved.slicer.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"# Color table file \S+", lines[0])
    assert lines[1] == f"# {len(lines) - 2} values"
    rows = [re.fullmatch(r"(\d+) (\S+) (\d+) (\d+) (\d+) (\d+)", line) for line in lines[2:]]
    parsed = [row.groups() for row in rows if row]
    assert parsed[0] == ("0", "Background", "0", "0", "0", "0")
    assert [(int(n), tuple(map(int, rgba))) for n, _, *rgba in parsed[1:]] == [
        (int(label), (*styles[label].color, 255)) for label in FOREGROUND
    ]
    assert [name for _, name, *_ in parsed[1:]] == ["Liver", "Vessels", 'The_"large"_tumor']


def test_record(saved: SideFiles, labels: LabelMap, styles: dict[Label, LabelStyle]) -> None:
    content = json.loads(saved.record.read_text(encoding="utf-8"))
    assert content["label_map"] == "case_seg.nii.gz"
    assert content["weights_sha256"] == HASHES
    assert content["software"] == f"liverview {__version__}"
    assert content["disclaimer"] == DISCLAIMER
    rows = {row["value"]: row for row in content["labels"]}
    assert [rows[n]["label"] for n in (1, 2, 3)] == ["liver", "vessel", "tumor"]
    for label in FOREGROUND:
        count = int((labels.voxels == label).sum())
        assert rows[label]["voxel_count"] == count
        assert rows[label]["volume_ml"] == pytest.approx(count * 0.005)
        assert rows[label]["color_rgb"] == list(styles[label].color)
        assert rows[label]["name"] == styles[label].name
        for term in rows[label]["snomed"].values():
            assert term["scheme"] == "SCT"
            assert re.fullmatch(r"[1-9]\d{5,17}", term["code"])
    assert rows[1]["snomed"]["type"]["code"] == "10200004"
    assert rows[2]["snomed"]["anatomic_region"] == rows[1]["snomed"]["type"]
    assert rows[3]["snomed"]["type"] == {
        "scheme": "SCT",
        "code": "108369006",
        "meaning": "Neoplasm",
    }
    assert content["liver_with_vessels_and_tumors_ml"] == 3.0


@pytest.mark.parametrize("kept", ["snap", "slicer", "record"])
def test_each_of_them_names_a_label_map_that_lost_its_own(
    kept: str, saved: SideFiles, tmp_path: Path, labels: LabelMap
) -> None:
    for path in saved:
        if path != getattr(saved, kept):
            path.unlink()
    volume = Volume(labels.voxels, AFFINE)  # saved as a volume, without a table of labels
    for _ in images.iter_write_volume(tmp_path / "case_seg.nii.gz", volume):
        pass
    found = images.read_named_labels(tmp_path / "case_seg.nii.gz")
    assert getattr(saved, kept).name in found.source
    assert found.names[2].lower() in ("vessel", "vessels")
    assert found.suggested[2] is Label.VESSEL


def test_existing_files_are_kept_unless_allowed(
    saved: SideFiles, tmp_path: Path, labels: LabelMap, styles: dict[Label, LabelStyle]
) -> None:
    saved.snap.unlink()
    saved.record.write_text("precious")
    with pytest.raises(TargetError, match="exists already"):
        save(tmp_path / "case_seg.nii.gz", labels, styles)
    assert saved.record.read_text() == "precious"
    assert not saved.snap.exists()
    save(tmp_path / "case_seg.nii.gz", labels, styles, overwrite=True)
    assert json.loads(saved.record.read_text())["labels"]


def test_hashes_are_those_of_the_weights_files(tmp_path: Path) -> None:
    assert weights_sha256() == {
        name: hashlib.sha256((paths.weights() / name).read_bytes()).hexdigest()
        for name in (
            "coarse.safetensors",
            "fine.safetensors",
            "lesions.safetensors",
        )  # those that segment
    }
    (tmp_path / "fine.safetensors").write_bytes(b"own")
    (tmp_path / "other.safetensors").write_bytes(b"not used")
    assert weights_sha256(tmp_path) == {"fine.safetensors": hashlib.sha256(b"own").hexdigest()}
