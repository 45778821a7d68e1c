"""Patients as training sees them: any anatomy, any look, any scanner."""

from __future__ import annotations

from dataclasses import dataclass

from liverview.phantom.anatomy import Body, draw_body, draw_head
from liverview.phantom.appearance import draw_appearance
from liverview.phantom.fields import Draw
from liverview.phantom.lesions import draw_lesions
from liverview.phantom.paint import Patient
from liverview.phantom.vessels import Tree, grow_trees


@dataclass(frozen=True, eq=False)
class Subject:
    """What stays the same between the scans of one person."""

    body: Body
    trees: tuple[Tree, Tree]


def draw_subject(draw: Draw, heads: float = 0.0) -> Subject:
    """Draw an odd body with its vessels; ``heads`` is the chance that it is a head."""
    head = heads > 0 and draw.chance(heads)
    body = draw_head(draw) if head else draw_body(draw, odd=True)
    return Subject(body, grow_trees(draw, body))


def dress(draw: Draw, subject: Subject, lesions: int, largest_mm: float) -> Patient:
    """Give a subject a wild appearance and lesions with radii from 3 to ``largest_mm``."""
    look = draw_appearance(draw, wild=True)
    drawn = draw_lesions(
        draw,
        subject.body,
        lesions,
        look.lesion_contrast_hu,
        radius_mm=(3.0, largest_mm),
        cysts=0.12,
    )
    return Patient(subject.body, look, *subject.trees, drawn)
