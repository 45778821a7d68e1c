"""Ablation of the second stage: small runs, one thing taken away in each.

    python benchmarks/ablation.py CASES DATA OUT [--steps 100] [--init WEIGHTS] [--labels VALUES]

Every run is `fine.toml` with so many steps and one seed; without a part other numbers are drawn
from then on, so that samples are alike but not the same. CASES are scans with references, DATA
those that training mixes in. Runs on the data begin with --init; those of the network (slices,
gates) begin from nothing and take twice the steps, beside one of the whole that does so, too. Two
runs go on side by side, a thread each. Prints Dice on every scan; figures of such small runs
compare with each other and with nothing else.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from liverview.core import paths
from liverview.core.labels import Label
from liverview.evaluation.cases import CaseResult, find_cases, iter_evaluate_case
from liverview.inference.segmentation import Models, load_models
from liverview.networks.network import AttentionGate
from liverview.phantoms import subject
from liverview.phantoms.scanner import Scanner
from liverview.training import samples, scan_samples
from liverview.training.recipe import Recipe, read_recipe
from liverview.training.run import train

Edit = Callable[[str], str]


def keep_recipe(text: str) -> str:
    return text


def set_entry(name: str, value: str) -> Edit:
    """An edit of the recipe's text, in which the entry must be."""

    def edit(text: str) -> str:
        changed, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.M)
        assert count == 1, name
        return changed

    return edit


def patch(owner: object, name: str, value: object) -> None:
    """Replace an attribute, which must be there."""
    getattr(owner, name)
    setattr(owner, name, value)


def patch_real_vessels() -> None:
    patch(subject, "_REAL_VESSELS", 0.0)


def patch_scanner() -> None:
    patch(samples, "draw_scanner", lambda draw, spacing: Scanner(seed=draw.integer(0, 2**31)))


def patch_lesions_in_scans() -> None:
    patch(scan_samples, "insert_lesions", lambda draw, hu, target, grid, noise_hu: hu)


def patch_visible_labels() -> None:
    patch(samples, "_visible_labels", lambda painting, *others: painting.labels)


def patch_gates() -> None:
    patch(AttentionGate, "forward", lambda self, x, g: (x, torch.ones_like(x[:, :1])))


def patch_nothing() -> None:
    pass


RUNS: dict[str, tuple[Edit, Callable[[], None], bool]] = {
    "whole": (keep_recipe, patch_nothing, True),
    "no real vessels": (keep_recipe, patch_real_vessels, True),
    "no real scans": (
        lambda text: re.sub(r"\[scans\]\nshare = .*\n", "", text),
        patch_nothing,
        True,
    ),
    "no lesions in scans": (keep_recipe, patch_lesions_in_scans, True),
    "one scanner, one noise": (keep_recipe, patch_scanner, True),
    "invisible vessels asked": (keep_recipe, patch_visible_labels, True),
    "no centerlines": (set_entry("centerline_weight", "0.0"), patch_nothing, True),
    "from nothing": (keep_recipe, patch_nothing, False),
    "from nothing, 1 slice": (set_entry("slices", "1"), patch_nothing, False),
    "from nothing, no gates": (keep_recipe, patch_gates, False),
}


def shorten_recipe(text: str, steps: int, begun: bool) -> str:
    """The recipe with fewer steps, in one process; from nothing, batch norm learns for a half."""
    steps = steps if begun else 2 * steps
    every = steps // 2
    for name, value in (
        ("steps", steps),
        ("settle_steps", steps if begun else steps - every),
        ("every", every),
        ("processes", 1),
        ("warmup_steps", min(50, every)),
        ("samples", 2),
    ):
        text = set_entry(name, str(value))(text)
    return text


def run_ablation(name: str, args: argparse.Namespace) -> None:
    """Train and evaluate one run; prints a line of the table."""
    models = train_run(name, RUNS[name], args)
    print(name, *score_cases(args.cases, models, args.labels), sep="\t", flush=True)


def train_run(
    name: str, run: tuple[Edit, Callable[[], None], bool], args: argparse.Namespace
) -> Models:
    """Train one run; returns its network with the shipped first stage and judge of lesions."""
    torch.set_num_threads(1)
    torch.set_num_threads = lambda count: None  # a training run alone would take every core
    edit, apply_patch, begun = run
    apply_patch()
    out = args.out / name.replace(", ", "-").replace(" ", "-")
    path = out.with_suffix(".toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    recipe_text = (paths.resources() / "recipes" / "fine.toml").read_text(encoding="utf-8")
    path.write_text(edit(shorten_recipe(recipe_text, args.steps, begun)), encoding="utf-8")
    recipe = read_recipe(path)
    assert isinstance(recipe, Recipe)
    data = args.data if recipe.scans_share else None
    made = train(recipe, out, "cpu", init=args.init if begun else None, data=data)
    folder = out / "models"
    folder.mkdir(exist_ok=True)
    for shipped in ("coarse.safetensors", "lesions.safetensors"):
        if (paths.weights() / shipped).exists():
            shutil.copy(paths.weights() / shipped, folder)
    shutil.copy(made, folder / "fine.safetensors")
    return load_models(folder)


def score_cases(cases: Path, models: Models, labels: str | None) -> list[str]:
    """Dice of liver, vessels and tumors of every scan; what was invented, in mL."""
    cells = []
    for case in find_cases(cases):
        *_, result = iter_evaluate_case(case, models, "cpu", labels=labels)
        assert isinstance(result, CaseResult)
        cells += [
            f"{score.dice:.3f}" if score.in_reference else f"({score.predicted_ml:.0f} mL)"
            for score in result.scores
        ]
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("cases", "data", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--init", type=Path, default=paths.weights() / "fine.safetensors")
    parser.add_argument("--labels", help="what the values of references are")
    parser.add_argument("--only", choices=RUNS)
    args = parser.parse_args()
    if args.only:
        run_ablation(args.only, args)
        return
    titles = [
        f"{case.name} {label.name.lower()}"
        for case in find_cases(args.cases)
        for label in (Label.LIVER, Label.VESSEL, Label.TUMOR)
    ]
    print("run", *titles, sep="\t", flush=True)
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda n: subprocess.run([sys.executable, *sys.argv, "--only", n]), RUNS)
    failed = [name for name, run in zip(RUNS, done, strict=True) if run.returncode]
    if failed:
        sys.exit(f"These runs failed: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
