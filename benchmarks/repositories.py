"""Repositories of the Hub, laid out as plain files and a few lines of configuration: nginx serves them by itself."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.corpus import DataFile

MAIN = "main"
NEXT = "next"
_OWNER = "bench"
_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"

# Every file is one of LFS, named by its SHA-256, and comes from this very server, as from a mirror: no contender has to
# follow a redirect. nginx judges Range and If-Range by the ETag that is added.
_SITE = """\
    map_hash_max_size 65536;
    map_hash_bucket_size 256;
    map $hub_repository/$hub_revision $hub_commit {{
        default $hub_revision;
{commits}
    }}
    map $hub_commit/$hub_name $hub_etag {{
{etags}
    }}
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        location ~ "^/(?<hub_repository>{owner}/[^/]+)/resolve/(?<hub_revision>[^/]+)/(?<hub_name>[^/]+)$" {{
            alias "{home}/$hub_repository/$hub_revision/$hub_name";
            etag off;
            if_modified_since off;
            add_header Last-Modified "";
            add_header ETag $hub_etag;
            add_header X-Repo-Commit $hub_commit;
        }}
        location ~ "^/api/models/(?<hub_repository>{owner}/[^/]+)/(?<hub_kind>revision|tree)/(?<hub_revision>[^/]+)$" {{
            alias "{home}/$hub_repository/$hub_revision.$hub_kind";
            default_type application/json;
            etag off;
            add_header Last-Modified "";
        }}
    }}
"""


class HubPorts(Protocol):
    """Where the Hub is to listen."""

    @property
    def hub(self) -> int:
        """Return the port for plain connections."""

    @property
    def hub_tls(self) -> int:
        """Return the port for TLS."""


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository, and what it has at each of its branches.

    Attributes:
        name: Such as ``bench/one``.
        branches: The files of each, by their path, which is without folders.
    """

    name: str
    branches: Mapping[str, Mapping[str, DataFile]]

    def commit(self, branch: str) -> str:
        """Return the commit that ``branch`` means."""
        return hashlib.sha1(f"{self.name} {branch}".encode(), usedforsecurity=False).hexdigest()


def repository_name(label: str) -> str:
    """Return what the repository of the files called ``label`` is called."""
    return f"{_OWNER}/{label}"


def repository_of(label: str, files: Sequence[DataFile], changed: DataFile | None = None) -> Repository:
    """Return the repository of ``files``; the branch ``NEXT``, if any, has ``changed`` instead of the first of them."""
    branches = {MAIN: {file.name: file for file in files}}
    if changed is not None:
        branches[NEXT] = branches[MAIN] | {files[0].name: changed}
    return Repository(repository_name(label), branches)


def lay_out(repositories: Sequence[Repository], root: Path, home: Path) -> None:
    """Write below ``home`` what nginx is to serve; the files are links to those in ``root``."""
    for repository in repositories:
        folder = home / repository.name
        shutil.rmtree(folder, ignore_errors=True)
        for branch, files in repository.branches.items():
            commit = repository.commit(branch)
            content = folder / commit
            content.mkdir(parents=True)
            for path, file in files.items():
                (content / path).hardlink_to(root / file.name)
            (folder / branch).symlink_to(commit)
            for name in (branch, commit):
                (folder / f"{name}.revision").write_text(json.dumps(_revision(repository, branch)))
                (folder / f"{name}.tree").write_text(json.dumps([_entry(*each) for each in files.items()]))


def site_of(repositories: Sequence[Repository], home: Path, ports: HubPorts) -> str:
    """Return the part of nginx's configuration that makes a Hub of what ``lay_out`` has written."""
    commits = [
        f'        "{repository.name}/{branch}" {repository.commit(branch)};'
        for repository in repositories
        for branch in repository.branches
    ]
    etags = [line for repository in repositories for line in _etags(repository)]
    return _SITE.format(
        port=ports.hub,
        tls_port=ports.hub_tls,
        home=home,
        owner=_OWNER,
        commits="\n".join(commits),
        etags="\n".join(etags),
    )


def _etags(repository: Repository) -> Iterator[str]:
    for branch, files in repository.branches.items():
        for path, file in files.items():
            yield f'        "{repository.commit(branch)}/{path}" \'"{file.sha256}"\';'


def _revision(repository: Repository, branch: str) -> Mapping[str, object]:
    return {
        "_id": repository.commit(branch)[:24],
        "id": repository.name,
        "modelId": repository.name,
        "sha": repository.commit(branch),
        "private": False,
        "gated": False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": [{"rfilename": path} for path in repository.branches[branch]],
    }


def _entry(path: str, file: DataFile) -> Mapping[str, object]:
    pointer = _POINTER.format(sha256=file.sha256, size=file.size).encode()
    blob = hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()
    lfs = {"oid": file.sha256, "size": file.size, "pointerSize": len(pointer)}
    return {"type": "file", "path": path, "size": file.size, "oid": blob, "lfs": lfs}
