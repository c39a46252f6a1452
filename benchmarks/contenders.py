"""Who is measured: each contender turns a job into the commands that do it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.processes import Step
from benchmarks.repositories import MAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.corpus import DataFile
    from benchmarks.tools import Tools

_ARIA2_DIGESTS = {"md5": "md5", "sha256": "sha-256"}
_PLAIN_REQUESTS = str(Path(__file__).with_name("plain_requests.py"))
_SMALL = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The files of one row, where they are, and where they are to go.

    Attributes:
        files: What to fetch, at least one, in the order asked for.
        whole: As many bytes in one file, where a row compares the two; else empty.
        algorithm: ``md5`` or ``sha256``, the digest that is promised.
        url: Scheme, host and port of the origin or of the relay before it.
        repository: The one that the files are in, where the origin is a Hub; else empty.
        root: The origin's own folder, which holds the same files.
        folder: A folder that is empty when a run begins.
        authority: The certificate to trust, for TLS.
        tools: The commands at hand.
        cores: How many digests ``openssl`` may compute at a time.
    """

    files: tuple[DataFile, ...]
    whole: tuple[DataFile, ...]
    algorithm: str
    url: str
    repository: str
    root: Path
    folder: Path
    authority: Path | None
    tools: Tools
    cores: int

    @property
    def out(self) -> Path:
        """Return the folder where the files are to appear."""
        return self.folder / "out"

    @property
    def size(self) -> int:
        """Return the bytes of all files together."""
        return sum(file.size for file in self.files)

    def address(self, file: DataFile) -> str:
        """Return the URL of ``file``."""
        folder = f"{self.repository}/resolve/{MAIN}/" if self.repository else ""
        return f"{self.url}/{folder}{file.name}"

    def note(self, name: str, text: str) -> str:
        """Write ``text`` into the run's folder and return the path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)


class Leaves(Enum):
    """What a contender leaves behind to be compared with the origin's files."""

    NOTHING = "nothing"
    FILES = "the files"
    PARTS = "the one file in numbered parts"
    SNAPSHOT = "a cache with one snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One line of a row.

    Attributes:
        name: As printed.
        needs: Names of tools without which it is absent.
        steps: Gives the commands, run one after the other; the seconds of all count.
        flushed: Whether the bytes are on the disk, not in the page cache, when it ends.
        leaves: What is compared afterwards.
        digests: Whether its last command prints the digests, which are compared too.
        of_whole: Whether it is given ``Job.whole`` instead of ``Job.files``.
    """

    name: str
    needs: tuple[str, ...]
    steps: Callable[[Job], list[Step]]
    flushed: bool = False
    leaves: Leaves = Leaves.FILES
    digests: bool = False
    of_whole: bool = False


def weighbridge(name: str, *options: str) -> Contender:
    """Return the weighbridge command with ``options`` added, flushed unless one of them says otherwise."""

    def steps(job: Job) -> list[Step]:
        if len(job.files) == 1:
            (file,) = job.files
            what = [job.address(file), "--digest", f"{job.algorithm}:{file.digest(job.algorithm)}"]
        else:
            what = ["--manifest", job.note("manifest", _input_file(job))]
        argv = job.tools.argv("weighbridge", "get", *what, "-o", str(job.out), "--quiet", *options)
        return [Step(argv, trust(job, "SSL_CERT_FILE"))]

    return Contender(name=name, needs=("weighbridge",), steps=steps, flushed="--no-durable" not in options)


def aria2c(name: str, *options: str) -> Contender:
    """Return aria2c with eight connections a file and ``options`` added."""

    def steps(job: Job) -> list[Step]:
        fixed = ("--no-conf", "--quiet", "--allow-overwrite=true", "--file-allocation=none", "-x8", "-s8", "-k1M")
        trust = (f"--ca-certificate={job.authority}",) if job.authority else ()
        what = (f"--input-file={job.note('manifest', _input_file(job))}", f"--dir={job.out}")
        return [Step(job.tools.argv("aria2c", *fixed, *trust, *options, *what))]

    return Contender(name=name, needs=("aria2c",), steps=steps)


def plain_requests(name: str, threads: int) -> Contender:
    """Return the small ``requests`` script of this package."""

    def steps(job: Job) -> list[Step]:
        entries = [[job.address(file), file.name, file.digest(job.algorithm)] for file in job.files]
        arguments = (job.note("wanted.json", json.dumps(entries)), str(job.out), str(threads), job.algorithm)
        return [Step(job.tools.argv("requests", _PLAIN_REQUESTS, *arguments), trust(job, "REQUESTS_CA_BUNDLE"))]

    return Contender(name=name, needs=("requests",), steps=steps)


def _curl(job: Job) -> Step:
    trust = ("--cacert", str(job.authority)) if job.authority else ()
    fixed = ("-q", "--silent", "--show-error", "--fail", *trust)
    if len(job.files) == 1:
        (file,) = job.files
        return Step(job.tools.argv("curl", *fixed, "--output", str(job.out / file.name), job.address(file)))
    lines = [f'url = "{job.address(file)}"\noutput = "{job.out / file.name}"\n' for file in job.files]
    return Step(job.tools.argv("curl", *fixed, "--parallel", "--config", job.note("curl", "".join(lines))))


def _curl_discard(job: Job) -> list[Step]:
    (file,) = job.files
    return [Step(job.tools.argv("curl", "-q", "--silent", "--fail", "--output", "/dev/null", job.address(file)))]


def _curl_ranges(count: int, job: Job) -> list[Step]:
    (file,) = job.files
    bounds = [file.size * number // count for number in range(count + 1)]
    lines = [
        f'fail\nurl = "{job.address(file)}"\nrange = {start}-{stop - 1}\noutput = "{job.out / file.name}.{number}"\n'
        for number, (start, stop) in enumerate(pairwise(bounds))
    ]
    config = job.note("curl", "next\n".join(lines))
    # Without --parallel-immediate curl waits to share a connection, and some ranges queue behind others.
    fixed = ("-q", "--silent", "--show-error", "--parallel", "--parallel-immediate")
    return [Step(job.tools.argv("curl", *fixed, "--config", config))]


def _sync(job: Job) -> Step:
    return Step(job.tools.argv("sync", *(str(job.out / file.name) for file in job.files)))


def _openssl(job: Job, folder: Path) -> Step:
    """Digest the files in ``folder``; large ones a process each, as many at a time as there are cores."""
    paths = [str(folder / file.name) for file in job.files]
    argv = job.tools.argv("openssl", "dgst", f"-{job.algorithm}")
    if len(paths) > 1 and job.files[0].size > _SMALL:
        listed = job.note("digested", "\n".join(paths))
        argv = job.tools.argv("xargs", f"--arg-file={listed}", f"--max-procs={job.cores}", "--max-args=1", *argv)
    else:
        argv = (*argv, *paths)
    return Step(argv)


def _input_file(job: Job) -> str:
    """Return the list of files as aria2c and ``weighbridge --manifest`` read it."""
    kind = _ARIA2_DIGESTS[job.algorithm]
    return "".join(
        f"{job.address(file)}\n  out={file.name}\n  checksum={kind}={file.digest(job.algorithm)}\n"
        for file in job.files
    )


def trust(job: Job, variable: str) -> dict[str, str]:
    """Return the setting that makes a client trust the origin, where that speaks TLS."""
    return {variable: str(job.authority)} if job.authority else {}


CURL_DISCARD = Contender(name="curl to /dev/null", needs=("curl",), steps=_curl_discard, leaves=Leaves.NOTHING)
CURL = Contender(name="curl to disk", needs=("curl",), steps=lambda job: [_curl(job)])
CURL_SYNC = Contender(
    name="curl to disk, sync", needs=("curl", "sync"), steps=lambda job: [_curl(job), _sync(job)], flushed=True
)
CURL_OPENSSL = Contender(
    name="curl to disk, openssl dgst",
    needs=("curl", "openssl", "xargs"),
    steps=lambda job: [_curl(job), _openssl(job, job.out)],
    digests=True,
)
OPENSSL = Contender(
    name="openssl dgst alone",
    needs=("openssl", "xargs"),
    steps=lambda job: [_openssl(job, job.root)],
    leaves=Leaves.NOTHING,
    digests=True,
)
CURL_8_RANGES = Contender(
    name="curl, 8 ranges at once", needs=("curl",), steps=partial(_curl_ranges, 8), leaves=Leaves.PARTS
)
