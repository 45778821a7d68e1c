"""Names and values as text: visible, reversible, never endless."""

from __future__ import annotations

import codecs
import os
import re

import hypothesis
import hypothesis.strategies as st
import pytest

from liverview.core.errors import LiverviewError
from liverview.core.text import (
    ESCAPING,
    KEEPING_BYTES,
    printable,
    printable_values,
    quoted,
    shortened,
    shown,
)

names = st.binary(min_size=1, max_size=12) | st.text(
    st.sampled_from("\\xfcud8e90a\n\x1b\udcfc\udc80ü日"), max_size=12
).map(lambda text: text.encode("utf-8", "surrogateescape"))


def decode(name: str) -> bytes:
    """The bytes that a printable name is for, as the documentation says it."""
    if not re.search(r"\\(x[0-9a-f]{2}|u00[0-9a-f]{2}|ud[89a-f][0-9a-f]{2})", name):
        return name.encode("utf-8")

    def original(found: re.Match[str]) -> str:
        if found[0] == "\\\\":
            return "\\"
        number = int(found[0][2:], 16)
        is_byte = found[0][1] == "x" and number >= 0x80
        return chr(0xDC00 + number) if is_byte else chr(number)

    text = re.sub(r"\\\\|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}", original, name)
    return text.encode("utf-8", "surrogateescape")


@hypothesis.given(names)
def test_a_printable_name_is_a_line_of_utf8_and_can_be_read_back(name: bytes) -> None:
    text = printable(name.decode("utf-8", "surrogateescape"))
    text.encode("utf-8")
    assert not re.search("[\x00-\x1f\x7f-\x9f]", text)
    assert decode(text) == name


@hypothesis.given(names)
def test_a_locale_that_takes_names_apart_makes_no_difference(name: bytes) -> None:
    apart = name.decode("ascii", "surrogateescape")
    whole = name.decode("utf-8", "surrogateescape")
    assert printable(apart) == printable(whole)
    assert shown(apart) == shown(whole)
    assert shown(shown(whole)) == shown(whole)


def test_values_keep_lines_and_everything_that_is_no_text() -> None:
    content = {os.fsdecode(b"M\xfc"): [1.5, None, True, ("a\nb", os.fsdecode(b"\xff"))], 3: {}}
    assert printable_values(content) == {"M\\xfc": [1.5, None, True, ["a\nb", "\\xff"]], 3: {}}


def test_what_an_encoding_lacks_is_escaped() -> None:
    name = "Größe \udcfc 日"
    assert name.encode("ascii", ESCAPING) == b"Gr\\u00f6\\u00dfe \\xfc \\u65e5"
    assert name.encode("cp1252", ESCAPING) == "Größe \\xfc \\u65e5".encode("cp1252")
    assert name.encode("ascii", KEEPING_BYTES) == b"Gr\\u00f6\\u00dfe \xfc \\u65e5"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", ESCAPING)
    assert codecs.lookup_error(ESCAPING)


def test_messages_never_quote_what_is_endless() -> None:
    assert shortened("short") == "short"
    long = shortened("a" * 5000 + "z", 100)
    assert len(long) == 100
    assert long.startswith("aaa")
    assert long.endswith("az")
    assert len(quoted("x" * 200_000)) == 80
    assert quoted("a\n\tb") == "'a\\n\\tb'"
    assert quoted(10**10_000) == "a int"
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(quoted(deep)) <= 80
    assert len(str(LiverviewError("y" * 200_000))) <= 1000
