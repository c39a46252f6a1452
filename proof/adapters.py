"""The tools, each with the flags of a careful user; the same for everybody where the same can be said."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from proof.tools import Command, Job, Kind

_SCRIPTS = Path(__file__).with_name("scripts")
_QUESTION_S = 30.0
_URL_KINDS = frozenset({Kind.FILE, Kind.LINK})
_HUB_KINDS = frozenset({Kind.FILE, Kind.SNAPSHOT, Kind.CACHE})


@dataclass(frozen=True, slots=True)
class Weighbridge:
    """Our command, with its defaults.

    Attributes:
        argv: What starts it.
    """

    argv: tuple[str, ...]
    name: str = "weighbridge"
    internal_codes: frozenset[int] = frozenset({1})

    def version(self) -> str:
        """Return what it says of itself."""
        return _first_line(*self.argv, "--version").removeprefix("weighbridge ")

    def command(self, job: Job) -> Command:
        """Return the command line; the token is in the environment, where ``ps`` of others does not show it."""
        files = () if job.path is None else (job.path,)
        into = ("--local-dir", str(job.target)) if job.into_target else ()
        revision = () if job.revision == "main" else ("--revision", job.revision)
        return Command((*self.argv, "download", job.repo, *files, *revision, *into), _hub_environment(job))

    def where(self, job: Job) -> Path:
        """Return the place in the snapshot that the ref means, or in the target."""
        return _hub_place(job)

    def can(self, kind: Kind) -> bool:
        """Say whether it can do such a thing."""
        return kind in _HUB_KINDS


@dataclass(frozen=True, slots=True)
class HuggingfaceHub:
    """``hf_hub_download`` and ``snapshot_download`` with their defaults, and without Xet, which is another protocol.

    Attributes:
        python: Interpreter of an environment that has it.
    """

    python: Path
    name: str = "huggingface_hub"
    internal_codes: frozenset[int] = frozenset({70})  # as its script has it

    def version(self) -> str:
        """Return the release."""
        return _first_line(str(self.python), "-c", "import huggingface_hub; print(huggingface_hub.__version__)")

    def command(self, job: Job) -> Command:
        """Return the call of its function, in a script of a few lines."""
        into = (str(job.target),) if job.into_target else ()
        script = str(_SCRIPTS / "hub_download.py")
        argv = (str(self.python), "-I", script, job.repo, job.path or "", job.revision, *into)
        quiet = {
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        }
        return Command(argv, {**_hub_environment(job), "HF_HUB_DISABLE_XET": "1", **quiet})

    def where(self, job: Job) -> Path:
        """Return the place in the snapshot that the ref means, or in the target."""
        return _hub_place(job)

    def can(self, kind: Kind) -> bool:
        """Say whether it can do such a thing."""
        return kind in _HUB_KINDS


@dataclass(frozen=True, slots=True)
class PlainRequests:
    """The downloader that everybody writes with ``requests``, with a timeout.

    Attributes:
        python: Interpreter of an environment that has it.
    """

    python: Path
    name: str = "requests"
    internal_codes: frozenset[int] = frozenset({70})  # as its script has it

    def version(self) -> str:
        """Return the releases of it and of what it builds on."""
        asked = "import requests, urllib3; print(requests.__version__, 'on urllib3', urllib3.__version__)"
        return _first_line(str(self.python), "-c", asked)

    def command(self, job: Job) -> Command:
        """Return the script with its address and place; the token is in the environment."""
        argv = (str(self.python), "-I", str(_SCRIPTS / "plain_requests.py"), job.url, str(self.where(job)))
        return Command(argv, {} if job.token is None else {"TOKEN": job.token})

    def where(self, job: Job) -> Path:
        """Return the place in the target."""
        return job.target / (job.path or "")

    def can(self, kind: Kind) -> bool:
        """Say whether it can do such a thing."""
        return kind in _URL_KINDS


@dataclass(frozen=True, slots=True)
class Aria2:
    """``aria2c`` with eight connections, resuming, impatient, and told the digest where the Hub's listing has one.

    A token comes with the address on standard input, where ``ps`` does not show it.

    Attributes:
        program: Its absolute path.
    """

    program: str
    name: str = "aria2c"
    internal_codes: frozenset[int] = frozenset()

    def version(self) -> str:
        """Return the release."""
        return _first_line(self.program, "--version").removeprefix("aria2 version ")

    def command(self, job: Job) -> Command:
        """Return the command line."""
        fixed = (
            "--no-conf",
            "-c",
            "-x8",
            "-s8",
            "-k1M",
            "--check-integrity=true",
            "--allow-overwrite=true",
            "--auto-save-interval=1",
        )
        quiet = ("--show-console-readout=false", "--summary-interval=0", "--download-result=hide")
        digest = () if job.digest is None else (f"--checksum=sha-256={job.digest}",)
        impatient = ("--retry-wait=1", "--timeout=20", "--connect-timeout=20", "--lowest-speed-limit=1K")
        argv = (self.program, *fixed, *impatient, *quiet, f"--dir={job.target}")
        place = (f"--out={job.path}", *digest)
        if job.token is None:
            return Command((*argv, *place, job.url))
        its = (*place, f"--header={_authorization(job.token)}")
        return Command((*argv, "-i", "-"), stdin="".join([job.url, *(f"\n {each[2:]}" for each in its), "\n"]))

    def where(self, job: Job) -> Path:
        """Return the place in the target."""
        return job.target / (job.path or "")

    def can(self, kind: Kind) -> bool:
        """Say whether it can do such a thing."""
        return kind in _URL_KINDS


@dataclass(frozen=True, slots=True)
class Curl:
    """``curl`` that follows redirects, fails on errors, tries again, resumes and gives up on what is too slow.

    A token is a header on standard input, where ``ps`` does not show it.

    Attributes:
        program: Its absolute path.
    """

    program: str
    name: str = "curl"
    internal_codes: frozenset[int] = frozenset()

    def version(self) -> str:
        """Return the release."""
        return _first_line(self.program, "--version").removeprefix("curl ").partition(" ")[0]

    def command(self, job: Job) -> Command:
        """Return the command line."""
        fixed = ("-q", "-fL", "-sS", "--retry", "5", "-C", "-", "--create-dirs")
        impatient = ("--connect-timeout", "20", "--speed-limit", "1024", "--speed-time", "20")
        argv = (self.program, *fixed, *impatient, "-o", str(self.where(job)))
        if job.token is None:
            return Command((*argv, job.url))
        return Command((*argv, "-H", "@-", job.url), stdin=f"{_authorization(job.token)}\n")

    def where(self, job: Job) -> Path:
        """Return the place in the target."""
        return job.target / (job.path or "")

    def can(self, kind: Kind) -> bool:
        """Say whether it can do such a thing."""
        return kind in _URL_KINDS


def _authorization(token: str) -> str:
    return f"Authorization: Bearer {token}"


def _hub_environment(job: Job) -> dict[str, str]:
    token = {} if job.token is None else {"HF_TOKEN": job.token}
    return {"HF_ENDPOINT": job.endpoint, "HF_HOME": str(job.home), **token}


def _hub_place(job: Job) -> Path:
    """Return where a cache has a file, or all files, of a revision: below the commit that its ref names.

    Without a ref it is any snapshot that has the file, since whoever opens one by its commit would take it.
    """
    if job.into_target:
        return job.target / (job.path or "")
    folder = job.cache / f"models--{job.repo.replace('/', '--')}"
    ref = folder / "refs" / job.revision
    commit = ref.read_text() if ref.is_file() else job.revision
    place = folder / "snapshots" / commit / (job.path or "")
    if not place.exists():
        place = next(iter(sorted(folder.glob(f"snapshots/*/{job.path or ''}"))), place)
    return place


def _first_line(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=_QUESTION_S)
    return done.stdout.strip().splitlines()[0]
