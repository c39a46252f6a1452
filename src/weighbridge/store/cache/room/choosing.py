"""What of a cache is meant by what somebody has typed: a repository, a commit, a file of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from weighbridge.core.errors import EntryNotFoundError, HFValidationError, InvalidParameterError
from weighbridge.core.repos import RepoId, is_commit
from weighbridge.store.cache.room.inventory import CachedRepo, CachedRevision, Inventory

_SCHEME = "hf://"
_SHORTEST = 7  # digits of a commit that may stand for all of it
_KINDS = frozenset({"models", "datasets", "spaces", "kernels"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is meant.

    Attributes:
        name: ``org/name``, ``org/name@<commit>``, ``org/name@<commit>/path``.
        repo: The repository's folder.
        path: That folder, a snapshot, or a file of one.
        commit: Of the snapshot, or of the file's; None: all of the repository.
        refs: Branches and tags that mean what is meant, sorted.
        pins: Who has pinned any of it, sorted.
        size: Bytes of its contents, each counted once.
    """

    name: str
    repo: Path
    path: Path
    commit: str | None
    refs: tuple[str, ...]
    pins: tuple[str, ...]
    size: int


def choose(inventory: Inventory, text: str) -> Choice:
    """Return what is meant.

    Args:
        inventory: Of the cache.
        text: ``[hf://][datasets/]org/name``, then perhaps ``@`` with a branch, a tag, a commit or the first 7 or more
            digits of one, then perhaps ``/`` with the path of a file.

    Raises:
        EntryNotFoundError: It is not in the cache; the message names what is like it.
        InvalidParameterError: It can't mean anything, or several commits begin so.
    """
    address, revision, path = _split(text)
    by_name = {each.name: each for each in inventory.repos}
    repo = by_name.get(address.address)
    if repo is None and (repo := by_name.get(text)) is None:  # a folder may be called as no repository can be
        return _choose_damaged(inventory, address, text)
    if (revision is None and path is None) or repo.name == text:
        return Choice(
            name=repo.name,
            repo=repo.path,
            path=repo.path,
            commit=None,
            refs=repo.refs,
            pins=repo.pins,
            size=repo.size,
        )
    found, rest = _find(repo, revision if revision is not None else f"main/{path}")
    if rest is None:
        return Choice(
            name=found.name,
            repo=repo.path,
            path=found.path,
            commit=found.commit,
            refs=found.refs,
            pins=found.pins,
            size=found.size,
        )
    return _choose_file(repo, found, rest)


def name_choice(inventory: Inventory, text: str) -> tuple[RepoId, str | None]:
    """Return the repository and the commit, if any, that are meant; what is told in full need not be in the cache.

    Raises:
        EntryNotFoundError, InvalidParameterError: See :func:`choose`; a file can't be meant.
    """
    address, revision, path = _split(text)
    if path is None and (revision is None or is_commit(revision)):
        return address, revision
    chosen = choose(inventory, text)
    if chosen.commit is not None and chosen.path.name != chosen.commit:
        raise InvalidParameterError(f"{text} is a file; repositories and their revisions can be pinned")
    return address, chosen.commit


def _split(text: str) -> tuple[RepoId, str | None, str | None]:
    """Return repository, what follows ``@``, and, if nothing does, the path."""
    given = text.removeprefix(_SCHEME).strip("/")
    head, has_revision, rest = given.partition("@")
    parts = head.split("/")
    kind = [parts.pop(0)] if parts[0] in _KINDS and len(parts) > 1 else []
    count = len(parts) if has_revision else 2  # digits of an id
    try:
        repo = RepoId.parse("/".join([*kind, *parts[:count]]))
    except HFValidationError as error:
        if set(text) & set("*?["):
            hint = f"weighbridge cache ls -q {text!r} | xargs -r weighbridge cache rm --dry-run"
            raise InvalidParameterError(f"not a name but a pattern: {text!r}; try {hint}") from None
        raise InvalidParameterError(f"not something in a cache: {text!r}; {error}") from None
    if has_revision and not rest:
        raise InvalidParameterError(f"no revision follows the @ of {text!r}")
    return repo, rest.replace("%2F", "/") if has_revision else None, "/".join(parts[count:]) or None


def _find(repo: CachedRepo, text: str) -> tuple[CachedRevision, str | None]:
    """Return the revision that text begins with, and the path that follows it, if any: names may hold slashes."""
    parts = text.split("/")
    for count in range(len(parts), 0, -1):
        name, rest = "/".join(parts[:count]), "/".join(parts[count:]) or None
        for each in repo.revisions:
            if name in each.refs or name == each.commit:
                return each, rest
    start = parts[0]
    found = [each for each in repo.revisions if len(start) >= _SHORTEST and each.commit.startswith(start)]
    if len(found) > 1:
        names = ", ".join(each.commit for each in found)
        raise InvalidParameterError(f"{start} may be each of these commits of {repo.name}: {names}")
    if not found:
        known = [*repo.refs, *(each.commit for each in repo.revisions)]
        raise EntryNotFoundError(f"{repo.name} has no revision {text} here{_like(text, known)}", path=text)
    return found[0], "/".join(parts[1:]) or None


def _choose_file(repo: CachedRepo, revision: CachedRevision, path: str) -> Choice:
    place = revision.path / path
    is_inside = not {"", ".", ".."} & {*path.split("/")} and (place.is_symlink() or place.is_file())
    if not is_inside and place.is_dir():
        raise InvalidParameterError(
            f"{path} of {revision.name} is a directory; name files of it, or all of the revision"
        )
    if not is_inside:
        files = [each.relative_to(revision.path).as_posix() for each in revision.path.rglob("*") if not each.is_dir()]
        raise EntryNotFoundError(f"{revision.name} has no file {path} here{_like(path, files)}", path=path)
    size = place.stat().st_size if place.exists() else 0
    return Choice(
        name=f"{revision.name}/{path}",
        repo=repo.path,
        path=place,
        commit=revision.commit,
        refs=(),
        pins=revision.pins,
        size=size,
    )


def _choose_damaged(inventory: Inventory, address: RepoId, text: str) -> Choice:
    """Return a repository that is not laid out as one, which can only go as a whole."""
    place = inventory.root / address.folder
    if not place.is_dir() or place.is_symlink():
        known = [each.name for each in inventory.repos]
        raise EntryNotFoundError(f"{address.address} is not in {inventory.root}{_like(address.address, known)}")
    if "@" in text:
        raise InvalidParameterError(
            f"{place} is damaged, or being fetched (weighbridge cache verify tells); it can only go as a whole"
        )
    return Choice(name=address.address, repo=place, path=place, commit=None, refs=(), pins=(), size=0)


def _like(name: str, known: Iterable[str]) -> str:
    near: Sequence[str] = get_close_matches(name, [*known], n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else ""
