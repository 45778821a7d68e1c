"""Make bank.npz: the bodies, livers and vessels that the phantom is drawn from.

    python build_bank.py BODIES_DIR LIVERS_DIR VESSELS_DIR OUT.npz

BODIES_DIR holds whole-torso label maps of the TotalSegmentator training set (1.5 mm, RAS+)
as SUBJECT.nii.gz with SUBJECT.json, which names the values. LIVERS_DIR holds Couinaud
segment maps of single livers (1.5 mm, RAS+, cropped). VESSELS_DIR holds livers (1) with their
vessels (2), RAS+, cropped to the liver. README.md tells where they come from.

Bodies become signed distances per organ on the phantom's 4 mm grid, in half millimeters
(int8); livers stay segment maps, at 2 mm (uint8); vessels become masks at 1 mm (bool), of scans
with thin slices and many vessels only.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from liverview.phantoms.bank import STEP_MM
from liverview.phantoms.frame import CANONICAL_GRID, Organ

SOURCE_MM = 1.5
LIVER_MM = 2.0
CLIP_MM = 60.0
VESSEL_MM = 1.0
THICKEST_MM = 2.5
LEAST_VESSELS_ML = 20.0

PREFIXES = {
    Organ.BONE: (
        "rib", "vertebrae", "hip_", "sacrum", "scapula", "clavicula", "humerus", "femur",
        "sternum", "skull", "costal",
    ),
    Organ.LUNG: ("lung", "trachea"),
    Organ.LIVER: ("liver",),
    Organ.SPLEEN: ("spleen",),
    Organ.KIDNEY: ("kidney",),
    Organ.STOMACH: ("stomach",),
    Organ.BOWEL: ("colon", "small_bowel", "duodenum", "urinary_bladder"),
    Organ.GALLBLADDER: ("gallbladder",),
    Organ.HEART: ("heart", "atrial"),
    Organ.ARTERY: (
        "aorta", "iliac_artery", "brachiocephalic_trunk", "subclavian", "common_carotid",
    ),
    Organ.VEIN: (
        "inferior_vena", "portal", "superior_vena", "pulmonary_vein", "iliac_vena",
        "brachiocephalic_vein",
    ),
    Organ.MUSCLE: ("autochthon", "iliopsoas", "gluteus"),
    Organ.OTHER: ("adrenal", "pancreas", "esophagus", "spinal_cord", "thyroid", "prostate"),
}  # fmt: skip
BELLY = (
    Organ.LUNG, Organ.LIVER, Organ.SPLEEN, Organ.KIDNEY, Organ.STOMACH, Organ.BOWEL, Organ.HEART,
)  # fmt: skip


def signed_distance(mask: np.ndarray, mm: float) -> np.ndarray:
    """Distance in mm to the border of a mask, negative inside."""
    if not mask.any():
        return np.full(mask.shape, CLIP_MM, np.float32)
    outside = ndimage.distance_transform_edt(~mask, sampling=mm)
    inside = ndimage.distance_transform_edt(mask, sampling=mm)
    return (outside - inside + np.where(mask, mm / 2, -mm / 2)).astype(np.float32)


def hull_per_slice(mask: np.ndarray) -> np.ndarray:
    """The convex hull of every axial slice, smoothed: trunk and cavity are not labeled."""
    hull = np.zeros_like(mask)
    for k in range(mask.shape[2]):
        points = np.argwhere(mask[:, :, k])
        try:
            corners = points[ConvexHull(points).vertices]
        except (QhullError, ValueError):  # nothing, or a line
            continue
        picture = Image.new("L", mask.shape[1::-1])
        ImageDraw.Draw(picture).polygon([(int(b), int(a)) for a, b in corners], fill=1, outline=1)
        hull[:, :, k] = np.array(picture) > 0
    return ndimage.gaussian_filter(hull.astype(np.float32), (1, 1, 2)) > 0.5


def build_body(path: Path) -> dict[str, np.ndarray]:
    """Distances on `CANON`: organs by name, trunk, cavity; and the z range that was seen."""
    labels = np.asanyarray(nib.load(path).dataobj)
    names = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
    values = {name: int(value) for value, name in names.items()}
    middle = np.argwhere(labels == values["vertebrae_L1"]).mean(axis=0)
    # The origin is the vertebral body; the mask's middle is nearer to the canal.
    origin = middle + np.array([0.0, 15.0 / SOURCE_MM, 0.0])
    z = CANONICAL_GRID.axis(2).numpy()
    low = max(int(origin[2] + (z[0] - 20) / SOURCE_MM), 0)
    high = min(int(origin[2] + (z[-1] + 20) / SOURCE_MM), labels.shape[2])
    labels, origin = labels[:, :, low:high], origin - np.array([0, 0, low])
    masks = {
        organ: np.isin(labels, [v for n, v in values.items() if n.startswith(prefixes)])
        for organ, prefixes in PREFIXES.items()
    }

    def place(mask: np.ndarray) -> np.ndarray:
        small = _halve(mask) > 0.5  # 3 mm
        distance = signed_distance(small, 2 * SOURCE_MM)
        distance = ndimage.gaussian_filter(distance, 0.6, mode="nearest")
        axes = [
            (a.numpy() / SOURCE_MM + o - 0.5) / 2
            for a, o in zip((CANONICAL_GRID.axis(i) for i in range(3)), origin, strict=True)
        ]
        grid = np.meshgrid(*axes, indexing="ij")
        placed = ndimage.map_coordinates(distance, grid, order=1, mode="nearest")
        away = sum(
            np.maximum(np.maximum(-g, g - (n - 1)), 0) ** 2
            for g, n in zip(grid[:2], small.shape[:2], strict=True)
        )
        placed = placed + 2 * SOURCE_MM * np.sqrt(away)
        return np.rint(np.clip(placed, -CLIP_MM, CLIP_MM) / STEP_MM).astype(np.int8)

    out = {organ.name.lower(): place(mask) for organ, mask in masks.items()}
    inside = np.any([masks[o] for o in BELLY], axis=0)
    everything = np.any(list(masks.values()), axis=0)
    out["trunk"] = place(hull_per_slice(everything))
    out["cavity"] = place(hull_per_slice(inside))
    seen = np.array([-origin[2] + 4, labels.shape[2] - origin[2] - 4]) * SOURCE_MM
    out["span"] = seen.astype(np.float32)
    return out


def _halve(mask: np.ndarray) -> np.ndarray:
    trimmed = mask[tuple(slice(0, n // 2 * 2) for n in mask.shape)].astype(np.float32)
    i, j, k = (n // 2 for n in trimmed.shape)
    return trimmed.reshape(i, 2, j, 2, k, 2).mean(axis=(1, 3, 5))


def build_liver(path: Path) -> np.ndarray:
    """Couinaud segments at 2 mm, (i, j, k) uint8, with one voxel of margin."""
    labels = np.pad(np.asanyarray(nib.load(path).dataobj), 2)
    shape = [int(np.ceil(n * SOURCE_MM / LIVER_MM)) for n in labels.shape]
    axes = [(np.arange(n) + 0.5) * LIVER_MM / SOURCE_MM - 0.5 for n in shape]
    grid = np.meshgrid(*axes, indexing="ij")
    smooth = ndimage.gaussian_filter((labels > 0).astype(np.float32), 0.6)
    inside = ndimage.map_coordinates(smooth, grid, order=1) > 0.5
    nearest = ndimage.distance_transform_edt(
        labels == 0, return_distances=False, return_indices=True
    )
    filled = labels[tuple(nearest)]
    segment = ndimage.map_coordinates(filled, grid, order=0, mode="nearest")
    return np.where(inside, segment, 0).astype(np.uint8)


def build_vessels(path: Path) -> np.ndarray | None:
    """Where vessels are, in the liver's box at 1 mm; None where slices are thick or vessels few."""
    image = nib.load(path)
    mask = np.asanyarray(image.dataobj) == 2
    spacing = image.header.get_zooms()
    few = mask.sum() * np.prod(spacing) / 1000 < LEAST_VESSELS_ML
    if few or spacing[2] > THICKEST_MM:
        return None
    shape = [round(n * s / VESSEL_MM) for n, s in zip(mask.shape, spacing, strict=True)]
    axes = [(np.arange(n) + 0.5) * VESSEL_MM / s - 0.5 for n, s in zip(shape, spacing, strict=True)]
    share = mask.astype(np.float32)
    return ndimage.map_coordinates(share, np.meshgrid(*axes, indexing="ij"), order=1) > 0.5


def main(bodies: Path, livers: Path, vessels: Path, out: Path) -> None:
    arrays: dict[str, np.ndarray] = {}
    for path in sorted(bodies.glob("*.nii.gz")):
        for name, array in build_body(path).items():
            arrays[f"body/{path.name.removesuffix('.nii.gz')}/{name}"] = array
    for path in sorted(livers.glob("*.nii.gz")):
        arrays[f"liver/{path.name.removesuffix('.nii.gz')}"] = build_liver(path)
    for path in sorted(vessels.glob("msd03_*.nii.gz")):
        mask = build_vessels(path)
        if mask is not None:
            arrays[f"vessels/{path.name.removesuffix('.nii.gz')}"] = mask
    np.savez_compressed(out, **arrays)


if __name__ == "__main__":
    main(*(Path(name) for name in sys.argv[1:5]))
