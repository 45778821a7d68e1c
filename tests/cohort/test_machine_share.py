"""What a run may use of a machine, and how many processes follow from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from liverview.cohort import machine
from liverview.cohort.machine import SCAN_MB, Plan, Share, choose

ENOUGH = 1e6


@pytest.mark.parametrize(
    ("cores", "memory_mb", "scans", "asked", "plan"),
    [
        (2, ENOUGH, 50, None, Plan(2, 1)),
        (64, ENOUGH, 10_000, None, Plan(64, 1)),
        (64, 8 * SCAN_MB + 400, 10_000, None, Plan(8, 8)),  # memory for eight
        (16, ENOUGH, 17, None, Plan(4, 4)),  # too few scans to pay for more
        (2, ENOUGH, 3, None, Plan(1, 2)),
        (2, 100, 50, None, Plan(1, 2)),
        (2, ENOUGH, 50, 5, Plan(5, 1)),
        (8, ENOUGH, 3, 99, Plan(3, 2)),  # none without a scan
    ],
)
def test_processes_follow_from_cores_memory_and_scans(
    cores: int, memory_mb: float, scans: int, asked: int | None, plan: Plan
) -> None:
    assert choose(Share(cores, memory_mb), scans, asked) == plan


def _group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    monkeypatch.setattr(
        machine, "_group_folders", lambda controller: [tmp_path / controller, tmp_path]
    )
    monkeypatch.setattr(
        machine.os, "sched_getaffinity", lambda process: set(range(12)), raising=False
    )


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "250000 100000\n"}, 2),
        ({"cpu.max": "max 100000\n"}, 12),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 12),
        ({"cpu.max": "10000 100000"}, 1),
        ({"cpu.max": "nonsense"}, 12),
        ({}, 12),
    ],
)
def test_cores_are_those_of_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
) -> None:
    _group(tmp_path, monkeypatch, files)
    assert machine.this_machine().cores == cores


def test_memory_is_that_of_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = f"anon 5\ninactive_file {50 << 20}\n"
    files = {"memory.max": f"{600 << 20}", "memory.current": f"{200 << 20}", "memory.stat": stat}
    monkeypatch.setattr(machine, "_available_bytes", lambda: 900 << 20)
    _group(tmp_path, monkeypatch, files)
    assert machine.this_machine().memory_mb == 450
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.this_machine().memory_mb == 900
