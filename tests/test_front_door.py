"""The front door: light to import, documented, with examples that run."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import liverview as lv
from liverview.core.errors import LiverviewError
from liverview.files.opening import ImageFileError
from liverview.phantoms.config import Phantom

PUBLIC = [name for name in lv.__all__ if not isinstance(getattr(lv, name), str)]
HEAVY = ("numpy", "torch", "scipy", "nibabel", "SimpleITK", "PySide6", "pyqtgraph", "skimage")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that examples name: a small phantom and its labels."""
    folder = tmp_path_factory.mktemp("examples")
    made = lv.phantom(seed=3, shape=(96, 84, 40), spacing=(4, 4, 5), noise_hu=8)
    lv.write_volume(folder / "ct.nii.gz", made.volume)
    lv.write_labels(folder / "labels.nii.gz", made.labels, made.volume)
    return folder


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example_that_runs(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: Any
) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(
        inspect.getdoc(getattr(lv, name)) or "", {}, name, None, None
    )
    assert example.examples, f"{name} has no example"
    out: list[str] = []
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.DocTestRunner(optionflags=options).run(example, out=out.append)
    assert result.failed == 0, "".join(out)


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, liverview; print([m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_names_are_listed_and_found_where_they_live() -> None:
    assert set(lv.__all__) <= set(dir(lv))
    for name in PUBLIC:
        value = getattr(lv, name)
        assert value.__name__ == name
        assert vars(sys.modules[value.__module__])[name] is value
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lv.nothing
    assert issubclass(ImageFileError, LiverviewError)


def test_no_public_name_is_that_of_a_package() -> None:
    """Python would put the package in its place as soon as anything imports it."""
    packages = {path.name for path in Path(lv.__file__).parent.iterdir() if path.is_dir()}
    assert not packages & set(lv.__all__)


def test_types_are_announced() -> None:
    assert (Path(lv.__file__).parent / "py.typed").exists()


def test_segment_writes_and_measures_in_a_line_each(case: Phantom, tmp_path: Path) -> None:
    lv.write_volume(tmp_path / "ct.nii.gz", case.volume)
    scan = lv.read(str(tmp_path / "ct.nii.gz"))
    steps: list[lv.Progress] = []
    labels = lv.segment(scan, device="cpu", progress=steps.append, start=(5, 5, 5))
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert labels.source is scan.source
    assert np.array_equal(labels.affine, scan.affine)
    lv.write_labels(str(tmp_path / "found.nii.gz"), labels)
    back = lv.read_labels(tmp_path / "found.nii.gz")
    assert np.array_equal(back.voxels, labels.voxels)
    liver = lv.evaluate(back, case.labels)[0]
    assert liver.dice > 0.85


@pytest.mark.parametrize("given", ["ct.nii.gz", Path("ct.nii.gz"), np.zeros((4, 4, 4)), None])
def test_segmenting_something_else_is_one_sentence(given: Any, case: Phantom) -> None:
    for wrong in (given, case.labels):
        with pytest.raises(TypeError, match=f"must be a Volume, not {type(wrong).__name__}"):
            lv.segment(wrong, device="cpu")
        with pytest.raises(TypeError, match="must be a Volume"):
            list(lv.iter_segment(wrong, device="cpu"))


def test_arguments_of_a_wrong_kind_are_refused_before_anything_is_written(
    case: Phantom, tmp_path: Path
) -> None:
    scan, labels, file = case.volume, case.labels, tmp_path / "file.nii"
    calls: dict[str, Callable[[], object]] = {
        "labels as a scan": lambda: lv.write_volume(file, labels),  # type: ignore[arg-type]
        "scan as labels": lambda: lv.write_labels(file, scan),  # type: ignore[arg-type]
        "swapped": lambda: lv.write_labels(file, scan, labels),  # type: ignore[arg-type]
        "masks": lambda: lv.write_masks(tmp_path, "case", scan),  # type: ignore[arg-type]
        "scores": lambda: lv.evaluate(scan, labels),  # type: ignore[arg-type]
        "reference": lambda: lv.evaluate(labels, scan),  # type: ignore[arg-type]
        "surfaces": lambda: lv.surfaces(scan),  # type: ignore[arg-type]
        "report": lambda: lv.write_report(labels, scan, tmp_path),  # type: ignore[arg-type]
        "path": lambda: lv.evaluate("a.nii", "b.nii"),  # type: ignore[arg-type]
    }
    for name, call in calls.items():
        with pytest.raises(TypeError, match=r"must be a (Volume|LabelMap), not"):
            call()
        assert list(tmp_path.iterdir()) == [], name


def test_values_out_of_range_are_errors_of_liverview(case: Phantom, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    other = lv.LabelMap(case.labels.voxels, np.eye(4))
    calls: list[Callable[[], object]] = [
        lambda: lv.phantom(phase="rainy"),
        lambda: lv.phantom(seed=-1),
        lambda: lv.phantom(lesions=-1),
        lambda: lv.phantom(spacing=(0, 8, 12)),
        lambda: lv.phantom(device="toaster"),
        lambda: lv.measure(other, case.volume),
        lambda: lv.evaluate(other, case.labels),
        lambda: lv.write_report(case.volume, case.labels, tmp_path / "taken"),
        lambda: lv.Volume(np.zeros((4, 4)), np.eye(4)),
        lambda: lv.Grid((0, 4, 4), np.eye(4)),
    ]
    for call in calls:
        with pytest.raises(LiverviewError):
            call()


def test_the_page_of_the_functions_lists_all_that_is_public() -> None:
    page = Path(lv.__file__).parents[1] / "docs" / "python_api.md"
    listed = re.findall(r"^::: liverview\.(\w+)$", page.read_text(encoding="utf-8"), re.M)
    assert sorted(listed) == sorted(PUBLIC)


def test_a_scan_without_liver_says_so_in_its_warnings() -> None:
    air = lv.Volume.from_array(np.full((40, 40, 20), -1000, np.int16), spacing=(8, 8, 10))
    labels = lv.segment(air, device="cpu")
    assert not labels.voxels.any()
    assert len(labels.warnings) == 1
    assert "liver" in labels.warnings[0]


def test_reprs_are_one_short_line(case: Phantom) -> None:
    score = lv.evaluate(case.labels, case.labels)[2]
    measurement = lv.measure(case.labels, case.volume)
    things = (
        case, case.volume, case.labels, case.volume.grid, score, measurement,
        measurement.lesions[0], lv.surfaces(case.labels)[0],
    )  # fmt: skip
    for thing in things:
        assert "\n" not in repr(thing)
        assert len(repr(thing)) < 300


def test_report_refuses_what_is_there(case: Phantom, tmp_path: Path, qapp: Any) -> None:
    paths = lv.write_report(case.volume, case.labels, tmp_path / "new")
    assert all(path.stat().st_size > 0 for path in paths)
    with pytest.raises(LiverviewError, match="exists already"):
        lv.write_report(case.volume, case.labels, str(tmp_path / "new"))
    again = lv.write_report(case.volume, case.labels, tmp_path / "new", overwrite=True)
    assert again == paths
