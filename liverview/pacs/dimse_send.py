"""Sending by C-STORE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from liverview.core.text import shown
from liverview.pacs.association import Line, category
from liverview.pacs.dicom_files import FileFacts, read_facts
from liverview.pacs.errors import PacsError
from liverview.pacs.send import Sent
from liverview.pacs.storage_classes import contexts_to_send
from liverview.pacs.waiting import Put

_REASONS = {
    0x0122: "does not store this kind of file",
    0x0124: "does not let us store",
    0xA700: "has no room for it",
}


def store(line: Line, paths: Sequence[Path], put: Put) -> None:
    """Put a `Sent` for each file."""
    facts: dict[Path, FileFacts] = {}
    for path in paths:
        try:
            facts[path] = read_facts(path)
        except PacsError as error:
            put(Sent(path, False, str(error)))
    if not facts:
        return
    kinds = [(each.sop_class, each.transfer_syntax) for each in facts.values()]
    try:
        line.open(contexts_to_send(kinds))
        for path, each in facts.items():
            put(_store_one(line, path, each))
    finally:
        line.close()


def _store_one(line: Line, path: Path, facts: FileFacts) -> Sent:
    association = line.association
    assert association is not None
    kind = shown(UID(facts.sop_class).name)
    takes = {str(each.abstract_syntax) for each in association.accepted_contexts}
    if facts.sop_class not in takes:
        return Sent(
            path,
            False,
            f"{line.node.place} does not take {path.name}, which is {kind}: "
            "ask who runs it to allow that kind, or save it otherwise.",
        )
    if not association.is_established:
        raise line.silent(f"{path.name} was sent")
    try:
        status = association.send_c_store(path)
    except (ValueError, AttributeError):  # compressed in a way that the node does not take
        return Sent(
            path,
            False,
            f"{line.node.place} does not take {path.name} as it is compressed "
            f"({UID(facts.transfer_syntax).name}): save it uncompressed.",
        )
    if "Status" not in status:
        raise line.silent(f"{path.name} was sent")
    return _judged(line, path, status)


def _judged(line: Line, path: Path, status: Dataset) -> Sent:
    outcome = category(status.Status)
    if outcome == "Success":
        return Sent(path, True)
    remark = shown(str(status.get("ErrorComment", "") or ""))
    told = f"status {status.Status:04X}" + (f", {remark}" if remark else "")
    if outcome == "Warning":
        return Sent(path, True, f"{line.node.place} stored {path.name} with a remark ({told}).")
    reason = _REASONS.get(status.Status, "refused it")
    if 0xA700 <= status.Status <= 0xA7FF:
        reason = _REASONS[0xA700]
    return Sent(
        path,
        False,
        f"{line.node.place} did not store {path.name}, it {reason} ({told}): ask who runs it.",
    )
