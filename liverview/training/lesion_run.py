"""Training of the judge of lesions: candidates collected by several processes, then the fit."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.multiprocessing.spawn import spawn

from liverview.core.stream import Progress
from liverview.files import atomic
from liverview.files.formats import find_named
from liverview.files.sidefiles.weights import weights_sha256
from liverview.inference.candidates.classifier import (
    LESIONS_FILE,
    LesionClassifier,
    save_classifier,
)
from liverview.inference.candidates.features import FEATURES
from liverview.inference.segmentation import load_models
from liverview.networks.runtime import reuse_large_blocks
from liverview.phantoms.fields import RandomSource
from liverview.phantoms.subject import draw_subject
from liverview.training.decathlon import DataError
from liverview.training.lesion_fit import Case, Fit, fit_classifier, froc_points
from liverview.training.lesion_recipe import LesionRecipe
from liverview.training.lesion_samples import (
    CandidateTable,
    describe_case,
    paint_case,
    read_case,
)

_POLL_S = 1.0
_PATIENT = re.compile(r"\D*\d+")  # a name's part up to the end of its first number


@dataclass(frozen=True)
class _Work:
    """One scan to find candidates in: the number of a phantom, or the folder of a scan."""

    source: int | Path
    table: Path


def iter_train_lesions(
    recipe: LesionRecipe, out: Path, data: Path | None = None
) -> Iterator[Progress | Path]:
    """Train a judge of lesions with the weights that liverview brings; its path comes last.

    ``out`` receives a table of candidates for each scan, which another run with the same weights
    and recipe takes up, lesions.safetensors, and lesions.json with the curve of recall against
    false candidates. ``data`` is a folder with a folder per scan of ct.nii.gz and liver.nii.gz.

    Raises
    ------
    DataError : where ``data`` holds no such folder, or nothing in it can be learned from.
    TargetError : where ``out`` cannot be written into.
    """
    work = _list_work(recipe, out, data)
    missing = [one for one in work if not one.table.exists()]
    yield Progress("Looking for candidates", 0.0)
    yield from _iter_collect(recipe, missing, len(work))
    cases = [_read_table(one, recipe) for one in work]
    yield Progress("Fitting", 0.99)
    try:
        fit = fit_classifier(cases, recipe)
    except ValueError as error:
        raise DataError(f"Nothing can be learned from {out}: {error}.") from error
    yield _write(recipe, out, cases, fit)


def _list_work(recipe: LesionRecipe, out: Path, data: Path | None) -> list[_Work]:
    """All scans, and a table for each whose name tells what it is made with."""
    made_with = json.dumps([recipe.text, weights_sha256_of_stages(), FEATURES], sort_keys=True)
    tables = out / f"candidates-{hashlib.sha256(made_with.encode()).hexdigest()[:12]}"
    atomic.make_folder(tables)
    work = [_Work(n, tables / f"phantom-{n:05d}.npz") for n in range(recipe.phantoms)]
    if data is not None:
        folders = [
            folder for folder in sorted(data.glob("*/")) if find_named(folder, "ct").exists()
        ]
        if not folders:
            raise DataError(f"{data} holds no folder with ct.nii.gz and liver.nii.gz.")
        work += [_Work(folder, tables / f"scan-{folder.name}.npz") for folder in folders]
    return work


def weights_sha256_of_stages() -> dict[str, str]:
    """SHA-256 of the weights of both stages, by file name."""
    return {name: value for name, value in weights_sha256().items() if name != LESIONS_FILE}


def _iter_collect(recipe: LesionRecipe, missing: list[_Work], total: int) -> Iterator[Progress]:
    """Make the tables that are missing, by several processes where there are many."""
    processes = min(recipe.processes, len(missing))
    if processes <= 1:
        for number, done in enumerate(_iter_make_tables(recipe, missing), start=1):
            yield Progress(f"Candidates of {done.stem}", number / (len(missing) + 1))
        return
    share = (recipe, missing, processes)
    running = spawn(_make_share, share, processes, join=False)  # type: ignore[no-untyped-call]
    while not running.join(timeout=_POLL_S):
        there = total - sum(not one.table.exists() for one in missing)
        yield Progress("Looking for candidates", 0.99 * there / total)


def _make_share(rank: int, recipe: LesionRecipe, work: list[_Work], processes: int) -> None:
    """Make the tables of one process: phantoms of one body are made by one of them."""
    torch.set_num_threads(1)
    phantoms = [one for one in work if isinstance(one.source, int)]
    scans = [one for one in work if not isinstance(one.source, int)]
    per = -(-len(phantoms) // processes)
    for _ in _iter_make_tables(
        recipe, phantoms[rank * per : (rank + 1) * per] + scans[rank::processes]
    ):
        pass


def _iter_make_tables(recipe: LesionRecipe, work: list[_Work]) -> Iterator[Path]:
    """Make tables one after the other; yields the path of each."""
    reuse_large_blocks()
    models = load_models()
    body, subject = -1, None
    for one in work:
        if isinstance(one.source, int):
            if subject is None or one.source // recipe.per_body != body:
                body = one.source // recipe.per_body
                subject = draw_subject(RandomSource((recipe.seed, 0, body)))
            draw = RandomSource((recipe.seed, 1, one.source))
            volume, truth = paint_case(draw, subject, recipe.pixel_mm, recipe.slice_mm)
        else:
            volume, truth = read_case(one.source)
        table = describe_case(volume, truth, models)
        with atomic.atomic_write(one.table) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                features=table.features,
                is_lesion=table.is_lesion,
                covered=table.covered,
                lesion_ml=table.lesion_ml,
            )
        yield one.table


def _read_table(work: _Work, recipe: LesionRecipe) -> Case:
    with np.load(work.table) as arrays:
        table = CandidateTable(
            **{field.name: arrays[field.name] for field in fields(CandidateTable)}
        )
    if isinstance(work.source, int):
        return Case(table, f"body {work.source // recipe.per_body}", 1.0)
    patient = _PATIENT.match(work.source.name)
    name = work.source.name if patient is None else patient[0]
    return Case(table, f"patient {name}", recipe.scan_weight)


def _write(recipe: LesionRecipe, out: Path, cases: list[Case], fit: Fit) -> Path:
    """Write the classifier and its figures; returns the path of the first."""
    drawn = [case.group.startswith("body") for case in cases]
    card: dict[str, Any] = {
        "data": "candidates in phantoms drawn by liverview"
        + ("" if all(drawn) else " and in scans whose lesions are known"),
        "license": "CC BY-SA 4.0",
        "seed": recipe.seed,
        "stages_sha256": weights_sha256_of_stages(),
        "synthetic": _figures(cases, fit, np.array(drawn)),
        "scans": _figures(cases, fit, ~np.array(drawn)),
    }
    path = out / LESIONS_FILE
    found = LesionClassifier(fit.classifier.features, fit.classifier.tensors, card)
    save_classifier(path, found, recipe.text)
    with atomic.atomic_write(out / "lesions.json") as temporary:
        temporary.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return path


def _figures(cases: list[Case], fit: Fit, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    """How many scans, candidates and lesions there are, and the curve of what was not seen."""
    some = [case for case, taken in zip(cases, chosen, strict=True) if taken]
    certain = [one for one, taken in zip(fit.certainties, chosen, strict=True) if taken]
    return {
        "scans": len(some),
        "without_lesions": sum(len(case.table.lesion_ml) == 0 for case in some),
        "candidates": sum(len(case.table.features) for case in some),
        "candidates_that_are_lesions": sum(int(case.table.is_lesion.sum()) for case in some),
        "lesions": sum(len(case.table.lesion_ml) for case in some),
        "curve": froc_points(some, certain) if some else [],
    }
