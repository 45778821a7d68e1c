"""The ledger: what is kept is read, whatever else lies there, and says what is to do."""

from __future__ import annotations

import gzip
import json
import os
import random
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from liverview.cohort import ledger as ledger_module
from liverview.cohort.attempt_files import attempt_text, file_name, parse_attempt
from liverview.cohort.attempting import iter_attempt
from liverview.cohort.ledger import Ledger
from liverview.cohort.states import (
    LOST_AFTER_S,
    item_states,
    standing_attempts,
    state_sentences,
)
from liverview.cohort.work import Attempt, Done

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def attempt(item: str = "a_seg", number: int = 1, **changes: Any) -> Attempt:
    made = Attempt(
        item=item,
        path=f"/scans/{item}.nii.gz",
        kind="segment",
        number=number,
        outcome="done",
        began=(NOW - timedelta(hours=9 - number)).isoformat(),
        host="elsewhere",
        process=7,
        input_sha256="input",
        made_with={"version": "1", "fine.safetensors": "f"},
        seconds=2.5,
        figures={"tumor_ml": 1.5, "lesions": [{"number": 1}]},
        notes=("Slices are missing.",),
        columns={"age": "61"},
        token=str(number),
    )
    return replace(made, **changes)


def files_of(ledger: Ledger) -> list[Path]:
    return sorted(ledger.folder.glob("??/*.json"))


@dataclass(frozen=True)
class Item:
    name: str
    path: Path = Path("scan.nii.gz")
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """Stands for a command."""

    made_with: Mapping[str, str] = field(
        default_factory=lambda: {"version": "1", "fine.safetensors": "f"}
    )
    kind: str = "segment"
    device: str = "cpu"
    digest: str = "input"
    error: BaseException | None = None

    def input_sha256(self, item: Item) -> str:
        return self.digest

    def iter_do(self, item: Item) -> Any:
        yield from ()
        if self.error is not None:
            raise self.error
        return Done({"tumor_ml": 1.0}, lines=("tumor 1.0 mL",))


def state_of(*attempts: Attempt, work: Work | None = None, **options: Any) -> Any:
    content = ledger_module.LedgerContent({"a_seg": attempts})
    return item_states([Item("a_seg")], content, work or Work(), now=NOW, **options)["a_seg"]


def test_what_is_kept_is_read_and_every_attempt_has_its_file(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    kept = [attempt("a"), attempt("a", 2, outcome="failed", error="It is too short."), attempt("b")]
    for one in kept:
        ledger.keep(replace(one, outcome="begun", figures={}))
        ledger.keep(one)
    found = ledger.read()
    assert found.attempts == {"a": tuple(kept[:2]), "b": (kept[2],)}
    assert found.warning == ""
    assert len(files_of(ledger)) == 3
    assert (ledger.tries("a"), ledger.tries("b"), ledger.tries("c")) == (2, 1, 0)
    assert ledger.read(["b"]).attempts == {"b": (kept[2],)}


def test_two_machines_at_one_item_keep_both_attempts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    one, other = attempt(token="1"), attempt(token="2", figures={"tumor_ml": 9.0})
    ledger.keep(one)
    ledger.keep(other)  # of the same number, moment, host name and process number, as in containers
    assert ledger.attempts_at("a_seg") == (one, other)


@pytest.mark.parametrize(
    "name",
    ["M\udcfcller", "M\\xfcller", "case", "CASE", "x" * 400, "new\nline", "../up", "ü" * 300, "-"],
)
def test_any_name_is_kept_and_found(tmp_path: Path, name: str) -> None:
    ledger = Ledger(tmp_path)
    for given in (name, "other"):
        (*_,) = iter_attempt(Work(), Item(given), ledger)  # type: ignore[arg-type]
    assert ledger.tries(name) == 1
    assert item_states([Item(name)], ledger.read(), Work())[name].state == "done"
    assert all(len(path.name) < 40 for path in files_of(ledger))
    for path in files_of(ledger):
        json.loads(path.read_text(encoding="utf-8"))


def test_names_that_differ_stay_apart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    names = ["case", "CASE", "M\udcfcller", "M\\xfcller", "Müller", "Mu\u0308ller"]
    for name in names:
        (*_,) = iter_attempt(Work(), Item(name), ledger)  # type: ignore[arg-type]
    assert len(ledger.read().attempts) == len(names)


def damaged_by(random_source: random.Random, data: bytes) -> bytes:
    at = random_source.randrange(len(data))
    ways: list[Callable[[], bytes]] = [
        lambda: data[:at],
        lambda: data[:at] + bytes([random_source.randrange(256)]) + data[at + 1 :],
        lambda: data[:at] + data[at + 1 :],
        lambda: data[at:] + data[:at],
    ]
    return random_source.choice(ways)()


def test_no_damage_raises_and_what_is_read_has_the_right_types() -> None:
    source = random.Random(1)
    whole = attempt_text(attempt()).encode()
    read = 0
    for _ in range(3000):
        try:
            found = parse_attempt(damaged_by(source, whole))
        except ValueError:
            continue
        read += 1
        assert isinstance(found.number, int)
        assert isinstance(found.figures, dict)
        assert datetime.fromisoformat(found.began).tzinfo
        attempt_text(found)
    assert 0 < read < 2000


@pytest.mark.parametrize("field_name", sorted(json.loads(attempt_text(attempt()))))
def test_a_field_of_another_type_makes_it_none(field_name: str) -> None:
    content = json.loads(attempt_text(attempt()))
    right = content[field_name]
    values: list[Any] = [
        "1",
        "",
        1,
        -1,
        1.5,
        10**400,
        True,
        None,
        [1],
        {"a": 1},
        ["a", 1],
        "\ud800",
    ]
    refused = 0
    for value in values:
        try:
            found = parse_attempt(json.dumps({**content, field_name: value}).encode())
        except ValueError:
            refused += 1
            continue
        if field_name != "format":
            got = getattr(found, field_name)
            numbers = field_name in ("seconds", "peak_mb") and type(got) in (int, float)
            assert got is None or numbers or isinstance(got, type(right) | tuple)
            assert not isinstance(got, bool)
    assert refused >= 8


def test_what_is_no_attempt_is_passed_over_and_said_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for name in "abcdef":
        ledger.keep(attempt(name))
    a, b, c, d, e, _ = (next(ledger.folder.glob(f"??/{file_name(attempt(n))}")) for n in "abcdef")
    a.write_bytes(a.read_bytes()[:50])
    b.write_text(b.read_text().replace('"format":1', '"format":2'))
    c.write_text(d.read_text())  # under the name of another item
    (d.parent / "Thumbs.db").write_bytes(b"x")
    e.unlink()
    e.mkdir()
    if hasattr(os, "mkfifo"):
        d.unlink()
        os.mkfifo(d)  # would be read for ever
    found = ledger.read()
    assert "f" in found.attempts
    assert set(found.attempts) <= {"d", "f"}
    assert found.passed_over["damaged"] == 2
    assert found.passed_over["of a newer version"] == 1
    assert str(ledger.folder) in found.warning
    assert "1 of a newer version" in found.warning


def test_a_ledger_that_is_not_there_or_is_a_file_has_nothing(tmp_path: Path) -> None:
    assert Ledger(tmp_path).read().attempts == {}
    (tmp_path / "ledger").write_text("mine")
    Ledger(tmp_path).tidy()
    found = Ledger(tmp_path).read()
    assert (found.attempts, dict(found.passed_over)) == ({}, {"cannot be read": 1})


def test_a_killed_writer_leaves_nothing_after_tidying(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.keep(attempt())
    from liverview.files.held import HeldFile

    shard = files_of(ledger)[0].parent
    left = HeldFile(shard, "saving", ".json")
    left.path.write_bytes(b'{"format":1,"it')
    assert len(ledger.read().attempts) == 1
    ledger.tidy()
    assert left.path.exists()  # while its writer lives
    left.let_go()  # as the system does when it is killed
    ledger.tidy()
    assert [path.name for path in shard.iterdir()] == [file_name(attempt())]


def test_the_merged_file_says_what_the_files_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "_MERGE_FROM", 1)
    ledger = Ledger(tmp_path)
    for number in range(30):
        ledger.keep(attempt(f"case {number % 10}", 1 + number // 10))
    ledger.keep(attempt("under way", outcome="begun"))
    plain = ledger.read()
    ledger.tidy()
    (merged,) = ledger.folder.glob("merged*")
    with gzip.open(merged) as file:
        lines = file.read().splitlines()
    assert len(lines) == 30  # what may still change is not in it
    opened: list[Path] = []
    read_bytes = ledger_module.read_bytes
    monkeypatch.setattr(
        ledger_module, "read_bytes", lambda path: opened.append(path) or read_bytes(path)
    )
    assert ledger.read() == plain
    assert len(opened) == 1
    # New ones are read beside it, and what a person removes is gone.
    ledger.keep(attempt("new"))
    removed = attempt("case 3", 1)
    next(ledger.folder.glob(f"??/{file_name(removed)}")).unlink()
    found = ledger.read().attempts
    assert "new" in found
    assert [one.number for one in found["case 3"]] == [2, 3]
    # Where it is damaged, all is in the files.
    data = merged.read_bytes()
    for bad in (data[: len(data) // 2], b"", b"foreign", data[:-6] + b"123456"):
        merged.write_bytes(bad)
        assert ledger.read().attempts == found
        ledger.tidy()
        assert ledger.read().attempts == found


def test_a_full_disk_while_merging_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "_MERGE_FROM", 1)
    ledger = Ledger(tmp_path)
    ledger.keep(attempt())

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gzip, "open", full)
    ledger.tidy()
    assert len(ledger.read().attempts) == 1
    assert list(ledger.folder.glob("*merged*")) == []


def test_states_follow_from_the_attempts() -> None:
    begun = attempt(outcome="begun", figures={})
    failed = attempt(outcome="failed", error="x", error_kind="ValueError")
    again = {"number": 2, "token": "2"}
    assert state_of().state == "new"
    assert state_of(attempt()).state == "done"
    assert state_of(failed).state == "failed"
    assert state_of(failed, replace(attempt(), **again)).state == "done"
    assert state_of(attempt(), replace(failed, **again)).state == "done"
    assert state_of(begun).state == "lost"
    assert state_of(failed).is_to_do() is False
    assert state_of(failed).is_to_do(retry_failed=True)
    twice = state_of(begun, replace(begun, **again))
    assert (twice.state, twice.attempt.error_kind) == ("failed", "lost")
    assert "for the 2nd time" in twice.attempt.error
    other_kind = attempt(kind="measure")
    assert state_of(other_kind).state == "new"


def test_another_input_and_other_weights_are_noticed_and_said() -> None:
    changed = Work(digest="another")
    weights = Work({"version": "1", "fine.safetensors": "other"})
    for made in (attempt(), attempt(outcome="failed")):
        state = state_of(made, work=changed)
        assert (state.state, state.changed) == ("new", ("the scan",))
        state = state_of(made, work=weights)
        assert (state.state, state.changed) == ("new", ("fine.safetensors",))
    said = state_sentences({"a": state, "b": state_of(attempt())})
    assert said == [
        "1 scan is done already.",
        "1 scan is done again, since something has changed: fine.safetensors.",
    ]


def test_going_back_to_the_first_weights_makes_results_anew() -> None:
    """The label map is that of the last run, whatever an older attempt says."""
    other = attempt(number=2, made_with={"version": "2"})
    state = state_of(attempt(), other)
    assert (state.state, state.changed) == ("new", ("fine.safetensors", "version"))


def test_what_another_machine_is_at_is_left_to_it_for_a_while() -> None:
    recent = attempt(outcome="begun", began=(NOW - timedelta(minutes=2)).isoformat())
    assert state_of(recent).state == "under way"
    assert state_of(recent, lost_after_s=0).state == "lost"
    old = replace(recent, began=(NOW - timedelta(seconds=LOST_AFTER_S + 1)).isoformat())
    assert state_of(old).state == "lost"
    ahead = replace(recent, began=(NOW + timedelta(hours=1)).isoformat())  # its clock is fast
    assert state_of(ahead).state == "under way"


def test_a_process_of_this_machine_is_asked_for() -> None:
    here = attempt(outcome="begun", began=NOW.isoformat(), host=socket.gethostname())
    assert state_of(replace(here, process=os.getpid()), lost_after_s=0).state == "under way"
    if hasattr(os, "fork"):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert state_of(replace(here, process=child)).state == "lost"


def test_what_a_person_stops_was_never_begun(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        (*_,) = iter_attempt(Work(error=KeyboardInterrupt()), Item("a"), ledger)  # type: ignore[arg-type]
    assert ledger.read().attempts == {}
    (*_,) = iter_attempt(Work(error=OSError(28, "No space")), Item("a"), ledger)  # type: ignore[arg-type]
    (failed,) = ledger.read().attempts["a"]
    assert (failed.outcome, failed.error) == ("failed", "No space")


def test_the_standing_attempt_is_the_result_or_the_newest() -> None:
    failed = attempt(number=2, outcome="failed", error="x")
    begun = attempt(number=3, outcome="begun")
    other = attempt(number=4, outcome="failed", input_sha256="another")
    content = ledger_module.LedgerContent(
        {
            "done": (attempt("done"), replace(failed, item="done"), replace(begun, item="done")),
            "changed": (attempt("changed"), replace(other, item="changed")),
            "lost": (replace(begun, item="lost"),),
        }
    )
    found = {one.item: one for one in standing_attempts(content, now=NOW)}
    assert (found["done"].outcome, found["done"].number) == ("done", 3)
    assert (found["changed"].outcome, found["changed"].number) == ("failed", 2)
    assert (found["lost"].outcome, found["lost"].error_kind) == ("failed", "lost")
