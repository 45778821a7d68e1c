"""The order of a table of series, and what is said of each."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from liverview.files.dicom.headers.header_reading import header_of
from liverview.files.dicom.places.recommendation import recommend
from liverview.files.dicom.places.series_words import Phase, is_sharp, names_abdomen, phases_in
from liverview.files.dicom.places.sources import MemorySource
from liverview.files.dicom.series.series_volume import SeriesKind, SeriesVolume

from support.dicom_series import ct_slice


def volume(
    description: str,
    *,
    slices: int = 120,
    step: float = 2.0,
    kind: SeriesKind = SeriesKind.CT,
    refusal: str = "",
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "AXIAL"),
    **study: Any,
) -> SeriesVolume:
    file = BytesIO()
    ct_slice(np.zeros((2, 2)), (0, 0, 0), orientation=orientation).save_as(
        file, enforce_file_format=True
    )
    header = replace(header_of(MemorySource("IM1", file.getvalue())), image_type=image_type)
    usual = {"modality": "CT", "body_part": "ABDOMEN", "contrast": "Agent 400", "kernel": "Br40f"}
    facts = replace(header.study, series_description=description, **usual | study)
    return SeriesVolume((header,), facts, kind, (512, 512, slices), (0.8, 0.8, step), (), refusal)


def ordered(*volumes: SeriesVolume) -> list[str]:
    return [each.volume.study.series_description for each in recommend(volumes)]


def reason(description: str, **given: Any) -> tuple[bool, str]:
    (found,) = recommend([volume(description, **given)])
    return found.likely, found.reason


def test_the_portal_venous_volume_of_the_abdomen_comes_first_and_is_marked() -> None:
    found = recommend(
        [
            volume("Topogramm", kind=SeriesKind.LOCALIZER, slices=2),
            volume("Thorax Lunge", kernel="Br64", body_part="CHEST"),
            volume("Abdomen nativ", contrast=""),
            volume("Abdomen arteriell"),
            volume("Abdomen portalvenös 5.0", slices=48, step=5.0),
            volume("Abdomen portalvenös 1.5", slices=200, step=1.5),
            volume("Abdomen portalvenös cor", orientation=(1, 0, 0, 0, 0, -1)),
            volume("Abdomen spät"),
            volume("T2 haste", kind=SeriesKind.OTHER_MODALITY),
            volume("Dosisprotokoll", kind=SeriesKind.NO_IMAGE, slices=0, step=0),
        ]
    )
    assert [each.volume.study.series_description for each in found] == [
        "Abdomen portalvenös 1.5",
        "Abdomen portalvenös 5.0",
        "Abdomen spät",
        "Abdomen arteriell",
        "Abdomen nativ",
        "Abdomen portalvenös cor",
        "Thorax Lunge",
        "T2 haste",
        "Topogramm",
        "Dosisprotokoll",
    ]
    assert [each.likely for each in found] == [True, True] + [False] * 8
    assert found[0].reason == "portal venous phase, abdomen, slices of 1.5 mm over 300 mm"


@pytest.mark.parametrize(
    ("description", "phase"),
    [
        ("PORTAL VENOUS 3.0 B30f", Phase.PORTAL_VENOUS),
        ("ABD_PV_2mm", Phase.PORTAL_VENOUS),
        ("PortalVenous", Phase.PORTAL_VENOUS),
        ("Abdomen 70s", Phase.PORTAL_VENOUS),
        ("Oberbauch portalvenös", Phase.PORTAL_VENOUS),
        ("Leber venoes 2.0", Phase.PORTAL_VENOUS),
        ("Abdo temps portal", Phase.PORTAL_VENOUS),
        ("phase veineuse", Phase.PORTAL_VENOUS),
        ("FASE VENOSA PORTAL", Phase.PORTAL_VENOUS),
        ("addome fase portale", Phase.PORTAL_VENOUS),
        ("上腹部 门静脉期", Phase.PORTAL_VENOUS),
        ("静脉期 1.25mm", Phase.PORTAL_VENOUS),
        ("Liver Arterial", Phase.ARTERIAL),
        ("ABD ART 1.0", Phase.ARTERIAL),
        ("temps artériel", Phase.ARTERIAL),
        ("fase arteriosa", Phase.ARTERIAL),
        ("动脉期", Phase.ARTERIAL),
        ("CTA Abdomen", Phase.ARTERIAL),
        ("DELAYED 5min", Phase.LATE),
        ("Abdomen Spätphase", Phase.LATE),
        ("fase tardía", Phase.LATE),
        ("延迟期", Phase.LATE),
        ("Abdomen W/O", Phase.NATIVE),
        ("non-contrast abdomen", Phase.NATIVE),
        ("Abdomen nativ 5.0", Phase.NATIVE),
        ("sans injection", Phase.NATIVE),
        ("sin contraste", Phase.NATIVE),
        ("senza mdc", Phase.NATIVE),
        ("平扫", Phase.NATIVE),
        ("Abdomen 3.0", None),
        ("Start Part Intervention", None),
        ("Plate Template Single", None),
    ],
)
def test_phases_in_the_languages_of_scanners(description: str, phase: Phase | None) -> None:
    assert phases_in(description) == ({phase} if phase else set())


@pytest.mark.parametrize(
    "text",
    ["ABDOMEN", "CT Oberbauch", "TAP c+", "Leber", "HÍGADO", "Foie", "fegato", "肝脏", "Abd/Pel"],
)
def test_the_abdomen_in_the_languages_of_scanners(text: str) -> None:
    assert names_abdomen(text)


@pytest.mark.parametrize("text", ["CHEST", "Kopf", "Tape", "Escape", "胸部", "knee"])
def test_other_regions_are_not_the_abdomen(text: str) -> None:
    assert not names_abdomen(text)


@pytest.mark.parametrize(
    ("kernel", "sharp"),
    [
        *(("B30f", False), ("Br40f 3", False), ("I31f 2", False), ("B70f", True), ("Bl57d", True)),
        *(("STANDARD", False), ("SOFT", False), ("LUNG", True), ("BONEPLUS", True)),
        *(("FC08", False), ("FC18-H", False), ("FC51", True), ("FC30", True), ("FC86", True)),
        *(("B", False), ("C", False), ("YA", True), ("D", True), ("L", True), ("", False)),
    ],
)
def test_kernels_of_the_makers(kernel: str, sharp: bool) -> None:
    assert is_sharp(kernel, "Abdomen") is sharp
    assert is_sharp("", "Abdomen Knochen")
    assert not is_sharp("", "Abdomen Weichteil")


def test_reasons_name_what_speaks_against() -> None:
    assert reason("Abdomen venous", kernel="B70f") == (
        False,
        "portal venous phase, abdomen, sharp kernel B70f, slices of 2 mm over 240 mm",
    )
    assert reason("Abdomen venous", slices=20) == (
        False,
        "portal venous phase, abdomen, slices of 2 mm over 40 mm, short",
    )
    assert reason("venous", body_part="CHEST", protocol="Thorax") == (
        False,
        "portal venous phase, another region, slices of 2 mm over 240 mm",
    )
    assert reason("Abdomen venous MIP")[0] is False
    assert reason("Abdomen venous", refusal="No.")[0] is False
    assert reason("T2", kind=SeriesKind.OTHER_MODALITY, modality="MR") == (False, "MR")
    assert reason("scout", kind=SeriesKind.LOCALIZER) == (False, "localizer")


def test_where_no_phase_is_named_a_contrast_agent_makes_it_likely() -> None:
    assert reason("Abdomen 3.0") == (
        True,
        "contrast agent, phase not named, abdomen, slices of 2 mm over 240 mm",
    )
    assert reason("Abdomen 3.0", contrast="")[0] is False
    assert reason("Abdomen 3.0", contrast="NONE")[0] is False
    # The protocol of a study with three phases names them all.
    assert reason("3.0 B30", protocol="Leber arteriell/venös/spät")[0] is True
    assert reason("3.0 B30", protocol="Leber venös")[1].startswith("portal venous phase")
    assert reason("3.0 B30 arteriell", protocol="Leber venös")[1].startswith("arterial phase")


def test_a_series_without_any_word_is_likely_only_by_its_agent_and_extent() -> None:
    bare = {"body_part": "", "protocol": "", "study_description": ""}
    assert reason("", **bare)[0] is True
    assert reason("", contrast="", **bare)[0] is False
    assert reason("", slices=50, **bare)[0] is False  # 100 mm, of nobody knows what
    assert reason("", **bare | {"study_description": "CT Thorax Abdomen"})[1].count("abdomen")


def test_what_cannot_be_opened_comes_after_what_can_and_ties_keep_their_order() -> None:
    first, second, refused = volume("a"), volume("b"), volume("Abdomen venous", refusal="No.")
    assert ordered(refused, first, second) == ["a", "b", "Abdomen venous"]
    assert ordered(refused, second, first) == ["b", "a", "Abdomen venous"]
    assert recommend([]) == ()
