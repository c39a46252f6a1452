"""Which repository, revision and files are meant by what was typed after ``download``; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weighbridge.core.errors import InvalidParameterError

_SCHEME = "hf://"
_TYPES = {"models": "model", "datasets": "dataset", "spaces": "space", "kernels": "kernel"}
_SPECIAL = str.maketrans({"[": "[[]", "*": "[*]", "?": "[?]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is meant.

    Attributes:
        repo_id: Such as ``org/name``.
        repo_type: ``model``, ``dataset``, ``space``, ``kernel``; None is a model.
        revision: A branch, a tag, a commit; None is ``main``.
        names: Of files that there must be; none: whatever the patterns select.
        include: Globs; None selects all.
        exclude: Globs.
    """

    repo_id: str
    repo_type: str | None = None
    revision: str | None = None
    names: tuple[str, ...] = ()
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed.

    Attributes:
        address: ``org/name``, or ``hf://[TYPES/]org/name[@REVISION][/PATH]``.
        names: Of files; one that ends in ``/`` is a folder with all below it.
        include: Globs; none selects all.
        exclude: Globs.
        revision: A branch, a tag, a commit; None is what the address says, or ``main``.
        repo_type: None is what the address says, or a model.
    """

    address: str
    names: Sequence[str] = ()
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    revision: str | None = None
    repo_type: str | None = None


def read_target(typed: Typed) -> Target:
    """Return what is meant by what was typed.

    Raises:
        InvalidParameterError: It does not fit together.
    """
    target = _read_address(typed.address)
    if typed.revision is not None and target.revision is not None:
        raise InvalidParameterError(f"--revision is told by {typed.address} already; give it once")
    if typed.repo_type is not None and target.repo_type is not None:
        raise InvalidParameterError(f"--repo-type is told by {typed.address} already; give it once")
    names, include = (*target.names, *typed.names), list(typed.include)
    if names and (typed.include or typed.exclude):
        raise InvalidParameterError("name files, or select them with --include and --exclude; not both")
    if any(each.endswith("/") for each in names):
        include = [f"{each.translate(_SPECIAL)}{'*' if each.endswith('/') else ''}" for each in names]
        names = ()
    return Target(
        repo_id=target.repo_id,
        repo_type=target.repo_type or typed.repo_type,
        revision=target.revision or typed.revision,
        names=tuple(names),
        include=tuple(include) or None,
        exclude=tuple(typed.exclude) or None,
    )


def _read_address(address: str) -> Target:
    if not address.startswith(_SCHEME):
        return Target(repo_id=address)
    kind, _, rest = address.removeprefix(_SCHEME).partition("/")
    if kind not in _TYPES:
        kind, rest = "models", address.removeprefix(_SCHEME)
    parts = rest.split("/")
    count = 1 if "@" in parts[0] else 2
    repo_id, _, revision = "/".join(parts[:count]).partition("@")
    path = "/".join(parts[count:])
    return Target(
        repo_id=repo_id,
        repo_type=_TYPES[kind],
        revision=revision.replace("%2F", "/") or None,
        names=(path,) if path else (),
    )
