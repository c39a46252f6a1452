"""A bundle that is read: what it tells of itself, and its contents for whoever asks as he would ask a server.

Nobody on a network is asked: a content has an address only because all that fetches here goes by addresses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.bundling.carriers import Archive, Folder, Reader, WrongError, find_bundle, read_manifest
from weighbridge.core.artifacts import Source
from weighbridge.core.bundles import BundleManifest, content_name
from weighbridge.core.digests import Digest
from weighbridge.core.errors import BundleError, IntegrityError, StoreError
from weighbridge.http.transport import Interrupt, Request, Response

BASE = "https://bundle.invalid/"  # a name that is nobody's (RFC 2606, section 2)

_OK, _PARTIAL = 200, 206
_ADVICE = "copy the bundle once more; its check.py tells what else is wrong"


class OpenBundle:
    """A bundle that has told what is in it.

    Args:
        paths: A directory, a tar file, or the first or all parts of one in any order.

    Attributes:
        path: What to call it.
        manifest: What it tells.
        digest: Of the text of that, so of everything.

    Raises:
        BundleError: It is none, is not whole, or can't be trusted.
        StoreError: It can't be read.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        first = str(paths[0])
        try:
            self._carrier: Folder | Archive = find_bundle([str(each) for each in paths])
            content = read_manifest(self._carrier)
        except WrongError as error:
            raise BundleError(f"can't take anything out of {first}: {error}", path=first) from error
        except OSError as error:
            raise unreadable(first, error) from error
        self.path = self._carrier.path
        self.manifest = BundleManifest.decode(content, self.path)
        self.digest = Digest("sha256", hashlib.sha256(content).hexdigest())
        self._check_whole()

    def source_of(self, digest: Digest | None) -> Source:
        """Return where a content is to be asked for; the manifest tells a digest of each file."""
        if digest is None:
            raise BundleError(f"{self.path} tells no digest of a file", path=self.path)
        return Source.parse(BASE + content_name(digest))

    def size_of(self, name: str) -> int:
        """Return how many bytes a member has."""
        return self._carrier.sizes[name]

    def reader(self, name: str, start: int, stop: int) -> Reader:
        """Return what reads a range of a member."""
        return self._carrier.reader(name, start, stop)

    def _check_whole(self) -> None:
        """Refuse a bundle that lacks what it tells of, before anything is taken out of it."""
        sizes, members = self._carrier.sizes, self.manifest.members
        absent = [each.name for each in members if each.name not in sizes]
        cut = [each.name for each in members if sizes.get(each.name, each.size) != each.size]
        if absent or cut:
            what, names = ("is not whole: missing", absent) if absent else ("is damaged: another size has", cut)
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")  # noqa: PLR2004
            raise BundleError(f"{self.path} {what} {shown}; {_ADVICE}", path=self.path)


@dataclass(slots=True)
class _Answer:
    """A range of a content, as a server would send it; see :class:`weighbridge.http.transport.Response`."""

    bundle: OpenBundle
    name: str
    url: str
    status: int
    headers: Mapping[str, str]
    reader: Reader
    interrupt: Interrupt = field(repr=False)

    def read(self, amount: int) -> bytes:
        """Return the next bytes."""
        self.interrupt.check()
        try:
            return self.reader.read(amount)
        except WrongError as error:
            message = f"{self.bundle.path}: {self.name} is damaged: {error}; {_ADVICE}"
            raise BundleError(message, path=self.bundle.path) from error
        except OSError as error:
            raise unreadable(self.bundle.path, error) from error

    def read_decoded(self, amount: int) -> bytes:
        """Return the next bytes: nothing here is encoded."""
        return self.read(amount)

    def close(self) -> None:
        """Let go of the file."""
        self.reader.close()


@dataclass(frozen=True, slots=True)
class BundleTransport:
    """Answers for the contents of a bundle as a server would, and for nothing else.

    Attributes:
        bundle: Which.
    """

    bundle: OpenBundle

    def open(self, request: Request, interrupt: Interrupt) -> Response:
        """Return the range that is asked for."""
        interrupt.check()
        name, span = request.url.removeprefix(BASE), request.span
        size = self.bundle.size_of(name)
        if span is None or size == 0:
            reader = self.bundle.reader(name, 0, size)
            return _Answer(self.bundle, name, request.url, _OK, {"Content-Length": str(size)}, reader, interrupt)
        reader = self.bundle.reader(name, span.start, span.stop)
        headers = {"Content-Length": str(len(span)), "Content-Range": f"bytes {span.start}-{span.stop - 1}/{size}"}
        return _Answer(self.bundle, name, request.url, _PARTIAL, headers, reader, interrupt)

    def close(self) -> None:
        """Do nothing: nothing is kept open."""


def unreadable(path: str, error: OSError) -> StoreError:
    """Return the error that says that a bundle can't be read."""
    return StoreError(f"can't read {error.filename or path}: {error.strerror or error}", path=path)


def in_terms_of(bundle: OpenBundle, error: IntegrityError) -> BundleError:
    """Return what says that a content is not what its name says, for what says so of an address."""
    if isinstance(error, BundleError):
        return error
    name = content_name(error.expected) if isinstance(error.expected, Digest) else error.message
    return BundleError(
        f"{bundle.path}: {name.replace(BASE, '')} is damaged; {_ADVICE}",
        path=bundle.path,
        expected=error.expected,
        actual=error.actual,
    )
