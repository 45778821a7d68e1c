"""Colors as eyes see them, and how far apart two of them are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

# Machado, Oliveira and Fernandes 2009, severity 1.0: on linear RGB.
EYES: dict[str, NDArray[np.float64]] = {
    "usual": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}


def seen_by(colors: object, eyes: str) -> NDArray[np.float64]:
    """CIE Lab of colors (n, 3), 0..255, as these eyes see them."""
    share = np.asarray(colors, float).reshape(-1, 3) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ EYES[eyes].T, 0, 1)
    encoded = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab: NDArray[np.float64] = rgb2lab(encoded[None])[0]
    return lab


def difference(first: object, second: object, eyes: str = "usual") -> float:
    """The least CIEDE2000 between any of the first colors and any of the second ones."""
    a, b = seen_by(first, eyes), seen_by(second, eyes)
    return float(deltaE_ciede2000(a[:, None], b[None]).min())


def contrast(first: object, second: object) -> float:
    """Contrast ratio of two colors, 0..255, as WCAG 2.1 defines it."""

    def luminance(color: object) -> float:
        share = np.asarray(color, float) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
