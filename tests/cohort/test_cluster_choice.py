"""What --on takes: texts and YAML files, and what it says of others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from liverview.cohort.cluster_choice import ClusterChoice, ClusterError, parse_cluster


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("local", ClusterChoice("local")),
        ("local:3", ClusterChoice("local", {"workers": 3})),
        ("local:workers=3,memory=2GB", ClusterChoice("local", {"workers": 3, "memory": "2GB"})),
        ("tcp://10.0.0.1:8786", ClusterChoice("address", {"address": "tcp://10.0.0.1:8786"})),
        ("tls://[::1]:8786", ClusterChoice("address", {"address": "tls://[::1]:8786"})),
        ("slurm", ClusterChoice("slurm")),
        (
            "slurm:queue=short,walltime=02:00:00,cores=2,job_extra_directives=--gres=gpu:1",
            ClusterChoice(
                "slurm",
                {
                    "queue": "short",
                    "walltime": "02:00:00",
                    "cores": 2,
                    "job_extra_directives": ["--gres=gpu:1"],
                },
            ),
        ),
    ],
)
def test_a_cluster_is_read(text: str, choice: ClusterChoice) -> None:
    assert parse_cluster(text) == choice


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cloud", "is no cluster"),
        ("address:address=tcp://a:1", "is no cluster"),
        ("tcp://host", "is no cluster"),
        ("local:0", "workers is '0'"),
        ("local:", "is no cluster"),
        ("slurm:jobs", "'jobs' is no option"),
        ("slurm:jobs=1,jobs=2", "each once"),
        ("slurm:nodes=3", "slurm has no option 'nodes'"),
        ("pbs:job_cpu=3", "pbs has no option 'job_cpu'"),
        ("slurm:memory=lots", "give it as 8GB"),
        ("slurm:jobs=²", "has to be 1 or more"),
        ("nowhere.yaml", "No such file"),
    ],
)
def test_what_is_no_cluster_is_said(text: str, said: str) -> None:
    with pytest.raises(ClusterError) as raised:
        parse_cluster(text)
    assert said in str(raised.value)


def test_a_file_says_all_that_a_text_says_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "kind: slurm\nqueue: short\ncores: 2\nmemory: 8GB\nwalltime: '02:00:00'\n"
        "job_script_prologue: [module load python, hostname]\n"
    )
    options = parse_cluster(str(path)).options
    assert options["job_script_prologue"] == ["module load python", "hostname"]
    assert options["cores"] == 2
    assert options["walltime"] == "02:00:00"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("queue: short", "add kind"),
        ("- slurm", "add kind"),
        ("kind: [slurm]", "add kind"),
        ("kind: slurm\nnodes: 3", "slurm has no option 'nodes'"),
        ("kind: slurm\nwalltime: 12:00:00", "in quotes"),
        ("kind: slurm\ncores: true", "cores is True"),
        ("kind: slurm\njob_script_prologue: [1]", "it has to be text"),
        ("kind: address", "add address"),
        ("kind: !!python/object/apply:os.getcwd []", "is no YAML"),
        ("kind: 'slurm", "is no YAML"),
        ("\x00", "is no YAML"),
    ],
)
def test_a_file_that_is_wrong_is_said(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "cluster.yml"
    path.write_text(content)
    with pytest.raises(ClusterError) as raised:
        parse_cluster(str(path))
    assert said in str(raised.value)
    assert str(path) in str(raised.value)


def test_without_dask_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "sys.modules['distributed'] = sys.modules['dask'] = None\n"  # as where they are not there
        "from liverview.cohort.cluster_choice import parse_cluster\n"
        "from liverview.cohort.dask_cluster import iter_run_on_dask\n"
        "from liverview.cohort.ledger import Ledger\n"
        "from pathlib import Path\n"
        "class Work: pass\n"
        "try:\n"
        f"    next(iter_run_on_dask([], Work(), Ledger(Path({str(tmp_path)!r})), "
        "parse_cluster('local')))\n"
        "except ValueError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "--on needs Dask: pip install 'liverview[cluster]'.\n"
    assert [p.name for p in (tmp_path / "ledger").iterdir()] == []
