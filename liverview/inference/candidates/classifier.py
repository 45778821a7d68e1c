"""The judgment of candidates: small networks over their features, their mean calibrated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from liverview.core.text import quoted
from liverview.files import atomic
from liverview.inference.candidates.features import FEATURES
from liverview.networks.checkpoint import CheckpointError, read_tensors

LESIONS_FILE = "lesions.safetensors"
"""The name of the file in a folder of weights."""
_FORMAT = "liverview-lesions-1"
_MOST_SCALED = 3.0  # standard deviations; what is farther out was not in the training
LEAST_CERTAIN, _SURE = 0.001, 0.999
_SHAPES = {
    "mean": ("features",),
    "scale": ("features",),
    "direct": ("networks", "features"),
    "hidden": ("networks", "features", "units"),
    "hidden_bias": ("networks", "units"),
    "out": ("networks", "units"),
    "bias": ("networks",),
    "calibration": ("two",),
}
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LesionClassifier:
    """Networks of one hidden layer, beside it a linear one; numbers only.

    Attributes
    ----------
    features : names of what it looks at, some of `FEATURES`.
    tensors : mean and scale of the features, (F,); of N networks with H hidden units the weights
        that lead to the output directly, (N, F), those of the hidden units, (N, F, H) and (N, H),
        from them to the output, (N, H), and its bias, (N,); slope and offset of the calibration.
    card : data, license, seeds, figures.
    """

    features: tuple[str, ...]
    tensors: Mapping[str, Numbers]
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in self.features if name not in FEATURES]
        if unknown or not self.features:
            raise ValueError(f"it judges by features that are not known: {quoted(unknown)}")
        networks, units = self.tensors["hidden_bias"].shape
        sizes = {"features": len(self.features), "networks": networks, "units": units, "two": 2}
        for name, axes in _SHAPES.items():
            shape = tuple(sizes[axis] for axis in axes)
            if self.tensors[name].shape != shape:
                raise ValueError(f"{name} must be {shape}, got {self.tensors[name].shape}")
            if not np.isfinite(self.tensors[name]).all():
                raise ValueError(f"{name} holds what is no finite number")
        if networks < 1 or (self.tensors["scale"] <= 0).any():
            raise ValueError("it must have a network, and scales above 0")

    def certainties(self, described: Numbers) -> Numbers:
        """The certainty of candidates, (n,), by their features (n, F) as `FEATURES` names them."""
        return self.calibrated(self.scores(described))

    def calibrated(self, scores: Numbers) -> Numbers:
        """The certainties that scores mean, (n,)."""
        slope, offset = self.tensors["calibration"]
        return _as_certainty(slope * scores + offset)

    def scores(self, described: Numbers) -> Numbers:
        """The mean output of the networks, (n,), before the calibration."""
        t = self.tensors
        picked = described[:, [FEATURES.index(name) for name in self.features]]
        x = np.clip((picked - t["mean"]) / t["scale"], -_MOST_SCALED, _MOST_SCALED)
        hidden = np.tanh(np.einsum("nf,mfh->mnh", x, t["hidden"]) + t["hidden_bias"][:, None])
        out = np.einsum("mnh,mh->mn", hidden, t["out"]) + t["bias"][:, None]
        total: Numbers = (out + np.einsum("nf,mf->mn", x, t["direct"])).mean(axis=0)
        return total


def certainties_without(described: Numbers) -> Numbers:
    """Certainties where no weights judge: the mean probability of tumor in each candidate."""
    mean: Numbers = described[:, FEATURES.index("mean_probability")]
    return np.clip(np.round(mean, 3), LEAST_CERTAIN, _SURE)


def _as_certainty(logits: Numbers) -> Numbers:
    """Between 0 and 1, never either of them, to three digits."""
    with np.errstate(over="ignore"):
        return np.clip(np.round(1 / (1 + np.exp(-logits)), 3), LEAST_CERTAIN, _SURE)


def save_classifier(path: Path, classifier: LesionClassifier, recipe: str = "") -> None:
    """Write a classifier and the TOML that it was trained with, whole or not at all.

    Raises
    ------
    TargetError : where the file cannot be written.
    """
    metadata = {
        "format": _FORMAT,
        "features": json.dumps(classifier.features),
        "recipe": recipe,
        "card": json.dumps(dict(classifier.card)),
    }
    tensors = {name: np.ascontiguousarray(classifier.tensors[name], np.float32) for name in _SHAPES}
    with atomic.atomic_write(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_classifier(path: Path) -> LesionClassifier:
    """Read a classifier.

    Raises
    ------
    CheckpointError : for anything that is not a complete one.
    """
    metadata, tensors = read_tensors(path)
    if metadata.get("format") != _FORMAT:
        found = quoted(metadata.get("format", "no format"))
        raise CheckpointError(
            f"{path} is no judge of liverview for lesions: {found}, not {_FORMAT}"
        )
    try:
        numbers = {name: tensors[name].double().numpy() for name in _SHAPES}
        features = tuple(json.loads(metadata["features"]))
        return LesionClassifier(features, numbers, dict(json.loads(metadata.get("card", "{}"))))
    except KeyError as error:
        raise CheckpointError(f"{path} is damaged: {quoted(error)} is missing") from error
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {quoted(error, 300)}") from error
