"""Surfaces: spheres and tubes on straight, thick and oblique grids, known in world mm."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap
from liverview.measurement.surface import Surface, hit_distance, iter_surfaces

CENTER = np.array([12.0, -30.0, 55.0])


def oblique(spacing: tuple[float, float, float], degrees: float) -> NDArray[np.float64]:
    """An affine turned about two axes."""
    a = np.deg2rad(degrees)
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_z = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    affine = np.eye(4)
    affine[:3, :3] = np.array(about_x) @ about_z @ np.diag(spacing)
    return affine


def ball(radius: float, affine: NDArray[np.float64], label: Label) -> LabelMap:
    """A ball around CENTER that reaches the border of the grid nowhere."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    shape = tuple(int(np.ceil(2.6 * radius / mm)) + 4 for mm in spacing)
    affine = affine.copy()
    affine[:3, 3] = CENTER - affine[:3, :3] @ (np.array(shape) / 2 - 0.3)
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    world = places @ affine[:3, :3].T + affine[:3, 3]
    inside = np.linalg.norm(world - CENTER, axis=-1) < radius
    return LabelMap(np.asfortranarray(inside * np.uint8(label)), affine)


def made(labels: LabelMap) -> dict[Label, Surface]:
    return {item.label: item for item in iter_surfaces(labels) if isinstance(item, Surface)}


def edge_uses(surface: Surface) -> NDArray[np.int64]:
    """How often each directed edge is used, and then the other way round."""
    a, b, c = surface.faces.T.astype(np.int64)
    n = len(surface.vertices)
    start, end = np.concatenate([a, b, c]), np.concatenate([b, c, a])
    there, back = np.sort(start * n + end), np.sort(end * n + start)
    return np.stack([there, back])


@pytest.mark.parametrize("label", FOREGROUND)
@pytest.mark.parametrize(
    ("affine", "tolerance"),
    [
        (np.diag([0.7, 0.7, 0.7, 1.0]), 0.35),
        (np.diag([0.8, 0.8, 3.0, 1.0]), 1.6),
        (oblique((0.9, 0.7, 1.5), 20), 0.9),
        (np.diag([-0.8, 0.8, 1.0, 1.0]), 0.6),
    ],
    ids=["cubes", "thick", "oblique", "mirrored"],
)
def test_a_ball_is_one_in_world_mm(
    label: Label, affine: NDArray[np.float64], tolerance: float
) -> None:
    radius = 20.0
    labels = ball(radius, affine, label)
    surface = made(labels)[label]
    away = surface.vertices - CENTER
    distance = np.linalg.norm(away, axis=1)
    assert np.abs(distance - radius).max() < tolerance
    truth = np.count_nonzero(labels.voxels) * labels.voxel_ml
    assert surface.volume_ml == pytest.approx(truth, rel=0.03)
    outward = np.einsum("ij,ij->i", away / distance[:, None], surface.normals)
    assert outward.mean() > 0.96
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1, atol=1e-5)


def test_a_surface_is_closed_also_where_pieces_meet_and_at_the_border() -> None:
    voxels = np.zeros((30, 30, 60), np.uint8, order="F")
    voxels[:, 5:25, 3:] = Label.LIVER  # touches three sides of the grid
    surface = made(LabelMap(voxels, np.eye(4)))[Label.LIVER]
    there, back = edge_uses(surface)
    np.testing.assert_array_equal(there, back)  # every edge has a neighbor on its other side
    assert surface.volume_ml == pytest.approx(np.count_nonzero(voxels) / 1000, rel=0.05)


def test_the_liver_is_the_organ_and_what_is_not_there_has_no_surface() -> None:
    labels = ball(20, np.diag([1.0, 1.0, 1.0, 1.0]), Label.LIVER)
    whole = made(labels)[Label.LIVER].volume_ml
    middle = tuple(slice(n // 2 - 6, n // 2 + 6) for n in labels.voxels.shape)
    labels.voxels[middle] = Label.TUMOR
    found = made(labels)
    assert set(found) == {Label.LIVER, Label.TUMOR}
    assert found[Label.LIVER].volume_ml == pytest.approx(whole, rel=1e-6)
    assert found[Label.TUMOR].volume_ml == pytest.approx(12**3 / 1000, rel=0.06)
    assert made(LabelMap(np.zeros((4, 4, 4), np.uint8), np.eye(4))) == {}


def test_a_thin_vessel_stays_in_one_piece() -> None:
    voxels = np.zeros((12, 12, 60), np.uint8, order="F")
    voxels[5:7, 5:7, 5:55] = Label.VESSEL
    affine = np.diag([0.8, 0.8, 1.0, 1.0])
    surface = made(LabelMap(voxels, affine))[Label.VESSEL]
    z = np.sort(surface.vertices[:, 2])
    assert z[0] == pytest.approx(4.5, abs=1)
    assert z[-1] == pytest.approx(54.5, abs=1)
    assert np.diff(z).max() < 1.5
    truth = np.count_nonzero(voxels) * 0.64 / 1000
    assert surface.volume_ml == pytest.approx(truth, rel=0.2)


def test_steps_say_how_far_they_are() -> None:
    steps = [x for x in iter_surfaces(ball(15, np.eye(4), Label.TUMOR)) if isinstance(x, Progress)]
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_a_ray_meets_the_near_side() -> None:
    surface = made(ball(20, np.eye(4), Label.TUMOR))[Label.TUMOR]
    rng = np.random.default_rng(0)
    for direction in rng.normal(size=(20, 3)):
        direction /= np.linalg.norm(direction)
        start = CENTER - 100 * direction
        assert hit_distance(surface, start, direction) == pytest.approx(80, abs=0.6)
        assert hit_distance(surface, start, -direction) is None
        beside = start + 25 * np.cross(direction, [0.3, 0.4, -0.86])
        across = np.linalg.norm(np.cross(CENTER - beside, direction))
        assert (hit_distance(surface, beside, direction) is None) == (across > 20)
