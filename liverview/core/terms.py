"""Terms for the labels: codes of SNOMED CT, and the names that others use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from liverview.core.label_table import label_table
from liverview.core.labels import FOREGROUND, Label, label_entry


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


def label_from_name(name: str) -> Label | None:
    """The label that a name stands for; None where nobody is known to use it for one.

    Case, spaces and punctuation do not count. BACKGROUND is what is known to be no label, as
    the spleen.
    """
    plain = re.sub(r"[\W_]+", "_", name.casefold()).strip("_")
    called_by_label = [(label, label_entry(label).called) for label in FOREGROUND]
    for label, called in [*called_by_label, (Label.BACKGROUND, label_table().background)]:
        if any(fnmatchcase(plain, pattern) for pattern in called):
            return label
    return None
