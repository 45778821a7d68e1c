#!/bin/sh
# SimpleITK takes the stored values of a MONOCHROME1 image from the greatest one that they can have,
# and only then applies slope and intercept: a CT of 12 bits has 4095 - value, one of 16 bits 65535 -
# value. Air of -1000 HU is read as 3047 or 64487 HU, without a word.
#
# DICOM PS3.3, C.7.6.3.1.2 and C.11.1: MONOCHROME1 says that low values are to be displayed as white,
# after the VOI transformation; HU are slope times stored value plus intercept either way. CT images
# may have it (C.8.2.1). Seen with SimpleITK 2.5.7. It matters where scans are compared: pydicom and
# dcm2niix have the values as they are stored, as liverview has.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.3.5 pydicom==3.0.2 SimpleITK==2.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

print("SimpleITK", sitk.Version_VersionString())
stored = np.arange(24, 1624, 100, dtype=np.uint16).reshape(4, 4)  # from -1000 HU on
as_described = True
for bits in (12, 16):
    for meaning in ("MONOCHROME2", "MONOCHROME1"):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
        image.FrameOfReferenceUID, image.Modality = generate_uid(), "CT"
        for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID",
                        "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName",
                        "Manufacturer", "PositionReferenceIndicator", "AcquisitionNumber"):
            setattr(image, keyword, "")
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.SeriesNumber, image.InstanceNumber, image.KVP = 1, 1, 120
        image.ImagePositionPatient, image.PatientPosition = [0, 0, 0], "HFS"
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SliceThickness = [1, 1], 1
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, meaning
        image.Rows, image.Columns = stored.shape
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, bits, bits - 1
        image.PixelRepresentation, image.RescaleIntercept, image.RescaleSlope = 0, -1024, 1
        image.PixelData = stored.tobytes()
        image.save_as("image.dcm", enforce_file_format=True)
        hu = sitk.GetArrayFromImage(sitk.ReadImage("image.dcm"))[0]
        print(f"{meaning}, {bits} bits: {stored[0]} with intercept -1024 is read as {hu[0]} HU")
        turned = (2**bits - 1) - stored.astype(int)
        expected = stored.astype(int) if meaning == "MONOCHROME2" else turned
        as_described &= np.array_equal(hu, expected - 1024)
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
# Seen:
# SimpleITK 2.5.7
# MONOCHROME2, 12 bits: [ 24 124 224 324] with intercept -1024 is read as [-1000  -900  -800
# -700] HU
# MONOCHROME1, 12 bits: [ 24 124 224 324] with intercept -1024 is read as [3047 2947 2847 2747] HU
# MONOCHROME2, 16 bits: [ 24 124 224 324] with intercept -1024 is read as [-1000  -900  -800
# -700] HU
# MONOCHROME1, 16 bits: [ 24 124 224 324] with intercept -1024 is read as [64487 64387 64287
# 64187] HU
# as described
