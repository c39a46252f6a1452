"""The verb ``get``: files from URLs or a manifest into a directory."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from weighbridge.cli.manifests import Manifest
    from weighbridge.cli.reports import Report
    from weighbridge.cli.requests import Wish
    from weighbridge.core.artifacts import FileRequest, FileResult
    from weighbridge.core.options import Options

EPILOG = """
Examples:

\b
  weighbridge get https://host/model.safetensors --digest sha256:5f7c…
  weighbridge get https://host/models/v3/ --manifest SHA256SUMS \\
      --mirror https://mirror.local/v3/ --header @token.txt -o models

What arrives is kept whatever happens: run the same command again to go on.

\b
Exit codes:
  0  all files are there and right     6  the disk is full
  1  unexpected                        7  offline, and something is missing
  2  asked for what can't be asked     8  a file without a digest was refused
  3  the bytes could not be had        9  another process is in the way
  4  the bytes are not the promised    130, 141, 143  ended by Ctrl-C,
  5  the directory can't be used                      closed output, SIGTERM
"""

_DEFAULT_CONNECTIONS_PER_FILE = 8
_AT_ONCE_MAX = 256
_TIMEOUT_MAX_S = 86_400.0
_KEEPING = "run the same command again to go on from there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How to fetch; None is the default."""

    connections: int | None
    files: int | None
    rate_limit: str | None
    timeout_s: float | None
    retries: int | None
    wait_s: float | None
    is_offline: bool
    is_durable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to have, where, and how."""

    requests: tuple[FileRequest, ...]
    directory: Path
    options: Options


def get(
    urls: Annotated[list[str] | None, typer.Argument(metavar="URL", hidden=True)] = None,  # told in the text below
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Directory for the files; made if absent.")
    ] = Path(),
    digest: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ALGO:HEX",
            help="Promised digest (sha256, md5, sha1, sha512, blake3, …; or bare hex).  Repeat it for several URLs, in "
            "their order; '-' skips one.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call the file, if there is only one.")
    ] = None,
    manifest: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="List of files with digests: an aria2 input file, or what sha256sum (md5sum, …) writes.  '-' reads "
            "standard input.",
        ),
    ] = None,
    mirror: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Another place with the same bytes; it need not be trusted.  One that ends in '/' is a directory "
            "of the same files.  Repeatable.",
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'NAME: VALUE'",
            help="Header for the servers of the URLs, such as Authorization; no mirror and no server they redirect to "
            "sees it.  @FILE reads headers from a file, one a line, so that they don't show in ps.  Repeatable.",
        ),
    ] = None,
    connections: Annotated[
        int | None, typer.Option(metavar="N", help="Connections, all files together.  [default: 16]")
    ] = None,
    files: Annotated[int | None, typer.Option(metavar="N", help="Files in transfer at once.  [default: 8]")] = None,
    limit_rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="Most bytes a second, such as 20M or 500K.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Longest wait in seconds for a connection, and for the next byte.  [default: 10 and 30]",
        ),
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option(metavar="N", help="How often to try again without progress in between.  [default: 5]"),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Longest wait in seconds for another process that fetches the same file and makes no progress.  "
            "[default: 60]",
        ),
    ] = None,
    allow_unverified: Annotated[
        bool, typer.Option("--allow-unverified", help="Accept files without a digest: whatever comes is taken.")
    ] = False,
    no_durable: Annotated[
        bool, typer.Option("--no-durable", help="Don't wait until files are on the disk; faster, lost with the power.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network; tell whether all is there and right.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write events to standard output, one JSON object a line.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Write nothing but errors.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error was raised.")] = False,
) -> int:
    """Have files in a directory, each verified before it gets its name.

    Each URL is a file, named after the last part of its path.  With --manifest there is at most one: of the directory
    that the manifest's names are in, if they are no URLs themselves.

    A file that is there and right costs nothing; one that is there and wrong is replaced.  The absolute path of each
    file goes to standard output, everything else to standard error.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.reports import JsonReport, QuietReport, TextReport
    from weighbridge.cli.requests import Wish

    wish = Wish(
        urls=tuple(urls or ()),
        digests=tuple(digest or ()),
        name=name,
        mirrors=tuple(mirror or ()),
        headers=tuple(header or ()),
        allow_unverified=allow_unverified,
    )
    knobs = Knobs(
        connections=connections,
        files=files,
        rate_limit=limit_rate,
        timeout_s=timeout,
        retries=retries,
        wait_s=wait,
        is_offline=offline,
        is_durable=not no_durable,
    )
    report: Report = JsonReport() if as_json else QuietReport() if quiet else TextReport()
    Errand(wish, knobs, report).run(output, manifest)
    return 0


class Errand:
    """One run of the verb.

    Args:
        wish: What.
        knobs: How.
        report: Who tells of it.
    """

    def __init__(self, wish: Wish, knobs: Knobs, report: Report) -> None:
        from weighbridge.cli.reports import Tally
        from weighbridge.cli.signals import StopSignals

        self._wish = wish
        self._knobs = knobs
        self._report = report
        self._tally = Tally()
        self._signals = StopSignals()

    def run(self, directory: Path, manifest: str | None) -> None:
        """Have everything in ``directory``; whatever stops it is reported and raised."""
        from weighbridge.cli.output import OutputClosedError

        began = time.monotonic()
        try:
            with self._signals:
                requests = self._read(manifest)
                options = options_for(self._knobs, len(requests))
                results = self._fetch(Task(requests=requests, directory=directory, options=options))
        except OutputClosedError:
            raise
        except BaseException as error:
            self._note_kept(error)
            self._report.fail(error, self._tally.kept, round(time.monotonic() - began, 3))
            raise
        self._report.succeed(results, round(time.monotonic() - began, 3))

    def _read(self, manifest: str | None) -> tuple[FileRequest, ...]:
        from weighbridge.cli.output import say
        from weighbridge.cli.requests import read_requests

        parsed = None if manifest is None else read_manifest(manifest)
        say(*(f"warning: {each}" for each in ([] if parsed is None else parsed.warnings)))
        return read_requests(self._wish, parsed)

    def _fetch(self, task: Task) -> tuple[FileResult, ...]:
        from weighbridge.cli.signals import Stopped
        from weighbridge.client import Client
        from weighbridge.core.errors import CancelledError
        from weighbridge.core.events import Event

        with Client(task.options) as client, self._report.watch() as show, self._signals.patiently():

            def tell(event: Event) -> None:
                self._tally.take(event)
                show(event)

            try:
                return client.fetch(
                    task.requests,
                    task.directory,
                    allow_unverified=self._wish.allow_unverified,
                    observer=tell,
                    cancel=self._signals.cancel,
                )
            except CancelledError:
                if self._signals.number is None:
                    raise
                raise Stopped(self._signals.number) from None

    def _note_kept(self, error: BaseException) -> None:
        from weighbridge.cli.signals import Stopped
        from weighbridge.core.errors import WeighbridgeError
        from weighbridge.progress.wording import format_bytes

        if not isinstance(error, WeighbridgeError | Stopped):
            return
        kept = self._tally.kept
        if kept:
            error.add_note(f"{format_bytes(kept)} of unfinished files are kept; {_KEEPING}")
        elif isinstance(error, Stopped):
            error.add_note(_KEEPING)


def read_manifest(name: str) -> Manifest:
    """Return the manifest in a file, or on standard input if the name is ``-``."""
    from weighbridge.cli.manifests import parse_manifest
    from weighbridge.core.errors import InvalidParameterError

    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InvalidParameterError(f"the manifest {name} can't be read: {error.strerror}") from None
    return parse_manifest(content)


def options_for(knobs: Knobs, requests: int) -> Options:
    """Return the environment's options with ``knobs`` applied, for a call that asks for so many files."""
    from weighbridge.config import options_from_environment, parse_size

    _check_limits(knobs)
    options = options_from_environment()
    http, transfer, store = options.http, options.transfer, options.store
    if knobs.timeout_s is not None:
        http = replace(http, connect_timeout_s=knobs.timeout_s, read_timeout_s=knobs.timeout_s)
    if knobs.files is not None:
        transfer = replace(transfer, files=knobs.files)
    if knobs.connections is not None:
        at_once = max(1, min(requests, transfer.files))
        fair = -(-knobs.connections // at_once)  # so that all of them are used
        per_file = max(fair, min(_DEFAULT_CONNECTIONS_PER_FILE, knobs.connections))
        transfer = replace(transfer, connections=knobs.connections, connections_per_file=per_file)
    if knobs.rate_limit is not None:
        transfer = replace(transfer, rate_limit_bps=parse_size(knobs.rate_limit))
    if knobs.retries is not None:
        transfer = replace(transfer, retry=replace(transfer.retry, attempts=knobs.retries + 1))
    if knobs.wait_s is not None:
        store = replace(store, wait_timeout_s=knobs.wait_s)
    return replace(
        options,
        http=http,
        transfer=transfer,
        store=replace(store, durable=knobs.is_durable),
        offline=options.offline or knobs.is_offline,
    )


def _check_limits(knobs: Knobs) -> None:
    """Refuse numbers that no machine could want; those that can't mean anything are found by the options."""
    from weighbridge.core.errors import InvalidParameterError

    for option, value in (("--connections", knobs.connections), ("--files", knobs.files)):
        if value is not None and not 1 <= value <= _AT_ONCE_MAX:
            raise InvalidParameterError(f"{option} is a number from 1 to {_AT_ONCE_MAX}, not {value}")
    for option, seconds in (("--timeout", knobs.timeout_s), ("--wait", knobs.wait_s)):
        if seconds is not None and not 0 < seconds <= _TIMEOUT_MAX_S:
            raise InvalidParameterError(f"{option} is a number of seconds above 0, at most a day, not {seconds:g}")
    if knobs.retries is not None and knobs.retries < 0:
        raise InvalidParameterError(f"--retries is a number from 0 on, not {knobs.retries}")
