"""Training recipes: small TOML files that say everything about a run."""

from __future__ import annotations

import re
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
        if len(self.shape) != 3:
            raise ValueError(f"shape must be three numbers, got {self.shape}")
        for size in self.shape:
            check_range("shape", size, 1, 256)
        low, high = self.slice_mm
        if not 0.1 <= low <= high <= 20:
            raise ValueError(f"slice_mm must be a range within 0.1 to 20, got {self.slice_mm}")
        check_range("per_body", self.per_body, 1, 1_000_000)


@dataclass(frozen=True)
class OptimizerConfig:
    """How the weights are found: AdamW, linear warm-up, cosine decay, moving average.

    ``batch`` samples make a step, shared by ``processes`` where the CPU does the work.

    ``settle_steps``: in the last of the steps, batch norm uses the averaged statistics that
    inference will use. A network that always sees those of its own few slices comes to rely
    on them, and does not find its way without. The learning rate of these steps is a cosine
    of its own, from ``settle_rate``; the one before reaches zero after ``decay_steps``
    (0: with its last step).
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
    settle_steps: int = 0
    settle_rate: float = 0.0
    decay_steps: int = 0

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            check_range(name, getattr(self, name), low, high)
        check_range("settle_steps", self.settle_steps, 0, self.steps - 1)
        if self.batch % self.processes:
            raise ValueError(f"batch {self.batch} must be a multiple of processes {self.processes}")


_RANGES = (
    ("steps", 1, 100_000_000),
    ("batch", 1, 4096),
    ("processes", 1, 256),
    ("learning_rate", 1e-12, 10.0),
    ("weight_decay", 0.0, 10.0),
    ("warmup_steps", 0, 100_000_000),
    ("average_decay", 0.0, 1.0),
    ("label_smoothing", 0.0, 1.0),
    ("clip_norm", 0.0, 1e9),
    ("settle_rate", 0.0, 10.0),
    ("decay_steps", 0, 100_000_000),
)


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError, naming the entry, for what is no number from ``low`` to ``high``.

    Where both bounds are whole, the number must be so, too.
    """
    whole = isinstance(low, int) and isinstance(high, int)
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} must be {kind} from {low} to {high}, got {value!r}")


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

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+", self.name):
            raise ValueError(f"name must be letters, digits, - and _, got {self.name!r}")
        check_range("seed", self.seed, 0, 2**32 - 1)
        check_range("validation samples", self.validation_samples, 1, 1_000_000)
        check_range("every", self.validate_every, 1, 100_000_000)
        how = self.optimizer
        if how.settle_steps and (how.steps - how.settle_steps) % self.validate_every:
            raise ValueError(
                f"settling must begin with a round of {self.validate_every} steps (every), not "
                f"after {how.steps - how.settle_steps} steps"
            )
        plane = self.sample.shape if self.network.dims == 3 else self.sample.shape[:2]
        if any(n % self.network.multiple for n in plane):
            raise ValueError(
                f"shape must be multiples of {self.network.multiple} for a network of depth "
                f"{self.network.depth}, got {self.sample.shape}"
            )


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
        seed=values["seed"],
        classes=classes,
        network=network,
        preprocessing=preprocessing,
        sample=SampleConfig(**sample),
        optimizer=OptimizerConfig(**values["optimizer"]),
        validation_samples=values["validation"]["samples"],
        validate_every=values["validation"]["every"],
        text=text,
    )
