"""Training recipes: small TOML files that say everything about a run."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverview.network import NetworkConfig
from liverview.preprocessing import Preprocessing


class RecipeError(ValueError):
    """A recipe that cannot be used; the message names the file and the entry."""


@dataclass(frozen=True)
class SampleConfig:
    """What one sample looks like.

    Attributes
    ----------
    kind : "organs" for whole-body blocks, "liver" for slices around the liver.
    shape : voxels; for "liver" the last number is the slices segmented at once.
    slice_mm : range from which the distance of slices is drawn ("liver" only).
    per_body : samples made from one body before the next is drawn.
    """

    kind: str
    shape: tuple[int, int, int]
    per_body: int
    slice_mm: tuple[float, float] = (4.0, 4.0)

    def __post_init__(self) -> None:
        if self.kind not in ("organs", "liver"):
            raise ValueError(f"the kind of sample must be organs or liver, got {self.kind!r}")
        if len(self.shape) != 3 or self.per_body < 1:
            raise ValueError(f"shape must be three numbers, got {self.shape}, {self.per_body}")


@dataclass(frozen=True)
class OptimizerConfig:
    """How the weights are found: AdamW, linear warm-up, cosine decay, moving average.

    ``batch`` samples make a step, shared by ``processes`` where the CPU does the work.
    """

    steps: int
    batch: int
    processes: int
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    average_decay: float
    label_smoothing: float
    clip_norm: float

    def __post_init__(self) -> None:
        if self.processes < 1 or self.batch % self.processes:
            raise ValueError(f"batch {self.batch} must be a multiple of processes {self.processes}")


@dataclass(frozen=True)
class Recipe:
    """A whole training run; ``text`` is the TOML it was read from."""

    name: str
    seed: int
    classes: tuple[str, ...]
    network: NetworkConfig
    preprocessing: Preprocessing
    sample: SampleConfig
    optimizer: OptimizerConfig
    validation_samples: int
    validate_every: int
    text: str


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises
    ------
    RecipeError : where the file cannot be read, or an entry is missing or impossible.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path} is not a readable recipe: {error}") from error
    try:
        return _build(values, text)
    except KeyError as error:
        raise RecipeError(f"{path}: the entry {error} is missing") from error
    except (TypeError, ValueError) as error:
        raise RecipeError(f"{path}: {error}") from error


def _build(values: Mapping[str, Any], text: str) -> Recipe:
    preprocessing = Preprocessing.from_dict(values["preprocessing"])
    classes = tuple(values["classes"])
    network = NetworkConfig(
        in_channels=preprocessing.channels, classes=len(classes), **values["network"]
    )
    sample = dict(values["sample"])
    sample["shape"] = tuple(sample["shape"])
    if "slice_mm" in sample:
        sample["slice_mm"] = tuple(sample["slice_mm"])
    return Recipe(
        name=values["name"],
        seed=int(values["seed"]),
        classes=classes,
        network=network,
        preprocessing=preprocessing,
        sample=SampleConfig(**sample),
        optimizer=OptimizerConfig(**values["optimizer"]),
        validation_samples=int(values["validation"]["samples"]),
        validate_every=int(values["validation"]["every"]),
        text=text,
    )
