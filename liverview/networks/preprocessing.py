"""Preprocessing of HU to network input, the same for training and inference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from liverview.core.checks import check_number
from liverview.core.text import quoted

_MAX_HU = 1e6
_MIN_SPACING_MM, _MAX_SPACING_MM = 0.1, 100
_MAX_SLICES = 255


@dataclass(frozen=True)
class Window:
    """A range of HU mapped to -1..1, clipped.

    Attributes
    ----------
    level, width : middle and extent of the range in HU.
    relative : the level counts from the liver's median instead of from water, which
        takes most of the difference between contrast phases away.
    """

    level: float
    width: float
    relative: bool = False

    def __post_init__(self) -> None:
        for name in ("level", "width"):
            check_number(f"a window's {name}", getattr(self, name), -_MAX_HU, _MAX_HU)
        if not self.width > 0:
            raise ValueError(f"a window's width must be above 0 HU, got {self.width}")
        _check_flags(self, "relative")

    def apply(self, hu: Tensor, liver_hu: float) -> Tensor:
        """Map HU to -1..1; ``liver_hu`` is the liver's median."""
        middle = self.level + (liver_hu if self.relative else 0.0)
        return ((hu - middle) * (2.0 / self.width)).clamp_(-1, 1)


@dataclass(frozen=True)
class Preprocessing:
    """The steps from a volume to network input; stored in every checkpoint.

    Attributes
    ----------
    spacing_mm : working grid along i, j, k. A 2D network takes the scan's own slices
        where they are at least ``spacing_mm[2]`` apart. Three zeros: a 2D network sees whole
        slices at the scan's own resolution.
    windows : every window of every adjacent slice is one channel.
    slices : adjacent slices, odd; 1 for a 3D network, which sees its neighbors anyway.
    prior : True where the first stage's liver probability (-1..1) is the last channel.
    min_max : instead of windows, the range of each whole slice is mapped to 0..1.
    marks : how many channels a person's marks and today's labels have.
    """

    spacing_mm: tuple[float, float, float]
    windows: tuple[Window, ...]
    slices: int = 1
    prior: bool = False
    min_max: bool = False
    marks: int = 0

    def __post_init__(self) -> None:
        for mm in self.spacing_mm:
            check_number("spacing_mm", mm, 0, _MAX_SPACING_MM)
        known = all(s >= _MIN_SPACING_MM for s in self.spacing_mm) or not any(self.spacing_mm)
        if len(self.spacing_mm) != 3 or not known:
            raise ValueError(
                f"spacing_mm must be three numbers from {_MIN_SPACING_MM}, or three zeros for the "
                f"scan's own, got {quoted(self.spacing_mm)}"
            )
        if not (self.windows or self.min_max):
            raise ValueError("at least one window is needed")
        if self.min_max and (self.windows or not self.whole_slices):
            raise ValueError("min_max must be without windows, and with spacing_mm = [0, 0, 0]")
        check_number("slices", self.slices, 1, _MAX_SLICES, whole=True)
        if self.slices % 2 == 0:
            raise ValueError(f"slices must be odd, got {self.slices}")
        check_number("marks", self.marks, 0, _MAX_SLICES, whole=True)
        _check_flags(self, "prior", "min_max")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Read the values of `to_dict` or of a recipe."""
        given = dict(values)
        given["spacing_mm"] = tuple(
            float(check_number("spacing_mm", mm, 0, _MAX_SPACING_MM)) for mm in given["spacing_mm"]
        )
        given["windows"] = tuple(Window(**w) for w in given.get("windows", ()))
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)

    @property
    def channels(self) -> int:
        """Channels of the network's input."""
        return max(1, len(self.windows)) * self.slices + int(self.prior) + self.marks

    @property
    def whole_slices(self) -> bool:
        """True where the network sees whole slices at the scan's own resolution."""
        return not any(self.spacing_mm)

    @property
    def halo(self) -> int:
        """Slices needed beyond the first and the last one that is segmented."""
        return self.slices // 2

    @property
    def needs_liver_hu(self) -> bool:
        """True where a window's level counts from the liver's median HU."""
        return any(window.relative for window in self.windows)

    def group(self, slice_mm: float) -> int:
        """The number of stored slices, ``slice_mm`` apart, averaged into one for a 2D network."""
        return max(1, math.floor(self.spacing_mm[2] / slice_mm + 0.5))

    def input_3d(self, hu: Tensor, liver_hu: float = 0.0) -> Tensor:
        """Input of a 3D network: (I, J, K) HU -> (C, I, J, K)."""
        return torch.stack([window.apply(hu, liver_hu) for window in self.windows])

    def input_2d(self, hu: Tensor, prior: Tensor | None = None, liver_hu: float = 0.0) -> Tensor:
        """Input of a 2D network: (I, J, K + 2 * halo) HU -> (K, C, I, J).

        ``prior`` is the liver probability of the K middle slices, (I, J, K) in 0..1.
        """
        slices = hu.movedim(2, 0)
        count = len(slices) - 2 * self.halo
        scaled = (
            [_scale_min_max(slices)]
            if self.min_max
            else [window.apply(slices, liver_hu) for window in self.windows]
        )
        channels = [
            values[offset : offset + count] for values in scaled for offset in range(self.slices)
        ]
        if self.prior:
            if prior is None:
                raise ValueError("this checkpoint needs the first stage's liver probability")
            channels.append(prior.movedim(2, 0) * 2 - 1)
        return torch.stack(channels, dim=1)


def pad_to_size(hu: Tensor, size: tuple[int, int]) -> Tensor:
    """Pad slices on all sides with each slice's minimum.

    (I, J, K) -> (size[0], size[1], K), a view where the size is right already.
    """
    if tuple(hu.shape[:2]) == size:
        return hu
    out = hu.amin(dim=(0, 1)).expand(*size, hu.shape[2]).clone()
    out[center_slice(hu.shape[0], size[0]), center_slice(hu.shape[1], size[1])] = hu
    return out


def center_slice(size: int, padded_size: int) -> slice:
    """The slice of ``size`` voxels in the middle of ``padded_size``."""
    start = (padded_size - size) // 2
    return slice(start, start + size)


def _scale_min_max(slices: Tensor) -> Tensor:
    """Scale each slice's own range to 0..1, (K, I, J); a slice of one value is 0."""
    low = slices.amin(dim=(1, 2), keepdim=True)
    span = slices.amax(dim=(1, 2), keepdim=True) - low
    return (slices - low) / torch.where(span > 0, span, 1.0)


def _check_flags(settings: Window | Preprocessing, *names: str) -> None:
    """Refuse what is neither true nor false, as text is."""
    for name in names:
        if not isinstance(getattr(settings, name), bool):
            raise ValueError(f"{name} must be true or false, got {quoted(getattr(settings, name))}")
