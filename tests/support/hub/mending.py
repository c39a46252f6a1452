"""Mends blobs of a cache from a Hub, here or in a process of its own that a test can kill.

The process gets JSON as :class:`MendTask` writes it, and tells what :mod:`tests.support.fetching` does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from tests.support.fetching import build_options, describe_error, describe_result, say, tell
from tests.support.hub_repos import Repo, blob_name
from tests.support.processes import Work
from weighbridge.client.session import Session, log_notices
from weighbridge.core.artifacts import FileResult, Source
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.events import Observer
from weighbridge.core.options import CacheOptions, HubOptions, Options
from weighbridge.core.repos import Kind, RepoFile, RepoId
from weighbridge.mending.blobs import BrokenBlob, mend_blobs
from weighbridge.store.cache.layout import CacheFolder

_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MendTask(Work):
    """Mend one blob.

    Attributes:
        endpoint: Whom to ask.
        cache: Where it is.
        repo_id: Of a model.
        commit: Of it.
        path: Of the file.
        etag: Of its blob: a SHA-256.
        options: Group, field, value: what differs from the defaults.
    """

    module: ClassVar[str] = "tests.support.hub.mending"

    endpoint: str
    cache: str
    repo_id: str
    commit: str
    path: str
    etag: str
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def broken_blob(cache: Path, repo: Repo, path: str, commit: str) -> BrokenBlob:
    """Return the blob of a file as one to be mended, with its one pointer."""
    content = repo.at(commit)[path]
    etag = blob_name(path, content)
    sha256 = etag if len(etag) == _SHA256_DIGITS else None
    file = RepoFile(path=path, size=len(content), blob_id="" if sha256 else etag, sha256=sha256)
    folder = CacheFolder(cache, RepoId(Kind.of_word(repo.kind), repo.name))
    return BrokenBlob(folder=folder, file=file, commit=commit, pointers=((commit, path),))


def mend(options: Options, broken: Sequence[BrokenBlob], observer: Observer = log_notices) -> list[FileResult]:
    """Mend blobs with a session of its own."""
    session = Session(options)
    means = session.means(observer, None)
    hub = session.hubs(means.cancel).patient

    def find_source(each: BrokenBlob) -> Source:
        return hub.source_of(each.folder.repo, each.commit, each.file.path)

    try:
        return mend_blobs(broken, find_source, means)
    finally:
        session.close()


def main(arguments: list[str]) -> int:
    """Do the task; 0 if it went well."""
    task = MendTask(**json.loads(arguments[0]))
    hub, cache = HubOptions(endpoint=task.endpoint), CacheOptions(root=Path(task.cache))
    options = replace(build_options(task.options), hub=hub, cache=cache)
    folder = CacheFolder(Path(task.cache), RepoId(Kind.MODEL, task.repo_id))
    file = RepoFile(path=task.path, size=None, blob_id="", sha256=task.etag)
    broken = BrokenBlob(folder=folder, file=file, commit=task.commit, pointers=((task.commit, task.path),))
    try:
        results = mend(options, [broken], tell)
    except WeighbridgeError as error:
        say(error=describe_error(error))
        return 1
    say(results=[describe_result(each) for each in results])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
