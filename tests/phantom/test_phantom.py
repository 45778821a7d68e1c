"""The phantom: reproducible, exact, plausible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.phantom import bank
from liverview.phantom.appearance import draw_appearance
from liverview.phantom.body import Body, draw_body, draw_head
from liverview.phantom.config import Phantom, PhantomConfig, Phase, Region
from liverview.phantom.fields import (
    FAR_MM,
    Field,
    Grid,
    RandomSource,
    ellipsoid,
    gaussian,
    interpolation_matrix,
    resample,
    smooth_noise,
    tube,
)
from liverview.phantom.frame import CANONICAL_GRID, Organ
from liverview.phantom.generation import iter_generate
from liverview.phantom.lesions import LesionKind, bulge_liver, draw_lesion, draw_lesions
from liverview.phantom.morph import grid_points, insert_ball, register_demons, sample_fields
from liverview.phantom.paint import Patient, paint
from liverview.phantom.scanner import Scanner, ScanSimulation
from liverview.phantom.sheet import iter_contact_sheet
from liverview.phantom.vessels import THINNEST_MM, RealVessels, Tree, borrow_vessels, grow_trees

SMALL = PhantomConfig(shape=(64, 56, 24), spacing=(6.0, 6.0, 10.0), seed=5)


def make(config: PhantomConfig) -> Phantom:
    *_, case = iter_generate(config)
    assert isinstance(case, Phantom)
    return case


@pytest.fixture(scope="module")
def body() -> Body:
    return draw_body(RandomSource(1))


# ---- the whole ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> Phantom:
    return make(SMALL)


def test_same_seed_same_voxels_other_seed_other_voxels(small: Phantom) -> None:
    again = make(SMALL)
    assert np.array_equal(small.volume.voxels, again.volume.voxels)
    assert np.array_equal(small.labels.voxels, again.labels.voxels)
    other = make(PhantomConfig(shape=SMALL.shape, spacing=SMALL.spacing, seed=6))
    assert not np.array_equal(small.labels.voxels, other.labels.voxels)


def test_progress_rises_to_the_end() -> None:
    fractions = [item.fraction for item in iter_generate(SMALL) if isinstance(item, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_size_spacing_and_place(case: Phantom) -> None:
    assert case.volume.shape == case.labels.voxels.shape == (96, 84, 40)
    assert case.volume.spacing == (4, 4, 5)
    assert case.volume.voxels.dtype == np.int16
    assert np.array_equal(case.volume.affine, case.labels.affine)


def test_every_label_is_there_and_in_proportion(case: Phantom) -> None:
    counts = np.bincount(case.labels.voxels.ravel(), minlength=4)
    liver = counts[1:].sum()
    assert 500 < liver * case.labels.voxel_ml < 3500
    assert 0.005 < counts[Label.VESSEL] / liver < 0.15
    assert counts[Label.TUMOR] > 0
    assert counts[0] > liver


@pytest.mark.parametrize("phase", Phase)
def test_labels_look_as_their_phase_says(phase: Phase) -> None:
    config = PhantomConfig(
        shape=(128, 112, 30), spacing=(3, 3, 8), seed=2, noise_hu=2, phase=phase, lesions=3
    )
    case = make(config)
    hu, labels = case.volume.voxels, case.labels.voxels
    liver = float(np.median(hu[labels == Label.LIVER]))
    low, high = {"native": (20, 90), "arterial": (30, 110)}.get(phase, (60, 160))
    assert low < liver < high
    if phase is Phase.PORTAL:  # bright vessels, dark tumors
        assert np.median(hu[labels == Label.VESSEL]) > liver + 10
        assert np.median(hu[labels == Label.TUMOR]) < liver - 5
    assert hu.min() < -900
    assert hu.max() > 250


def test_noise_is_as_strong_as_asked() -> None:
    def noisy(noise: float) -> np.ndarray:
        config = PhantomConfig(SMALL.shape, SMALL.spacing, SMALL.seed, noise_hu=noise)
        return make(config).volume.voxels.astype(float)

    clean = noisy(0)
    body = clean > -200
    assert (noisy(20) - clean)[body].std() == pytest.approx(20, rel=0.2)
    assert (noisy(5) - clean)[body].std() == pytest.approx(5, rel=0.2)


def test_slabs_leave_no_seams() -> None:
    """The same patient in slices that are cut elsewhere: what is shared is the same."""
    tall = make(PhantomConfig((64, 56, 26), (6, 6, 10), 5, noise_hu=0))
    short = make(PhantomConfig((64, 56, 24), (6, 6, 10), 5, noise_hu=0))
    assert np.array_equal(tall.labels.voxels[:, :, 1:-1], short.labels.voxels)
    assert np.abs(tall.volume.voxels[:, :, 1:-1] - short.volume.voxels).max() <= 1


def test_no_lesions_no_tumor_voxels() -> None:
    case = make(PhantomConfig(SMALL.shape, SMALL.spacing, SMALL.seed, lesions=0))
    assert not (case.labels.voxels == Label.TUMOR).any()


@pytest.mark.parametrize("shape", [(1, 64, 20), (64, 64, 1), (33, 17, 5)])
def test_any_size(shape: tuple[int, int, int]) -> None:
    assert make(PhantomConfig(shape, (5.0, 5.0, 5.0), 1)).volume.shape == shape


@pytest.mark.parametrize("region", [Region.CHEST, Region.PELVIS, Region.HEAD])
@pytest.mark.parametrize("seed", range(3))
def test_other_regions_show_no_liver(region: Region, seed: int) -> None:
    case = make(PhantomConfig((64, 56, 20), (6, 6, 6), seed, region=region))
    assert not case.labels.voxels.any()
    assert (case.volume.voxels > -200).mean() > 0.03  # and yet somebody is there


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"shape": (0, 5, 5)}, "shape"),
        ({"spacing": (1, -1, 1)}, "spacing"),
        ({"seed": -1}, "seed"),
        ({"lesions": -1}, "lesions"),
        ({"noise_hu": -3}, "noise"),
    ],
)
def test_impossible_requests_are_refused(options: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        PhantomConfig(**options)  # type: ignore[arg-type]


# ---- fields ------------------------------------------------------------------------------


def test_cubic_interpolation_is_exact_at_samples_and_on_lines() -> None:
    values = 3 + 2 * torch.arange(8.0)
    at = torch.tensor([0, 1, 2.5, 4.25, 5.5])
    matrix = interpolation_matrix(at, 8)
    assert matrix.sum(dim=1).numpy() == pytest.approx(np.ones(5))
    assert (matrix @ values)[1:].numpy() == pytest.approx((3 + 2 * at)[1:].numpy(), abs=1e-4)


def test_resampling_to_the_same_grid_changes_nothing() -> None:
    grid = Grid((0, 0, 0), (2, 3, 4), (6, 7, 8))
    field = RandomSource(0).white_noise(grid.shape)
    assert torch.equal(resample(field, grid, grid), field)
    part = resample(field, grid, grid.crop((1, 2, 3), (4, 5, 6)))
    assert part.numpy() == pytest.approx(field[1:4, 2:5, 3:6].numpy(), abs=1e-5)


def test_noise_has_about_unit_variance() -> None:
    grid = Grid((0, 0, 0), (4, 4, 4), (60, 60, 60))
    fields = torch.stack([smooth_noise(RandomSource(n), grid, 25) for n in range(4)])
    assert float(fields.std()) == pytest.approx(1, abs=0.2)


def test_a_blur_keeps_the_mean_and_has_its_width() -> None:
    point = torch.zeros(31, 31, 31)
    point[15, 15, 15] = 1
    blurred = gaussian(point, (2.0, 0.0, 1.0))
    steps = torch.arange(31.0) - 15
    assert float(blurred.sum()) == pytest.approx(1)
    for axis, sigma in enumerate((2.0, 0.0, 1.0)):
        line = blurred.sum(dim=tuple({0, 1, 2} - {axis}))
        assert float((line * steps**2).sum()) ** 0.5 == pytest.approx(sigma, abs=0.05)


def test_a_tube_is_a_tube() -> None:
    grid = Grid((0, 0, 0), (1, 1, 1), (20, 20, 20))
    distance = tube(grid, [(10, 10, 2), (10, 10, 17)], 4)
    assert float(distance[10, 10, 10]) == pytest.approx(-4)
    assert float(distance[10, 14, 10]) == pytest.approx(0)
    assert float(distance[13, 14, 10]) == pytest.approx(1)


# ---- bending -----------------------------------------------------------------------------


def _ball(center: tuple[float, float, float], radius: float) -> Field:
    at = grid_points(CANONICAL_GRID, torch.device("cpu"))
    return (at - torch.tensor(center)[:, None, None, None]).square().sum(dim=0).sqrt() - radius


def _overlap(one: Field, other: Field) -> float:
    a, b = one < 0, other < 0
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def test_one_shape_bends_into_another() -> None:
    source = _ball((40, 30, 20), 60)
    target = torch.minimum(_ball((50, 30, 10), 65), _ball((-10, 50, 30), 35))
    assert _overlap(source, target) < 0.8
    bend = register_demons(source, target, CANONICAL_GRID)
    there = grid_points(CANONICAL_GRID, bend.device) + bend
    assert _overlap(sample_fields(source[None], CANONICAL_GRID, there)[0], target) > 0.95
    far = _ball((50, 30, 10), 160) > 0
    assert float(bend.square().sum(dim=0).sqrt()[far].max()) < 8  # the rest of the body stays


def test_a_mass_pushes_and_takes_nothing_away() -> None:
    organ = _ball((60, 30, 0), 40)
    at, distance = insert_ball(
        grid_points(CANONICAL_GRID, torch.device("cpu")), (10.0, 30.0, 0.0), 30.0
    )
    moved = torch.maximum(sample_fields(organ[None], CANONICAL_GRID, at)[0], -distance)
    assert float((distance < 0).sum()) * 0.064 == pytest.approx(113, rel=0.03)
    assert float((moved < 0).sum()) == pytest.approx(float((organ < 0).sum()), rel=0.04)
    middle = grid_points(CANONICAL_GRID, organ.device)[0][moved < 0].mean()
    assert float(middle) > 62  # it went away from the mass, from 60


# ---- bank --------------------------------------------------------------------------------


def test_livers_of_the_bank_are_livers() -> None:
    names = bank.liver_names()
    assert len(names) == 140
    for name in names[::35]:
        liver = bank.liver(name, torch.device("cpu"))
        assert 500_000 < liver.volume < 4_000_000
        inside = (liver.distance < 0).nonzero().float()
        away = torch.tensor(liver.grid.origin) + inside * torch.tensor(liver.grid.spacing)
        assert away.mean(dim=0).abs().max() < 1  # mm from the center of mass
        # The right lobe is on the right: the lower half lies there.
        assert away[away[:, 2] < 0][:, 0].mean() > away[away[:, 2] > 0][:, 0].mean()


def test_a_resection_takes_its_segments() -> None:
    name = bank.liver_names()[0]
    whole = bank.liver(name, torch.device("cpu"))
    for cut in bank.resections(name):
        rest = bank.liver(name, torch.device("cpu"), cut)
        assert 350_000 * 0.97 < rest.volume < 0.95 * whole.volume


def test_bodies_of_the_bank_have_every_organ() -> None:
    for name in bank.body_names():
        torso = bank.body(name, torch.device("cpu"))
        assert set(torso.organs) == {organ for organ in Organ if organ > Organ.FAT}
        assert all((field < 0).any() for field in torso.organs.values())
        assert torso.known_z_range[1] - torso.known_z_range[0] > 200
        liver = torso.organs[Organ.LIVER]
        for place in (torso.hilum, torso.confluence):
            index = [
                round((p - o) / s)
                for p, o, s in zip(
                    place, CANONICAL_GRID.origin, CANONICAL_GRID.spacing, strict=True
                )
            ]
            assert float(liver[tuple(index)]) < 12  # mm


# ---- its parts ---------------------------------------------------------------------------


def test_vessels_start_at_the_hilum_and_stay_in_the_liver(body: Body) -> None:
    portal, hepatic = grow_trees(RandomSource(1), body)
    liver = body.organs[Organ.LIVER].numpy()
    for tree, root in ((portal, body.hilum), (hepatic, body.confluence)):
        assert len(tree.radius) > 50
        assert tree.radius[:, 1].min() >= THINNEST_MM
        index = np.rint((tree.end - CANONICAL_GRID.origin) / CANONICAL_GRID.spacing).astype(int)
        inside = liver[tuple(index.T)]
        assert np.mean(inside < 4) > 0.98
        thickest = tree.start[np.argmax(tree.radius[:, 1])]
        assert np.linalg.norm(thickest - root) < 60


def test_murray_law_at_every_fork(body: Body) -> None:
    tree, _ = grow_trees(RandomSource(4), body, leaves=60)
    starts = {tuple(s.round(3)): n for n, s in enumerate(tree.end)}
    for parent_end, parent in starts.items():
        children = [n for n, s in enumerate(tree.start) if tuple(s.round(3)) == parent_end]
        for child in children:
            assert tree.radius[child, 1] <= tree.radius[parent, 1] + 1e-4


def test_tree_distance_is_that_of_its_pieces(body: Body) -> None:
    tree, _ = grow_trees(RandomSource(2), body, leaves=20)
    piece = int(np.argmax(tree.radius[:, 1]))
    middle = (tree.start[piece] + tree.end[piece]) / 2
    grid = Grid.centered([float(m) for m in middle], (1, 1, 1), (3, 3, 3))
    assert tree.distance(grid)[1, 1, 1] <= -tree.radius[piece].min() + 1e-3


def test_vessels_of_the_bank_are_where_their_liver_is() -> None:
    """In the box of the liver that they were taken from, and not mirrored in it."""
    for name in bank.vessel_names()[::3]:
        shape = bank.liver(name, torch.device("cpu"))
        inside = (shape.distance < 0).nonzero()
        low, high = inside.amin(dim=0).tolist(), inside.amax(dim=0).tolist()
        mask = bank.vessels(name)
        step = shape.grid.spacing[0]
        corner = [o + (n - 0.5) * step for o, n in zip(shape.grid.origin, low, strict=True)]
        stretch = [(b - a + 1) * step / n for a, b, n in zip(low, high, mask.shape, strict=True)]
        still = torch.zeros(3, *CANONICAL_GRID.coarser(3).shape)
        borrowed = RealVessels(name, corner, stretch, still)
        grid = Grid(tuple(c + 0.5 for c in corner), (1.0,) * 3, tuple(mask.shape))
        organ = resample(shape.distance, shape.grid, grid) < 1
        seen = borrowed.distance(grid) < 0
        share = float((seen & organ).sum()) / float(seen.sum())
        assert share > 0.94
        for axis in range(3):
            assert float((seen.flip(axis) & organ).sum()) / float(seen.sum()) < share
        # Without a stretch, every voxel is what is stored.
        own = replace(borrowed, corner=(0.0,) * 3, stretch=(1.0,) * 3)
        assert torch.equal(own.distance(Grid((0.5,) * 3, (1.0,) * 3, tuple(mask.shape))) < 0, mask)


def test_borrowed_vessels_lie_in_the_liver_and_are_drawn_once(body: Body) -> None:
    vessels = borrow_vessels(RandomSource(5), body)
    assert vessels is not None
    grid = Grid.centered(
        CANONICAL_GRID.point([n / 2 for n in CANONICAL_GRID.shape]), (2, 2, 2), (190, 160, 150)
    )
    inside = vessels.distance(grid) < 0
    liver = resample(body.organs[Organ.LIVER], CANONICAL_GRID, grid) < 0
    assert 10 < float((inside & liver).sum()) * 0.008 < 120  # mL
    assert float((inside & liver).sum()) > 0.5 * float(inside.sum())
    # A part of the grid gives the same part of the vessels.
    part = grid.crop((60, 50, 40), (120, 110, 90))
    assert torch.equal(vessels.distance(part) < 0, inside[60:120, 50:110, 40:90])
    assert borrow_vessels(RandomSource(5), draw_head(RandomSource(0))) is None


@pytest.mark.parametrize(
    ("name", "value", "darker"),
    [("sleeve_mm", 3.0, True), ("ducts_mm", 5.0, True), ("wall_calcium_from", 0.5, False)],
)
def test_what_lies_along_the_portal_vein_is_liver(
    body: Body, name: str, value: float, darker: bool
) -> None:
    """Edema, wide ducts and calcium change what is seen and no label, and stay near the vein."""
    portal, hepatic = grow_trees(RandomSource(1), body, leaves=30)
    look = draw_appearance(RandomSource(2), Phase.PORTAL)
    odd = replace(look, numbers={**look.numbers, "sleeve_hu": -40.0, name: value})
    grid = Grid.centered(body.hilum, (1.5, 1.5, 2), (70, 70, 12))
    plain, seen = (paint(Patient(body, one, portal, hepatic, []), grid) for one in (look, odd))
    assert torch.equal(plain.labels, seen.labels)
    change = seen.hu - plain.hu
    assert float(change[seen.labels == Label.VESSEL].abs().max()) == 0
    changed = change.abs() > 5
    assert changed.sum() > 20
    assert bool((change[changed] < 0).all()) == darker
    near = torch.nn.functional.max_pool3d(
        (portal.distance(grid) < 0).float()[None], (11, 11, 7), 1, (5, 5, 3)
    )[0]
    assert near[changed].all()


def test_metal_is_bright_and_liver(body: Body) -> None:
    ends = (np.array([[c + shift for c in body.hilum]], np.float32) for shift in (-6, 0))
    clip = Tree(*ends, np.full((1, 2), 1.1, np.float32))
    patient = Patient(body, draw_appearance(RandomSource(2)), Tree.empty(), Tree.empty(), [])
    grid = Grid.centered([c - 3 for c in body.hilum], (1, 1, 1), (30, 30, 30))
    plain, seen = paint(patient, grid), paint(replace(patient, metal=clip), grid)
    assert torch.equal(plain.labels, seen.labels)
    assert 5 < int((seen.hu > 2000).sum()) < 100


@pytest.mark.parametrize("real", [False, True])
def test_vessels_run_around_what_grew_between_them(body: Body, real: bool) -> None:
    vessels = (
        borrow_vessels(RandomSource(5), body) if real else grow_trees(RandomSource(1), body)[0]
    )
    assert vessels is not None
    center = CANONICAL_GRID.point(
        (body.organs[Organ.LIVER] < -20).nonzero().float().mean(dim=0).tolist()
    )
    obstacle = center, (25.0, 20.0, 22.0)
    grid = Grid.centered(center, (2, 2, 2), (60, 60, 60))
    ball = ellipsoid(*grid.axes(), *obstacle)
    before, after = (v.distance(grid) < 0 for v in (vessels, vessels.around([obstacle])))
    assert (before & (ball < -4)).any()
    assert not (after & (ball < -4)).any()
    shell = (ball > 0) & (ball < 15)
    assert float((after & shell).sum()) > float((before & shell).sum())


def test_wild_lesions_are_of_all_kinds_and_stay_where_they_belong(body: Body) -> None:
    draw = RandomSource(11)
    lesions = draw_lesions(draw, body, 120, radius_mm=(3.0, 50.0), training_variety=True)
    assert len(lesions) == 120
    kinds = [lesion.kind for lesion in lesions]
    assert all(kinds.count(kind) > 5 for kind in LesionKind)
    assert any(lesion.calcium_hu for lesion in lesions)
    assert any(0 < lesion.rim_mm < 2 for lesion in lesions)
    grid = Grid.centered((0, 0, 0), (1, 1, 1), (90, 90, 90))
    for lesion in lesions[:12]:
        local = replace(grid, origin=tuple(c - 44.5 for c in lesion.center))
        distance = lesion.distance(local)
        hu = torch.full(grid.shape, 100.0)
        painted = lesion.paint_hu(hu, distance, local, 100.0, 10.0)
        assert torch.equal(painted[distance > lesion.edge_mm], hu[distance > lesion.edge_mm])
        assert float((painted - hu).abs().max()) > 2
        assert float(painted.min()) >= -10


def test_a_lesion_near_the_capsule_lifts_it_and_one_deep_inside_does_not(body: Body) -> None:
    liver = body.organs[Organ.LIVER]
    depth = {"deep": float(liver.min()) + 1, "shallow": -5.0}
    for name, wanted in depth.items():
        index = (liver - wanted).abs().argmin()
        place = CANONICAL_GRID.point(
            [int(n) for n in np.unravel_index(int(index), CANONICAL_GRID.shape)]
        )
        radius = 8.0 if name == "deep" else 14.0
        lesion = draw_lesion(RandomSource(3), place, radius, (-40.0, 5.0))
        grown = bulge_liver(body, [lesion]).organs[Organ.LIVER]
        assert bool((grown < liver).any()) == (name == "shallow")
        assert not (grown > liver).any()
        assert not ((grown < 0) & (liver >= 0) & (body.cavity > 0)).any()


def test_a_head_has_no_liver_no_vessels_and_no_lesions() -> None:
    draw = RandomSource(0)
    head = draw_head(draw)
    portal, hepatic = grow_trees(draw, head)
    assert len(portal.radius) == len(hepatic.radius) == 0
    assert draw_lesions(draw, head, 5) == []
    patient = Patient(head, draw_appearance(draw), portal, hepatic, [])
    painting = paint(patient, Grid.centered((0, 25, 5), (8,) * 3, (48, 42, 56)))
    assert not painting.labels.any()
    assert not (painting.organs == Organ.LIVER).any()
    assert (painting.organs == Organ.BONE).any()


@pytest.mark.parametrize("seed", range(6))
def test_bodies_are_anatomically_in_order(seed: int) -> None:
    """The liver on the right, the spleen on the left, lungs above both."""
    drawn = draw_body(RandomSource(seed), training_variety=seed % 2 == 1)
    x, _, z = grid_points(CANONICAL_GRID, torch.device("cpu"))

    def middle(organ: Organ, axis: Field) -> float:
        return float(axis[drawn.organs[organ] < 0].mean())

    assert middle(Organ.LIVER, x) > 15
    if (drawn.organs[Organ.SPLEEN] < 0).any():
        assert middle(Organ.SPLEEN, x) < -30
    assert middle(Organ.LUNG, z) > middle(Organ.LIVER, z)
    assert middle(Organ.HEART, z) > middle(Organ.LIVER, z)
    liver = drawn.organs[Organ.LIVER] < 0
    assert 400 < float(liver.sum()) * 0.064 < 4500
    assert float((drawn.skin[liver] < 0).float().mean()) > 0.98
    assert all(d.abs().max() <= FAR_MM for d in drawn.organs.values())


def test_a_wild_scan_differs_from_the_plain_one_by_what_was_asked_for(body: Body) -> None:
    draw = RandomSource(3)
    grid = Grid.centered((0, 25, 5), (4, 4, 4), (96, 80, 64))
    patient = Patient(body, draw_appearance(draw), *grow_trees(draw, body), [])
    painting = paint(patient, grid)

    def image(**changes: object) -> Field:
        scanner = Scanner(noise_hu=0.0, uneven=0.0, seed=4, **changes)  # type: ignore[arg-type]
        return ScanSimulation(scanner, body, RandomSource(9)).image(painting, grid)

    plain = image(table=False)
    assert torch.equal(image(table=False), plain)
    assert float((image(table=False, offset_hu=7.0) - plain).mean()) == pytest.approx(7, abs=0.01)
    below = image(table=True) - plain
    assert (below.abs() > 30).any()
    assert not (below[painting.organs > Organ.FAT].abs() > 30).any()
    shaded = image(table=False, shading_hu=6.0) - plain
    assert 1 < float(shaded.std()) < 12
    assert float((image(table=False, arms=True) - plain).max()) > 500
    assert float((image(table=False, metal=True) - plain).max()) > 500


def test_a_contact_sheet_shows_its_samples() -> None:
    *steps, picture = iter_contact_sheet(0, count=2)
    assert len(steps) == 2
    assert isinstance(picture, np.ndarray)
    assert picture.dtype == np.uint8
    for tile in np.split(picture, 2, axis=1):
        assert tile.std() > 20
        assert (tile[..., 0] != tile[..., 1]).mean() > 0.01  # colored labels
