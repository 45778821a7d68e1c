#!/bin/sh
# MONAI's DiceMetric and HausdorffDistanceMetric give NaN where the prediction or the reference of a
# class is empty, and their means leave NaN out: of two patients, one segmented without fault and one
# whose liver was missed altogether, the mean Hausdorff distance is 0.
#
# Seen with MONAI 1.6.1 and torch 2.13.0 (DiceMetric is NaN for an empty reference only, the Hausdorff
# distance for an empty prediction as well). It matters where a summary of distances is compared
# with one that counts a missed organ as infinitely far.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 torch==2.13.0 monai==1.6.1 scipy==1.16.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import monai
import torch
from monai.metrics import DiceMetric, HausdorffDistanceMetric

print("monai", monai.__version__, "torch", torch.__version__)
reference = torch.zeros(2, 1, 16, 16, 16)
reference[:, :, 4:12, 4:12, 4:12] = 1
predicted = reference.clone()
predicted[1] = 0  # the second patient's liver was not found
dice = DiceMetric(include_background=True, reduction="none")(predicted, reference).flatten().tolist()
metric = HausdorffDistanceMetric(include_background=True, percentile=95, reduction="mean")
each = metric(predicted, reference).flatten().tolist()
mean = float(metric.aggregate())
print(f"Dice {dice}, HD95 {each}, mean HD95 {mean}")
as_described = dice == [1.0, 0.0] and each[0] == 0 and each[1] != each[1] and mean == 0
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
