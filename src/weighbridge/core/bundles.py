"""What a bundle holds, as values and as the text of its ``bundle.json``; pure.

Whoever reads one believes nothing: names, sizes and digests are checked here, contents where they are taken out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from weighbridge.core.digests import Digest
from weighbridge.core.errors import BundleError, InvalidDigestError, InvalidParameterError
from weighbridge.core.locks import LockedDownload
from weighbridge.core.names import RelativeName
from weighbridge.core.repos import Kind, RepoFile, RepoId, Tree, check_revision, is_commit, repo_path

MANIFEST = "bundle.json"
CHECKER = "check.py"
README = "README.txt"
LOCK = "weighbridge.lock"

_FORMAT = 1
_SIZE_MAX = 1 << 62
_SHA256 = "sha256"
_GIT = "git-sha1"
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(
    r"check\.py|README\.txt|weighbridge\.lock"
    r"|(?:contents/([a-z0-9-]{1,16})-([0-9a-f]{32,128})|pieces/[a-z0-9-]{1,16}-[0-9a-f]{32,128}\.json)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """One file of a bundle.

    Attributes:
        name: In the bundle, with ``/``.
        size: In bytes.
        sha256: Hex digest of its bytes.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRepository:
    """One commit of a repository, or a part of it.

    Attributes:
        repo: Which repository.
        commit: 40 hex digits.
        refs: Branches and tags that meant it, sorted.
        files: Those in the bundle, sorted by path; each has a digest and a size.
        left_out: The other files of the commit; None if nobody knows which there are.
    """

    repo: RepoId
    commit: str
    refs: tuple[str, ...] = ()
    files: tuple[RepoFile, ...]
    left_out: tuple[RepoFile, ...] | None = None

    @property
    def tree(self) -> Tree | None:
        """The listing of the commit; None if nobody knows it."""
        if self.left_out is None:
            return None
        return Tree(self.commit, tuple(sorted((*self.files, *self.left_out), key=lambda each: each.path)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleManifest:
    """What a bundle tells of itself.

    Attributes:
        repositories: What is in it of repositories.
        downloads: Files from anywhere that are in it; each has a size.
        members: All files in it but the one that tells this.
    """

    repositories: tuple[PackedRepository, ...] = ()
    downloads: tuple[LockedDownload, ...] = ()
    members: tuple[Member, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(each.size for each in self.members)

    def encode(self) -> bytes:
        """Return the text, the same for the same values."""
        content = {
            "format": _FORMAT,
            "repositories": [_packed(each) for each in self.repositories],
            "downloads": [_download(each) for each in self.downloads],
            "members": [{"name": each.name, "size": each.size, "sha256": each.sha256} for each in self.members],
        }
        return json.dumps(content, indent=1).encode("ascii") + b"\n"

    @classmethod
    def decode(cls, content: bytes, path: str) -> BundleManifest:
        """Read what :meth:`encode` has written.

        Args:
            content: The text.
            path: Of the bundle, for messages.

        Raises:
            BundleError: It can't be that, or tells of what could lead outside.
        """
        try:
            found = json.loads(content)
            if found["format"] != _FORMAT:
                raise BundleError(
                    f"{path} is a bundle of format {found['format']!r}, and this weighbridge knows {_FORMAT}; use a "
                    "later one",
                    path=path,
                )
            members = tuple(_read_member(each) for each in found["members"])
            sizes = {each.name: each.size for each in members}
            made = cls(
                repositories=tuple(_read_packed(each, sizes) for each in found["repositories"]),
                downloads=tuple(_read_download(each, sizes) for each in found["downloads"]),
                members=members,
            )
            _refuse_doubles([each.name for each in members])
            _refuse_doubles([f"{each.repo} {each.commit}" for each in made.repositories])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            # what our own errors say is told by them; what Python's say means nothing to anybody
            detail = f": {error}" if isinstance(error, InvalidParameterError) else ""
            message = f"the {MANIFEST} of {path} is damaged, or none of a bundle{detail}; copy the bundle once more"
            raise BundleError(message, path=path) from error
        return made


def content_name(digest: Digest) -> str:
    """Return what a content is called in a bundle."""
    return f"contents/{digest.algorithm}-{digest.value}"


def pieces_name(digest: Digest) -> str:
    """Return what the manifest of a content's pieces is called in a bundle."""
    return f"pieces/{digest.algorithm}-{digest.value}.json"


def _packed(each: PackedRepository) -> Mapping[str, object]:
    return {
        "type": each.repo.kind.word,
        "id": each.repo.name,
        "commit": each.commit,
        "refs": list(each.refs),
        "files": [_entry(file) for file in each.files],
        "left_out": None if each.left_out is None else [_entry(file) for file in each.left_out],
    }


def _entry(file: RepoFile) -> Mapping[str, object]:
    entry: dict[str, object] = {"path": file.path, "size": file.size, "digest": str(file.digest)}
    if file.sha256 is not None and is_commit(file.blob_id):
        entry["blob_id"] = file.blob_id
    if file.xet_hash is not None and _HEX.fullmatch(file.xet_hash):
        entry["xet_hash"] = file.xet_hash
    return entry


def _download(each: LockedDownload) -> Mapping[str, object]:
    return {
        "path": each.path.text,
        "url": each.url,
        "mirrors": list(each.mirrors),
        "digest": str(each.digest),
        "size": each.size,
    }


def _read_member(entry: Mapping[str, Any]) -> Member:
    member = Member(entry["name"], _size(entry["size"]), entry["sha256"])
    match = _NAME.fullmatch(member.name)
    if match is None or not _HEX.fullmatch(member.sha256):
        raise InvalidParameterError(f"it tells of a member {member.name!r}, which no bundle has")
    if match[1] and Digest(match[1], match[2]).algorithm == _SHA256 and match[2] != member.sha256:
        raise InvalidParameterError(f"it tells two digests of {member.name}")
    return member


def _read_packed(entry: Mapping[str, Any], sizes: Mapping[str, int]) -> PackedRepository:
    repo, commit, left_out = RepoId(Kind.of_word(entry["type"]), entry["id"]), entry["commit"], entry["left_out"]
    if not is_commit(commit):
        raise InvalidParameterError(f"{commit!r} is no commit")
    made = PackedRepository(
        repo=repo,
        commit=commit,
        refs=tuple(check_revision(each) for each in entry["refs"]),
        files=tuple(_read_file(each) for each in entry["files"]),
        left_out=None if left_out is None else tuple(_read_file(each) for each in left_out),
    )
    _refuse_doubles([each.path for each in (*made.files, *(made.left_out or ()))])
    for each in made.files:
        _find(each.digest, each.size, sizes)
    return made


def _read_file(entry: Mapping[str, Any]) -> RepoFile:
    digest, path = Digest.parse(entry["digest"]), repo_path(entry["path"]).text
    blob_id, xet_hash = entry.get("blob_id", ""), entry.get("xet_hash")
    is_sound = digest.algorithm in (_SHA256, _GIT) and (not blob_id or is_commit(blob_id))
    if not is_sound or not (xet_hash is None or _HEX.fullmatch(xet_hash)):
        raise InvalidDigestError(f"what it tells of {path} can't be", text=str(digest))
    if digest.algorithm == _GIT:
        return RepoFile(path=path, size=_size(entry["size"]), blob_id=digest.value, xet_hash=xet_hash)
    return RepoFile(path=path, size=_size(entry["size"]), blob_id=blob_id, sha256=digest.value, xet_hash=xet_hash)


def _read_download(entry: Mapping[str, Any], sizes: Mapping[str, int]) -> LockedDownload:
    digest, size = Digest.parse(entry["digest"]), _size(entry["size"])
    _find(digest, size, sizes)
    url, mirrors = entry["url"], entry["mirrors"]
    if not all(isinstance(each, str) for each in (url, *mirrors)):
        raise InvalidParameterError("an address in it is no text")
    place = RelativeName.parse(entry["path"])
    return LockedDownload(path=place, url=url, mirrors=tuple(mirrors), digest=digest, size=size)


def _find(digest: Digest | None, size: int | None, sizes: Mapping[str, int]) -> None:
    """Refuse a file whose content is not told of, or with another size."""
    if digest is None or sizes.get(content_name(digest)) != size:
        raise InvalidParameterError(f"it tells of no content {digest} of {size} bytes, and of a file that has it")


def _size(given: object) -> int:
    if type(given) is not int or not 0 <= given < _SIZE_MAX:
        raise InvalidParameterError(f"{given!r} is no size in bytes")
    return given


def _refuse_doubles(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for each in names:
        if each in seen:
            raise InvalidParameterError(f"it tells of {each!r} twice")
        seen.add(each)
