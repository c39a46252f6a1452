"""The addresses of a Hub: which path is whose, and what a request asks for; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from tests.support.hub_repos import Repo

Subject = Literal["info", "tree", "file", "cached file"]

_SUBJECTS: Mapping[str, Subject] = {"revision": "info", "tree": "tree"}
_KINDS: Mapping[str, str] = {"models": "model", "datasets": "dataset", "spaces": "space"}


@dataclass(frozen=True, slots=True)
class Target:
    """What one address means.

    Attributes:
        subject: What is told or sent: ``info`` of a revision, a ``tree``, a ``file``, or a ``cached file``: the one
            that an address under ``/api/resolve-cache/`` stands for.
        kind: ``model``, ``dataset`` or ``space``.
        name: The repository's id.
        revision: As it is asked for.
        path: Of the file, or of the folder whose tree it is; ``""`` is the root.
    """

    subject: Subject
    kind: str
    name: str
    revision: str
    path: str = ""


def info_path(repo: Repo, revision: str = "main") -> str:
    """Return where the commit of a revision is told."""
    return f"/api/{repo.kind}s/{repo.name}/revision/{revision}"


def tree_path(repo: Repo, revision: str = "main") -> str:
    """Return where the files of a commit are listed; a ref stands for the commit it has now."""
    return f"/api/{repo.kind}s/{repo.name}/tree/{repo.refs.get(revision, revision)}"


def file_path(repo: Repo, path: str, revision: str | None = None) -> str:
    """Return where a file is asked for; by default by the commit of the main branch, as snapshots do."""
    prefix = "" if repo.kind == "model" else f"/{repo.kind}s"
    return f"{prefix}/{repo.name}/resolve/{revision or repo.refs['main']}/{path}"


def cached_path(repo: Repo, path: str, commit: str | None = None) -> str:
    """Return where a small file is sent from if its own address leads elsewhere."""
    return f"/api/resolve-cache/{repo.kind}s/{repo.name}/{commit or repo.refs['main']}/{path}"


def read_target(target: str, names: Collection[tuple[str, str]]) -> Target | None:
    """Return what a request's target means, None if nothing; split first and unescaped then.

    Args:
        target: As sent.
        names: Kind and id of each repository: ids have one part or two, so an address alone doesn't tell.
    """
    parts = [unquote(each) for each in urlsplit(f"//host{target}").path.split("/")[1:]]
    match parts:
        case ["api", "resolve-cache", kind, *rest] if kind in _KINDS:
            return _read_cached(_KINDS[kind], rest, names)
        case ["api", kind, *rest] if kind in _KINDS:
            return _read_call(_KINDS[kind], rest, names)
        case [kind, *rest] if kind in _KINDS and "resolve" in rest:
            return _read_file(_KINDS[kind], rest)
    return _read_file("model", parts)


def _read_cached(kind: str, parts: Sequence[str], names: Collection[tuple[str, str]]) -> Target | None:
    match _take_name(kind, parts, names):
        case name, [commit, *path] if path:
            return Target("cached file", kind, name, commit, "/".join(path))
    return None


def _read_call(kind: str, parts: Sequence[str], names: Collection[tuple[str, str]]) -> Target | None:
    name, rest = _take_name(kind, parts, names)
    match rest:
        case [] if name:
            return Target("info", kind, name, "main")
        case [word, revision, *path] if word in _SUBJECTS:
            # the path of a folder is escaped with its slashes, the revision of the oldest client is not
            return Target(_SUBJECTS[word], kind, name, revision, "/".join(path))
    return None


def _read_file(kind: str, parts: Sequence[str]) -> Target | None:
    match parts:
        case [name, "resolve", revision, *path] if path:
            return Target("file", kind, name, revision, "/".join(path))
        case [owner, name, "resolve", revision, *path] if path:
            return Target("file", kind, f"{owner}/{name}", revision, "/".join(path))
    return None


def _take_name(kind: str, parts: Sequence[str], names: Collection[tuple[str, str]]) -> tuple[str, Sequence[str]]:
    """Return a repository's id, of one part if there is one of that id, and what comes after it."""
    length = 1 if (kind, parts[0] if parts else "") in names else 2
    return "/".join(parts[:length]), parts[length:]
