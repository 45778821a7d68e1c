#!/bin/sh
# dcmqi's segimage2itkimage stacks the frames of a segmentation along the normal of their planes from
# the position of the first one, whatever position each frame states. Of a series whose gantry was
# tilted, every slice after the first lies beside its place, without a word and with exit code 0.
#
# Seen with dcmqi 1.5.7, on a segmentation by highdicom 0.28.2. It matters where dcmqi reads again
# what liverview writes: for tilted series, positions are compared by pydicom instead.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.3.5 pydicom==3.0.2 highdicom==0.28.2 dcmqi==1.5.7 SimpleITK==2.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import highdicom as hd
import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, generate_uid

TILT_MM = 0.65  # to the back, every 2.5 mm: about 15 degrees
study, series, frame = generate_uid(), generate_uid(), generate_uid()
images = []
for number in range(10):
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = study, series
    image.FrameOfReferenceUID, image.Modality = frame, "CT"
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID",
                    "AccessionNumber", "StudyDate", "StudyTime"):
        setattr(image, keyword, "")
    image.Rows, image.Columns = 40, 40
    image.PixelSpacing, image.SliceThickness = [1, 1], 2.5
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient = [0, round(TILT_MM * number, 4), 2.5 * number]
    images.append(image)
masks = np.zeros((10, 40, 40), np.uint8)
masks[:, 20, 20] = 1  # the same pixel in all frames
segment = hd.seg.SegmentDescription(
    1, "Liver", codes.SCT.AnatomicalStructure, codes.SCT.Liver, "MANUAL"
)
hd.seg.Segmentation(
    images, masks, "BINARY", [segment], generate_uid(), 1, generate_uid(), 1, "x", "x", "1", "1"
).save_as("seg.dcm")
tool = str(Path(sys.executable).with_name("segimage2itkimage"))
done = subprocess.run(
    [tool, "--inputDICOM", "seg.dcm", "--outputDirectory", ".", "-t", "nrrd"],
    capture_output=True, text=True,
)
print(done.stdout.splitlines()[0])
image = sitk.ReadImage("1.nrrd")
last = np.argwhere(sitk.GetArrayFromImage(image))[-1][::-1]
there = np.array(image.TransformIndexToPhysicalPoint([int(n) for n in last]))
states = np.array([20, 20 + TILT_MM * 9, 22.5])
print("exit code", done.returncode, "- the last frame states", states, "mm, dcmqi has", there)
sys.exit(0 if done.returncode == 0 and abs(np.linalg.norm(there - states) - 5.85) < 0.01 else 1)
PYTHON
# Seen:
# dcmqi repository URL: https://github.com/QIICR/dcmqi revision: 506306a tag: v1.5.7
# exit code 0 - the last frame states [20.   25.85 22.5 ] mm, dcmqi has [20.  20.  22.5]
