#!/bin/sh
# `walltime: 12:00:00`, without quotes in a YAML file, becomes `#SBATCH -t 43200` in the job script of
# dask-jobqueue, which SLURM takes for minutes: 30 days instead of 12 hours, and a job that most
# queues refuse. `02:00:00` becomes what it says, so that the habit works for short jobs.
#
# PyYAML reads by YAML 1.1, where 12:00:00 is a number to the base of 60 (43200), and 02:00:00, which
# begins with 0, is text; dask-jobqueue writes down what it is given. To sbatch a number alone is one
# of minutes (its manual, --time). Seen with PyYAML 6.0.3, dask 2026.8.0 and dask-jobqueue 0.9.0, in
# Dask's own configuration; sbatch itself was not run. It matters where a cluster is described in a
# file: liverview refuses a number there, and asks for quotes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  pyyaml==6.0.3 dask==2026.8.0 distributed==2026.8.0 dask-jobqueue==0.9.0
mkdir "$folder/config"
cd "$folder"
DASK_CONFIG="$folder/config" "$folder/venv/bin/python" - <<'PYTHON'
import os
import sys
from pathlib import Path

import dask
import yaml

settings = Path(os.environ["DASK_CONFIG"]) / "jobqueue.yaml"
settings.write_text("")
import dask_jobqueue  # noqa: E402

print("PyYAML", yaml.__version__, "dask-jobqueue", dask_jobqueue.__version__)
lines = {}
for walltime in ("02:00:00", "12:00:00", "'12:00:00'"):
    settings.write_text(
        f"jobqueue:\n  slurm:\n    cores: 1\n    memory: 4GB\n    walltime: {walltime}\n"
    )
    dask.config.refresh()
    job = dask_jobqueue.slurm.SLURMJob("tcp://127.0.0.1:8786", name="0")
    (lines[walltime],) = [line for line in job.job_script().splitlines() if " -t " in line]
    print(f"walltime: {walltime:12} {lines[walltime]}")
as_described = lines == {
    "02:00:00": "#SBATCH -t 02:00:00",
    "12:00:00": "#SBATCH -t 43200",
    "'12:00:00'": "#SBATCH -t 12:00:00",
}
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
# Seen:
# PyYAML 6.0.3 dask-jobqueue 0.9.0
# walltime: 02:00:00     #SBATCH -t 02:00:00
# walltime: 12:00:00     #SBATCH -t 43200
# walltime: '12:00:00'   #SBATCH -t 12:00:00
# as described
