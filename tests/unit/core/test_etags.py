"""ETags as the names of blobs: what other clients would call them, and nothing that leads elsewhere."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weighbridge.core.etags import blob_name, is_blob_name, is_digest_name

SHA1 = "83f344fd6cc46a5044a6c8a862232eeb7a6eaaa9"
KEPT = (".lock", ".incomplete", ".wb-partial", ".wb-claim")

hostile = st.one_of(
    st.text(max_size=12),
    st.lists(st.sampled_from(["..", "/", "\\", "W/", '"', ".", "a", "\0", "\n", ":", ".lock", ".wb-claim"])).map(
        "".join
    ),
)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (f'"{SHA1}"', SHA1),
        (f'W/"{SHA1}"', SHA1),
        (SHA1, SHA1),
        (f"W{SHA1}", SHA1),
        (f' "{SHA1}" ', SHA1),
        ('"5f3a-61c0"', "5f3a-61c0"),
        ('"Zm9v=="', "Zm9v=="),
        ('"W1"', "W1"),
    ],
)
def test_blob_is_called_what_newer_clients_call_it(header: str, name: str) -> None:
    """A blob that two clients call differently is fetched twice."""
    assert blob_name(header) == name


@pytest.mark.parametrize("header", [None, "", '""', 'W/""', '"a b"', '"é"', f'"{"a" * 129}"', '".hidden"'])
def test_what_can_be_no_name_is_none(header: str | None) -> None:
    """A server that sends nothing usable is dealt with by the caller, not by the file system."""
    assert blob_name(header) is None


@pytest.mark.parametrize("ending", [*KEPT, ".LOCK", ".Incomplete"])
def test_names_of_locks_and_unfinished_files_are_none(ending: str) -> None:
    """A blob with such a name would be resumed, or pruned, by another client."""
    assert blob_name(f'"{SHA1}{ending}"') is None


@given(header=hostile)
@example(header='"../../../escaped"')
@example(header='"..\\..\\escaped"')
@example(header=".lock")
def test_whatever_a_server_sends_is_one_plain_component(header: str) -> None:
    """Both old and new clients write outside of the cache for an ETag with dots and slashes."""
    name = blob_name(header)

    assert name is None or (PurePosixPath("blobs", name).parent.name == "blobs" and is_blob_name(name))
    assert name is None or not (set(name) & set('/\\:\0\n" ') or name.startswith(".") or name.endswith(KEPT))


@pytest.mark.parametrize("etag", [SHA1, "a" * 64])
def test_digest_is_told_from_other_names(etag: str) -> None:
    """Only of a digest's name can it be told what is in the file."""
    others = [etag[1:], etag.upper().replace("0", "A"), f"{etag}\n", "g" * len(etag), ""]

    assert is_digest_name(etag)
    assert not any(map(is_digest_name, others))
