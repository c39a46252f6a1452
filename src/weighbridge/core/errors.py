"""Every error raised on purpose, in one tree that carries its facts as attributes.

The names of the two interfaces we implement (``RetryError``, ``FileHashSumMissmatch``,
``UntrustedFileError``, ``InvalidParameterError``) are base classes inside the tree, so that existing
``except`` clauses catch ours.  No message ever holds a token, a user name from a URL or a query string:
whoever builds one passes URLs through :func:`weighbridge.core.urls.redact` first.
"""

from __future__ import annotations

from typing import Any

from weighbridge.core.refusals import HubAnswer


class WeighbridgeError(Exception):
    """Root of everything this package raises on purpose.

    Args:
        message: What happened, where, and what can be done; holds no secret.
        facts: Whatever a caller may want to decide on; each becomes an attribute.
    """

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        for name, value in facts.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by attributes, so that an error crosses process borders whole."""
        return (_rebuild, (type(self), self.message), dict(self.__dict__))

    @property
    def help_url(self) -> str:
        """Address of this error's section in the page of help that is installed with the package."""
        from importlib import resources  # noqa: PLC0415 - slow to import, and most errors are never looked up

        page = resources.files("weighbridge") / "help" / "errors.md"
        return f"file://{page}#{type(self).__name__.lower()}"


def _rebuild(kind: type[WeighbridgeError], message: str) -> WeighbridgeError:
    """Return an error without its facts, which unpickling adds."""
    error = blank(kind)
    WeighbridgeError.__init__(error, message)
    return error


def blank(kind: type[WeighbridgeError]) -> WeighbridgeError:
    """Return an error of which no constructor was run."""
    maker: Any = kind
    while maker.__module__ != "builtins":
        maker = maker.__base__  # of several builtin bases, the one that knows the object's layout
    error: WeighbridgeError = maker.__new__(kind)
    return error


# The seeds' names, as bases --------------------------------------------------------------------------------


class RetryError(WeighbridgeError):
    """The bytes could not be had, after all that was allowed to be tried (name of inference-models)."""


class FileHashSumMissmatch(WeighbridgeError):  # noqa: N818 - the seed's own name, spelling included
    """What arrived is not what was promised (name of inference-models)."""


class UntrustedFileError(WeighbridgeError):
    """A file without a promised digest was asked for, and the caller did not allow it."""

    names: tuple[str, ...] = ()


class InvalidParameterError(WeighbridgeError, ValueError):
    """An argument can't mean anything; nothing was sent and nothing was written."""


# Asked for something that can't be asked for ---------------------------------------------------------------


class RequestError(InvalidParameterError):
    """Asked for something that can't be asked for; nothing was sent."""


class InvalidNameError(RequestError):
    """A name that can't be used for a file here (``.name``)."""

    name: object = None


class UnsafePathError(RequestError):
    """A name that would lead outside the directory it was meant for (``.name``)."""

    name: object = None


class InvalidURLError(RequestError):
    """A source that is not an absolute http or https URL (``.url``, redacted)."""

    url: str | None = None


class InvalidDigestError(RequestError):
    """A digest that names no algorithm we know, or has the wrong length for it (``.text``)."""

    text: str | None = None


class InvalidRangeError(RequestError):
    """A byte range that ends before it starts or lies outside its artifact."""


class ManifestError(RequestError):
    """A manifest that can't be understood (``.line``, counted from 1)."""

    line: int | None = None


# The bytes did not arrive ----------------------------------------------------------------------------------


class TransferError(RetryError):
    """The bytes did not arrive.  ``.url`` is redacted; ``.offset`` is in bytes, when known."""

    url: str | None = None
    offset: int | None = None


class ConnectError(TransferError):
    """No connection could be made, or it broke (``.is_permanent``: trying again can't help)."""

    is_permanent: bool = False


class StalledError(TransferError):
    """A connection stayed slower than the floor for a whole window."""


class BadStatusError(TransferError):
    """The server answered with a status that gives no bytes (``.status``, ``.retry_after_s`` if it asked for it)."""

    status: int = 0
    retry_after_s: float | None = None


class RateLimitedError(BadStatusError):
    """The server asks to be left alone for longer than we may wait."""


class BadAnswerError(TransferError):
    """The answer contradicts the request or itself: range, length or encoding."""


class RangeIgnoredError(BadAnswerError):
    """A range was asked for and the whole file came."""


class TruncatedError(TransferError):
    """The body ended before its announced length."""


class RedirectError(TransferError):
    """A redirect that must not be followed: a loop, too many hops, from https down to http, another scheme."""


class ArtifactChangedError(TransferError):
    """The file behind the URL changed while it was being fetched."""


class RetriesExhaustedError(TransferError):
    """Every allowed attempt failed (``.failures``: their errors, oldest first)."""

    failures: tuple[Exception, ...] = ()


class CancelledError(WeighbridgeError):
    """The caller asked to stop; what arrived is kept and the same call goes on from there."""


# Bytes arrived and are wrong -------------------------------------------------------------------------------


class IntegrityError(FileHashSumMissmatch):
    """Bytes arrived and are wrong (``.expected``, ``.actual``, ``.url`` redacted)."""

    expected: object = None
    actual: object = None
    url: str | None = None


class DigestMismatchError(IntegrityError):
    """The whole file's digest is not the promised one."""


class SizeMismatchError(IntegrityError):
    """The file's size in bytes is not the promised one."""


# The local side --------------------------------------------------------------------------------------------


class StoreError(WeighbridgeError):
    """The local side failed (``.path``)."""

    path: str | None = None


class DiskFullError(StoreError):
    """Not enough room (``.needed`` and ``.free`` in bytes); what arrived is kept."""

    needed: int | None = None
    free: int | None = None


class ClaimTimeoutError(StoreError, RetryError):
    """Another process holds the file and made no progress for as long as we may wait (``.waited_s``)."""

    waited_s: float = 0.0


class OfflineError(RetryError, RuntimeError):
    """Not here, and the network is switched off (inference-models raises a ``RuntimeError``)."""


# The Hub, and its files on this machine (names and bases of huggingface_hub, 0.9 to 2.x) ----------------------


class HfHubHTTPError(WeighbridgeError, OSError):
    """The Hub answered no (``.status``, ``.url`` redacted, ``.request_id``, ``.server_message``, ``.response``)."""

    status: int = 0
    url: str | None = None
    request_id: str | None = None
    server_message: str | None = None
    response: HubAnswer | None = None


class RepositoryNotFoundError(HfHubHTTPError):
    """There is no such repository, or it is private and the token, if any, may not see it."""

    repo_id: str | None = None
    repo_type: str | None = None


class GatedRepoError(RepositoryNotFoundError):
    """The repository's owner wants to be asked first, and this token's user has not been let in."""


class DisabledRepoError(HfHubHTTPError):
    """The Hub has closed the repository."""


class RevisionNotFoundError(HfHubHTTPError):
    """The repository has no such branch, tag or commit (``.revision``)."""

    revision: str | None = None


class BadRequestError(HfHubHTTPError, ValueError):
    """The Hub calls the request a bad one (400)."""


class EntryNotFoundError(WeighbridgeError):
    """The file is not there: not in the repository, or not on this machine (``.path`` in the repository)."""

    path: str | None = None


class RemoteEntryNotFoundError(HfHubHTTPError, EntryNotFoundError):
    """The repository has no such file at this revision (``.commit``: which one that is, if the Hub has told)."""

    commit: str | None = None


class LocalEntryNotFoundError(EntryNotFoundError, FileNotFoundError, ValueError):
    """It is not on this machine, and could not be fetched: the cause tells why, if it was tried at all."""

    response: HubAnswer | None = None


class IncompleteSnapshotError(LocalEntryNotFoundError):
    """Of a snapshot only a part is on this machine (``.snapshot_path``, ``.missing``: paths in the repository)."""

    snapshot_path: str | None = None
    missing: tuple[str, ...] = ()


class OfflineModeIsEnabled(OfflineError, ConnectionError):  # noqa: N818 - huggingface_hub's own name
    """The Hub would have to be asked, and the network is switched off."""


class LocalTokenNotFoundError(RequestError, OSError):
    """A token was demanded and there is none."""


class FileMetadataError(WeighbridgeError, OSError):
    """The server's answer about a file lacks what a client needs: the commit, or the name of its content."""


class DryRunError(OfflineError, OSError):
    """What would be done can't be told without asking the Hub."""


class HFValidationError(RequestError):
    """Not the id of a repository."""


class CacheNotFound(StoreError):  # noqa: N818 - huggingface_hub's own name
    """There is no cache at this place (``.cache_dir``)."""

    cache_dir: str | None = None


class CorruptedCacheException(StoreError):  # noqa: N818 - huggingface_hub's own name
    """A repository's folder in a cache is not laid out as one."""


# The care of a cache, and what is pinned -------------------------------------------------------------------


class CacheInUseError(StoreError):
    """What is to be removed is in use by a live process, or pinned (``.path``); nothing was removed of it."""


class CacheLimitError(DiskFullError):
    """What is asked for does not fit into the cache's limit, whatever may leave (``.limit`` in bytes)."""

    limit: int = 0


class DamagedCacheError(IntegrityError):
    """Something in the cache is not what it must be, and was not mended (``.findings``)."""

    findings: tuple[object, ...] = ()


class ProjectError(RequestError):
    """A ``weighbridge.toml`` that can't be used (``.path``, ``.line`` if known)."""

    path: str | None = None
    line: int | None = None


class LockFileError(ProjectError):
    """A ``weighbridge.lock`` that can't be used."""


class LockOutdatedError(LockFileError):
    """The lock file is not of what the project asks for now (``.changes``: a sentence for each)."""

    changes: tuple[str, ...] = ()


class LockMismatchError(IntegrityError):
    """The lock file and the server say different things (``.expected``, ``.actual``, ``.name``)."""

    name: str = ""


class BundleError(IntegrityError):
    """A bundle that is damaged, not whole, or none (``.path``)."""

    path: str | None = None
