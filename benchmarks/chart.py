"""The benchmark as a picture: what each way takes, and how costs grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from measuring import Row, median

OURS, THEIRS = "#0072B2", "#BBBBBB"


def draw(rows: list[Row], entries: list[dict[str, Any]], path: Path) -> None:
    compared = [row for row in rows if len(row.seconds) > 1]
    bars = [
        (row.name if way == next(iter(row.seconds)) else "", way, median(runs), n == 0)
        for row in compared
        for n, (way, runs) in enumerate(row.seconds.items())
    ]
    figure = plt.figure(figsize=(13, 0.23 * len(bars) + 0.35 * len(compared) + 3.6))
    grid = figure.add_gridspec(2, 2, height_ratios=[max(1, len(bars)) * 0.28, 3.0])
    axes = figure.add_subplot(grid[0, :])
    place, ticks, names = 0.0, [], []
    for title, way, seconds, ours in bars:
        if title:
            place += 1.1
            axes.text(
                0,
                place - 0.85,
                title,
                fontsize=8,
                fontweight="bold",
                transform=axes.get_yaxis_transform(),
            )
        axes.barh(place, 1000 * seconds, color=OURS if ours else THEIRS, height=0.8)
        axes.text(1000 * seconds * 1.05, place, _ms(1000 * seconds), va="center", fontsize=7)
        ticks.append(place)
        names.append(way)
        place += 1
    axes.set_yticks(ticks, names, fontsize=7)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.margins(x=0.08, y=0.02)
    axes.set_xlabel("milliseconds, median (logarithmic)", fontsize=8)
    for column, (key, fixed, label) in enumerate(
        (
            ("slices", ("plane", 512), "slices of 512x512"),
            ("plane", ("slices", 120), "pixels along a side, 120 slices"),
        )
    ):
        axes = figure.add_subplot(grid[1, column])
        chosen = sorted((e for e in entries if e[fixed[0]] == fixed[1]), key=lambda e: e[key])
        power = 2 if key == "plane" else 1  # what is grown is the number of voxels
        x = [e[key] ** power for e in chosen]
        for name, figures in (
            ("read, s", "read_s"),
            ("segment, s", "segment_s"),
            ("save, s", "save_s"),
        ):
            axes.plot(x, [e[figures] for e in chosen], "o-", label=name)
        other = axes.twinx()
        other.plot(
            x,
            [e["memory_beyond_volume_and_labels_mb"] for e in chosen],
            "s--",
            color="#777777",
            label="memory beyond volume and labels, MB",
        )
        other.set_ylim(bottom=0)
        axes.set_ylim(bottom=0)
        axes.set_xticks(x, [str(e[key]) for e in chosen], fontsize=7)
        axes.set_xlabel(label, fontsize=8)
        handles = [*axes.get_legend_handles_labels()[0], *other.get_legend_handles_labels()[0]]
        axes.legend(handles=handles, fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _ms(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms"
