"""Checkpoints: everything comes back, nothing is executed, damage is a sentence."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from liverview.networks.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from liverview.networks.preprocessing import Preprocessing, Window

from support import tiny_networks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tiny_networks.fine()
    full = Checkpoint(
        made.network, made.preprocessing, made.classes, "seed = 1", {"license": "MIT"}
    )
    save_checkpoint(tmp_path / "fine.safetensors", full)
    return tmp_path / "fine.safetensors"


def test_everything_comes_back(path: Path) -> None:
    made, loaded = tiny_networks.fine(), load_checkpoint(path)
    assert loaded.network.config == made.network.config
    assert loaded.preprocessing == made.preprocessing
    assert loaded.classes == made.classes
    assert loaded.recipe == "seed = 1"
    assert loaded.card == {"license": "MIT"}
    x = torch.randn(1, made.network.config.in_channels, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(loaded.network(x), made.network(x), atol=2e-2)
    assert not loaded.network.training


def test_weights_are_stored_in_half_precision_and_used_in_single(path: Path) -> None:
    with safe_open(path, framework="pt") as file:
        stored = [file.get_tensor(name) for name in file.keys()]  # noqa: SIM118
    assert all(t.dtype == torch.float16 for t in stored if t.is_floating_point())
    assert all(p.dtype == torch.float32 for p in load_checkpoint(path).network.parameters())


def refused(path: Path, word: str) -> None:
    with pytest.raises(CheckpointError, match=word) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    trap, mark = tmp_path / "trap.safetensors", tmp_path / "executed"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path(mark).touch, ()  # type: ignore[return-value]

    trap.write_bytes(pickle.dumps(Trap()))
    refused(trap, "not a safetensors file")
    torch.save({"weights": Trap()}, trap)
    refused(trap, "not a safetensors file")
    assert not mark.exists()


def test_missing_and_truncated_files(path: Path, tmp_path: Path) -> None:
    refused(tmp_path / "none.safetensors", "not a safetensors file")
    path.write_bytes(path.read_bytes()[:-100])
    refused(path, "not a safetensors file")


def test_other_safetensors_files(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(2)}, path, metadata={"format": "pt"})
    refused(path, "not a liverview checkpoint")
    save_file({"a": torch.zeros(2)}, path, metadata={"format": "liverview-checkpoint-1"})
    refused(path, "damaged")


def test_classes_and_channels_must_fit_the_network() -> None:
    made = tiny_networks.fine()
    with pytest.raises(ValueError, match="names"):
        Checkpoint(made.network, made.preprocessing, ("background",))
    other = Preprocessing((1, 1, 1), (Window(0, 100),))
    with pytest.raises(ValueError, match="channels"):
        Checkpoint(made.network, other, made.classes)
