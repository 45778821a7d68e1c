"""Fields of a procedural body wall: trunk, cavity, diaphragm, bones and muscles."""

from __future__ import annotations

import torch

from liverview.phantoms.fields import Field, intersection, union
from liverview.phantoms.pose import Pose


def trunk_field(pose: Pose) -> Field:
    """The signed distance to a trunk whose cross-section is a superellipse, mm."""
    up = ((pose.z - 30) / 200).clamp(0, 1)
    down = ((-pose.z - 60) / 120).clamp(0, 1)
    a = pose.width * (1 - pose.uniform(0.03, 0.16) * up**2 - pose.uniform(-0.05, 0.1) * down)
    b = pose.depth * (1 - pose.uniform(-0.02, 0.1) * up - pose.uniform(0, 0.16) * down)
    power = pose.uniform(2.0, 2.7)
    u, v = torch.abs(pose.x) / a, torch.abs(pose.y - pose.middle) / b
    norm = ((u + 1e-6) ** power + (v + 1e-6) ** power) ** (1 / power)
    return (norm - 1) * min(pose.width, pose.depth)


def cavity_field(pose: Pose, trunk: Field) -> Field:
    """The signed distance to the inside of the wall, in front of the spine, mm."""
    wall = trunk + pose.uniform(9, 16)
    spine = torch.sqrt(pose.x**2 + (pose.y + 16) ** 2) - pose.uniform(38, 46)
    return intersection(wall, -spine)


def diaphragm_height(pose: Pose, cavity: Field) -> Field:
    """The z of the diaphragm over each point: two domes, steep along the wall."""
    x, y = pose.x, pose.y
    a, b = pose.uniform(0.005, 0.010), pose.uniform(0.004, 0.008)
    right = pose.dome - a * (x - pose.normal(68, 8)) ** 2 - b * (y - pose.normal(32, 10)) ** 2
    left_top = pose.dome - pose.uniform(2, 25)
    left = left_top - 1.1 * a * (x + pose.normal(75, 8)) ** 2 - b * (y - pose.normal(15, 10)) ** 2
    middle = pose.dome - pose.uniform(12, 34) - 0.006 * x**2 - 0.010 * (y - 45) ** 2
    recess = pose.uniform(5, 40) * torch.exp(cavity.clamp(-60, 0) / pose.uniform(3, 8))
    return intersection(right, left, middle) + pose.draw_noise(70, 4) - recess


def bone_field(pose: Pose, trunk: Field) -> Field:
    """The signed distance to spine, ribs, sternum and pelvis, mm."""
    x, y, z = pose.x, pose.y, pose.z
    body = torch.sqrt((x / 22) ** 2 + (y / 17) ** 2) * 18 - 18
    pitch = pose.uniform(30, 37)
    disc = torch.abs((z % pitch) - pitch / 2) - (pitch / 2 - pose.uniform(2, 5))
    spinous = intersection(torch.abs(x) - 4, torch.abs(y + 48) - 15, disc + 6)
    transverse = intersection(torch.abs(x) - pose.uniform(26, 34), torch.abs(y + 27) - 6, disc + 10)
    lamina = torch.abs(torch.sqrt(x**2 + (y + 24) ** 2) - 13) - 3
    vertebra = union(intersection(body, disc), spinous, transverse, lamina)
    slope = z + 0.2 * torch.abs(x) + pose.uniform(0.45, 0.85) * (y - 40) + pose.uniform(0, 34)
    margin = pose.uniform(-95, -55) + 0.9 * (y + 10).clamp(0, 200)
    rib = intersection(
        torch.abs(trunk + pose.uniform(4, 7)) - pose.uniform(3.2, 4.6),
        torch.abs((slope % 34) - 17) - pose.uniform(5, 8),
        margin - z,
    )
    sternum = intersection(
        torch.abs(x) - 18, torch.abs(y - pose.middle - pose.depth + 7) - 6, pose.dome - 12 - z
    )
    ring = torch.abs(torch.sqrt((x / 1.25) ** 2 + (y - 12) ** 2) - 84) - 9
    pelvis = intersection(ring, z + pose.uniform(125, 165), y - 55)
    return union(vertebra, rib, sternum, pelvis)


def muscle_field(pose: Pose, above: Field, cavity: Field) -> Field:
    """The signed distance to back, psoas, rectus, crura and diaphragm, mm.

    The muscle of the wall lies between trunk and cavity and is not among them.
    """
    x, y, z = torch.abs(pose.x), pose.y, pose.z
    back = torch.sqrt(((x - 32) / 31) ** 2 + ((y + 42) / 21) ** 2) * 20 - 20
    thick = ((-z - 10) / 8).clamp(0, 14)
    out = torch.sqrt((x - 40 - 0.12 * (-z - 30).clamp(0, 120)) ** 2 + (y - 4) ** 2)
    psoas = out - pose.uniform(8, 13) - thick
    front = pose.middle + pose.depth - 6
    rectus = intersection(
        torch.sqrt(((x - 38) / 32) ** 2 + ((y - front) / 7) ** 2) * 7 - 7, z - pose.dome + 20
    )
    crus = intersection(
        torch.sqrt((x - 15) ** 2 + (y - 27) ** 2) - pose.uniform(5, 10), torch.abs(z - 10) - 55
    )
    sheet = intersection(torch.abs(above) - pose.uniform(0.8, 2.2), cavity)  # the diaphragm itself
    return union(back, psoas, rectus, crus, sheet)
