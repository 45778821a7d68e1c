"""The Compare panel: figures against a reference, where they come from, and the overlay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from skimage.color import rgb2lab

from liverview.cli import main
from liverview.core.labels import FOREGROUND, DrawStyle, Label
from liverview.core.stream import Progress, Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.evaluation.error_map import VoxelOutcome
from liverview.evaluation.metrics import LabelScore, evaluate, iter_evaluate
from liverview.evaluation.summary import MAP_FIGURES
from liverview.phantom.config import Phantom, PhantomConfig
from liverview.ui.jobs import generators
from liverview.ui.live.comparison import NAMES, error_map_colors
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.compare_panel import ComparePanel
from liverview.ui.state.overlay import Overlay
from liverview.ui.widgets.color_ramp import color_ramp

from support.answers import TIMEOUT_MS, Answers

SHAPE = (40, 36, 24)
Write = Callable[..., Path]
FIGURES = (
    "dice",
    "nsd_2mm",
    "nsd_3mm",
    "hd95_mm",
    "predicted_ml",
    "reference_ml",
    "volume_error_ml",
    "volume_error_percent",
    "cl_dice",
    "lesion_recall",
    "lesion_precision",
    "false_lesions",
)


@pytest.fixture
def scan() -> Volume:
    affine = np.diag([1.5, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-20, 10, 5)
    return Volume(np.full(SHAPE, 60, np.int16), affine, name="case")


def truth() -> np.ndarray:
    """A liver with a vessel and two lesions."""
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[4:36, 4:32, 2:22] = Label.LIVER
    labels[20:22, 10:30, 11] = Label.VESSEL
    labels[6:18, 6:12, 4:9] = Label.TUMOR
    labels[25:34, 20:24, 14:18] = Label.TUMOR
    return labels


def found() -> np.ndarray:
    """A liver that is shifted, with half of the vessel, a lesion that is right and a false one."""
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[5:37, 4:32, 3:22] = Label.LIVER
    labels[20:22, 10:20, 11] = Label.VESSEL
    labels[7:18, 6:12, 4:8] = Label.TUMOR
    labels[28:32, 6:12, 14:18] = Label.TUMOR
    return labels


def segment(window: MainWindow, voxels: np.ndarray) -> None:
    session = window.session
    session.begin_segmentation()
    session.merge_slab(Slab(0, voxels))
    session.end_segmentation(complete=True)


@pytest.fixture
def panel(window: MainWindow, scan: Volume) -> ComparePanel:
    """The panel of a window with a scan, in front."""
    window.session.open(scan)
    window.panels.show("compare")
    QApplication.processEvents()
    return window.panels.compare


@pytest.fixture
def reference(write: Write, scan: Volume) -> Path:
    return write(truth(), scan.affine, name="truth.nii.gz")


def compare(qtbot: QtBot, window: MainWindow, answers: Answers, path: Path) -> None:
    """Open a reference by its key."""
    answers.reference = path
    with qtbot.waitSignal(window.controller.reference_opened, timeout=TIMEOUT_MS):
        qtbot.keyClick(
            window,
            Qt.Key.Key_O,
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
        )


def wait(qtbot: QtBot, panel: ComparePanel) -> None:
    """Until every figure is that of the labels as they are."""
    found = panel.comparison
    qtbot.waitUntil(lambda: found.is_current and len(found.scores) == 3, timeout=TIMEOUT_MS)


def cells(panel: ComparePanel, label: Label) -> dict[str, str]:
    column = FOREGROUND.index(label)
    texts = [panel.table.item(n, column).text() for n in range(panel.table.rowCount())]
    return dict(zip(FIGURES, texts, strict=True))


def printed(
    capsys: pytest.CaptureFixture[str], predicted: Path, reference: Path
) -> dict[Label, dict[str, str]]:
    """The figures that the command line prints, by label and attribute."""
    assert main(["evaluate", str(predicted), str(reference)]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    rows = (dict(zip(MAP_FIGURES, line.split()[1:], strict=True)) for line in lines)
    return dict(zip(FOREGROUND, rows, strict=True))


def where(predicted: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Who has which voxel of two masks."""
    who = np.zeros(SHAPE, np.uint8)
    who[predicted & reference] = VoxelOutcome.TRUE_POSITIVE
    who[predicted & ~reference] = VoxelOutcome.FALSE_POSITIVE
    who[~predicted & reference] = VoxelOutcome.FALSE_NEGATIVE
    return who


def whole(overlay: Overlay) -> np.ndarray:
    """An overlay's values on the scan's grid."""
    values = np.zeros(SHAPE, np.uint8)
    values[overlay.box] = overlay.voxels
    return values


def show(qtbot: QtBot, window: MainWindow, label: Label) -> Overlay:
    """Choose a label's overlay with the keys and wait for it."""
    box = window.panels.compare.shown
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Home)
    for _ in range(label):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.currentData() is label
    name = window.session.styles[label].name
    qtbot.waitUntil(
        lambda: window.session.overlay is not None and name in window.session.overlay.title
    )
    assert window.session.overlay is not None
    return window.session.overlay


class Held:
    """A comparison that goes on after each label only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.closed = Event(), Event()
        self.error: Exception | None = None
        monkeypatch.setattr(generators, "iter_compare", self.run)

    def run(self, labels: LabelMap, reference: LabelMap) -> Iterator[object]:
        try:
            for item in iter_evaluate(labels, reference):
                yield item
                while isinstance(item, LabelScore) and not self.go.wait(0.01):
                    yield Progress("Waiting", 0.5)
                if self.error is not None and isinstance(item, LabelScore):
                    raise self.error
        finally:
            self.closed.set()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    made = Held(monkeypatch)
    yield made
    made.go.set()


# ---- figures -----------------------------------------------------------------------------


def test_figures_are_those_of_the_command_line(
    qtbot: QtBot,
    window: MainWindow,
    panel: ComparePanel,
    answers: Answers,
    reference: Path,
    write: Write,
    scan: Volume,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "Open a reference" in panel.state.text()
    window.panels.docks["findings"].raise_()
    compare(qtbot, window, answers, reference)
    qtbot.waitUntil(panel.isVisible)  # its tab is in front
    assert panel.reference.text() == "Reference: truth"
    assert "F5" in panel.state.text()
    segment(window, found())
    wait(qtbot, panel)
    assert panel.state.text() == ""
    expected = printed(capsys, write(found(), scan.affine, name="found.nii"), reference)
    for label in FOREGROUND:
        for name, text in cells(panel, label).items():
            assert (text or "-").replace("–", "-") == expected[label][name]
    assert cells(panel, Label.LIVER)["dice"] == f"{expected_dice():.3f}"
    tumor = cells(panel, Label.TUMOR)
    assert (tumor["lesion_recall"], tumor["lesion_precision"]) == ("0.50", "0.50")
    assert tumor["false_lesions"] == "1"


def expected_dice() -> float:
    both = np.count_nonzero((truth() > 0) & (found() > 0))
    return 2 * both / (np.count_nonzero(truth()) + np.count_nonzero(found()))


def test_what_is_not_defined_says_why(
    qtbot: QtBot, window: MainWindow, panel: ComparePanel, answers: Answers, write: Write
) -> None:
    assert window.session.volume is not None
    only_liver = (truth() > 0).astype(np.uint8)
    path = write(only_liver, window.session.volume.affine, name="liver.nii")
    compare(qtbot, window, answers, path)
    segment(window, found())
    wait(qtbot, panel)
    tumor = cells(panel, Label.TUMOR)
    assert (tumor["dice"], tumor["hd95_mm"], tumor["lesion_recall"]) == ("–", "–", "–")
    assert (tumor["reference_ml"], tumor["false_lesions"]) == ("0.0", "2")
    item = panel.table.item(FIGURES.index("dice"), FOREGROUND.index(Label.TUMOR))
    assert item is not None
    assert "The reference has no tumors" in item.toolTip()
    assert cells(panel, Label.LIVER)["cl_dice"] == ""
    item = panel.table.item(FIGURES.index("cl_dice"), FOREGROUND.index(Label.LIVER))
    assert item is not None
    assert item.toolTip() == "Only for vessels."


def test_the_table_is_copied_with_its_units(
    qtbot: QtBot, window: MainWindow, panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    assert not panel.copy_button.isEnabled()
    compare(qtbot, window, answers, reference)
    segment(window, found())
    wait(qtbot, panel)
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    lines = [line.split("\t") for line in QApplication.clipboard().text().split("\n")]
    assert lines[0] == ["Reference: truth", "Liver", "Vessels", "Tumor"]
    assert {len(line) for line in lines} == {4}
    table = {line[0]: line[1:] for line in lines[1:]}
    assert table["HD95 mm"] == [cells(panel, label)["hd95_mm"] for label in FOREGROUND]
    assert table["Difference mL"][0] == cells(panel, Label.LIVER)["volume_error_ml"]
    assert {"Volume mL", "Reference mL", "Difference %", "NSD 2 mm", "NSD 3 mm"} <= set(table)


# ---- when ----------------------------------------------------------------------------------


def test_figures_wait_while_labels_stream_and_follow_them(
    qtbot: QtBot, window: MainWindow, panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    compare(qtbot, window, answers, reference)
    session = window.session
    session.begin_segmentation()
    session.merge_slab(Slab(0, found()[:, :, :10]))
    assert "waits" in panel.state.text()
    session.merge_slab(Slab(10, found()[:, :, 10:]))
    assert not panel.comparison.is_running
    session.end_segmentation(complete=True)
    wait(qtbot, panel)
    assert cells(panel, Label.LIVER)["dice"] == f"{expected_dice():.3f}"
    # A second segmentation that is stopped and dropped: the figures are gone, then back.
    session.begin_segmentation()
    session.merge_slab(Slab(0, truth()))
    assert set(cells(panel, Label.LIVER).values()) == {""}
    session.end_segmentation(complete=False)
    wait(qtbot, panel)
    assert cells(panel, Label.LIVER)["dice"] == "1.000"
    assert "Partial" in panel.state.text()
    session.drop_unfinished_labels()
    wait(qtbot, panel)
    assert cells(panel, Label.LIVER)["dice"] == f"{expected_dice():.3f}"


def test_nothing_is_compared_behind_a_closed_panel(
    qtbot: QtBot, window: MainWindow, panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    compare(qtbot, window, answers, reference)
    window.panels.docks["compare"].close()
    segment(window, found())
    QApplication.processEvents()
    assert not panel.comparison.is_running
    assert panel.comparison.scores == {}
    window.panels.show("compare")
    wait(qtbot, panel)


def test_a_comparison_is_stopped_and_begun_again(
    qtbot: QtBot,
    window: MainWindow,
    panel: ComparePanel,
    answers: Answers,
    reference: Path,
    held: Held,
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    qtbot.waitUntil(lambda: cells(panel, Label.LIVER)["dice"] != "", timeout=TIMEOUT_MS)
    qtbot.waitUntil(lambda: panel.state.text() == "Waiting …")
    qtbot.mouseClick(panel.stop_button, Qt.MouseButton.LeftButton)
    assert "stopped" in panel.state.text()
    qtbot.waitUntil(held.closed.is_set)
    assert cells(panel, Label.TUMOR)["dice"] == ""
    held.go.set()
    assert panel.stop_button.text() == "Again"
    qtbot.mouseClick(panel.stop_button, Qt.MouseButton.LeftButton)
    wait(qtbot, panel)
    assert panel.state.text() == ""
    assert not panel.stop_button.isEnabled()


def test_labels_that_change_take_the_place_of_those_that_are_compared(
    qtbot: QtBot,
    window: MainWindow,
    panel: ComparePanel,
    answers: Answers,
    reference: Path,
    held: Held,
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    qtbot.waitUntil(lambda: cells(panel, Label.LIVER)["dice"] != "", timeout=TIMEOUT_MS)
    window.session.merge_slab(Slab(0, truth()))
    assert cells(panel, Label.LIVER)["dice"] == ""
    qtbot.waitUntil(held.closed.is_set)
    held.go.set()
    wait(qtbot, panel)
    assert [cells(panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3


def test_a_comparison_that_fails_says_so(
    qtbot: QtBot,
    window: MainWindow,
    panel: ComparePanel,
    answers: Answers,
    reference: Path,
    held: Held,
) -> None:
    held.error = MemoryError("There is not enough memory: close other programs.")
    held.go.set()
    compare(qtbot, window, answers, reference)
    segment(window, found())
    qtbot.waitUntil(lambda: "failed" in panel.state.text(), timeout=TIMEOUT_MS)
    assert "not enough memory" in window.messages.text.text()
    assert cells(panel, Label.TUMOR)["dice"] == ""
    held.error = None
    qtbot.mouseClick(panel.stop_button, Qt.MouseButton.LeftButton)
    wait(qtbot, panel)


# ---- references --------------------------------------------------------------------------


def test_another_reference_takes_the_place_of_the_first(
    qtbot: QtBot,
    window: MainWindow,
    panel: ComparePanel,
    answers: Answers,
    reference: Path,
    write: Write,
    scan: Volume,
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    wait(qtbot, panel)
    first = show(qtbot, window, Label.LIVER)
    answers.reference = write(found(), scan.affine, name="same.nii")
    with qtbot.waitSignal(window.controller.reference_opened, timeout=TIMEOUT_MS):
        qtbot.mouseClick(panel.open_button, Qt.MouseButton.LeftButton)
    wait(qtbot, panel)
    assert panel.reference.text() == "Reference: same"
    assert [cells(panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3
    qtbot.waitUntil(lambda: window.session.overlay not in (None, first))
    assert window.session.overlay is not None
    assert set(np.unique(whole(window.session.overlay))) == {0, VoxelOutcome.TRUE_POSITIVE}


def test_a_reference_on_flipped_axes_is_the_same(
    qtbot: QtBot,
    window: MainWindow,
    panel: ComparePanel,
    answers: Answers,
    write: Write,
    scan: Volume,
) -> None:
    affine = scan.affine @ np.diag([-1.0, 1, -1, 1])
    affine[:3, 3] = scan.affine[:3] @ (SHAPE[0] - 1, 0, SHAPE[2] - 1, 1)
    compare(qtbot, window, answers, write(found()[::-1, :, ::-1], affine, name="flipped.nii"))
    segment(window, found())
    wait(qtbot, panel)
    assert [cells(panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3


def test_a_reference_on_another_grid_is_refused(
    qtbot: QtBot,
    window: MainWindow,
    panel: ComparePanel,
    answers: Answers,
    reference: Path,
    write: Write,
    scan: Volume,
) -> None:
    compare(qtbot, window, answers, reference)
    moved = scan.affine.copy()
    moved[2, 3] += 3
    for name, voxels, affine, told in (
        ("short.nii", truth()[:, :, :20], scan.affine, "(40, 36, 20)"),
        ("moved.nii", truth(), moved, "3 mm"),
    ):
        answers.reference = write(np.ascontiguousarray(voxels), affine, name=name)
        with qtbot.waitSignal(window.controller.failed, timeout=TIMEOUT_MS):
            window.actions_.file.compare.trigger()
        said = window.messages.text.text()
        assert name.removesuffix(".nii") in said
        assert told in said
    assert panel.reference.text() == "Reference: truth"


def test_names_in_the_file_say_which_value_is_which_label(
    qtbot: QtBot,
    window: MainWindow,
    panel: ComparePanel,
    answers: Answers,
    write: Write,
    scan: Volume,
    tmp_path: Path,
) -> None:
    table = '5 0 0 0 1 1 1 "Liver"\n7 0 0 0 1 1 1 "Hepatic vessel"\n2 0 0 0 1 1 1 "Tumor"\n'
    (tmp_path / "theirs.txt").write_text(table)
    theirs = np.array([0, 5, 7, 2], np.uint8)[truth()]
    compare(qtbot, window, answers, write(theirs, scan.affine, name="theirs.nii.gz"))
    assert "5 (Liver) as liver" in window.messages.text.text()
    assert answers.asked == []
    segment(window, truth())
    wait(qtbot, panel)
    assert [cells(panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3


def test_values_that_nothing_names_are_asked_about(
    qtbot: QtBot,
    window: MainWindow,
    panel: ComparePanel,
    answers: Answers,
    write: Write,
    scan: Volume,
) -> None:
    theirs = np.array([0, 40, 7, 2], np.uint8)[truth()]
    answers.reference = write(theirs, scan.affine, name="plain.nii")
    with qtbot.waitSignal(window.controller.mapping_needed, timeout=TIMEOUT_MS):
        window.actions_.file.compare.trigger()
    qtbot.waitUntil(lambda: not window.controller._live)
    assert answers.asked == ["labels of (7, 40)"]
    assert window.session.reference is None  # the question was canceled
    answers.mapping = {40: Label.LIVER, 7: Label.VESSEL, 2: Label.TUMOR}
    compare(qtbot, window, answers, answers.reference)
    segment(window, truth())
    wait(qtbot, panel)
    assert [cells(panel, label)["dice"] for label in FOREGROUND] == ["1.000"] * 3


def test_a_phantom_brings_its_truth(
    qtbot: QtBot, window: MainWindow, answers: Answers, case: Phantom, write: Write, scan: Volume
) -> None:
    answers.config = PhantomConfig((96, 84, 40), (4.0, 4.0, 5.0), 3, noise_hu=8)  # as `case`
    with qtbot.waitSignal(window.session.volume_changed, timeout=TIMEOUT_MS):
        window.actions_.file.phantom.trigger()
    window.panels.show("compare")
    panel = window.panels.compare
    qtbot.waitUntil(lambda: panel.reference.text() == "Reference: truth of phantom-3")
    reference = window.session.reference
    assert reference is not None
    np.testing.assert_array_equal(reference.voxels, case.labels.voxels)
    segment(window, np.roll(case.labels.voxels, 1, axis=0))
    wait(qtbot, panel)
    assert window.session.labels is not None
    for score in evaluate(window.session.labels, case.labels):
        assert cells(panel, score.label)["dice"] == f"{score.dice:.3f}"
    window.session.mark_saved()
    with qtbot.waitSignal(window.controller.opened, timeout=TIMEOUT_MS):
        window.open(write(scan.voxels, scan.affine))
    assert window.session.reference is None
    assert "Open a reference" in panel.state.text()


def test_a_reference_of_another_scan_does_not_arrive(
    qtbot: QtBot, window: MainWindow, panel: ComparePanel, reference: Path, scan: Volume
) -> None:
    """The scan is replaced while the reference is read."""
    window.controller.open_reference(reference)
    with qtbot.assertNotEmitted(window.controller.reference_opened):
        window.controller.show_volume(scan, None)
        qtbot.waitUntil(lambda: not window.controller._live)
    assert window.session.reference is None


def test_the_command_is_there_once_a_scan_is(window: MainWindow, scan: Volume) -> None:
    command = window.actions_.file.compare
    assert not command.isEnabled()
    assert not command.icon().isNull()
    window.session.open(scan)
    assert command.isEnabled()


# ---- where -------------------------------------------------------------------------------


def test_the_overlay_is_exact_for_every_label(
    qtbot: QtBot, window: MainWindow, panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    organ = truth() > 0
    expected = {
        Label.LIVER: where(found() > 0, organ),
        Label.VESSEL: where((found() == Label.VESSEL) & organ, truth() == Label.VESSEL),
        Label.TUMOR: where(found() == Label.TUMOR, truth() == Label.TUMOR),
    }
    for label, values in expected.items():
        overlay = show(qtbot, window, label)
        np.testing.assert_array_equal(whole(overlay), values)
        assert set(overlay.names) == {1, 2, 3}
    qtbot.keyClick(panel.shown, Qt.Key.Key_Home)
    assert window.session.overlay is None


def test_the_overlay_is_what_the_view_shows(
    qtbot: QtBot, window: MainWindow, panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    """Its colors are those of the table over the scan, whatever the labels are drawn like."""
    compare(qtbot, window, answers, reference)
    segment(window, found())
    session = window.session
    session.set_show_crosshair(False)
    session.set_show_text(False)
    session.display.set_interpolated(False)
    session.set_style(Label.LIVER, opacity=1.0, draw_style=DrawStyle.BOTH)
    session.set_window(60, 400)  # 60 HU are in the middle
    session.set_crosshair((20, 18, 6))
    show(qtbot, window, Label.LIVER)
    view = window.views.by_plane[Plane.AXIAL]
    view.refresh()
    picture = view.grab().toImage()
    for voxel, value in (((36, 18, 6), 2), ((4, 18, 6), 3), ((20, 20, 6), 1)):
        red, green, blue, alpha = error_map_colors()[value].tolist()
        point = view.widget_position(voxel) * picture.devicePixelRatio()
        shown = picture.pixelColor(point.toPoint()).getRgb()[:3]
        expected = [128 + (c - 128) * alpha / 255 for c in (red, green, blue)]
        assert shown == pytest.approx(expected, abs=2)


def test_another_overlay_takes_its_place(
    qtbot: QtBot, window: MainWindow, panel: ComparePanel, answers: Answers, reference: Path
) -> None:
    compare(qtbot, window, answers, reference)
    segment(window, found())
    for _ in range(2):  # chosen a second time after it was taken away
        show(qtbot, window, Label.TUMOR)
        window.session.set_overlay(None)
        assert panel.shown.currentText() == "None"
    show(qtbot, window, Label.TUMOR)
    box = slice(0, 1), slice(0, 1), slice(0, 1)
    other = Overlay("Other", np.zeros((1, 1, 1), np.uint8), box, color_ramp())
    window.session.set_overlay(other)
    assert panel.shown.currentText() == "None"
    window.session.merge_slab(Slab(0, truth()))
    wait(qtbot, panel)
    assert window.session.overlay is other


def test_colors_stay_apart_without_hue() -> None:
    """By lightness (CIE L*) over what a liver looks like, and in the names' squares."""
    colors = error_map_colors()[list(NAMES)].astype(float)
    for gray in (110, 140, 170):
        alpha = colors[:, 3:] / 255
        over = gray + (colors[:, :3] - gray) * alpha
        lightness = np.sort(rgb2lab(over[None] / 255)[0, :, 0])
        assert np.diff(lightness).min() > 15
    squares = np.sort(rgb2lab(colors[None, :, :3] / 255)[0, :, 0])
    assert np.diff(squares).min() > 15
