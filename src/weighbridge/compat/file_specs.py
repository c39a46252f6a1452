"""Reads the ``files_specs`` of the directory downloader into requests, and says what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from weighbridge.core.artifacts import FileRequest
from weighbridge.core.digests import Digest
from weighbridge.core.errors import InvalidParameterError, RequestError, UntrustedFileError

_FIELDS = ("file_handle", "download_url", "md5_hash")

Mirrors = Mapping[str, Sequence[str]]


def read_specs(specs: Iterable[object], name_after: str, mirrors: Mirrors) -> dict[str, FileRequest]:
    """Return requests by handle; specs that have one name and one hash are one file with several sources.

    Args:
        specs: ``(file_handle, download_url, md5_hash or None)`` each.
        name_after: ``file_handle`` or ``md5_hash``.
        mirrors: Further URLs by handle.

    Raises:
        InvalidParameterError: Something in there can't mean anything; the message says what.
        UntrustedFileError: A file that has no hash is to be named after it.
    """
    if name_after not in ("file_handle", "md5_hash"):
        raise InvalidParameterError(f"name_after is 'file_handle' or 'md5_hash', not {name_after!r}")
    if isinstance(specs, str | bytes | Mapping) or not isinstance(specs, Iterable):
        raise InvalidParameterError(f"files_specs is a list of ({', '.join(_FIELDS)}), not {type(specs).__name__}")
    name_of = _name_after_handle if name_after == "file_handle" else _name_after_hash
    names: dict[str, str] = {}
    files: dict[str, FileRequest] = {}
    for place, spec in enumerate(specs):
        handle, url, promised = _read_spec(f"files_specs[{place}]", spec)
        with _said_of(handle):
            digest = Digest.parse(promised) if promised else None
            request = FileRequest.parse(name_of(handle, digest), url, digest, mirrors=_mirrors_of(handle, mirrors))
        name = request.name.text
        if names.setdefault(handle, name) != name:
            raise InvalidParameterError(f"the handle {handle!r} is given twice, for different files")
        files[name] = _merge(files[name], request) if name in files else request
    unknown = next((each for each in mirrors if each not in names), None)
    if unknown is not None:
        raise InvalidParameterError(f"mirrors are given for {unknown!r}, which is no handle of files_specs")
    return {handle: files[name] for handle, name in names.items()}


def _name_after_handle(handle: str, digest: Digest | None) -> str:
    del digest
    return handle


def _name_after_hash(handle: str, digest: Digest | None) -> str:
    if digest is None:
        raise UntrustedFileError(f"{handle!r} is to be named after its hash and has none", names=(handle,))
    return digest.value


def _read_spec(place: str, spec: object) -> tuple[str, str, str | None]:
    if isinstance(spec, str | bytes) or not isinstance(spec, Sequence):
        raise InvalidParameterError(f"{place} is a tuple ({', '.join(_FIELDS)}), not {type(spec).__name__}")
    if len(spec) != len(_FIELDS):
        raise InvalidParameterError(f"{place} has {len(spec)} items instead of {len(_FIELDS)} ({', '.join(_FIELDS)})")
    match spec:
        case (str(handle), str(url), (str() | None) as promised):
            return handle, url, promised
        case (str(), str(), wrong):
            problem = f"md5_hash is text or None, not {type(wrong).__name__}"
        case (str(), wrong, _):
            problem = f"download_url is text, not {type(wrong).__name__}"
        case _:
            problem = f"file_handle is text, not {type(spec[0]).__name__}"
    raise InvalidParameterError(f"{place}: {problem}")


def _mirrors_of(handle: str, mirrors: Mirrors) -> Sequence[str]:
    given: object = mirrors.get(handle, ())
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise InvalidParameterError(f"the mirrors of {handle!r} are a list of URLs, not {type(given).__name__}")
    return given


@contextmanager
def _said_of(handle: str) -> Iterator[None]:
    """Let an error of the block name the handle it is about."""
    try:
        yield
    except RequestError as error:
        if repr(handle) in error.message:
            raise
        facts = {name: value for name, value in vars(error).items() if name != "message"}
        raise type(error)(f"{handle!r}: {error.message}", **facts) from error


def _merge(known: FileRequest, request: FileRequest) -> FileRequest:
    if known == request:
        return known
    if known.artifact.digest is None or known.artifact.digest != request.artifact.digest:
        raise InvalidParameterError(f"two different files are to be named {request.name.text!r}")
    more = tuple(each for each in request.artifact.sources if each not in known.artifact.sources)
    return replace(known, artifact=replace(known.artifact, sources=known.artifact.sources + more))
