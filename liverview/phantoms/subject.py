"""Patients of training variety: any anatomy, any appearance, vessels grown or real."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.phantoms.appearance import draw_appearance
from liverview.phantoms.body import Body, draw_body, draw_head
from liverview.phantoms.fields import RandomSource
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.lesion_variety import draw_patches, draw_varied_lesions
from liverview.phantoms.lesions import LesionKind, bulge_liver
from liverview.phantoms.paint import Patient
from liverview.phantoms.vessels import Tree, Vessels, borrow_vessels, grow_trees

_REAL_VESSELS = 0.6  # share of the bodies with the vessels of a real liver
_PATCHES = 0.3  # of the patients with fat or uneven perfusion under the capsule
_METAL = 0.05  # of the patients with clips or a stent


@dataclass(frozen=True, eq=False)
class Subject:
    """The body and vessels of one person, the same in every scan.

    ``portal`` and ``hepatic`` are the liver's vessels; real ones are all in ``portal``.
    """

    body: Body
    portal: Vessels
    hepatic: Vessels


def draw_subject(draw: RandomSource, heads: float = 0.0) -> Subject:
    """Draw a body of training variety with its vessels; a head with the chance of ``heads``."""
    head = heads > 0 and draw.chance(heads)
    body = draw_head(draw) if head else draw_body(draw, training_variety=True)
    real = borrow_vessels(draw, body) if draw.chance(_REAL_VESSELS) else None
    if real is not None:
        return Subject(body, real, Tree.empty())
    return Subject(body, *grow_trees(draw, body))


def add_appearance(
    draw: RandomSource, subject: Subject, lesions: int, largest_mm: float
) -> Patient:
    """Give a subject an appearance and lesions of training variety, radii 2 to ``largest_mm``.

    In half of the patients they lift the liver's capsule and push its vessels aside.
    """
    appearance = draw_appearance(draw, training_variety=True)
    body, portal, hepatic = subject.body, subject.portal, subject.hepatic
    typical, bright = appearance.lesion_contrast_hu, appearance.bright_lesions
    drawn = draw_varied_lesions(draw, body, lesions, typical, bright, (2.0, largest_mm))
    grown = [lesion for lesion in drawn if lesion.kind is not LesionKind.PATCH]
    if grown and draw.chance(0.5):
        body = bulge_liver(body, grown)
        obstacles = [(lesion.center, lesion.radii) for lesion in grown]
        portal, hepatic = portal.around(obstacles), hepatic.around(obstacles)
    if draw.chance(_PATCHES):
        drawn = draw_patches(draw, body) + drawn  # lesions lie in them, too
    metal = _draw_metal(draw, body) if draw.chance(_METAL) else Tree.empty()
    return Patient(body, appearance, portal, hepatic, drawn, metal)


def _draw_metal(draw: RandomSource, body: Body) -> Tree:
    """Some clips in the liver or at its surface, or a stent that begins at the hilum."""
    if draw.chance(0.3):
        start = np.array([body.hilum])
        end = start + np.array([[draw.normal(0, 20), draw.normal(0, 10), draw.uniform(15, 50)]])
        return Tree(
            start.astype(np.float32),
            end.astype(np.float32),
            _constant_radius(1, draw.uniform(3, 6)),
        )
    candidates = (body.organs[Organ.LIVER] < 2).nonzero()
    count = draw.integer(1, 8) if len(candidates) else 0
    start = np.array(
        [
            CANONICAL_GRID.point(candidates[draw.integer(0, len(candidates))].tolist())
            for _ in range(count)
        ]
    ).reshape(-1, 3)
    end = start + np.array([[draw.normal(0, 4) for _ in range(3)] for _ in range(count)]).reshape(
        -1, 3
    )
    return Tree(start.astype(np.float32), end.astype(np.float32), _constant_radius(count, 0.9))


def _constant_radius(pieces: int, radius: float) -> NDArray[np.float32]:
    return np.full((pieces, 2), radius, np.float32)
