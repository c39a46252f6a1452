"""The verb ``get``: files from URLs or a manifest into a directory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli.knobbed import fetching_options
from weighbridge.cli.options import debug_option, events_option, quiet_option

if TYPE_CHECKING:
    import threading

    from weighbridge.cli.manifests import Manifest
    from weighbridge.cli.reports import Report
    from weighbridge.client import Client
    from weighbridge.core.events import Observer

_EPILOG = """
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


@click.command(epilog=_EPILOG)
@click.argument("urls", metavar="[URL]...", nargs=-1)
@click.option(
    "--output",
    "-o",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default=True,
    help="Directory for the files; made if absent.",
)
@click.option(
    "--digest",
    "digests",
    metavar="ALGO:HEX",
    multiple=True,
    help="Promised digest (sha256, md5, sha1, sha512, blake3, …; or bare hex).  Repeat it for several URLs, in their "
    "order; '-' skips one.",
)
@click.option("--name", metavar="NAME", help="What to call the file, if there is only one.")
@click.option(
    "--manifest",
    metavar="FILE",
    type=click.Path(readable=False),  # any text is good, but shells complete it to a file
    help="List of files with digests: an aria2 input file, or what sha256sum (md5sum, …) writes.  '-' reads standard "
    "input.",
)
@click.option(
    "--mirror",
    "mirrors",
    metavar="URL",
    multiple=True,
    help="Another place with the same bytes; it need not be trusted.  One that ends in '/' is a directory of the same "
    "files.  Repeatable.",
)
@click.option(
    "--header",
    "headers",
    metavar="'NAME: VALUE'",
    multiple=True,
    help="Header for the servers of the URLs, such as Authorization; no mirror and no server they redirect to sees "
    "it.  @FILE reads headers from a file, one a line, so that they don't show in ps.  Repeatable.",
)
@fetching_options("--files")
@click.option("--allow-unverified", is_flag=True, help="Accept files without a digest: whatever comes is taken.")
@click.option("--offline", is_flag=True, help="Never use the network; tell whether all is there and right.")
@events_option
@quiet_option("")
@debug_option
def get(
    *,
    urls: tuple[str, ...],
    output: Path,
    digests: tuple[str, ...],
    name: str | None,
    manifest: str | None,
    mirrors: tuple[str, ...],
    headers: tuple[str, ...],
    allow_unverified: bool,
    offline: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **how: Any,
) -> int:
    """Have files in a directory, each verified before it gets its name.

    Each URL is a file, named after the last part of its path.  With --manifest there is at most one: of the directory
    that the manifest's names are in, if they are no URLs themselves.

    A file that is there and right costs nothing; one that is there and wrong is replaced.  The absolute path of each
    file goes to standard output, everything else to standard error.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.knobs import Knobs, options_for
    from weighbridge.cli.reports import JsonReport, QuietReport, TextReport
    from weighbridge.cli.requests import Wish, read_requests
    from weighbridge.cli.runs import Outcome, Run, Task

    wish = Wish(
        urls=urls,
        digests=digests,
        name=name,
        mirrors=mirrors,
        headers=headers,
        allow_unverified=allow_unverified,
    )
    knobs = Knobs.read(how, is_offline=offline)
    report: Report = JsonReport() if as_json else QuietReport() if quiet else TextReport()

    def prepare() -> Task:
        parsed = None if manifest is None else read_manifest(manifest)
        for each in () if parsed is None else parsed.warnings:
            report.warn(each)
        requests = read_requests(wish, parsed)

        def work(client: Client, tell: Observer, cancel: threading.Event) -> Outcome:
            results = client.fetch(requests, output, allow_unverified=allow_unverified, observer=tell, cancel=cancel)
            return Outcome(results, [each.path for each in results])

        return Task(options_for(knobs, len(requests)), work)

    Run(report).carry_out(prepare)
    return 0


def read_manifest(name: str) -> Manifest:
    """Return the manifest in a file, or on standard input if the name is ``-``."""
    from weighbridge.cli.manifests import parse_manifest
    from weighbridge.core.errors import InvalidParameterError

    if name == "-" and sys.stdin is None:  # closed before Python started
        raise InvalidParameterError("the manifest can't be read: standard input is closed")
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InvalidParameterError(f"the manifest {name} can't be read: {error.strerror}") from None
    return parse_manifest(content)
