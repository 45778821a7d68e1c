"""What a label map amounts to: volumes, lesions with their diameters, RECIST 1.1, files of it.

Light to import: what finds lesions (scipy, scikit-image) is loaded by the first measurement.
"""

from liverview.measurement.compute import measure, measuring
from liverview.measurement.export import report, write_tables
from liverview.measurement.figures import SMALLEST_LESION_ML, Diameter, Lesion, Measurement

__all__ = [
    "SMALLEST_LESION_ML",
    "Diameter",
    "Lesion",
    "Measurement",
    "measure",
    "measuring",
    "report",
    "write_tables",
]
