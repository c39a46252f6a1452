"""The knobs, grouped by who reads them; a default is written here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.core.errors import InvalidParameterError

KIB = 1024
MIB = 1024 * KIB

RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that say "not now" rather than "no" (RFC 9110 section 15; RFC 6585; RFC 8470)."""


_CONNECTIONS, _SMALL_CONNECTIONS = 16, 48

SECONDS_MAX = 2_000_000.0
"""Longest wait there is, 23 days: the system counts the milliseconds of one in 31 bits."""

STATUSES = range(100, 600)
"""What can be the status of an answer (RFC 9110, section 15)."""

_HEADER = re.compile(r"[\t\x20-\x7e\x80-\xff]+")


def _check_seconds(group: object, *names: str) -> None:
    for name in names:
        value = getattr(group, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= SECONDS_MAX:
            raise InvalidParameterError(
                f"{name} must be a number of seconds above 0 and at most {SECONDS_MAX:.0f}, not {value!r}"
            )


def _check_counts(group: object, *names: str) -> None:
    for name in names:
        value = getattr(group, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidParameterError(f"{name} must be a whole number above 0, not {value!r}")


def _check_rates(group: object, *names: str) -> None:
    for name in names:
        value = getattr(group, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < float("inf"):
            raise InvalidParameterError(f"{name} must be a number of bytes a second, at least 1, not {value!r}")


def _read_statuses(given: object) -> frozenset[int]:
    statuses = frozenset(given) if isinstance(given, Iterable) and not isinstance(given, str) else None
    if statuses is None or not all(isinstance(each, int) and each in STATUSES for each in statuses):
        raise InvalidParameterError(f"statuses must be a set of HTTP statuses like 503, not {given!r}")
    return statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryOptions:
    """How often and how patiently a failing artifact is tried again.

    Attributes:
        attempts: Failures in a row, without ``refill_bytes`` of progress between them, that end it.
        wait_initial_s: Longest first wait; the wait is drawn evenly from 0 up to it (full jitter).
        wait_max_s: Longest wait, however many failures.
        pause_max_s: Longest ``Retry-After`` that is obeyed; a longer one is an error.
        refill_bytes: Progress in bytes that gives one attempt back.
        statuses: HTTP statuses that are tried again.
    """

    attempts: int = 6
    wait_initial_s: float = 0.5
    wait_max_s: float = 10.0
    pause_max_s: float = 300.0
    refill_bytes: int = 256 * KIB
    statuses: frozenset[int] = RETRY_STATUSES

    def __post_init__(self) -> None:
        _check_counts(self, "attempts", "refill_bytes")
        _check_seconds(self, "wait_initial_s", "wait_max_s", "pause_max_s")
        object.__setattr__(self, "statuses", _read_statuses(self.statuses))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How connections are made.

    Attributes:
        connect_timeout_s: Longest wait for a connection, TLS included.
        read_timeout_s: Longest wait for the next byte.
        user_agent: Sent as ``User-Agent``.
        proxies: Proxy URL by scheme (``http``, ``https``, ``all``), and hosts to reach directly under ``no``.
        ca_bundle: PEM file of trusted authorities, or a directory of them that ``openssl rehash`` has made; None
            trusts what the system trusts.
        redirects_max: Longest chain of redirects followed.
    """

    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    user_agent: str = "weighbridge"
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)  # their URLs may hold passwords
    ca_bundle: Path | None = None
    redirects_max: int = 20

    def __post_init__(self) -> None:
        object.__setattr__(self, "proxies", dict(self.proxies))  # ours from now on
        _check_seconds(self, "connect_timeout_s", "read_timeout_s")
        _check_counts(self, "redirects_max")
        agent: object = self.user_agent
        if not isinstance(agent, str) or not _HEADER.fullmatch(agent):
            raise InvalidParameterError(f"user_agent must be text that fits a header, not {agent!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """How bytes are fetched.

    Attributes:
        connections: Connections of one call, all files together.
        connections_per_file: Connections of one file.
        files: Files in transfer at the same time.
        small_connections: Connections, and files in transfer, of a call that misses small files only (none above
            ``first_piece``): what they wait for is latency.  None is 48 if ``connections`` was left as it is; whoever
            chose another number meant it for every call.
        first_piece: Bytes asked for first, before the link's speed is known.
        piece_min, piece_max: Bounds of a piece, in bytes.
        piece_seconds: A piece is no more than one connection brings in this time.
        split_min: Smallest rest of a piece, in bytes, that is worth giving away.
        read_size: Largest single read, in bytes.
        hash_lag: Bytes that may lie unhashed before no new piece is started.
        straggler_s: Seconds without a byte after which a piece's whole rest may be given away.
        stall_window_s, stall_floor_bps: A connection below the floor (bytes a second) for the whole window
            is given up.
        rate_limit_bps: Cap over all connections in bytes a second; None for no cap.
        flush_interval_s: How often to look whether data should be flushed in the background: once 32 MiB are new, or
            some have waited for 10 s.
        retry: See :class:`RetryOptions`.
    """

    connections: int = _CONNECTIONS
    connections_per_file: int = 8
    files: int = 16
    small_connections: int | None = None
    first_piece: int = 8 * MIB
    piece_min: int = 4 * MIB
    piece_max: int = 128 * MIB
    piece_seconds: float = 1.0
    split_min: int = MIB
    read_size: int = 512 * KIB  # larger ones cost page faults, smaller ones calls
    hash_lag: int = 128 * MIB
    straggler_s: float = 3.0
    stall_window_s: float = 20.0
    stall_floor_bps: float = 1024.0
    rate_limit_bps: float | None = None
    flush_interval_s: float = 1.0
    retry: RetryOptions = field(default_factory=RetryOptions)

    def __post_init__(self) -> None:
        _check_counts(self, "connections", "connections_per_file", "files", "first_piece", "piece_min", "piece_max")
        _check_counts(self, "split_min", "read_size", "hash_lag")
        _check_seconds(self, "piece_seconds", "straggler_s", "stall_window_s", "flush_interval_s")
        _check_rates(self, "stall_floor_bps")
        if self.rate_limit_bps is not None:
            _check_rates(self, "rate_limit_bps")
        if self.small_connections is not None:
            _check_counts(self, "small_connections")
        if self.piece_max < self.piece_min:
            raise InvalidParameterError("piece_max must not be below piece_min")

    @property
    def connections_for_small(self) -> int:
        """Connections of a call that misses small files only."""
        if self.small_connections is not None:
            return self.small_connections
        return _SMALL_CONNECTIONS if self.connections == _CONNECTIONS else self.connections


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """How files are kept.

    Attributes:
        durable: Flush a file before it gets its name, so that it survives a power loss.
        page_cache: Leave what was fetched in the system's page cache.  Otherwise it is dropped behind the digest
            (without a digest, at the end), for machines and containers whose memory is wanted for other things.
        claim_ttl_s: A holder silent for this long is replaced.
        wait_timeout_s: Longest wait for another process that makes no progress.
        receipts: Directory of notes on files already verified; None keeps none.
    """

    durable: bool = True
    page_cache: bool = True
    claim_ttl_s: float = 6.0
    wait_timeout_s: float = 60.0
    receipts: Path | None = None

    def __post_init__(self) -> None:
        _check_seconds(self, "claim_ttl_s", "wait_timeout_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """Where the Hugging Face cache is, and how its snapshots refer to its blobs.

    Attributes:
        root: The directory that holds ``models--org--name`` and the like; None if this user has no place for one.
        symlinks: Use symbolic links where the file system has them; otherwise snapshots hold plain files.
        limit: How many bytes the cache may take up; None is what is kept with it (``weighbridge cache limit``), mostly
            no limit.  Before something is fetched, revisions leave that nobody has used for longest.
    """

    root: Path | None = None
    symlinks: bool = True
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.limit is not None:
            _check_counts(self, "limit")

    def demand_root(self) -> Path:
        """Return the root; raises :class:`InvalidParameterError` if this user has no place for one."""
        if self.root is None:
            raise InvalidParameterError("no directory is known for the cache; name one, or set HF_HOME")
        return self.root


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOptions:
    """Whom to ask about repositories, and in whose name.

    Attributes:
        endpoint: Address of the Hub or of a mirror of it, without a slash at the end.
        token: Sent as ``Authorization: Bearer …`` to the endpoint's origin and to no other; None sends none.
        user_agent: Sent as ``User-Agent`` to the endpoint's origin.
        headers: More request headers for the endpoint's origin; they win over those above.
        etag_timeout_s: Longest wait for the answer about one file, for each try.
        call_timeout_s: Longest time for a call to the Hub that brings no file (a revision, a page of a listing, what
            is known of a file): all its tries, waits and bytes together.
        offline: Never ask it; what is on this machine is all there is.
    """

    endpoint: str = field(default="https://huggingface.co", repr=False)  # may hold a password
    token: str | None = field(default=None, repr=False)
    user_agent: str = "weighbridge"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold secrets
    etag_timeout_s: float = 10.0
    call_timeout_s: float = 60.0
    offline: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", dict(self.headers))  # ours from now on
        _check_seconds(self, "etag_timeout_s", "call_timeout_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything a client can be told, one group for each reader.

    Attributes:
        http: How connections are made.
        transfer: How bytes are fetched.
        store: How files are kept.
        cache: Where the Hugging Face cache is.
        hub: Whom to ask about repositories.
        offline: Never touch the network; what is not here is an error.
    """

    http: HttpOptions = field(default_factory=HttpOptions)
    transfer: TransferOptions = field(default_factory=TransferOptions)
    store: StoreOptions = field(default_factory=StoreOptions)
    cache: CacheOptions = field(default_factory=CacheOptions)
    hub: HubOptions = field(default_factory=HubOptions)
    offline: bool = False
