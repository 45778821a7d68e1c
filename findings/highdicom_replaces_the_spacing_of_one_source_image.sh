#!/bin/sh
# highdicom's Segmentation of one source image writes SpacingBetweenSlices 1.0, whatever spacing it is
# given in pixel_measures. Of two source images the given spacing is written. The SliceThickness that
# is given gives way to that of the images in both.
#
# DICOM PS3.3, C.7.6.16.2.1 "Pixel Measures Macro": Spacing Between Slices is the distance of two
# slices along their normal. Seen with highdicom 0.28.2. It matters to readers that stack frames by
# it (dcmqi does): a segmentation of slices 2.5 mm apart that grew from its first image is 1 mm apart.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.3.5 pydicom==3.0.2 highdicom==0.28.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, generate_uid

print("highdicom", hd.__version__)
study, series, frame = generate_uid(), generate_uid(), generate_uid()


def source_image(number):
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = study, series
    image.FrameOfReferenceUID, image.Modality = frame, "CT"
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID",
                    "AccessionNumber", "StudyDate", "StudyTime"):
        setattr(image, keyword, "")
    image.Rows, image.Columns = 8, 8
    image.PixelSpacing, image.SliceThickness = [1, 1], 5
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient = [0, 0, 2.5 * number]
    return image


segment = hd.seg.SegmentDescription(
    1, "Liver", codes.SCT.AnatomicalStructure, codes.SCT.Liver, "MANUAL"
)
written = {}
for count in (1, 2):
    made = hd.seg.Segmentation(
        [source_image(number) for number in range(count)],
        np.ones((count, 8, 8), np.uint8),
        "BINARY", [segment], generate_uid(), 1, generate_uid(), 1, "x", "x", "1", "1",
        pixel_measures=hd.PixelMeasuresSequence(
            pixel_spacing=[1, 1], slice_thickness=4, spacing_between_slices=2.5
        ),
    )
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    written[count] = float(measures.SpacingBetweenSlices), float(measures.SliceThickness)
    print(f"{count} source image(s): given spacing 2.5, thickness 4; written", written[count])
as_described = written == {1: (1.0, 5.0), 2: (2.5, 5.0)}
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
# Seen:
# highdicom 0.28.2
# 1 source image(s): given spacing 2.5, thickness 4; written (1.0, 5.0)
# 2 source image(s): given spacing 2.5, thickness 4; written (2.5, 5.0)
# as described
