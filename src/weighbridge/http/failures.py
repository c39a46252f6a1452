"""What the errors of the HTTP library mean, in our terms and without its texts, which may hold whole URLs."""

from __future__ import annotations

import re
import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

from urllib3.exceptions import (
    ClosedPoolError,
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from weighbridge.core.errors import (
    BadAnswerError,
    ConnectError,
    InvalidURLError,
    StalledError,
    TransferError,
    TruncatedError,
)
from weighbridge.core.urls import origin_of, redact
from weighbridge.http.transport import Interrupt

_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_WANTS_PASSWORD = "407"  # noqa: S105 - a status

# The most particular first: urllib3 counts a refused connection among the timeouts.
_MEANINGS: tuple[tuple[tuple[type[Exception], ...], type[TransferError], str], ...] = (
    ((NameResolutionError,), ConnectError, "the name of {origin} can't be resolved"),
    ((NewConnectionError,), ConnectError, "no connection to {origin}: {reason}"),
    ((ConnectTimeoutError,), ConnectError, "{origin} did not accept a connection in time"),
    ((ProxyError,), ConnectError, "no connection to {origin} through the proxy: {reason}"),
    ((SSLError, ssl.SSLError), ConnectError, "no safe connection to {origin}: TLS failed"),
    ((ReadTimeoutError, TimeoutError), StalledError, "{origin} sent nothing for the whole read timeout"),
    (
        (ProtocolError, ClosedPoolError, OSError, HTTPException),
        ConnectError,
        "the connection to {origin} broke: {reason}",
    ),
)


class mapped:  # noqa: N801 - reads as a verb where it is used
    """Turn every failure of a ``with`` block into one of ours; one that the interrupt caused into its reason.

    A class, since every read of a body enters it.
    """

    __slots__ = ("_interrupt", "_url")

    def __init__(self, url: str, interrupt: Interrupt) -> None:
        self._url = url
        self._interrupt = interrupt

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, HTTPError | HTTPException | OSError | ValueError):
            return
        if self._interrupt.reason is not None:
            raise self._interrupt.reason from error
        cause = None if isinstance(error, LocationParseError) else error  # whose text holds the whole URL
        raise _translate(error, self._url) from cause


def is_gone(error: TransferError) -> bool:
    """Tell whether the other side ended the connection without a byte of an answer."""
    cause = error.__cause__
    return isinstance(cause, ProtocolError) and any(isinstance(each, ConnectionError) for each in cause.args)


def _translate(error: Exception, url: str) -> TransferError | InvalidURLError:
    shown, origin, reason = redact(url), str(origin_of(url)), _reason(error)
    if isinstance(error, LocationParseError):
        return InvalidURLError(f"not a URL that can be asked: {shown}", url=shown)
    if isinstance(error, SSLError | ssl.SSLError) and _CERTIFICATE in str(error):
        return ConnectError(f"{origin} has a certificate that is not trusted here", url=shown, is_permanent=True)
    if isinstance(error, IncompleteRead) or _is_cut(error):
        return TruncatedError(f"the answer of {shown} ended early", url=shown)
    for kinds, kind, words in _MEANINGS:
        if isinstance(error, kinds):
            translated = kind(words.format(origin=origin, reason=reason), url=shown)
            if isinstance(translated, ConnectError):
                translated.is_permanent = _WANTS_PASSWORD in reason or _CERTIFICATE in reason
            return translated
    return BadAnswerError(f"the answer of {shown} can't be read as HTTP: {type(error).__name__}", url=shown)


def _is_cut(error: Exception) -> bool:
    return isinstance(error, ProtocolError) and any(isinstance(each, IncompleteRead) for each in error.args)


def _reason(error: BaseException) -> str:
    """Return the operating system's words for the cause, or the kind of error; never the library's text."""
    cause: BaseException | None = error
    innermost = error
    while cause is not None:
        innermost = cause
        tunnel = _TUNNEL.search(str(cause)) if isinstance(cause, OSError) else None
        if tunnel is not None:
            return f"it answered {tunnel[1]}"
        if isinstance(cause, RemoteDisconnected):
            return "closed without an answer"
        if isinstance(cause, OSError) and cause.strerror and cause.errno is not None:
            return cause.strerror
        nested = next((each for each in cause.args if isinstance(each, BaseException)), None)
        cause = nested or cause.__cause__ or cause.__context__
    return type(innermost).__name__
