"""The state of a case as JSON: everything comes back, and what cannot be is refused."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverview.files.case_state import (
    VERSION,
    Arrangement,
    CaseState,
    CaseStateError,
    EditingState,
    LabelsState,
    ScanState,
    StyleState,
    ViewState,
    read_case_state,
)

NAMES = st.text(st.characters(), max_size=40)
# Names of files are bytes: those that are no text are lone surrogates.
PATHS = st.text(st.characters(codec=None), max_size=60)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=1e-300, allow_infinity=False)
SIDES = st.integers(1, 1 << 16)
FLAGS = st.booleans()
AFFINE = (
    (0.7, 0.0, 0.0, -180.5),
    (0.0, 0.7, 0.0, 12.25),
    (0.0, 0.1, 2.5, 1e-3),
    (0.0, 0.0, 0.0, 1.0),
)
JSON_OBJECTS = st.dictionaries(NAMES, st.one_of(st.none(), FLAGS, st.integers(), NUMBERS, NAMES))

scans = st.builds(
    ScanState,
    path=st.none() | PATHS,
    name=PATHS,
    shape=st.tuples(SIDES, SIDES, SIDES),
    affine=st.just(AFFINE),
    volume_index=st.integers(0, 100),
    sha256=st.sampled_from(["", "ab" * 32]),
    relative=st.none() | PATHS,
)
labels = st.builds(
    LabelsState,
    device=st.none() | NAMES,
    file=st.none() | PATHS,
    partial=FLAGS,
    made_by=NAMES,
    defined=st.none() | st.lists(NAMES, max_size=4).map(tuple),
    ignored=FLAGS,
    marks=st.lists(JSON_OBJECTS, max_size=3).map(tuple),
)
views = st.builds(
    ViewState,
    crosshair=st.tuples(SIDES, SIDES, SIDES),
    level=NUMBERS,
    width=st.floats(min_value=0, allow_infinity=False),
    convention=NAMES,
    projection=NAMES,
    slab_mm=st.floats(0, 1000),
    show_crosshair=FLAGS,
    show_text=FLAGS,
    interpolated=FLAGS,
    show_markups=FLAGS,
    show_marks=FLAGS,
)
arrangements = st.builds(
    Arrangement,
    layout=NAMES,
    alone=st.none() | NAMES,
    linked=FLAGS,
    rects=st.dictionaries(NAMES, st.tuples(NUMBERS, NUMBERS, POSITIVE, POSITIVE), max_size=3),
)
colors = st.tuples(*[st.integers(0, 255)] * 3)
styles = st.builds(
    StyleState, visible=FLAGS, opacity=st.floats(0, 1), color=colors, draw_style=NAMES
)
editing = st.builds(
    EditingState,
    label=NAMES,
    scope=NAMES,
    one=NAMES,
    locked=st.lists(NAMES, max_size=4).map(tuple),
    hu=st.none() | st.tuples(NUMBERS, NUMBERS),
)
states = st.builds(
    CaseState,
    scan=scans,
    labels=st.none() | labels,
    view=views,
    arrangement=arrangements,
    styles=st.dictionaries(NAMES, styles, max_size=4),
    editing=editing,
    remembered=st.lists(JSON_OBJECTS, max_size=3).map(tuple),
    markups=st.lists(JSON_OBJECTS, max_size=3).map(tuple),
    reference=st.none() | PATHS,
)


def plain_state() -> CaseState:
    return CaseState(
        scan=ScanState("/data/ct.nii.gz", "ct", (64, 64, 20), AFFINE, sha256="ab" * 32),
        labels=LabelsState(),
        view=ViewState((1, 2, 3), 40.0, 400.0, "RADIOLOGICAL", "MAXIMUM"),
        arrangement=Arrangement("ROW", None, True, {"axial": (0.0, 0.0, 100.0, 80.0)}),
        styles={"tumor": StyleState(True, 0.5, (255, 0, 0), "BOTH")},
        editing=EditingState("tumor", "ALL", "liver", ("vessel",), (-100.0, 200.0)),
    )


def changed(path: str, value: object) -> str:
    """The JSON of a plain state with another value at ``a.b``."""
    content = plain_state().to_dict()
    inner = content
    *above, last = path.split(".")
    for key in above:
        inner = inner[key]
    inner[last] = value
    return json.dumps(content)


@given(states)
def test_every_state_comes_back_as_it_was(state: CaseState) -> None:
    text = state.to_json()
    assert text.isascii()
    assert read_case_state(text) == state
    assert read_case_state(text.encode()) == state


def test_the_state_has_a_field_for_each_entry_that_is_written() -> None:
    content = plain_state().to_dict()
    assert set(content) == {f.name for f in dataclasses.fields(CaseState)} | {
        "format",
        "version",
        "written_by",
    }
    assert content["scan"]["affine"][2] == [0.0, 0.1, 2.5, 1e-3]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("view.crosshair", [1, 2], "view.crosshair must be a list of 3 numbers, got [1, 2]"),
        ("view.crosshair", [1, 2, -1], "view.crosshair must be a whole number from 0"),
        ("view.crosshair", [1, 2, True], "view.crosshair must be a whole number"),
        ("view.level", math.nan, "view.level must be a number"),
        ("view.level", 10**400, "view.level must be a number"),
        ("view.width", -1, "view.width must be a number from 0"),
        ("view.show_text", 1, "view.show_text must be true or false, got 1"),
        ("view", [], "view must be an object, got []"),
        ("scan.shape", [0, 4, 4], "scan.shape must be a whole number from 1"),
        ("scan.affine", [[0, 0, 0, 0]] * 4, "the affine must be (4, 4), finite and not singular"),
        ("scan.affine", [[1, 0, 0, 0]] * 3, "scan.affine must be a list of 4 rows"),
        ("scan.affine", [[1, 0, 0]] * 4, "scan.affine.0 must be a list of 4 numbers"),
        ("scan.path", 5, "scan.path must be a text"),
        ("scan.path", "x" * 5000, "scan.path must be a text of up to 4096 characters"),
        ("styles.tumor.opacity", 1.5, "styles.tumor.opacity must be a number from 0 to 1, got 1.5"),
        ("styles.tumor.color", [0, 0, 256], "styles.tumor.color must be a whole number from 0 to"),
        ("styles", {str(n): {} for n in range(300)}, "styles must be an object of up to 255"),
        ("arrangement.rects", {"axial": {"corner_mm": [0, 0], "size_mm": [0, 1]}}, "size_mm"),
        ("editing.hu", [1], "editing.hu must be a list of 2 numbers"),
        ("editing.locked", "vessel", "editing.locked must be a list of up to 255 texts"),
        ("markups", [1], "markups must be a list of up to"),
        ("labels.defined", [1], "labels.defined must be a list of up to"),
        ("format", "other", "its state is a other, no liverview-case"),
        ("version", "1", "version must be a whole number from 1"),
    ],
)
def test_an_entry_that_cannot_be_is_named(path: str, value: object, said: str) -> None:
    with pytest.raises(CaseStateError) as refused:
        read_case_state(changed(path, value))
    assert said in str(refused.value)


@pytest.mark.parametrize("path", ["scan", "scan.sha256", "labels.partial", "view.width", "version"])
def test_an_entry_that_is_missing_is_named(path: str) -> None:
    content = plain_state().to_dict()
    inner = content
    *above, last = path.split(".")
    for key in above:
        inner = inner[key]
    del inner[last]
    with pytest.raises(CaseStateError, match=f"^{path} is missing$"):
        read_case_state(json.dumps(content))


def test_a_newer_version_is_refused_with_the_way_out() -> None:
    with pytest.raises(CaseStateError) as refused:
        read_case_state(changed("version", VERSION + 1))
    assert str(refused.value) == (
        "it is of version 2, by liverview 0.1.0; this liverview reads up to version 1: update it"
    )


def test_entries_of_later_make_are_passed_over() -> None:
    assert read_case_state(changed("view.later", {"any": 1})) == plain_state()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "null", "[" * 100_000, b"\xff\xfe", '{"format": 1}']
)
def test_what_is_no_state_is_refused(text: str | bytes) -> None:
    with pytest.raises(CaseStateError):
        read_case_state(text)
