"""An origin with one file, a directory to have it in, and clients in this process and in others."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.fault_server import FaultServer, SparseFile
from tests.support.fetching import build_options, read_requests
from tests.support.processes import ClientProcess, File, Task, wait_until
from weighbridge.client import Client
from weighbridge.core.artifacts import FileResult
from weighbridge.store.journal import JournalState, replay

KIB = 1 << 10
MIB = 1 << 20

PIECE = 64 * KIB
CONNECTIONS = 2

_QUICK: Mapping[str, Mapping[str, Any]] = {
    "transfer": {
        "connections": 2 * CONNECTIONS,
        "connections_per_file": CONNECTIONS,
        "first_piece": PIECE,
        "piece_min": PIECE,
        "piece_max": PIECE,
        "split_min": PIECE // 2,
        "hash_lag": 8 * PIECE,
        "read_size": 16 * KIB,
        "flush_interval_s": 0.05,
        "straggler_s": 30.0,
        "stall_window_s": 30.0,
    },
    "retry": {"attempts": 4, "wait_initial_s": 0.02, "wait_max_s": 0.1},
    "http": {"connect_timeout_s": 10.0, "read_timeout_s": 30.0},
    "store": {"claim_ttl_s": 1.0, "wait_timeout_s": 15.0},
}

Groups = Mapping[str, Mapping[str, Any]]


def quick_options(root: Path, changes: Groups | None = None) -> dict[str, dict[str, Any]]:
    """Return options with small pieces and short waits, receipts below ``root``, and ``changes`` on top."""
    options = {group: dict(fields) for group, fields in _QUICK.items()}
    options["store"]["receipts"] = str(root / "receipts")
    for group, fields in (changes or {}).items():
        options[group].update(fields)
    return options


@dataclass(slots=True, eq=False)
class Scene:
    """One file at an origin, and who asks for it; closed by the fixture that made it.

    Attributes:
        server: The origin.
        root: Scratch directory of the test.
        content: Of the file.
        directory: Where it is to be.
    """

    server: FaultServer
    root: Path
    content: SparseFile
    directory: Path
    _stack: ExitStack = field(default_factory=ExitStack)
    _serial: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def path(self) -> Path:
        """Where the file is to be."""
        return self.directory / "model.bin"

    @property
    def file(self) -> File:
        """The file, with its SHA-256."""
        return File(name="model.bin", url=self.server.url("/model.bin"), digest=f"sha256:{self.content.digest()}")

    @property
    def is_right(self) -> bool:
        """Whether the file is there, byte by byte."""
        return self.path.read_bytes() == self.content.read()

    def listing(self) -> list[str]:
        """Return the names of all that is in the directory, at any depth."""
        return sorted(str(each.relative_to(self.directory)) for each in self.directory.rglob("*"))

    def partials(self) -> list[Path]:
        """Return the directories of all unfinished files."""
        return sorted(self.directory.glob(".*.wb-partial"))

    def journals(self) -> list[JournalState]:
        """Return what the journals of all unfinished files say, as far as they can be read."""
        states = [replay((each / "journal").read_bytes()) for each in self.partials() if (each / "journal").exists()]
        return [each for each in states if each is not None]

    def wait_recorded(self, amount: int) -> None:
        """Wait until the journals hold that many bytes as written."""
        self._wait(lambda: sum(each.written.total for each in self.journals()) >= amount)

    def wait_durable(self, amount: int) -> None:
        """Wait until the journals hold that many bytes as safe from a power loss."""
        self._wait(lambda: sum(each.durable.total for each in self.journals()) >= amount)

    def wait_checkpoints(self, count: int) -> None:
        """Wait until the journals hold so many digests of prefixes."""
        self._wait(lambda: sum(len(each.prefixes) for each in self.journals()) >= count)

    def put(self, size: int, seed: int = 1) -> SparseFile:
        """Serve another file in place of the one there is."""
        self.content = SparseFile(size, seed)
        self.server.put("/model.bin", self.content)
        return self.content

    def task(self, options: Groups | None = None, **changes: Any) -> Task:
        """Return what a client is to do: have the file, quickly, with changes on top."""
        task = Task(files=(self.file,), directory=str(self.directory), options=quick_options(self.root, options))
        return replace(task, **changes)

    def start(
        self,
        task: Task | None = None,
        environment: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> ClientProcess:
        """Start a client in a process of its own."""
        log = self.root / f"client-{next(self._serial)}.jsonl"
        return self._stack.enter_context(ClientProcess(task or self.task(), log, environment, prefix))

    def fetch(self, task: Task | None = None, **arguments: Any) -> list[FileResult]:
        """Make the call in this process."""
        wanted = task or self.task()
        with Client(build_options(wanted.options)) as client:
            requests = read_requests([_as_dict(each) for each in wanted.files])
            results = client.fetch(requests, wanted.directory, allow_unverified=wanted.allow_unverified, **arguments)
        return list(results)

    def _wait(self, is_so: Callable[[], bool]) -> None:
        try:
            wait_until(is_so)
        except TimeoutError as error:
            said = {each.name: each.read_text(encoding="utf-8") for each in sorted(self.root.glob("client-*"))}
            raise TimeoutError(f"{error}; the journals say {self.journals()}, the clients {said}") from None

    def close(self) -> None:
        """End all clients."""
        self._stack.close()


def _as_dict(file: File) -> dict[str, Any]:
    return {"name": file.name, "url": file.url, "digest": file.digest, "mirrors": file.mirrors, "size": file.size}
