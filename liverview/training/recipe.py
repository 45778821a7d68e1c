"""Training recipes: small TOML files with everything that a run depends on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverview.core.checks import check_number
from liverview.core.text import quoted, shortened
from liverview.networks.click_input import MARK_CHANNELS
from liverview.networks.network import NetworkConfig
from liverview.networks.preprocessing import Preprocessing
from liverview.training.recipe_text import RecipeError as RecipeError
from liverview.training.recipe_text import read_recipe_values


@dataclass(frozen=True)
class SampleConfig:
    """The kind and size of a sample.

    Attributes
    ----------
    kind : "organs" for whole-body blocks, "liver" for slices around the liver, "clicks" for cubes
        with a person's marks.
    shape : voxels; for "liver" the last number is the slices segmented at once.
    slice_mm : range from which the distance of slices is drawn ("liver" only).
    per_body : samples made from one body before the next is drawn.
    """

    kind: str
    shape: tuple[int, int, int]
    per_body: int
    slice_mm: tuple[float, float] = (4.0, 4.0)

    def __post_init__(self) -> None:
        if self.kind not in ("organs", "liver", "clicks"):
            known = "organs, liver, clicks, slices or candidates"
            raise ValueError(f"the kind of sample must be {known}, got {quoted(self.kind)}")
        if len(self.shape) != 3:
            raise ValueError(f"shape must be three numbers, got {quoted(self.shape)}")
        for size in self.shape:
            check_range("shape", size, 1, 256)
        for mm in self.slice_mm:
            check_number("slice_mm", mm, 0.1, 20)
        if len(self.slice_mm) != 2 or self.slice_mm[0] > self.slice_mm[1]:
            raise ValueError(
                f"slice_mm must be a range within 0.1 to 20, got {quoted(self.slice_mm)}"
            )
        check_range("per_body", self.per_body, 1, 1_000_000)


@dataclass(frozen=True)
class OptimizerConfig:
    """The optimization: AdamW, linear warm-up, cosine decay, moving average.

    ``batch`` samples make a step, shared by ``processes`` where the CPU does the work.

    ``settle_steps``: in the last of the steps, batch norm uses the averaged statistics that
    inference will use. A network that always sees those of its own few slices comes to rely
    on them, and does not find its way without. The learning rate of these steps is a cosine
    of its own, from ``settle_rate``; the one before reaches zero after ``decay_steps``
    (0: with its last step). As many as ``steps`` suits a network that begins with trained
    weights and keeps their statistics.
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
    centerline_weight: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            check_range(name, getattr(self, name), low, high)
        check_range("settle_steps", self.settle_steps, 0, self.steps)
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
    ("centerline_weight", 0.0, 100.0),
)


@dataclass(frozen=True)
class SliceConfig:
    """The choice of scans of a Medical Segmentation Decathlon folder.

    Attributes
    ----------
    fewer_than : scans with as many slices or more are left out.
    validation_share : of the scans, rounded up; no slice of these is trained on.
    """

    fewer_than: int
    validation_share: float

    def __post_init__(self) -> None:
        check_range("fewer_than", self.fewer_than, 2, 100_000)
        check_range("validation_share", self.validation_share, 0.01, 0.99)


@dataclass(frozen=True)
class PlateauConfig:
    """The optimization on slices: Adam, a lower rate on plateaus, an early stop.

    Attributes
    ----------
    epochs : at most.
    batch : slices in a step, over all processes; the last step of an epoch may have fewer.
    learning_rate : to begin with.
    plateau_factor : what the rate is multiplied with once the validation loss has not become
        lower for more than ``plateau_patience`` epochs.
    stop_patience : epochs without a lower validation loss after which training ends.
    """

    epochs: int
    batch: int
    learning_rate: float
    plateau_factor: float
    plateau_patience: int
    stop_patience: int

    def __post_init__(self) -> None:
        check_range("epochs", self.epochs, 1, 1_000_000)
        check_range("batch", self.batch, 1, 4096)
        check_range("learning_rate", self.learning_rate, 1e-12, 10.0)
        check_range("plateau_factor", self.plateau_factor, 0.001, 0.999)
        check_range("plateau_patience", self.plateau_patience, 0, 1_000_000)
        check_range("stop_patience", self.stop_patience, 1, 1_000_000)


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError, naming the entry, unless ``value`` is a number from ``low`` to ``high``.

    Where both bounds are whole, the number must be so, too.
    """
    whole = isinstance(low, int) and isinstance(high, int)
    check_number(name, value, low, high, whole=whole)


@dataclass(frozen=True)
class RunConfig:
    """The settings of every training run; ``text`` is the TOML it was read from."""

    name: str
    seed: int
    classes: tuple[str, ...]
    network: NetworkConfig
    preprocessing: Preprocessing
    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[\w-]{1,100}", self.name):
            raise ValueError(
                f"name must be up to 100 letters, digits, - and _, got {quoted(self.name)}"
            )
        if not all(isinstance(name, str) and name for name in self.classes):
            raise ValueError(f"classes must be a list of names, got {quoted(self.classes)}")
        check_range("seed", self.seed, 0, 2**32 - 1)


@dataclass(frozen=True)
class Recipe(RunConfig):
    """A run on phantoms.

    ``scans_share`` is the share of the training samples that are from labelled scans.
    """

    sample: SampleConfig
    optimizer: OptimizerConfig
    validation_samples: int
    validate_every: int
    scans_share: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("scans' share", self.scans_share, 0.0, 1.0)
        clicks = self.sample.kind == "clicks"
        if clicks and (self.preprocessing.marks != MARK_CHANNELS or self.network.dims != 3):
            raise ValueError(f"clicks must be for dims = 3 and marks = {MARK_CHANNELS}")
        if self.scans_share and "liver" not in self.classes and not clicks:
            raise ValueError("where scans are mixed in, liver must be a class")
        if self.optimizer.centerline_weight and "vessel" not in self.classes:
            raise ValueError("centerline_weight needs the class vessel")
        if self.preprocessing.whole_slices:
            raise ValueError("spacing_mm must be above 0: phantoms have no resolution of their own")
        check_range("validation samples", self.validation_samples, 1, 1_000_000)
        check_range("every", self.validate_every, 1, 100_000_000)
        settled_from = self.optimizer.steps - self.optimizer.settle_steps
        if self.optimizer.settle_steps and settled_from % self.validate_every:
            raise ValueError(
                f"settling must begin with a round of {self.validate_every} steps (every), not "
                f"after {settled_from} steps"
            )
        plane = self.sample.shape if self.network.dims == 3 else self.sample.shape[:2]
        if any(n % self.network.multiple for n in plane):
            raise ValueError(
                f"shape must be multiples of {self.network.multiple} for a network of depth "
                f"{self.network.depth}, got {self.sample.shape}"
            )


@dataclass(frozen=True)
class SliceRecipe(RunConfig):
    """A run on slices of scans, of a Medical Segmentation Decathlon folder.

    ``threshold`` is the probability above which a voxel counts for a class in the Dice that
    is reported.
    """

    sample: SliceConfig
    optimizer: PlateauConfig
    threshold: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("threshold", self.threshold, 0.01, 0.99)
        preprocessing = self.preprocessing
        if self.network.dims != 2 or not preprocessing.whole_slices:
            raise ValueError("slices must be for dims = 2 and spacing_mm = [0, 0, 0], their own")
        if preprocessing.prior or preprocessing.needs_liver_hu:
            raise ValueError("slices must be without prior and relative windows: no first stage")


def read_recipe(path: Path) -> Recipe | SliceRecipe:
    """Read and check a recipe; the kind of its samples says which it is.

    Raises
    ------
    RecipeError : where the file cannot be read, or an entry is missing or impossible.
    """
    values, text = read_recipe_values(path)
    try:
        return _build_recipe(values, text)
    except KeyError as error:
        raise RecipeError(f"{path}: the entry {quoted(error)} is missing") from error
    except (TypeError, ValueError) as error:
        raise RecipeError(f"{path}: {quoted(error, 300)}") from error


def _table(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An entry of a recipe that holds other entries."""
    found = values[name]
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} must be a table, got {quoted(found)}: begin it with [{name}]")
    return found


def _list(name: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list in brackets, got {quoted(value)}")
    return tuple(value)


_TABLES = {
    *("name", "seed", "classes", "network", "preprocessing", "sample", "scans", "optimizer"),
    "validation",
}


def _check_keys(table: str, values: Mapping[str, Any], known: set[str]) -> None:
    """Raise ValueError for an entry that nothing would read."""
    for name in values.keys() - known:
        entry = f"{f'{table}.' if table else ''}{name}"
        raise ValueError(f"{shortened(entry, 80)} is not an entry of such a recipe")


def _build_recipe(values: Mapping[str, Any], text: str) -> Recipe | SliceRecipe:
    preprocessing = Preprocessing.from_dict(_table(values, "preprocessing"))
    classes = _list("classes", values["classes"])
    network = NetworkConfig(
        in_channels=preprocessing.channels, classes=len(classes), **_table(values, "network")
    )
    sample, optimizer = dict(_table(values, "sample")), _table(values, "optimizer")
    validation = _table(values, "validation")
    scans = _table({"scans": {}, **values}, "scans")
    phantoms = sample["kind"] != "slices"
    _check_keys("", values, _TABLES if phantoms else _TABLES - {"scans"})
    _check_keys("scans", scans, {"share"})
    _check_keys("validation", validation, {"samples", "every"} if phantoms else {"threshold"})
    run_config: dict[str, Any] = {
        "name": values["name"],
        "seed": values["seed"],
        "classes": classes,
        "network": network,
        "preprocessing": preprocessing,
        "text": text,
    }
    if not phantoms:
        del sample["kind"]
        return SliceRecipe(
            **run_config,
            sample=SliceConfig(**sample),
            optimizer=PlateauConfig(**optimizer),
            threshold=validation["threshold"],
        )
    for name in {"shape", "slice_mm"} & sample.keys():
        sample[name] = _list(name, sample[name])
    return Recipe(
        **run_config,
        sample=SampleConfig(**sample),
        optimizer=OptimizerConfig(**optimizer),
        validation_samples=validation["samples"],
        validate_every=validation["every"],
        scans_share=scans.get("share", 0.0),
    )
