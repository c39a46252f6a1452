"""Listings: the true ones are read, all others are refused whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.errors import BadAnswerError
from weighbridge.core.repos import RepoFile
from weighbridge.hub.listings import build_tree, next_page, parse_commit, parse_tree_page

COMMIT, BLOB, SHA256 = "c" * 40, "b" * 40, "5" * 64
PLAIN = {"type": "file", "oid": BLOB, "size": 23, "path": "config.json"}
LARGE = {
    "type": "file",
    "oid": BLOB,
    "size": 3000000,
    "path": "onnx/model.onnx",
    "lfs": {"oid": SHA256, "size": 3000000, "pointerSize": 132},
    "xetHash": "7" * 64,
}
FOLDER = {"type": "directory", "oid": BLOB, "size": 0, "path": "onnx"}
URL = "https://hub.example/api/models/a/b/tree/main?recursive=true"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def file(path: str, blob_id: str = BLOB) -> RepoFile:
    return RepoFile(path=path, size=1, blob_id=blob_id)


def test_commit_is_read() -> None:
    """The one field that matters of an answer about a revision."""
    assert parse_commit({"id": "a/b", "sha": COMMIT, "siblings": []}) == COMMIT


@pytest.mark.parametrize(
    "value",
    [None, [], {}, {"sha": None}, {"sha": "main"}, {"sha": "C" * 40}, {"sha": "../" + "c" * 37}, {"sha": 7}, COMMIT],
)
def test_what_names_no_commit_is_refused(value: object) -> None:
    """A commit becomes the name of a folder."""
    with pytest.raises(BadAnswerError, match="names no commit"):
        parse_commit(value)


def test_files_are_read_and_folders_left_out() -> None:
    """Size, digest and everything that other clients keep of a file."""
    files = parse_tree_page([FOLDER, PLAIN, LARGE])

    assert files == [
        RepoFile(path="config.json", size=23, blob_id=BLOB),
        RepoFile(
            path="onnx/model.onnx", size=3000000, blob_id=BLOB, sha256=SHA256, pointer_size=132, xet_hash="7" * 64
        ),
    ]


@pytest.mark.parametrize("change", [{"lfs": None}, {"xetHash": None}, {"xetHash": "../x"}, {"lastCommit": {"id": "x"}}])
def test_what_is_not_needed_may_be_anything(change: dict[str, Any]) -> None:
    """New fields of the Hub, and odd values of those that nobody uses, don't break a download."""
    assert parse_tree_page([PLAIN | change]) == [RepoFile(path="config.json", size=23, blob_id=BLOB)]


def test_file_without_a_blob_id_has_none() -> None:
    """A server that keeps no git blobs can list its files."""
    listed = {"type": "file", "size": 1, "path": "a"}

    assert parse_tree_page([listed]) == [RepoFile(path="a", size=1, blob_id="")]


@pytest.mark.parametrize(
    "change",
    [
        {"path": "../x"},
        {"path": "a/../../x"},
        {"path": "/etc/passwd"},
        {"path": "..\\x"},
        {"path": "C:/x"},
        {"path": ""},
        {"path": None},
        {"path": 7},
        {"path": "a\0b"},
        {"path": "a\ud800"},
        {"path": "a.wb-partial"},
        {"size": -1},
        {"size": True},
        {"size": 1.5},
        {"size": "1"},
        {"size": None},
        {"size": 2**63},
        {"oid": "../../x"},
        {"oid": "B" * 40},
        {"oid": 7},
        {"lfs": []},
        {"lfs": {}},
        {"lfs": {"oid": "../x", "size": 23, "pointerSize": 132}},
        {"lfs": {"oid": BLOB, "size": 23, "pointerSize": 132}},
        {"lfs": {"oid": SHA256, "size": 24, "pointerSize": 132}},
        {"lfs": {"oid": SHA256, "size": 23, "pointerSize": -1}},
        {"type": None},
        {"type": 1},
    ],
    ids=repr,
)
def test_listing_with_one_wrong_entry_is_refused(change: dict[str, Any]) -> None:
    """Half a listing would be taken for a whole snapshot, and a wrong path would be written to."""
    with pytest.raises(BadAnswerError):
        parse_tree_page([LARGE, PLAIN | change])


@pytest.mark.parametrize("value", [None, {}, {"error": "no"}, "[]", 7, [None], ["config.json"], [[]]])
def test_what_is_no_listing_is_refused(value: object) -> None:
    """An error in JSON with status 200 is no empty repository."""
    with pytest.raises(BadAnswerError):
        parse_tree_page(value)


ENTRY = st.fixed_dictionaries({name: st.just(value) | JSON for name, value in (PLAIN | LARGE).items()})


@given(JSON | st.lists(ENTRY))
def test_no_json_breaks_the_reader(value: object) -> None:
    """Whatever a server sends is files with sound names, or one typed error."""
    try:
        files = parse_tree_page(value)
    except BadAnswerError:
        return

    assert all(each.path and each.size is not None and each.size >= 0 for each in files)


def test_error_repeats_nothing_long_or_invisible() -> None:
    """A listing can't write to the terminal of whoever reads the error."""
    with pytest.raises(BadAnswerError) as caught:
        parse_tree_page([PLAIN | {"path": "/\x1b[2J" + "x" * 100_000}])

    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_tree_is_sorted_and_names_each_path_once() -> None:
    """Pages may overlap when files are added between them."""
    tree = build_tree(COMMIT, [file("b"), file("a/c"), file("b")])

    assert tree.commit == COMMIT
    assert tree.files == (file("a/c"), file("b"))


def test_path_with_two_contents_is_refused() -> None:
    """Which of them is right nobody can tell."""
    with pytest.raises(BadAnswerError, match="two different files"):
        build_tree(COMMIT, [file("a"), file("a", "d" * 40)])


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b/c/d", "a/b"), ("a/b", "a/b/c", "a/b/d")])
def test_file_that_is_also_a_folder_is_refused(paths: tuple[str, ...]) -> None:
    """It can't be laid out on any disk."""
    with pytest.raises(BadAnswerError, match="both as a file and as a folder"):
        build_tree(COMMIT, [file(path) for path in paths])


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (f'<{URL}&cursor=3>; rel="next"', f"{URL}&cursor=3"),
        ("</api/x?cursor=3>; rel=next", "https://hub.example/api/x?cursor=3"),
        ('<?cursor=3>; rel="next"', "https://hub.example/api/models/a/b/tree/main?cursor=3"),
        ('<https://a.example/1>; rel="last", </2>; rel="next"', "https://hub.example/2"),
        ('</1>; title="a, <b>; rel=next"; rel="prev", </2>; REL="prev NEXT"', "https://hub.example/2"),
        ('<https://elsewhere.example/2>; rel="next"', "https://elsewhere.example/2"),
        ('</a,b;c>; rel="next"', "https://hub.example/a,b;c"),
        ('</1>; rel="next"; anchor="#other"', None),
        ('</1>; rel="prev"; rel="next"', None),
        ('</1>; rel="nextish"', None),
        ("", None),
        ("next", None),
        ("<<<>>>;;;", None),
    ],
)
def test_next_page_is_found(link: str, expected: str | None) -> None:
    """In every form that a Link header may have."""
    assert next_page({"Link": link}, URL) == expected


def test_listing_without_a_link_ends() -> None:
    """Most have one page."""
    assert next_page({}, URL) is None


@pytest.mark.parametrize(
    "link", ['<ftp://a/b>; rel="next"', '<http://[bad>; rel="next"', "<" + "a" * 20_000 + ">; rel=next"]
)
def test_listing_that_goes_on_nowhere_is_refused(link: str) -> None:
    """A listing that was cut is no whole one."""
    with pytest.raises(BadAnswerError):
        next_page({"Link": link}, URL)


@given(st.text(st.sampled_from('<>;,"\\= \trelnxt/a'), max_size=60) | st.text())
def test_no_link_breaks_the_reader(link: str) -> None:
    """Whatever a server sends is an address, none, or one typed error."""
    try:
        url = next_page({"Link": link}, URL)
    except BadAnswerError:
        return

    assert url is None or url.startswith("http")


def test_deep_json_is_what_it_is() -> None:
    """What Python's reader accepts does not overflow ours."""
    value = json.loads("[" * 500 + "]" * 500)

    with pytest.raises(BadAnswerError):
        parse_tree_page(value)
