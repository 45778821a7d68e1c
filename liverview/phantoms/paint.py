"""Painting of a patient: labels and noise-free HU of a body on any grid."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from liverview.core.labels import Label
from liverview.phantoms.appearance import Appearance
from liverview.phantoms.body import Body
from liverview.phantoms.fields import FAR_MM, Field, Grid, gaussian, resample
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.lesions import Lesion, LesionKind
from liverview.phantoms.partial_volume import mix_slices
from liverview.phantoms.vessels import Tree, Vessels

_GAS_HU = -900.0
_METAL_HU, _METAL_MM = 2500.0, 1.2
_CALCIUM_HU = 450.0


@dataclass(frozen=True, eq=False)
class Patient:
    """The state before the scan: body, vessels, lesions, appearance."""

    body: Body
    appearance: Appearance
    portal: Vessels
    hepatic: Vessels
    lesions: list[Lesion]
    metal: Tree = field(default_factory=Tree.empty)
    """Clips and stents in the liver."""


@dataclass(frozen=True, eq=False)
class Painting:
    """Voxels on a grid: `Organ` and `Label` numbers (uint8) and HU (float32)."""

    organs: Tensor
    labels: Tensor
    hu: Field


def paint(patient: Patient, grid: Grid, *, thick_slices: bool = False) -> Painting:
    """Label every voxel by its center and give it the HU of its tissue.

    With ``thick_slices``, HU at the surface of the liver and of lesions are means over slices as
    thick as they are apart. All other partial volume is the scanner's business: see
    `scanner.ScanSimulation`.
    """
    brush = _Brush(patient, grid, thick_slices)
    brush.fill_container()
    brush.fill_organs()
    brush.fill_liver()
    hu = brush.hu
    if brush.border is not None:
        hu = mix_slices(hu, brush.border)
    return Painting(brush.organs, brush.labels, hu)


class _Brush:
    """The painting of one grid, filled from the container inward."""

    def __init__(self, patient: Patient, grid: Grid, thick_slices: bool) -> None:
        self.patient = patient
        self.grid = grid
        self.slice_mm = grid.spacing[2] if thick_slices else 0.0
        self.border: Field | None = None
        self.appearance = patient.appearance
        self.device = patient.body.device
        self.organs = torch.zeros(grid.shape, dtype=torch.uint8, device=self.device)
        self.labels = torch.zeros_like(self.organs)
        self.hu = torch.empty(0)
        self.depth: dict[Organ, Field] = {}
        self.noise = {name: self._sample(f) for name, f in self.appearance.noise.items()}
        self.cavity = self._sample(patient.body.cavity)

    def _sample(self, field: Field) -> Field:
        return resample(field, CANONICAL_GRID, self.grid)

    # ---- organs --------------------------------------------------------------------

    def fill_container(self) -> None:
        """Fat under the skin, muscle between trunk and cavity, then the organs compete."""
        body = self.patient.body
        self.organs[self._sample(body.skin) < 0] = Organ.FAT
        wall = (self._sample(body.trunk) < 0) & (self.cavity + 2 * self.noise["medium"] > 0)
        streaked = self.noise["fine"] < self.appearance.numbers["muscle_fat_from"] + 0.6
        self.organs[wall & streaked] = Organ.MUSCLE
        best = torch.zeros(self.grid.shape, device=self.device)
        for organ, distance in body.present.items():
            depth = self._sample(distance)
            wins = depth < best
            best = torch.minimum(best, depth)
            self.organs.masked_fill_(wins, int(organ))
            self.depth[organ] = depth
        if self.slice_mm and Organ.LIVER in self.depth:
            self.border = self._liver_border()
        means = torch.tensor(
            [self.appearance.mean_hu[organ] for organ in Organ], device=self.device
        )
        self.hu = means[self.organs.int()]

    def _liver_border(self) -> Field:
        """The distance to the liver less that to what is nearest beside it, mm."""
        beside = torch.zeros(self.grid.shape, device=self.device)
        for organ, depth in self.depth.items():
            if organ is not Organ.LIVER:
                beside = torch.minimum(beside, depth)
        return self.depth[Organ.LIVER] - beside

    # ---- HU of each organ ----------------------------------------------------------

    def fill_organs(self) -> None:
        """Give every organ but the liver the HU of its tissue and contents."""
        for organ, painter in (
            (Organ.FAT, self._fat_hu),
            (Organ.MUSCLE, self._muscle_hu),
            (Organ.BONE, self._bone_hu),
            (Organ.LUNG, self._lung_hu),
            (Organ.KIDNEY, self._kidney_hu),
            (Organ.HEART, self._heart_hu),
            (Organ.STOMACH, lambda m: self._gut_hu(m, Organ.STOMACH, 0)),
            (Organ.BOWEL, lambda m: self._gut_hu(m, Organ.BOWEL, 1)),
            (Organ.SPLEEN, self._plain_hu),
            (Organ.GALLBLADDER, self._gallbladder_hu),
            (Organ.ARTERY, self._artery_hu),
            (Organ.OTHER, self._other_hu),
        ):
            mask = self.organs == organ
            if mask.any():
                self.hu[mask] = painter(mask)

    def _number(self, name: str) -> float:
        return self.appearance.numbers[name]

    def _y_of(self, mask: Tensor) -> Field:
        return torch.broadcast_to(self.grid.axes(self.device)[1], self.grid.shape)[mask]

    def _plain_hu(self, mask: Tensor) -> Field:
        return self.hu[mask] + self._number("texture_hu") * 0.5 * self.noise["medium"][mask]

    def _fat_hu(self, mask: Tensor) -> Field:
        fine = self.noise["fine"][mask]
        strands = (fine - self._number("strands_from")).clamp_(min=0) * self._number("strands_hu")
        hu = self.hu[mask] + strands + 5 * self.noise["medium"][mask]
        reach = self._number("ascites_mm")
        if reach < 0:
            return hu
        around = [
            self.depth[o][mask]
            for o in (Organ.LIVER, Organ.SPLEEN, Organ.STOMACH, Organ.BOWEL)
            if o in self.depth
        ]
        if not around:
            return hu
        nearest = torch.stack(around).amin(dim=0) + 6 * self.noise["coarse"][mask]
        hollow = (self._y_of(mask) - 10) * 0.15  # fluid sinks: lying on the back, to the back
        wet = (self.cavity[mask] < -1) & (nearest + hollow < reach)
        return torch.where(wet, self.appearance.fluid_hu + 2 * fine, hu)

    def _muscle_hu(self, mask: Tensor) -> Field:
        fine = self.noise["fine"][mask]
        fat = (fine - self._number("muscle_fat_from")).clamp_(min=0) * self._number("muscle_fat_hu")
        return self.hu[mask] - fat + 4 * self.noise["medium"][mask]

    def _bone_hu(self, mask: Tensor) -> Field:
        marrow = self.depth[Organ.BONE][mask] < -self._number("cortex_mm")
        hu = torch.where(marrow, self.appearance.marrow_hu, self.hu[mask] + 120)
        return hu + 50 * self.noise["fine"][mask]

    def _lung_hu(self, mask: Tensor) -> Field:
        vessels = (self.noise["fine"][mask] - 1.6).clamp_(min=0) * self._number("lung_vessels_hu")
        coarse = self.noise["coarse"][mask]
        hu = self.hu[mask] + 25 * coarse + vessels
        effusion = self._y_of(mask) < self._number("effusion_y") + 10 * coarse
        hu = torch.where(effusion, self.appearance.fluid_hu + 5, hu)
        band = self._number("atelectasis_mm")
        if band < 0 or Organ.LIVER not in self.depth:
            return hu
        collapsed = (self.depth[Organ.LIVER][mask] < band + 8 * coarse) & (
            self._y_of(mask) < 20 + 20 * coarse
        )
        return torch.where(
            collapsed, self.appearance.myocardium_hu + 10 * self.noise["fine"][mask], hu
        )

    def _kidney_hu(self, mask: Tensor) -> Field:
        deep = self.depth[Organ.KIDNEY][mask] < -self._number("cortex_kidney_mm")
        hu = torch.where(deep, self.appearance.medulla_hu, self.hu[mask])
        return hu + self._number("texture_hu") * self.noise["medium"][mask]

    def _heart_hu(self, mask: Tensor) -> Field:
        shallow = self.depth[Organ.HEART][mask] > -self._number("myocardium_mm")
        septum = self.noise["medium"][mask] + 0.5 * self.noise["coarse"][mask] > 1.4
        hu = torch.where(shallow | septum, self.appearance.myocardium_hu, self.hu[mask])
        return hu + self._number("texture_hu") * 0.5 * self.noise["medium"][mask]

    def _gallbladder_hu(self, mask: Tensor) -> Field:
        sludge = self._number("bile_layer_hu") * (self.noise["coarse"][mask] > 0.3)
        wall = self.depth[Organ.GALLBLADDER][mask] > -0.4 * self._number("wall_mm")
        return self.hu[mask] + sludge + 25 * wall

    def _gut_hu(self, mask: Tensor, organ: Organ, filling: int) -> Field:
        """A wall, up to three contents, and gas in front, which is above on the back."""
        name = "stomach" if organ is Organ.STOMACH else "bowel"
        first, second, third = self.appearance.filling_hu[filling]
        pattern, fine = self.noise[name][mask], self.noise["fine"][mask]
        late = torch.where(pattern < 0.9, second, third)
        content = torch.where(pattern < -0.3, first, late) + self._number("texture_hu") * 2 * fine
        gas = (self._y_of(mask) + 8 * pattern > self._number("gas_level") + 40) | (content < -500)
        if organ is Organ.BOWEL:
            content = torch.where(
                fine > self._number("feces_from"), self._number("feces_hu"), content
            )
        content = torch.where(gas, _GAS_HU, content)
        inner = self.depth[organ][mask] < -self._number("wall_mm")
        return torch.where(inner, content, self.hu[mask])

    def _artery_hu(self, mask: Tensor) -> Field:
        plaque = (self.depth[Organ.ARTERY][mask] > -2) & (
            self.noise["fine"][mask] > self._number("calcified_from")
        )
        return torch.where(plaque, 500.0, self.hu[mask])

    def _other_hu(self, mask: Tensor) -> Field:
        fine = self.noise["fine"][mask]
        hu = self.hu[mask] - (fine - 0.3).clamp(min=0) * 30  # fatty lobules
        if self.patient.body.mass is None:
            return hu
        depth = self._sample(self.patient.body.mass)[mask]
        uneven = self.noise["coarse"][mask] + 0.6 * fine
        mass = self.appearance.mass_hu + self._number("mass_texture_hu") * uneven
        core = (-depth - 8 + 6 * self.noise["medium"][mask]).clamp(0, 8) / 8
        return torch.where(depth < 0, mass + core * self._number("mass_core_hu"), hu)

    # ---- inside the liver ----------------------------------------------------------

    def fill_liver(self) -> None:
        """Label the liver, its vessels and tumors, and give them their HU."""
        liver = self.organs == Organ.LIVER
        if not liver.any():
            return
        box = _bounding_box(liver)
        crop = self.grid.crop([s.start for s in box], [s.stop for s in box])
        inside = liver[box]
        hu = self.hu[box]
        texture = self.noise["coarse"][box] + 0.7 * self.noise["medium"][box]
        hu += self._number("liver_texture_hu") * texture * inside
        labels = inside * int(Label.LIVER)
        self._fill_ducts(crop, inside, hu)
        for vessels, value in (
            (self.patient.portal, self.appearance.portal_hu),
            (self.patient.hepatic, self.appearance.hepatic_hu),
        ):
            lumen = inside & (vessels.distance(crop, self.device) < 0)
            if vessels is self.patient.portal:
                self._fill_sleeve(crop, box, inside & ~lumen, lumen, hu)
            hu.masked_fill_(lumen, value)
            labels.masked_fill_(lumen, int(Label.VESSEL))
        for lesion in self.patient.lesions:
            self._fill_lesion(lesion, crop, inside, hu, labels)
        metal = self.patient.metal.distance(crop, self.device)
        # What is thicker than a clip is a stent: hollow.
        hu.masked_fill_((metal < 0) & (metal > -_METAL_MM), _METAL_HU)
        self.labels[box] = labels.to(torch.uint8)

    def _fill_ducts(self, crop: Grid, inside: Tensor, hu: Field) -> None:
        """Paint wide bile ducts beside the portal branches; they stay liver."""
        aside = self._number("ducts_mm")
        if aside:
            x, y, z = crop.origin
            shifted = Grid((x + aside, y - 0.5 * aside, z), crop.spacing, crop.shape)
            ducts = inside & (self.patient.portal.distance(shifted, self.device) < 0)
            hu.masked_fill_(ducts, self.appearance.fluid_hu)

    def _fill_sleeve(
        self, crop: Grid, box: tuple[slice, slice, slice], around: Tensor, lumen: Tensor, hu: Field
    ) -> None:
        """Paint edema around the portal branches, or calcium in their walls."""
        wide, calcium = self._number("sleeve_mm"), self._number("wall_calcium_from")
        if wide:
            halo = gaussian(lumen.float(), [0.5 * wide / s for s in crop.spacing])
            hu += self._number("sleeve_hu") * (halo * 5).clamp(max=1) * around
        if calcium < 99:
            rim = gaussian(lumen.float(), [0.7 / s for s in crop.spacing])
            specks = around & (rim > 0.15) & (self.noise["fine"][box] > calcium)
            hu.masked_fill_(specks, _CALCIUM_HU)

    def _fill_lesion(
        self, lesion: Lesion, crop: Grid, inside: Tensor, hu: Field, labels: Tensor
    ) -> None:
        """Paint a lesion into ``hu`` and ``labels``, the liver's box."""
        box = lesion.box(crop)
        if box is None:
            return
        local = crop.crop([s.start for s in box], [s.stop for s in box])
        distance = torch.where(inside[box], lesion.distance(local), FAR_MM)
        liver_hu = self.appearance.mean_hu[Organ.LIVER]
        fluid_hu = self.appearance.fluid_hu
        hu[box] = lesion.paint_hu(hu[box], distance, local, liver_hu, fluid_hu, self.slice_mm)
        if lesion.kind is not LesionKind.PATCH:
            labels[box].masked_fill_(distance < 0, int(Label.TUMOR))


def _bounding_box(mask: Tensor) -> tuple[slice, slice, slice]:
    box = []
    for axis in range(3):
        first, second = sorted({0, 1, 2} - {axis}, reverse=True)
        hit = mask.any(dim=first).any(dim=second).nonzero()[:, 0]
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return box[0], box[1], box[2]
