"""Missing bytes to pieces: how large, from where, and when to split one; pure functions of numbers."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.core.options import TransferOptions

_LAGGARD_SPEED = 4.0  # a piece this many times slower than the best source holds everyone up
_LAGGARD_SECONDS = 3.0
_WORTH_SPLITTING_S = 1.0
_LATENCIES_WANTED = 20.0  # a piece takes this many times the wait for its first byte
_LATENCIES_LEAST = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What is known of a connection to a source.

    Attributes:
        rate_bps: Bytes a second of one connection; None before the first measurement.
        latency_s: From request to first byte.
    """

    rate_bps: float | None = None
    latency_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceView:
    """A piece under way, as the planner sees it.

    Attributes:
        position: Next byte to arrive.
        reserved: Bytes below this may be being written and can't be given away.
        stop: Where it ends.
        rate_bps: Bytes a second it has made so far; None before its first byte.
        silent_s: Seconds since its last byte (or since it was asked for).
    """

    position: int
    reserved: int
    stop: int
    rate_bps: float | None
    silent_s: float

    @property
    def eta_s(self) -> float:
        """Seconds until it ends if nothing changes."""
        return (self.stop - self.position) / self.rate_bps if self.rate_bps else float("inf")


def piece_size(link: Link, unassigned: int, previous: int, options: TransferOptions) -> int:
    """Return how many bytes the next piece should have.

    So many that waiting for its first byte is a small part of its time, but no more than the connection brings in
    ``piece_seconds``: pieces of all connections together are also what the hasher may have to wait for.  At most twice
    the piece before, since a link is believed step by step; and near the end so small that all connections end
    together, though never so small that latency rules.

    Args:
        link: The source's.
        unassigned: Missing bytes that nobody fetches yet; positive.
        previous: Size of the piece before; 0 if this is the first.
        options: Bounds.
    """
    rate = link.rate_bps or 0.0
    if previous == 0 or link.rate_bps is None:
        wanted = options.first_piece
    else:
        in_order = options.hash_lag // options.connections_per_file
        wanted = int(min(rate * options.piece_seconds, max(rate * link.latency_s * _LATENCIES_WANTED, in_order)))
        wanted = max(options.piece_min, min(options.piece_max, wanted, 2 * previous))
    share = unassigned // (2 * options.connections_per_file)
    floor = max(options.split_min, int(rate * link.latency_s * _LATENCIES_LEAST))
    size = min(wanted, max(share, floor))
    rest = unassigned - size
    return unassigned if rest < min(floor, size) else size


def find_split(pieces: list[PieceView], link: Link, steals: int, options: TransferOptions) -> tuple[int, int] | None:
    """Find a piece whose rest should be given, in part or whole, to a free connection.

    Args:
        pieces: Under way, in any order.
        link: Of the source the free connection would use.
        steals: How often in a row a silent piece was taken over without a byte coming of it.
        options: Bounds.

    Returns:
        Index of the piece and the offset it should now stop at; None if none is worth it.  An offset at the
        piece's own position takes its whole rest away.
    """
    best = max(range(len(pieces)), key=lambda index: pieces[index].eta_s, default=None)
    if best is None:
        return None
    piece = pieces[best]
    rest = piece.stop - piece.reserved
    if piece.silent_s > options.straggler_s * 2**steals:
        return best, piece.position
    if piece.rate_bps is None or rest < 2 * options.split_min:
        return None
    if piece.eta_s < max(_WORTH_SPLITTING_S, _LATENCIES_LEAST * link.latency_s):
        return None
    rate = link.rate_bps or piece.rate_bps
    kept = int(rest * piece.rate_bps / (piece.rate_bps + rate))
    kept = max(options.split_min, min(rest - options.split_min, kept))
    return best, piece.reserved + kept


def is_laggard(piece: PieceView, link: Link, options: TransferOptions) -> bool:
    """Tell whether ``piece`` is so slow, against what ``link`` brings, that waiting for it would cost time."""
    if link.rate_bps is None or piece.rate_bps is None:
        return False
    return (
        piece.rate_bps * _LAGGARD_SPEED < link.rate_bps
        and piece.eta_s > _LAGGARD_SECONDS * options.piece_seconds
        and piece.stop - piece.reserved >= 2 * options.split_min
    )
