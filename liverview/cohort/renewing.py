"""Label maps that are there, and were made from something else than they would be made from now.

One with a record is as the program wrote it, and a cohort makes it anew; one without is a person's
or another program's, and is never replaced unasked.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from liverview.cohort.results import is_untouched, record_of
from liverview.files.atomic import TargetError

_MADE = {
    "scan_sample_sha256": "from a scan that has changed since",
    "volume": "from another volume of the scan",
    "weights_sha256": "by other weights",
    "least_certainty": "at another certainty",
    "software": "by another version",
}
"""What a record has, in words for where it differs."""


def check_may_replace(paths: Iterable[Path]) -> None:
    """Raise `TargetError` where one of these files is there and has no record."""
    for path in paths:
        if os.path.lexists(path) and not record_of(path):
            raise _not_ours(path)


def check_may_renew(label_map: Path) -> None:
    """Raise `TargetError` where a label map is there and is not as the program wrote it."""
    check_may_replace([label_map])
    if os.path.lexists(label_map) and not is_untouched(label_map, record_of(label_map)):
        raise _not_ours(label_map)


def _not_ours(path: Path) -> TargetError:
    return TargetError(
        f"{path} exists already, and another program made it or a person has changed it "
        "since: move it away, or let --overwrite replace it."
    )


def made_otherwise(found: str, wanted: str) -> str:
    """How the labels of one record were made otherwise than those of another, in words."""
    before, now = _fields(found), _fields(wanted)
    words = [text for key, text in _MADE.items() if before.get(key) != now.get(key)]
    return ", ".join(words) or "in another way"


def renewal_sentences(renewed: Mapping[Path, str]) -> list[str]:
    """What is made anew and why, a sentence for each reason.

    Parameters
    ----------
    renewed : by label map, what `made_otherwise` says.
    """
    lines = []
    for reason, count in sorted(Counter(renewed.values()).items()):
        example = min(path for path, words in renewed.items() if words == reason)
        if count == 1:
            lines.append(f"{example} is made anew: it was made {reason}.")
        else:
            lines.append(
                f"{count:,} label maps are made anew: they were made {reason}, as {example}."
            )
    return lines


def _fields(record: str) -> Mapping[str, object]:
    try:
        content = json.loads(record)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
