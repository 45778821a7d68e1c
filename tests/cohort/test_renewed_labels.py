"""Label maps that are there, from another scan or other weights: made anew, unless a person's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.cli import main
from liverview.cohort import scan_steps
from liverview.cohort.ledger import Ledger
from liverview.cohort.renewing import made_otherwise, renewal_sentences
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.inference import segmentation

from support import tiny_networks

WEIGHTS = Path(segmentation.__file__).parents[2] / "weights"


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of scans that were computed; the networks call everything liver."""
    names: list[str] = []

    def segmenting(volume: Volume, *arguments: object, **options: object) -> Iterator[Slab]:
        names.append(volume.name)
        yield Slab(0, np.ones(volume.shape, np.uint8))

    made = tiny_networks.bright_liver()
    monkeypatch.setattr(segmentation, "load_models", lambda folder=None: made)
    monkeypatch.setattr(scan_steps, "iter_segment", segmenting)
    return names


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Three scans that differ."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for number, name in enumerate("abc"):
        _write_scan(folder / f"{name}.nii.gz", 60 + number)
    return folder


def _write_scan(path: Path, value: int) -> None:
    voxels = np.full((12, 10, 8), value, np.int16)
    voxels[0] = -1000
    nib.save(nib.Nifti1Image(voxels, np.diag([5, 5, 5, 1])), path)


def _edit(path: Path) -> bytes:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine), path)
    return path.read_bytes()


def run(*arguments: object) -> int:
    return main(["segment", *map(str, arguments)])


def test_a_scan_that_changed_is_made_anew_with_all_beside_it(
    scans: Path, tmp_path: Path, computed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = (scans, "-o", out, "--masks", "--side-files", "--json", tmp_path / "figures.json")
    assert run(*command) == 0
    before = {path.name: path.read_bytes() for path in out.glob("*_seg*.nii.gz")}
    _write_scan(scans / "b.nii.gz", 90)
    computed.clear()
    capsys.readouterr()
    assert run(*command) == 0
    said = capsys.readouterr()
    assert computed == ["b"]
    sentence = "b_seg.nii.gz is made anew: it was made from a scan that has changed since."
    assert f"{out / sentence}" in said.err.splitlines()
    after = {path.name: path.read_bytes() for path in out.glob("*_seg*.nii.gz")}
    assert after.keys() == before.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {name for name in after if name.startswith("b_seg")}  # records say the scan
    assert run(*command) == 0
    assert computed == ["b"]
    attempts = Ledger(out).read().attempts
    assert [len(attempts[f"{name}_seg"]) for name in "abc"] == [1, 2, 1]


def test_other_weights_and_another_certainty_make_all_anew(
    scans: Path, tmp_path: Path, computed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, weights = tmp_path / "out", tmp_path / "weights"
    shutil.copytree(WEIGHTS, weights)
    assert run(scans, "-o", out, "--weights", weights) == 0
    fine = weights / "fine.safetensors"
    content = bytearray(fine.read_bytes())
    content[-1] ^= 1
    fine.write_bytes(content)
    for more, words in (((), "by other weights"), (("--least-certainty", 0.3), "certainty")):
        computed.clear()
        capsys.readouterr()
        assert run(scans, "-o", out, "--weights", weights, *more) == 0
        assert sorted(computed) == ["a", "b", "c"]
        said = capsys.readouterr().err
        assert said.count("made anew") == 1
        assert "3 label maps are made anew: they were made" in said
        assert words in said
        assert f"as {out / 'a_seg.nii.gz'}." in said


def test_a_label_map_that_a_script_has_changed_under_its_header_stays(
    scans: Path, tmp_path: Path, computed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(scans, "-o", out) == 0
    image = nib.load(out / "b_seg.nii.gz")
    voxels = np.asanyarray(image.dataobj).copy()
    voxels[6, 5, 4] = 3
    nib.save(nib.Nifti1Image(voxels, image.affine, image.header), out / "b_seg.nii.gz")
    changed = (out / "b_seg.nii.gz").read_bytes()
    assert images.read_summary(out / "b_seg.nii.gz").record  # nibabel keeps it
    for name in "ab":
        _write_scan(scans / f"{name}.nii.gz", 99)
    computed.clear()
    capsys.readouterr()
    assert run(scans, "-o", out) == 2
    assert computed == ["a"]
    assert (out / "b_seg.nii.gz").read_bytes() == changed
    assert f"{out / 'b_seg.nii.gz'} exists already" in capsys.readouterr().err


def test_an_edited_and_a_foreign_label_map_stay_and_the_others_go_on(
    scans: Path, tmp_path: Path, computed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(scans, "-o", out) == 0
    edited = _edit(out / "b_seg.nii.gz")
    foreign = np.zeros((12, 10, 8), np.uint8)
    affine = np.diag([5.0, 5.0, 5.0, 1.0])
    images.write_labels(out / "c_seg.nii.gz", LabelMap(foreign, affine, "c"), overwrite=True)
    others = (out / "c_seg.nii.gz").read_bytes()
    for name in "abc":
        _write_scan(scans / f"{name}.nii.gz", 99)
    computed.clear()
    capsys.readouterr()
    assert run(scans, "-o", out) == 2
    said = capsys.readouterr().err
    assert computed == ["a"]
    assert (out / "b_seg.nii.gz").read_bytes() == edited
    assert (out / "c_seg.nii.gz").read_bytes() == others
    assert "2 scans failed:" in said
    assert f"{out / 'b_seg.nii.gz'} exists already" in said
    assert "move it away, or let --overwrite replace it" in said
    assert run(scans, "-o", out) == 2  # what failed is not even tried
    assert len(Ledger(out).read().attempts["b_seg"]) == 2
    assert run(scans, "-o", out, "--overwrite") == 0
    assert sorted(computed[1:]) == ["a", "b", "c"]
    assert images.read_summary(out / "b_seg.nii.gz").record


def test_a_mask_that_a_person_changed_is_not_replaced(
    scans: Path, tmp_path: Path, computed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(scans, "-o", out, "--masks") == 0
    edited = _edit(out / "b_seg_liver.nii.gz")
    assert run(scans, "-o", out, "--masks") == 0
    labels = (out / "b_seg.nii.gz").read_bytes()
    capsys.readouterr()
    assert run(scans, "-o", out, "--masks", "--least-certainty", 0.2) == 2
    assert "b_seg_liver.nii.gz exists already" in capsys.readouterr().err
    assert (out / "b_seg_liver.nii.gz").read_bytes() == edited
    assert (out / "b_seg.nii.gz").read_bytes() == labels


def test_the_words_of_what_was_made_otherwise() -> None:
    wanted = {"software": "1", "weights_sha256": {"a": "0"}, "volume": 0}
    found = json.dumps(wanted | {"weights_sha256": {"a": "1"}, "volume": 1})
    words = made_otherwise(found, json.dumps(wanted))
    assert words == "from another volume of the scan, by other weights"
    assert made_otherwise("no JSON", "[]") == "in another way"
    lines = renewal_sentences({Path(f"{n}.nii.gz"): "by other weights" for n in range(3)})
    assert lines == ["3 label maps are made anew: they were made by other weights, as 0.nii.gz."]
