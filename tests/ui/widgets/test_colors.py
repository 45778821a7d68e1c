"""The colors of labels, heat maps and error map: none is taken for another."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from liverview.core.labels import FOREGROUND, Label, default_styles
from liverview.ui.live.comparison import error_map_colors
from liverview.ui.panels.label_panel import SWATCH_EDGE
from liverview.ui.widgets.color_ramp import color_ramp
from liverview.ui.widgets.theme import _DARK, _LIGHT
from liverview.vasculature.graph import TREE_STYLES, VesselTree

from support.color_vision import EYES, contrast, difference, seen_by

AGREE, ONLY_PREDICTED, ONLY_REFERENCE = 1, 2, 3
APART = 15  # CIEDE2000: side by side, nobody takes one for the other; 2 can just be told apart
LABELS = {label: style.color for label, style in default_styles().items()}


def test_the_measure_is_the_one_that_is_published() -> None:
    """A pair of Sharma et al. 2005 is in Lab; here, black, white and what eyes cannot tell."""
    assert difference((0, 0, 0), (255, 255, 255)) == pytest.approx(100, abs=0.1)
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    red, green = (163, 98, 0), (110, 120, 0)
    assert difference(red, green, "deuteranopia") < difference(red, green) / 2


@pytest.mark.parametrize("eyes", EYES)
def test_labels_are_told_from_each_other(eyes: str) -> None:
    for first, second in combinations(LABELS.values(), 2):
        assert difference(first, second, eyes) > APART


@pytest.mark.parametrize("eyes", EYES)
def test_vessel_trees_are_told_from_each_other_and_from_all_labels(eyes: str) -> None:
    portal, hepatic = (TREE_STYLES[tree].color for tree in (VesselTree.PORTAL, VesselTree.HEPATIC))
    assert difference(portal, hepatic, eyes) > 2 * APART
    for color in LABELS.values():
        assert difference(portal, color, eyes) > APART
        assert difference(hepatic, color, eyes) > APART


@pytest.mark.parametrize("eyes", EYES)
def test_no_probability_looks_like_a_tumor_or_the_liver(eyes: str) -> None:
    shown = color_ramp()[26:, :3]
    assert difference(shown, LABELS[Label.TUMOR], eyes) > 40
    assert difference(shown, LABELS[Label.LIVER], eyes) > 30
    assert difference(shown, LABELS[Label.VESSEL], eyes) > (35 if eyes == "usual" else 5)


def test_the_ramp_is_even_and_grows_lighter() -> None:
    lab = seen_by(color_ramp()[:, :3], "usual")
    assert (np.diff(lab[:, 0]) >= 0).all()
    assert lab[-1, 0] - lab[0, 0] > 70
    steps = [difference(color_ramp()[n, :3], color_ramp()[n + 16, :3]) for n in range(0, 240, 16)]
    assert max(steps) < 1.5 * min(steps)


@pytest.mark.parametrize("eyes", EYES)
def test_the_error_map_has_colors_of_its_own(eyes: str) -> None:
    colors = error_map_colors()[:, :3]
    for value in (ONLY_PREDICTED, ONLY_REFERENCE):
        for label in FOREGROUND:
            assert difference(colors[value], LABELS[label], eyes) > APART
    for first, second in combinations((AGREE, ONLY_PREDICTED, ONLY_REFERENCE), 2):
        assert difference(colors[first], colors[second], eyes) > APART


@pytest.mark.parametrize("theme", [_DARK, _LIGHT])
def test_what_shows_a_color_has_an_edge_that_is_seen(theme: str) -> None:
    """Gold is nearly as light as a light window: 3 to 1 as WCAG asks of what has no words."""
    window = [int(theme.split()[0][n : n + 2], 16) for n in (1, 3, 5)]
    edge = [int(SWATCH_EDGE[n : n + 2], 16) for n in (1, 3, 5)]
    assert contrast(edge, window) >= 3
