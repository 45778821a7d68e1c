"""The recipe of the judge of lesions, and recipes of any kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverview.core.text import quoted
from liverview.training.recipe import (
    Recipe,
    SliceRecipe,
    check_range,
    read_recipe,
)
from liverview.training.recipe_text import RecipeError, read_recipe_values

_KIND = "candidates"
_TABLES = {
    "": {"name", "seed", "sample", "network", "optimizer", "validation"},
    "sample": {
        *("kind", "phantoms", "per_body", "pixel_mm", "slice_mm", "scan_weight", "processes"),
    },
    "network": {"hidden"},
    "optimizer": {"steps", "learning_rate", "weight_decay"},
    "validation": {"folds"},
}


@dataclass(frozen=True)
class LesionRecipe:
    """A run that trains the judge of candidates for lesions.

    Attributes
    ----------
    phantoms : how many are drawn; ``per_body`` of them have one anatomy.
    pixel_mm, slice_mm : of their pixels, and the range that the distance of slices is drawn from.
    scan_weight : how much a candidate in a real scan counts, one in a phantom counting 1.
    processes : that share the work.
    hidden : units of each network.
    folds : parts that bodies and patients are put into; each network has not seen one of them.
    text : the TOML it was read from.
    """

    name: str
    seed: int
    phantoms: int
    per_body: int
    pixel_mm: float
    slice_mm: tuple[float, float]
    scan_weight: float
    processes: int
    hidden: int
    steps: int
    learning_rate: float
    weight_decay: float
    folds: int
    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[\w-]{1,100}", self.name):
            raise ValueError(
                f"name must be up to 100 letters, digits, - and _, got {quoted(self.name)}"
            )
        for name, low, high in _RANGES:
            check_range(name, getattr(self, name), low, high)
        if len(self.slice_mm) != 2:
            raise ValueError(f"slice_mm must be a range of two, got {quoted(self.slice_mm)}")
        for mm in self.slice_mm:
            check_range("slice_mm", mm, 0.5, 20.0)
        if self.slice_mm[0] > self.slice_mm[1]:
            raise ValueError(f"slice_mm must be from low to high, got {quoted(self.slice_mm)}")


_RANGES = (
    ("seed", 0, 2**32 - 1),
    ("phantoms", 0, 100_000),
    ("per_body", 1, 1000),
    ("pixel_mm", 0.5, 4.0),
    ("scan_weight", 0.0, 1000.0),
    ("processes", 1, 256),
    ("hidden", 1, 256),
    ("steps", 1, 1_000_000),
    ("learning_rate", 1e-9, 10.0),
    ("weight_decay", 0.0, 10.0),
    ("folds", 2, 100),
)


def read_any_recipe(path: Path) -> Recipe | SliceRecipe | LesionRecipe:
    """Read and check a recipe of any kind.

    Raises
    ------
    RecipeError : where the file cannot be read, or an entry is missing or impossible.
    """
    values, text = read_recipe_values(path)
    sample = values.get("sample")
    if not isinstance(sample, Mapping) or sample.get("kind") != _KIND:
        return read_recipe(path)
    try:
        return _build(values, text)
    except KeyError as error:
        raise RecipeError(f"{path}: the entry {quoted(error)} is missing") from error
    except (TypeError, ValueError) as error:
        raise RecipeError(f"{path}: {quoted(error, 300)}") from error


def _build(values: Mapping[str, Any], text: str) -> LesionRecipe:
    tables = {"": values, **{name: values[name] for name in _TABLES if name}}
    for name, known in _TABLES.items():
        if not isinstance(tables[name], Mapping):
            raise ValueError(f"{name} must be a table, got {quoted(tables[name])}")
        for entry in tables[name].keys() - known:
            raise ValueError(
                f"{quoted(f'{name}.{entry}'.lstrip('.'))} is no entry of such a recipe"
            )
    numbers = {
        entry: tables[name][entry]
        for name, known in _TABLES.items()
        if name
        for entry in sorted(known - {"kind", "slice_mm"})
    }
    slice_mm = values["sample"]["slice_mm"]
    if not isinstance(slice_mm, list):
        raise ValueError(f"slice_mm must be a list in brackets, got {quoted(slice_mm)}")
    return LesionRecipe(
        name=values["name"], seed=values["seed"], slice_mm=tuple(slice_mm), text=text, **numbers
    )
