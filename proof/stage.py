"""What a scenario works with: a Hub, a tool, fresh directories, and a judge who looks at what lies on the disk."""

from __future__ import annotations

import functools
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from proof.lies import Watched
from proof.outcomes import Finding, Outcome
from proof.processes import Crew, Run, Running
from proof.tools import Job, Tool
from tests.support.fault_hub import FaultHub
from tests.support.fault_server import FaultServer, Gate
from tests.support.faults import Fault
from tests.support.hub.addresses import file_path
from tests.support.hub_repos import Repo, blob_name

MIB = 1 << 20
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
COMMIT = "c0ffee00" * 5
TOKEN = "hf_" + "Proof" * 6
_NOTE = 160
_SHA256_DIGITS = 64
_POLL_S = 0.01
_NEVER_ASKED = "makes no request to which this lie is an answer"
_SECRET = re.compile(r"(?i)(signature|token|sig|expires)=[^\s&\"']+")


@functools.cache
def model(size: int = 12 * MIB, seed: int = 7, commit: str = COMMIT) -> Repo:
    """Return a model with a large file, which the CDN sends, and small ones."""
    files = {
        CONFIG: b'{"model_type": "demo"}\n',
        "vocab.txt": Random(6).randbytes(3000),
        WEIGHTS: Random(seed).randbytes(size),
    }
    return Repo(kind="model", name="acme/model", commits={commit: files}, refs={"main": commit})


class Stage:
    """One tool in one scenario; everything is ended when the block is.

    Attributes:
        tool: Who is looked at.
        root: Scratch directory of this run, with all below it.
        home: For all that the tool keeps, ``HOME`` included.
        target: Directory for tools that are told where; in it nothing but their files belongs.
        aside: Directory for what a scenario itself needs.
        repo: What the Hub has.
        hub: Honest until told otherwise; ``hub.cdn`` sends the large files.
    """

    def __init__(self, tool: Tool, root: Path, deadline_s: float, crew: Crew | None = None) -> None:
        self.tool = tool
        self.root = root
        self.home = root / "home"
        self.target = root / "target"
        self.aside = root / "aside"
        self.repo = model()
        self.hub = FaultHub(self.repo)
        self._deadline_s = time.monotonic() + deadline_s
        self._crew = crew or Crew()
        self._stack = ExitStack()
        self._others: list[FaultServer] = []
        self._lies: list[Watched] = []
        self._missed: list[str] = []
        self._runs = 0
        self._snapshot_size = 0  # bytes of what the last job wanted, if that was all files
        self._seconds = 0.0
        for each in (self.home, self.target, *self._ours()):
            each.mkdir(parents=True)

    def __enter__(self) -> Self:
        self._stack.enter_context(self.hub)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(TimeoutError):  # a thread of a server that is slow to end changes nothing in what was seen
            self._stack.close()

    # What is there

    @property
    def left_s(self) -> float:
        """Seconds until the deadline."""
        return self._deadline_s - time.monotonic()

    @property
    def content(self) -> bytes:
        """What the large file holds at the main branch."""
        return self.repo.main[WEIGHTS]

    @property
    def data_path(self) -> str:
        """Where the CDN has the large file: rules and gates for its bytes go by this path, on ``hub.cdn``."""
        return self.hub.cdn_path(self.repo, WEIGHTS)

    def serve(self, repo: Repo) -> None:
        """Have another repository, in place of the one of its name."""
        self.repo = repo
        self.hub.serve(repo)

    def other_server(self) -> FaultServer:
        """Start a server that is neither the Hub nor its CDN; what it sends is counted as well."""
        server = self._stack.enter_context(FaultServer())
        self._others.append(server)
        return server

    # What goes wrong

    def lie(self, server: FaultServer, fault: Fault, **which: Any) -> None:
        """Have a server tell the lie that this is about; a tool that never meets it keeps no promise by that.

        Args:
            server: Who lies.
            fault: What is wrong.
            which: Conditions of :meth:`FaultServer.on`.
        """
        watched = Watched(fault)
        self._lies.append(watched)
        server.on(fault=watched, **which)

    @property
    def missed(self) -> str:
        """What should have happened to the tool and did not; empty if all of it did."""
        untold = [_NEVER_ASKED for each in self._lies if not each.is_told]
        return "; ".join([*untold, *self._missed])

    # What is done

    def job(self, **changes: Any) -> Job:
        """Return the job of having the large file, with changes on top."""
        usual = Job(endpoint=self.hub.origin, repo=self.repo.name, path=WEIGHTS, home=self.home, target=self.target)
        job = replace(usual, **changes)
        return job if "digest" in changes else replace(job, digest=self._promised(job))

    def fetch(self, job: Job | None = None, *, prefix: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Run:
        """Have the tool do a job, by default the usual one, to its end or to the deadline.

        Args:
            job: What it is to do.
            prefix: Command that runs it.
            env: Added to its environment.
        """
        with self.start(job, prefix=prefix, env=env) as running:
            return self.wait(running)

    def snapshot(self, **changes: Any) -> Run:
        """Have the tool fetch all files."""
        return self.fetch(self.job(path=None, **changes))

    def start(
        self, job: Job | None = None, *, prefix: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Running:
        """Start the tool on a job; :meth:`wait` takes what it leaves."""
        job = job or self.job()
        self._snapshot_size = sum(map(len, self.repo.main.values())) if job.path is None else 0
        command = self.tool.command(job)
        self._runs += 1
        everything = {**self.environment(), **command.env, **(env or {})}
        argv = (*prefix, *command.argv)
        log = self.root / "log" / str(self._runs)
        return self._stack.enter_context(self._crew.start(argv, everything, log, command.stdin))

    def wait(self, running: Running) -> Run:
        """Wait for the end of what was started, or for the deadline."""
        run = running.wait(self.left_s)
        self._seconds += run.seconds
        return run

    def kill(self, running: Running) -> Run:
        """End what was started as ``kill -9`` does."""
        run = running.kill()
        self._seconds += run.seconds
        return run

    def killed_after(self, amount: int, job: Job | None = None) -> Run:
        """Start the tool, and kill it once ``amount`` more bytes of the large file were sent, which are all it gets."""
        with self.hub.cdn.gate(self.data_path, after=amount) as gate, self.start(job) as running:
            self.reach(gate, running)
            return self.kill(running)

    def reach(self, gate: Gate, running: Running) -> bool:
        """Wait until a gate is reached, the tool has ended or the time is over; say whether the gate was reached."""
        while not gate.is_reached and not running.is_over and self.left_s > 0:
            with suppress(TimeoutError):
                gate.wait_reached(_POLL_S)
        return gate.is_reached

    def must_reach(self, gate: Gate, running: Running) -> bool:
        """Do as :meth:`reach`; a tool that was over before can't have been hit there."""
        is_reached = self.reach(gate, running)
        if not is_reached:
            self._missed.append(f"it was over before {gate.after:,} bytes were sent")
        return is_reached

    def environment(self) -> dict[str, str]:
        """Return a bare environment: no proxies, no tokens, no settings, an empty home."""
        path = os.environ.get("PATH", os.defpath)
        return {"PATH": path, "HOME": str(self.home), "TMPDIR": str(self.root / "tmp"), "LC_ALL": "C.UTF-8"}

    # What came of it

    def strays(self) -> list[str]:
        """Return the names of all that lies neither in the tool's home nor in its target."""
        known = {self.home, self.target, *self._ours()}
        return sorted(each.name for each in self.root.iterdir() if each not in known)

    def judge(self, run: Run, path: Path | None = None, content: bytes | None = None) -> Finding:
        """Say how a run ended, from what it told and what lies at the final path.

        Args:
            run: The last one.
            path: Where the file would be; by default that of the usual job.
            content: What it should hold; by default the large file's.
        """
        path = path or self.tool.where(self.job())
        wanted = self.content if content is None else content
        size = self._snapshot_size or len(wanted)
        if strays := self.strays():
            return self.finding(Outcome.OUTSIDE, f"written outside: {', '.join(strays)}", size)
        held = path.read_bytes() if path.is_file() else None
        outcome = Outcome.CRASH if self._is_crash(run) else _outcome(run, held, wanted)
        return self.finding(outcome, _note(run, held, wanted), size)

    def finding(self, outcome: Outcome, note: str = "", size: int = 0) -> Finding:
        """Return a finding with what was counted so far."""
        servers = (self.hub, self.hub.cdn, *self._others)
        return Finding(
            outcome=outcome,
            seconds=round(self._seconds, 2),
            bytes_fetched=self.hub.file_bytes + sum(each.bytes_sent() for each in self._others),
            requests=sum(len(each.requests) for each in servers),
            size=size or len(self.content),
            note=self._without_secrets(note),
        )

    def _is_crash(self, run: Run) -> bool:
        return not run.hung and (run.code is None or run.code < 0 or run.code in self.tool.internal_codes)

    def _without_secrets(self, note: str) -> str:
        note = note.replace(TOKEN, "TOKEN").replace(str(self.root), "")
        return _SECRET.sub(r"\1=…", " ".join(note.split()))[:_NOTE]

    def _promised(self, job: Job) -> str | None:
        """Return the SHA-256 that the listing tells of a file, if it does."""
        commit = self.repo.refs.get(job.revision, job.revision)
        held = self.repo.commits.get(commit, {}).get(job.path or "")
        if held is None or job.path is None:
            return None
        name = blob_name(job.path, held)
        return name if len(name) == _SHA256_DIGITS else None

    def _ours(self) -> tuple[Path, ...]:
        """Return the directories that are no tool's: what they say, what they may forget, what a scenario needs."""
        return self.root / "log", self.root / "tmp", self.aside


def resolve_path(repo: Repo, path: str = WEIGHTS, revision: str = "main") -> str:
    """Return where the Hub is asked for a file by the name of a branch."""
    return file_path(repo, path, revision)


def _outcome(run: Run, held: bytes | None, wanted: bytes) -> Outcome:
    if run.hung:
        return Outcome.HANG
    if run.is_success:
        return Outcome.RIGHT if held == wanted else Outcome.WRONG
    return Outcome.HALF if held is not None and held != wanted else Outcome.ERROR


def _note(run: Run, held: bytes | None, wanted: bytes) -> str:
    if run.is_success and held is None:
        return "success was told, and there is no file"
    if run.is_success and held is not None and held != wanted:
        return f"success was told, and {_difference(held, wanted)}"
    if held is not None and held != wanted:
        return f"{_difference(held, wanted)}; {run.last_words}"
    return "" if run.is_success else run.last_words


def _difference(held: bytes, wanted: bytes) -> str:
    if len(held) != len(wanted):
        return f"the file has {len(held):,} bytes instead of {len(wanted):,}"
    at = next(index for index, (left, right) in enumerate(zip(held, wanted, strict=True)) if left != right)
    return f"the file differs from byte {at:,} on"
