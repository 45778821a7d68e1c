"""Connectome Workbench and TotalSegmentator's loader really read the names that are written.

Both have to be installed by the person who runs this: Debian's connectome-workbench, and
``pip install --no-deps TotalSegmentator`` into a folder, which is done here.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import nibabel as nib
import numpy as np
import pytest

from liverview.core.labels import FOREGROUND, default_styles
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.format import TableOrder
from liverview.files.sidefiles.writing import SideFiles, iter_write_side_files

pytestmark = pytest.mark.slow
NAMES = {int(label): style.name for label, style in default_styles().items()}
ORDERS = tuple(TableOrder)


def write(path: Path, order: TableOrder) -> LabelMap:
    labels = LabelMap((np.arange(512) % 4).astype(np.uint8).reshape(8, 8, 8), np.eye(4))
    images.write_labels(path, labels, label_table=order)
    return labels


# ---- Connectome Workbench ----------------------------------------------------------------


@pytest.fixture(scope="module")
def workbench() -> Callable[..., str]:
    """A function that runs wb_command and returns what it says, good or bad."""
    program = shutil.which("wb_command")
    if program is None:
        pytest.skip("wb_command is not there: apt-get install connectome-workbench")

    def run(*arguments: object) -> str:
        command = [program, *(str(part) for part in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    return run


def exported(workbench: Callable[..., str], path: Path) -> dict[int, tuple[str, list[int]]]:
    """Names and colors of a label map as Workbench has them; none where it knows none."""
    table = path.with_name("table.txt")
    table.unlink(missing_ok=True)
    workbench("-volume-label-export-table", path, 1, table)
    lines = table.read_text().splitlines() if table.exists() else []
    rows = zip(lines[::2], lines[1::2], strict=True)
    return {int(r.split()[0]): (name, [int(n) for n in r.split()[1:4]]) for name, r in rows}


@pytest.mark.parametrize("order", ORDERS)
def test_workbench_reads_the_names_where_its_table_is_first(
    order: TableOrder, workbench: Callable[..., str], tmp_path: Path
) -> None:
    write(tmp_path / "l.nii.gz", order)
    found = exported(workbench, tmp_path / "l.nii.gz")
    styles = {int(label): style for label, style in default_styles().items()}
    expected = {n: (style.name, list(style.color)) for n, style in styles.items()}
    assert found == (expected if order is TableOrder.WORKBENCH else {})


@pytest.mark.parametrize("order", ORDERS)
def test_workbench_imports_the_list_beside_the_file(
    order: TableOrder, workbench: Callable[..., str], tmp_path: Path
) -> None:
    path, out = tmp_path / "l.nii.gz", tmp_path / "imported.nii.gz"
    labels = write(path, order)
    for _ in iter_write_side_files(path, labels, default_styles(), {}):
        pass
    workbench("-volume-label-import", path, SideFiles.of(path).workbench, out)
    found = exported(workbench, out)
    assert {n: name for n, (name, _) in found.items() if n} == NAMES
    assert np.array_equal(nib.load(out).dataobj, nib.load(path).dataobj)
    # What it wrote is read here by its names, without a remark.
    again = images.read_labels(out)
    assert np.array_equal(again.voxels, labels.voxels)
    assert again.warnings == ()


def test_maps_that_workbench_named_are_read(workbench: Callable[..., str], tmp_path: Path) -> None:
    labels = write(tmp_path / "l.nii.gz", TableOrder.WORKBENCH)
    volumes = np.stack([labels.voxels == n for n in FOREGROUND], -1).astype(np.uint8)
    nib.save(nib.Nifti1Image(volumes, np.eye(4)), tmp_path / "v.nii.gz")
    (tmp_path / "list.txt").write_text("on\n1 255 0 0 255\n")
    workbench("-volume-label-import", tmp_path / "v.nii.gz", tmp_path / "list.txt",
              tmp_path / "named.nii.gz")  # fmt: skip
    names = [part for n, label in enumerate(FOREGROUND, 1) for part in ("-map", n, label.name)]
    workbench("-set-map-names", tmp_path / "named.nii.gz", *names)
    assert np.array_equal(images.read_labels(tmp_path / "named.nii.gz").voxels, labels.voxels)


# ---- TotalSegmentator --------------------------------------------------------------------


@pytest.fixture(scope="module")
def totalsegmentator(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Its module of label tables, loaded by itself: the package would load torch and more."""
    folder = tmp_path_factory.mktemp("totalsegmentator")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target",
               str(folder), "TotalSegmentator", "xmltodict"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"TotalSegmentator cannot be installed: {done.stderr.strip()[-200:]}")
    sys.path.insert(0, str(folder))
    file = folder / "totalsegmentator" / "nifti_ext_header.py"
    found = importlib.util.spec_from_file_location("totalsegmentator_nifti_ext_header", file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_totalsegmentator_reads_the_names_where_its_table_is_first(
    totalsegmentator: ModuleType, tmp_path: Path
) -> None:
    write(tmp_path / "l.nii.gz", TableOrder.TOTALSEGMENTATOR)
    _, names = totalsegmentator.load_multilabel_nifti(tmp_path / "l.nii.gz")
    assert names == NAMES
    write(tmp_path / "w.nii.gz", TableOrder.WORKBENCH)
    with pytest.raises(NotImplementedError):
        totalsegmentator.load_multilabel_nifti(tmp_path / "w.nii.gz")


def test_what_totalsegmentator_writes_is_read_by_its_names(
    totalsegmentator: ModuleType, tmp_path: Path
) -> None:
    voxels = (np.arange(512) % 4).astype(np.uint8).reshape(8, 8, 8)
    image = nib.Nifti1Image(voxels, np.eye(4))
    names = {1: "spleen", 2: "liver", 3: "liver_tumor"}
    totalsegmentator.save_multilabel_nifti(image, tmp_path / "t.nii.gz", names)
    labels = images.read_labels(tmp_path / "t.nii.gz")
    assert np.array_equal(labels.voxels, np.array([0, 0, 1, 3])[voxels])
