"""Evaluation of cases as the work of a cohort: each is segmented and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from liverview.cohort.results import sample_sha256
from liverview.cohort.segmenting import loaded_models
from liverview.cohort.work import CohortItem, Done
from liverview.core.about import __version__
from liverview.core.stream import Message, Progress
from liverview.evaluation.case_records import write_case
from liverview.evaluation.cases import CaseResult, case_files, iter_evaluate_case
from liverview.evaluation.lesion_summary import table_dict
from liverview.evaluation.scoring import NsdBy
from liverview.evaluation.summary import SCAN_FIGURES, reason_lines, table_row
from liverview.files.sidefiles.weights import weights_sha256


@dataclass(frozen=True)
class EvaluateWork:
    """Segmentation of cases and their comparison with references.

    Attributes
    ----------
    results : the folder that the record of each case goes to.
    device : that networks run on, as cpu or cuda:0.
    nsd, resample, index, labels : as for `iter_evaluate_case`.
    hashes : of the weights that come with the program, by file name.
    """

    results: Path
    device: str = "cpu"
    nsd: NsdBy = "voxels"
    resample: bool = False
    index: int | None = None
    labels: str | None = None
    hashes: Mapping[str, str] = field(default_factory=weights_sha256)
    kind: str = "evaluate"

    @property
    def made_with(self) -> Mapping[str, str]:
        return {
            "software": f"liverview {__version__}",
            **{f"{name} sha256": digest for name, digest in self.hashes.items()},
            "nsd": self.nsd,
            "resample": str(self.resample).lower(),
            "volume": str(self.index or 0),
            "labels": self.labels or "",
        }

    def prepare(self) -> None:
        """Load the networks, before the first case; CheckpointError where that is not possible."""
        loaded_models(None, self.device)

    def input_sha256(self, item: CohortItem) -> str:
        """A hash of the scan, the reference and what lies beside it to name its values."""
        scan, reference = case_files(item.path)
        stem = reference.name.partition(".")[0]
        beside = sorted(path for path in item.path.iterdir() if path.name.startswith(stem))
        digest = hashlib.sha256()
        for path in (scan, *beside):
            digest.update(sample_sha256(path).encode())
        return digest.hexdigest()

    def iter_do(self, item: CohortItem) -> Generator[Progress | Message, None, Done]:
        """Segment one case, compare it and keep the record."""
        work = iter_evaluate_case(
            item.path,
            *loaded_models(None, self.device),
            nsd=self.nsd,
            resample=self.resample,
            index=self.index,
            labels=self.labels,
            name=item.name,
        )
        result: CaseResult | None = None
        for step in work:
            if isinstance(step, CaseResult):
                result = step
            else:
                yield step
        assert result is not None  # its last item
        return _done(result, write_case(self.results, result))


def _done(result: CaseResult, written: tuple[Path, ...]) -> Done:
    figures = {score.label.name.lower(): score.to_dict() for score in result.scores}
    if result.lesions is not None:
        figures["lesions"] = table_dict(result.lesions)
    return Done(
        figures,
        tuple(table_row(score, SCAN_FIGURES) for score in result.scores),
        written,
        tuple(reason_lines(result.scores)),
        round(result.seconds, 2),
    )
