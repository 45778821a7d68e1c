"""The wheel: complete, and usable far from the checkout."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from liverview.core import paths

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return path


def test_resources_and_weights_are_inside(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder, source in (("resources", paths.resources()), ("weights", paths.weights())):
        inside = {name for name in names if name.startswith(f"liverview/_data/{folder}/")}
        there = {
            f"liverview/_data/{folder}/{path.relative_to(source).as_posix()}"
            for path in source.rglob("*")
            if path.is_file()
        }
        assert inside == there
    assert not any(name.startswith(("tests/", "resources/", "weights/")) for name in names)
    assert "liverview/py.typed" in names


def test_an_installed_wheel_segments_a_phantom_it_made(wheel: Path, tmp_path: Path) -> None:
    """In an environment that has the dependencies, but no liverview beside the wheel's."""
    venv.create(tmp_path / "env", with_pip=False)
    binaries = "Scripts" if os.name == "nt" else "bin"
    python = tmp_path / "env" / binaries / Path(sys.executable).name
    paths_of = sysconfig.get_paths(
        "nt_venv" if os.name == "nt" else "posix_venv", {"base": str(tmp_path / "env")}
    )
    library = Path(paths_of["purelib"])
    with zipfile.ZipFile(wheel) as file:
        file.extractall(library)
    # A plain path entry: the editable install beside it is not followed.
    (library / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    small = ["--shape", "96", "84", "40", "--spacing", "4", "4", "5", "--seed", "3"]
    commands = [
        ["phantom", "made", *small],
        ["segment", "made/ct.nii.gz", "-o", "made/found.nii.gz", "--device", "cpu"],
        ["evaluate", "made/found.nii.gz", "made/labels.nii.gz", "--json", "made/figures.json"],
    ]
    where = "import liverview; print(liverview.__file__)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(python), *arguments],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    assert str(library) in run("-c", where)
    for command in commands:
        run("-m", "liverview", *command)
    figures = json.loads((tmp_path / "made" / "figures.json").read_text())
    assert figures["liver"]["dice"] > 0.85
