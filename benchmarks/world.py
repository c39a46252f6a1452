"""The files, the origin and the ways to it, made as far as rows need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import rows
from benchmarks.certificates import make_certificates
from benchmarks.contenders import Job
from benchmarks.corpus import Corpus
from benchmarks.origin import serve
from benchmarks.repositories import repository_name, repository_of
from benchmarks.roundtrip import measure, relayed
from benchmarks.rows import Way
from benchmarks.settings import KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from benchmarks.certificates import Certificates
    from benchmarks.corpus import DataFile
    from benchmarks.origin import Origin
    from benchmarks.processes import Bench
    from benchmarks.repositories import Repository
    from benchmarks.roundtrip import Measured
    from benchmarks.rows import FileSet, Row
    from benchmarks.settings import Settings
    from benchmarks.tools import Tools

_CHECK_BYTES = {Way.PLAIN: 64 * MIB, Way.FAR: 64 * MIB, Way.HUB_FAR: 64 * MIB, Way.CAPPED: 16 * MIB}

_SECRET = frozenset({Way.TLS, Way.HUB_TLS})

HUBS = frozenset({Way.HUB, Way.HUB_TLS, Way.HUB_FAR})
"""The ways that speak the Hub's protocol."""


class World:
    """The files, the origin and the ways to it, for as long as the stack is open.

    Args:
        settings: Where and how much.
        bench: Whose scratch folder the jobs use.
        tools: The commands at hand.
        held: The sets of files that are to be repositories of the Hub, too.
        stack: Closes all of it.
    """

    def __init__(
        self, settings: Settings, bench: Bench, tools: Tools, held: Iterable[FileSet], stack: ExitStack
    ) -> None:
        (openssl,), (nginx,) = tools.commands["openssl"], tools.commands["nginx"]
        self.tools = tools
        self._stack = stack
        self._scratch = bench.scratch
        self._corpus = Corpus(settings.workdir / "files" / "root", openssl)
        prefix = settings.workdir / "origin"
        self._certificates: Certificates = make_certificates(prefix / "certificates", openssl)
        self.repositories = {files.label: self._repository(files) for files in held}
        repositories = tuple(self.repositories.values())
        serving = serve(nginx, prefix, self._corpus.root, self._certificates, repositories)
        self.origin: Origin = stack.enter_context(serving)
        self._ports = {
            Way.PLAIN: self.origin.ports.plain,
            Way.TLS: self.origin.ports.tls,
            Way.CAPPED_NGINX: self.origin.ports.capped,
            Way.HUB: self.origin.ports.hub,
            Way.HUB_TLS: self.origin.ports.hub_tls,
        }
        self._checks: dict[Way, Measured] = {}

    @property
    def root(self) -> Path:
        """Return the origin's own folder."""
        return self._corpus.root

    @property
    def checks(self) -> Mapping[Way, Measured]:
        """Return what the ways used so far were measured to be."""
        return self._checks

    def job(self, row: Row, cores: int) -> Job:
        """Return the work of ``row``, after making its files and opening and checking its way."""
        files = self._files(row.files)
        scheme = "https" if row.way in _SECRET else "http"
        return Job(
            files=files,
            whole=self._files(row.whole) if row.whole else (),
            algorithm=row.algorithm,
            url=f"{scheme}://127.0.0.1:{self._port(row.way)}",
            repository=repository_name(row.files.label) if row.way in HUBS else "",
            root=self._corpus.root,
            folder=self._scratch,
            authority=self._certificates.authority if row.way in _SECRET else None,
            tools=self.tools,
            cores=cores,
        )

    def _files(self, files: FileSet) -> tuple[DataFile, ...]:
        return self._corpus.files(files.label, files.count, files.size)

    def _repository(self, files: FileSet) -> Repository:
        changed = self._corpus.files(f"{files.label}-changed", 1, files.size)[0] if files.changes else None
        return repository_of(files.label, self._files(files), changed)

    def _port(self, way: Way) -> int:
        far = ("--delay-ms", str(rows.ROUND_TRIP_MS / 2))
        relays = {
            Way.FAR: (Way.PLAIN, far),
            Way.HUB_FAR: (Way.HUB, far),
            Way.CAPPED: (Way.PLAIN, ("--rate", str(rows.CAPPED_RATE))),
        }
        if way not in self._ports:
            before, options = relays[way]
            self._ports[way] = self._stack.enter_context(relayed(self._ports[before], *options))
        if way in _CHECK_BYTES and way not in self._checks:
            (small,) = self._corpus.files("check", 1, 4 * KIB)
            (large,) = self._corpus.files("check", 1, _CHECK_BYTES[way])
            self._checks[way] = measure(self._ports[way], small.name, large.name, large.size)
        return self._ports[way]
