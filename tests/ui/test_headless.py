"""The job without a person, where its labels cannot be saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from liverview.cli import main
from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.files import images
from liverview.ui.jobs import generators

from support.window import Stream


def test_labels_that_cannot_be_saved_are_kept(
    scan: Path,
    tmp_path: Path,
    stream: Stream,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(path: Path, *arguments: object) -> Iterator[Progress]:
        yield Progress("Writing", 0.0)
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(generators, "iter_write_labels", full)
    stream.go.set()
    out = tmp_path / "out"
    assert main([str(scan), "--out", str(out), "--device", "cpu"]) == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said
    kept = out / "scan_seg.nii.gz"  # what failed has left nothing there
    assert f"the labels are kept in {kept}." in said
    assert (images.read_labels(kept).voxels[:, :, 6:8] == Label.TUMOR).all()
