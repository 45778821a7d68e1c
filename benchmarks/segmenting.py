"""Segmentation: first labels, all labels, cancel; the network alone against the machine's peak."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from measuring import Row, alternating, median
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from waiting import Window

from liverview.core import paths
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.scoring import evaluate
from liverview.files import images
from liverview.inference.runner import ExecutionDevice, Runner
from liverview.inference.segmentation import Models, collect_labels, iter_segment, load_models
from liverview.networks.checkpoint import load_checkpoint
from liverview.networks.network import AttentionResUNet, NetworkConfig
from liverview.networks.runtime import fastest_type

RUNS = 4
CANCEL_AT = (0.01, 0.1, 0.19, 0.3, 0.5, 0.7, 0.9)
MATRIX = 2048


class Watched:
    """The requests to a runner: shapes, arithmetic, time."""

    def __init__(self) -> None:
        self.flop = 0
        self.seconds = 0.0
        self.shapes: dict[tuple[int, ...], int] = {}
        self._flop_of: dict[tuple[int, ...], int] = {}

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        real = Runner._run_network

        def run(runner: Runner, x: Tensor, gates: bool) -> list[Tensor]:
            started = time.perf_counter()
            out = real(runner, x, gates)
            self.seconds += time.perf_counter() - started
            shape = tuple(x.shape)
            if shape not in self._flop_of:
                with FlopCounterMode(display=False) as counter, torch.no_grad():
                    runner.network(x)
                self._flop_of[shape] = counter.get_total_flops()
            self.flop += self._flop_of[shape]
            self.shapes[shape] = self.shapes.get(shape, 0) + 1
            return out

        Runner._run_network = run  # type: ignore[method-assign]
        try:
            yield
        finally:
            Runner._run_network = real  # type: ignore[method-assign]


def matrix_peak(dtype: torch.dtype) -> float:
    """FLOP/s of a matrix product, the best of several."""
    a, b = (torch.rand(MATRIX, MATRIX).to(dtype) for _ in range(2))
    best = min(_seconds(lambda: a @ b) for _ in range(12))
    return 2 * MATRIX**3 / best


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def time_post(volume: Volume) -> float:
    """Seconds of the original post's way: two 2D networks on every whole slice, one at a time.

    Each slice's own range is mapped to 0..1; 8 and 16 features, float32, as torch makes them.
    Weights do not change the time; how such networks do once trained is in `post.py`.
    """
    networks = [AttentionResUNet(NetworkConfig(2, 1, 2, n)).eval() for n in (8, 16)]
    started = time.perf_counter()
    with torch.inference_mode():
        for k in range(volume.shape[2]):
            values = np.ascontiguousarray(volume.voxels[:, :, k], np.float32)
            low, span = values.min(), max(float(np.ptp(values)), 1.0)
            x = torch.from_numpy((values - low) / span)[None, None]
            for network in networks:
                network(x).argmax(dim=1)
    return time.perf_counter() - started


def load_plain_models() -> Models:
    """The shipped networks as they were trained: batch norm of its own."""
    folder = paths.weights()
    return Models(*(load_checkpoint(folder / f"{n}.safetensors") for n in ("coarse", "fine")))


def segment_plainly(volume: Volume) -> np.ndarray:
    """Labels by the plain float32 path: nothing folded, torch's own memory layout."""
    real = Runner.__init__

    def plain(runner: Runner, *given: object) -> None:
        real(runner, *given)  # type: ignore[arg-type]
        runner._memory_format = torch.contiguous_format
        runner.execution.dtype = torch.float32

    Runner.__init__ = plain  # type: ignore[method-assign]
    try:
        return collect_labels(iter_segment(volume, load_plain_models(), "cpu"), volume.shape)
    finally:
        Runner.__init__ = real  # type: ignore[method-assign]


def compare_labels(fast: np.ndarray, plain: np.ndarray, volume: Volume, truth: Path | None) -> str:
    """Compare the fast path with plain float32: voxels, and Dice against the truth.

    Without a truth, Dice of one against the other.
    """
    ours, theirs = (LabelMap(voxels, volume.affine) for voxels in (fast, plain))
    known = images.read_labels(truth) if truth is not None else theirs
    pairs = zip(evaluate(ours, known), evaluate(theirs, known), strict=True)
    most = max(abs(a.dice - b.dice) for a, b in pairs if a.dice is not None)
    whose = "the truth" if truth is not None else "one another"
    return (
        f"against plain float32: {float((fast == plain).mean()):.4%} of the voxels equal; Dice "
        f"against {whose} apart by at most {most:.4f}"
    )


def segment_rows(scan: Path, truth: Path | None = None) -> list[Row]:
    window = Window(scan)
    volume = window.session.volume
    assert volume is not None
    window.segment()
    runs = [window.segment() for _ in range(RUNS)]
    cancels = [window.cancel(fraction) for fraction in CANCEL_AT]
    window.close()
    watched = Watched()
    with watched():
        labels = collect_labels(iter_segment(volume, load_models(), "cpu"), volume.shape)
    dtype = fastest_type(torch.device("cpu"))
    peak = matrix_peak(dtype)
    post = time_post(volume)
    plain = segment_plainly(volume)
    limit = watched.flop / peak
    first, whole = ([run[n] for run in runs] for n in (0, 1))
    size = "x".join(str(n) for n in volume.shape)
    return [
        Row(
            f"segment {size}: first labels painted",
            {"liverview": first},
            "under 1.5 s",
            median(first) < 1.5,
        ),
        Row(
            f"segment {size}: the whole result",
            {
                "liverview": whole,
                "the post's way: 2 networks, whole slices": [post],
                "its own arithmetic at the matrix product's peak": [limit],
            },
            "under 12 s, 10x the post's way",
            median(whole) < 12 and post >= 10 * median(whole),
            notes=[
                f"{post / median(whole):.1f}x the post's way, whose trained networks' Dice is in "
                "docs/accuracy.md; one run of it, labels not cleaned up",
                compare_labels(labels, plain, volume, truth),
            ],
        ),
        Row("longest pause of the window meanwhile", {"liverview": [run[2] for run in runs]}),
        Row(
            f"cancel to a free window, at {len(CANCEL_AT)} points",
            {
                "liverview": [free for free, _ in cancels],
                "to the end of its thread": [ended for _, ended in cancels],
            },
            "under 0.5 s",
            max(ended for _, ended in cancels) < 0.5,
        ),
        *(hot_loop_row(watched, each) for each in dict.fromkeys((torch.float32, dtype))),
    ]


def hot_loop_row(watched: Watched, dtype: torch.dtype) -> Row:
    """The second stage's network on the input it gets most often, as a runner runs it."""
    models = load_models()
    flat = {shape: count for shape, count in watched.shapes.items() if len(shape) == 4}
    shape = max(flat, key=lambda s: flat[s] * s[2] * s[3])
    x = torch.rand(shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        models.fine.network(x)
    flop = counter.get_total_flops()
    runner = Runner(models.fine.network, ExecutionDevice(torch.device("cpu"), dtype))
    a, b = (torch.rand(MATRIX, MATRIX).to(dtype) for _ in range(2))

    def forward() -> None:
        runner.predict(x)

    def product() -> float:
        return _seconds(lambda: a @ b) * flop / (2 * MATRIX**3)

    ways: dict[str, Callable[[], object]] = {
        "second stage's network": forward,
        "as many FLOP in a matrix product": product,
    }
    seconds = alternating(ways, 15, warm=3)
    ours, theirs = (min(runs) for runs in seconds.values())
    return Row(
        f"hot loop, {str(dtype)[6:]}, input {'x'.join(map(str, shape))}, {flop / 1e9:.1f} GFLOP",
        seconds,
        "above 50 % of the peak",
        theirs / ours > 0.5,
        notes=[
            f"{flop / ours / 1e9:.0f} of {flop / theirs / 1e9:.0f} GFLOP/s, {theirs / ours:.0%}; "
            f"over the whole scan {watched.flop / watched.seconds / 1e9:.0f}: "
            f"{watched.flop / 1e12:.2f} TFLOP in {watched.seconds:.1f} s"
        ],
    )
