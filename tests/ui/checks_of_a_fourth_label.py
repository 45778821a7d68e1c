"""Checks that `tests/test_fourth_label.py` runs on a copy whose table has cysts, value 4.

Nothing here is collected by itself. Labels beyond the static three are asked for by name.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

import liverview
import liverview.inference.segmentation
from liverview.cli import main
from liverview.core.labels import (
    FOREGROUND,
    Label,
    color_lookup_table,
    count_with_parts,
    default_styles,
    merge_masks,
)
from liverview.core.probability_maps import DEFAULT_THRESHOLDS, ProbabilityMaps, ProbabilitySlab
from liverview.core.stream import Slab
from liverview.core.terms import label_from_name
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation import summary
from liverview.evaluation.montage import draw_comparison
from liverview.evaluation.scoring import evaluate
from liverview.evaluation.soft_slice_dice import SoftSliceDice
from liverview.files import images
from liverview.files.sidefiles.writing import iter_write_side_files
from liverview.inference.candidates.survey import ScanBlock
from liverview.inference.cleanup import MIN_COMPONENT_ML, iter_clean_labels
from liverview.inference.segmentation import Models, iter_segment, load_models
from liverview.measurement.compute import measure
from liverview.measurement.export import summary_row
from liverview.measurement.surface import Surface, iter_surfaces
from liverview.networks.network import AttentionResUNet
from liverview.networks.preprocessing import Preprocessing, Window
from liverview.phantoms.config import Phantom
from liverview.report.assembly import WrittenReport, iter_write_report
from liverview.report.provenance import Provenance
from liverview.ui.live.probability_layers import Layer
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.findings_panel import FindingsPanel
from liverview.ui.panels.label_panel import LabelPanel
from liverview.ui.views.outline import Borders

from support import tiny_networks
from support.answers import TIMEOUT_MS, Answers

CYST = Label["CYST"]
COUNTS = {1: 3500, 2: 240, 3: 196, CYST: 64}


@pytest.fixture
def labels() -> LabelMap:
    """A liver of 4,000 voxels of 1 mm: 20 x 20 x 10 with a vessel, a tumor, a cyst of 64."""
    voxels = np.zeros((30, 28, 24), np.uint8, order="F")
    liver = voxels[4:24, 4:24, 6:16]
    liver[...] = 1
    liver[2:4, :, 3:9] = 2  # 240
    liver[8:15, 8:15, 3:7] = 3  # 196
    liver[16:20, 4:8, 4:8] = 4  # 64
    return LabelMap(voxels, np.eye(4), "case")


@pytest.fixture
def volume(labels: LabelMap) -> Volume:
    hu = np.array([-50, 110, 160, 60, 5], np.int16)[labels.voxels]
    return Volume(hu, labels.affine, name="case")


def test_this_is_the_copy_and_the_table_alone_has_cysts() -> None:
    assert Path(liverview.__file__).parent.parent == Path.cwd()
    assert FOREGROUND == (Label.LIVER, Label.VESSEL, Label.TUMOR, CYST)
    assert CYST == 4


# ---- counting ------------------------------------------------------------------------------


def test_a_liver_of_4000_voxels_is_reported_as_4000(labels: LabelMap) -> None:
    found = measure(labels)
    assert dict(found.voxel_count) == COUNTS
    assert found.volume_ml[Label.LIVER] == pytest.approx(4.0)
    assert found.volume_ml[CYST] == pytest.approx(0.064)
    assert found.parenchyma_ml == pytest.approx(3.5)
    assert found.with_vessels_ml == pytest.approx(3.74)
    content = found.to_dict()
    assert content["liver_with_vessels_and_tumors_ml"] == 4.0
    assert (content["cyst_ml"], content["cyst_voxel_count"]) == (0.06, 64)
    assert "without vessels, tumors and cysts (parenchyma)" in content["statements"][0]
    assert summary_row(found)["cyst_ml"] == 0.06
    assert count_with_parts(found.voxel_count)[Label.LIVER] == 4000


def test_the_commands_count_and_score_it(
    labels: LabelMap, volume: Volume, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in images.iter_write_labels(tmp_path / "a.nii.gz", labels, volume):
        pass
    paths = [str(tmp_path / name) for name in ("a.nii.gz", "measured.json", "scored.json")]
    assert main(["measure", paths[0], "--json", paths[1]]) == 0
    assert "cyst           0.1 mL" in capsys.readouterr().out
    assert json.loads(Path(paths[1]).read_text())["cyst_voxel_count"] == 64
    assert main(["evaluate", paths[0], paths[0], "--json", paths[2]]) == 0
    assert "cyst" in capsys.readouterr().out
    assert json.loads(Path(paths[2]).read_text())["cyst"]["dice"] == 1.0


def test_it_is_a_segment_with_its_code(tmp_path: Path) -> None:
    import pydicom

    from support.segmented_series import labels_on_series

    stored = np.ones((10, 12, 4), np.uint8)
    stored[2:5, 3:6, 1:3] = 4
    labels = labels_on_series(stored)
    images.write_labels(tmp_path / "a.dcm", labels)
    segments = pydicom.dcmread(tmp_path / "a.dcm").SegmentSequence
    cyst = segments[3]
    assert cyst.SegmentedPropertyTypeCodeSequence[0].CodeValue == "103552005"
    assert cyst.AnatomicRegionSequence[0].CodeValue == "10200004"
    again = images.read_labels(tmp_path / "a.dcm")
    assert np.array_equal(again.voxels, labels.voxels)
    assert again.defined == frozenset(FOREGROUND)


def test_it_is_scored_as_a_part_with_no_measure_of_its_own(
    labels: LabelMap, volume: Volume
) -> None:
    other = LabelMap(labels.voxels.copy(order="F"), labels.affine, "other")
    other.voxels[20:24, 8:12, 10:12] = 1  # half of the cyst is missed
    scores = {score.label: score for score in evaluate(other, labels)}
    assert tuple(scores) == FOREGROUND
    assert scores[Label.LIVER].dice == 1.0
    assert scores[CYST].dice == pytest.approx(2 * 32 / (32 + 64))
    assert scores[CYST].predicted_ml == pytest.approx(0.032)
    assert np.isnan([scores[CYST].cl_dice, scores[CYST].lesion_recall]).all()
    assert scores[CYST].why_undefined("cl_dice") == "Only for vessels."
    assert scores[CYST].why_undefined("soft_slice_dice") == "No probabilities are known."
    rows = [summary.table_row(score, summary.MAP_FIGURES) for score in scores.values()]
    assert rows[3].split()[0] == "cyst"
    assert "cyst, n = 1" in summary.summary_lines([list(scores.values())])[0]
    assert set(summary.summary_dict([list(scores.values())])) == {
        "liver",
        "vessel",
        "tumor",
        "cyst",
    }
    assert draw_comparison(volume, other, labels).height > 0


def test_soft_dice_takes_as_many_probabilities_as_there_are_labels(labels: LabelMap) -> None:
    truth = np.stack([labels.voxels > 0, *(labels.voxels == n for n in (2, 3, 4))])
    soft = SoftSliceDice(labels)
    soft.add(Slab(0, labels.voxels, truth.astype(np.float16)))
    assert soft.result() == {label: pytest.approx(1.0, abs=1e-3) for label in FOREGROUND}


# ---- drawing -------------------------------------------------------------------------------


def test_colors_and_outlines(labels: LabelMap) -> None:
    styles = default_styles()
    table = color_lookup_table(styles)
    assert table[4].tolist() == [0, 158, 115, 128]
    assert not table[5:].any()
    styles[CYST] = styles[CYST].__class__(**{**vars(styles[CYST]), "visible": False})
    assert color_lookup_table(styles)[4].tolist() == table[1].tolist()
    block = np.ascontiguousarray(labels.voxels[:, :, 11])
    with_cyst, without = (
        Borders(b).lines(Label.LIVER) for b in (block, np.minimum(block, np.uint8(1)))
    )
    assert np.array_equal(with_cyst, without)  # the liver's outline goes around it
    x, y = Borders(block).lines(CYST)
    assert (x.min(), x.max(), y.min(), y.max()) == (8, 12, 20, 24)


def test_surfaces(labels: LabelMap) -> None:
    found = {s.label: s for s in iter_surfaces(labels) if isinstance(s, Surface)}
    assert tuple(found) == FOREGROUND
    assert found[CYST].volume_ml == pytest.approx(0.064, rel=0.1)
    assert found[Label.LIVER].volume_ml == pytest.approx(4.0, rel=0.1)


# ---- merging and thresholds ----------------------------------------------------------------


def test_a_later_label_wins_and_nothing_is_outside_the_liver() -> None:
    liver, vessel, tumor, cyst = np.array(
        [[0, 1, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 1, 0], [1, 0, 1, 0, 1, 1]], bool
    )
    assert merge_masks(liver, vessel, tumor, cyst).tolist() == [0, 1, 4, 3, 4, 4]
    with pytest.raises(ValueError, match="zip"):
        merge_masks(liver, vessel, tumor)


def test_thresholds_and_entropy_know_four_labels() -> None:
    assert list(DEFAULT_THRESHOLDS) == list(FOREGROUND)
    box = liverview.core.box.Box.of_shape((2, 1, 1))
    maps = ProbabilityMaps(box, 1)
    assert maps.probabilities.shape == (4, 2, 1, 1)
    likely = np.array([[204, 255], [51, 0], [51, 0], [51, 100]], np.uint8).reshape(4, 2, 1, 1)
    gates = np.zeros((1, 2, 1, 1), np.uint8)
    maps.copy_slab(ProbabilitySlab(box, slice(0, 1), likely, gates))
    whole = (slice(None), slice(None), slice(None))
    # The first voxel is one of five with equal probability.
    assert maps.entropy[whole].ravel()[0] == 255
    own = np.ones((2, 1, 1), np.uint8)
    assert maps.relabel(own, {}, whole).ravel().tolist() == [1, 1]
    assert maps.relabel(own, {CYST: 0.3}, whole).ravel().tolist() == [1, 4]


def test_small_cysts_become_liver(labels: LabelMap) -> None:
    assert MIN_COMPONENT_ML[CYST] == 0.02
    labels.voxels[5, 5, 7] = 4
    clean = labels.voxels.copy(order="F")
    scan = ScanBlock(np.full(clean.shape, 60, np.int16), 0, (1.0, 1.0, 1.0))
    for _ in iter_clean_labels(clean, np.full(clean.shape, 255, np.uint8), scan):
        pass
    assert clean[5, 5, 7] == 1
    assert (clean == 4).sum() == 64


# ---- segmenting ----------------------------------------------------------------------------


class GatedThreshold(tiny_networks.Threshold):
    """As `Threshold`, with the attention gates of the network that it stands for."""

    def __init__(self, like: AttentionResUNet, ranges: Sequence[tuple[int, float, float]]) -> None:
        super().__init__(like, ranges)
        self.like = like

    def forward(self, x: torch.Tensor, return_gates: bool = False) -> Any:
        logits = super().forward(x)
        return (logits, self.like(x, return_gates=True)[1]) if return_gates else logits


def networks() -> Models:
    """Two stages of which the second takes what is a little darker than the liver for cysts."""
    models = tiny_networks.bright_liver()
    how = Preprocessing((1.25, 1.25, 1.5), (Window(0, 200, relative=True),), slices=5, prior=True)
    classes = tuple(label.name.lower() for label in Label)
    fine = tiny_networks.checkpoint(2, classes, how, seed=1)
    ranges = ((1, -0.1, 0.3), (2, 0.3, 0.9), (3, -0.9, -0.5), (4, -0.5, -0.1))
    network = GatedThreshold(fine.network, ranges)
    return Models(models.coarse, tiny_networks.with_network(fine, network))


def test_a_network_that_knows_it_streams_it(case: Phantom) -> None:
    slabs = [
        item
        for item in iter_segment(case.volume, networks(), "cpu", probabilities=True)
        if isinstance(item, Slab)
    ]
    found = set().union(*(np.unique(slab.labels).tolist() for slab in slabs))
    assert {1, 4} <= found <= {0, 1, 2, 3, 4}
    asked = [slab for slab in slabs if slab.probabilities is not None]
    assert asked
    for slab in asked:
        assert slab.probabilities is not None
        assert slab.probabilities.shape == (4, *slab.labels.shape)
        organ, *parts = slab.probabilities.astype(np.float32)
        assert (organ >= np.sum(parts, axis=0) - 2e-3).all()
        cysts = slab.probabilities[:, slab.labels == 4]
        assert (cysts[3] >= cysts[1:3].max(axis=0)).all()


def test_the_weights_that_are_there_load_and_know_three() -> None:
    assert load_models().fine.classes == ("background", "liver", "vessel", "tumor")


# ---- files ---------------------------------------------------------------------------------


def test_files_carry_it_and_bring_it_back(labels: LabelMap, volume: Volume, tmp_path: Path) -> None:
    path = tmp_path / "case_seg.nii.gz"
    labels.voxels[0, 0, 0] = 9
    for work in (
        images.iter_write_labels(path, labels, volume),
        images.iter_write_masks(tmp_path, "case", labels, volume),
        iter_write_side_files(path, labels, default_styles(), {}),
    ):
        for _ in work:
            pass
    table = nib.load(path).header.extensions[0].get_content()
    assert b">Cysts</Label>" in table
    assert "\n4 Cysts 0 158 115 255\n" in (tmp_path / "case_seg.ctbl").read_text()
    assert '"Cysts"\n' in (tmp_path / "case_seg.txt").read_text()
    record = json.loads((tmp_path / "case_seg.json").read_text())
    assert [row["voxel_count"] for row in record["labels"]] == [3500, 240, 196, 64]
    assert record["labels"][3]["snomed"]["type"]["meaning"] == "Cyst"
    assert record["liver_with_vessels_and_tumors_ml"] == 4.0
    for name, values in {"liver": (1, 2, 3, 4), "cyst": (4,)}.items():
        mask = images.read_labels(tmp_path / f"case_{name}.nii.gz").voxels
        assert np.array_equal(mask > 0, np.isin(labels.voxels, values))
    named = images.read_named_labels(path)
    assert named.suggested[4] is CYST
    labels.voxels[0, 0, 0] = 0
    back = named.to_label_map()
    assert np.array_equal(back.voxels, labels.voxels)
    assert label_from_name("Hepatic cyst") is None
    assert label_from_name("Cysts") is CYST


def test_the_report_says_it(labels: LabelMap, volume: Volume, tmp_path: Path) -> None:
    def write_pdf(path: Path, contents: object) -> None:
        pass

    work = iter_write_report(volume, labels, tmp_path, Provenance("ct", "labels"), write_pdf)  # type: ignore[arg-type]
    *_, report = work
    assert isinstance(report, WrittenReport)
    volumes = next(s for s in report.contents.sections if s.heading == "Volumes")
    assert volumes.table is not None
    rows = {row[0]: row[1:] for row in volumes.table.rows}
    assert rows["Cysts"] == ("Cysts inside the liver", "0.06", "64")
    assert rows["Liver, whole organ"] == ("with vessels, tumors and cysts", "4.00", "4,000")
    assert rows["Liver parenchyma"][0] == "without vessels, tumors and cysts"
    keys = [key for section in report.contents.sections for key in section.keys]
    assert [(key.name, key.drawn) for key in keys][3] == ("Cysts", "outlined")
    page = report.paths.html.read_text(encoding="utf-8")
    assert "Cysts inside the liver" in page
    content = json.loads(report.paths.json.read_text(encoding="utf-8"))
    assert content["cyst_ml"] == 0.06
    with report.paths.measurement.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["cyst_ml"] == "0.06"
    assert row["cyst_voxel_count"] == "64"


# ---- the window ----------------------------------------------------------------------------


@pytest.fixture
def opened(
    qtbot: QtBot, window: MainWindow, labels: LabelMap, volume: Volume, tmp_path: Path
) -> MainWindow:
    """The window with the case and its labels, both from files."""
    for work in (
        images.iter_write_volume(tmp_path / "case.nii.gz", volume),
        images.iter_write_labels(tmp_path / "labels.nii.gz", labels, volume),
    ):
        for _ in work:
            pass
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        window.open(tmp_path / "case.nii.gz")
    with qtbot.waitSignal(window.session.store.changed, timeout=TIMEOUT_MS):
        window.controller.loading.open_labels(tmp_path / "labels.nii.gz")
    return window


def label_panel(window: MainWindow) -> LabelPanel:
    panel = window.findChild(LabelPanel)
    assert isinstance(panel, LabelPanel)
    return panel


def test_the_panel_has_a_row_with_its_key_and_volume(qtbot: QtBot, opened: MainWindow) -> None:
    rows = label_panel(opened).rows
    assert tuple(rows) == FOREGROUND
    qtbot.waitUntil(lambda: rows[CYST].volume.text() == "0.1 mL", timeout=TIMEOUT_MS)
    assert rows[Label.LIVER].volume.text() == "4.0 mL"
    assert rows[CYST].shown.toolTip() == "Show cysts (Q). Cysts inside the liver."
    assert opened.session.store.label_at((21, 9, 11)) is CYST


def test_its_key_shows_and_hides_it(qtbot: QtBot, opened: MainWindow) -> None:
    opened.activateWindow()
    qtbot.keyClick(opened, Qt.Key.Key_Q)
    assert not opened.session.styles[CYST].visible
    assert not label_panel(opened).rows[CYST].shown.isChecked()
    label_panel(opened).rows[CYST].shown.click()
    assert opened.session.styles[CYST].visible


def test_saved_and_opened_again_it_is_the_same(
    qtbot: QtBot, opened: MainWindow, answers: Answers, labels: LabelMap, tmp_path: Path
) -> None:
    answers.label_map, answers.folder = tmp_path / "again.nii.gz", tmp_path
    for action in (opened.actions_.file.save_all, opened.actions_.file.save_masks):
        with qtbot.waitSignal(opened.controller.saving.saved, timeout=TIMEOUT_MS):
            action.trigger()
    assert (tmp_path / "case_cyst.nii.gz").exists()
    assert json.loads((tmp_path / "again.json").read_text())["labels"][3]["label"] == "cyst"
    with qtbot.waitSignal(opened.session.store.changed, timeout=TIMEOUT_MS):
        opened.controller.loading.open_labels(answers.label_map)
    assert opened.session.labels is not None
    assert np.array_equal(opened.session.labels.voxels, labels.voxels)


def test_findings_network_and_comparison_have_it(
    qtbot: QtBot, opened: MainWindow, labels: LabelMap
) -> None:
    opened.panels.docks["findings"].raise_()
    findings = opened.findChild(FindingsPanel)
    qtbot.waitUntil(lambda: findings.figures["cyst"].text() == "0.1 mL", timeout=TIMEOUT_MS)
    assert findings.figures["organ"].text() == "4.0 mL"
    assert tuple(opened.panels.network.rows) == FOREGROUND
    assert Layer["CYST"].value == "Probability of cysts"
    names = [label.name for label in FOREGROUND]
    assert [layer.name for layer in Layer] == ["NONE", *names, "ENTROPY", "GATES"]
    opened.session.set_reference(labels)
    assert opened.panels.compare.table.columnCount() == 4


@pytest.fixture
def segmented(
    qtbot: QtBot, window: MainWindow, case: Phantom, monkeypatch: pytest.MonkeyPatch
) -> MainWindow:
    """The window with a phantom that the networks have segmented, their maps kept."""
    monkeypatch.setattr(liverview.inference.segmentation, "load_models", networks)
    window.controller.segmenting.keep_maps = True
    window.controller.show_volume(case.volume, None)
    with qtbot.waitSignal(window.controller.segmenting.segmented, timeout=TIMEOUT_MS):
        window.actions_.segment.run.trigger()
    return window


def test_it_is_segmented_in_the_window(segmented: MainWindow) -> None:
    labels = segmented.session.labels
    assert labels is not None
    count = int((labels.voxels == 4).sum())
    assert count > 0
    assert segmented.session.store.volume_ml(CYST) == pytest.approx(count * labels.voxel_ml)
    whole = int(((labels.voxels > 0) & (labels.voxels <= 4)).sum())
    assert segmented.session.store.volume_ml(Label.LIVER) == pytest.approx(whole * labels.voxel_ml)


def test_its_probability_is_a_layer_and_its_threshold_moves(
    qtbot: QtBot, segmented: MainWindow
) -> None:
    session, layers = segmented.session, segmented.panels.network.layers
    layers.set_layer(Layer["CYST"])
    assert session.overlay is not None
    assert session.overlay.title == "Probability of cysts"
    assert layers.maps is not None
    likely = layers.maps.probabilities[3]
    assert isinstance(session.overlay.voxels, np.ndarray)
    assert np.shares_memory(session.overlay.voxels, likely)
    own = session.labels
    assert own is not None
    above = np.zeros(own.voxels.shape, bool)
    above[layers.maps.search_region] = likely > 0.25 * 255
    layers.set_threshold(CYST, 0.25)
    with qtbot.waitSignal(session.store.changed, timeout=TIMEOUT_MS):
        layers.apply()
    assert session.labels is not None
    expected = (own.voxels > 0) & ((own.voxels == 4) | above)
    assert np.array_equal(session.labels.voxels == 4, expected)
    assert expected.sum() > (own.voxels == 4).sum()
