"""The Network panel as a person uses it: layers, what is kept, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

import liverview.inference.segmentation
from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.probability_maps import ProbabilityMaps, ProbabilitySlab, probability_slab
from liverview.core.stream import Progress, Slab
from liverview.core.volume import Plane, Volume
from liverview.inference.segmentation import Models, iter_segment
from liverview.phantoms.config import Phantom
from liverview.ui.jobs import generators
from liverview.ui.live.probability_layers import Layer
from liverview.ui.main_window import MainWindow
from liverview.ui.panels.network_panel import NetworkPanel
from liverview.ui.state.overlay import Overlay
from liverview.ui.widgets.color_ramp import color_ramp

from support import tiny_networks
from support.answers import TIMEOUT_MS
from support.mouse import handle_of


def panel_of(window: MainWindow) -> NetworkPanel:
    window.panels.docks["network"].raise_()
    return window.panels.network


def choose(qtbot: QtBot, panel: NetworkPanel, layer: Layer) -> None:
    """Pick a layer with the keys."""
    panel.layer.setFocus()
    qtbot.keyClick(panel.layer, Qt.Key.Key_Home)
    for _ in range(list(Layer).index(layer)):
        qtbot.keyClick(panel.layer, Qt.Key.Key_Down)


def voxels_of(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.voxels


# ---- with networks -----------------------------------------------------------------------


def test_segment_again_for_a_layer_and_move_a_threshold(
    qtbot: QtBot, window: MainWindow, case: Phantom, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Models(tiny_networks.bright_liver().coarse, tiny_networks.fine())
    monkeypatch.setattr(liverview.inference.segmentation, "load_models", lambda: models)
    session, panel = window.session, panel_of(window)
    window.controller.show_volume(case.volume, None)
    choose(qtbot, panel, Layer.VESSEL)
    assert session.overlay is None
    assert "Segment the scan" in panel.note.text()
    grown: list[bool] = []
    session.overlay_changed.connect(lambda: grown.append(session.store.segmenting))
    with qtbot.waitSignal(window.controller.segmenting.segmented, timeout=TIMEOUT_MS):
        qtbot.mouseClick(panel.again, Qt.MouseButton.LeftButton)
    assert sum(grown) >= 2  # it grew with the segmentation
    assert panel.keep.isChecked()
    assert panel.note.isHidden()

    expected, labels = expected_maps(case.volume, models)
    assert np.array_equal(voxels_of(window), labels)
    overlay = session.overlay
    assert overlay is not None
    assert overlay.box == expected.search_region
    everything = (slice(None),) * 3
    assert np.array_equal(overlay.voxels[everything], expected.probabilities[1])
    choose(qtbot, panel, Layer.ENTROPY)
    assert session.overlay is not None
    assert np.array_equal(session.overlay.voxels[everything], expected.entropy[everything])
    choose(qtbot, panel, Layer.GATES)
    assert panel.level_text.text() == "Gate 4 of 4 (finest)"
    for level in (3, 2, 1, 0):
        assert session.overlay.title == f"Attention gate {level + 1} of 4"
        assert np.array_equal(session.overlay.voxels[everything], expected.gates[level])
        qtbot.keyClick(panel.level, Qt.Key.Key_Left)

    drag_and_reset(qtbot, window, expected, labels)


def expected_maps(volume: Volume, models: Models) -> tuple[ProbabilityMaps, np.ndarray]:
    labels = np.zeros(volume.shape, np.uint8)
    maps = None
    for item in iter_segment(volume, models, "cpu", probabilities=True, gates=True):
        if isinstance(item, Slab):
            labels[:, :, item.start : item.stop] = item.labels
            piece = probability_slab(item)
            if piece is not None:
                maps = maps or ProbabilityMaps(piece.search_region, 4)
                maps.copy_slab(piece)
    assert maps is not None
    return maps, labels


def drag_and_reset(
    qtbot: QtBot, window: MainWindow, maps: ProbabilityMaps, own: np.ndarray
) -> None:
    """Drag the liver's threshold with the mouse, let go, and go back."""
    session, panel = window.session, panel_of(window)
    slider = panel.rows[Label.LIVER].slider
    session.store.mark_saved()
    before = session.slices.labels(Plane.CORONAL)
    start = handle_of(slider)
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(slider, start - QPoint(slider.width() // 4, 0))
    percent = slider.value()
    assert 1 < percent < 60
    assert panel.rows[Label.LIVER].value.text() == f"above {percent} %"
    *_, wanted = maps.iter_relabel(own, {Label.LIVER: percent / 100})
    assert wanted is not None
    assert np.array_equal(voxels_of(window), own)  # the views are ahead of the labels
    for plane in Plane:
        cut = session.slices.labels(plane)
        assert cut is not None
        block, (row, column) = cut
        whole = plane.slice_of(wanted, session.crosshair[plane.axis])
        inside = whole[row : row + block.shape[0], column : column + block.shape[1]]
        assert np.array_equal(block, inside)
        assert block.sum() == whole.sum()
    with qtbot.waitSignal(session.store.changed, timeout=TIMEOUT_MS):
        qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=start - QPoint(40, 0))
    assert np.array_equal(voxels_of(window), wanted)
    assert session.store.modified
    organ = int((wanted > 0).sum()) * case_ml(window)
    assert session.store.volume_ml(Label.LIVER) == pytest.approx(organ)
    assert organ > int((own > 0).sum()) * case_ml(window)
    with qtbot.waitSignal(session.store.changed, timeout=TIMEOUT_MS):
        qtbot.mouseClick(panel.reset, Qt.MouseButton.LeftButton)
    assert np.array_equal(voxels_of(window), own)
    assert slider.value() == 60
    assert not panel.reset.isEnabled()
    after = session.slices.labels(Plane.CORONAL)
    assert before is not None
    assert after is not None
    assert before[0].sum() == after[0].sum()


def case_ml(window: MainWindow) -> float:
    assert window.session.volume is not None
    return window.session.volume.voxel_ml


# ---- with a segmentation that goes on when a test says so ----------------------------------

REACH = Box.from_bounds((2, 3, 4), (9, 12, 12))


def uniform_slab(first: int, value: int) -> ProbabilitySlab:
    shape = (7, 9, 4)
    return ProbabilitySlab(
        REACH,
        slice(first, first + 4),
        np.full((3, *shape), value, np.uint8),
        np.full((2, *shape), value // 2, np.uint8),
    )


class Steps:
    """Stands for `generators.iter_segment`."""

    def __init__(self) -> None:
        self.go = Event()
        self.go.set()
        self.value = 200

    def run(self, volume: Volume, device: str, crosshair: object, keep: bool) -> Iterator[object]:
        labels = np.zeros((11, 13, 4), np.uint8)
        labels[3:6, 4:9] = Label.LIVER
        for first in (4, 8):
            yield Slab(first, labels)
            if keep:
                yield uniform_slab(first, self.value)
            while not self.go.wait(0.01):
                yield Progress("Refining", 0.5)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Steps]:
    made = Steps()
    monkeypatch.setattr(generators, "iter_segment", made.run)
    yield made
    made.go.set()


@pytest.fixture
def opened(
    qtbot: QtBot, make_window: Callable[[], MainWindow], volume: Volume, steps: Steps
) -> MainWindow:
    made = make_window()
    made.controller.show_volume(volume, None)
    return made


def run(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.controller.segmenting.segmented, timeout=TIMEOUT_MS):
        window.actions_.segment.run.trigger()


def keep(qtbot: QtBot, panel: NetworkPanel) -> None:
    panel.keep.setFocus()
    qtbot.keyClick(panel.keep, Qt.Key.Key_Space)


def test_what_was_not_kept_is_said_and_had_by_one_click(qtbot: QtBot, opened: MainWindow) -> None:
    panel = panel_of(opened)
    run(qtbot, opened)
    choose(qtbot, panel, Layer.TUMOR)
    assert opened.session.overlay is None
    assert "not kept" in panel.note.text()
    assert not panel.rows[Label.TUMOR].isEnabled()
    with qtbot.waitSignal(opened.controller.segmenting.segmented, timeout=TIMEOUT_MS):
        qtbot.mouseClick(panel.again, Qt.MouseButton.LeftButton)
    overlay = opened.session.overlay
    assert overlay is not None
    assert overlay.title == "Probability of tumor"
    assert overlay.box == REACH
    assert panel.again.isHidden()
    assert panel.memory.text() == "0 MB are kept"
    assert panel.rows[Label.TUMOR].isEnabled()
    choose(qtbot, panel, Layer.NONE)
    assert opened.session.overlay is None


def test_a_key_moves_a_threshold_and_the_way_back_is_the_networks_own(
    qtbot: QtBot, opened: MainWindow
) -> None:
    panel, session = panel_of(opened), opened.session
    keep(qtbot, panel)
    run(qtbot, opened)
    own = session.labels
    slider = panel.rows[Label.TUMOR].slider
    slider.setFocus()
    with qtbot.waitSignal(session.store.changed, timeout=TIMEOUT_MS):
        qtbot.keyClick(slider, Qt.Key.Key_Left)
    assert session.labels is not own
    assert own is not None
    assert (voxels_of(opened) == 3 * own.voxels).all()  # 200 / 255 is above 49 %
    assert session.store.label_at((3, 4, 4)) is Label.TUMOR
    with qtbot.waitSignal(session.store.changed, timeout=TIMEOUT_MS):
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert session.labels is not None
    assert np.array_equal(session.labels.voxels, own.voxels)
    assert session.labels.voxels is not own.voxels  # an edit needs no copy of its own


def test_what_was_edited_stays_over_other_thresholds(
    qtbot: QtBot, opened: MainWindow, steps: Steps
) -> None:
    """Also what was edited while it streamed, which the network's own labels are without."""
    panel, session = panel_of(opened), opened.session
    edited = Box.from_bounds((3, 4, 4), (5, 6, 6)), Box.from_bounds((0, 0, 4), (1, 2, 6))
    keep(qtbot, panel)
    steps.go.clear()
    with qtbot.waitSignal(opened.controller.segmenting.maps_received, timeout=TIMEOUT_MS):
        opened.actions_.segment.run.trigger()
    with session.store.edit(edited[0], "brush") as voxels:
        voxels[...] = Label.VESSEL
    with qtbot.waitSignal(opened.controller.segmenting.segmented, timeout=TIMEOUT_MS):
        steps.go.set()
    with session.store.edit(edited[1], "brush") as voxels:
        voxels[...] = Label.LIVER
    own = voxels_of(opened).copy()
    assert (own[edited[0]] == Label.VESSEL).all()
    slider = panel.rows[Label.TUMOR].slider
    slider.setFocus()
    session.set_crosshair((4, 5, 5))
    seen: list[np.ndarray] = []
    session.slices.preview_changed.connect(
        lambda: seen.extend(cut[0] for cut in [session.slices.labels(Plane.AXIAL)] if cut)
    )
    with qtbot.waitSignal(session.store.changed, timeout=TIMEOUT_MS):
        qtbot.keyClick(slider, Qt.Key.Key_Left)
    expected = np.where(own, Label.TUMOR, 0)  # 200 / 255 is above 49 %
    expected[edited[0]], expected[edited[1]] = Label.VESSEL, Label.LIVER
    assert np.array_equal(voxels_of(opened), expected)
    ahead = seen[0]  # what views showed before it was applied
    assert np.array_equal(ahead, expected[REACH[0], REACH[1], 5].T)
    with qtbot.waitSignal(session.store.changed, timeout=TIMEOUT_MS):
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert np.array_equal(voxels_of(opened), own)
    with session.store.edit(edited[0], "undo") as voxels:
        voxels[...] = Label.LIVER  # as the network had it
    session.hand_edits.refresh()
    assert session.hand_edits.volumes.keys() == {Label.LIVER}


def test_maps_belong_to_their_labels(qtbot: QtBot, opened: MainWindow, steps: Steps) -> None:
    panel, session = panel_of(opened), opened.session
    keep(qtbot, panel)
    run(qtbot, opened)
    choose(qtbot, panel, Layer.LIVER)
    first = session.overlay
    assert first is not None
    steps.value = 100
    steps.go.clear()
    with qtbot.waitSignal(session.overlay_changed, timeout=TIMEOUT_MS):
        opened.actions_.segment.run.trigger()
    assert session.overlay is None  # of the new labels nothing is known yet
    assert "first refined slices" in panel.note.text()
    assert not panel.rows[Label.LIVER].isEnabled()
    qtbot.waitUntil(lambda: session.overlay is not None, timeout=TIMEOUT_MS)
    assert session.overlay is not None
    assert session.overlay.voxels[0, 0, :].tolist() == [100] * 4 + [0] * 4
    opened.controller.cancel()
    assert panel.rows[Label.LIVER].isEnabled()  # what was found can be kept
    qtbot.mouseClick(opened.messages.buttons[1], Qt.MouseButton.LeftButton)
    assert session.overlay is not None
    assert session.overlay.voxels[0, 0, :].tolist() == [200] * 8


def test_a_drag_that_a_segmentation_ends_leaves_no_trace(
    qtbot: QtBot, opened: MainWindow, steps: Steps
) -> None:
    panel, session = panel_of(opened), opened.session
    keep(qtbot, panel)
    run(qtbot, opened)
    assert session.labels is not None
    own, row = session.labels.voxels.copy(), panel.rows[Label.LIVER]
    start = handle_of(row.slider)
    qtbot.mousePress(row.slider, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(row.slider, start - QPoint(30, 0))
    assert row.value.text() != "network's own"
    steps.go.clear()
    with qtbot.waitSignal(opened.controller.segmenting.maps_received, timeout=TIMEOUT_MS):
        opened.actions_.segment.run.trigger()
    opened.controller.cancel()
    qtbot.mouseClick(opened.messages.buttons[1], Qt.MouseButton.LeftButton)
    assert session.labels is not None
    np.testing.assert_array_equal(session.labels.voxels, own)
    assert row.value.text() == "network's own"
    qtbot.mouseRelease(row.slider, Qt.MouseButton.LeftButton, pos=start - QPoint(30, 0))
    assert session.labels is not None
    np.testing.assert_array_equal(session.labels.voxels, own)
    assert row.slider.value() == 60


def test_another_overlay_and_another_scan_end_the_layer(
    qtbot: QtBot, opened: MainWindow, volume: Volume
) -> None:
    panel, session = panel_of(opened), opened.session
    keep(qtbot, panel)
    run(qtbot, opened)
    choose(qtbot, panel, Layer.ENTROPY)
    other = Overlay("Agreement", np.zeros((1, 1, 1), np.uint8), (slice(0, 1),) * 3, color_ramp())
    session.set_overlay(other)
    assert panel.layer.currentData() is Layer.NONE
    choose(qtbot, panel, Layer.GATES)
    assert session.overlay is not other
    opened.controller.show_volume(volume, None)
    assert session.overlay is None
    assert panel.layer.currentData() is Layer.NONE
    assert panel.memory.isHidden()
    assert panel.layers.maps is None


def test_a_threshold_that_moves_on_forgets_the_work_for_the_last_one(
    qtbot: QtBot, opened: MainWindow
) -> None:
    panel, session = panel_of(opened), opened.session
    keep(qtbot, panel)
    run(qtbot, opened)
    slider = panel.rows[Label.LIVER].slider
    changes: list[int] = []
    session.store.changed.connect(lambda box: changes.append(box.k.stop))
    for _ in range(25):
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: not voxels_of(opened).any(), timeout=TIMEOUT_MS)
    assert slider.value() == 85  # 200 / 255 is not above it
    assert len(changes) <= 25
    assert session.store.volume_ml(Label.LIVER) == 0


def test_everything_has_a_name_and_a_tip(opened: MainWindow) -> None:
    panel = panel_of(opened)
    sliders = [row.slider for row in panel.rows.values()]
    for control in (panel.layer, panel.level, *sliders):
        assert control.accessibleName()
        assert control.toolTip()
    assert "60 %" in panel.rows[Label.LIVER].slider.toolTip()
    assert "first stage" in panel.level.toolTip()
