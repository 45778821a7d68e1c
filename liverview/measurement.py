"""Volumes and lesions of a label map, in units that the keys name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from liverview import DISCLAIMER, __version__
from liverview.labels import SHOWN, Label, organ_voxels
from liverview.volume import LabelMap, Volume

SMALLEST_LESION_ML = 0.03
"""Tumor parts below this are counted in the volume, not listed as lesions."""


@dataclass(frozen=True)
class Lesion:
    """One connected tumor component (26-connected).

    Attributes
    ----------
    volume_ml : volume.
    axial_diameter_mm : longest in-plane diameter over its axial slices.
    centroid_mm : world coordinates, RAS+.
    """

    volume_ml: float
    axial_diameter_mm: float
    centroid_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Measurement:
    """What a label map amounts to.

    Attributes
    ----------
    volume_ml : per label; the liver is the whole organ, with its vessels and tumors.
    voxel_ml : volume of one voxel.
    lesions : largest first.
    """

    volume_ml: dict[Label, float]
    voxel_ml: float
    lesions: tuple[Lesion, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the unit is in every key."""
        liver = self.volume_ml[Label.LIVER]
        burden = 100 * self.volume_ml[Label.TUMOR] / liver if liver else None
        return {
            "liver_with_vessels_and_tumors_ml": round(liver, 2),
            "vessel_ml": round(self.volume_ml[Label.VESSEL], 2),
            "tumor_ml": round(self.volume_ml[Label.TUMOR], 2),
            "tumor_burden_percent": None if burden is None else round(burden, 2),
            "voxel_ml": self.voxel_ml,
            "lesions": [asdict(lesion) for lesion in self.lesions],
        }


def measure(labels: LabelMap) -> Measurement:
    """Measure a label map."""
    counts = np.bincount(labels.voxels.ravel(order="K"), minlength=len(Label))
    voxels = organ_voxels({label: int(counts[label]) for label in SHOWN})
    return Measurement(
        volume_ml={label: n * labels.voxel_ml for label, n in voxels.items()},
        voxel_ml=labels.voxel_ml,
        lesions=tuple(_lesions(labels)),
    )


def report(volume: Volume, measurement: Measurement, **run: Any) -> dict[str, Any]:
    """The measurement file: the figures, and what they were made from and with."""
    return {
        "name": volume.name,
        "shape_voxels": list(volume.shape),
        "spacing_mm": [round(s, 4) for s in volume.spacing],
        "notes": list(volume.notes),
        **measurement.to_dict(),
        "software": f"liverview {__version__}",
        **run,
        "disclaimer": DISCLAIMER,
    }


def _lesions(labels: LabelMap) -> list[Lesion]:
    tumor = labels.voxels == Label.TUMOR
    if not tumor.any():
        return []
    parts = cc3d.connected_components(tumor, connectivity=26)
    stats = cc3d.statistics(parts)
    found = []
    for number, count in enumerate(stats["voxel_counts"]):
        volume_ml = int(count) * labels.voxel_ml
        if number == 0 or volume_ml < SMALLEST_LESION_ML:
            continue
        box = stats["bounding_boxes"][number]
        x, y, z = labels.affine[:3, :3] @ stats["centroids"][number] + labels.affine[:3, 3]
        found.append(
            Lesion(
                volume_ml=round(volume_ml, 3),
                axial_diameter_mm=round(_axial_diameter(parts[box] == number, labels.spacing), 1),
                centroid_mm=(round(float(x), 1), round(float(y), 1), round(float(z), 1)),
            )
        )
    return sorted(found, key=lambda lesion: -lesion.volume_ml)


def _axial_diameter(part: NDArray[np.bool_], spacing: tuple[float, float, float]) -> float:
    """Longest distance between two edges of one slice's pixels, in mm."""
    longest = 0.0
    for k in range(part.shape[2]):
        pixels = np.argwhere(part[:, :, k])
        if len(pixels) == 0:
            continue
        # The middles of the four edges: unbiased, where centers alone would miss a pixel.
        edges = np.concatenate(
            [pixels + shift for shift in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5))]
        ) * np.asarray(spacing[:2])
        edges = edges[ConvexHull(edges).vertices]
        longest = max(longest, float(pdist(edges).max()))
    return longest
