"""``liverview cohort``: what has become of a cohort, and its tables and page."""

from __future__ import annotations

import argparse
from pathlib import Path

from liverview.cli.cohort_run import write_results
from liverview.cli.outputs import check_outputs
from liverview.cli.printing import write_json


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "cohort",
        help="what has become of a cohort; writes its tables and page",
        description="Say what is done, what failed and why, and how fast it went, from the ledger "
        "in a folder of results; write cohort.csv, cohort_lesions.csv, the same as .parquet where "
        "pyarrow is installed, and cohort.html there anew. Other machines may be at the cohort "
        "meanwhile.",
    )
    parser.add_argument(
        "results", type=Path, metavar="DIR", help="the folder that -o of the cohort's command named"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.cohort.ledger import LEDGER
    from liverview.cohort.summary import summary_figures, summary_lines
    from liverview.cohort.tables import check_cohort_tables
    from liverview.core.errors import LiverviewError

    if not (options.results / LEDGER).is_dir():
        raise LiverviewError(
            f"{options.results} has no ledger of a cohort: give the folder that -o of segment, "
            "measure or evaluate named."
        )
    check_cohort_tables(options.results)
    check_outputs(options, [])
    written = write_results(options.results, None)
    print(*summary_lines(written.attempts), sep="\n")
    for path in written.files:
        print(f"{path} written.")
    if options.json:
        write_json(options.json, summary_figures(written.attempts))
    return 0
