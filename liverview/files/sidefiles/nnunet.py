"""nnU-Net's dataset.json: which value has which name.

Format: nnU-Net's documentation/dataset_format.md ({"liver": 1}, and lists of values for regions);
the Medical Segmentation Decathlon and nnU-Net 1 write {"1": "liver"}.
"""

from __future__ import annotations

from typing import Any

DATASET = "dataset.json"


def dataset_names(content: Any) -> dict[int, str]:
    """Value -> name; empty where this describes no data set.

    A value in several regions has the name of the smallest one: of "liver" [1, 2] and "tumor"
    [2], value 2 is tumor.
    """
    labels = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(labels, dict):
        return {}
    if all(_is_value(key) and isinstance(name, str) for key, name in labels.items()):
        return {int(key): name for key, name in labels.items()}
    regions = {str(name): _values(given) for name, given in labels.items()}
    names: dict[int, str] = {}
    for name in sorted(regions, key=lambda name: len(regions[name]), reverse=True):
        names |= dict.fromkeys(regions[name], name)
    return names


def _is_value(text: Any) -> bool:
    return isinstance(text, str) and text.isdecimal()


def _values(given: Any) -> list[int]:
    listed = given if isinstance(given, list) else [given]
    return [value for value in listed if type(value) is int]
