"""The JSON beside a label map: what its values are, in terms that a program can rely on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liverview.core.about import DISCLAIMER, __version__
from liverview.core.edited_volume import EditedVolumes, edited_content
from liverview.core.grid import OnGrid
from liverview.core.labels import FOREGROUND, Label, LabelStyle, count_with_parts
from liverview.core.terms import Term, label_terms
from liverview.files.review_record import Review, read_review

_FORMAT = "liverview-labels-1"
_SCHEME = "SCT"


def record_content(
    file_name: str,
    counts: Mapping[Label, int],
    voxel_ml: float,
    styles: Mapping[Label, LabelStyle],
    weights_sha256: Mapping[str, str],
    review: Mapping[str, Any],
    edited: EditedVolumes,
) -> dict[str, Any]:
    """The content of the JSON; the unit is in every key.

    Parameters
    ----------
    file_name : of the label map.
    counts : voxels of each value alone.
    styles : of the labels that have an entry.
    voxel_ml : volume of one voxel.
    weights_sha256 : of the networks that made the labels, by file name.
    review : `liverview.files.review_record.review_content` of the label map.
    edited : volumes that were added and removed by hand.
    """
    organ_ml = count_with_parts(counts)[Label.LIVER] * voxel_ml
    return {
        "format": _FORMAT,
        "label_map": file_name,
        "partial": bool(review.get("partial")),
        "labels": [
            _label_entry(label, counts[label], voxel_ml, styles[label])
            for label in FOREGROUND
            if label in styles
        ],
        "liver_with_vessels_and_tumors_ml": round(organ_ml, 3) if Label.LIVER in styles else None,
        "edited_by_hand": {
            name: volumes
            for name, volumes in edited_content(edited).items()
            if Label[name.upper()] in styles
        },
        "voxel_ml": round(voxel_ml, 9),
        "software": f"liverview {__version__}",
        "weights_sha256": dict(weights_sha256),
        "review": dict(review),
        "disclaimer": DISCLAIMER,
    }


def record_names(content: Any) -> dict[int, str]:
    """Value -> name; empty where this is no such JSON."""
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return {}
    labels = content.get("labels")
    rows = [row for row in labels if isinstance(row, dict)] if isinstance(labels, list) else []
    # Not the name, which is the person's own.
    return {
        row["value"]: row["label"]
        for row in rows
        if type(row.get("value")) is int and isinstance(row.get("label"), str)
    }


def record_review(content: Any, grid: OnGrid) -> Review:
    """What such a JSON says of its label map beside its names."""
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return Review()
    return read_review(content.get("review"), grid)


def _label_entry(label: Label, count: int, voxel_ml: float, style: LabelStyle) -> dict[str, Any]:
    terms = label_terms(label)
    coded = {"category": terms.category, "type": terms.type, "anatomic_region": terms.region}
    return {
        "value": int(label),
        "label": label.name.lower(),
        "name": style.name,
        "color_rgb": list(style.color),
        "voxel_count": count,
        "volume_ml": round(count * voxel_ml, 3),
        "snomed": {key: _coded_term(term) for key, term in coded.items() if term},
    }


def _coded_term(term: Term) -> dict[str, str]:
    return {"scheme": _SCHEME, "code": term.code, "meaning": term.meaning}
