#!/bin/sh
# Two readers give all frames of a multi-frame CT the slope and intercept of one of them, where each
# has its own: SimpleITK always, dcm2niix unless the manufacturer is Philips or Canon. The same file
# with another name in Manufacturer is read right, or wrong by 1,100 HU, without a word, exit code 0.
#
# DICOM PS3.3, C.8.15.3.10 "CT Pixel Value Transformation" and C.7.6.16.2.9 are functional groups, which
# may stand per frame (C.7.6.16.1.2). Seen with SimpleITK 2.5.7 and dcm2niix 1.0.20260724, on a Legacy
# Converted Enhanced CT (A.70) that highdicom 0.28.2 makes of four slices with a scale each. It matters
# where such scans are compared: liverview scales each frame.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.3.5 pydicom==3.0.2 highdicom==0.28.2 nibabel==5.4.2 SimpleITK==2.5.7 \
  dcm2niix==1.0.20260724
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SCALES = [(1, -1024), (2, -1024), (1, -2000), (2, -2000)]  # slope, intercept
STORED = 1100
STATES = [STORED * slope + intercept for slope, intercept in SCALES]


def slices(manufacturer):
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number, (slope, intercept) in enumerate(SCALES):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.FrameOfReferenceUID, image.Modality = frame, "CT"
        image.PatientID, image.PatientName, image.StudyID = "1", "Nobody^", "1"
        for keyword in ("PatientBirthDate", "PatientSex", "AccessionNumber",
                        "ReferringPhysicianName", "PositionReferenceIndicator"):
            setattr(image, keyword, "")
        for name in ("Study", "Acquisition", "Content"):
            setattr(image, f"{name}Date", "20200101")
            setattr(image, f"{name}Time", "120000")
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.Manufacturer, image.PatientPosition = manufacturer, "HFS"
        image.SeriesNumber, image.InstanceNumber, image.AcquisitionNumber = 1, number + 1, 1
        image.ImagePositionPatient = [0, 0, 2 * number]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SliceThickness, image.KVP = [1, 1], 2, 120
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.Rows, image.Columns, image.BurnedInAnnotation = 6, 8, "NO"
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
        image.RescaleSlope, image.RescaleIntercept, image.RescaleType = slope, intercept, "HU"
        image.PixelRepresentation = 0
        image.PixelData = np.full((6, 8), STORED, np.uint16).tobytes()
        yield image


print("SimpleITK", sitk.Version_VersionString())
tool = str(Path(sys.executable).with_name("dcm2niix"))
read, folders = {}, iter("abcd")
for manufacturer in ("Philips", "Canon", "GE MEDICAL SYSTEMS", "SIEMENS"):
    folder = Path(next(folders))
    folder.mkdir()
    hd.legacy.LegacyConvertedEnhancedCTImage(
        list(slices(manufacturer)), generate_uid(), 2, generate_uid(), 1
    ).save_as(folder / "scan.dcm", enforce_file_format=True)
    by_itk = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "scan.dcm")))[:, 0, 0]
    done = subprocess.run(
        [tool, "-f", "scan", "-o", str(folder), str(folder)], capture_output=True, text=True
    )
    if not read:
        print(done.stdout.splitlines()[0])
    by_dcm2niix = nib.load(folder / "scan.nii").get_fdata()[0, 0]
    read[manufacturer] = [float(v) for v in by_itk], [float(v) for v in by_dcm2niix]
    print(f"{manufacturer}: the frames state {STATES} HU, SimpleITK has", *by_itk, "dcm2niix has",
          *by_dcm2niix, "- exit code", done.returncode)
as_described = all(len(set(by_itk)) == 1 for by_itk, _ in read.values()) and all(
    (hu == STATES) == (name in ("Philips", "Canon")) for name, (_, hu) in read.items()
)
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
# Seen:
# SimpleITK 2.5.7
# Chris Rorden's dcm2niiX version v1.0.20260724  (JP2:OpenJPEG) (JP-LS:CharLS) GCC10.2.1 x86-64
# (64-bit Linux)
# Philips: the frames state [76, 1176, -900, 200] HU, SimpleITK has 200 200 200 200 dcm2niix has
# 76.0 1176.0 -900.0 200.0 - exit code 0
# Canon: the frames state [76, 1176, -900, 200] HU, SimpleITK has 200 200 200 200 dcm2niix has
# 76.0 1176.0 -900.0 200.0 - exit code 0
# GE MEDICAL SYSTEMS: the frames state [76, 1176, -900, 200] HU, SimpleITK has 200 200 200 200
# dcm2niix has 76.0 76.0 76.0 76.0 - exit code 0
# SIEMENS: the frames state [76, 1176, -900, 200] HU, SimpleITK has 200 200 200 200 dcm2niix has
# 76.0 76.0 76.0 76.0 - exit code 0
# as described
