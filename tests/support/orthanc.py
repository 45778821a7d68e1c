"""An Orthanc of the tests' own: on free ports, for this computer alone, gone at the end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import requests

from liverview.pacs.nodes import Node, NodeKind, Retrieval

PROGRAM = shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
_START_S = 60
_HTTP = requests.Session()
_HTTP.trust_env = False  # no proxy between us


def free_port() -> int:
    """A port that nobody listens at just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def need_orthanc() -> None:
    """Skip where Orthanc is not installed; fail where it has to be."""
    if PROGRAM is not None and PLUGIN.exists():
        return
    reason = "Orthanc with its DICOMweb plugin is not installed (make servers)"
    if os.environ.get("LIVERVIEW_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Orthanc:
    """A running server."""

    http_port: int
    dicom_port: int
    move_port: int

    @property
    def rest(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def node(self, retrieval: Retrieval = Retrieval.GET, **options: Any) -> Node:
        return Node(
            "Orthanc",
            ae_title="ORTHANC",
            host="127.0.0.1",
            port=self.dicom_port,
            our_port=self.move_port,
            retrieval=retrieval,
            **options,
        )

    def web_node(self, **options: Any) -> Node:
        return Node("Orthanc web", NodeKind.WEB, url=f"{self.rest}/dicom-web", **options)

    def store(self, path: Path) -> None:
        """Put a file in by Orthanc's own interface."""
        reply = _HTTP.post(f"{self.rest}/instances", data=path.read_bytes(), timeout=30)
        reply.raise_for_status()

    def stored_file(self, instance: str) -> bytes:
        """The file of a SOP instance, by Orthanc's own interface."""
        found = _HTTP.post(f"{self.rest}/tools/lookup", data=instance, timeout=30).json()
        (name,) = (each["ID"] for each in found if each["Type"] == "Instance")
        return bytes(_HTTP.get(f"{self.rest}/instances/{name}/file", timeout=30).content)

    def files(self) -> list[bytes]:
        """All files that it holds."""
        names = _HTTP.get(f"{self.rest}/instances", timeout=30).json()
        return [
            bytes(_HTTP.get(f"{self.rest}/instances/{name}/file", timeout=30).content)
            for name in names
        ]

    def remove(self, instance: str) -> None:
        """Take a SOP instance out."""
        found = _HTTP.post(f"{self.rest}/tools/lookup", data=instance, timeout=30).json()
        (name,) = (each["ID"] for each in found if each["Type"] == "Instance")
        _HTTP.delete(f"{self.rest}/instances/{name}", timeout=30).raise_for_status()

    def count(self) -> int:
        """Instances that it holds."""
        reply = _HTTP.get(f"{self.rest}/statistics", timeout=30)
        return int(reply.json()["CountInstances"])


@contextmanager
def run_orthanc(folder: Path, *, tls: bool = False, **settings: Any) -> Iterator[Orthanc]:
    """Run a server whose storage is in a folder; ``settings`` are added to its own.

    With ``tls``, we are sent images by an encrypted line, too.
    """
    need_orthanc()
    server = Orthanc(free_port(), free_port(), free_port())
    config = {
        "Name": "tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "TemporaryDirectory": str(folder / "temporary"),
        "HttpPort": server.http_port,
        "DicomPort": server.dicom_port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        # Nobody but this computer: its address setting is ignored.
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomCheckModalityHost": True,
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomModalities": {
            "us": {
                "AET": "LIVERVIEW",
                "Host": "127.0.0.1",
                "Port": server.move_port,
                "UseDicomTls": tls,
            }
        },
        "DefaultEncoding": "Utf8",
        "OrthancExplorerEnabled": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "StableAge": 1,
        **settings,
    }
    (folder / "temporary").mkdir(parents=True)
    (folder / "orthanc.json").write_text(json.dumps(config), encoding="utf-8")
    log = folder / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [str(PROGRAM), str(folder / "orthanc.json")],
            stdout=written, stderr=written, cwd=folder,
        )  # fmt: skip
    try:
        _wait_until_ready(process, server, log)
        yield server
    finally:
        process.kill()  # nothing of it is kept
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], server: Orthanc, log: Path) -> None:
    """Until both of its ports take a connection, and its own interface answers."""
    end = monotonic() + _START_S
    for port in (server.http_port, server.dicom_port):
        while True:
            assert process.poll() is None, log.read_text(errors="replace")
            assert monotonic() < end, f"Orthanc is not ready: {log.read_text(errors='replace')}"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.02)
    while _HTTP.get(f"{server.rest}/system", timeout=30).status_code != 200:
        assert monotonic() < end
