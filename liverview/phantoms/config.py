"""The configuration of a phantom and its result, without torch, for dialogs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from liverview.core.errors import LiverviewError
from liverview.core.text import quoted
from liverview.core.volume import LabelMap, Volume

_MAX_VOXELS = 1 << 29


class Phase(StrEnum):
    """Contrast phase."""

    NATIVE = "native"
    ARTERIAL = "arterial"
    PORTAL = "portal"
    DELAYED = "delayed"


class Region(StrEnum):
    """The part of the body in the middle of the image."""

    LIVER = "liver"
    CHEST = "chest"
    PELVIS = "pelvis"
    HEAD = "head"


class PhantomLesions(StrEnum):
    """What the lesions of a phantom are."""

    PLAIN = "plain"
    """Mostly darker than the liver, some brighter, the same in every phase."""
    MIXED = "mixed"
    """Metastases or carcinomas, with cysts and hemangiomas among them."""
    METASTASES = "metastases"
    HCC = "hcc"
    CYSTS = "cysts"
    HEMANGIOMAS = "hemangiomas"


PHASES = tuple(Phase)
REGIONS = tuple(Region)


@dataclass(frozen=True)
class PhantomConfig:
    """The settings of a phantom.

    Attributes
    ----------
    shape : voxels along i, j, k.
    spacing : mm per voxel.
    seed : another seed is another patient.
    lesions : how many liver lesions.
    noise_hu : standard deviation of the image noise.
    phase : contrast phase.
    region : what the image is centered on; the others show no liver, if the image is short
        enough for that.
    lesion_kind : what the lesions are. All but plain ones look as the phase makes them look, and
        have the same place and size in every phase.
    """

    shape: tuple[int, int, int] = (512, 512, 120)
    spacing: tuple[float, float, float] = (0.75, 0.75, 2.5)
    seed: int = 0
    lesions: int = 4
    noise_hu: float = 12.0
    phase: Phase = Phase.PORTAL
    region: Region = Region.LIVER
    lesion_kind: PhantomLesions = PhantomLesions.PLAIN

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or not all(1 <= n <= 2048 for n in self.shape):
            raise LiverviewError(f"shape must be three numbers from 1 to 2048, got {self.shape}")
        if math.prod(self.shape) > _MAX_VOXELS:
            raise LiverviewError(
                f"shape {self.shape} has {math.prod(self.shape)} voxels: choose at most "
                f"{_MAX_VOXELS}."
            )
        if len(self.spacing) != 3 or not all(0.1 <= s <= 50 for s in self.spacing):
            raise LiverviewError(
                f"spacing must be three numbers from 0.1 to 50, got {self.spacing}"
            )
        if self.seed < 0:
            raise LiverviewError(f"the seed must be 0 or more, got {self.seed}")
        if not 0 <= self.lesions <= 200:
            raise LiverviewError(f"lesions must be 0 to 200, got {self.lesions}")
        if not 0 <= self.noise_hu <= 500:
            raise LiverviewError(f"noise must be 0 to 500 HU, got {self.noise_hu}")

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` reads it."""
        return {**asdict(self), "shape": list(self.shape), "spacing": list(self.spacing)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PhantomConfig:
        """Read what `to_dict` made; LiverviewError where it is no such thing.

        Without a kind of lesions, as early versions wrote it, they are plain.
        """
        try:
            return cls(
                shape=tuple(int(n) for n in content["shape"]),  # type: ignore[arg-type]
                spacing=tuple(float(s) for s in content["spacing"]),  # type: ignore[arg-type]
                seed=int(content["seed"]),
                lesions=int(content["lesions"]),
                noise_hu=float(content["noise_hu"]),
                phase=Phase(content["phase"]),
                region=Region(content["region"]),
                lesion_kind=PhantomLesions(content.get("lesion_kind", PhantomLesions.PLAIN)),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise LiverviewError(f"these are no settings of a phantom: {quoted(error)}") from error


@dataclass(frozen=True, eq=False)
class Phantom:
    """A volume with its reference label map.

    Examples
    --------
    >>> import liverview as lv
    >>> made = lv.phantom(seed=1, shape=(48, 40, 16), spacing=(8, 8, 12))
    >>> made.volume.shape == made.labels.shape
    True
    """

    volume: Volume
    labels: LabelMap
