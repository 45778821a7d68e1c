"""Codes of SNOMED CT in segments: those of the labels, and which label another program's mean."""

from __future__ import annotations

from functools import cache
from typing import Any

from liverview.core.coding import meaning_from_name
from liverview.core.labels import FOREGROUND, Label, label_entry
from liverview.core.terms import label_terms

_SCHEME = "SCT"
_OLD_SCHEMES = ("SRT", "99SDM", "SNM3")
_AROUND_LIVER = ("818983003", "113345001", "818981001", "818982008", "303270005")
"""Regions that say nothing against the liver: abdomen, with pelvis, liver and biliary structure."""


def name_segment(given: str, kind: tuple[str, str], regions: list[tuple[str, str]]) -> str:
    """A name for a segment, by which its meaning is looked up in the table of labels.

    Its own name where that means what its code does, or where its code means nothing to us.

    Parameters
    ----------
    given : the name that the segment has; may be empty.
    kind : code and meaning of its type, see `coded`.
    regions : codes and meanings of what it is in.
    """
    label = _label_of(kind[0], [code for code, _ in regions])
    if label is not None:
        return given if meaning_from_name(given) is label else label.name.lower()
    elsewhere = [meaning for code, meaning in regions if not _is_in_liver(code)]
    if elsewhere and len(elsewhere) == len(regions):
        return f"{given or kind[1]} of {elsewhere[0]}"  # a tumor of the kidney is none of ours
    return given if meaning_from_name(given) is not None or not kind[1] else _both(given, kind[1])


def coded(item: Any) -> tuple[str, str]:
    """The code in SNOMED CT, also of what is coded in the older scheme, and its meaning.

    The code is empty where it is of another scheme.
    """
    value = str(item.get("CodeValue") or item.get("LongCodeValue") or "")
    scheme = str(item.get("CodingSchemeDesignator") or "")
    meaning = str(item.get("CodeMeaning") or "")
    if scheme in _OLD_SCHEMES:
        from pydicom.sr._snomed_dict import mapping

        value, scheme = str(mapping["SRT"].get(value, "")), _SCHEME
    return value if scheme == _SCHEME else "", meaning


def _both(given: str, kind: str) -> str:
    """A name that says nothing to us with the meaning of the type, which may."""
    meant = meaning_from_name(kind)
    return kind if meant is not None or not given else given


def _label_of(code: str, regions: list[str]) -> Label | None:
    found = _labels_by_code().get(code)
    if found is None:
        return None
    label, anywhere = found
    inside = not regions or any(_is_in_liver(region) for region in regions)
    return label if inside or not anywhere else None


def _is_in_liver(code: str) -> bool:
    if code in _AROUND_LIVER:
        return True
    label, _ = _labels_by_code().get(code, (None, False))
    return label is Label.LIVER


@cache
def _labels_by_code() -> dict[str, tuple[Label, bool]]:
    """The label of every code, and whether it may be in other organs, too."""
    found: dict[str, tuple[Label, bool]] = {}
    for label in FOREGROUND:
        codes = label_entry(label).codes
        terms = label_terms(label)
        found[terms.type.code] = label, terms.region is not None
        found |= dict.fromkeys(codes.get("in_liver", ()), (label, False))
        found |= dict.fromkeys(codes.get("anywhere", ()), (label, True))
    return found
