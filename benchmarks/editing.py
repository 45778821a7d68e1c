"""Undo and redo of every kind of edit, and the memory of ten thousand of them."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from measuring import Row, p95
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Slab
from liverview.core.volume import LabelMap, Volume
from liverview.editing.history import MEMORY_BUDGET
from liverview.ui.state.label_store import LabelStore

SIZE, SLICES, RADIUS = 512, 300, 28
EDITS, ROUNDS = 10_000, 40
MOST_MS, MOST_MB = 50.0, 200.0


def liver(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A liver of 1.5 L with a rough surface, vessels and tumors (synthetic)."""
    rng = np.random.default_rng(2)
    labels = np.zeros(shape, np.uint8, order="F")
    i, j, k = (np.arange(n, dtype=np.float32) / n - 0.5 for n in shape)
    rough = np.sin(90 * i)[:, None, None] * np.sin(70 * j)[None, :, None] * np.sin(50 * k)
    away = (i / 0.3)[:, None, None] ** 2 + (j / 0.24)[None, :, None] ** 2 + (k / 0.38) ** 2
    labels[away < 1 + 0.1 * rough] = Label.LIVER
    for value in (Label.VESSEL, Label.TUMOR):
        for place in rng.uniform(0.35, 0.65, (40, 3)):
            start = [int(share * n) for share, n in zip(place, shape, strict=True)]
            box = Box.from_bounds(start, [n + int(rng.integers(4, 25)) for n in start])
            labels[box] = value
    return labels


def new_store(slices: int) -> LabelStore:
    store = LabelStore()
    scan = np.broadcast_to(np.int16(0), (SIZE, SIZE, slices))
    store.reset(Volume(scan, np.eye(4)))
    return store


def ball() -> NDArray[np.bool_]:
    place = np.arange(-RADIUS, RADIUS + 1) ** 2
    return place[:, None, None] + place[None, :, None] + place <= RADIUS**2


def paint(store: LabelStore, mask: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """A ball of 20 mm radius in voxels of 0.7 mm, of any label, anywhere."""
    assert store.labels is not None
    start = [int(rng.integers(0, n - len(mask))) for n in store.labels.shape]
    box = Box.from_bounds(start, [n + len(mask) for n in start])
    with store.edit(box, "brush, tumor") as voxels:
        voxels[mask] = rng.integers(0, 4)


def segment(store: LabelStore, labels: NDArray[np.uint8]) -> None:
    store.begin_segmentation("cpu")
    store.merge_slab(Slab(0, labels))
    store.end_segmentation(complete=True)


def back_and_forth(store: LabelStore, rounds: int) -> list[float]:
    """Seconds of every undo and every redo of the last step."""
    taken = []
    for _ in range(rounds):
        for command in (store.history.undo, store.history.redo):
            started = time.perf_counter()
            command()
            taken.append(time.perf_counter() - started)
    return taken


def single_rows() -> Row:
    rng, mask = np.random.default_rng(1), ball()
    store = new_store(SLICES)
    found = liver((SIZE, SIZE, SLICES))
    kinds: dict[str, Callable[[], object]] = {
        "a ball of 20 mm radius": lambda: paint(store, mask, rng),
        "a whole segmentation": lambda: segment(store, found),
        "labels of a file": lambda: store.open_labels(
            LabelMap(np.asfortranarray(found[::-1]), np.eye(4)), "theirs.nii.gz"
        ),
    }
    seconds = {}
    for name, make in kinds.items():
        before = store.history.position
        while store.history.position == before:  # a ball may change nothing
            make()
        seconds[name] = back_and_forth(store, ROUNDS)
    return Row(
        f"undo or redo an edit, {SIZE}x{SIZE}x{SLICES}, labels and counts",
        seconds,
        f"p95 under {MOST_MS:.0f} ms",
        all(1000 * p95(runs) < MOST_MS for runs in seconds.values()),
    )


def many_row() -> Row:
    """Memory of a long history, by what Python's allocator says, and undo within it."""
    rng, mask = np.random.default_rng(3), ball()
    store = new_store(SIZE)
    segment(store, liver((SIZE, SIZE, SIZE)))
    gc.collect()
    tracemalloc.start()
    while len(store.history.core) < EDITS + 1:
        paint(store, mask, rng)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    core, taken = store.history.core, []
    said, stored = core.memory_bytes, core.file_bytes
    while store.history.can_undo:
        started = time.perf_counter()
        store.history.undo()
        taken.append(time.perf_counter() - started)
    core.clear()
    megabytes = held / 1e6
    return Row(
        f"undo each of {EDITS:,} edits and the segmentation before them, {SIZE} cubed",
        {"liverview": taken},
        f"p95 under {MOST_MS:.0f} ms, under {MOST_MB:.0f} MB of memory",
        1000 * p95(taken) < MOST_MS and megabytes < MOST_MB,
        {"liverview": megabytes},
        [
            f"{said / 1e6:.0f} MB by the history's own account, of a budget of "
            f"{MEMORY_BUDGET / 1e6:.0f} MB; {stored / 1e6:.0f} MB in its file"
        ],
    )


def edit_rows() -> list[Row]:
    return [single_rows(), many_row()]
