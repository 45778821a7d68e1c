"""The blocks of docs/cluster.md, run as they stand but for the folders and the number of shares."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from liverview.cli.parser import command_parser
from liverview.cohort.cluster_choice import parse_cluster
from liverview.cohort.part import Part

from support import clusters, tiny_networks

PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
SHARES = 2
RECORD = '#!/bin/sh\nprintf "%s\\n" "$*" >>"$RECORDED"\n'

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells of Unix")


def block(language: str, word: str) -> str:
    """The one block of a language that has a word."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = (text for text in blocks if word in text)
    return str(found)


def environments(recipe: str) -> list[dict[str, str]]:
    """What the batch system sets for each share."""
    each = range(1, SHARES + 1)
    if recipe == "slurm":
        count = str(SHARES)
        return [{"SLURM_ARRAY_TASK_ID": str(n), "SLURM_ARRAY_TASK_COUNT": count} for n in each]
    if recipe == "kubernetes":
        return [{"JOB_COMPLETION_INDEX": str(n - 1)} for n in each]
    if recipe == "snakemake":
        return [{"PART": str(n)} for n in each]
    return [{}]


def command(recipe: str) -> Sequence[str]:
    """What a batch system, or a person, runs of a recipe."""
    if recipe == "kubernetes":
        job = yaml.safe_load(block("yaml", "kind: Job"))
        assert job["spec"]["completionMode"] == "Indexed"
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert f"/{job['spec']['completions']}" in container["command"][-1]
        return list(container["command"])
    if recipe == "snakemake":
        found = re.search(r'shell:\s+"(.*)"', block("python", "rule all"))
        assert found
        text = found[1].replace("{wildcards.part}", "$PART").replace("{PARTS}", "40")
        return ["bash", "-c", text]
    words = {"slurm": "#SBATCH", "xargs": "xargs", "parallel": "parallel", "loop": "for part"}
    return ["bash", "-c", block("bash", words[recipe])]


RECIPES = ["slurm", "kubernetes", "snakemake", "xargs", "loop", "parallel"]


def run_recipe(recipe: str, tmp_path: Path, program: str, **more: str) -> None:
    """Run all shares of a recipe, with ``liverview`` being a program of the test."""
    if recipe == "parallel" and shutil.which("parallel") is None:
        pytest.skip("GNU parallel is not installed")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "liverview").write_text(program)
    (folder / "liverview").chmod(0o755)
    first, *rest = command(recipe)
    for old, new in (
        ("/data/scans", str(tmp_path / "scans")),
        ("/data/results", str(tmp_path / "results")),
        ("/40", f"/{SHARES}"),
        ("seq 1 40", f"seq 1 {SHARES}"),
        ("for part in 1 2 3", "for part in 1 2"),
        ("$part/3", f"$part/{SHARES}"),
    ):
        rest = [text.replace(old, new) for text in rest]
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    for environment in environments(recipe):
        everything = os.environ | environment | more | {"PATH": path}
        subprocess.run([first, *rest], env=everything, check=True)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_gives_each_share_once(recipe: str, tmp_path: Path) -> None:
    recorded = tmp_path / "recorded"
    run_recipe(recipe, tmp_path, RECORD, RECORDED=str(recorded))
    given = [
        command_parser().parse_args(line.split()) for line in recorded.read_text().splitlines()
    ]
    assert {options.part for options in given} == {Part(n, SHARES) for n in range(1, SHARES + 1)}
    assert len(given) == SHARES
    for options in given:
        assert [str(scan) for scan in options.scans] == [str(tmp_path / "scans")]
        assert options.output == tmp_path / "results"


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_segments_every_scan(recipe: str, tmp_path: Path) -> None:
    weights = tiny_networks.save_weights(tmp_path / "weights")
    scans = clusters.write_scans(tmp_path / "scans", 6)
    program = f'#!/bin/sh\nexec {sys.executable} -m liverview "$@" --weights {weights}\n'
    run_recipe(recipe, tmp_path, program)
    done = sorted(path.name for path in (tmp_path / "results").glob("*.nii.gz"))
    assert done == [f"{scan.name[:8]}_seg.nii.gz" for scan in scans]


def test_the_cluster_of_the_page_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(block("yaml", "kind: slurm"))
    choice = parse_cluster(str(path))
    assert choice.kind == "slurm"
    assert choice.options["jobs"] == 20
    for text in re.findall(r"--on (\S+)", PAGE):
        if "HOST" not in text and text[0].isalpha() and not text.endswith(".yaml"):
            parse_cluster(text.rstrip("`"))
