"""What an error means to the one who ran the command: an exit code, and words."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

from weighbridge.cli.output import OutputClosedError
from weighbridge.cli.signals import Stopped
from weighbridge.core.digests import Digest
from weighbridge.core.errors import (
    CancelledError,
    ClaimTimeoutError,
    DiskFullError,
    EntryNotFoundError,
    FileHashSumMissmatch,
    FileMetadataError,
    HfHubHTTPError,
    InvalidParameterError,
    LocalEntryNotFoundError,
    OfflineError,
    RetryError,
    StoreError,
    UntrustedFileError,
    WeighbridgeError,
)

UNEXPECTED = 1
_SIGNALED = 128  # a shell's way to say that a signal ended it
_BROKEN_PIPE = _SIGNALED + 13


def exit_code_of(error: BaseException) -> int:  # noqa: C901, PLR0911, PLR0912 - a table
    """Return what the command exits with after ``error``; those that are two things at once come first."""
    match error:
        case Stopped():
            return _SIGNALED + error.number
        case KeyboardInterrupt() | CancelledError():
            return _SIGNALED + 2
        case OutputClosedError():
            return _BROKEN_PIPE
        case InvalidParameterError():
            return 2
        case ClaimTimeoutError():
            return 9
        case UntrustedFileError():
            return 8
        case OfflineError():
            return 7
        case DiskFullError():
            return 6
        case StoreError():
            return 5
        case FileHashSumMissmatch():
            return 4
        case LocalEntryNotFoundError(__cause__=OfflineError()):
            return 7
        case RetryError() | HfHubHTTPError() | EntryNotFoundError() | FileMetadataError():
            return 3
        case _:
            return UNEXPECTED


def lines_of(error: BaseException) -> list[str]:
    """Return what to tell of an error; holds no secret."""
    notes = list(getattr(error, "__notes__", ()))
    match error:
        case OutputClosedError():
            return []
        case Stopped() | KeyboardInterrupt():
            return ["; ".join([str(error) or "stopped by Ctrl-C", *notes])]
        case WeighbridgeError():
            return [f"error: {error}", *notes, f"help: weighbridge explain {type(error).__name__}"]
        case OSError(strerror=str(reason)):
            return [f"error: {reason}", "to see where, run the same command with --debug"]
        case _:
            kind = type(error).__name__
            return [f"error: internal error ({kind}); please report it, with what the same command tells with --debug"]


def facts_of(error: BaseException) -> dict[str, object]:
    """Return an error's attributes as JSON can hold them."""
    given = {name: value for name, value in vars(error).items() if not name.startswith("_") and name != "message"}
    return {name: _plain(value) for name, value in given.items()}


def trace_of(error: BaseException) -> list[str]:
    """Return where an error and its causes were raised.

    Of errors that are not ours only the kind is told, and no values of variables: what a library puts into its messages
    may hold a signed URL.
    """
    lines: list[str] = []
    for each in _chain(error):
        lines += [line for block in traceback.format_tb(each.__traceback__) for line in block.splitlines()]
        message = f": {each}" if isinstance(each, WeighbridgeError) else ""
        lines.append(f"{type(each).__module__}.{type(each).__qualname__}{message}")
    return lines


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from, the first cause first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return reversed(found)


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Digest() | Path():
            return str(value)
        case tuple() | list():
            return [_plain(each) for each in value]
        case WeighbridgeError():
            return {"type": type(value).__name__, "message": str(value), "facts": facts_of(value)}
        case _:
            return type(value).__name__
