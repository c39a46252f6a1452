"""Input that is nearly right: a document that is, with some of its values, lines or bytes changed."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

ODD_TEXTS = (
    *("", " ", "\0", ".", "..", "../../x", "/etc/passwd", "a/../b", "a//b", "..\\x", "C:\\x", "CON", "nul.txt", "x."),
    *("\ud800", "\u202etxt", "\u0085", "\x1b[31m", "é", "e\u0301", "\u212a", "\uff0e\uff0e", "%2e%2e%2f", "\r\nX: y"),
    *("main", "refs/pr/1", "0" * 40, "F" * 40, "0" * 64, "g" * 40, "x" * 300, "x" * 5000, ".wb-partial", "a.lock"),
    *("NaN", "1e999", "-1", "0x10", "1_000", "\u0661", "9" * 25, "sha256:" + "0" * 64, "md5:x", "http://[", "//h/x"),
)
ODD_NUMBERS = (-1, 0, 1, 7, 2**31, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64, 10**30, 10**400, -(10**400))
ODD_FLOATS = (0.5, -0.0, 1e308, float("inf"), float("-inf"), float("nan"))
ODD_VALUES: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"": None}, *ODD_NUMBERS, *ODD_FLOATS, *ODD_TEXTS)

PIECES = (
    *(b"\0", b"\n", b"\r\n", b"\r", b" ", b"\t", b'"', b"\\", b"/", b"..", b":", b";", b",", b"=", b"-", b"*", b"#"),
    *(b"[" * 3000, b'{"a":' * 3000, b"9" * 20, b"9" * 5000, b"-1", b"NaN", b"1e999", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"\xed\xa0\x80", b"\xc0\xaf", b"\\ud800", b"\\u0000", b"null", b"true", b"{}", b"[]", b"x" * 9000),
)
_LONGEST_CUT = 24  # bytes
_KEY = re.compile(rb'"[^"\\]{1,40}":')

values = st.sampled_from(ODD_VALUES).map(copy.deepcopy) | st.integers() | st.floats() | st.text(max_size=8)


@st.composite
def edited(draw: DrawFn, content: bytes) -> bytes:
    """Return ``content`` with up to four of its places changed: cut, cut off, repeated, or something put there."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        stop = draw(st.integers(start, min(len(content), start + _LONGEST_CUT)))
        ways = st.sampled_from(PIECES) | st.binary(max_size=6) | st.just(content[start:stop] * 2) | st.just(b"")
        end = b"" if draw(st.integers(0, 9)) == 0 else content[stop:]
        content = content[:start] + draw(ways) + end
    return content


def bytes_like(*seeds: bytes) -> SearchStrategy[bytes]:
    """Return input that differs from one of ``seeds`` by some bytes."""
    return st.sampled_from(seeds).flatmap(edited) | st.sampled_from(seeds) | st.binary(max_size=60)


@st.composite
def changed(draw: DrawFn, documents: Sequence[Any]) -> Any:
    """Return one of some documents with up to three of its values changed, removed, or buried in lists."""
    box = [copy.deepcopy(draw(st.sampled_from(documents)))]
    for _ in range(draw(st.integers(1, 3))):
        _change(draw, box)
    return box[0] if box else None


def _change(draw: DrawFn, box: list[Any]) -> None:
    """Change something in ``box``, at any depth."""
    place: Any = box
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    match draw(st.integers(0, 5)):
        case 0:
            del place[key]
        case 1 if isinstance(place, dict):
            place[draw(st.sampled_from(ODD_TEXTS))] = place[key]
        case 1 | 2 if isinstance(place, list):
            place.append(copy.deepcopy(place[key]))
        case 3:
            place[key] = [place[key]]
        case _:
            place[key] = draw(values)


@st.composite
def json_of(draw: DrawFn, value: Any) -> bytes:
    """Return a document as JSON, of which some is wrong in a way that values alone can't be."""
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    content = text.encode("utf-8", "surrogatepass")
    match draw(st.integers(0, 7)):
        case 0:
            return draw(edited(content))
        case 1:  # one name twice
            keys = _KEY.findall(content) or [b'"":']
            odd = json.dumps(draw(values)).encode("ascii")
            return content.replace(b"{", b"{" + draw(st.sampled_from(keys)) + odd + b",", 1)
    return content


def json_like(*documents: Any) -> SearchStrategy[bytes]:
    """Return JSON that is nearly one of some documents."""
    return changed(documents).flatmap(json_of)


def lines_like(seeds: Sequence[bytes], words: Sequence[bytes], end: bytes = b"\n") -> SearchStrategy[bytes]:
    """Return lines of which some come twice, not at all, in another order, or with other words in them.

    Args:
        seeds: Documents of lines.
        words: What a line may say behind its first ``:`` or ``=`` instead.
        end: Of each line.
    """
    return st.builds(_rewrite, st.sampled_from(seeds), st.lists(_edits(words), min_size=1, max_size=4), st.just(end))


_Edit = tuple[int, Callable[[bytes], list[bytes]]]


def _edits(words: Sequence[bytes]) -> SearchStrategy[_Edit]:
    said = st.sampled_from(words) | st.sampled_from(PIECES) | st.binary(max_size=10)
    ways = st.one_of(
        st.just(lambda _: []),
        st.just(lambda line: [line, line]),
        said.map(lambda word: lambda line: [_said(line, word)]),
        said.map(lambda word: lambda line: [_said(line, word)]),
        said.map(lambda word: lambda line: [line, _said(line, word)]),
    )
    return st.tuples(st.integers(0, 30), ways)


def _said(line: bytes, word: bytes) -> bytes:
    match = re.match(rb"[^:=]{1,60}[:=] ?", line)
    return word if match is None else match[0] + word


def _rewrite(content: bytes, edits: Sequence[_Edit], end: bytes) -> bytes:
    lines = content.split(end)
    for number, change in edits:
        at = number % max(1, len(lines))
        lines[at : at + 1] = change(lines[at]) if lines else []
    return end.join(lines)
