"""What a project needs: the values of ``weighbridge.toml``, read strictly from its text; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weighbridge.core.digests import Digest
from weighbridge.core.errors import ProjectError
from weighbridge.core.locks import LockedDownload, find_clash
from weighbridge.core.names import RelativeName
from weighbridge.core.repos import Kind, RepoId, check_revision, is_commit
from weighbridge.core.toml_tables import Spot, Table, find_headers, load
from weighbridge.core.urls import parse_url, redact

_REVISIONS = ("revision", "tag", "commit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted of a repository.

    Attributes:
        repo: Which.
        revision: A branch, a tag, a commit.
        is_tag: It is a tag, which must not move.
        include: Globs of files, sorted; None is all.
        exclude: Globs of files to leave out, sorted; None is none.
        directory: Where to have plain files, relative to the project; None is the cache.
    """

    repo: RepoId
    revision: str
    is_tag: bool = False
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    directory: RelativeName | None = None

    def __str__(self) -> str:
        place = "" if self.directory is None else f" in {self.directory}"
        return f"{self.repo} at {self.revision}{place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """All that a project needs.

    Attributes:
        wishes: Of repositories, in the order of the file.
        downloads: Files from anywhere, in the order of the file.
    """

    wishes: tuple[Wish, ...] = ()
    downloads: tuple[LockedDownload, ...] = ()


def read_project(text: str, path: str) -> Project:
    """Read a ``weighbridge.toml``.

    Args:
        text: All of it.
        path: Where it is, for messages.

    Raises:
        ProjectError: It is no TOML, has a key that means nothing or a value of another kind, lacks one, asks for
            something twice, for a file outside of the project, or with credentials in an address.
    """
    spot = Spot(path, ProjectError)
    top = load(text, "the project", spot)
    repositories, files = top.tables("repository", "repository"), top.tables("file", "file")
    top.end()
    _place(repositories, find_headers(text, "repository", len(repositories)))
    _place(files, find_headers(text, "file", len(files)))
    wishes = [(_read_wish(each), each.spot) for each in repositories]
    downloads = [(read_download(each), each.spot) for each in files]
    _refuse_doubles(((each.repo, each.revision, each.directory), f"the {each}", at) for each, at in wishes)
    _refuse_doubles((each.path, f"a file at {each.path}", at) for each, at in downloads)
    _refuse_clash([each.path for each, _ in downloads], [at for _, at in downloads])
    return Project(wishes=tuple(each for each, _ in wishes), downloads=tuple(each for each, _ in downloads))


def read_download(table: Table) -> LockedDownload:
    """Read a ``[[file]]``, of a project or of a lock file.

    Raises:
        ProjectError: See :func:`read_project`.
    """
    with table.spot.reading("its path"):
        path = RelativeName.parse(table.text("path"))
    urls = [_check_url(each, table.spot) for each in (table.text("url"), *(table.texts("mirrors") or ()))]
    with table.spot.reading("its digest"):
        digest = Digest.parse(table.text("digest"))
    size = table.size("size")
    table.end()
    return LockedDownload(path=path, url=urls[0], mirrors=tuple(urls[1:]), digest=digest, size=size)


def read_place(table: Table) -> tuple[RepoId, RelativeName | None]:
    """Read of which repository a ``[[repository]]`` is, and where it is to be had."""
    with table.spot.reading("its id"):
        name = table.text("id")
        repo = RepoId(Kind.of_word(table.text_if_any("type")), name)
    with table.spot.reading("its directory"):
        given = table.text_if_any("directory")
        directory = None if given is None else RelativeName.parse(given.removesuffix("/"))
    return repo, directory


def read_globs(table: Table) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Read which files of a repository are wanted: globs to include, and to exclude."""
    include, exclude = table.texts("include"), table.texts("exclude")
    if include == ():
        raise table.spot.error("'include' is empty, which would select nothing; leave it out to have all files")
    return _tidy(include), _tidy(exclude or None)


def _read_wish(table: Table) -> Wish:
    repo, directory = read_place(table)
    given = {key: found for key in _REVISIONS if (found := table.text_if_any(key)) is not None}
    if len(given) > 1:
        raise table.spot.error(f"{' and '.join(given)} are several revisions of the {repo}; give one")
    include, exclude = read_globs(table)
    table.end()
    key, revision = next(iter(given.items()), ("revision", "main"))
    with table.spot.reading(f"its {key}"):
        check_revision(revision)
    if key == "commit" and not is_commit(revision):
        raise table.spot.error(f"a commit is 40 hex digits in lower case, not {revision[:60]!r}")
    if key == "tag" and is_commit(revision):
        raise table.spot.error(f"{revision} is a commit, not a tag; write commit = …")
    return Wish(
        repo=repo, revision=revision, is_tag=key == "tag", include=include, exclude=exclude, directory=directory
    )


def _check_url(url: str, spot: Spot) -> str:
    """Return an address that may be kept for others to see."""
    with spot.reading("its url"):
        bare, _, userinfo = parse_url(url)
    if userinfo is not None:
        raise spot.error(
            f"the address {redact(url)} holds a user or a password, which would be kept in the lock file for all to "
            "see; leave it out, and fetch what needs one with `weighbridge get --header`"
        )
    return bare


def _tidy(globs: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if globs is None else tuple(sorted(set(globs)))


def _place(tables: Sequence[Table], lines: Sequence[int | None]) -> None:
    for table, line in zip(tables, lines, strict=True):
        table.spot = table.spot.at(line)


def _refuse_doubles(found: Iterable[tuple[object, str, Spot]]) -> None:
    seen: set[object] = set()
    for key, what, spot in found:
        if key in seen:
            raise spot.error(f"{what} is asked for twice; make one of them")
        seen.add(key)


def _refuse_clash(names: Sequence[RelativeName], spots: Sequence[Spot]) -> None:
    for number in range(len(names)) if find_clash(names) else ():
        problem = find_clash(names[: number + 1])
        if problem is not None:
            raise spots[number].error(problem)
