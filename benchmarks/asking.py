"""Runs calls of one client in a process of its own: how long they took, and what they asked the Hub for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.corpus import is_same
from benchmarks.hub_rows import hub_environment
from benchmarks.processes import Step

if TYPE_CHECKING:
    from benchmarks.origin import Origin
    from benchmarks.processes import Bench
    from benchmarks.repositories import Repository
    from benchmarks.tools import Tools

WEIGHBRIDGE, CLIENT, HUGGINGFACE_HUB = "weighbridge", "weighbridge.Client", "huggingface_hub"
_SCRIPT = str(Path(__file__).with_name("hub_calls.py"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Whom to ask, and who is there to ask.

    Attributes:
        origin: The nginx that is the Hub.
        url: Its address.
        root: The folder of the files that it serves.
        caches: A folder in which each client may have its own.
        bench: Runs the processes.
        tools: The interpreters.
    """

    origin: Origin
    url: str
    root: Path
    caches: Path
    bench: Bench
    tools: Tools

    @property
    def has_theirs(self) -> bool:
        """Tell whether huggingface_hub is there."""
        return not self.tools.absent((HUGGINGFACE_HUB,))

    def cache(self, name: str) -> Path:
        """Return the cache that is called ``name``."""
        return self.caches / name


@dataclass(frozen=True, slots=True)
class Question:
    """What is called.

    Attributes:
        repository: Of which files are wanted.
        branch: Where they are as they are wanted.
        file: The one that is wanted, or empty for all.
        by_commit: The call names the commit, not the branch.
    """

    repository: Repository
    branch: str
    file: str = ""
    by_commit: bool = False

    @property
    def revision(self) -> str:
        """Return what the call names."""
        return self.repository.commit(self.branch) if self.by_commit else self.branch


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of it.

    Attributes:
        import_s: Seconds until there was a function to call.
        call_s: Seconds of each call, one after the other.
        requests: What nginx logged of all of them.
        heads: Those of them that asked for no body.
        body_bytes: Bytes of bodies that nginx wrote.
        problem: Empty when the files were right, else why the other figures must not be used.
    """

    import_s: float
    call_s: tuple[float, ...]
    requests: int
    heads: int
    body_bytes: int
    problem: str


def ask(hub: Hub, library: str, question: Question, cache: Path, calls: int = 1) -> Asked:
    """Make ``calls`` calls in a new process, and compare what is in the cache then."""
    python = HUGGINGFACE_HUB if library == HUGGINGFACE_HUB else "python"
    what = (library, question.repository.name, question.file, question.revision, str(calls))
    hub.origin.mark()
    usage = hub.bench.run(Step(hub.tools.argv(python, _SCRIPT, *what), hub_environment(hub.url, cache)))
    served = hub.origin.served()
    told: dict[str, Any] = json.loads(usage.output) if not usage.problem else {"import_s": 0.0, "call_s": []}
    return Asked(
        import_s=told["import_s"],
        call_s=tuple(told["call_s"]),
        requests=served.requests,
        heads=served.heads,
        body_bytes=served.body_bytes,
        problem=usage.problem or _find_wrong(hub, question, cache),
    )


def _find_wrong(hub: Hub, question: Question, cache: Path) -> str:
    repository = question.repository
    folder = cache / f"models--{repository.name.replace('/', '--')}" / "snapshots" / repository.commit(question.branch)
    files = repository.branches[question.branch]
    wanted = (question.file,) if question.file else files
    wrong = next((path for path in wanted if not is_same(folder / path, hub.root / files[path].name)), None)
    return f"WRONG: {wrong}" if wrong else ""
