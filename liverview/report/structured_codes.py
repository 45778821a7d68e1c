"""Codes of structured reports: what is measured, in which unit, and what a person said of it.

SNOMED CT and DICOM's own where these have a code for exactly this; where they have none, codes of
the private scheme 99LIVERVIEW, whose meanings say it in words.
"""

from __future__ import annotations

from typing import NamedTuple

PRIVATE_SCHEME = "99LIVERVIEW"


class Code(NamedTuple):
    """A coded concept: value, scheme and meaning, in DICOM's order."""

    value: str
    scheme: str
    meaning: str


MILLILITER = Code("mL", "UCUM", "mL")
MILLIMETER = Code("mm", "UCUM", "mm")
PERCENT = Code("%", "UCUM", "Percent")
HOUNSFIELD = Code("[hnsf'U]", "UCUM", "Hounsfield unit")

VOLUME = Code("118565006", "SCT", "Volume")
LONG_AXIS = Code("103339001", "SCT", "Long axis")
SHORT_AXIS = Code("103340004", "SCT", "Short axis")
ATTENUATION = Code("112031", "DCM", "Attenuation Coefficient")
MEAN = Code("373098007", "SCT", "Mean")
STANDARD_DEVIATION = Code("386136009", "SCT", "Standard Deviation")
BURDEN = Code("tumor_burden", PRIVATE_SCHEME, "Tumor volume in percent of the whole liver")
SUM_OF_DIAMETERS = Code(
    "sum_of_diameters", PRIVATE_SCHEME, "Sum of longest diameters of target lesions"
)
VOXELS = Code("126030", "DCM", "Sum of segmented voxel method for volume")
RECIST = Code("126081", "DCM", "RECIST 1.1")
COMMENT = Code("121106", "DCM", "Comment")

VERDICT = Code("verdict", PRIVATE_SCHEME, "What a reader said of the lesion")
TARGET = Code("target", PRIVATE_SCHEME, "Target lesion, confirmed by a reader")
CANDIDATE = Code("candidate", PRIVATE_SCHEME, "Candidate, not confirmed as target")
NO_TARGET = Code("no_target", PRIVATE_SCHEME, "No target")
RULED_OUT = Code("ruled_out", PRIVATE_SCHEME, "Ruled out: no lesion")
STATUS = Code("labels_status", PRIVATE_SCHEME, "Status of the labels")
PARTIAL = Code("partial", PRIVATE_SCHEME, "Partial: the segmentation was stopped")
TARGETS = Code("targets_status", PRIVATE_SCHEME, "Status of the target lesions")
CONFIRMED = Code("confirmed", PRIVATE_SCHEME, "Confirmed by a reader")
PROPOSED = Code("proposed", PRIVATE_SCHEME, "Proposed by software, not confirmed")
