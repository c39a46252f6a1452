"""What it means when the Hub says no, and what can be done about it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from weighbridge.core.errors import (
    BadRequestError,
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from weighbridge.core.refusals import AnswerHeaders, HubAnswer
from weighbridge.core.repos import RepoId, is_commit
from weighbridge.core.urls import origin_of, redact
from weighbridge.http.messages import parse_retry_after
from weighbridge.hub.wording import clean, words_of

_LONGEST_ID = 128  # characters
_SERVER_FAILS = 500
_BEFORE_DISABLED = ("RevisionNotFound", "EntryNotFound", "GatedRepo")
_DISABLED = "Access to this resource is disabled."
_BAD_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105 - what the Hub says of one
_REQUEST_IDS = ("X-Request-Id", "X-Amzn-Trace-Id", "X-Amz-Cf-Id")
READ = (
    *_REQUEST_IDS,
    "X-Error-Code",
    "X-Error-Message",
    "X-Repo-Commit",
    "Content-Type",
    "Date",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
)
"""Headers that are looked at and kept with an error; all others may hold secrets: cookies, signed addresses."""


_PLAIN: Mapping[int, tuple[type[HfHubHTTPError], str, str]] = {
    400: (BadRequestError, "{whom} can't make sense of the request", "check the names in it"),
    401: (HfHubHTTPError, "{whom} denies access to {repository}", "{token}"),
    403: (HfHubHTTPError, "{whom} denies access to {repository}", "{token}"),
    404: (HfHubHTTPError, "{whom} has nothing at this address", "try again, or another revision"),
    416: (HfHubHTTPError, "{whom} has no such part of the file", "the file may have changed; try again"),
    429: (HfHubHTTPError, "{whom} had too many requests from here", "wait a while; with a token it may allow more"),
}
_TROUBLE = (HfHubHTTPError, "{whom} is in trouble", "try again later")
_NOTHING = (HfHubHTTPError, "{whom} gives no content", "check whether its address is that of a Hub")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for when a Hub said no.

    Attributes:
        url: Who said it.
        repo: None if nobody knows; so with the others.
        revision: As given.
        path: Of the file.
        endpoint: The Hub's address.  A no from another origin, where a redirect led, tells less.
        has_token: Whether credentials were sent along.
    """

    url: str = field(repr=False)  # may be signed
    repo: RepoId | None = None
    revision: str | None = None
    path: str | None = None
    endpoint: str = field(default="", repr=False)  # may hold a password
    has_token: bool = False

    @property
    def is_home(self) -> bool:
        """Whether the Hub itself said it."""
        return not self.endpoint or origin_of(self.url) == origin_of(self.endpoint)

    @property
    def repository(self) -> str:
        """The repository, as messages call it."""
        return "the repository" if self.repo is None else f"the {self.repo}"

    @property
    def page(self) -> str:
        """Where people look at the repository."""
        if self.repo is None:
            return redact(self.url.partition("/resolve/")[0])
        return f"{redact(self.endpoint).rstrip('/')}/{self.repo.address}" if self.endpoint else self.repo.address


@dataclass(frozen=True, slots=True)
class _No:
    """What a refusal means.

    Attributes:
        kind: The error.
        happened: What happened.
        advice: What can be done.
        facts: Attributes of the error beside those that all have.
    """

    kind: type[HfHubHTTPError]
    happened: str
    advice: str
    facts: Mapping[str, object] = field(default_factory=dict)


def refusal_of(status: int, headers: Mapping[str, str], body: bytes, asked: Asked) -> HfHubHTTPError:
    """Return the error that an answer without content means.

    Codes (``X-Error-Code``) are believed from everybody.  Without one, a 401 of the Hub says that the repository is not
    there or not for us, also over plain http, where many mirrors are; and a 404 says the same, or of an address of a
    file that the file is not there.  That is what a user of a server without codes has to know: it is no failure of the
    connection.  No commit is told then, so nobody notes for ever that the file does not exist.

    Args:
        status: Not 2xx.
        headers: As sent.
        body: The beginning of it, decoded.
        asked: What for.
    """
    words = words_of(headers, body)
    no = _read_code(headers, asked) or _read_status(status, words, asked)
    shown, request_id = redact(asked.url), _request_id(headers)
    where = f"{shown} answered {status}" + (f", request {request_id}" if request_id else "")
    if (wait := parse_retry_after(headers)) is not None:
        where += f", and asks to be left alone for {wait:.0f} s"
    said = f"; the server says: {words}" if words else ""
    answer = HubAnswer(status_code=status, headers=_harmless(headers), url=shown.removesuffix("?…"), text=words)
    return no.kind(
        f"{no.happened}; {no.advice} ({where}{said})",
        status=status,
        url=shown,
        request_id=request_id,
        server_message=words or None,
        response=answer,
        **no.facts,
    )


def _read_code(headers: Mapping[str, str], asked: Asked) -> _No | None:
    code = headers.get("X-Error-Code", "").strip()
    if code not in _BEFORE_DISABLED and headers.get("X-Error-Message", "").strip() == _DISABLED:
        advice = f"{asked.page} may tell why"
        return _No(DisabledRepoError, f"{asked.repository} was disabled by the Hub", advice, _whose(asked))
    match code:
        case "RevisionNotFound":
            return _no_revision(asked)
        case "EntryNotFound":
            commit = headers.get("X-Repo-Commit", "").strip()
            return _no_entry(asked, commit if is_commit(commit) else None)
        case "GatedRepo":
            return _gated(asked)
    return _no_repository(asked) if code == "RepoNotFound" else None


def _read_status(status: int, words: str, asked: Asked) -> _No:
    """Return what a refusal without a code that we know means."""
    if asked.is_home and status == HTTPStatus.NOT_FOUND:
        return _no_repository(asked) if asked.path is None else _no_entry(asked, None)
    if asked.is_home and status == HTTPStatus.UNAUTHORIZED and words != _BAD_TOKEN:
        return _no_repository(asked)
    kind, happened, advice = _PLAIN.get(status, _TROUBLE if status >= _SERVER_FAILS else _NOTHING)
    if words == _BAD_TOKEN and asked.has_token:
        happened, advice = "{whom} does not accept the token", "give a valid one, or token=False for none"
    whom = "the Hub" if asked.is_home else "the server that the Hub redirects to"
    return _No(
        kind,
        happened.format(whom=whom, repository=asked.repository),
        advice.format(token=_try_token(asked)),
    )


def _no_revision(asked: Asked) -> _No:
    revision = asked.revision or "main"
    return _No(
        RevisionNotFoundError,
        f"{asked.repository} has no branch, tag or commit {revision!r}",
        f"look at {asked.page} for those it has",
        {"revision": revision} | _whose(asked),
    )


def _gated(asked: Asked) -> _No:
    return _No(
        GatedRepoError,
        f"{asked.repository} is gated, and its owner has not let you in",
        f"visit {asked.page} and ask for access; then {_try_token(asked)}",
        _whose(asked),
    )


def _no_repository(asked: Asked) -> _No:
    hint = _try_token(asked)
    return _No(
        RepositoryNotFoundError,
        f"{asked.repository} is not there, or it is private",
        f"check its name and type; if it is private, {hint}",
        _whose(asked),
    )


def _no_entry(asked: Asked, commit: str | None) -> _No:
    what = "such file" if asked.path is None else ascii(asked.path)
    return _No(
        RemoteEntryNotFoundError,
        f"{asked.repository} has no {what} at {asked.revision or 'main'}",
        f"look at {asked.page} for the files it has",
        {"path": asked.path, "commit": commit} | _whose(asked),
    )


def _try_token(asked: Asked) -> str:
    if asked.has_token:
        return "give a token whose user may see it: the one that was sent may not, or is no longer valid"
    return "give a token whose user may see it: none was sent"


def _whose(asked: Asked) -> dict[str, object]:
    if asked.repo is None:
        return {}
    return {"repo_id": asked.repo.name, "repo_type": asked.repo.kind.word}


def _harmless(headers: Mapping[str, str]) -> AnswerHeaders:
    found = ((name.lower(), headers.get(name)) for name in READ)
    return AnswerHeaders({name: clean(value) for name, value in found if value is not None})


def _request_id(headers: Mapping[str, str]) -> str | None:
    given = next((value for name in _REQUEST_IDS if (value := headers.get(name, "").strip())), "")
    return clean(given)[:_LONGEST_ID] or None
