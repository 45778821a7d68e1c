"""Marking the lesions of a reference: baselines and figures against plain numpy."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import result_of
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.marked_lesions import (
    LesionFigures,
    MarkedCase,
    SimulatedSession,
    ellipsoid,
    iter_mark_case,
)
from liverview.evaluation.marks_summary import (
    case_dict,
    heading,
    iter_lesion_rows,
    marks_summary,
    summary_lines,
)
from liverview.inference.interactive import load_click_network

SPACING = (1.2, 1.2, 2.5)
SHAPE = (72, 70, 30)


def away(center: tuple[int, int, int], stretch: tuple[float, float, float]) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    return np.linalg.norm((index - center) * SPACING / np.array(stretch), axis=-1)


LIVER = away((36, 35, 15), (1, 1, 1)) < 36
LONG = away((36, 30, 15), (13, 8, 8)) < 1  # an ellipsoid indeed
ROUND = away((22, 45, 17), (7, 7, 7)) < 1


@pytest.fixture(scope="module")
def case() -> MarkedCase:
    reference = np.where(LIVER, 1, 0).astype(np.uint8)
    reference[LONG | ROUND] = Label.TUMOR
    reference[2, 2, 2] = Label.TUMOR  # a speck
    noise = np.random.default_rng(1).normal(0, 10, SHAPE)
    hu = (np.select([LONG | ROUND, LIVER], [60, 110], -80) + noise).astype(np.int16)
    labels = LIVER.astype(np.uint8)
    labels[LONG] = Label.TUMOR  # the round one was missed
    scan = Volume.from_array(hu, spacing=SPACING)
    session = SimulatedSession(
        scan,
        labels,
        LabelMap.from_array(reference, spacing=SPACING),
        load_click_network(device="cpu"),
    )
    return result_of(iter_mark_case("a", session, clicks=2, rulers=True), MarkedCase)


def test_every_lesion_has_its_figures_and_specks_have_none(case: MarkedCase) -> None:
    small, large = sorted(case.lesions, key=lambda lesion: lesion.ml)
    voxel_ml = math.prod(SPACING) / 1000
    assert large.ml == pytest.approx(LONG.sum() * voxel_ml)
    assert small.ml == pytest.approx(ROUND.sum() * voxel_ml)
    assert large.mm == pytest.approx(26, abs=1.5)
    assert large.ellipsoid > 0.9
    assert small.ellipsoid > 0.85
    assert large.labeled == pytest.approx(1, abs=0.02)
    assert small.labeled < 0.4  # the inner half of an ellipsoid alone: an eighth of it
    for lesion in case.lesions:
        assert lesion.ruler is not None
        assert 0.5 < lesion.ruler <= 1
        assert len(lesion.clicks) == 2
    assert case.quiet_of == 5  # there are no vessels to click on
    assert case.liver_nsd_3mm[0] > 0.9
    assert len(case.liver_nsd_3mm) == 4
    assert len(case.seconds) >= 2 + 4 + 5


def test_an_ellipsoid_has_the_volume_that_its_diameters_say() -> None:
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]) @ np.diag([0.5, 0.5, 0.5])
    affine = np.eye(4)
    affine[:3, :3] = turn
    volume = Volume(np.zeros((80, 70, 60), np.int16), affine)
    line = np.array([[20.0, 30.0, 30.0], [60.0, 40.0, 30.0]])
    long_mm = float(np.linalg.norm(turn @ (line[1] - line[0])))
    found = ellipsoid(volume, Box.of_shape(volume.shape), line, 12.0)
    expected = math.pi / 6 * long_mm * 12.0**2
    assert found.sum() * 0.125 == pytest.approx(expected, rel=0.02)
    half = ellipsoid(volume, Box.of_shape(volume.shape), line, 12.0, scale=0.5)
    assert half.sum() * 0.125 == pytest.approx(expected / 8, rel=0.05)
    assert found[half].all()
    part = Box.from_bounds((30, 20, 20), (50, 50, 40))
    np.testing.assert_array_equal(ellipsoid(volume, part, line, 12.0), found[part])


def lesion(ruler: float, *clicks: float) -> LesionFigures:
    return LesionFigures(1.0, 12.0, ruler, 0.7, 0.5, clicks)


def test_figures_count_by_patient() -> None:
    cases = [
        MarkedCase("a", (lesion(0.9, 0.5), lesion(0.8, 0.6), lesion(0.1, 0.7)), 7, 10, (0.8, 0.9)),
        MarkedCase("b", (lesion(0.6, 0.2),), 9, 10, (0.9, 0.94), (0.1, 0.3)),
        MarkedCase("c", (), 10, 10),
    ]
    found = marks_summary(cases, 1, True)
    assert (found["patients"], found["lesions"]) == (2, 4)
    assert found["dice"]["ruler"]["by_patient"] == pytest.approx((0.8 + 0.6) / 2)
    every = np.array([0.9, 0.8, 0.1, 0.6])
    assert found["dice"]["ruler"]["worst_tenth"] == pytest.approx(
        np.percentile(every, 10), abs=1e-4
    )
    assert found["dice"]["1 click"]["by_patient"] == pytest.approx((0.6 + 0.2) / 2)
    assert found["quiet_clicks"] == [26, 30]
    assert found["liver_nsd_3mm_by_scribbles"] == pytest.approx([0.85, 0.92])
    assert found["seconds"] == {"median": 0.2, "p95": 0.29}
    json.dumps(found | {"case": case_dict(cases[0])}, allow_nan=False)
    text = "\n".join(summary_lines(cases, 1, True))
    assert "26 of 30" in text
    assert "0.700" in text
    rows = list(iter_lesion_rows(cases[0], 1, True))
    assert len(rows) == 3
    assert len(rows[0]) == len(heading(1, True))


def test_patients_without_lesions_have_no_dice() -> None:
    found = marks_summary([MarkedCase("c", (), 9, 10)], 2, False)
    assert "dice" not in found
    assert found["quiet_clicks"] == [9, 10]
    assert any("9 of 10" in line for line in summary_lines([MarkedCase("c", (), 9, 10)], 2, False))
