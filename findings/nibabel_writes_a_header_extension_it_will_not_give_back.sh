#!/bin/sh
# nibabel writes a header extension of Connectome Workbench's code (30, registered for Caret), and
# refuses its content when the file is read again: get_content() raises NotImplementedError. Codes that
# it has no class for come back as an abstract one; those of plain bytes (0, 6) come back as they were.
#
# Seen with nibabel 5.4.2. It matters for label tables: TotalSegmentator's loader takes the content of
# the first extension of a file, and ends with that error on files whose table is for Workbench.
# `extension.content` or `.text` has the bytes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 nibabel==5.4.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import nibabel as nib
import numpy as np

print("nibabel", nib.__version__)
TABLE = b'<CaretExtension><VolumeInformation Index="0"/></CaretExtension>'
seen = {}
for code in (0, 6, 30):
    image = nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension(code, TABLE))
    nib.save(image, "labels.nii")
    (extension,) = nib.load("labels.nii").header.extensions
    try:
        seen[code] = bytes(extension.get_content()).rstrip(b"\0") == TABLE
    except NotImplementedError:
        seen[code] = "NotImplementedError"
    print(f"code {code}: {type(extension).__name__}, get_content(): {seen[code]}")
as_described = seen == {0: True, 6: True, 30: "NotImplementedError"}
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
