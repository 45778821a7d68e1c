#!/bin/sh
# torch takes oneDNN for a 3D convolution in float32 on the CPU only where batch x channels x depth x
# height is above 20480, or the batch is two or more. The last axis does not count, nor do the output's
# channels. So the first convolution of a network for CT on one patch of 128x128x128 (16384) runs by
# torch's own slow_conv3d, and takes longer than that of two such patches together; and a block of
# 160x160x64 changes from one to the other with the order of its axes.
#
# Seen with torch 2.13.0 on x86-64 Linux; the times are printed, and not judged. It matters wherever a 3D
# network of few channels runs on a CPU, one patch at a time: liverview's first stage, on blocks of
# 96x96x32 with two channels, was below the bound.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import torch
from torch.profiler import ProfilerActivity, profile

print("torch", torch.__version__, "on", torch.get_num_threads(), "threads")
SLOW, QUICK = "slow_conv3d", "mkldnn_convolution"
EXPECTED = {
    (1, 1, 128, 128, 128): SLOW,
    (2, 1, 128, 128, 128): QUICK,
    (1, 1, 160, 128, 128): SLOW,
    (1, 1, 161, 128, 64): QUICK,
    (1, 1, 160, 160, 64): QUICK,
    (1, 1, 64, 160, 160): SLOW,
    (1, 2, 96, 96, 32): SLOW,
    (1, 4, 96, 96, 32): QUICK,
}


def operation(convolution: torch.nn.Module, x: torch.Tensor) -> str:
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        convolution(x)
    names = {event.key.removeprefix("aten::") for event in watched.key_averages()}
    return next(name for name in (SLOW, QUICK) if name in names)


changed = False
with torch.inference_mode():
    for shape, expected in EXPECTED.items():
        convolution = torch.nn.Conv3d(shape[1], 8, 3, padding=1)
        x = torch.zeros(shape)
        found = operation(convolution, x)
        times = []
        for _ in range(3):
            started = time.perf_counter()
            convolution(x)
            times.append(time.perf_counter() - started)
        batch, channels, depth, height, _ = shape
        counted = batch * channels * depth * height
        print(f"{shape!s:24} counts {counted:6}  {found:18} {1000 * min(times):7.1f} ms")
        changed |= found != expected
sys.exit("torch chooses otherwise now." if changed else 0)
PYTHON
