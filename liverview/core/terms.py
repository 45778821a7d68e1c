"""Terms for the labels: codes of SNOMED CT, and the names that others use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from liverview.core.label_table import label_table
from liverview.core.labels import FOREGROUND, Label, label_entry

# What ITK-SNAP ("Label 1"), Slicer ("Segment_1", "label_1") and others call what nobody named.
_PLACEHOLDER = re.compile(
    r"(?:(?:new|unnamed|untitled)(?:_|$))?"
    r"(?:label|labels|segment|segmentation|class|structure|region|roi|mask|object|value|l)?"
    r"_?\d*(?:_copy)?"
)


@dataclass(frozen=True)
class Term:
    """One concept of SNOMED CT, as DICOM writes it (scheme SCT)."""

    code: str
    meaning: str


@dataclass(frozen=True)
class LabelTerms:
    """The codes of a label in DICOM segmentations.

    Attributes
    ----------
    category : of what kind.
    type : the thing itself.
    region : what it is in; None for an organ.
    """

    category: Term
    type: Term
    region: Term | None


@cache
def label_terms(label: Label) -> LabelTerms:
    """The codes of a label, from resources/labels.toml; the background has none (KeyError)."""
    terms = label_entry(label).terms
    region = Term(*terms["region"]) if "region" in terms else None
    return LabelTerms(Term(*terms["category"]), Term(*terms["type"]), region)


def is_ignored_name(name: str) -> bool:
    """True where a name says that nobody judged the voxels: "ignore", "void"."""
    return _is_called(_plain(name), label_table().ignored)


def is_placeholder(name: str) -> bool:
    """True where programs gave the name for want of one: "Label 1", "Segment_2", "3", "???"."""
    return _PLACEHOLDER.fullmatch(_plain(name)) is not None


def label_from_name(name: str) -> Label | None:
    """The label that a name stands for; None where nobody is known to use it for one.

    Case, spaces and punctuation do not count, nor does a number behind the name ("lesion 2").
    BACKGROUND is what is known to be no label, as the spleen.
    """
    called_by_label = [(label, label_entry(label).called) for label in FOREGROUND]
    for plain in dict.fromkeys((_plain(name), _plain(name).rstrip("0123456789").rstrip("_"))):
        for label, called in [*called_by_label, (Label.BACKGROUND, label_table().background)]:
            if _is_called(plain, called):
                return label
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def _is_called(plain: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(plain, pattern) for pattern in patterns)
