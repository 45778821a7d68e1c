"""Side files in the encodings that programs write: the names in them are found."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.core.labels import Label
from liverview.files import images
from liverview.files.sidefiles.finding import find_names

ROWS = {1: "Leber groß", 2: "liver vessel", 3: "Lebertumor übergroß"}
ENCODINGS = ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]


def snap(encoding: str) -> bytes:
    rows = ['    0     0    0    0        0  0  0    "Clear Label"']
    rows += [
        f'{value:5d}   10   20   30        1  1  1    "{name}"' for value, name in ROWS.items()
    ]
    return "\r\n".join(["# ITK-SnAP Label Description File", *rows, ""]).encode(encoding)


def slicer(encoding: str) -> bytes:
    rows = [f"{value} {name.replace(' ', '_')} 10 20 30 255" for value, name in ROWS.items()]
    return "\n".join(["# Color table file", *rows, ""]).encode(encoding)


def data_set(encoding: str) -> bytes:
    labels = {"background": 0} | {name: value for value, name in ROWS.items()}
    return json.dumps({"labels": labels}, ensure_ascii=False).encode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("name", "content"), [("seg.txt", snap), ("seg.ctbl", slicer), ("dataset.json", data_set)]
)
def test_names_are_found_in_every_encoding(
    name: str, content: object, encoding: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content(encoding))  # type: ignore[operator]
    found = find_names(tmp_path / "seg.nii.gz")
    assert found is not None
    names, source = found
    assert name in source
    expected = {value: text.replace("_", " ") for value, text in names.items() if value}
    assert expected.get(3) == ROWS[3]
    assert expected[1] == ROWS[1]


def test_bytes_that_windows_does_not_know_are_latin_1(tmp_path: Path) -> None:
    (tmp_path / "seg.txt").write_bytes(b'1 1 1 1 1 1 1 "liver \x81"\n2 1 1 1 1 1 1 "tumor"\n')
    found = find_names(tmp_path / "seg.nii")
    assert found is not None
    assert found[0] == {1: "liver \x81", 2: "tumor"}


@pytest.mark.parametrize("content", [b"\xff\xfe\x31", b"\x00\xd8\x00\xd8", b"\xff" * 50, b"\0" * 9])
def test_what_is_no_text_is_passed_over(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "seg.txt").write_bytes(content)
    (tmp_path / "labels.txt").write_bytes(snap("utf-16"))
    found = find_names(tmp_path / "seg.nii")
    assert found is not None
    assert "labels.txt" in found[1]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_labels_are_taken_by_such_names(encoding: str, tmp_path: Path) -> None:
    values = np.array([0, 5, 6, 7], np.uint8)[np.arange(60).reshape(3, 4, 5) % 4]
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "seg.nii.gz")
    rows = ['5 1 1 1 1 1 1 "liver"', '6 1 1 1 1 1 1 "tumor"', '7 1 1 1 1 1 1 "Gefäß"']
    (tmp_path / "seg.txt").write_bytes("\n".join(rows).encode(encoding))
    labels = images.read_labels(tmp_path / "seg.nii.gz")
    assert (labels.voxels == Label.LIVER).sum() == (values == 5).sum()
    assert (labels.voxels == Label.TUMOR).sum() == (values == 6).sum()
    assert "Gefäß" in labels.warnings[0]
