"""Slices between drawn ones, beside ITK's morphological contour interpolation where it is there.

ITK is no part of liverview's environment (1.5 GB, and half a minute until its filter is loaded):
``pip install --target DIR itk-morphologicalcontourinterpolation==2.1.2``, then PYTHONPATH=DIR.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
from measuring import Row, alternating, median
from numpy.typing import NDArray

from liverview.editing.between_slices import fill_between_slices

RUNS = 5
SPACING = (0.7, 0.7, 1.0)
FIRST, LAST, DRAWN = 10, 190, 20
Mask = NDArray[np.bool_]


def body() -> Mask:
    """A lobed body that leans and turns, 512x512x200."""
    i, j = np.ogrid[:512, :512]
    mask = np.zeros((512, 512, 200), bool)
    for k in range(FIRST, LAST + 1):
        height = (k - 100) / 90
        radius = 60 * np.sqrt(max(0.0, 1 - height * height)) + 6
        x, y = i - (200 + 0.5 * k), j - (250 - 0.3 * k)
        lobes = 1 + 0.2 * np.sin(3 * np.arctan2(y, x) + k / 40)
        mask[..., k] = np.hypot(x / 1.3, y) < radius * lobes
    return mask


def between_slices_rows() -> list[Row]:
    """The row, with the Dice of what lies between the drawn slices."""
    whole = body()
    indices = np.linspace(FIRST, LAST, DRAWN).astype(int)
    drawn = np.zeros_like(whole)
    drawn[..., indices] = whole[..., indices]
    found: dict[str, Mask] = {}

    def ours() -> None:
        mask = drawn.copy()
        for box, inside in fill_between_slices(drawn, 2, SPACING):
            mask[box] |= inside
        found["liverview"] = mask

    ways: dict[str, Callable[[], object]] = {"liverview": ours}
    if importlib.util.find_spec("itk") is not None:
        ways["ITK, morphological contour interpolation"] = itk_way(drawn, found)
    row = Row(f"fill between {DRAWN} drawn slices, 512x512x200", alternating(ways, RUNS))
    between = np.setdiff1d(np.arange(FIRST, LAST + 1), indices)
    for way, mask in found.items():
        one, other = mask[..., between], whole[..., between]
        dice = 2 * (one & other).sum() / (one.sum() + other.sum())
        row.notes.append(f"{way}: Dice between the drawn slices {dice:.4f} (synthetic)")
    if len(ways) > 1:
        row.target = "not slower than ITK's filter"
        row.reached = median(row.ours) <= median(list(row.seconds.values())[1])
    else:
        row.notes.append("ITK is not installed: see benchmarks/between_slices.py")
    return [row]


def itk_way(drawn: Mask, found: dict[str, Mask]) -> Callable[[], object]:
    """ITK's filter along the same axis, from array to array."""
    import itk

    def fill() -> None:
        image = itk.image_from_array(np.ascontiguousarray(drawn.T).astype(np.uint8))
        filling = itk.MorphologicalContourInterpolator[type(image)].New(image)
        filling.SetAxis(2)
        filling.Update()
        found["ITK"] = itk.array_from_image(filling.GetOutput()).T > 0

    return fill
