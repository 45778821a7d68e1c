"""What a command imports, and what it leaves out."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import nibabel
import numpy as np
import pytest

from liverview.cli import main
from liverview.cli.parser import COMMANDS
from liverview.cohort import models_ahead
from liverview.cohort.models_ahead import ModelsAhead, iter_beside
from liverview.core.lean_imports import SWITCH, WAITING
from liverview.core.stream import Progress
from liverview.files import images
from liverview.files.sidefiles.weights import WeightsError, check_weights
from liverview.inference import segmentation

from support.tiny_networks import bright_liver

NOT_FOR_HELP = {"typing", "dataclasses", "inspect", "tomllib", "numpy", "torch", "PySide6"}


def run_code(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout


@pytest.mark.parametrize("command", ["", "segment"])
def test_help_imports_no_other_command(command: str) -> None:
    printed = run_code(
        "import sys\nfrom liverview.cli import main\n"
        f"try: main({[*command.split(), '--help']!r})\nexcept SystemExit: pass\n"
        "print('MODULES', *sys.modules)"
    )
    text, _, modules = printed.partition("MODULES")
    imported = set(modules.split())
    own = {f"liverview.cli.{name}" for name in COMMANDS if name != command}
    assert not own & imported
    assert not (NOT_FOR_HELP - ({"typing", "dataclasses"} if command else set())) & imported
    assert command or all(name in text for name in COMMANDS)


OPERATIONS = """
import hashlib, sys
from liverview.core.lean_imports import lean_imports, WAITING
with lean_imports():
    from liverview.inference.segmentation import load_models
    from liverview.networks.runtime import pick_device
    import torch, nibabel, scipy.ndimage, scipy.sparse.csgraph, scipy.spatial
    torch.manual_seed(1)
    found = hashlib.sha256()
    def add(x): found.update(x.float().contiguous().numpy().tobytes())
    models = load_models()
    add(torch.tensor([pick_device("auto").type == "cuda", torch.cuda.is_available()]))
    for network in (models.coarse.network, models.fine.network):
        dims, channels = network.config.dims, network.config.in_channels
        layout = torch.channels_last if dims == 2 else torch.channels_last_3d
        x = torch.rand(1, channels, *[32] * dims).contiguous(memory_format=layout)
        with torch.inference_mode():
            add(network(x).softmax(1))
            with torch.autocast("cpu", torch.bfloat16):
                add(network(x))
    add(torch.nn.functional.interpolate(x, scale_factor=2))
    wait = [n for w in WAITING.values() for n in w.names if n in sys.modules]
    waiting = {n for n in wait if type(sys.modules[n]).__name__ == "DeferredModule"}
print(found.hexdigest())
print(*sorted(waiting))
if waiting:  # all of it is there for who asks, in an order that works
    for name in sorted(waiting):
        assert dir(sys.modules[name])
    assert not [n for n in wait if type(sys.modules[n]).__name__ == "DeferredModule"]
    assert torch.empty(2, 3, device="meta").cumsum(0).shape == (2, 3)
    assert torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),)).graph is not None
    assert isinstance(nibabel.nifti1.pdcm.Dataset(), sys.modules["pydicom"].Dataset)
"""


def test_networks_give_the_same_without_what_waits() -> None:
    lean, whole = run_code(OPERATIONS), run_code(OPERATIONS, **{SWITCH: "1"})
    assert lean.splitlines()[0] == whole.splitlines()[0]
    waiting = set(lean.splitlines()[1].split())
    assert {"torch._meta_registrations", "torch.export", "pydicom", "numpy.f2py"} <= waiting
    assert whole.splitlines()[1] == ""


def test_all_that_waits_is_there() -> None:
    """A name that these versions do not have would wait for nothing."""
    for waiting in WAITING.values():
        for name in waiting.names:
            assert importlib.util.find_spec(name) is not None, name


def test_a_scan_that_is_not_there_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom liverview.cli import main\n"
        f"assert main(['segment', {str(tmp_path / 'no.nii.gz')!r}, '-o', "
        f"{str(tmp_path / 'out.nii.gz')!r}]) == 2\n"
        "assert not {'torch', 'gdcm'} & set(sys.modules)"
    )
    run_code(code)


def test_one_scan_needs_nothing_of_a_cohort(tmp_path: Path) -> None:
    """Nor torch, until the scan is being read."""
    code = (
        "import sys\nfrom liverview.cli import main\n"
        "from liverview.cohort import local\n"
        "def run(items, work, ledger):\n"
        "    assert not WRONG & set(sys.modules), WRONG & set(sys.modules)\n"
        "    yield from ()\n"
        "WRONG = {'torch', 'PIL', 'html', 'multiprocessing', 'statistics',\n"
        "  *(f'liverview.cohort.{name}' for name in ('dask_cluster', 'ledger', 'processes',\n"
        "  'running', 'states', 'summary', 'tables', 'results_written', 'page'))}\n"
        "local.iter_run_here = run\n"
        f"assert main(['segment', {str(tmp_path / 'ct.nii.gz')!r}, '-o', "
        f"{str(tmp_path / 'out.nii.gz')!r}]) == 0\n"
    )
    (tmp_path / "ct.nii.gz").touch()
    run_code(code)


def test_weights_that_are_not_there_are_said_before_torch_is_needed(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"coarse\.safetensors is not there: give --weights"):
        check_weights(tmp_path)
    (tmp_path / "coarse.safetensors").touch()
    with pytest.raises(WeightsError, match=r"fine\.safetensors is not there"):
        check_weights(tmp_path)
    check_weights()


def test_networks_ahead_come_with_their_device(monkeypatch: pytest.MonkeyPatch) -> None:
    models = bright_liver()
    monkeypatch.setattr(segmentation, "load_models", lambda folder: models)
    ahead = ModelsAhead(None, "cpu")
    ahead.start()
    assert ahead.wait() == (models, "cpu")
    assert ahead.wait()[0] is models


def test_what_is_wrong_is_raised_where_it_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not known: use auto"):
        ModelsAhead(None, "gpu").wait()
    (tmp_path / "coarse.safetensors").write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"coarse\.safetensors is not a safetensors file"):
        ModelsAhead(tmp_path, "cpu").wait()


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    hu = np.full((24, 24, 12), -1000, np.int16)
    nibabel.save(nibabel.Nifti1Image(hu, np.diag([3.0, 3.0, 3.0, 1.0])), tmp_path / "ct.nii.gz")
    return tmp_path / "ct.nii.gz"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--device", "gpu"], "The device 'gpu' is not known: use auto, cpu, cuda, cuda:N or mps."),
        (["--device", "cuda:99"], "The device 'cuda:99' is not on this machine: use auto or cpu."),
        (["--weights", "{}"], "{}/fine.safetensors is not there: give --weights a folder with "),
        (["--weights", "{}/bad"], "{}/bad/coarse.safetensors is not a safetensors file: "),
    ],
)
def test_what_is_wrong_with_weights_or_device_is_no_fault_of_the_scan(
    scan: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = scan.parent
    (folder / "coarse.safetensors").touch()
    (folder / "bad").mkdir()
    for name in ("coarse", "fine"):
        (folder / "bad" / f"{name}.safetensors").write_bytes(b"no weights")
    given = [option.format(folder) for option in options]
    assert main(["segment", str(scan), "-o", str(folder / "labels.nii.gz"), *given]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"liverview: {said.format(folder)}")
    assert printed.count("\n") == 1
    assert not (folder / "labels.nii.gz").exists()


def test_nothing_is_read_where_weights_or_device_are_wrong(
    scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "iter_read", None)
    arguments = ["segment", str(scan), "-o", str(scan.parent / "labels.nii.gz")]
    assert main([*arguments, "--device", "gpu"]) == 2
    assert main([*arguments, "--weights", str(scan.parent)]) == 2


def test_what_is_wrong_stops_the_reading(tmp_path: Path) -> None:
    ahead = ModelsAhead(tmp_path, "cpu")

    def reading() -> Iterator[Progress | str]:
        yield "no step of it"
        assert not ahead.is_begun
        yield Progress("Reading", 0.0)
        with pytest.raises(ValueError, match="coarse"):
            ahead.wait()
        yield Progress("Reading", 0.5)

    stream = iter_beside(reading(), ahead)
    assert next(stream) == "no step of it"
    with pytest.raises(ValueError, match=r"coarse\.safetensors"):
        list(stream)


def test_who_gives_up_has_nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []
    monkeypatch.setattr(segmentation, "load_models", loaded.append)
    ahead = ModelsAhead(None, "cpu")
    monkeypatch.setattr(models_ahead, "load_library", ahead.abandon)
    with pytest.raises(CancelledError):
        ahead.wait()
    assert loaded == []
