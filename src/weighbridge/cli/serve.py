"""The verb ``serve``: a mirror of a cache, or of folders, that every Hub client can use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from weighbridge.core.repos import RepoId
    from weighbridge.mirror.catalog import Catalog
    from weighbridge.mirror.digests import DigestIndex
    from weighbridge.mirror.folder import FolderRepository

_EPILOG = """
Examples:

\b
  weighbridge serve
  weighbridge serve --repo acme/demo=./model --host 0.0.0.0 --access-token token.txt

Clients need nothing but the line that is printed: HF_ENDPOINT=http://…

SIGTERM or Ctrl-C lets transfers that are under way end first; a second one does not.
"""
_PROGRESS_S = 2.0
_ACCEL_PREFIX = "/_weighbridge_files"
_ACCESS = "weighbridge.access"
_WAITING_LINES = 10_000
_LAST_WORDS_S = 2.0


@click.command(epilog=_EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port to listen on; 0 takes any that is free.",
)
@click.option(
    "--cache-dir",
    "caches",
    metavar="DIR",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A Hugging Face cache.  Repeatable.  [default: the one of HF_HUB_CACHE, if there is no --repo]",
)
@click.option(
    "--repo",
    "folders",
    metavar="ORG/NAME=FOLDER",
    multiple=True,
    help="A folder of files, and what to call it; datasets/ORG/NAME, spaces/… and kernels/… are understood.  "
    "Repeatable.",
)
@click.option(
    "--access-token",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Serve only clients that send the token in this file.",
)
@click.option(
    "--open", "is_open", is_flag=True, help="Let everybody read without a token, under any name of this machine."
)
@click.option(
    "--public-url", metavar="URL", help="What the mirror is called from outside, if a proxy is in front of it."
)
@click.option(
    "--accel",
    type=click.Choice(["nginx"]),
    help="Let nginx, in front, send the files itself; docs/mirror.md has its configuration.",
)
@click.option(
    "--access-log",
    "log_format",
    type=click.Choice(["lines", "json", "none"]),
    default="lines",
    show_default=True,
    help="How to log each request, to standard error.",
)
def serve(
    *,
    host: str,
    port: int,
    caches: tuple[Path, ...],
    folders: tuple[str, ...],
    access_token: Path | None,
    is_open: bool,
    public_url: str | None,
    accel: str | None,
    log_format: str,
) -> int:
    """Serve a Hugging Face cache, or folders of files, to every Hub client.

    Nothing is ever written to what is served, and nothing outside of it is ever sent.
    """
    _need_extra()
    from weighbridge.cli.output import put, say
    from weighbridge.cli.signals import StopSignals
    from weighbridge.config import receipts_root
    from weighbridge.core.errors import InvalidParameterError
    from weighbridge.mirror import serving
    from weighbridge.mirror.access import Gate, is_loopback, read_token
    from weighbridge.mirror.app import MirrorOptions, build_app
    from weighbridge.mirror.digests import DigestIndex

    gate, is_loopback_only = Gate(None if access_token is None else read_token(access_token)), is_loopback(host)
    if gate.token is None and not is_open and not is_loopback_only:
        raise InvalidParameterError(
            f"{host} can be reached by others: give --access-token FILE, or --open to let everybody read"
        )
    options = MirrorOptions(
        gate=gate,
        public_url=_check_url(public_url),
        accel=None if accel is None else _ACCEL_PREFIX,
        is_local=is_loopback_only and gate.token is None and not is_open and public_url is None,
        is_json_log=log_format == "json",
    )
    with closing(serving.bind(serving.Address(host, port))) as sock, closing(DigestIndex(receipts_root())) as index:
        address = _address_of(host, sock.getsockname()[1])

        def tell_ready() -> None:
            if options.public_url is not None:
                say(f"listening on {address}")
            put(f"HF_ENDPOINT={options.public_url or address}")

        with _log_to_stderr() as write:
            with StopSignals():
                catalog = _catalog(caches, folders, index)
                _tell_what_is_held(catalog)
            app = build_app(catalog, options, None if log_format == "none" else write)
            serving.serve(app, sock, tell_ready)
    say("stopped")
    return 0


def _need_extra() -> None:
    from weighbridge.core.errors import InvalidParameterError

    try:
        import jinja2  # noqa: F401
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise InvalidParameterError(
            f"serving needs an optional package ({error.name}): pip install 'weighbridge[serve]'"
        ) from error


def _catalog(caches: Iterable[Path], folders: Iterable[str], index: DigestIndex) -> Catalog:
    """Return what is to be served, all digests of folders known."""
    from weighbridge.cli.output import say
    from weighbridge.config import hub_cache_root
    from weighbridge.core.errors import InvalidParameterError
    from weighbridge.mirror.cache import Cache
    from weighbridge.mirror.catalog import Catalog
    from weighbridge.mirror.folder import FolderRepository

    named = [_read_folder(each) for each in folders]
    twice = {repo for repo, _ in named if sum(repo == other for other, _ in named) > 1}
    if twice:
        raise InvalidParameterError(f"--repo names {min(map(str, twice))} twice")
    found = [FolderRepository(repo, folder, index) for repo, folder in named]
    roots = list(caches) or ([] if named else [hub_cache_root()])
    for root in roots:
        if not root.is_dir():
            raise InvalidParameterError(
                f"there is no cache at {root}; name one with --cache-dir, or a folder with --repo"
            )
    for each in found:
        _prepare(each)
    held = [Cache(root, index) for root in roots]
    for root, cache in zip(roots, held, strict=True):
        if not cache.repositories():
            hint = f"; did you mean {root / 'hub'}?" if (root / "hub").is_dir() else ""
            say(f"warning: there are no repositories in {root}{hint}")
    return Catalog(held, found)


def _read_folder(text: str) -> tuple[RepoId, Path]:
    from weighbridge.core.errors import InvalidParameterError
    from weighbridge.core.repos import RepoId

    name, separator, folder = text.partition("=")
    try:
        repo = RepoId.parse(name.strip())
    except ValueError:
        repo = None
    if repo is None or not separator or not folder:
        raise InvalidParameterError(f"--repo is written ORG/NAME=FOLDER, not {text!r}")
    return repo, Path(os.path.expanduser(folder))  # noqa: PTH111 - pathlib's raises if there is no such user


def _prepare(folder: FolderRepository) -> None:
    """Compute the digests of a folder's files that are not known, and tell how far that is."""
    from weighbridge.cli.output import say
    from weighbridge.progress.wording import format_bytes

    told_at = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _PROGRESS_S:
            told_at = time.monotonic()
            say(f"{folder.repo}: {format_bytes(done)} of {format_bytes(total)} hashed")

    folder.prepare(tell)


def _tell_what_is_held(catalog: Catalog) -> None:
    from weighbridge.cli.output import say

    held = catalog.repositories()
    say(f"serving {len(held)} {'repository' if len(held) == 1 else 'repositories'}")
    for each in held[:10]:
        say(f"  {each.repo}")
    if len(held) > 10:  # noqa: PLR2004
        say(f"  and {len(held) - 10} more")


def _address_of(host: str, port: int) -> str:
    import socket

    name = socket.gethostname() if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not bound
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _check_url(text: str | None) -> str | None:
    from urllib.parse import urlsplit

    from weighbridge.core.errors import InvalidParameterError

    if text is None:
        return None
    try:
        parts = urlsplit(text)
        is_sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        is_sound = False
    if not is_sound or parts.query or parts.fragment:
        raise InvalidParameterError(f"--public-url is an address like https://models.example.org, not {text!r}")
    if parts.path.strip("/"):
        raise InvalidParameterError("--public-url has no path: a mirror is at the root of its host")
    return f"{parts.scheme}://{parts.netloc}"


@contextmanager
def _log_to_stderr() -> Iterator[Callable[[str], None]]:
    """Give what takes lines for standard error, and send there what the mirror and its server log.

    A thread of its own writes them, so that nobody waits for whoever reads them; if too many wait, more are lost.
    """
    import logging
    from logging.handlers import QueueHandler
    from queue import Full, Queue
    from threading import Thread

    from weighbridge.cli.output import say

    queue: Queue[logging.LogRecord | None] = Queue(_WAITING_LINES)

    class Lines(QueueHandler):
        def enqueue(self, record: logging.LogRecord) -> None:
            with suppress(Full):
                queue.put_nowait(record)

    def write() -> None:
        while (record := queue.get()) is not None:
            mark = "" if record.name == _ACCESS else f"{record.levelname}: "
            say(*f"{mark}{record.getMessage()}".splitlines())

    handler, writer = Lines(queue), Thread(target=write, name="weighbridge-log", daemon=True)
    levels = {_ACCESS: logging.INFO, "weighbridge.mirror": logging.WARNING, "uvicorn.error": logging.WARNING}
    loggers = [logging.getLogger(name) for name in levels]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(levels[logger.name])
        logger.propagate = False
    writer.start()
    try:
        yield loggers[0].info
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        with suppress(Full):
            queue.put_nowait(None)
        writer.join(_LAST_WORDS_S)
