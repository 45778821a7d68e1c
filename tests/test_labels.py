"""Labels: the merge rule and the lookup table that draws them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from liverview.labels import SHOWN, Label, default_styles, lookup_table, merge, organ_voxels


def test_tumor_over_vessel_over_liver_and_nothing_outside() -> None:
    liver = np.array([0, 1, 1, 1, 1, 0, 0], bool)
    vessel = np.array([0, 0, 1, 0, 1, 1, 0], bool)
    tumor = np.array([0, 0, 0, 1, 1, 0, 1], bool)
    assert merge(liver, vessel, tumor).tolist() == [0, 1, 2, 3, 3, 0, 0]


def test_colors_are_those_of_the_resources() -> None:
    table = lookup_table(default_styles())
    assert table.shape == (256, 4)
    assert table[Label.LIVER].tolist() == [221, 130, 101, 89]
    assert table[Label.VESSEL, :3].tolist() == [0, 151, 206]
    assert table[Label.TUMOR, :3].tolist() == [255, 215, 0]
    assert not table[0].any()
    assert not table[4:].any()


@pytest.mark.parametrize("hidden", [Label.VESSEL, Label.TUMOR])
def test_a_hidden_part_takes_the_color_of_the_liver(hidden: Label) -> None:
    styles = default_styles()
    before = lookup_table(styles)
    styles[hidden] = replace(styles[hidden], visible=False)
    table = lookup_table(styles)
    assert table[hidden].tolist() == table[Label.LIVER].tolist()
    others = [value for value in range(256) if value != hidden]
    assert np.array_equal(table[others], before[others])


def test_a_hidden_liver_leaves_its_parts() -> None:
    styles = default_styles()
    styles[Label.LIVER] = replace(styles[Label.LIVER], visible=False)
    table = lookup_table(styles)
    assert not table[Label.LIVER].any()
    assert table[Label.VESSEL, 3] > 0
    styles[Label.VESSEL] = replace(styles[Label.VESSEL], visible=False)
    assert not lookup_table(styles)[Label.VESSEL].any()


def test_opacity_is_alpha() -> None:
    styles = default_styles()
    styles[Label.TUMOR] = replace(styles[Label.TUMOR], opacity=1.0)
    assert lookup_table(styles)[Label.TUMOR, 3] == 255


def test_the_liver_is_counted_with_its_parts() -> None:
    counts = {Label.LIVER: 100, Label.VESSEL: 20, Label.TUMOR: 3}
    assert organ_voxels(counts) == {Label.LIVER: 123, Label.VESSEL: 20, Label.TUMOR: 3}
    assert tuple(organ_voxels({})) == SHOWN
