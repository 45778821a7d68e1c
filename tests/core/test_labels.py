"""Labels: the merge rule and the lookup table that draws them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from liverview.core.labels import (
    FOREGROUND,
    Label,
    color_lookup_table,
    count_with_parts,
    default_styles,
    merge_masks,
)


def test_tumor_over_vessel_over_liver_and_nothing_outside() -> None:
    liver = np.array([0, 1, 1, 1, 1, 0, 0], bool)
    vessel = np.array([0, 0, 1, 0, 1, 1, 0], bool)
    tumor = np.array([0, 0, 0, 1, 1, 0, 1], bool)
    assert merge_masks(liver, vessel, tumor).tolist() == [0, 1, 2, 3, 3, 0, 0]


def test_colors_are_those_of_the_resources() -> None:
    table = color_lookup_table(default_styles())
    assert table.shape == (256, 4)
    assert table[Label.LIVER].tolist() == [221, 130, 101, 89]
    assert table[Label.VESSEL, :3].tolist() == [0, 151, 206]
    assert table[Label.TUMOR, :3].tolist() == [255, 215, 0]
    assert not table[0].any()
    assert not table[4:].any()


@pytest.mark.parametrize("hidden", [Label.VESSEL, Label.TUMOR])
def test_a_hidden_part_takes_the_color_of_the_liver(hidden: Label) -> None:
    styles = default_styles()
    before = color_lookup_table(styles)
    styles[hidden] = replace(styles[hidden], visible=False)
    table = color_lookup_table(styles)
    assert table[hidden].tolist() == table[Label.LIVER].tolist()
    others = [value for value in range(256) if value != hidden]
    assert np.array_equal(table[others], before[others])


def test_a_hidden_liver_leaves_its_parts() -> None:
    styles = default_styles()
    styles[Label.LIVER] = replace(styles[Label.LIVER], visible=False)
    table = color_lookup_table(styles)
    assert not table[Label.LIVER].any()
    assert table[Label.VESSEL, 3] > 0
    styles[Label.VESSEL] = replace(styles[Label.VESSEL], visible=False)
    assert not color_lookup_table(styles)[Label.VESSEL].any()


def test_opacity_is_alpha() -> None:
    styles = default_styles()
    styles[Label.TUMOR] = replace(styles[Label.TUMOR], opacity=1.0)
    assert color_lookup_table(styles)[Label.TUMOR, 3] == 255


def test_the_liver_is_counted_with_its_parts() -> None:
    counts = {Label.LIVER: 100, Label.VESSEL: 20, Label.TUMOR: 3}
    assert count_with_parts(counts) == {Label.LIVER: 123, Label.VESSEL: 20, Label.TUMOR: 3}
    assert tuple(count_with_parts({})) == FOREGROUND


# Machado, Oliveira, Fernandes 2009, severity 1, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("tissue", [0.3, 0.45, 0.6])
def test_default_colors_stay_apart_for_color_blind_eyes(deficiency: str, tissue: float) -> None:
    """As they are drawn over gray tissue; 2.3 is a difference that is just seen."""
    seen = {}
    for label, style in default_styles().items():
        mixed = np.array(style.color) / 255 * style.opacity + tissue * (1 - style.opacity)
        linear = np.where(mixed <= 0.04045, mixed / 12.92, ((mixed + 0.055) / 1.055) ** 2.4)
        linear = np.clip(np.array(DEFICIENCIES[deficiency]) @ linear, 0, 1)
        mixed = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        seen[label] = rgb2lab(mixed[None, None])[0, 0]
    for one, other in combinations(FOREGROUND, 2):
        assert deltaE_ciede2000(seen[one], seen[other]) > 10
