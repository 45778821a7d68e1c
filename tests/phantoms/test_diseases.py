"""Lesions as diseases show them, phase by phase."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from liverview.core.labels import Label
from liverview.core.stream import result_of
from liverview.phantoms.appearance import draw_appearance
from liverview.phantoms.body import Body
from liverview.phantoms.config import Phantom, PhantomConfig, PhantomLesions, Phase
from liverview.phantoms.diseases import draw_patient_lesions
from liverview.phantoms.fields import Grid, RandomSource
from liverview.phantoms.generation import iter_generate
from liverview.phantoms.lesions import LesionKind
from liverview.phantoms.paint import Patient, paint
from liverview.phantoms.vessels import Tree

_CASES = [
    (PhantomLesions.METASTASES, Phase.PORTAL, (-105, -25)),
    (PhantomLesions.METASTASES, Phase.NATIVE, (-50, -3)),
    (PhantomLesions.HCC, Phase.ARTERIAL, (15, 75)),
    (PhantomLesions.HCC, Phase.PORTAL, (-40, -2)),
    (PhantomLesions.HCC, Phase.DELAYED, (-40, -2)),
    (PhantomLesions.HEMANGIOMAS, Phase.DELAYED, (3, 45)),
]


@pytest.mark.parametrize(("kind", "phase", "span"), _CASES)
def test_lesions_are_as_dark_or_bright_as_their_phase_makes_them(
    body: Body, kind: PhantomLesions, phase: Phase, span: tuple[float, float]
) -> None:
    medians = painted_medians(body, kind, phase, 4)
    assert len(medians) == 5
    assert all(span[0] < median < span[1] for median in medians)


def painted_medians(body: Body, kind: PhantomLesions, phase: Phase, seed: int) -> list[float]:
    """Median HU of five lesions of a patient, each minus that of the liver around it."""
    appearance = draw_appearance(RandomSource(2), phase)
    medians = []
    for lesion in draw_patient_lesions(RandomSource(seed), body, kind, phase, 5):
        grid = Grid.centered(lesion.center, (1.5, 1.5, 3), (24, 24, 12))
        painting = paint(Patient(body, appearance, Tree.empty(), Tree.empty(), [lesion]), grid)
        tumor = painting.labels == Label.TUMOR
        liver = painting.labels == Label.LIVER
        medians.append(float(painting.hu[tumor].median() - painting.hu[liver].median()))
    return medians


def test_portal_metastases_are_as_dark_as_measured_ones(body: Body) -> None:
    """Those of real patients are 37 to 84 HU darker than the liver around them."""
    medians = np.concatenate(
        [painted_medians(body, PhantomLesions.METASTASES, Phase.PORTAL, n) for n in range(8)]
    )
    assert ((medians > -84) & (medians < -37)).mean() > 0.7
    assert -67 < np.median(medians) < -52


def test_cysts_are_water_in_every_phase(body: Body) -> None:
    for phase in Phase:
        lesions = draw_patient_lesions(RandomSource(1), body, PhantomLesions.CYSTS, phase, 4)
        assert [lesion.kind for lesion in lesions] == [LesionKind.CYST] * 4


@pytest.mark.parametrize("kind", [k for k in PhantomLesions if k is not PhantomLesions.PLAIN])
def test_a_phase_changes_density_and_no_shape(body: Body, kind: PhantomLesions) -> None:
    by_phase = [draw_patient_lesions(RandomSource(9), body, kind, p, 8) for p in Phase]
    for first, second in itertools.pairwise(by_phase):
        for a, b in zip(first, second, strict=True):
            assert (a.kind, a.center, a.radii, a.warp_mm) == (b.kind, b.center, b.radii, b.warp_mm)
            assert torch.equal(a.warp, b.warp)
    if kind is not PhantomLesions.CYSTS:
        assert len({lesions[0].contrast_hu for lesions in by_phase}) == 4


def test_mixed_lesions_are_of_several_kinds(body: Body) -> None:
    lesions = [
        lesion
        for seed in range(4)
        for lesion in draw_patient_lesions(
            RandomSource(seed), body, PhantomLesions.MIXED, Phase.ARTERIAL, 15
        )
    ]
    assert 3 < sum(lesion.kind is LesionKind.CYST for lesion in lesions) < 25
    assert any(lesion.nodular for lesion in lesions)
    assert any(lesion.contrast_hu > 15 for lesion in lesions)
    assert any(lesion.contrast_hu < -15 and not lesion.nodular for lesion in lesions)


def test_two_phases_of_a_phantom_have_the_same_labels_and_the_same_seed_the_same_voxels() -> None:
    def make(phase: Phase) -> Phantom:
        config = PhantomConfig(
            (48, 42, 16), (8, 8, 12), 3, 6, 4.0, phase, lesion_kind=PhantomLesions.HCC
        )
        return result_of(iter_generate(config), Phantom)

    arterial, again, portal = make(Phase.ARTERIAL), make(Phase.ARTERIAL), make(Phase.PORTAL)
    assert np.array_equal(arterial.volume.voxels, again.volume.voxels)
    tumors = [case.labels.voxels == Label.TUMOR for case in (arterial, portal)]
    assert tumors[0].any()
    assert np.array_equal(*tumors)
    assert not np.array_equal(arterial.volume.voxels, portal.volume.voxels)
