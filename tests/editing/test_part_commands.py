"""Commands on parts: the labels afterwards, within the limits, and the box that is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.editing.limits import EditLimits, Scope
from liverview.editing.part_commands import (
    DeletePart,
    FillHoles,
    KeepOnlyPart,
    PartCommand,
    RelabelPart,
    ResizePart,
    SmoothPart,
    SplitPart,
    command_voxels,
    edit_parts,
)
from liverview.editing.part_split import CutLine
from liverview.editing.part_workspace import PartGround
from liverview.editing.parts import Part, Seed, find_part

AROUND = np.ones((3, 3, 3), bool)
AFFINE = np.diag([1.0, 1.5, 2.0, 1.0])
SHAPE = (30, 26, 20)


def drawn() -> np.ndarray:
    """A liver with a vessel, a tumor beside it, one on its edge, and a false one outside."""
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[3:22, 3:23, 3:17] = Label.LIVER
    labels[5:20, 12, 9] = Label.VESSEL
    labels[8:12, 6:10, 7:11] = Label.TUMOR
    labels[20:22, 16:20, 8:12] = Label.TUMOR  # liver around most of it
    labels[25:28, 5:8, 5:8] = Label.TUMOR  # in the stomach
    return labels


INSIDE, EDGE, OUTSIDE = (9, 7, 8), (20, 17, 9), (26, 6, 6)


def ground_of(
    labels: np.ndarray, limits: EditLimits | None = None, hu: np.ndarray | None = None
) -> PartGround:
    values = np.zeros(labels.shape, np.int16) if hu is None else hu
    volume = Volume(values, AFFINE, intercept=-1000)
    visible = (Label.LIVER, Label.VESSEL, Label.TUMOR)
    bbox = Box.around(labels) or Box.of_shape((0, 0, 0))
    return PartGround(LabelMap(labels, AFFINE), volume, limits or EditLimits(), visible, bbox)


def part_at(labels: np.ndarray, voxel: tuple[int, int, int], label: Label = Label.TUMOR) -> Part:
    found = find_part(labels, Seed(voxel, label))
    assert found is not None
    return found


def after(
    labels: np.ndarray, command: PartCommand, *parts: Part, limits: EditLimits | None = None,
    hu: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """The labels after a command; the block is checked to be no larger than what changed."""
    ground, out = ground_of(labels, limits, hu), labels.copy(order="K")
    block = edit_parts(ground, parts, command)
    if block is not None:
        out[block.box] = block.voxels
        assert Box.around(out != labels) == block.box
        for seed in block.seeds:
            assert find_part(out, seed) is not None
    assert np.array_equal(ground.labels.voxels, labels)
    return out


@pytest.mark.parametrize(
    ("voxel", "expected"),
    [(INSIDE, Label.LIVER), (EDGE, Label.LIVER), (OUTSIDE, Label.BACKGROUND)],
)
def test_a_deleted_tumor_is_what_it_lay_in(voxel: tuple[int, int, int], expected: Label) -> None:
    labels = drawn()
    part = part_at(labels, voxel)
    wanted = labels.copy()
    wanted[part.box][part.mask] = expected
    assert np.array_equal(after(labels, DeletePart(), part), wanted)


def test_a_deleted_piece_of_liver_goes_with_all_that_is_in_it() -> None:
    labels = drawn()
    labels[25:29, 15:22, 3:9] = Label.LIVER  # the stomach, cut off
    labels[26, 17, 5] = Label.TUMOR
    wanted = labels.copy()
    wanted[25:29, 15:22, 3:9] = 0
    assert np.array_equal(
        after(labels, DeletePart(), part_at(labels, (25, 15, 3), Label.LIVER)), wanted
    )


def test_several_parts_are_deleted_as_one_edit() -> None:
    labels = drawn()
    parts = [part_at(labels, voxel) for voxel in (INSIDE, OUTSIDE)]
    wanted = labels.copy()
    wanted[8:12, 6:10, 7:11], wanted[25:28, 5:8, 5:8] = Label.LIVER, 0
    assert np.array_equal(after(labels, DeletePart(), *parts), wanted)
    assert DeletePart().name(parts) == "delete parts, tumor"
    assert DeletePart().name(parts[:1]) == "delete part, tumor"


def test_a_part_gets_another_label_unless_one_is_locked() -> None:
    labels = drawn()
    part = part_at(labels, INSIDE)
    wanted = np.where(part.mask_in(Box.of_shape(SHAPE)), Label.VESSEL, labels)
    assert np.array_equal(after(labels, RelabelPart(Label.VESSEL), part), wanted)
    locked = EditLimits(locked=frozenset({Label.TUMOR}))
    for command in (RelabelPart(Label.VESSEL), DeletePart(), ResizePart(-2.0)):
        assert edit_parts(ground_of(labels, locked), [part], command) is None
    assert RelabelPart(Label.VESSEL).name([part]) == "part becomes vessel, tumor"


def test_a_locked_vessel_stays_where_the_liver_around_it_goes() -> None:
    labels = drawn()
    locked = EditLimits(locked=frozenset({Label.VESSEL}))
    liver = part_at(labels, (3, 3, 3), Label.LIVER)
    out = after(labels, DeletePart(), liver, limits=locked)
    assert (out[5:20, 12, 9] == Label.VESSEL).all()
    assert np.count_nonzero(out) == 15 + 27


def test_only_the_chosen_parts_of_a_label_are_kept() -> None:
    labels = drawn()
    wanted = labels.copy()
    wanted[20:22, 16:20, 8:12], wanted[25:28, 5:8, 5:8] = Label.LIVER, 0
    assert np.array_equal(after(labels, KeepOnlyPart(), part_at(labels, INSIDE)), wanted)
    wanted = labels.copy()
    wanted[20:22, 16:20, 8:12] = Label.LIVER
    both = [part_at(labels, voxel) for voxel in (INSIDE, OUTSIDE)]
    assert np.array_equal(after(labels, KeepOnlyPart(), *both), wanted)
    alone = part_at(labels, (10, 12, 9), Label.VESSEL)
    assert edit_parts(ground_of(labels), [alone], KeepOnlyPart()) is None


def test_holes_are_filled_with_the_label() -> None:
    labels = drawn()
    labels[9:11, 7:9, 8:10] = Label.LIVER
    labels[9, 7, 8] = 0
    wanted = drawn()
    assert np.array_equal(after(labels, FillHoles(), part_at(labels, (8, 6, 7))), wanted)
    assert edit_parts(ground_of(wanted), [part_at(wanted, INSIDE)], FillHoles()) is None
    open_above = drawn()
    open_above[9:11, 7:9, 8:11] = Label.LIVER
    part = part_at(open_above, (8, 6, 7))
    assert edit_parts(ground_of(open_above), [part], FillHoles()) is None
    assert np.array_equal(after(open_above, FillHoles(in_axial_slices=True), part), wanted)


def distance(mask: np.ndarray) -> np.ndarray:
    out: np.ndarray = ndimage.distance_transform_edt(~mask, sampling=(1.0, 1.5, 2.0))
    return out


def test_a_tumor_grows_in_the_liver_over_vessels_and_not_beyond() -> None:
    labels = drawn()
    part = part_at(labels, EDGE)
    near = distance(part.mask_in(Box.of_shape(SHAPE))) <= 7.0
    out = after(labels, ResizePart(7.0), part)
    assert np.array_equal(out, np.where(near & (labels > 0), Label.TUMOR, labels))
    assert (out != labels).sum() > 200
    assert (labels[out != labels] == Label.VESSEL).any()
    free = part_at(labels, OUTSIDE)
    near = distance(free.mask_in(Box.of_shape(SHAPE))) <= 2.0
    assert np.array_equal(after(labels, ResizePart(2.0), free), np.where(near, Label.TUMOR, labels))


def test_a_vessel_grows_over_no_tumor_unless_the_limits_name_it() -> None:
    labels = drawn()
    part = part_at(labels, (10, 12, 9), Label.VESSEL)
    out = after(labels, ResizePart(5.0), part)
    assert (out[labels == Label.TUMOR] == Label.TUMOR).all()
    assert (out == Label.VESSEL).sum() > (labels == Label.VESSEL).sum()
    over_tumor = EditLimits(Scope.ONE, one=Label.TUMOR)
    out = after(labels, ResizePart(5.0), part, limits=over_tumor)
    assert (labels[out != labels] == Label.TUMOR).all()
    assert (out != labels).any()


@pytest.mark.parametrize(
    "limits",
    [
        EditLimits(locked=frozenset({Label.VESSEL})),
        EditLimits(Scope.BACKGROUND),
        EditLimits(hu=(-1000, -900)),
        EditLimits(Scope.VISIBLE, locked=frozenset({Label.LIVER})),
    ],
)
def test_growth_obeys_the_limits(limits: EditLimits) -> None:
    labels, rng = drawn(), np.random.default_rng(0)
    hu = rng.integers(0, 200, SHAPE).astype(np.int16)  # stored: HU + 1000
    allowed = limits.allowed(labels, hu, -1000, [Label.LIVER, Label.VESSEL, Label.TUMOR])
    for voxel in (INSIDE, OUTSIDE):
        out = after(labels, ResizePart(4.0), part_at(labels, voxel), limits=limits, hu=hu)
        assert allowed[out != labels].all()


def test_a_shrunken_tumor_leaves_liver_and_one_that_is_gone_leaves_nothing_selected() -> None:
    labels = drawn()
    part = part_at(labels, INSIDE)
    inner = ndimage.distance_transform_edt(labels == Label.TUMOR, sampling=(1.0, 1.5, 2.0)) > 1.6
    mask = part.mask_in(Box.of_shape(SHAPE))
    wanted = np.where(mask & ~inner, Label.LIVER, labels)
    assert np.array_equal(after(labels, ResizePart(-1.6), part), wanted)
    block = edit_parts(ground_of(labels), [part], ResizePart(-40.0))
    assert block is not None
    assert block.seeds == ()
    assert (block.voxels != Label.TUMOR).all()


def test_parts_that_reach_the_end_of_the_scan_are_worked_on() -> None:
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[:, :, :8] = Label.LIVER
    labels[:4, :5, :3] = Label.TUMOR
    part = part_at(labels, (0, 0, 0))
    out = after(labels, DeletePart(), part)
    assert (out[:, :, :8] == Label.LIVER).all()
    for command in (SmoothPart(2.0), ResizePart(3.0), ResizePart(-1.0), FillHoles()):
        result = after(labels, command, part)
        assert (result[:, :, 8:] == 0).all()
        assert result[0, 0, 0] == Label.TUMOR
    whole = np.full(SHAPE, Label.LIVER, np.uint8, order="F")
    liver = part_at(whole, (0, 0, 0), Label.LIVER)
    assert edit_parts(ground_of(whole), [liver], ResizePart(3.0)) is None
    assert edit_parts(ground_of(whole), [liver], ResizePart(-3.0)) is None
    assert (after(whole, DeletePart(), liver) == 0).all()


def test_smoothing_a_tumor_keeps_its_volume_within_the_liver() -> None:
    labels = np.zeros((40, 40, 30), np.uint8, order="F")
    labels[2:30, 2:38, 2:28] = Label.LIVER
    labels[20:30, 10:24, 8:20] = Label.TUMOR  # a block on the liver's edge
    out = after(labels, SmoothPart(3.0), part_at(labels, (25, 15, 10)))
    assert np.array_equal(out > 0, labels > 0)
    count = (labels == Label.TUMOR).sum()
    assert (out == Label.TUMOR).sum() == pytest.approx(count, rel=0.03)
    assert (out != labels).sum() > count / 20


def test_a_split_takes_a_sheet_away_and_both_sides_are_found() -> None:
    labels = np.zeros(SHAPE, np.uint8, order="F")
    labels[2:28, 2:24, 2:18] = Label.LIVER
    labels[4:12, 6:14, 5:13] = labels[16:25, 6:14, 5:13] = Label.TUMOR
    labels[12:16, 9:11, 8:10] = Label.TUMOR
    line = CutLine(Plane.CORONAL, 10, (14.2, 2.0), (14.2, 16.0))
    part = part_at(labels, (5, 7, 6))
    block = edit_parts(ground_of(labels), [part], SplitPart(line))
    assert block is not None
    assert [seed.label for seed in block.seeds] == [Label.TUMOR] * 2
    out = after(labels, SplitPart(line), part)
    assert (labels != out).sum() == 4
    assert set(out[labels != out].tolist()) == {Label.LIVER}
    assert ndimage.label(out == Label.TUMOR, AROUND)[1] == 2


def test_a_liver_and_a_stomach_come_apart_on_the_side_of_the_stomach() -> None:
    labels = np.zeros((60, 30, 12), np.uint8, order="F")
    labels[2:35, 2:28, 2:10] = Label.LIVER
    labels[35:55, 10:22, 3:9] = Label.LIVER  # stomach
    labels[20:24, 10:14, 4:7] = Label.TUMOR
    line = CutLine(Plane.AXIAL, 6, (34.5, 4.0), (34.5, 26.0))
    liver = part_at(labels, (3, 3, 3), Label.LIVER)
    cut = after(labels, SplitPart(line), liver)
    assert (cut[:35] == labels[:35]).all()  # the liver loses nothing
    assert (cut[35] == 0).all()
    out = after(cut, DeletePart(), part_at(cut, (50, 15, 5), Label.LIVER))
    wanted = labels.copy()
    wanted[35:] = 0
    assert np.array_equal(out, wanted)


COMMANDS = [
    DeletePart(),
    RelabelPart(Label.LIVER),
    KeepOnlyPart(),
    FillHoles(),
    FillHoles(in_axial_slices=True),
    SmoothPart(1.5),
    ResizePart(2.0),
    ResizePart(-1.5),
    SplitPart(CutLine(Plane.AXIAL, 3, (-1.0, 3.3), (20.0, 4.1))),
]


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(COMMANDS), st.sampled_from(list(Label)[1:]))
def test_no_command_touches_what_is_locked_or_leaves_other_values(
    seed: int, command: PartCommand, label: Label
) -> None:
    rng = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(rng.normal(size=rng.integers(2, 12, 3)), 1.0)
    labels = np.searchsorted(np.quantile(values, [0.3, 0.7, 0.85]), values).astype(np.uint8)
    places = np.argwhere(labels >= label if label is Label.LIVER else labels == label)
    if len(places) == 0:
        return
    i, j, k = (int(v) for v in places[seed % len(places)])
    lock = list(Label)[1:][seed % 3]
    limits = EditLimits(locked=frozenset({lock}))
    part = part_at(labels, (i, j, k), label)
    out = after(labels, command, part, limits=limits)
    changed = out != labels
    assert not (changed & (labels == lock)).any()
    assert set(np.unique(out)) <= {0, 1, 2, 3}
    assert command_voxels(ground_of(labels), [part], command) >= part.voxel_count
    assert command.name([part]).endswith(f", {label.name.lower()}")
