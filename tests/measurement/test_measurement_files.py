"""The measurement as JSON and CSV: units in every name, tables that others can read."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Volume
from liverview.files.atomic import TargetError
from liverview.measurement.compute import measure
from liverview.measurement.export import (
    LESION_COLUMNS,
    measurement_figures,
    measurement_record,
    write_tables,
)
from liverview.measurement.results import Measurement, RuledOut

UNITS = ("_ml", "_mm", "_hu", "_percent", "_voxel_ras", "_index_ras", "_count", "_voxels")
WITHOUT = {"number", "lesions", "statements", "recist_1_1", "caveats", "excluded_lesions"} | {
    "target_lesion_numbers", "candidate_lesion_numbers", "confirmed", "recist_candidate",
    "recist_target", "recist_confirmed", "excluded_reason", "reason", "partial", "statement",
    "ruled_out_lesions", "ruled_out_reasons", "certainty", "accepted", "least_certainty",
}  # fmt: skip


@pytest.fixture
def scan() -> Volume:
    hu = np.random.default_rng(0).normal(60, 12, (40, 40, 20)).astype(np.int16)
    return Volume(hu, np.diag([0.8, 0.8, 2.5, 1]), name="scan")


@pytest.fixture
def measurement(scan: Volume) -> Measurement:
    voxels = np.ones(scan.shape, np.uint8)
    voxels[5:25, 5:15, 4:9] = voxels[5:12, 25:32, 12:14] = Label.TUMOR
    voxels[30, 30, 18] = Label.TUMOR
    return measure(LabelMap(voxels, scan.affine), scan)


def keys(content: object) -> set[str]:
    if isinstance(content, dict):
        return set(content) | {key for value in content.values() for key in keys(value)}
    if isinstance(content, list):
        return {key for value in content for key in keys(value)}
    return set()


def test_every_key_names_its_unit(measurement: Measurement) -> None:
    content = measurement_figures(replace(measurement, no_targets={1: "cyst"}))
    assert {key for key in keys(content) if not key.endswith(UNITS)} <= WITHOUT
    assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_the_keys_that_were_there_first_are_still(scan: Volume, measurement: Measurement) -> None:
    content = measurement_record(scan, measurement, device="cpu", seconds=1.5)
    assert {
        "name", "shape_voxels", "spacing_mm", "notes", "liver_with_vessels_and_tumors_ml",
        "vessel_ml", "tumor_ml", "tumor_burden_percent", "voxel_ml", "lesions", "software",
        "device", "seconds", "disclaimer",
    } <= set(content)  # fmt: skip
    assert {"volume_ml", "axial_diameter_mm", "centroid_mm"} <= set(content["lesions"][0])


def test_a_lesion_says_where_its_diameters_are(scan: Volume, measurement: Measurement) -> None:
    lesion = measurement_figures(measurement)["lesions"][0]
    for name in ("axial_diameter", "perpendicular_diameter", "diameter_3d"):
        world = np.array(lesion[f"{name}_ends_mm"])
        voxels = np.array(lesion[f"{name}_ends_voxel_ras"])
        assert world == pytest.approx(
            np.array([scan.voxel_to_world(end) for end in voxels]), abs=0.006
        )
        assert np.linalg.norm(np.subtract(*world)) == pytest.approx(lesion[f"{name}_mm"], abs=0.06)
    assert lesion["axial_diameter_ends_voxel_ras"][0][2] == lesion["axial_slice_index_ras"]


def test_the_tables_are_read_by_others(tmp_path: Path, measurement: Measurement) -> None:
    reason = 'cyst, "simple";\nsee MR'
    said = replace(measurement, no_targets={2: reason})
    lesions, whole = write_tables(tmp_path, "scan", said)
    assert (lesions.name, whole.name) == ("scan_lesions.csv", "scan_measurement.csv")
    with lesions.open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file, strict=True)
    assert tuple(first) == LESION_COLUMNS
    large = measurement.lesions[0]
    assert float(first["volume_ml"]) == pytest.approx(large.volume_ml, abs=5e-4)
    assert float(first["axial_diameter_mm"]) == pytest.approx(large.longest_mm, abs=0.05)
    assert float(first["mean_hu"]) == pytest.approx(large.mean_hu, abs=0.05)
    place = [float(first[f"centroid_{axis}_mm"]) for axis in "xyz"]
    assert place == pytest.approx(large.centroid_mm, abs=0.05)
    assert (first["recist_candidate"], first["recist_target"]) == ("yes", "no")
    assert (second["recist_candidate"], second["excluded_reason"]) == ("no", reason)
    assert (first["excluded_reason"], first["partial"]) == ("", "no")

    with whole.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file, strict=True)
    assert row["name"] == "scan"
    assert float(row["tumor_ml"]) == pytest.approx(measurement.volume_ml[Label.TUMOR], abs=0.005)
    assert row["lesion_count"] == "2"
    assert row["left_out_count"] == "1"
    assert (row["recist_candidate_count"], row["recist_target_count"]) == ("1", "0")
    assert (row["recist_confirmed"], row["partial"], row["ruled_out_count"]) == ("no", "no", "0")
    assert {key for key in row if not key.endswith(UNITS)} == {"name"} | {
        "partial", "recist_confirmed", "ruled_out_reasons", "least_certainty",
    }  # fmt: skip


def test_the_tables_say_what_was_confirmed_ruled_out_and_stopped(
    tmp_path: Path, measurement: Measurement
) -> None:
    gone = RuledOut(measurement.lesions[1], "hemangioma")
    said = replace(measurement, confirmed=frozenset({1}), ruled_out=(gone,))
    lesions, whole = write_tables(tmp_path, "scan", said)
    with lesions.open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["recist_target"] == "yes"
    with whole.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file, strict=True)
    assert (row["recist_confirmed"], row["recist_target_count"]) == ("yes", "1")
    assert (row["ruled_out_count"], row["ruled_out_reasons"]) == ("1", "hemangioma")
    lesions, whole = write_tables(tmp_path, "scan", replace(measurement, partial=True))
    with lesions.open(encoding="utf-8", newline="") as file:
        assert {row["partial"] for row in csv.DictReader(file)} == {"yes"}
    with whole.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file, strict=True)
    assert (row["partial"], row["recist_sum_of_diameters_mm"]) == ("yes", "")


def test_lines_end_as_the_standard_says(tmp_path: Path, measurement: Measurement) -> None:
    for path in write_tables(tmp_path, "scan", measurement):
        content = path.read_bytes()
        assert content.count(b"\r\n") == content.count(b"\n") >= 2
        assert content.endswith(b"\r\n")


def test_without_hu_and_liver_cells_stay_empty(tmp_path: Path) -> None:
    voxels = np.zeros((20, 20, 20), np.uint8)
    _, whole = write_tables(tmp_path, "none", measure(LabelMap(voxels, np.eye(4))))
    with whole.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file, strict=True)
    assert row["tumor_burden_percent"] == ""
    voxels[5:15, 5:15, 5:15] = Label.TUMOR
    lesions, _ = write_tables(tmp_path, "blind", measure(LabelMap(voxels, np.eye(4))))
    with lesions.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file, strict=True)
    assert (row["mean_hu"], row["sd_hu"]) == ("", "")


def test_a_folder_is_not_replaced(tmp_path: Path, measurement: Measurement) -> None:
    (tmp_path / "scan_lesions.csv").mkdir()
    with pytest.raises(TargetError, match="is a folder"):
        write_tables(tmp_path, "scan", measurement)
