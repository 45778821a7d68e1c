"""The session: setters clamp, return early, emit once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import SignalInstance

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.slice_copies import iter_slice_contiguous_copy
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.ui.state.session import Convention, Session
from liverview.ui.views.slice_image import apply_window


class Count:
    """How often a signal came, and with what."""

    def __init__(self, signal: SignalInstance) -> None:
        self.calls: list[tuple[object, ...]] = []
        signal.connect(self._on_signal)

    def _on_signal(self, *values: object) -> None:
        self.calls.append(values)

    def __len__(self) -> int:
        return len(self.calls)


def test_a_new_volume_starts_in_the_middle_with_empty_labels(volume: Volume) -> None:
    session = Session()
    changed = Count(session.volume_changed)
    session.open(volume)
    assert len(changed) == 1
    assert session.crosshair == (5, 6, 8)
    assert session.labels is not None
    assert not session.labels.voxels.any()
    assert not session.store.modified


def test_the_crosshair_stays_inside_and_says_so_once(session: Session) -> None:
    moved = Count(session.crosshair_changed)
    session.set_crosshair((-5, 6, 99))
    assert session.crosshair == (0, 6, 16)
    session.set_crosshair((0, 6, 16))
    session.set_crosshair((-1, 6, 17))
    assert len(moved) == 1
    session.step_slices(Plane.AXIAL, -3)
    assert session.crosshair == (0, 6, 13)
    session.move_crosshair(0, 2)
    assert session.crosshair == (2, 6, 13)


def test_the_window_is_kept_possible(session: Session) -> None:
    changed = Count(session.window_changed)
    session.set_window(40, 400)
    assert len(changed) == 0
    session.set_window(50, -10)
    assert (session.level, session.width) == (50, 1)
    assert len(changed) == 1


def test_the_auto_window_is_that_of_the_values(session: Session) -> None:
    """HU from -100 to 152: organs, above fat, in the middle of the grays, and fat not black yet."""
    session.auto_window()
    assert session.volume is not None
    values = session.volume.to_numpy()
    assert session.level == pytest.approx(np.percentile(values[values > -20], 40), abs=1)
    low = session.level - session.width / 2
    assert low == pytest.approx(np.percentile(values, 1), abs=2)


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1.0, 1e9])
@pytest.mark.parametrize("dtype", ["f4", "i4"])
def test_any_scale_is_shown_in_all_grays(scale: float, dtype: str) -> None:
    """0..1 times a scale, or a thousand whole numbers far from 0."""
    values = np.linspace(0, 1, 1000).reshape(10, 10, 10)
    voxels = (values * scale).astype("f4") if dtype == "f4" else (values * 999 + scale).astype("i4")
    session = Session()
    session.open(Volume(voxels, np.eye(4), in_hu=False))
    low = session.level - session.width / 2
    grays = apply_window(voxels, low, session.width)
    assert len(np.unique(grays)) > 240
    assert (grays == 0).mean() < 0.02
    assert (grays == 255).mean() < 0.02
    session.set_window(session.level, session.width / 2)
    narrow = session.width
    session.set_window(session.level, 2 * narrow)
    assert session.width == pytest.approx(2 * narrow)


def test_windows_of_hu_are_whole(session: Session) -> None:
    session.set_window(39.6, 400.4)
    assert (session.level, session.width) == (40, 400)
    session.set_window(40.5, 0.3)
    assert (session.level, session.width) == (41, 1)


def test_the_window_of_the_header_is_used_on_request(volume: Volume) -> None:
    session = Session()
    session.open(replace(volume, window=(12.0, 34.0)))
    assert (session.level, session.width) == (40, 400)
    session.original_window()
    assert (session.level, session.width) == (12, 34)


def test_styles_change_one_label(session: Session) -> None:
    changed = Count(session.styles_changed)
    session.set_style(Label.TUMOR, visible=False)
    session.set_style(Label.TUMOR, visible=False)
    session.set_style(Label.VESSEL, opacity=3.0)
    session.set_style(Label.LIVER, color=(1, 2, 3))
    assert len(changed) == 3
    assert not session.styles[Label.TUMOR].visible
    assert session.styles[Label.VESSEL].opacity == 1
    assert session.styles[Label.LIVER].color == (1, 2, 3)


def test_slabs_are_merged_and_counted(session: Session) -> None:
    assert session.volume is not None
    changed, modified = Count(session.store.changed), Count(session.store.modified_changed)
    session.store.begin_segmentation()
    slab = np.zeros((11, 13, 3), np.uint8)
    slab[:4, :5], slab[0, 0], slab[1, 1] = 1, 2, 3
    session.store.merge_slab(Slab(4, slab))
    assert changed.calls[-1] == (Box.from_bounds((0, 0, 4), (11, 13, 7)),)
    assert len(modified) == 1
    voxel_ml = session.volume.voxel_ml
    assert session.store.volume_ml(Label.LIVER) == pytest.approx(60 * voxel_ml)
    assert session.store.volume_ml(Label.VESSEL) == pytest.approx(3 * voxel_ml)
    assert session.store.label_at((1, 1, 5)) is Label.TUMOR
    # A second slab over the first replaces it, in the counts as well.
    session.store.merge_slab(Slab(4, np.zeros((11, 13, 2), np.uint8)))
    assert session.store.volume_ml(Label.LIVER) == pytest.approx(20 * voxel_ml)
    session.store.end_segmentation(complete=True)
    assert session.progress is None


def test_partial_labels_can_be_dropped(session: Session) -> None:
    assert session.volume is not None
    old = np.zeros(session.volume.shape, np.uint8)
    old[0, 0, 0] = Label.VESSEL
    session.store.merge_slab(Slab(0, old))
    session.store.mark_saved()
    session.store.begin_segmentation()
    assert session.store.volume_ml(Label.VESSEL) == 0
    session.store.merge_slab(Slab(0, np.ones((11, 13, 5), np.uint8)))
    session.store.end_segmentation(complete=False)
    assert session.store.has_unfinished_labels
    session.store.drop_unfinished_labels()
    assert session.labels is not None
    assert np.array_equal(session.labels.voxels, old)
    assert session.store.volume_ml(Label.VESSEL) == pytest.approx(session.volume.voxel_ml)
    assert not session.store.modified  # back to what was saved


def test_labels_of_other_values_are_background(session: Session) -> None:
    assert session.volume is not None
    odd = np.full(session.volume.shape, 9, np.uint8)
    session.store.merge_slab(Slab(0, odd))
    assert session.store.label_at((0, 0, 0)) is Label.BACKGROUND
    assert session.store.volume_ml(Label.LIVER) == 0


def test_nothing_open_is_no_trouble() -> None:
    session = Session()
    session.set_crosshair((1, 2, 3))
    session.auto_window()
    assert session.crosshair == (0, 0, 0)
    assert session.store.volume_ml(Label.LIVER) == 0


def test_switches_say_when_they_change(session: Session) -> None:
    changed = Count(session.view_changed)
    session.set_convention(Convention.RADIOLOGICAL)
    session.set_convention(Convention.NEUROLOGICAL)
    session.set_show_crosshair(False)
    session.set_show_text(False)
    session.set_show_text(False)
    assert len(changed) == 3


def assert_cuts(session: Session) -> None:
    """Every slice through the crosshair is what the arrays hold there."""
    assert session.volume is not None
    assert session.labels is not None
    for plane in Plane:
        index = session.crosshair[plane.axis]
        assert np.array_equal(
            session.slices.values(plane), plane.slice_of(session.volume.voxels, index)
        )
        labels = np.zeros(plane.slice_of(session.labels.voxels, index).shape, np.uint8)
        cut = session.slices.labels(plane)
        if cut is not None:
            block, (row, column) = cut
            labels[row : row + block.shape[0], column : column + block.shape[1]] = block
        assert np.array_equal(labels, plane.slice_of(session.labels.voxels, index))


def test_cuts_are_what_the_arrays_hold(session: Session) -> None:
    """While labels come and go, before and after the turned copy is there."""
    rng = np.random.default_rng(5)
    assert session.volume is not None
    shape = session.volume.shape

    def slab(start: int, low: tuple[int, int], high: tuple[int, int]) -> Slab:
        labels = np.zeros((*shape[:2], 3), np.uint8)
        labels[low[0] : high[0], low[1] : high[1]] = rng.integers(0, 4)
        labels[low[0], low[1], 0] = Label.VESSEL
        return Slab(start, labels)

    def look() -> None:
        for voxel in rng.integers(0, shape, (25, 3)):
            session.set_crosshair(tuple(voxel.tolist()))
            assert_cuts(session)

    look()
    session.store.begin_segmentation()
    session.store.merge_slab(slab(6, (3, 4), (6, 8)))
    look()
    session.store.merge_slab(slab(12, (0, 0), (2, 13)))
    session.store.merge_slab(Slab(6, np.zeros((*shape[:2], 3), np.uint8)))
    look()
    session.store.end_segmentation(complete=True)
    session.store.begin_segmentation()
    look()
    session.store.merge_slab(slab(0, (9, 11), (11, 13)))
    look()
    session.store.drop_unfinished_labels()
    look()
    copy = [plane for plane in Plane if plane is Plane.least_contiguous(session.volume.voxels)]
    session.slices.set_volume_copy(
        np.stack([copy[0].slice_of(session.volume.voxels, n) for n in range(shape[copy[0].axis])])
    )
    look()


def test_labels_come_from_their_turned_copy_until_they_change(session: Session) -> None:
    session.store.begin_segmentation()
    voxels = np.zeros((11, 13, 3), np.uint8)
    voxels[2:9, 3:8, 1:] = np.arange(7 * 5 * 2).reshape(7, 5, 2) % 4
    session.store.merge_slab(Slab(4, voxels))
    session.store.end_segmentation(complete=True)
    assert session.labels is not None
    assert session.store.label_bbox is not None
    plane = Plane.least_contiguous(session.labels.voxels)
    *_, copy = iter_slice_contiguous_copy(session.labels.voxels[session.store.label_bbox])
    assert copy is not None
    session.slices.set_label_copy(copy)
    assert_cuts(session)
    session.set_crosshair((5, 5, 5))
    found = session.slices.labels(plane)
    assert found is not None
    assert np.shares_memory(found[0], copy)
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(4, np.full((11, 13, 3), Label.LIVER, np.uint8)))
    assert_cuts(session)
    session.store.drop_unfinished_labels()
    found = session.slices.labels(plane)
    assert found is not None
    assert not np.shares_memory(found[0], copy)
    assert_cuts(session)


def test_another_volume_is_not_shown_by_the_last_ones_copy(
    session: Session, volume: Volume
) -> None:
    session.slices.set_volume_copy(np.zeros((17, 13, 11), np.int16))
    session.open(volume)
    assert_cuts(session)


def test_labels_are_replaced_and_the_old_ones_left_alone(session: Session) -> None:
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(2, np.full((11, 13, 2), Label.LIVER, np.uint8)))
    session.store.end_segmentation(complete=True)
    session.store.mark_saved()
    old = session.labels
    assert old is not None
    voxels = np.zeros_like(old.voxels)
    voxels[4, 5:7, 6] = Label.TUMOR
    changed = Count(session.store.changed)
    box = Box(slice(3, 6), slice(4, 9), slice(6, 7))
    session.store.replace_labels(LabelMap(voxels, old.affine), box, "thresholds")
    assert changed.calls == [(Box.of_shape((11, 13, 17)),)]
    assert session.store.modified
    assert session.store.volume_ml(Label.LIVER) == pytest.approx(2 * 0.024)
    assert session.store.volume_ml(Label.TUMOR) == pytest.approx(2 * 0.024)
    assert (old.voxels[:, :, 2:4] == Label.LIVER).all()
    session.set_crosshair((4, 5, 6))
    cut = session.slices.labels(Plane.AXIAL)
    assert cut is not None
    assert cut[1] == (4, 3)
    assert cut[0].sum() == 2 * Label.TUMOR


def test_a_preview_is_drawn_until_labels_change(session: Session) -> None:
    shown = Count(session.slices.preview_changed)
    block = np.full((2, 3), Label.VESSEL, np.uint8)
    assert session.slices.labels(Plane.AXIAL) is None
    session.slices.preview_labels(lambda plane: (block, (int(plane.value), 0)))
    assert len(shown) == 1
    assert session.slices.labels(Plane.SAGITTAL) == (block, (0, 0))
    assert session.slices.labels(Plane.AXIAL) == (block, (2, 0))
    session.store.begin_segmentation()
    assert session.slices.labels(Plane.AXIAL) is None
