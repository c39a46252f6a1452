"""Which rows there are: what is fetched, over which way, by whom, and what limits it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from benchmarks import contenders as who
from benchmarks.settings import GIB, KIB, MIB

if TYPE_CHECKING:
    from benchmarks.contenders import Contender
    from benchmarks.settings import Sizes

CONNECTIONS = 8
CAPPED_RATE = 20_000_000
ROUND_TRIP_MS = 40

WEIGHBRIDGE = "weighbridge"
LOOSE = "weighbridge --no-durable"
ONE_FILE = "weighbridge --no-durable, one file"


class Way(Enum):
    """How a client reaches the files."""

    PLAIN = "http"
    TLS = "https"
    FAR = "http through the relay that delays"
    CAPPED = "http through the relay that caps each connection"
    CAPPED_NGINX = "http with limit_rate 20m, which caps each request"
    HUB = "the Hub's protocol"
    HUB_TLS = "the Hub's protocol over TLS"
    HUB_FAR = "the Hub's protocol through the relay that delays"


@dataclass(frozen=True, slots=True)
class FileSet:
    """Files of one size.

    Attributes:
        label: Seeds their bytes.
        count: How many.
        size: Bytes of each.
        changes: As a repository they have a second branch, in which the first of them is another.
    """

    label: str
    count: int
    size: int
    changes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    Attributes:
        name: What ``--only`` calls it.
        title: What is done, in words.
        files: The set that is fetched.
        whole: As many bytes as one file, or nothing.
        algorithm: The digest that is promised.
        way: How the files are reached.
        contenders: In the order in which they run.
        limits: Names of those whose slowest bounds everyone that does not flush.
        flushed_limits: The same for everyone that does.
    """

    name: str
    title: str
    files: FileSet
    whole: FileSet | None = None
    algorithm: str = "sha256"
    way: Way = Way.PLAIN
    contenders: tuple[Contender, ...]
    limits: tuple[str, ...]
    flushed_limits: tuple[str, ...]


def every_row(sizes: Sizes) -> tuple[Row, ...]:
    """Return all rows, in the order in which they are run and printed."""
    return (*_single_file(sizes), *_four_files(sizes), *_many_files(sizes), *_capped(sizes))


def _ours() -> tuple[Contender, ...]:
    return who.weighbridge(WEIGHBRIDGE), who.weighbridge(LOOSE, "--no-durable")


def _row(name: str, title: str, files: FileSet, peers: tuple[Contender, ...]) -> Row:
    """Return a row of both forms of ours, curl, openssl and ``peers``, limited by curl and openssl."""
    others = (who.CURL, who.CURL_SYNC, who.CURL_OPENSSL, who.OPENSSL)
    return Row(
        name=name,
        title=title,
        files=files,
        contenders=(*_ours(), *others, *peers),
        limits=(who.CURL.name, who.OPENSSL.name),
        flushed_limits=(who.CURL_SYNC.name, who.OPENSSL.name),
    )


def _single_file(sizes: Sizes) -> tuple[Row, ...]:
    files = FileSet("one", 1, sizes.one)
    peers = (who.aria2c("aria2c -x8 -s8"), who.plain_requests("requests, one stream", 1))
    size = size_text(sizes.one)
    md5 = _row("md5", f"{size} in one file, MD5", files, peers)
    sha256 = _row("sha256", f"{size} in one file, SHA-256", files, peers)
    tls = _row("tls", f"{size} in one file, SHA-256, over TLS", files, peers)
    return (
        replace(md5, algorithm="md5"),
        replace(sha256, contenders=(*sha256.contenders, who.CURL_DISCARD)),
        replace(tls, way=Way.TLS),
    )


def _four_files(sizes: Sizes) -> tuple[Row, ...]:
    files = FileSet("four", 4, sizes.four)
    peers = (who.aria2c("aria2c -j4 -x8 -s8", "-j4"), who.plain_requests("requests, 8 threads", CONNECTIONS))
    title = f"4 x {size_text(sizes.four)}"
    row = _row("four-sha256", f"{title}, SHA-256", files, peers)
    whole = replace(who.weighbridge(ONE_FILE, "--no-durable"), of_whole=True)
    row = replace(row, whole=FileSet("one", 1, 4 * sizes.four), contenders=(*row.contenders, whole))
    return row, replace(row, name="four-md5", title=f"{title}, MD5", algorithm="md5")


def _many_files(sizes: Sizes) -> tuple[Row, ...]:
    files = FileSet("many", sizes.many, sizes.small)
    like = who.weighbridge(f"{LOOSE}, 8 connections", "--no-durable", "--connections", str(CONNECTIONS))
    peers = (like, who.aria2c("aria2c -j8", "-j8"), who.plain_requests("requests, 8 threads", CONNECTIONS))
    title = f"{sizes.many} x {size_text(sizes.small)}, SHA-256, round trip"
    near = _row("many", f"{title} 0 ms", files, peers)
    far = _row("many-far", f"{title} {ROUND_TRIP_MS} ms", files, peers)
    return near, replace(far, way=Way.FAR)


def _capped(sizes: Sizes) -> tuple[Row, ...]:
    eight = ("--connections", str(CONNECTIONS))
    by_relay = Row(
        name="capped",
        title=f"{size_text(sizes.capped)}, SHA-256, 8 connections of 20 MB/s each (relay)",
        files=FileSet("capped", 1, sizes.capped),
        way=Way.CAPPED,
        contenders=(
            who.weighbridge(WEIGHBRIDGE, *eight),
            who.weighbridge(LOOSE, "--no-durable", *eight),
            who.CURL_8_RANGES,
            who.aria2c("aria2c -x8 -s8"),
        ),
        limits=(who.CURL_8_RANGES.name,),
        flushed_limits=(),
    )
    title = f"{size_text(sizes.capped)}, SHA-256, 8 connections, requests of 20 MiB/s each (nginx limit_rate 20m)"
    return by_relay, replace(by_relay, name="capped-nginx", title=title, way=Way.CAPPED_NGINX)


def size_text(size: int) -> str:
    """Return ``size`` bytes in the largest binary unit that divides it."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} bytes"
