"""Compare label maps with references and print the median Dice of each label.

    python examples/evaluate_references.py FOUND REFERENCES

Both are folders; files of one name belong together. Without arguments, a small phantom is segmented
and compared with its exact labels.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import liverview as lv


def main(arguments: list[str]) -> None:
    dice = defaultdict(list)
    for name, found, reference in pairs(*map(Path, arguments)) if arguments else phantom_pair():
        for score in lv.evaluate(found, reference):
            print(name, score)
            if score.in_reference:
                dice[score.label].append(score.dice)
    for label, values in dice.items():
        print(f"median Dice of {label.name.lower()}: {statistics.median(values):.3f}")


def pairs(found: Path, references: Path) -> Iterator[tuple[str, lv.LabelMap, lv.LabelMap]]:
    for path in sorted(found.glob("*.nii.gz")):
        yield path.name, lv.read_labels(path), lv.read_labels(references / path.name)


def phantom_pair() -> Iterator[tuple[str, lv.LabelMap, lv.LabelMap]]:
    made = lv.phantom(seed=3, shape=(96, 84, 40), spacing=(4, 4, 5))
    yield made.volume.name, lv.segment(made.volume), made.labels


if __name__ == "__main__":
    main(sys.argv[1:])
