"""OpenMP's threads sleep while they wait, unless the person has said otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from liverview.core.waiting_threads import limit_spinning

NAMES = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY")


def test_every_runtime_is_told() -> None:
    environment: dict[str, str] = {"HOME": "/home/somebody"}
    limit_spinning(environment)
    assert environment == {"HOME": "/home/somebody", "GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"}


@pytest.mark.parametrize("name", NAMES)
def test_what_the_person_has_said_stays(name: str) -> None:
    environment = {name: "7"}
    limit_spinning(environment)
    assert environment == {name: "7"}


@pytest.mark.parametrize(
    ("module", "wanted"), [("liverview.cli", "1000"), ("liverview", "None")], ids=["command", "api"]
)
def test_commands_set_it_before_torch_and_the_library_never(module: str, wanted: str) -> None:
    code = f"""
import os, sys
import {module} as module
if module.__name__ == "liverview.cli":
    try:
        module.main(["--version"])
    except SystemExit:
        pass
else:
    module.read
assert "torch" not in sys.modules
print(os.environ.get("GOMP_SPINCOUNT"))
"""
    plain = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=plain, check=True
    )
    assert done.stdout.split()[-1] == wanted
