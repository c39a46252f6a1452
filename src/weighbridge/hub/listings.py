"""What the Hub's JSON says, read as if an enemy had sent it; pure.

An answer that is wrong in any part is refused whole: half a listing would be taken for a whole snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from weighbridge.core.errors import BadAnswerError, InvalidParameterError, InvalidURLError
from weighbridge.core.repos import RepoFile, Tree, is_commit, repo_path
from weighbridge.core.urls import follow

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LARGEST = 2**63 - 1  # bytes a file can have where sizes are signed
_SHOWN = 200  # characters of a wrong value that a message repeats

_LONGEST_LINK = 16 * 1024  # characters
_LINK = re.compile(r'<([^<>]*)>((?:[^,"<]|"(?:[^"\\]|\\.)*")*)')
_PARAMETER = re.compile(r';\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))', re.ASCII)


def parse_commit(value: object) -> str:
    """Return the commit that an answer about a revision names.

    Args:
        value: What was read as JSON.

    Raises:
        BadAnswerError: It names none.
    """
    commit = value.get("sha") if isinstance(value, Mapping) else None
    if not isinstance(commit, str) or not is_commit(commit):
        raise BadAnswerError(f"the answer about a revision names no commit: its sha is {_show(commit)}")
    return commit


def parse_tree_page(value: object) -> list[RepoFile]:
    """Return the files on one page of a listing, as they come; folders are left out.

    Args:
        value: What was read as JSON.

    Raises:
        BadAnswerError: It is no listing, or one that can't be true or could lead outside.
    """
    if not isinstance(value, list):
        raise BadAnswerError(f"a listing is a list, not {_show(value)}")
    return [_parse_file(each) for each in value if _is_file(each)]


def build_tree(commit: str, files: Iterable[RepoFile]) -> Tree:
    """Return all files of a commit, sorted by path; a file that was listed twice is one.

    Raises:
        BadAnswerError: One path has two contents, or is a file and a folder.
    """
    found: dict[str, RepoFile] = {}
    for file in files:
        if found.setdefault(file.path, file) != file:
            raise BadAnswerError(f"the listing of {commit} has two different files at {file.path!r}")
    for path in found:
        above = path.rpartition("/")[0]
        while above:
            if above in found:
                raise BadAnswerError(f"the listing of {commit} has {above!r} both as a file and as a folder")
            above = above.rpartition("/")[0]
    return Tree(commit, tuple(found[path] for path in sorted(found)))


def next_page(headers: Mapping[str, str], url: str) -> str | None:
    """Return where a listing goes on (``Link`` with ``rel="next"``, RFC 8288); None at its end.

    Args:
        headers: Of the answer.
        url: Where the answer came from; a relative address continues it.

    Raises:
        BadAnswerError: It goes on, but nobody could tell where.
    """
    value = headers.get("Link", "")
    if len(value) > _LONGEST_LINK:
        raise BadAnswerError("the listing's Link header is too long to be one")
    for target, rest in _LINK.findall(value):
        given: dict[str, str] = {}
        for name, quoted, plain in _PARAMETER.findall(rest):
            given.setdefault(name.lower(), quoted or plain)  # of a repeated one, the first counts
        if "next" in given.get("rel", "").lower().split() and "anchor" not in given:
            try:
                return follow(url, target)
            except InvalidURLError:
                raise BadAnswerError("the listing goes on at something that is no http(s) URL") from None
    return None


def _is_file(entry: object) -> bool:
    kind = entry.get("type") if isinstance(entry, Mapping) else None
    if not isinstance(kind, str):
        raise BadAnswerError(f"an entry of the listing has no type: {_show(entry)}")
    return kind == "file"


def _parse_file(entry: Mapping[str, object]) -> RepoFile:
    path = _read_path(entry.get("path"))
    size = _read_size(entry.get("size"), path, "size")
    blob_id = entry.get("oid") or ""  # absent where the server keeps none
    if not isinstance(blob_id, str) or not (blob_id == "" or is_commit(blob_id)):
        raise BadAnswerError(f"the listing gives {path!r} an oid that is no git blob's: {_show(blob_id)}")
    sha256, pointer_size = _parse_lfs(entry.get("lfs"), path, size)
    xet_hash = entry.get("xetHash")
    return RepoFile(
        path=path,
        size=size,
        blob_id=blob_id,
        sha256=sha256,
        pointer_size=pointer_size,
        xet_hash=xet_hash if isinstance(xet_hash, str) and _SHA256.fullmatch(xet_hash) else None,
    )


def _parse_lfs(lfs: object, path: str, size: int) -> tuple[str | None, int | None]:
    if lfs is None:
        return None, None
    digest = lfs.get("oid") if isinstance(lfs, Mapping) else None
    if not isinstance(lfs, Mapping) or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise BadAnswerError(f"the listing gives {path!r} no sha256: its lfs is {_show(lfs)}")
    if _read_size(lfs.get("size", size), path, "lfs size") != size:
        raise BadAnswerError(f"the listing gives {path!r} two sizes: {size} and {_show(lfs['size'])}")
    pointer_size = lfs.get("pointerSize")
    return digest, None if pointer_size is None else _read_size(pointer_size, path, "pointer size")


def _read_path(value: object) -> str:
    try:
        path = repo_path(value).text  # type: ignore[arg-type]  # it says so itself if it is no text
        path.encode("utf-8")
    except (InvalidParameterError, UnicodeEncodeError) as error:
        raise BadAnswerError(f"the listing has a file that can't be one: {_show(value)}") from error
    return path


def _read_size(value: object, path: str, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise BadAnswerError(f"the listing gives {path!r} a {what} that is no number of bytes: {_show(value)}")
    return value


def _show(value: object) -> str:
    """Return a value as a message may repeat it: never long, never with control characters."""
    if isinstance(value, str | int | float | None):
        return ascii(value[:_SHOWN] if isinstance(value, str) else value)[:_SHOWN]
    return f"a {type(value).__name__}"
