"""Answers that give no file, with the codes that clients of the Hub tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """Raised to end a request with an error that the client can understand.

    Attributes:
        status: HTTP status.
        message: For people; goes into ``X-Error-Message`` and the body.
        code: ``X-Error-Code``, which Hub clients map to their error types; None sends none.
        headers: More headers of the answer.
    """

    status: int
    message: str
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message


def no_repository(shown: str) -> Refusal:
    """Return the answer to a repository that is not held here."""
    return Refusal(404, f"this mirror holds no {shown}", "RepoNotFound")


def no_revision(shown: str, revision: str) -> Refusal:
    """Return the answer to a branch, tag or commit that is not held here."""
    return Refusal(404, f"{shown} is not held here at revision {revision}", "RevisionNotFound")


def no_entry(shown: str, path: str, commit: str, *, is_known: bool) -> Refusal:
    """Return the answer to a file that a commit, as it is held here, does not have.

    Args:
        shown: The repository.
        path: The file.
        commit: Where it was looked for.
        is_known: The commit surely has no such file.  Only then is the commit told, since clients that are told it note
            for ever that the file does not exist.
    """
    headers = {"X-Repo-Commit": commit} if is_known else {}
    return Refusal(404, f"{shown} has no {path} at {commit}", "EntryNotFound", headers)


def try_later(message: str) -> Refusal:
    """Return the answer to what can't be told now."""
    return Refusal(503, message, None, {"Retry-After": "5"})


def bad_request(message: str) -> Refusal:
    """Return the answer to a request that can't mean anything."""
    return Refusal(400, message)


def no_such_address() -> Refusal:
    """Return the answer to a path that is nobody's."""
    return Refusal(404, "nothing is served at this address")
