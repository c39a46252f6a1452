"""How findings and deeds are told, and what the command ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weighbridge.cli.cache.findings import (
    describe,
    finding_as_json,
    raise_for,
    summarize_repair,
    summarize_verification,
)
from weighbridge.core.artifacts import FileResult
from weighbridge.core.errors import ConnectError, DamagedCacheError, OfflineModeIsEnabled, StoreError
from weighbridge.core.findings import Finding, Left, Mended, Repair, Thing, Trouble, Verification
from weighbridge.core.ranges import ByteRange
from weighbridge.core.repos import RepoId

BLOB = Finding(
    trouble=Trouble.DAMAGED,
    thing=Thing.BLOB,
    path=Path("/cache/models--org--name/blobs/abc"),
    detail="not what its name says",
    repo=RepoId.parse("org/name"),
    files=("a\x1b[31m.bin",),
    size=9_437_184,
    piece=ByteRange(0, 4_194_304),
)
NOTE = Finding(trouble=Trouble.MISSING, thing=Thing.TAG, path=Path("/cache/TAG"), detail="none", is_fault=False)


def test_finding_is_one_line_that_steers_no_terminal() -> None:
    """Paths are other people's."""
    assert describe(BLOB) == "damaged blob blobs/abc (a\ufffd[31m.bin), 9.44 MB: not what its name says"
    assert describe(NOTE) == "note: missing tag TAG: none"


def test_finding_is_told_to_programs_with_all_that_is_known() -> None:
    """They ask for pieces, and for the file."""
    found = json.loads(json.dumps(finding_as_json(BLOB)))

    assert found["piece"] == [0, 4_194_304]
    assert (found["repo_id"], found["repo_type"], found["is_fault"]) == ("org/name", "model", True)


def test_verification_is_summed_up_in_one_line() -> None:
    """What was read, what was known, how fast."""
    found = Verification(
        findings=(BLOB, NOTE), repos=1, contents=2, size=20_000_000, bytes_read=10_000_000, seconds=0.5
    )

    assert summarize_verification(found) == (
        "2 contents, 20 MB, 10 MB read in 0.5 s, 20 MB/s, 10 MB known to be right, 1 fault, 1 note"
    )


def test_verification_that_had_nothing_to_read_says_so() -> None:
    """A second run is over at once, and nobody should wonder whether it did anything."""
    assert summarize_verification(Verification(repos=1, contents=2, size=20_000_000)) == (
        "2 contents, 20 MB, known to be right without reading (--full reads all), all is right"
    )
    assert summarize_verification(Verification()) == "0 contents, 0 B, all is right"


def test_repair_counts_a_content_once() -> None:
    """One that many files have is fetched once."""
    result = FileResult(
        name="a", path=Path("a"), size=9_000_000, digest=None, outcome="fetched", bytes_fetched=4_000_000
    )
    mended = tuple(Mended(finding=BLOB, how="fetched", result=result) for _ in range(2))

    told = summarize_repair(Repair(verification=Verification(), mended=mended))

    assert told == "2 mended, 4 MB fetched, all is right"


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ([OfflineModeIsEnabled("x"), OfflineModeIsEnabled("y")], OfflineModeIsEnabled),
        ([ConnectError("x")], ConnectError),
        ([OfflineModeIsEnabled("x"), StoreError("y")], DamagedCacheError),
        ([OfflineModeIsEnabled("x"), None], DamagedCacheError),
        ([None], DamagedCacheError),
    ],
)
def test_one_thing_in_the_way_of_all_is_what_the_command_ends_with(
    errors: list[Exception | None], kind: type[Exception]
) -> None:
    """A script that is told of the network tries again; one that is told of damage calls somebody."""
    left = [Left(finding=BLOB, why="x", error=each) for each in errors]

    with pytest.raises(kind):
        raise_for(left)


def test_notes_that_are_left_are_no_failure() -> None:
    """They are left on purpose."""
    raise_for([Left(finding=NOTE, why="it harms nobody")])
