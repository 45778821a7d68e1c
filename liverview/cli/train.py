"""``liverview train``: train a network on phantoms or scans."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.printing import iter_with_progress_bar

if TYPE_CHECKING:
    from liverview.training.lesion_recipe import LesionRecipe


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("train", help="train a network on phantoms or scans")
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml")
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="phantom; or what the recipe asks for: a folder of the Medical Segmentation "
        "Decathlon (dataset.json), or one with a folder per scan (ct.nii.gz, liver.nii.gz)",
    )
    parser.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--resume", action="store_true", help="go on where DIR stopped")
    parser.add_argument("--init", type=Path, metavar="FILE", help="begin with these weights")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    # Before numpy starts its threads: with one process per core, they would fight.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from liverview.training.lesion_recipe import LesionRecipe, read_any_recipe

    recipe = read_any_recipe(options.recipe)
    data = None if options.data in (None, "phantom") else Path(options.data)
    if isinstance(recipe, LesionRecipe):
        return _train_lesions(recipe, options, data)
    try:
        from liverview.training.run import train
    except ImportError as error:
        raise ValueError(
            f"training needs packages that are not installed ({error.name}): "
            "pip install 'liverview[train]'."
        ) from error
    try:
        path = train(recipe, options.out, options.device, options.resume, options.init, data)
    except KeyboardInterrupt:
        print(f"What {options.out} holds goes on with --resume.", file=sys.stderr)
        raise
    print(f"{path} written.")
    return 0


def _train_lesions(recipe: LesionRecipe, options: argparse.Namespace, data: Path | None) -> int:
    """Train a judge of lesions; what was found in scans before is taken up by itself."""
    from liverview.core.stream import result_of
    from liverview.training.lesion_run import iter_train_lesions

    if options.init is not None:
        raise ValueError("a judge of lesions begins with nothing: leave --init out.")
    work = iter_with_progress_bar(iter_train_lesions(recipe, options.out, data))
    print(f"{result_of(work, Path)} written.")
    return 0
