"""Lets the ``except`` clauses of programs that know huggingface_hub, requests or httpx catch our errors.

None of these libraries is ever imported here.  A program that has an ``except`` clause with one of their classes has
imported it, so the classes are looked up among what is loaded at the moment an error leaves a call.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache, wraps
from typing import Any, ParamSpec, Self, TypeGuard, TypeVar

from weighbridge.core.errors import (
    BadStatusError,
    HfHubHTTPError,
    IntegrityError,
    LocalEntryNotFoundError,
    OfflineError,
    RetriesExhaustedError,
    StalledError,
    StoreError,
    TransferError,
    WeighbridgeError,
    blank,
)
from weighbridge.core.refusals import HubAnswer

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Own = tuple[type[WeighbridgeError], ...]  # our classes that an error is of, beside their bases

_HUB_MODULES = ("huggingface_hub.errors", "huggingface_hub.utils", "huggingface_hub.utils._errors")
_OLD_HUB_MODULE = "huggingface_hub.file_download"  # where 0.9 keeps the error of being offline
_ANSWERED = (("requests", "HTTPError"), ("httpx", "HTTPError"), ("httpx2", "HTTPError"))
_BROKEN = (("requests", "ConnectionError"), ("httpx", "TransportError"), ("httpx2", "TransportError"))
_STALLED = (("requests", "Timeout"), ("httpx", "TimeoutException"), ("httpx2", "TimeoutException"))
_ABSENT = (("requests", "HTTPError"),)  # such an error was one of these only as long as requests was used


def recast(error: Exception) -> Exception:
    """Return ``error`` as one that is also of the classes by which it has been caught so far.

    =========================  =========================================================================
    ours                       also
    =========================  =========================================================================
    any                        the class of that name of a huggingface_hub that is loaded
    HfHubHTTPError             ``HTTPError`` of requests, httpx, httpx2
    LocalEntryNotFoundError    ``HTTPError`` of requests
    TransferError              ``ConnectionError`` of requests, ``TransportError`` of httpx, httpx2; OSError
    … of a status              HfHubHTTPError and what goes with it, not what is above
    IntegrityError, StoreError OSError; if the system has said no, its class and ``errno``
    OfflineError               ConnectionError
    =========================  =========================================================================

    Its name, message, attributes, cause, context, notes and traceback are those of ``error``, and it is pickled as
    ``error`` is, so that a process without these libraries can read it.

    Args:
        error: Any; one that is none of ours is returned as it is.
    """
    if not isinstance(error, WeighbridgeError):
        return error
    answer = _answer_of(error)
    own: _Own = (type(error),)
    if answer is not None and not isinstance(error, HfHubHTTPError):
        own = (type(error), HfHubHTTPError)
    kind = _kind_of(own, tuple(_relatives(error, own)))
    if kind is type(error):
        return error
    known: Any = blank(kind)  # all of its classes' constructors want something else
    known.args = error.args
    known.__dict__.update(error.__dict__)
    if len(own) > 1 and answer is not None:
        known.status, known.url, known.response = answer.status_code, answer.url, answer
    if isinstance(known, OSError):
        known.errno = getattr(error, "errno", None) or getattr(error.__cause__, "errno", None)
    known.__cause__, known.__context__ = error.__cause__, error.__context__
    known.__suppress_context__, known.__traceback__ = error.__suppress_context__, error.__traceback__
    return known  # type: ignore[no-any-return]


class as_known:  # noqa: N801 - reads as a phrase where it is used
    """Recast every error that leaves a ``with`` block, or a function that this decorates; see :func:`recast`."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, WeighbridgeError):
            return
        known = recast(error)
        if known is error:
            return
        context = known.__context__
        try:
            raise known
        finally:
            known.__context__ = context  # the error that it stands for is no news
            del known, error, trace  # each holds a traceback, and that this frame

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """Return ``function``, its errors recast."""

        @wraps(function)
        def recasting(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with self:
                return function(*args, **kwargs)

        return recasting


def _answer_of(error: WeighbridgeError) -> HubAnswer | None:
    """Return the answer that ended a transfer; None if no answer did."""
    last = error.failures[-1] if isinstance(error, RetriesExhaustedError) and error.failures else error
    if isinstance(last, BadStatusError):
        return HubAnswer(status_code=last.status, url=last.url or "")
    return getattr(last, "response", None)


def _relatives(error: WeighbridgeError, own: _Own) -> Iterator[type[Exception]]:
    """Yield all classes by which somebody may want to catch ``error``."""
    yield from _of_hub(own)
    match error:
        case _ if HfHubHTTPError in own or isinstance(error, HfHubHTTPError):
            yield from _loaded(_ANSWERED)
        case LocalEntryNotFoundError():
            yield from _loaded(_ABSENT)
        case TransferError():
            yield from _loaded(_BROKEN + _STALLED if isinstance(error, StalledError) else _BROKEN)
            yield OSError
        case IntegrityError() | StoreError():
            yield _of_system(error.__cause__)
        case OfflineError():
            yield ConnectionError


def _of_hub(own: _Own) -> Iterator[type[Exception]]:
    """Yield the classes of a loaded huggingface_hub that are called like ours."""
    modules = [sys.modules[each] for each in (*_HUB_MODULES, _OLD_HUB_MODULE) if each in sys.modules]
    for name in dict.fromkeys(each.__name__ for kind in own for each in kind.__mro__ if each.__module__ != "builtins"):
        found = next((vars(each)[name] for each in modules if name in vars(each)), None)
        if _is_error(found):
            yield found


def _loaded(names: tuple[tuple[str, str], ...]) -> Iterator[type[Exception]]:
    for module, name in names:
        found = getattr(sys.modules.get(module), name, None)  # one that is just being imported may lack it
        if _is_error(found):
            yield found


def _of_system(cause: BaseException | None) -> type[Exception]:
    """Return the class of what the system said."""
    kind = type(cause)
    return kind if isinstance(cause, OSError) and vars(builtins).get(kind.__name__) is kind else OSError


def _is_error(found: object) -> TypeGuard[type[Exception]]:
    return isinstance(found, type) and issubclass(found, Exception)


@lru_cache(maxsize=256)
def _kind_of(own: _Own, relatives: tuple[type[Exception], ...]) -> type[WeighbridgeError]:
    """Return the class of errors that are of all ``own`` and, as far as that can be, of all ``relatives``."""
    bases: tuple[type[Exception], ...] = own
    kind = own[0] if len(own) == 1 else _make(own)
    for each in sorted(relatives, key=lambda relative: -len(relative.__mro__)):  # special ones before general ones
        if issubclass(kind, each):
            continue
        with suppress(TypeError):  # the order or the layout of some classes can't be reconciled
            kind = _make((*bases, each))
            bases = (*bases, each)
    return kind


def _make(bases: tuple[type[Exception], ...]) -> type[WeighbridgeError]:
    """Return a class that looks like the first of ``bases``."""
    plain = bases[0]

    def reduce(self: WeighbridgeError, protocol: object) -> tuple[Any, ...]:
        rebuild, (_, message), facts = WeighbridgeError.__reduce__(self)
        return (rebuild, (plain, message), facts)

    inside = {
        "__module__": plain.__module__,
        "__qualname__": plain.__qualname__,
        "__doc__": plain.__doc__,
        "__reduce_ex__": reduce,
        "request": None,  # httpx has a property here, which raises an error of its own
        "response": getattr(plain, "response", None),
    }
    return type(plain.__name__, bases, inside)
