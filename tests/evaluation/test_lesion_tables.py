"""Lesion by lesion: what is known by construction of hand-made label maps."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import liverview as lv
from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate
from liverview.core.grid import GridMismatchError
from liverview.core.labels import FOREGROUND, Label
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.lesion_places import LiverPlaces
from liverview.evaluation.lesion_summary import (
    COLUMNS,
    found_by_size,
    size_lines,
    table_dict,
    table_lines,
    write_lesions,
)
from liverview.evaluation.lesion_table import LesionPlace, LesionTable
from liverview.evaluation.metrics import lesion_agreement
from liverview.evaluation.scoring import evaluate

SHAPE = (40, 40, 20)
SPACING = (2.0, 2.0, 3.0)  # voxels of .012 mL: a lesion of .05 mL has five
LIVER = (slice(2, 38), slice(2, 38), slice(2, 18))
ALL = frozenset(FOREGROUND)


def labels(*tumors: tuple[slice, slice, slice], liver: bool = True, **given: object) -> LabelMap:
    """Blocks of tumor in a block of liver, by somebody who looked for all labels."""
    voxels = np.zeros(SHAPE, np.uint8)
    if liver:
        voxels[LIVER] = Label.LIVER
    for where in tumors:
        voxels[where] = Label.TUMOR
    whole = LabelMap.from_array(voxels, spacing=SPACING)
    return replace(whole, **({"defined": ALL} | given))  # type: ignore[arg-type]


def block(i: int, j: int, k: int, size: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    return slice(i, i + size[0]), slice(j, j + size[1]), slice(k, k + size[2])


def table(predicted: LabelMap, reference: LabelMap, scan: Volume | None = None) -> LesionTable:
    found = evaluate(predicted, reference, scan=scan)[2].lesions
    assert found is not None
    return found


def test_a_lesion_has_the_figures_that_its_block_has() -> None:
    hu = np.full(SHAPE, 110, np.int16)
    lesion = block(10, 12, 6, (6, 5, 4))
    hu[lesion] = 60
    hu[12, 12, 6] = 180  # of 120 voxels one: the mean is 61
    scan = Volume(hu, labels().affine)
    (found,) = table(labels(block(10, 12, 6, (3, 5, 4))), labels(lesion), scan).lesions
    assert found.center_mm == pytest.approx((12.5 * 2, 14 * 2, 7.5 * 3))
    assert found.ml == pytest.approx(120 * 0.012)
    # From edge to edge, through the middles of pixel edges: the corners' farthest such pair.
    assert found.axial_mm == pytest.approx(math.hypot(12, 8))
    assert found.contrast_hu == pytest.approx(61 - 110)
    assert found.covered == 0.5
    assert found.dice == pytest.approx(2 * 60 / (120 + 60))
    assert found.large == (math.pi / 6 <= 120 * 0.012)
    assert found.called == {Label(0): 0, Label.LIVER: 0.5, Label.VESSEL: 0, Label.TUMOR: 0.5}
    assert math.isnan(found.certainty)


def test_contrast_is_to_the_liver_beyond_the_blurred_edge_and_within_15_mm() -> None:
    hu = np.full(SHAPE, 500, np.int16)  # far away
    lesion = block(18, 18, 8, (4, 4, 4))
    near = block(16, 16, 7, (8, 8, 6))
    hu[near] = 100
    hu[block(17, 17, 8, (6, 6, 4))] = 90  # 2 mm from it: seen
    hu[lesion] = 50
    reference = labels(lesion)
    seen = (reference.voxels == Label.LIVER).copy()
    index = np.argwhere(np.ones(SHAPE, bool)).reshape(*SHAPE, 3)
    apart = np.maximum(np.maximum([18, 18, 8] - index, index - [21, 21, 11]), 0) * SPACING
    away = np.linalg.norm(apart, axis=-1)
    expected = 50 - np.median(hu[seen & (away >= 2) & (away <= 15)])
    (found,) = table(reference, reference, Volume(hu, reference.affine)).lesions
    assert found.contrast_hu == expected
    (alone,) = table(
        labels(lesion, liver=False),
        replace(labels(lesion, liver=False), defined=frozenset({Label.TUMOR})),
        Volume(hu, reference.affine),
    ).lesions
    assert math.isnan(alone.contrast_hu)  # no liver is known
    no_hu = replace(Volume(hu, reference.affine), in_hu=False)
    assert math.isnan(table(reference, reference, no_hu).lesions[0].contrast_hu)
    shifted = Volume(hu - np.int16(24), reference.affine, intercept=24)
    assert table(reference, reference, shifted).lesions[0].contrast_hu == expected


def test_a_scan_on_other_voxels_is_refused() -> None:
    scan = Volume(np.zeros((5, 5, 5), np.int16), labels().affine)
    with pytest.raises(GridMismatchError):
        evaluate(labels(), labels(), scan=scan)


def test_what_is_found_is_what_recall_counts() -> None:
    """A fifth of a lesion has to be covered, to the voxel."""
    lesion = block(10, 10, 6, (5, 5, 4))  # 100 voxels, 1.2 mL
    for width, found in ((4, False), (5, True)):
        predicted = labels(block(10, 10, 6, (width, 4, 1)))
        own = table(predicted, labels(lesion))
        score = evaluate(predicted, labels(lesion))[2]
        assert own.lesions[0].covered == width * 4 / 100
        assert own.lesions[0].found is found
        assert score.lesion_recall == found
        assert len(own.false) == score.false_lesions == 0


def test_one_prediction_over_two_lesions_is_right_for_both() -> None:
    """What of it is the other lesion counts for nothing; the bridge between them is wrong."""
    first, second = block(6, 10, 6, (4, 4, 4)), block(14, 10, 6, (4, 4, 4))
    bridge = block(6, 10, 6, (12, 4, 4))
    found = table(labels(bridge), labels(first, second)).lesions
    assert [one.dice for one in found] == [2 * 64 / (64 + 64 + 64)] * 2
    assert [one.found for one in found] == [True, True]


def test_a_lesion_that_two_predictions_touch_is_compared_with_both() -> None:
    lesion = block(10, 10, 6, (10, 4, 4))  # 160 voxels
    left, right = block(8, 10, 6, (4, 4, 4)), block(18, 10, 6, (4, 4, 4))  # half of each is right
    (found,) = table(labels(left, right), labels(lesion)).lesions
    assert found.covered == 64 / 160
    assert found.dice == pytest.approx(2 * 64 / (160 + 128))


def test_false_lesions_are_those_that_the_score_counts() -> None:
    reference = labels(block(4, 4, 4, (5, 5, 4)))
    predicted = labels(
        block(6, 6, 4, (5, 5, 4)),  # shares voxels: right
        block(20, 20, 8, (4, 4, 4)),
        block(30, 30, 8, (2, 2, 2)),
        block(20, 4, 4, (2, 2, 1)),  # four voxels: too small
    )
    own = table(predicted, reference)
    assert [round(one.ml / 0.012) for one in own.false] == [64, 8]
    assert [one.number for one in own.false] == [1, 2]
    assert own.false[0].center_mm == pytest.approx((21.5 * 2, 21.5 * 2, 9.5 * 3))
    assert len(own.false) == evaluate(predicted, reference)[2].false_lesions


def test_fragments_of_a_reference_are_in_no_row() -> None:
    reference = labels(block(10, 10, 6, (6, 5, 4)), block(30, 30, 8, (2, 2, 1)))
    own = table(reference, reference)
    assert len(own.lesions) == 1
    assert own.left_out == 1
    assert len(own.false) == 0  # the fragment is tumor: what was found there is right


def test_a_reference_that_is_no_measure_of_tumors_has_no_table() -> None:
    predicted = labels(block(10, 10, 6, (6, 5, 4)))
    reference = replace(labels(), defined=frozenset({Label.LIVER}))
    assert evaluate(predicted, reference)[2].lesions is None
    assert evaluate(predicted, labels())[0].lesions is None  # the liver has no lesions
    nothing = table(labels(), labels())
    assert nothing == LesionTable((), ())
    assert [one.ml for one in table(predicted, labels()).false] == [pytest.approx(1.44)]


def test_voxels_that_nobody_judged_are_in_no_table() -> None:
    ignored = np.zeros(SHAPE, bool)
    ignored[:, 20:, :] = True
    reference = labels(block(10, 12, 6, (6, 5, 4)), ignored=ignored)
    predicted = labels(
        block(10, 12, 6, (6, 5, 4)),
        block(20, 17, 8, (4, 4, 4)),  # reaches into them: neither right nor false
        block(20, 26, 8, (4, 4, 4)),
        block(30, 4, 8, (4, 4, 4)),  # false
    )
    own = table(predicted, reference)
    assert [one.dice for one in own.lesions] == [1.0]
    assert [one.center_mm[1] for one in own.false] == [pytest.approx(5.5 * 2)]
    assert len(own.false) == evaluate(predicted, reference)[2].false_lesions


@pytest.mark.parametrize("seed", range(12))
def test_tables_agree_with_the_figures_of_the_label(seed: int) -> None:
    """Random blocks: what is found, and what is false, is what `lesion_agreement` counts."""
    numbers = np.random.default_rng(seed)

    def some(count: int) -> list[tuple[slice, slice, slice]]:
        sizes = numbers.integers(1, 7, (count, 3))
        return [
            block(*numbers.integers((2, 2, 2), (32, 32, 12)).tolist(), tuple(size.tolist()))
            for size in sizes
        ]

    ignored = numbers.random(SHAPE) < 0.002 if seed % 2 else None
    reference = labels(*some(6), ignored=ignored)
    predicted = labels(*some(8))
    own = table(predicted, reference)
    found, true = (
        (one.voxels == 3) & (True if ignored is None else ~ignored)
        for one in (predicted, reference)
    )
    expected = lesion_agreement(found, true, 0.012, ignored)
    large = [one for one in own.lesions if one.large]
    if large:
        assert expected.recall == pytest.approx(np.mean([one.found for one in large]))
    else:
        assert math.isnan(expected.recall)
    assert len(own.false) == expected.false


# ---- places ------------------------------------------------------------------------------


def two_lobes() -> np.ndarray:
    """A liver of 100 x 100 x 100 mm, 2 mm, with a fissure 8 mm wide from in front to its middle."""
    liver = np.zeros((60, 60, 60), bool)
    liver[5:55, 5:55, 5:55] = True
    liver[28:32, 30:, :] = False
    return liver


@pytest.mark.parametrize(
    ("corner", "place", "depth"),
    [
        ((15, 15, 25), LesionPlace.DEEP, 22.0),
        ((5, 15, 25), LesionPlace.RIM, 2.0),
        ((15, 15, 52), LesionPlace.DOME, 4.0),
        ((3, 15, 25), LesionPlace.RIM, 0.0),  # reaches outside
        ((5, 15, 45), LesionPlace.DOME, 2.0),
        ((26, 40, 25), LesionPlace.FISSURE, 2.0),
        ((29, 40, 25), LesionPlace.FISSURE, 0.0),
        ((15, 15, 5), LesionPlace.RIM, 2.0),
        ((57, 15, 25), LesionPlace.OUTSIDE, 0.0),
    ],
)
def test_places_in_a_liver(corner: tuple[int, int, int], place: LesionPlace, depth: float) -> None:
    voxels = np.argwhere(np.ones((2, 2, 2), bool)) + corner
    assert LiverPlaces(two_lobes(), (2.0, 2.0, 2.0)).place_of(voxels) == (place, depth)


def test_the_end_of_a_scan_is_no_surface_of_the_liver() -> None:
    liver = np.zeros((60, 60, 30), bool)
    liver[5:55, 5:55] = True
    voxels = np.argwhere(np.ones((2, 2, 2), bool)) + (25, 25, 0)
    assert LiverPlaces(liver, (2.0, 2.0, 2.0)).place_of(voxels).place is LesionPlace.DEEP
    everywhere = LiverPlaces(np.ones((30, 30, 10), bool), (2.0, 2.0, 2.0))
    assert everywhere.place_of(voxels).depth_mm == math.inf


def test_places_where_there_is_no_liver_and_on_fine_voxels() -> None:
    voxels = np.argwhere(np.ones((2, 2, 2), bool)) + (15, 15, 25)
    nowhere = LiverPlaces(np.zeros((60, 60, 60), bool), (2.0, 2.0, 2.0))
    assert nowhere.place_of(voxels).place is LesionPlace.OUTSIDE
    fine = LiverPlaces(np.repeat(two_lobes(), 4, axis=0), (0.5, 2.0, 2.0))
    placed = fine.place_of(np.argwhere(np.ones((8, 2, 2), bool)) + (60, 15, 25))
    assert placed.place is LesionPlace.DEEP
    assert placed.depth_mm == pytest.approx(22, abs=1)


# ---- certainty ---------------------------------------------------------------------------


def candidate(where: tuple[slice, slice, slice], certainty: float) -> LesionCandidate:
    box = Box(*where)
    mask = np.ones(box.shape, bool)
    return LesionCandidate(box, mask, np.ones(box.shape, np.uint8), certainty)


def test_a_lesion_is_as_certain_as_the_candidates_that_it_takes_to_find_it() -> None:
    lesion = block(10, 10, 6, (10, 5, 4))  # 200 voxels, a fifth is 40
    sure, unsure = block(10, 10, 6, (1, 5, 4)), block(14, 10, 6, (4, 5, 4))  # 20 and 80 voxels
    wrong = block(30, 30, 8, (4, 4, 4))
    parts = candidate(sure, 0.9), candidate(wrong, 0.7), candidate(unsure, 0.4)
    predicted = labels(sure, wrong, candidates=parts, least_certainty=0.5)
    own = table(predicted, labels(lesion))
    assert (own.lesions[0].certainty, own.lesions[0].found) == (0.4, False)
    assert [one.certainty for one in own.false] == [0.7]
    only = replace(predicted, candidates=parts[:2])
    assert math.isnan(table(only, labels(lesion)).lesions[0].certainty)


# ---- tables ------------------------------------------------------------------------------


def several() -> dict[str, LesionTable]:
    reference = labels(
        block(4, 4, 4, (2, 2, 2)), block(10, 10, 6, (6, 5, 4)), block(22, 22, 4, (12, 12, 4))
    )
    predicted = labels(block(10, 10, 6, (6, 5, 4)), block(3, 30, 6, (4, 4, 4)))
    return {"a": table(predicted, reference), "b": table(labels(), labels())}


def test_lesions_are_counted_by_their_longest_axial_diameter() -> None:
    tables = list(several().values())
    # 2 x 2 pixels of 2 mm, 6 x 5 and 12 x 12: hypot of edges 2 and 4, 8 and 12, 22 and 24.
    assert [round(one.axial_mm, 2) for one in tables[0].lesions] == [
        round(math.hypot(*sides), 2) for sides in ((22, 24), (8, 12), (2, 4))
    ]
    assert found_by_size(tables) == [
        ("< 10 mm", 0, 1), ("10 to 20 mm", 1, 1), ("20 to 50 mm", 0, 1), (">= 50 mm", 0, 0)
    ]  # fmt: skip
    assert size_lines(tables) == [
        "lesions found, by longest axial diameter: < 10 mm 0 of 1, 10 to 20 mm 1 of 1, "
        "20 to 50 mm 0 of 1"
    ]
    assert size_lines([LesionTable((), ())]) == []


def test_the_csv_has_a_row_per_lesion_and_the_json_the_same(tmp_path: Path) -> None:
    tables = several()
    write_lesions(tmp_path / "lesions.csv", tables)
    with (tmp_path / "lesions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["case"], row["kind"], row["number"], row["found"]) for row in rows] == [
        ("a", "reference", "1", "no"),
        ("a", "reference", "2", "yes"),
        ("a", "reference", "3", "no"),
        ("a", "false", "1", ""),
    ]
    assert float(rows[1]["called_tumor"]) == 1
    assert rows[3]["place"] == "rim"
    assert rows[0]["contrast_hu"] == ""  # no scan
    content = json.loads(json.dumps(table_dict(tables["a"]), allow_nan=False))
    assert [one["found"] for one in content["lesions"]] == [False, True, False]
    assert float(rows[3]["x_mm"]) == content["false_lesions"][0]["center_mm"][0]
    assert content["false_lesions"][0]["certainty"] is None


def test_the_printed_table_lies_under_its_titles() -> None:
    lines = table_lines(several())
    assert len(lines) == 1 + 3 + 1 + 1 + 1
    assert lines[1].endswith("missed")
    titles, row = lines[0], lines[2]
    for title in ("HU", "Dice", "covered", "certainty", "tumor"):
        end = titles.index(title) + len(title)
        assert row[end - 1] != " "
        assert row[end : end + 1] in ("", " ")
    assert lines[6].endswith("rim, 4")
    assert table_lines({})[0].startswith("case")


def test_lv_evaluate_has_the_table() -> None:
    score = lv.evaluate(labels(), labels(block(10, 10, 6, (6, 5, 4))))[2]
    assert score.lesions is not None
    assert [one.found for one in score.lesions.lesions] == [False]
    assert score == replace(score, lesions=None)  # what follows changes has no table
