#!/bin/sh
# SimpleITK reads a MetaImage's stored numbers and drops what its header says that they mean:
# ElementToIntensityFunctionSlope and -Offset are not applied, are in no metadata, and are gone when
# the image is written again. A CT that is stored from 0 on becomes one without air, without a word.
#
# MetaIO's documentation, "Tags Added by MetaImage": intensities are slope times element plus offset.
# Seen with SimpleITK 2.5.7. NIfTI's scl_slope and DICOM's rescale slope are applied by the same
# reader. It matters where scans come as .mhd: liverview applies both.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.3.5 SimpleITK==2.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import SimpleITK as sitk

print("SimpleITK", sitk.Version_VersionString())
stored = np.array([0, 24, 1024, 2047], "<i2")
header = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
Modality = MET_MOD_CT
DimSize = 4 1 1
ElementSpacing = 1 1 1
ElementToIntensityFunctionSlope = 2
ElementToIntensityFunctionOffset = -1024
ElementType = MET_SHORT
ElementDataFile = LOCAL
"""
with open("scan.mha", "wb") as file:
    file.write(header.encode("ascii") + stored.tobytes())
image = sitk.ReadImage("scan.mha")
values = sitk.GetArrayFromImage(image).ravel()
print("the header says", 2 * stored - 1024, "SimpleITK has", values)
print("metadata:", ", ".join(image.GetMetaDataKeys()))
sitk.WriteImage(image, "again.mha")
kept = b"ElementToIntensityFunction" in open("again.mha", "rb").read()
print("written again, the scale is", "kept" if kept else "gone")
as_described = np.array_equal(values, stored) and not kept
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
# Seen:
# SimpleITK 2.5.7
# the header says [-1024  -976  1024  3070] SimpleITK has [   0   24 1024 2047]
# metadata: ITK_InputFilterName, ITK_original_direction, ITK_original_spacing, Modality
# written again, the scale is gone
# as described
