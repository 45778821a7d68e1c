"""The way of the original post, trained on liverview's phantoms, on scans with references.

    python benchmarks/post.py CASES OUT [--phantoms 20] [--epochs 6]

Two 2D networks, of 8 features for liver and tumors and of 16 for vessels and tumors, see whole
slices, each mapped from its own range to 0..1, one at a time. Training data are phantoms as the
second stage's training draws them, written as Decathlon folders; the recipes are those of the
post with fewer epochs, smaller batches and a higher rate. Slices have 256 x 256 pixels of 1.6 mm,
and those of the scans are averaged to that, which makes it four times as fast. Prints Dice per
scan; vessels are scored inside the reference's liver, as elsewhere.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import torch
from numpy.typing import NDArray

from liverview.core import paths
from liverview.core.labels import Label, label_mask, merge_masks
from liverview.evaluation.cases import CT, REFERENCE, find_cases
from liverview.evaluation.metrics import cl_dice, dice
from liverview.files import images
from liverview.networks.checkpoint import Checkpoint, load_checkpoint
from liverview.networks.network import fold_batch_norm
from liverview.networks.preprocessing import center_slice, pad_to_size
from liverview.networks.resampling import apply_along_axis, linear_weights
from liverview.phantoms.fields import Grid, RandomSource
from liverview.phantoms.frame import CANONICAL_GRID, Organ
from liverview.phantoms.paint import paint
from liverview.phantoms.scanner import ScanSimulation, draw_scanner
from liverview.phantoms.subject import add_appearance, draw_subject
from liverview.training.recipe import read_recipe
from liverview.training.run import train

PIXELS = 256
PIXEL_MM = 1.6
SLICES, SLICE_MM = 20, 8.0
# What a phantom's labels are called in each folder: background, liver, vessel, tumor.
FOLDERS = {
    "decathlon-liver": ((0, 1, 1, 2), ("background", "liver", "cancer")),
    "decathlon-vessel": ((0, 0, 1, 2), ("background", "Vessel", "Tumour")),
}

Mask = NDArray[np.bool_]


def phantom(number: int) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """HU and labels of whole slices along the liver."""
    draw = RandomSource((2025, number))
    subject = draw_subject(draw)
    patient = add_appearance(draw, subject, draw.integer(0, 8), 60)
    inside = (patient.body.organs[Organ.LIVER] < 0).nonzero().float()
    middle_z = CANONICAL_GRID.point(inside.mean(dim=0).tolist())[2] if len(inside) else 0.0
    spacing = (PIXEL_MM, PIXEL_MM, SLICE_MM)
    grid = Grid.centered((0.0, 25.0, middle_z), spacing, (PIXELS, PIXELS, SLICES))
    painting = paint(patient, grid)
    hu = ScanSimulation(draw_scanner(draw, spacing), patient.body, draw).image(painting, grid)
    return hu.round().clamp(-1024, 3071).to(torch.int16).numpy(), painting.labels.numpy()


def write_folders(out: Path, count: int) -> None:
    """Phantoms as a Decathlon folder for each of the two recipes."""
    affine = np.diag([PIXEL_MM, PIXEL_MM, SLICE_MM, 1.0])
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    entries: dict[str, list[dict[str, str]]] = {name: [] for name in FOLDERS}
    for number in range(count):
        hu, labels = phantom(number)
        image = images / f"phantom_{number:03}.nii.gz"
        nibabel.Nifti1Image(hu, affine).to_filename(image)
        for name, (values, _) in FOLDERS.items():
            truth = out / name / f"phantom_{number:03}.nii.gz"
            truth.parent.mkdir(exist_ok=True)
            seen = np.array(values, np.uint8)[labels]
            nibabel.Nifti1Image(seen, affine).to_filename(truth)
            entries[name].append({"image": f"../images/{image.name}", "label": truth.name})
        print(f"phantom {number + 1} of {count}", flush=True)
    for name, (_, titles) in FOLDERS.items():
        title = {"name": "phantoms", "labels": {str(n): t for n, t in enumerate(titles)}}
        text = json.dumps(title | {"training": entries[name]})
        (out / name / "dataset.json").write_text(text, encoding="utf-8")


def trained(name: str, out: Path, epochs: int) -> Checkpoint:
    text = (paths.resources() / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
    for entry, value in (("epochs", epochs), ("batch", 8), ("learning_rate", 1e-3)):
        text = re.sub(rf"^{entry} = .*$", f"{entry} = {value}", text, flags=re.M)
    path = out / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    made = train(read_recipe(path), out / f"run-{name}", "cpu", data=out / name)
    checkpoint = load_checkpoint(made)
    fold_batch_norm(checkpoint.network)
    return checkpoint


def slices(hu: NDArray[np.float32], checkpoint: Checkpoint, scale: float) -> Iterator[list[Mask]]:
    """Per slice the mask of each class but the background; pixels are averaged by ``scale``."""
    size = hu.shape[:2]
    counts = [round(n / scale) for n in size]
    to_work = [
        linear_weights(n, (torch.arange(m) + 0.5) * scale - 0.5, support=scale)
        for n, m in zip(size, counts, strict=True)
    ]
    back = [
        linear_weights(m, (torch.arange(n) + 0.5) / scale - 0.5)
        for n, m in zip(size, counts, strict=True)
    ]
    multiple = checkpoint.network.config.multiple
    whole = tuple(-(-m // multiple) * multiple for m in counts)
    i, j = (center_slice(n, m) for n, m in zip(counts, whole, strict=True))
    for k in range(hu.shape[2]):
        one = apply_along_axis(
            apply_along_axis(torch.from_numpy(hu[:, :, k : k + 1]), to_work[0], 0), to_work[1], 1
        )
        with torch.inference_mode():
            x = checkpoint.preprocessing.input_2d(pad_to_size(one, (whole[0], whole[1])))
            seen = checkpoint.network(x).softmax(dim=1)[0, :, i, j]
        found = apply_along_axis(apply_along_axis(seen, back[0], 1), back[1], 2).argmax(dim=0)
        yield [(found == n).numpy() for n in range(1, seen.shape[0])]


def segmented(folder: Path, networks: list[Checkpoint]) -> NDArray[np.uint8]:
    volume = images.read(folder / CT)
    hu = volume.voxels.astype(np.float32) + np.float32(volume.intercept)
    scale = max(1.0, PIXEL_MM / volume.spacing[0])
    labels = np.zeros(volume.shape, np.uint8)
    for k, ((liver, tumor), (vessel, other)) in enumerate(
        zip(*(slices(hu, network, scale) for network in networks), strict=True)
    ):
        organ = liver | tumor
        labels[:, :, k] = merge_masks(organ, vessel & organ, tumor | (other & organ))
    return labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--phantoms", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=6)
    args = parser.parse_args()
    write_folders(args.out, args.phantoms)
    networks = [trained(name, args.out, args.epochs) for name in FOLDERS]
    for case in find_cases(args.cases):
        labels = segmented(case, networks)
        truth = images.read_labels(case / REFERENCE).voxels
        organ = truth > 0
        print(case.name, "liver", f"{dice(labels > 0, organ):.3f}", end="  ")
        for label in (Label.VESSEL, Label.TUMOR):
            found, wanted = label_mask(labels, label), label_mask(truth, label)
            if label is Label.VESSEL:
                found &= organ
            if not wanted.any():
                ml = np.count_nonzero(found) * images.read(case / CT).voxel_ml
                print(label.name.lower(), f"({ml:.0f} mL)", end="  ")
                continue
            print(label.name.lower(), f"{dice(found, wanted):.3f}", end="  ")
            if label is Label.VESSEL:
                print("clDice", f"{cl_dice(found, wanted):.3f}", end="  ")
        print(flush=True)


if __name__ == "__main__":
    main()
