"""Where everything lies in the cache, and that no name leads anywhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weighbridge.core.errors import InvalidParameterError, UnsafePathError
from weighbridge.core.repos import Kind, RepoId
from weighbridge.store.cache.layout import CacheFolder

COMMIT = "e4398398" + "0" * 32
ETAG = "83f344fd6cc46a5044a6c8a862232eeb7a6eaaa9"
FOLDER = CacheFolder(Path("/cache"), RepoId(Kind.MODEL, "acme/plain"))

NAMED: dict[str, Callable[[str], Path]] = {
    "blob": FOLDER.blob,
    "lock": FOLDER.lock,
    "snapshot": FOLDER.snapshot,
    "tree": FOLDER.tree,
    "ref": FOLDER.ref,
    "path of a file": lambda text: FOLDER.pointer(COMMIT, text),
    "path of an absence": lambda text: FOLDER.absence(COMMIT, text),
    "commit of a file": lambda text: FOLDER.pointer(text, "a"),
    "commit of an absence": lambda text: FOLDER.absence(text, "a"),
}
pieces = st.sampled_from(["..", ".", "", "a", "/", "\\", "C:", "\0", COMMIT, ETAG, ".wb-claim", "refs", "~"])
hostile = st.one_of(st.text(max_size=8), st.lists(pieces, max_size=6).map("/".join), st.lists(pieces).map("".join))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (FOLDER.blob(ETAG), f"models--acme--plain/blobs/{ETAG}"),
        (FOLDER.lock(ETAG), f".locks/models--acme--plain/{ETAG}.lock"),
        (FOLDER.ref("main"), "models--acme--plain/refs/main"),
        (FOLDER.ref("refs/pr/1"), "models--acme--plain/refs/refs/pr/1"),
        (FOLDER.pointer(COMMIT, "onnx/model.onnx"), f"models--acme--plain/snapshots/{COMMIT}/onnx/model.onnx"),
        (FOLDER.absence(COMMIT, "nope/x.json"), f"models--acme--plain/.no_exist/{COMMIT}/nope/x.json"),
        (FOLDER.tree(COMMIT), f"models--acme--plain/trees/{COMMIT}.json"),
        (FOLDER.own, "models--acme--plain/.weighbridge"),
        (CacheFolder(Path("/cache"), RepoId(Kind.DATASET, "glue")).path, "datasets--glue"),
    ],
)
def test_everything_lies_where_other_clients_look(found: Path, expected: str) -> None:
    """One directory off, and a cache that is shared holds everything twice."""
    assert found == Path("/cache", expected)


@pytest.mark.parametrize("named", NAMED.values(), ids=NAMED)
@given(text=hostile)
@example(text="../../../escaped")
@example(text="/etc/passwd")
@example(text="a/../../b")
@example(text="..\\..\\b")
def test_no_name_leads_out_of_the_cache(named: Callable[[str], Path], text: str) -> None:
    """Names come from servers and listings, and what they lead to is written to."""
    try:
        found = named(text)
    except InvalidParameterError:
        return

    assert os.path.normpath(found) == str(found)
    assert str(found).startswith(("/cache/models--acme--plain/", "/cache/.locks/models--acme--plain/"))


@pytest.mark.parametrize("named", [FOLDER.snapshot, FOLDER.tree, NAMED["commit of a file"]])
@pytest.mark.parametrize(
    "commit", ["main", "..", "", COMMIT[:8], COMMIT.upper().replace("0", "A"), f"{COMMIT}\n", None]
)
def test_only_a_whole_commit_names_a_snapshot(named: Callable[[str | None], Path], commit: str | None) -> None:
    """Another client reads any other directory there as a damaged repository."""
    with pytest.raises(UnsafePathError, match="not a commit"):
        named(commit)


@pytest.mark.parametrize("etag", ["../x", f"{ETAG}.incomplete", "", None])
def test_only_what_may_be_a_file_names_a_blob(etag: str) -> None:
    """The words say that it is the server's doing."""
    with pytest.raises(UnsafePathError, match="the server is no Hub"):
        FOLDER.blob(etag)
