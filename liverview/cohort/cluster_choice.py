"""The cluster that ``--on`` names: read from text or a YAML file, without Dask.

``local``, ``local:4``, ``tcp://HOST:PORT``, ``tls://HOST:PORT``, ``slurm:queue=short,jobs=20``, or
FILE.yaml with a ``kind`` and the same options.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from liverview.core.errors import LiverviewError
from liverview.core.text import quoted

FORMS = (
    "local, local:N, tcp://HOST:PORT, tls://HOST:PORT, slurm, pbs, lsf or sge with options as "
    "slurm:queue=short,jobs=20, or FILE.yaml"
)
INSTALL = "pip install 'liverview[cluster]'"

_NUMBERS = {"workers", "jobs", "cores", "death_timeout", "job_cpu", "ncpus"}
_LISTS = {"job_extra_directives", "job_script_prologue", "worker_extra_args"}
_SIZES = {"memory", "job_mem"}
_QUEUED = _LISTS | {
    *("jobs", "cores", "memory", "queue", "walltime", "job_name", "interface", "python"),
    *("shebang", "local_directory", "log_directory", "shared_temp_directory", "death_timeout"),
}
OPTIONS: Mapping[str, set[str]] = {
    "local": {"workers", "memory", "local_directory"},
    "address": {"address", "tls_ca_file", "tls_client_cert", "tls_client_key"},
    "slurm": _QUEUED | {"account", "job_cpu", "job_mem"},
    "pbs": _QUEUED | {"account", "resource_spec"},
    "lsf": _QUEUED | {"project", "ncpus"},
    "sge": _QUEUED | {"project", "resource_spec"},
}
"""What can be said of each kind of cluster; of queues, parameters of dask-jobqueue's classes."""
_LARGEST = 1 << 20  # bytes of a YAML file


class ClusterError(LiverviewError):
    """A cluster that cannot be used; the message says why, and the way out."""


@dataclass(frozen=True)
class ClusterChoice:
    """A cluster to start or to connect to.

    Attributes
    ----------
    kind : local; address, of a scheduler that runs; slurm, pbs, lsf or sge.
    options : by the names of `OPTIONS`.
    """

    kind: Literal["local", "address", "slurm", "pbs", "lsf", "sge"]
    options: Mapping[str, Any] = field(default_factory=dict)


def parse_cluster(text: str) -> ClusterChoice:
    """Read what ``--on`` was given.

    Raises
    ------
    ClusterError : where that is no cluster.
    """
    if re.fullmatch(r"(tcp|tls)://[^\s/,]+:[0-9]{1,5}", text):
        return ClusterChoice("address", {"address": text})
    if text.lower().endswith((".yaml", ".yml")):
        return _read_yaml(Path(text))
    kind, colon, rest = text.partition(":")
    if kind not in OPTIONS or kind == "address" or (colon and not rest):
        raise ClusterError(f"--on {quoted(text)} is no cluster: give {FORMS}.")
    if kind == "local" and re.fullmatch(r"[0-9]+", rest):
        rest = f"workers={rest}"
    options = {}
    for part in filter(None, rest.split(",")):
        name, equals, value = part.partition("=")
        if not equals or name in options:
            raise ClusterError(
                f"--on {quoted(text)}: {quoted(part)} is no option of its own: give them as "
                f"NAME=VALUE,NAME=VALUE, each once."
            )
        options[name] = value
    return _checked(f"--on {quoted(text)}", kind, options)


def _read_yaml(path: Path) -> ClusterChoice:
    try:
        import yaml
    except ImportError as error:
        raise ClusterError(f"{path} cannot be read without PyYAML: {INSTALL}.") from error
    try:
        if path.stat().st_size > _LARGEST:
            raise ClusterError(f"{path} is too large for the description of a cluster.")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise ClusterError(f"--on {path}: {reason}; check the name.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, ClusterError):
            raise
        raise ClusterError(f"{path} is no YAML: {quoted(error)}.") from error
    kind = content.get("kind") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in OPTIONS:
        kinds = ", ".join(OPTIONS)
        raise ClusterError(f"{path} does not say what cluster it is: add kind, one of {kinds}.")
    options = {str(name): value for name, value in content.items() if name != "kind"}
    return _checked(str(path), kind, options)


def _checked(where: str, kind: Any, options: Mapping[str, Any]) -> ClusterChoice:
    for name in options:
        if name not in OPTIONS[kind]:
            known = ", ".join(sorted(OPTIONS[kind]))
            raise ClusterError(f"{where}: {kind} has no option {quoted(name)}; it has {known}.")
    if kind == "address" and not re.fullmatch(
        r"(tcp|tls)://[^\s/,]+:[0-9]{1,5}", str(options.get("address"))
    ):
        raise ClusterError(f"{where}: add address, as tcp://HOST:8786.")
    return ClusterChoice(
        kind, {name: _value(where, name, value) for name, value in options.items()}
    )


def _value(where: str, name: str, value: Any) -> Any:
    if name in _LISTS:
        values = value if isinstance(value, list) else [value]
        if all(isinstance(one, str) and one for one in values):
            return values
        raise ClusterError(f"{where}: {name} is {quoted(value)}; it has to be text.")
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ClusterError(f"{where}: {name} is {quoted(value)}; it has to be text or a number.")
    if name == "walltime" and not isinstance(value, str):
        # YAML takes 12:00:00 for a number to the base of 60, and SLURM would take that for minutes.
        raise ClusterError(f"{where}: walltime has to stand in quotes, as '12:00:00'.")
    if name in _NUMBERS:
        if not re.fullmatch(r"[0-9]{1,6}", str(value)) or int(value) < 1:
            raise ClusterError(f"{where}: {name} is {quoted(value)}; it has to be 1 or more.")
        return int(value)
    if name in _SIZES and not re.fullmatch(r"[0-9]+(\.[0-9]+)? ?[kKMGT]i?B?", str(value)):
        raise ClusterError(f"{where}: {name} is {quoted(value)}; give it as 8GB.")
    return str(value)
