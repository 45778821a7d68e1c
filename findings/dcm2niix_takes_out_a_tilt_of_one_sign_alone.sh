#!/bin/sh
# dcm2niix's second file of a tilted series, _Tilt_1, is right where the planes move to the front as
# they ascend; where they move to the back, all of its voxels lie beside their place by a part of a
# row (.77 mm of .9 here), without a word, with exit code 0. What GantryDetectorTilt says
# is of no matter: the positions decide.
#
# DICOM PS3.3, C.7.6.2.1.1: position and orientation of each slice say where its pixels are. Seen with
# dcm2niix 1.0.20260724. It matters where scans are compared: the sheared affine, which liverview and
# nibabel keep, has no such error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.3.5 pydicom==3.0.2 nibabel==5.4.2 dcm2niix==1.0.20260724
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import math
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

ROWS, SLICES, ROW_MM, STEP_MM = 40, 20, 0.9, 2.5


def hu_at(y, z):
    """HU at a place in mm, LPS: smooth, so that interpolating is exact to a unit or so."""
    return 300 * np.sin(y / 9) + 100 * np.cos(z / 15)


def write(folder, slope):
    folder.mkdir()
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number in range(SLICES):
        z = number * STEP_MM
        y = round(slope * z, 5)
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.FrameOfReferenceUID, image.Modality = frame, "CT"
        for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID",
                        "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName",
                        "Manufacturer", "PositionReferenceIndicator"):
            setattr(image, keyword, "")
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.SeriesNumber, image.InstanceNumber, image.AcquisitionNumber = 1, number + 1, 1
        image.GantryDetectorTilt = round(math.degrees(math.atan(slope)), 3)
        image.KVP, image.PatientPosition = 120, "HFS"
        image.ImagePositionPatient = [0, y, z]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SliceThickness = [ROW_MM, ROW_MM], STEP_MM
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.Rows = image.Columns = ROWS
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
        image.PixelRepresentation, image.RescaleIntercept, image.RescaleSlope = 1, 0, 1
        column = np.rint(hu_at(y + ROW_MM * np.arange(ROWS), z)).astype("<i2")
        image.PixelData = np.repeat(column, ROWS).tobytes()
        image.save_as(folder / f"{number}.dcm", enforce_file_format=True)


def shift_mm(path, slope):
    """By how much the rows lie beside the places that the file's affine gives them."""
    image = nib.load(path)
    hu = image.get_fdata()[ROWS // 2]
    row, number = np.indices(hu.shape).reshape(2, -1)
    world = image.affine @ np.stack([0 * row, row, number, 0 * row + 1])
    y, z = -world[1], world[2]
    from_edge = (y - slope * z) / ROW_MM
    inside = (from_edge > 1) & (from_edge < ROWS - 2)
    hu, y, z = hu.ravel()[inside], y[inside], z[inside]
    return min(np.arange(-1, 1.005, 0.01), key=lambda mm: np.abs(hu - hu_at(y + mm, z)).max())


tool = str(Path(sys.executable).with_name("dcm2niix"))
shifts = {}
for name, degrees in (("front", -15), ("back", 15)):
    slope = math.tan(math.radians(degrees))
    folder = Path(name)
    write(folder, slope)
    done = subprocess.run(
        [tool, "-f", "scan", "-o", name, name], capture_output=True, text=True
    )
    if not shifts:
        print(done.stdout.splitlines()[0])
    shifts[name] = round(abs(shift_mm(folder / "scan_Tilt_1.nii", slope)), 2)
    print(f"exit code {done.returncode} - planes that ascend to the {name}: _Tilt_1 is off by "
          f"{shifts[name]:.2f} mm")
as_described = shifts["front"] < 0.05 and 0.7 < shifts["back"] < 0.85
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
# Seen:
# Chris Rorden's dcm2niiX version v1.0.20260724  (JP2:OpenJPEG) (JP-LS:CharLS) GCC10.2.1 x86-64
# (64-bit Linux)
# exit code 0 - planes that ascend to the front: _Tilt_1 is off by 0.00 mm
# exit code 0 - planes that ascend to the back: _Tilt_1 is off by 0.77 mm
# as described
