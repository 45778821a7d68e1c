"""What ``liverview phantom`` is asked for: one target, lesions of a kind, scans beside a sheet."""

from __future__ import annotations

from pathlib import Path

import pytest

from liverview.cli import main
from liverview.core.stream import result_of
from liverview.files import images
from liverview.phantoms.config import Phantom, PhantomConfig, PhantomLesions, Phase
from liverview.phantoms.generation import iter_generate


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([], "--lesion-sheet"),
        (["DIR", "--sheet", "a.png"], "--sheet"),
        (["--sheet", "a.png", "--lesion-sheet", "b.png"], "--lesion-sheet"),
        (["DIR", "--beside", "scan"], "--beside"),
    ],
)
def test_one_target_is_asked_for(
    options: list[str],
    word: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["phantom", *options]) != 0
    assert word in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_kind_of_lesions_reaches_the_phantom(tmp_path: Path) -> None:
    command = ["--seed", "3", "--shape", "40", "36", "8", "--spacing", "9", "9", "20"]
    command += ["--phase", "arterial", "--lesion-kind", "hcc"]
    assert main(["phantom", str(tmp_path), *command]) == 0
    config = PhantomConfig(
        (40, 36, 8), (9, 9, 20), 3, phase=Phase.ARTERIAL, lesion_kind=PhantomLesions.HCC
    )
    expected = result_of(iter_generate(config), Phantom)
    assert (images.read(tmp_path / "ct.nii.gz").voxels == expected.volume.voxels).all()
