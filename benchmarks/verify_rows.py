"""A cache that is read from end to end, beside the tool that does nothing but digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import contenders as who
from benchmarks.contenders import Contender, Leaves
from benchmarks.processes import Step
from benchmarks.rows import FileSet, Row, size_text

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.contenders import Job
    from benchmarks.settings import Sizes

NAME = "verify"
VERIFY = "weighbridge cache verify --full"
AGAIN = "weighbridge cache verify --full, then without"

_FILES = 8
_COMMIT = "5eed" * 10


def verify_rows(sizes: Sizes) -> tuple[Row, ...]:
    """Return the row of a cache of eight large files."""
    full = Contender(
        name=VERIFY, needs=("weighbridge",), steps=lambda job: [_verify(job, "--full")], leaves=Leaves.NOTHING
    )
    again = Contender(
        name=AGAIN,
        needs=("weighbridge",),
        steps=lambda job: [_verify(job, "--full"), _verify(job)],
        leaves=Leaves.NOTHING,
    )
    row = Row(
        name=NAME,
        title=f"{size_text(_FILES * sizes.verified)} in {_FILES} files of a cache, SHA-256, read from the page cache",
        files=FileSet("verified", _FILES, sizes.verified),
        contenders=(full, again, who.OPENSSL),
        limits=(who.OPENSSL.name,),
        flushed_limits=(),
    )
    return (row,)


def _verify(job: Job, *options: str) -> Step:
    """Verify a cache in which the job's files are the blobs of one snapshot: the very files, with a second name.

    It lies beside them, since what lies in the scratch folder is emptied after each run.
    """
    cache = job.root.parent / "verified"
    if not cache.exists():
        _lay_out(job, cache)
    return Step(job.tools.argv("weighbridge", "cache", "verify", *options, "--cache-dir", str(cache), "--quiet"))


def _lay_out(job: Job, cache: Path) -> None:
    folder = cache / "models--bench--verified"
    snapshot = folder / "snapshots" / _COMMIT
    for each in (folder / "blobs", folder / "refs", snapshot):
        each.mkdir(parents=True)
    (folder / "refs" / "main").write_text(_COMMIT)
    for file in job.files:
        (folder / "blobs" / file.sha256).hardlink_to(job.root / file.name)
        (snapshot / file.name).symlink_to(f"../../blobs/{file.sha256}")
