"""FROC from candidates whose certainties and places are known by construction."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidate, write_candidate
from liverview.core.labels import FOREGROUND, Label
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.froc import Froc, pool_curves
from liverview.evaluation.froc_files import draw_froc, save_froc
from liverview.evaluation.lesion_montage import (
    caption,
    choose_best,
    choose_worst,
    draw_lesions,
    save_lesion_montage,
)
from liverview.evaluation.lesion_table import CurveStep, LesionTable, ScanCurve
from liverview.evaluation.metrics import lesion_agreement
from liverview.evaluation.montage import PREDICTED_COLOR, REFERENCE_COLOR
from liverview.evaluation.scoring import compared_masks, evaluate
from liverview.files.atomic import TargetError

SHAPE = (40, 40, 20)
SPACING = (2.0, 2.0, 3.0)
ALL = frozenset(FOREGROUND)
Block = tuple[slice, slice, slice]


def block(i: int, j: int, k: int, size: tuple[int, int, int] = (5, 5, 4)) -> Block:
    """By default 100 voxels, 1.2 mL: a large lesion."""
    return slice(i, i + size[0]), slice(j, j + size[1]), slice(k, k + size[2])


SMALL = (4, 4, 2)  # .384 mL: a lesion, but none of 10 mm


def labels(*tumors: Block, ignored: np.ndarray | None = None) -> LabelMap:
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[1:39, 1:39, 1:19] = Label.LIVER
    for where in tumors:
        voxels[where] = Label.TUMOR
    whole = LabelMap.from_array(voxels, spacing=SPACING)
    return replace(whole, defined=ALL, ignored=ignored)


def candidate(where: Block, certainty: float) -> LesionCandidate:
    box = Box(*where)
    whole = np.ones(box.shape, bool)
    return LesionCandidate(box, whole, np.full(box.shape, Label.LIVER, np.uint8), certainty)


def segmented(*parts: LesionCandidate, least: float = 0.5) -> LabelMap:
    voxels = labels().voxels.copy()
    for part in parts:
        write_candidate(voxels, part, least)
    return replace(labels(), voxels=voxels, candidates=parts, least_certainty=least)


def table(predicted: LabelMap, reference: LabelMap) -> LesionTable:
    found = evaluate(predicted, reference)[2].lesions
    assert found is not None
    return found


def curve(predicted: LabelMap, reference: LabelMap) -> ScanCurve:
    found = table(predicted, reference).curve
    assert found is not None
    return found


A, B, C, D = block(4, 4, 4), block(4, 30, 4), block(30, 4, 4), block(30, 30, 4)
S = block(18, 18, 12, SMALL)


def test_the_curve_of_a_scan_counts_at_every_certainty() -> None:
    """Two large lesions and a small one; a false candidate is surer than the second of them."""
    parts = candidate(A, 0.9), candidate(C, 0.6), candidate(B, 0.3), candidate(S, 0.2)
    own = curve(segmented(*parts), labels(A, B, S))
    assert own.steps == (
        CurveStep(0.9, 1, 1, 0),
        CurveStep(0.6, 1, 1, 1),
        CurveStep(0.3, 2, 2, 1),
        CurveStep(0.2, 3, 2, 1),
    )
    assert (own.lesions, own.large, own.healthy) == (3, 2, False)
    assert own.at(0.95)[1:] == (0, 0, 0)
    assert own.at(0.6)[1:] == (1, 1, 1)  # a threshold that a candidate just reaches
    assert own.at(0.61)[1:] == (1, 1, 0)


def test_candidates_of_one_certainty_are_labeled_together() -> None:
    parts = candidate(A, 0.5), candidate(C, 0.5), candidate(B, 0.5)
    own = curve(segmented(*parts), labels(A, B))
    assert own.steps == (CurveStep(0.5, 2, 2, 1),)


def test_candidates_that_touch_are_one_lesion() -> None:
    """A false one that touches a right one is right; two false ones are one."""
    right, beside = block(10, 10, 6), block(15, 15, 10)  # corner to corner
    first, second = block(30, 4, 4), block(30, 9, 4)
    parts = [candidate(w, c) for w, c in ((first, 0.9), (beside, 0.8), (second, 0.7), (right, 0.6))]
    own = curve(segmented(*parts), labels(right))
    assert [step.false for step in own.steps] == [1, 2, 2, 1]


def test_small_candidates_are_no_false_lesions_until_they_hang_together() -> None:
    halves = block(30, 4, 4, (2, 2, 1)), block(30, 6, 4, (2, 2, 1))  # .048 mL each
    own = curve(segmented(candidate(halves[0], 0.9), candidate(halves[1], 0.8)), labels(A))
    assert [step.false for step in own.steps] == [0, 1]


def test_a_scan_without_candidates_and_one_without_lesions() -> None:
    none = curve(segmented(), labels(A))
    assert (none.steps, none.lesions, none.at(0.0)) == ((), 1, CurveStep(0.0, 0, 0, 0))
    healthy = curve(segmented(candidate(A, 0.4)), labels())
    assert healthy.steps == (CurveStep(0.4, 0, 0, 1),)
    assert healthy.healthy
    assert curve(segmented(), labels()).steps == ()
    assert table(labels(A), labels(A)).curve is None  # nobody knows its candidates


@pytest.mark.parametrize("seed", range(8))
def test_every_step_is_what_a_label_map_of_that_threshold_scores(seed: int) -> None:
    """Random candidates, some touching each other, some reaching where nobody judged."""
    numbers = np.random.default_rng(seed)
    taken = np.zeros(SHAPE, bool)
    parts = []
    for _ in range(14):
        where = block(
            *numbers.integers((1, 1, 1), (33, 33, 14)).tolist(),
            tuple(numbers.integers(1, 6, 3).tolist()),
        )
        mask = ~taken[where] & (numbers.random(taken[where].shape) < 0.9)
        if not mask.any():
            continue
        taken[where] |= mask
        certainty = float(numbers.choice([0.2, 0.35, 0.5, 0.8]))
        parts.append(replace(candidate(where, certainty), mask=mask))
    ignored = numbers.random(SHAPE) < 0.01 if seed % 2 else None
    true = [block(*numbers.integers((1, 1, 1), (33, 33, 14)).tolist()) for _ in range(3)]
    reference = labels(*true, ignored=ignored)
    own = curve(segmented(*parts), reference)
    assert own.steps
    for step in own.steps:
        masks = compared_masks(segmented(*parts, least=step.certainty), reference, Label.TUMOR)
        expected = lesion_agreement(*masks, 0.012, ignored)
        assert step.false == expected.false
        if own.large:
            assert step.found_large / own.large == pytest.approx(expected.recall)


# ---- all scans ---------------------------------------------------------------------------


def three_scans() -> list[ScanCurve]:
    """Two patients with lesions and a healthy one."""
    return [
        curve(segmented(candidate(A, 0.9), candidate(C, 0.7)), labels(A, B, S)),
        curve(segmented(candidate(B, 0.8), candidate(D, 0.2)), labels(B)),
        curve(segmented(candidate(D, 0.6), candidate(A, 0.1)), labels()),
    ]


def test_lesions_of_all_scans_are_counted_together() -> None:
    froc = pool_curves(three_scans())
    assert (froc.scans, froc.healthy, froc.lesions, froc.large) == (3, 1, 4, 3)
    assert [p.certainty for p in froc.points] == [0.9, 0.8, 0.7, 0.6, 0.2, 0.1]
    assert [p.recall for p in froc.points] == [0.25, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert [p.recall_large for p in froc.points] == pytest.approx([1 / 3] + [2 / 3] * 5)
    assert [p.false_per_scan for p in froc.points] == pytest.approx([0, 0, 1 / 3, 2 / 3, 1, 4 / 3])
    assert [p.false_per_healthy for p in froc.points] == [0, 0, 0, 1, 1, 2]
    assert [p.clear_share for p in froc.points] == [1, 1, 1, 0, 0, 0]
    assert froc.usual == replace(froc.points[3], certainty=0.5)
    assert froc.recall_at(0) == pytest.approx(2 / 3)
    assert froc.recall_at(0, large=False) == 0.5


def test_the_band_holds_the_curve_and_is_the_same_every_time() -> None:
    curves = three_scans()
    froc = pool_curves(curves)
    assert froc == pool_curves(curves)
    assert [p.false_per_scan for p in froc.band] == pytest.approx([0, 1 / 3, 2 / 3, 1, 4 / 3])
    for place in froc.band:
        assert 0 <= place.low <= froc.recall_at(place.false_per_scan) <= place.high <= 1
    # A draw of the first patient alone finds one of two, one of the second all: both are likely.
    assert (froc.band[-1].low, froc.band[-1].high) == (0.5, 1.0)
    assert pool_curves(curves[:1]).band == ()
    same = pool_curves([curves[1]] * 4)
    assert all(place.low == place.high == 1 for place in same.band)


def test_scans_without_lesions_have_no_recall_and_those_without_healthy_ones_no_share() -> None:
    first, _, healthy = three_scans()
    froc = pool_curves([healthy, healthy])
    assert all(math.isnan(point.recall) for point in froc.points)
    assert math.isnan(froc.recall_at(4))
    assert froc.band == ()
    assert froc.usual.clear_share == 0
    assert math.isnan(pool_curves([first]).usual.clear_share)
    none = pool_curves([curve(segmented(), labels(A))])
    assert none.points == ()
    assert (none.usual.recall, none.recall_at(1)) == (0, 0)
    with pytest.raises(ValueError, match="measure of tumors"):
        pool_curves([])


# ---- files -------------------------------------------------------------------------------


def frocs() -> list[Froc]:
    curves = three_scans()
    many = [replace(curves[0], steps=tuple(CurveStep(1 - n / 50, 1, 1, n) for n in range(1, 50)))]
    return [
        pool_curves(some)
        for some in (curves, curves[:1], curves[2:], [curve(segmented(), labels(A))], many)
    ]


@pytest.mark.parametrize("froc", frocs())
def test_the_curve_is_drawn_inside_its_sheet(froc: Froc, tmp_path: Path) -> None:
    save_froc(tmp_path / "froc.png", froc)
    save_froc(tmp_path / "froc.SVG", froc)
    chart = draw_froc(froc)
    with Image.open(tmp_path / "froc.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (2 * chart.width, 2 * chart.height)
    root = ElementTree.parse(tmp_path / "froc.SVG").getroot()
    for shape in root.iter():
        for point in shape.get("points", "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= chart.width
            assert 0 <= y <= chart.height
    texts = [shape.text or "" for shape in root.iter() if shape.tag.endswith("text")]
    assert any("without a false lesion" in text for text in texts) == bool(froc.healthy)
    dots = [shape for shape in root.iter() if shape.tag.endswith("circle")]
    beside = froc.usual.false_per_scan <= 10  # what is farther right is not drawn
    assert sum(dot.get("r") == "5" for dot in dots) == (
        beside * (bool(froc.lesions) + bool(froc.large)) + bool(froc.healthy)
    )


def test_the_curve_as_table_and_for_programs(tmp_path: Path) -> None:
    froc = pool_curves(three_scans())
    save_froc(tmp_path / "froc.csv", froc)
    save_froc(tmp_path / "froc.json", froc)
    with (tmp_path / "froc.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["default"] for row in rows] == ["no"] * 6 + ["yes"]
    assert [float(row["certainty"]) for row in rows] == [0.9, 0.8, 0.7, 0.6, 0.2, 0.1, 0.5]
    content = json.loads((tmp_path / "froc.json").read_text(encoding="utf-8"))
    assert content["recall_at_false_per_scan"]["1"] == {"recall": 0.5, "recall_large": 0.6667}
    assert content["default"]["clear_share"] == 0
    assert len(content["points"]) == 6
    with pytest.raises(TargetError, match=r"\.png, \.svg, \.csv, \.json"):
        save_froc(tmp_path / "froc.pdf", froc)


# ---- pictures ----------------------------------------------------------------------------


def test_the_best_and_worst_lesions_are_chosen_and_drawn(tmp_path: Path) -> None:
    half = block(4, 30, 4, (3, 5, 4))
    predicted, reference = labels(A, half, D), labels(A, B, C)
    own = table(predicted, reference)
    whole, half_found, missed = sorted(own.lesions, key=lambda one: -one.dice)
    assert choose_best(own.lesions) == [whole, half_found]
    assert choose_worst(own.lesions) == [missed, half_found, whole]
    volume = Volume(np.full(SHAPE, 60, np.int16), reference.affine)
    masks = compared_masks(predicted, reference, Label.TUMOR)
    pictures = draw_lesions("case 1", volume, masks, own)
    assert len(pictures) == 4  # each once, and the false one
    seen = {caption(one): colors_in(one.picture) for one in pictures}
    assert {words.split(": ")[0] for words in seen} == {"case 1"}
    by_end = {words.split(", ")[1]: colors for words, colors in seen.items()}
    assert by_end == {
        "Dice 1.00": (True, True),
        "Dice 0.75": (True, True),
        "missed": (True, False),
        "1.2 mL": (False, True),
    }
    save_lesion_montage(tmp_path / "lesions.png", pictures)
    with Image.open(tmp_path / "lesions.png") as montage:
        assert montage.format == "PNG"
        heights = montage.height
    save_lesion_montage(tmp_path / "none.png", [])
    with Image.open(tmp_path / "none.png") as montage:
        assert montage.height < heights / 3


def colors_in(picture: Image.Image) -> tuple[bool, bool]:
    """Whether the contours of the reference and of the prediction are in both halves."""
    pixels = np.asarray(picture)
    halves = np.split(pixels, 2, axis=1)
    found = [
        tuple(bool((half == color).all(axis=-1).any()) for half in halves)
        for color in (REFERENCE_COLOR, PREDICTED_COLOR)
    ]
    assert all(len(set(pair)) == 1 for pair in found)
    return found[0][0], found[1][0]
