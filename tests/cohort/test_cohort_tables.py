"""The tables of a cohort, read by others; what `liverview cohort` says."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from liverview.cli import main
from liverview.cohort import tables
from liverview.cohort.columns import ITEM_COLUMNS, LESION_COLUMNS, SCORE_COLUMNS
from liverview.cohort.ledger import Ledger
from liverview.cohort.states import standing_attempts
from liverview.cohort.summary import device_rates, failure_lines
from liverview.cohort.tables import given_columns, write_cohort_tables
from liverview.cohort.work import Attempt
from liverview.files.atomic import TargetError
from liverview.measurement.compute import measure
from liverview.measurement.export import measurement_figures

BEGAN = datetime(2026, 11, 30, 8, tzinfo=UTC)


def done(item: str, **changes: Any) -> Attempt:
    made = Attempt(
        item=item,
        path=f"/scans/{item}.nii.gz",
        kind="segment",
        number=1,
        outcome="done",
        began=BEGAN.isoformat(),
        ended=(BEGAN + timedelta(seconds=30)).isoformat(),
        host="node1",
        device="cpu",
        input_sha256="abc",
        made_with={
            "software": "liverview 0.1.0",
            "fine.safetensors sha256": "f0",
            "coarse.safetensors sha256": "c0",
            "volume": "0",
        },
        seconds=20.0,
        peak_mb=812.5,
        figures={"tumor_ml": 3, "lesion_count": 1, "lesions": []},
        token=item,
    )
    return replace(made, **changes)


def failed(item: str, kind: str = "ImageFileError", **changes: Any) -> Attempt:
    error = f"{item}.nii.gz ends too early: copy it again."
    return done(
        item, outcome="failed", error=error, error_kind=kind, seconds=None, figures={}, **changes
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_figures_of_a_measurement_are_in_the_tables(tmp_path: Path) -> None:
    import numpy as np

    from liverview.core.volume import LabelMap

    voxels = np.zeros((40, 30, 20), np.uint8)
    voxels[2:38, 2:28, 2:18] = 1
    voxels[5:17, 5:15, 5:11] = 3
    voxels[25:29, 20:24, 8:12] = 3
    measurement = measure(LabelMap(voxels, np.diag([2.0, 2.0, 2.5, 1])))
    figures = json.loads(json.dumps(measurement_figures(measurement)))
    write_cohort_tables(tmp_path, [done("a", figures=figures)])
    (row,) = rows_of(tmp_path / "cohort.csv")
    assert float(row["liver_ml"]) == pytest.approx(36 * 26 * 16 * 0.01, abs=0.01)
    assert float(row["tumor_ml"]) == pytest.approx((12 * 10 * 6 + 4 * 4 * 4) * 0.01, abs=0.01)
    assert row["lesion_count"] == "2"
    lesions = rows_of(tmp_path / "cohort_lesions.csv")
    assert [one["number"] for one in lesions] == ["1", "2"]
    longest = float(lesions[0]["axial_diameter_mm"])
    # From edge to edge, corner to corner at the most.
    assert math.hypot(22, 18) <= longest <= math.hypot(24, 20) + 0.1
    assert float(row["longest_diameter_mm"]) == longest
    assert float(row["recist_sum_of_diameters_mm"]) == pytest.approx(
        sum(float(one["axial_diameter_mm"]) for one in lesions if one["recist_candidate"] == "yes")
    )
    centroid = [float(lesions[0][f"centroid_{axis}_mm"]) for axis in "xyz"]
    assert centroid == pytest.approx([10.5 * 2, 9.5 * 2, 7.5 * 2.5], abs=0.06)


def test_parquet_has_the_types_and_units_of_the_table_in_code(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    given = {"age": "61", "Item": "P-1"}
    attempts = [done("a", columns=given), failed("b", columns={"age": ""})]
    write_cohort_tables(tmp_path, attempts)
    table = parquet.read_table(tmp_path / "cohort.parquet")
    kinds = {"text": "string", "int": "int64", "float": "double", "bool": "bool"}
    assert table.schema.names == [c.name for c in ITEM_COLUMNS] + ["age", "given_Item"]
    for column in ITEM_COLUMNS:
        read = table.schema.field(column.name)
        assert str(read.type) == kinds[column.kind]
        assert read.metadata[b"unit"].decode() == column.unit
    assert table["tumor_ml"].to_pylist() == [3.0, None]
    assert table["lesion_count"].to_pylist() == [1, None]
    assert table["seconds"].to_pylist() == [20.0, None]
    assert table["age"].to_pylist() == ["61", None]
    assert table["version"].to_pylist() == ["0.1.0"] * 2
    assert table["weights_sha256"][0].as_py() == "coarse.safetensors=c0; fine.safetensors=f0"
    # A table without a single row of lesions has the same types.
    lesions = parquet.read_schema(tmp_path / "cohort_lesions.parquet")
    assert {f.name: str(f.type) for f in lesions} == {c.name: kinds[c.kind] for c in LESION_COLUMNS}
    assert list(tmp_path.glob(".liverview*")) == []


def test_csv_is_rfc_4180_in_utf_8_and_runs_no_formula(tmp_path: Path) -> None:
    columns = {
        "site": 'Köln, "Süd"\r\nzwei',
        "code": "=HYPERLINK(1)",
        "shift": "-3.5e2",
        "at": "@x",
    }
    write_cohort_tables(tmp_path, [done("-a\\xfc", columns=columns, notes=("=1+1",))])
    data = (tmp_path / "cohort.csv").read_bytes()
    assert data.decode("utf-8").count("\r\n") == 3
    (row,) = rows_of(tmp_path / "cohort.csv")
    assert row["site"] == columns["site"]
    assert (row["code"], row["at"], row["shift"]) == ("'=HYPERLINK(1)", "'@x", "-3.5e2")
    assert (row["item"], row["notes"]) == ("'-a\\xfc", "'=1+1")
    parquet = pytest.importorskip("pyarrow.parquet")
    assert parquet.read_table(tmp_path / "cohort.parquet")["code"].to_pylist() == ["=HYPERLINK(1)"]


def test_names_of_a_persons_columns_collide_with_none() -> None:
    given = ["age", "AGE", "item", "Tumor_ML", "given_item", "", "liver_dice", "age_2"]
    names, said = given_columns([done("a", columns=dict.fromkeys(given, "x"))])
    assert names["age"] == "age"
    assert names["AGE"] == "AGE_2"
    assert names["item"] == "given_item"
    assert names["Tumor_ML"] == "given_Tumor_ML"
    assert names["liver_dice"] == "given_liver_dice"
    folded = [name.casefold() for name in names.values()]
    own = {c.name for c in (*ITEM_COLUMNS, *SCORE_COLUMNS)}
    assert len({*folded, *own}) == len(folded) + len(own)
    assert len(said) == len(given) - 1


@pytest.mark.parametrize(
    "value", ["12", True, math.inf, 1e400, 10**30, [1], {}, -0.5], ids=lambda value: repr(value)[:9]
)
def test_figures_of_a_wrong_type_are_no_figures(tmp_path: Path, value: object) -> None:
    figures = {"lesion_count": value, "lesions": [{"number": value, "centroid_mm": value}, value]}
    write_cohort_tables(tmp_path, [done("a", figures=figures)])
    (row,) = rows_of(tmp_path / "cohort.csv")
    assert row["lesion_count"] == ""
    assert all(one["number"] == "" for one in rows_of(tmp_path / "cohort_lesions.csv"))


def test_without_pyarrow_the_csv_is_written_and_the_way_out_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables.importlib.util, "find_spec", lambda name: None)
    found = write_cohort_tables(tmp_path, [done("a")])
    assert [path.name for path in found.written] == ["cohort.csv", "cohort_lesions.csv"]
    assert "liverview[parquet]" in found.sentences[-1]


def test_scores_are_columns_of_a_cohort_that_was_compared(tmp_path: Path) -> None:
    figures = {"liver": {"dice": 0.95, "hd95_mm": "inf"}}
    write_cohort_tables(tmp_path, [done("a", kind="evaluate", figures=figures)])
    (row,) = rows_of(tmp_path / "cohort.csv")
    assert (row["liver_dice"], row["liver_hd95_mm"], row["tumor_dice"]) == ("0.95", "", "")
    write_cohort_tables(tmp_path, [done("a")])
    assert "liver_dice" not in rows_of(tmp_path / "cohort.csv")[0]


def test_a_persons_own_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_text("id,path\na,a.nii.gz\n")
    with pytest.raises(TargetError, match=r"cohort\.csv is no table of a cohort's results"):
        write_cohort_tables(tmp_path, [done("a")])
    assert [path.name for path in tmp_path.iterdir()] == ["cohort.csv"]


def test_rates_count_the_time_in_which_something_was_under_way() -> None:
    def at(begin: int, end: int, **changes: Any) -> Attempt:
        times = [(BEGAN + timedelta(seconds=s)).isoformat() for s in (begin, end)]
        return done(f"{begin}", began=times[0], ended=times[1], **changes)

    attempts = [at(0, 40), at(0, 60, host="node2"), at(50, 100), at(5000, 5100)]
    attempts += [at(0, 9, device="cuda:0", seconds=1.0), failed("x"), at(1, 2, seconds=None)]
    cpu, gpu = device_rates(attempts)
    assert (cpu.device, cpu.machines, cpu.scans) == ("cpu", 2, 4)
    assert cpu.scans_per_hour == 4 / 200 * 3600
    assert (gpu.device, gpu.scans, gpu.median_seconds) == ("cuda:0", 1, 1.0)


def test_the_table_of_failures_is_short_and_names_the_way_out() -> None:
    assert failure_lines([]) == []
    lines = failure_lines([failed(f"case{n:02d}") for n in range(25)] + [failed("z", "lost")])
    assert lines[0] == "26 scans failed:"
    assert lines[1].split("  ")[1:3] == ["case00", "ImageFileError"]
    assert "and 6 more" in lines[-2]
    assert "--retry failed" in lines[-1]


def test_the_command_says_what_became_of_a_cohort(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger(tmp_path)
    for name in "abc":
        ledger.keep(done(name))
    ledger.keep(failed("d"))
    ledger.keep(done("e", outcome="begun", figures={}))
    (ledger.folder / "00").mkdir(exist_ok=True)
    ledger.keep(failed("f"))
    ledger.keep(replace(done("f"), number=2))
    figures = tmp_path / "figures.json"
    assert main(["cohort", str(tmp_path), "--json", str(figures)]) == 0
    said = capsys.readouterr().out
    found = json.loads(figures.read_text())
    counts = [found[f"{name}_count"] for name in ("done", "failed", "lost", "under_way")]
    assert counts == [4, 1, 1, 0]
    assert "d.nii.gz ends too early" in said
    assert found["devices"][0]["scans"] == 4
    rows = {row["item"]: row for row in rows_of(tmp_path / "cohort.csv")}
    assert {name: row["outcome"] for name, row in rows.items()} == {
        **dict.fromkeys("abcf", "done"),
        **dict.fromkeys("de", "failed"),
    }
    assert (rows["e"]["error_kind"], rows["f"]["tries"]) == ("lost", "2")
    assert (tmp_path / "cohort.html").is_file()
    # Again, while it goes on.
    ledger.keep(done("g"))
    assert main(["cohort", str(tmp_path)]) == 0
    assert len(rows_of(tmp_path / "cohort.csv")) == 7


def test_a_folder_without_a_ledger_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cohort", str(tmp_path)]) == 2
    assert f"{tmp_path} has no ledger" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_rows_are_those_of_the_attempts_that_count(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.keep(done("a"))
    ledger.keep(done("a", kind="measure"))
    assert [one.kind for one in standing_attempts(ledger.read())] == ["measure", "segment"]
