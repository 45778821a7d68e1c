"""Marks and proposals: places, what becomes of labels, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.volume import Volume
from liverview.editing.marks import Marks, MarksError, Proposal, check_marks


@pytest.fixture(scope="module")
def scan() -> Volume:
    """A block of tissue, 40 mm wide, in air, with voxels of 1 x 2 x 5 mm, turned by 20 degrees."""
    hu = np.full((80, 40, 16), -1000, np.int16)
    hu[20:60, 10:30, 4:12] = 60
    turn = np.deg2rad(20)
    rotation = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([1.0, 2.0, 5.0])
    affine[:3, 3] = 7, -30, 100
    return Volume.from_array(hu, affine, name="block")


def test_marks_in_voxels_lie_at_their_world_places(scan: Volume) -> None:
    marks = Marks.in_voxels(scan, Label.TUMOR, [(40, 20, 8)], [(30, 15, 6)], [(25, 12, 5)] * 2)
    for point, voxel in ((marks.positive[0], (40, 20, 8)), (marks.negative[0], (30, 15, 6))):
        expected = scan.affine @ np.array([*voxel, 1.0])
        assert point == pytest.approx(expected[:3])
    assert marks.adding((1, 2, 3)).positive[1] == (1.0, 2.0, 3.0)
    assert marks.adding((1, 2, 3), negative=True).negative[1] == (1.0, 2.0, 3.0)
    assert len(marks.points) == 4


def refusal(scan: Volume, marks: Marks) -> str:
    with pytest.raises(MarksError) as caught:
        check_marks(scan, marks)
    text = str(caught.value)
    assert re.fullmatch(r"[^.]*(\d\.\d[^.]*)*\.", text), text  # one sentence
    return text


def test_what_nothing_can_be_proposed_for_is_refused_in_a_sentence(scan: Volume) -> None:
    inside, air = (40, 20, 8), (5, 5, 1)
    in_voxels = Marks.in_voxels
    assert "no mark" in refusal(scan, Marks(Label.TUMOR))
    assert "outside the scan block" in refusal(scan, Marks(Label.TUMOR, ((900.0, 0.0, 0.0),)))
    assert "outside the body" in refusal(scan, in_voxels(scan, Label.TUMOR, [air]))
    assert "outside the body" in refusal(scan, in_voxels(scan, Label.TUMOR, [inside], [air]))
    assert "0.0 mm long" in refusal(scan, in_voxels(scan, Label.TUMOR, line=[inside, inside]))
    assert "background" in refusal(scan, in_voxels(scan, Label.BACKGROUND, [inside]))
    assert "no place" in refusal(scan, Marks(Label.TUMOR, ((float("nan"), 0.0, 0.0),)))
    check_marks(scan, in_voxels(scan, Label.TUMOR, [inside]))
    check_marks(scan, in_voxels(scan, Label.LIVER, negative=[inside]))
    check_marks(scan, in_voxels(scan, Label.TUMOR, line=[inside, (50, 20, 8)]))


def test_gas_within_the_body_may_be_marked() -> None:
    hu = np.full((40, 40, 40), 50, np.int16)
    hu[18:22, 18:22, 18:22] = -900  # a bubble in an abscess
    scan = Volume.from_array(hu, spacing=(1, 1, 1))
    check_marks(scan, Marks.in_voxels(scan, Label.TUMOR, [(20, 20, 20)]))


@pytest.mark.parametrize(
    ("label", "left"),
    [(Label.TUMOR, Label.LIVER), (Label.VESSEL, Label.LIVER), (Label.LIVER, Label.BACKGROUND)],
)
def test_a_proposal_adds_and_removes_what_it_says(label: Label, left: Label) -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, (5, 6, 7)).astype(np.uint8)
    add, remove = rng.random(labels.shape) < 0.2, rng.random(labels.shape) < 0.2
    remove &= ~add
    marks = Marks(label, ((0.0, 0.0, 0.0),))
    proposal = Proposal(marks, Box.of_shape(labels.shape), add, add, remove)
    expected = np.where(add, label, np.where(remove, left, labels))
    before = labels.copy()
    np.testing.assert_array_equal(proposal.applied(labels), expected)
    np.testing.assert_array_equal(labels, before)
    assert not proposal.is_empty
    nothing = np.zeros_like(add)
    assert Proposal(marks, proposal.box, add, nothing, nothing).is_empty


def test_marks_need_no_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import sys, liverview.editing.marks; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
