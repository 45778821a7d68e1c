"""Reports of label maps that do not say all there is: no figure of what nobody named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview.cli import main
from liverview.core.labels import Label
from liverview.core.volume import LabelMap
from liverview.files.format import TableOrder
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS, Answers

Write = Callable[..., Path]
OURS = np.zeros((24, 20, 16), np.uint8)
OURS[2:20, 2:18, 2:14] = Label.LIVER
OURS[5:9, 5:9, 5:9] = Label.TUMOR
LITS = np.array([0, 1, 0, 2], np.uint8)[OURS]


def test_a_report_of_lits_labels_has_no_figure_of_vessels(
    qtbot: QtBot, write: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hu = np.where(OURS > 0, 110, -900).astype(np.int16)
    scan, labels = write(np.stack([hu, hu], -1), name="p7.nii.gz"), write(LITS, name="l.nii.gz")
    out = tmp_path / "out"
    command = ["report", str(scan), str(labels), "-o", str(out)]
    assert main([*command]) == 2
    assert "--labels" in capsys.readouterr().err
    assert main([*command, "--labels", "lits"]) == 0
    assert "holds 2 volumes" in capsys.readouterr().err
    found = json.loads((out / "p7_measurement.json").read_text())
    assert found["vessel_ml"] is None
    assert found["tumor_voxel_count"] == 64
    page = (out / "p7_report.html").read_text(encoding="utf-8")
    assert "names vessels" in page
    assert "holds 2 volumes" in page
    alone = write((OURS > 0).astype(np.uint8), name="liver.nii.gz")
    assert main(["report", str(scan), str(alone), "-o", str(tmp_path / "b"), "--volume", "1"]) == 0
    page = (tmp_path / "b" / "p7_report.html").read_text(encoding="utf-8")
    assert "Nothing says which voxels are tumor." in page
    assert "There are no lesions" not in page


@pytest.mark.parametrize("order", list(TableOrder))
def test_the_window_saves_for_the_program_that_is_chosen(
    order: TableOrder,
    window: MainWindow,
    make_window: Callable[[], MainWindow],
    qtbot: QtBot,
    answers: Answers,
    write: Write,
    tmp_path: Path,
) -> None:
    with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
        window.open(write(np.zeros(OURS.shape, np.int16)))
    window.session.store.open_labels(LabelMap(OURS.copy(order="F"), window.session.volume.affine))
    (action,) = [
        action
        for action, value in window.actions_.file.label_tables.values.items()
        if value is order
    ]
    action.trigger()
    answers.label_map = tmp_path / "out.nii.gz"
    with qtbot.waitSignal(window.controller.saving.saved, timeout=TIMEOUT_MS):
        window.files.save()
    codes = nib.load(tmp_path / "out.nii.gz").header.extensions.get_codes()
    assert codes == ([30, 0] if order is TableOrder.WORKBENCH else [0, 30])
    window.close()
    again = make_window()
    assert again.controller.saving.label_table is order
