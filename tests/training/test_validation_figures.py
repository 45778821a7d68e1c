"""Validation's figures where classes are known in part."""

from __future__ import annotations

import pytest
import torch

from liverview.training.phantom_module import count_classes, dice_by_class
from liverview.training.targets import IGNORE_INDEX, complementary_label

CLASSES = "background", "liver", "vessel", "tumor"


def test_a_class_that_the_targets_lack_has_no_figure() -> None:
    target = torch.tensor([[0, 1, 1, 1, 2, 0]])
    predicted = torch.tensor([[0, 1, 1, 3, 2, 3]])
    figures = dice_by_class(count_classes(predicted, target, 4), CLASSES)
    assert figures == pytest.approx({"dice_liver": 4 / 5, "dice_vessel": 1.0})


def test_voxels_whose_class_is_unknown_count_for_nothing() -> None:
    target = torch.tensor([[0, 1, 2, IGNORE_INDEX, complementary_label(0), IGNORE_INDEX]])
    for unknown in ([0, 1, 2], [2, 2, 2], [1, 0, 3]):
        predicted = torch.tensor([[0, 1, 2, *unknown]])
        figures = dice_by_class(count_classes(predicted, target, 4), CLASSES)
        assert figures == {"dice_liver": 1.0, "dice_vessel": 1.0}


def test_counts_of_batches_add_up() -> None:
    target, predicted = torch.randint(-1, 4, (2, 6, 9, 9)).unbind()
    whole = count_classes(predicted, target, 4)
    parts = sum(count_classes(p, t, 4) for p, t in zip(predicted, target, strict=True))
    assert torch.equal(whole, parts)
