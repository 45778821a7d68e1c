#!/bin/sh
# dcmqi's tid1500reader writes AlgorithmParameters as a list, and puts the first one in it, however
# many the report has. The rest is lost without a word, with exit code 0.
#
# DICOM PS3.16, TID 4019 "Algorithm Identification", row 3: Algorithm Parameters (111002, DCM) has a
# value multiplicity of 1-n. Seen with dcmqi 1.5.7, on a report by highdicom 0.28.2. It matters where
# a report says how its figures came about: liverview puts what belongs together into one text.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.3.5 pydicom==3.0.2 highdicom==0.28.2 dcmqi==1.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
import subprocess
import sys
from pathlib import Path

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, SegmentationStorage, generate_uid

study = generate_uid()


def of_study(sop_class):
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = sop_class, generate_uid()
    data.StudyInstanceUID, data.SeriesInstanceUID = study, generate_uid()
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID",
                    "AccessionNumber", "StudyDate", "StudyTime"):
        setattr(data, keyword, "")
    return data


image, segmentation = of_study(CTImageStorage), of_study(SegmentationStorage)
parameters = ["threshold=0.5", "margin=3 mm", "iterations=20"]
observer = hd.sr.ObserverContext(
    codes.DCM.Person, hd.sr.PersonObserverIdentifyingAttributes("Doe^Jane")
)
liver = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
    tracking_identifier=hd.sr.TrackingIdentifier(generate_uid(), "liver"),
    referenced_segment=hd.sr.ReferencedSegment(
        SegmentationStorage, segmentation.SOPInstanceUID, 1,
        source_series=hd.sr.SourceSeriesForSegmentation(image.SeriesInstanceUID),
    ),
    finding_type=codes.SCT.Liver,
    measurements=[
        hd.sr.Measurement(codes.SCT.Volume, 1500, hd.sr.CodedConcept("mL", "UCUM", "milliliter"))
    ],
    algorithm_id=hd.sr.AlgorithmIdentification("finder", "1.0", parameters),
)
content = hd.sr.MeasurementReport(
    observation_context=hd.sr.ObservationContext(observer_person_context=observer),
    procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
    imaging_measurements=[liver],
)
hd.sr.ComprehensiveSR(
    [image, segmentation], content[0], generate_uid(), 1, generate_uid(), 1, manufacturer="x"
).save_as("report.dcm", enforce_file_format=True)
stored = [
    item.TextValue
    for item in liver[0].ContentSequence
    if item.ConceptNameCodeSequence[0].CodeValue == "111002"
]
tool = str(Path(sys.executable).with_name("tid1500reader"))
done = subprocess.run(
    [tool, "--inputDICOM", "report.dcm", "--outputMetadata", "report.json"],
    capture_output=True, text=True,
)
print(done.stdout.splitlines()[0])
group = json.loads(Path("report.json").read_text())["Measurements"][0]
read = group["measurementAlgorithmIdentification"]["AlgorithmParameters"]
print("exit code", done.returncode, "- the report has", stored, "dcmqi has", read)
as_described = done.returncode == 0 and stored == parameters and read == parameters[:1]
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
# Seen:
# dcmqi repository URL: https://github.com/QIICR/dcmqi revision: 506306a tag: v1.5.7
# exit code 0 - the report has ['threshold=0.5', 'margin=3 mm', 'iterations=20'] dcmqi has
# ['threshold=0.5']
# as described
