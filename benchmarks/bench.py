"""Every wait of a person, measured beside what else there is: `make bench`, or with SCAN=file.

Prints one table, and writes bench.json and bench.png into --out. Makes its own scans, phantoms
with 12 HU of noise, about ten minutes in all; SCAN adds a scan to be opened and segmented.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from liverview.core.waiting_threads import limit_spinning

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
limit_spinning()  # as the commands do, before torch is imported

from between_slices import between_slices_rows
from brushing import brush_rows
from drawing import draw_rows
from editing import edit_rows
from files import open_rows, save_rows
from following import follow_rows
from growth import grow, lines
from inputs import phantom
from listing import list_rows
from many import many_rows
from measuring import Row
from neighbor import neighbor_rows
from segmentations import segmentation_rows
from segmenting import segment_rows
from series import series_rows
from starting import start_rows

PARTS = (
    *("start", "files", "list", "series", "segmentation", "draw", "brush", "edit", "follow"),
    *("between", "segment", "neighbor", "many", "growth"),
)
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd")


def machine() -> str:
    """Cores and instruction set, which is what the figures depend on."""
    known = Path("/proc/cpuinfo")
    flags = set(re.findall(r"\w+", known.read_text())) if known.exists() else set()
    found = " ".join(name for name in INSTRUCTIONS if name in flags)
    return f"{os.cpu_count()} cores, {platform.machine()} {found}, {platform.system()}, no GPU used"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path, nargs="?", metavar="SCAN")
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="DIR")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    print(machine())
    print(f"{'milliseconds':<54}{'best':>10}{'median':>10}{'p95':>10}{'':>4}{'to ours':>8}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = lru_cache(partial(phantom, folder, 512))  # by what needs it, by its slices
        given = [options.scan] if options.scan else []
        parts: dict[str, Callable[[], list[Row]]] = {
            "start": start_rows,
            "files": lambda: (
                open_rows([made(120)[0], made(400)[0], *given])
                + save_rows(*made(120))
                + save_rows(*made(400))
            ),
            "list": list_rows,
            "series": series_rows,
            "segmentation": lambda: segmentation_rows(made(400)[1]),
            "draw": draw_rows,
            "follow": follow_rows,
            "edit": edit_rows,
            "brush": brush_rows,
            "segment": lambda: (
                segment_rows(*made(120)) + [row for path in given for row in segment_rows(path)]
            ),
            "neighbor": lambda: neighbor_rows(options.scan or made(120)[0]),
            "many": lambda: many_rows(phantom(folder, 256, 60)[0]),
            "between": between_slices_rows,
        }
        rows: list[Row] = []
        for part, make in parts.items():
            if part in options.only:
                for row in make():
                    print("\n".join(row.lines()), flush=True)
                    rows.append(row)
        entries = grow(folder) if "growth" in options.only else []
        if entries:
            print("\n".join(lines(entries)))
    missed = [row.name for row in rows if row.reached is False]
    print(f"missed: {'; '.join(missed) or 'nothing'}")
    found: dict[str, Any] = {"machine": machine(), "rows": [row.to_dict() for row in rows]}
    path = options.out / "bench.json"
    path.write_text(json.dumps(found | {"growth": entries}, indent=2) + "\n", encoding="utf-8")
    from chart import draw

    draw(rows, entries, options.out / "bench.png")
    print(f"{path} and {options.out / 'bench.png'} written.")


if __name__ == "__main__":
    main()
