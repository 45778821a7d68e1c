"""What others call the labels: codes of SNOMED CT, and the names that people use."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from liverview.core import paths
from liverview.core.labels import FOREGROUND, Label


@dataclass(frozen=True)
class Term:
    """One concept of SNOMED CT, as DICOM writes it (scheme SCT)."""

    code: str
    meaning: str


@dataclass(frozen=True)
class LabelTerms:
    """What a label is as DICOM segmentations say it.

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
    terms = _label_entries()[label.name.lower()]["terms"]
    region = Term(*terms["region"]) if "region" in terms else None
    return LabelTerms(Term(*terms["category"]), Term(*terms["type"]), region)


def label_from_name(name: str) -> Label | None:
    """The label that a name stands for; None where nobody is known to use it for one.

    Case, spaces and punctuation do not count. BACKGROUND is what is known to be no label, as
    the spleen.
    """
    plain = re.sub(r"[\W_]+", "_", name.casefold()).strip("_")
    for label in (*FOREGROUND, Label.BACKGROUND):
        called = _label_entries()[label.name.lower()]["called"]
        if any(fnmatchcase(plain, pattern) for pattern in called):
            return label
    return None


@cache
def _label_entries() -> dict[str, Any]:
    return tomllib.loads((paths.resources() / "labels.toml").read_text(encoding="utf-8"))
