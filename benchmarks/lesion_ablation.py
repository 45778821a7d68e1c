"""Ablation of what is done for lesions: how they are drawn, how they are judged, what looks alike.

    python benchmarks/lesion_ablation.py CASES DATA OUT [--steps 100] [--init WEIGHTS]
        [--labels liverview] [--only RUN]

Three short trainings of the second stage, each begun with --init, with one seed, one after the
other:

- the whole recipe;
- lesions as narrow as they were: a little darker than the liver, at most six;
- no look-alikes: no fat or uneven perfusion that only looks like a lesion, slices that do not mix
  what they cut at the liver's surface, no more samples under the lung than elsewhere.

DATA are the scans that training mixes in. Every network, and the shipped one, then segments CASES
twice: candidates judged by lesions.safetensors, and by their mean probability of tumor, as it was
done before.

Prints a row for each: lesions with the volume of a 10 mm sphere found, and false lesions per scan,
at the default certainty, for the mean probability also at .7, the rule of before; and what is found
at one and at two false lesions per scan. A run of 100 steps takes about three minutes of one core,
a segmentation ten seconds. Figures of such small runs compare with each other and with nothing
else; those on phantoms (`liverview phantom CASES/NAME`) are synthetic.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ablation import Edit, keep_recipe, patch, patch_nothing, train_run

from liverview.core import paths
from liverview.core.stream import result_of
from liverview.evaluation.cases import CaseResult, find_cases, iter_evaluate_case
from liverview.evaluation.froc import Froc, pool_curves
from liverview.inference.segmentation import Models, load_models
from liverview.phantoms import lesion_variety, lesions, subject
from liverview.phantoms.body import Body
from liverview.phantoms.fields import Point, RandomSource
from liverview.phantoms.lesions import Lesion
from liverview.phantoms.paint import paint
from liverview.training import lesion_insertion, samples

_NARROW_HU = -45.0, 22.0
_OLD_LEAST = 0.7
_BEFORE = "no training"


def draw_narrow_lesions(
    draw: RandomSource,
    body: Body,
    count: int,
    typical_hu: tuple[float, float],
    bright: float,
    radius_mm: tuple[float, float],
) -> list[Lesion]:
    """Stands for `draw_varied_lesions`: tumors of the phase's usual contrast."""
    return lesions.draw_lesions(draw, body, count, typical_hu, radius_mm)


def draw_narrow_lesion(
    draw: RandomSource, center: Point, radius: float, contrast_hu: float
) -> Lesion:
    """Stands for `draw_varied_lesion` in scans."""
    return lesions.draw_lesion(draw, center, radius, _NARROW_HU)


def patch_narrow_lesions() -> None:
    patch(subject, "draw_varied_lesions", draw_narrow_lesions)
    patch(lesion_insertion, "draw_varied_lesion", draw_narrow_lesion)
    patch(
        samples,
        "draw_lesion_number",
        lambda draw: (draw.integer(1, 7), 60.0) if draw.chance(0.45) else (0, 0.0),
    )


def patch_look_alikes() -> None:
    tumors, cysts, _ = lesion_variety._KIND_WEIGHTS
    patch(lesion_variety, "_KIND_WEIGHTS", (tumors / (tumors + cysts), cysts / (tumors + cysts), 0))
    patch(subject, "_PATCHES", 0.0)
    patch(samples, "_AT_DOME", 0.0)
    patch(samples, "paint", lambda patient, grid, **_: paint(patient, grid))


RUNS: dict[str, tuple[Edit, Callable[[], None], bool]] = {
    "whole": (keep_recipe, patch_nothing, True),
    "narrow lesions": (keep_recipe, patch_narrow_lesions, True),
    "no look-alikes": (keep_recipe, patch_look_alikes, True),
}


def pool_cases(cases: Sequence[Path], models: Models, labels: str | None) -> Froc:
    """Segment every case; the FROC of all whose references are a measure of tumors."""
    results = [
        result_of(iter_evaluate_case(case, models, "cpu", labels=labels), CaseResult)
        for case in cases
    ]
    tables = [result.lesions for result in results if result.lesions is not None]
    return pool_curves([table.curve for table in tables if table.curve is not None])


def print_rows(name: str, models: Models, args: argparse.Namespace) -> None:
    """Print a row for each way of judging the candidates of a network."""
    cases = find_cases(args.cases)
    ways = {"judged": models} if models.lesions else {}
    ways["mean probability"] = replace(models, lesions=None)
    for way, judged in ways.items():
        froc = pool_cases(cases, judged, args.labels)
        points = {"": froc.usual}
        if judged.lesions is None:
            reached = [point for point in froc.points if point.certainty >= _OLD_LEAST]
            points |= {f", {_OLD_LEAST}": reached[-1]} if reached else {}
        for suffix, point in points.items():
            print(
                name,
                way + suffix,
                f"{point.recall_large:.2f}",
                f"{point.false_per_scan:.2f}",
                *(f"{froc.recall_at(rate):.2f}" for rate in (1, 2)),
                sep="\t",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("cases", "data", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--init", type=Path, default=paths.weights() / "fine.safetensors")
    parser.add_argument("--labels", help="what the values of references are")
    parser.add_argument("--only", choices=[_BEFORE, *RUNS])
    args = parser.parse_args()
    if args.only == _BEFORE:
        print_rows(_BEFORE, load_models(), args)
        return
    if args.only:
        print_rows(args.only, train_run(args.only, RUNS[args.only], args), args)
        return
    titles = "found", "false per scan", "found at 1 false", "found at 2 false"
    print("run", "candidates", *titles, sep="\t", flush=True)
    failed = []
    for name in (_BEFORE, *RUNS):  # each in a process of its own: patches stay
        if subprocess.run([sys.executable, *sys.argv, "--only", name]).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"These runs failed: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
