"""What ``weighbridge.lock`` looks like: its values to text, the same for the same values, and back; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weighbridge.core.digests import Digest
from weighbridge.core.errors import LockFileError
from weighbridge.core.locks import LockedDownload, LockedFile, LockedRepository, LockFile, find_clash
from weighbridge.core.projects import read_download, read_globs, read_place
from weighbridge.core.repos import check_revision, is_commit, repo_path
from weighbridge.core.toml_tables import Spot, Table, find_headers, load, quote, quote_all

VERSION = 1
"""Of the format; a later one is refused."""

_HEAD = "# Written by `weighbridge lock`.  Keep it in version control, and change weighbridge.toml instead of this.\n"
_ADVICE = "take it from version control again, or remove it and run `weighbridge lock`, which asks for all of it anew"
_ALGORITHMS = ("sha256", "git-sha1")


def write_lock(lock: LockFile) -> str:
    """Return the text of a lock file: sorted, a line for each file, so that its changes are small."""
    parts = [f"{_HEAD}version = {VERSION}\n"]
    parts += ["\n".join(_repository_lines(each)) + "\n" for each in sort_repositories(lock.repositories)]
    parts += [
        "\n".join(_download_lines(each)) + "\n" for each in sorted(lock.downloads, key=lambda each: each.path.text)
    ]
    return "\n".join(parts)


def sort_repositories(repositories: tuple[LockedRepository, ...]) -> list[LockedRepository]:
    """Return repositories in the order in which a lock file has them."""

    def rank(each: LockedRepository) -> tuple[str, ...]:
        place = "" if each.directory is None else each.directory.text
        return (each.repo.kind.value, each.repo.name, each.revision, place)

    return sorted(repositories, key=rank)


def sort_files(files: Iterable[LockedFile]) -> tuple[LockedFile, ...]:
    """Return files in the order in which a lock file has them."""
    return tuple(sorted(files, key=lambda each: each.path))


def read_lock(text: str, path: str) -> LockFile:
    """Read a lock file.

    Args:
        text: All of it.
        path: Where it is, for messages.

    Raises:
        LockFileError: It is damaged, was written by a later version, or has files where none may be.
    """
    spot = Spot(path, LockFileError, advice=_ADVICE)
    top = load(text, "the lock file", spot)
    _check_version(top, path)
    repositories, files = top.tables("repository", "repository"), top.tables("file", "file")
    top.end()
    for key, tables in (("repository", repositories), ("file", files)):
        for table, line in zip(tables, find_headers(text, key, len(tables)), strict=True):
            table.spot = spot.at(line)
    lock = LockFile(
        repositories=tuple(sort_repositories(tuple(_read_repository(each) for each in repositories))),
        downloads=tuple(sorted((read_download(each) for each in files), key=lambda each: each.path.text)),
    )
    keys = [(each.repo, each.revision, each.directory) for each in lock.repositories]
    is_double = len(set(keys)) < len(keys)
    problem = "a repository is there twice at one revision" if is_double else find_clash(lock.places())
    if problem is not None:
        raise spot.error(problem)
    return lock


def _check_version(top: Table, path: str) -> None:
    version = top.size("version")
    if version is None:
        raise top.spot.error("it does not tell its version")
    if version > VERSION:
        raise LockFileError(
            f"{path}: it is of version {version} of the format, and this weighbridge knows {VERSION}; use a later one",
            path=path,
        )
    if version != VERSION:
        raise top.spot.error(f"there is no version {version} of the format")


def _read_repository(table: Table) -> LockedRepository:
    repo, directory = read_place(table)
    commit, tag, branch = table.text("commit"), table.text_if_any("tag"), table.text_if_any("revision")
    include, exclude = read_globs(table)
    files = sort_files(_read_file(each) for each in table.tables("files", f"file of the {repo},"))
    table.end()
    if not is_commit(commit) or (tag is not None and branch is not None):
        raise table.spot.error(f"the {repo} has no commit of 40 hex digits, or several revisions")
    if branch is not None and is_commit(branch) and branch != commit:
        raise table.spot.error(f"the {repo} is asked for at the commit {branch} and locked at {commit}")
    with table.spot.reading("its revision"):
        revision = check_revision(tag or branch or commit)
    if not files or len({each.path for each in files}) < len(files):
        raise table.spot.error(f"the {repo} has no files, or one of them twice")
    return LockedRepository(
        repo=repo,
        revision=revision,
        commit=commit,
        is_tag=tag is not None,
        include=include,
        exclude=exclude,
        directory=directory,
        files=files,
    )


def _read_file(table: Table) -> LockedFile:
    with table.spot.reading("the path of a file"):
        path = repo_path(table.text("path")).text
    with table.spot.reading(f"the digest of {path}"):
        digest = Digest.parse(table.text("digest"))
    size = table.size("size")
    table.end()
    if size is None or digest.algorithm not in _ALGORITHMS:
        raise table.spot.error(f"{path} has no size, or a digest that is neither {' nor '.join(_ALGORITHMS)}")
    return LockedFile(path, size, digest)


def _repository_lines(each: LockedRepository) -> Iterator[str]:
    yield "[[repository]]"
    yield f"id = {quote(each.repo.name)}"
    yield f"type = {quote(each.repo.kind.word)}"
    if each.revision != each.commit:
        yield f"{'tag' if each.is_tag else 'revision'} = {quote(each.revision)}"
    yield f"commit = {quote(each.commit)}"
    if each.include is not None:
        yield f"include = {quote_all(each.include)}"
    if each.exclude is not None:
        yield f"exclude = {quote_all(each.exclude)}"
    if each.directory is not None:
        yield f"directory = {quote(each.directory.text)}"
    yield "files = ["
    for file in sort_files(each.files):
        yield f"  {{ path = {quote(file.path)}, size = {file.size}, digest = {quote(str(file.digest))} }},"
    yield "]"


def _download_lines(each: LockedDownload) -> Iterator[str]:
    yield "[[file]]"
    yield f"path = {quote(each.path.text)}"
    yield f"url = {quote(each.url)}"
    if each.mirrors:
        yield f"mirrors = {quote_all(each.mirrors)}"
    yield f"digest = {quote(str(each.digest))}"
    if each.size is not None:
        yield f"size = {each.size}"
