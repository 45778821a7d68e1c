"""Features of a candidate, as a person sees it: size, contrast, border, shape, place, neighbors.

Lengths are in mm, contrasts in HU and in standard deviations of the noise. HU are means over
pixels of about 1.4 mm, so that noise and contrast mean the same in scans of any pixel size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.inference.candidates.label_bytes import CANDIDATE_BIT, IN_LIVER_BIT, LABEL_BITS
from liverview.inference.candidates.parts import Part
from liverview.inference.candidates.survey import LUNG_HU, LiverSurvey, ScanBlock
from liverview.inference.components import Mask

_MARGIN_MM = 12.0
_MOST_VOXELS = 60_000  # of a candidate's surroundings; of more, every second or third counts
_SHELL_MM = (1.5, 9.0)  # of liver that a candidate is compared with
_BORDER_MM = 3.0
_FAT_HU = (-150.0, -20.0)
_LEAST_SHELL = 20  # voxels

FEATURES = (
    "log_ml",
    "mean_probability",
    "highest_probability",
    "p90_probability",
    "share_above_half",
    "share_tumor",
    "share_background",
    "share_vessel",
    "dark_hu",
    "bright_hu",
    "contrast_in_noise",
    "darkest_hu",
    "brightest_hu",
    "core_hu",
    "inner_spread",
    "sharpness",
    "exposed",
    "exposed_to_lung",
    "exposed_to_fat",
    "lung_near",
    "fat_near",
    "vessels_around",
    "depth_mean",
    "depth_highest",
    "elongation",
    "flatness",
    "compactness",
    "fill",
    "height_slices",
    "height_mm",
    "height_in_liver",
    "shell_difference_hu",
    "slice_mm",
    "liver_hu",
    "noise_hu",
    "first_look",
)
"""The names of the features, in the order of `describe_part`."""


@dataclass(frozen=True, eq=False)
class _Crop:
    """A candidate's surroundings, thinned out: all arrays are (i, j, k).

    Attributes
    ----------
    spacing : mm.
    mask : the candidate.
    hu : of pixels of about 1.4 mm.
    labels : their bytes; chance : the probability of tumor, 0..1.
    others : voxels of any candidate.
    inside, outside : mm to what is not the candidate, and to the candidate.
    """

    spacing: NDArray[np.float64]
    mask: Mask
    hu: NDArray[np.float32]
    labels: NDArray[np.uint8]
    chance: NDArray[np.float32]
    others: Mask
    inside: NDArray[np.float64]
    outside: NDArray[np.float64]

    @property
    def organ(self) -> Mask:
        return self.labels >= IN_LIVER_BIT

    def is_label(self, label: Label) -> Mask:
        """The voxels of a label."""
        return (self.labels & LABEL_BITS) == label


def describe_part(
    part: Part,
    block: NDArray[np.uint8],
    probability: NDArray[np.uint8],
    survey: LiverSurvey,
    scan: ScanBlock,
) -> NDArray[np.float64]:
    """The features of a part, (F,), as `FEATURES` names them."""
    crop = _cut(part, block, probability, scan)
    voxels = voxels_of(part.mask) + part.box.start
    ml = float(np.count_nonzero(part.mask)) * math.prod(scan.spacing) / 1000
    found = {
        "log_ml": math.log(ml),
        "slice_mm": scan.spacing[2],
        "liver_hu": survey.liver_hu,
        "noise_hu": survey.noise_hu,
        "first_look": _first_stage_mean(voxels, scan),
        **_chances(crop),
        **_contrasts(crop, survey),
        **_neighbors(crop),
        **_shape(crop, part, ml),
        **_place(voxels, part, survey, scan),
    }
    return np.array([found[name] for name in FEATURES])


def voxels_of(mask: Mask) -> NDArray[np.intp]:
    """The voxels of a mask, (N, 3), in the order of NumPy's ``argwhere``, but sooner found."""
    flat = np.flatnonzero(np.ascontiguousarray(mask))
    return np.stack(np.unravel_index(flat, mask.shape), axis=1)


def _first_stage_mean(voxels: NDArray[np.intp], scan: ScanBlock) -> float:
    """The first stage's mean probability of liver in voxels; 0 where nobody asked it."""
    return 0.0 if scan.first_look is None else scan.first_look.mean_at(voxels)


def _cut(
    part: Part, block: NDArray[np.uint8], probability: NDArray[np.uint8], scan: ScanBlock
) -> _Crop:
    """The surroundings of a part, on pixels of about 1.4 mm, or wider ones of a large part."""
    fine = (*scan.pixel_stride, 1)
    margin = [math.ceil(_MARGIN_MM / mm) for mm in scan.spacing]
    start = [max(0, a - n) // f * f for a, n, f in zip(part.box.start, margin, fine, strict=True)]
    stop = [
        min(size, -(-min(size, b + n) // f) * f)
        for b, n, f, size in zip(part.box.stop, margin, fine, block.shape, strict=True)
    ]
    box = Box.from_bounds(start, stop)
    sizes = [side // f for side, f in zip(box.shape, fine, strict=True)]
    thin = max(1, math.ceil((math.prod(sizes) / _MOST_VOXELS) ** (1 / 3)))
    along_k = max(1, min(thin * round(_MARGIN_MM / 8 / scan.spacing[2]), thin))
    pick = (
        slice(thin // 2, sizes[0], thin),
        slice(thin // 2, sizes[1], thin),
        slice(along_k // 2, sizes[2], along_k),
    )
    # The voxels in the middle of the pixels that are looked at.
    middles = [
        range(one.start * f + f // 2, size * f, one.step * f)
        for one, f, size in zip(pick, fine, sizes, strict=True)
    ]
    picked = tuple(slice(one.start, one.stop, one.step) for one in middles)
    stride = (fine[0] * thin, fine[1] * thin, along_k)
    thinned = _thinned(part, start, middles, stride)
    spacing = np.multiply(stride, scan.spacing)
    marked = probability[box][picked]
    return _Crop(
        spacing,
        thinned,
        np.ascontiguousarray(scan.pixels(box, pick)),
        np.ascontiguousarray(block[box][picked]),
        (marked & ~CANDIDATE_BIT).astype(np.float32, order="C") / np.float32(255),
        np.ascontiguousarray((marked & CANDIDATE_BIT) > 0),
        _depths(thinned, spacing),
        ndimage.distance_transform_edt(~thinned, sampling=spacing),
    )


def _thinned(
    part: Part, start: list[int], middles: list[range], stride: tuple[int, int, int]
) -> Mask:
    """A part at the picked voxels of a box from ``start`` on."""
    thinned = np.zeros([len(one) for one in middles], np.bool_)
    offset = np.subtract(part.box.start, start)
    sides = zip(middles, offset, part.mask.shape, strict=True)
    there = [_meeting(picked, int(first), size) for picked, first, size in sides]
    thinned[tuple(to for to, _ in there)] = part.mask[tuple(of for _, of in there)]
    if not thinned.any():  # a speck between the voxels that are looked at
        at = (np.argwhere(part.mask)[0] + offset) // stride
        thinned[tuple(np.minimum(at, np.array(thinned.shape) - 1))] = True
    return thinned


def _meeting(picked: range, offset: int, size: int) -> tuple[slice, slice]:
    """The part of picked voxels that lies in a box from ``offset`` on; then the same in the box."""
    first = max(0, -((picked.start - offset) // picked.step))
    behind = max(first, min(len(picked), -((picked.start - offset - size) // picked.step)))
    at = picked.start + first * picked.step - offset
    return slice(first, behind), slice(at, at + (behind - first) * picked.step, picked.step)


def _depths(mask: Mask, spacing: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance from each voxel of a mask to the nearest one outside, in mm; 0 outside."""
    depths = np.zeros(mask.shape)
    around = Box.around(mask)
    if around is not None:  # the nearest one lies beside the mask
        box = around.expanded(1, mask.shape)
        depths[box] = ndimage.distance_transform_edt(mask[box], sampling=spacing)
    return depths


def _chances(crop: _Crop) -> Mapping[str, float]:
    chance = crop.chance[crop.mask]
    shares = {
        "share_tumor": Label.TUMOR,
        "share_background": Label.BACKGROUND,
        "share_vessel": Label.VESSEL,
    }
    return {
        "mean_probability": float(chance.mean()),
        "highest_probability": float(chance.max()),
        "p90_probability": float(np.percentile(chance, 90)),
        "share_above_half": float((chance > 0.5).mean()),
        **{name: float(crop.is_label(lb)[crop.mask].mean()) for name, lb in shares.items()},
    }


def _contrasts(crop: _Crop, survey: LiverSurvey) -> Mapping[str, float]:
    plain = crop.organ & ~crop.others & ~crop.mask & crop.is_label(Label.LIVER)
    low, high = _SHELL_MM
    shell = crop.hu[plain & (crop.outside > low) & (crop.outside <= high)]
    around = float(np.median(shell)) if len(shell) >= _LEAST_SHELL else survey.liver_hu
    core = crop.hu[crop.mask & (crop.inside > min(low, crop.inside.max() / 2))]
    contrast = float(np.median(core)) - around
    darkest, brightest = np.percentile(core, (10, 90)) - around
    rim = crop.hu[crop.mask & (crop.inside <= _BORDER_MM)]
    beside = crop.hu[plain & (crop.outside <= _BORDER_MM)]
    step = float(np.median(beside) - np.median(rim)) if len(beside) else 0.0
    noise = survey.noise_hu
    return {
        "dark_hu": max(0.0, -contrast),
        "bright_hu": max(0.0, contrast),
        "contrast_in_noise": abs(contrast) / noise,
        "darkest_hu": float(darkest),
        "brightest_hu": float(brightest),
        "core_hu": contrast + around,
        "inner_spread": float(core.std()) / noise,
        "sharpness": abs(step) / (abs(contrast) + noise),
        "shell_difference_hu": around - survey.liver_hu,
    }


def _neighbors(crop: _Crop) -> Mapping[str, float]:
    reach = max(_BORDER_MM + 1, 1.2 * float(crop.spacing[2]))
    ring = ~crop.mask & (crop.outside <= reach)
    near = ~crop.mask & (crop.outside <= _MARGIN_MM)
    low, high = _FAT_HU
    lung, fat = crop.hu < LUNG_HU, (crop.hu > low) & (crop.hu < high)
    return {
        "exposed": exposed_share(crop.mask, crop.organ, crop.spacing),
        "exposed_to_lung": _share(lung, ring),
        "exposed_to_fat": _share(fat, ring),
        "lung_near": _share(lung, near),
        "fat_near": _share(fat, near),
        "vessels_around": _share(crop.is_label(Label.VESSEL) & crop.organ, ring),
    }


def _share(found: Mask, of: Mask) -> float:
    count = np.count_nonzero(of)
    return np.count_nonzero(found & of) / count if count else 0.0


def exposed_share(mask: Mask, organ: Mask, spacing: NDArray[np.float64]) -> float:
    """The share of a mask's surface with nothing of the organ on the other side."""
    surface = exposed = 0.0
    for axis, step in enumerate(spacing):
        for here, there in permutations((slice(1, None), slice(None, -1))):
            own, other = (
                (*(slice(None),) * axis, side, *(slice(None),) * (2 - axis))
                for side in (here, there)
            )
            face = mask[own] & ~mask[other]
            # Of voxels of one size, a face is as large as its axis' step is small.
            surface += np.count_nonzero(face) / step
            exposed += np.count_nonzero(face & ~organ[other]) / step
    return exposed / surface if surface else 0.0


def _shape(crop: _Crop, part: Part, ml: float) -> Mapping[str, float]:
    points = np.argwhere(crop.mask) * crop.spacing
    variance = np.diag(crop.spacing**2 / 12)
    if len(points) > 1:
        variance = variance + np.cov(points.T, bias=True)
    short, middle, long = np.sqrt(np.linalg.eigvalsh(variance))
    radius = (ml * 1000 * 3 / (4 * math.pi)) ** (1 / 3)
    ellipsoid = 4 / 3 * math.pi * math.sqrt(5) ** 3 * short * middle * long / 1000
    slices = part.box.shape[2]
    return {
        "elongation": float(middle / long),
        "flatness": float(short / middle),
        "compactness": float(crop.inside.max()) / radius,
        "fill": min(2.0, ml / float(ellipsoid)),
        "height_slices": math.log(slices),
    }


def _place(
    voxels: NDArray[np.intp], part: Part, survey: LiverSurvey, scan: ScanBlock
) -> Mapping[str, float]:
    voxels = voxels[:: max(1, len(voxels) // 500)]
    depths = survey.depths(voxels)
    first, last = survey.slices
    return {
        "depth_mean": float(depths.mean()),
        "depth_highest": float(depths.max()),
        "height_mm": part.box.shape[2] * scan.spacing[2],
        "height_in_liver": (float(voxels[:, 2].mean()) - first) / max(1, last - first),
    }
