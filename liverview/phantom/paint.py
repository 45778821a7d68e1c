"""From a body and its appearance to voxels: labels and noise-free HU on any grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.labels import Label
from liverview.phantom.anatomy import Body, Organ
from liverview.phantom.appearance import Appearance
from liverview.phantom.fields import FAR_MM, Field, Grid, resample
from liverview.phantom.lesions import Lesion
from liverview.phantom.vessels import Tree, tree_distance

_GAS_HU = -900.0


@dataclass(frozen=True, eq=False)
class Patient:
    """Everything that is drawn before the scan: anatomy, vessels, lesions, appearance."""

    body: Body
    appearance: Appearance
    portal: Tree
    hepatic: Tree
    lesions: list[Lesion]


@dataclass(frozen=True, eq=False)
class Painting:
    """Voxels on a grid: `Organ` and `Label` numbers (uint8) and HU (float32)."""

    organs: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    hu: Field


def paint(patient: Patient, grid: Grid) -> Painting:
    """Label every voxel by its center and give it the HU of its tissue.

    Partial volume is the scanner's business: see `scanner.scan`.
    """
    brush = _Brush(patient, grid)
    brush.fill_container()
    brush.fill_organs()
    brush.fill_liver()
    return Painting(brush.organs, brush.labels, brush.hu)


class _Brush:
    def __init__(self, patient: Patient, grid: Grid) -> None:
        self.patient = patient
        self.grid = grid
        self.look = patient.appearance
        self.n = self.look.noise
        self.organs = np.zeros(grid.shape, np.uint8)
        self.labels = np.zeros(grid.shape, np.uint8)
        self.hu = np.empty(0, np.float32)
        self.depth: dict[Organ, Field] = {}
        self.noise = {name: self._sample(f) for name, f in self.n.items()}
        self.cavity = self._sample(patient.body.cavity)

    def _sample(self, field: Field) -> Field:
        return resample(field, self.patient.body.grid, self.grid)

    # ---- which organ ---------------------------------------------------------------

    def fill_container(self) -> None:
        """Fat under the skin, muscle between trunk and cavity, then the organs compete."""
        body = self.patient.body
        self.organs[self._sample(body.skin) < 0] = Organ.FAT
        wall = (self._sample(body.trunk) < 0) & (self.cavity + 2 * self.noise["medium"] > 0)
        streaked = self.noise["fine"] < self.look.numbers["muscle_fat_from"] + 0.6
        self.organs[wall & streaked] = Organ.MUSCLE
        best = np.zeros(self.grid.shape, np.float32)
        for organ, distance in body.organs.items():
            if not np.any(distance < 0):
                continue
            depth = self._sample(distance)
            wins = depth < best
            best[wins] = depth[wins]
            self.organs[wins] = organ
            self.depth[organ] = depth
        self.hu = self.look.mean_hu[self.organs]

    # ---- how it looks --------------------------------------------------------------

    def fill_organs(self) -> None:
        for organ, painter in (
            (Organ.FAT, self._fat),
            (Organ.MUSCLE, self._muscle),
            (Organ.BONE, self._bone),
            (Organ.LUNG, self._lung),
            (Organ.KIDNEY, self._kidney),
            (Organ.HEART, self._heart),
            (Organ.STOMACH, lambda m: self._gut(m, Organ.STOMACH, 0)),
            (Organ.BOWEL, lambda m: self._gut(m, Organ.BOWEL, 1)),
            (Organ.SPLEEN, self._plain),
            (Organ.ARTERY, self._artery),
            (Organ.OTHER, self._other),
        ):
            mask = self.organs == organ
            if mask.any():
                self.hu[mask] = painter(mask)

    def _k(self, name: str) -> np.float32:
        return np.float32(self.look.numbers[name])

    def _plain(self, mask: NDArray[np.bool_]) -> Field:
        return self.hu[mask] + self._k("texture_hu") * 0.5 * self.noise["medium"][mask]

    def _fat(self, mask: NDArray[np.bool_]) -> Field:
        fine = self.noise["fine"][mask]
        strands = np.maximum(fine - self._k("strands_from"), 0) * self._k("strands_hu")
        hu = self.hu[mask] + strands + 5 * self.noise["medium"][mask]
        ascites = (self.cavity[mask] < -4) & (self.noise["coarse"][mask] > self._k("ascites_from"))
        return np.where(ascites, np.float32(self.look.fluid_hu), hu)

    def _muscle(self, mask: NDArray[np.bool_]) -> Field:
        fine = self.noise["fine"][mask]
        fat = np.maximum(fine - self._k("muscle_fat_from"), 0) * self._k("muscle_fat_hu")
        return self.hu[mask] - fat + 4 * self.noise["medium"][mask]

    def _bone(self, mask: NDArray[np.bool_]) -> Field:
        marrow = self.depth[Organ.BONE][mask] < -self._k("cortex_mm")
        hu = np.where(marrow, np.float32(self.look.marrow_hu), self.hu[mask] + 120)
        return hu + 50 * self.noise["fine"][mask]

    def _lung(self, mask: NDArray[np.bool_]) -> Field:
        vessels = np.maximum(self.noise["fine"][mask] - 1.6, 0) * self._k("lung_vessels_hu")
        hu = self.hu[mask] + 25 * self.noise["coarse"][mask] + vessels
        y = np.broadcast_to(self.grid.axes()[1], self.grid.shape)[mask]
        effusion = y < self._k("effusion_y") + 10 * self.noise["coarse"][mask]
        return np.where(effusion, np.float32(self.look.fluid_hu + 5), hu)

    def _kidney(self, mask: NDArray[np.bool_]) -> Field:
        deep = self.depth[Organ.KIDNEY][mask] < -self._k("cortex_kidney_mm")
        hu = np.where(deep, np.float32(self.look.medulla_hu), self.hu[mask])
        return hu + self._k("texture_hu") * self.noise["medium"][mask]

    def _heart(self, mask: NDArray[np.bool_]) -> Field:
        shallow = self.depth[Organ.HEART][mask] > -self._k("myocardium_mm")
        septum = self.noise["medium"][mask] + 0.5 * self.noise["coarse"][mask] > 1.4
        muscle = np.float32(self.look.myocardium_hu)
        hu = np.where(shallow | septum, muscle, self.hu[mask])
        return hu + self._k("texture_hu") * 0.5 * self.noise["medium"][mask]

    def _gut(self, mask: NDArray[np.bool_], organ: Organ, which: int) -> Field:
        """Wall, then up to three contents, gas in front (above, lying on the back)."""
        name = "stomach" if organ is Organ.STOMACH else "bowel"
        first, second, third = self.look.filling_hu[which]
        pattern, fine = self.noise[name][mask], self.noise["fine"][mask]
        content = np.where(pattern < -0.3, first, np.where(pattern < 0.9, second, third))
        content = content + self._k("texture_hu") * 2 * fine
        y = np.broadcast_to(self.grid.axes()[1], self.grid.shape)[mask]
        gas = (y + 8 * pattern > self._k("gas_level") + 40) | (content < -500)
        feces = (fine > self._k("feces_from")) & (which == 1)
        content = np.where(feces, self._k("feces_hu"), content)
        content = np.where(gas, np.float32(_GAS_HU), content)
        inner = self.depth[organ][mask] < -self._k("wall_mm")
        return np.where(inner, content, self.hu[mask]).astype(np.float32)

    def _artery(self, mask: NDArray[np.bool_]) -> Field:
        plaque = (self.depth[Organ.ARTERY][mask] > -2) & (
            self.noise["fine"][mask] > self._k("calcified_from")
        )
        return np.where(plaque, np.float32(500), self.hu[mask])

    def _other(self, mask: NDArray[np.bool_]) -> Field:
        fine = self.noise["fine"][mask]
        hu = self.hu[mask] - np.maximum(fine - 0.3, 0) * 30  # fatty lobules
        if self.patient.body.mass is None:
            return hu
        inside = self._sample(self.patient.body.mass)[mask] < 0
        mass = self.look.mass_hu + self._k("mass_texture_hu") * (
            self.noise["coarse"][mask] + 0.6 * fine
        )
        return np.where(inside, mass.astype(np.float32), hu)

    # ---- inside the liver ----------------------------------------------------------

    def fill_liver(self) -> None:
        liver = self.organs == Organ.LIVER
        if not liver.any():
            return
        box = _bounding_box(liver)
        part = self.grid.crop([s.start for s in box], [s.stop for s in box])
        inside = liver[box]
        hu = self.hu[box]
        texture = self.noise["coarse"][box] + 0.7 * self.noise["medium"][box]
        hu[inside] += self._k("liver_texture_hu") * texture[inside]
        labels = np.where(inside, np.uint8(Label.LIVER), np.uint8(0))
        for tree, value in (
            (self.patient.portal, self.look.portal_hu),
            (self.patient.hepatic, self.look.hepatic_hu),
        ):
            lumen = inside & (tree_distance(tree, part) < 0)
            hu[lumen] = value
            labels[lumen] = Label.VESSEL
        for lesion in self.patient.lesions:
            self._fill_lesion(lesion, part, inside, hu, labels)
        self.labels[box] = labels

    def _fill_lesion(
        self,
        lesion: Lesion,
        part: Grid,
        inside: NDArray[np.bool_],
        hu: Field,
        labels: NDArray[np.uint8],
    ) -> None:
        box = _reach(lesion, part)
        if box is None:
            return
        local = part.crop([s.start for s in box], [s.stop for s in box])
        distance = np.where(inside[box], lesion.distance(local), np.float32(FAR_MM))
        weight = np.clip(0.5 - distance / lesion.edge_mm, 0, 1)
        parenchyma = self.look.mean_hu[Organ.LIVER]
        target = np.full_like(distance, parenchyma + lesion.contrast_hu)
        if lesion.cyst:
            target[...] = self.look.fluid_hu
        target += lesion.rim_hu * np.exp(-(((distance + 3) / 3) ** 2))
        core = np.clip(-distance / max(min(lesion.radii) * 0.5, 4) - 0.8, 0, 1)
        target += lesion.core_hu * core
        texture = resample(lesion.warp, lesion.warp_grid, local)
        target += lesion.texture_hu * np.sin(3 * texture)
        hu[box] = hu[box] * (1 - weight) + target * weight
        if not lesion.cyst:
            labels[box][distance < 0] = Label.TUMOR


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hit = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return box[0], box[1], box[2]


def _reach(lesion: Lesion, grid: Grid) -> tuple[slice, slice, slice] | None:
    """The part of the grid that a lesion may touch; None where it lies outside."""
    box = []
    for axis in range(3):
        middle = (lesion.center[axis] - grid.origin[axis]) / grid.spacing[axis]
        reach = lesion.reach_mm / grid.spacing[axis]
        first = max(int(np.ceil(middle - reach)), 0)
        last = min(int(np.floor(middle + reach)) + 1, grid.shape[axis])
        if first >= last:
            return None
        box.append(slice(first, last))
    return box[0], box[1], box[2]
