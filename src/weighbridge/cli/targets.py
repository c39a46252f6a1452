"""Which repository, revision and files are meant by what was typed after ``download``, and are all there; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from weighbridge.core.errors import EntryNotFoundError, InvalidParameterError

_SCHEME = "hf://"
_TYPES = {"models": "model", "datasets": "dataset", "spaces": "space", "kernels": "kernel"}
_ADVICE = "--dry-run without any selection lists all files"
_SPECIAL = str.maketrans({"[": "[[]", "*": "[*]", "?": "[?]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Files that are asked for at once.

    Attributes:
        names: Of files that there must be; none: whatever the patterns select.
        include: Globs; None selects all.
        exclude: Globs.
    """

    names: tuple[str, ...] = ()
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is meant.

    Attributes:
        repo_id: Such as ``org/name``.
        repo_type: ``model``, ``dataset``, ``space``, ``kernel``; None is a model.
        revision: A branch, a tag, a commit; None is ``main``.
        names: Of files that there must be.
        folders: Of which each must hold a file; with a slash at their end.
        include: Globs, if nothing is named; None selects all.
        exclude: Globs.
    """

    repo_id: str
    repo_type: str | None = None
    revision: str | None = None
    names: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None

    @property
    def file(self) -> str | None:
        """The name of the file, if one is all that is wanted."""
        return self.names[0] if len(self.names) == 1 and not self.folders else None

    @property
    def selections(self) -> tuple[Selection, ...]:
        """What to ask for, in this order: a name that is wrong is told before a folder is fetched."""
        named = (Selection(names=self.names),) if self.names else ()
        if self.folders:
            include = tuple(f"{each.translate(_SPECIAL)}*" for each in self.folders)
            return (*named, Selection(include=include))
        return named or (Selection(include=self.include, exclude=self.exclude),)

    def check(self, found: Collection[str]) -> None:
        """Refuse to have found nothing of what was asked for.

        Args:
            found: Paths of the files there are.

        Raises:
            EntryNotFoundError: A folder holds none of them, or none was selected.
        """
        where = f"the {self.repo_type or 'model'} {self.repo_id} at {self.revision or 'main'}"
        for folder in self.folders:
            if not any(each.startswith(folder) for each in found):
                raise EntryNotFoundError(f"{where} has no file in {folder}; {_ADVICE}", path=folder)
        if not found and (self.include or self.exclude):
            raise EntryNotFoundError(f"--include and --exclude select no file of {where}; {_ADVICE}")


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
        raise InvalidParameterError(f"--revision is told by {typed.address!r} already; give it once")
    if typed.repo_type is not None and target.repo_type is not None:
        raise InvalidParameterError(f"--repo-type is told by {typed.address!r} already; give it once")
    names = (*target.names, *typed.names)
    if names and (typed.include or typed.exclude):
        raise InvalidParameterError("name files, or select them with --include and --exclude; not both")
    return Target(
        repo_id=target.repo_id,
        repo_type=target.repo_type or typed.repo_type,
        revision=target.revision or typed.revision,
        names=tuple(each for each in names if not each.endswith("/")),
        folders=tuple(each for each in names if each.endswith("/")),
        include=tuple(typed.include) or None,
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
