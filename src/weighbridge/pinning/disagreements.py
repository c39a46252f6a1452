"""What is said when a lock file and a server tell different things: both sides, and what can be done."""

from __future__ import annotations

from collections.abc import Sequence

from weighbridge.core.errors import (
    GatedRepoError,
    HfHubHTTPError,
    IntegrityError,
    LockMismatchError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    SizeMismatchError,
    WeighbridgeError,
)
from weighbridge.core.locks import LockedRepository
from weighbridge.hub.resolver import Hub

_NOT_FOUND = 404

Gone = (RemoteEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError)
"""Errors that may say that something is gone; :func:`is_gone` tells whether they do."""


def is_gone(error: HfHubHTTPError) -> bool:
    """Tell whether an error says that something is not there, rather than that nobody was let in to look."""
    return error.status == _NOT_FOUND and not isinstance(error, GatedRepoError)


def vanished(hub: Hub, locked: LockedRepository, error: HfHubHTTPError) -> LockMismatchError:
    """Return the error of something that is locked and gone; the Hub is asked what it has in its place.

    Args:
        hub: Who knows.
        locked: The repository, of which all, the commit, or a file is gone.
        error: What says so.
    """
    repo, now = locked.repo, "nothing of that name"
    asked = "main" if locked.revision == locked.commit else locked.revision
    if not isinstance(error, RepositoryNotFoundError):
        now = _meaning(hub, locked, asked)
    path = getattr(error, "path", None)
    what = f"the commit {locked.commit}" if path is None else f"{path} at the commit {locked.commit}"
    if now == locked.commit:
        happened = f"the server does not have it, though {asked} is that very commit there"
        advice = "if it is a mirror that has only a part of it, sync from one that has all"
    else:
        happened = f"the server does not have it: {asked} is {now} there now"
        advice = (
            f"to accept that: weighbridge lock --upgrade {repo.name}; to stay with what is locked, sync from a mirror "
            "or a bundle that has it"
        )
    return LockMismatchError(
        f"weighbridge.lock has {what} of the {repo}, and {happened}; {advice} ({error})",
        name=repo.name if path is None else path,
        expected=locked.commit,
        actual=now,
        url=error.url,
    )


def moved_tag(locked: LockedRepository, now: str) -> LockMismatchError:
    """Return the error of a tag that means another commit than was locked, or nothing any more."""
    repo, tag = locked.repo, locked.revision
    return LockMismatchError(
        f"the tag {tag} of the {repo} has moved: weighbridge.lock has {locked.commit}, the server now has {now}; find "
        f"out why, and to accept it: weighbridge lock --upgrade {repo.name}",
        name=repo.name,
        expected=locked.commit,
        actual=now,
    )


def other_bytes(whose: str, names: Sequence[str], error: IntegrityError) -> LockMismatchError:
    """Return the error of a file that a server has with other bytes than were locked.

    Args:
        whose: Of what the file is a part.
        names: What it may be called; the message of ``error`` tells which it is.
        error: What says so.
    """
    name = max((each for each in names if each in error.message), key=len, default="a file")
    unit = " bytes" if isinstance(error, SizeMismatchError) else ""
    return LockMismatchError(
        f"{name}, of {whose}, is not what was locked: weighbridge.lock has {error.expected}{unit}, "
        f"{error.url or 'the server'} now has {error.actual}{unit}; nothing was put in its place; find out why, or "
        "fetch it from elsewhere",
        name=name,
        expected=error.expected,
        actual=error.actual,
        url=error.url,
    )


def _meaning(hub: Hub, locked: LockedRepository, revision: str) -> str:
    try:
        return hub.commit_of(locked.repo, revision)
    except Gone:
        return "no branch or tag"
    except WeighbridgeError as error:
        return f"unknown ({type(error).__name__})"
