r"""Lists of files to fetch, as other tools write them, read into values; pure.

Three forms are known, told apart by their content, one in each manifest:

* aria2 input files: a line of URLs of the same bytes, apart by tabs or spaces, then indented ``out=``, ``checksum=``
  and ``header=`` lines.  ``dir=`` is refused; other options are aria2's own business and are ignored with a warning.
* coreutils (``sha256sum`` and its kin): ``HEX  name`` or ``HEX *name``; a line that begins with ``\`` has escapes.
* BSD (``sha256sum --tag``): ``SHA256 (name) = HEX``.

Empty lines and lines that begin with ``#`` are skipped.  Messages tell a line's number, and of its content only what
can't be secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from weighbridge.cli.headers import parse_header
from weighbridge.core.digests import Digest
from weighbridge.core.errors import InvalidParameterError, ManifestError
from weighbridge.core.names import RelativeName
from weighbridge.core.urls import parse_url

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(//|\?)")  # magnet:? too, to refuse it as the URL it is
_COREUTILS = re.compile(r"(\\?)([0-9A-Fa-f]{32,}) [ *]?(.+)")
_BSD = re.compile(r"(\\?)([A-Za-z0-9-]+) ?\((.+)\) ?= ?([0-9A-Fa-f]+)")
_ESCAPE = re.compile(r"\\(.?)")
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r"}

_Lines = Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a manifest; shows nothing of itself, since URLs and headers hold secrets.

    Attributes:
        line: Where it begins, counted from 1.
        urls: Where the file may be had, the primary first; none if it is to be joined to a base.
        name: What to call it, and where to find it below a base; None if only its URL tells.
        digest: Promised; None if none is.
        headers: Names and values for the origin of the primary URL.
    """

    line: int
    urls: tuple[str, ...] = ()
    name: str | None = None
    digest: Digest | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Entry(line={self.line})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a manifest asks for.

    Attributes:
        entries: At least one, in order.
        warnings: What was ignored, in words fit to be shown.
    """

    entries: tuple[Entry, ...]
    warnings: tuple[str, ...] = ()


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest: UTF-8, with or without byte order mark, lines ending in LF or CRLF.

    Raises:
        ManifestError: A line can't be understood or is of another form than those before it, or there is no file.
    """
    lines = list(_read_lines(content))
    if not lines:
        raise ManifestError("the manifest holds no file", line=1)
    forms = [_form_of(text, number) for number, text in lines]
    stranger = next((number for (number, _), form in zip(lines, forms, strict=True) if form != forms[0]), None)
    if stranger is not None:
        raise ManifestError(
            f"line {stranger} of the manifest is of another form than the lines before it", line=stranger
        )
    match forms[0]:
        case "aria2":
            return _read_aria2(lines)
        case "coreutils":
            return Manifest(entries=tuple(_read_coreutils(number, text) for number, text in lines))
        case _:
            return Manifest(entries=tuple(_read_bsd(number, text) for number, text in lines))


def _read_lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that says something."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"line {number} of the manifest is not UTF-8", line=number) from None
    for number, each in enumerate(text.split("\n"), 1):
        line = each.removesuffix("\r")
        if line.strip() and not line.startswith("#"):
            yield number, line


def _form_of(line: str, number: int) -> str:
    if line[0] in " \t" or _URL.match(line):
        return "aria2"
    if _COREUTILS.fullmatch(line):
        return "coreutils"
    if _BSD.fullmatch(line):
        return "bsd"
    raise ManifestError(
        f"line {number} of the manifest is neither a URL nor 'HEX  name' nor 'SHA256 (name) = HEX'", line=number
    )


@contextmanager
def _at_line(number: int) -> Iterator[None]:
    try:
        yield
    except ManifestError:
        raise
    except InvalidParameterError as error:
        raise ManifestError(f"line {number} of the manifest: {error}", line=number) from error


# Lists of digests ------------------------------------------------------------------------------------------


def _read_coreutils(number: int, line: str) -> Entry:
    match = _COREUTILS.fullmatch(line)
    assert match is not None, "its form was looked at"  # noqa: S101 - for the type checker
    return _entry(number, name=_unescape(match[3], number) if match[1] else match[3], digest=match[2])


def _read_bsd(number: int, line: str) -> Entry:
    match = _BSD.fullmatch(line)
    assert match is not None, "its form was looked at"  # noqa: S101 - for the type checker
    name = _unescape(match[3], number) if match[1] else match[3]
    return _entry(number, name=name, digest=f"{match[2]}:{match[4]}")


def _entry(number: int, *, name: str, digest: str) -> Entry:
    with _at_line(number):
        promised = Digest.parse(digest)
        if _URL.match(name):
            parse_url(name)
            return Entry(line=number, urls=(name,), digest=promised)
        return Entry(line=number, name=RelativeName.parse(name).text, digest=promised)


def _unescape(name: str, number: int) -> str:
    """Undo what coreutils does to names with a backslash or a line break in them."""

    def restore(escape: re.Match[str]) -> str:
        if escape[1] not in _ESCAPED:
            raise ManifestError(
                f"line {number} of the manifest has an escape that coreutils doesn't write", line=number
            )
        return _ESCAPED[escape[1]]

    return _ESCAPE.sub(restore, name)


# aria2 -----------------------------------------------------------------------------------------------------


def _read_aria2(lines: _Lines) -> Manifest:
    entries: list[Entry] = []
    warnings: list[str] = []
    for number, line in lines:
        with _at_line(number):
            if line[0] not in " \t":
                entries.append(_read_urls(number, line))
            elif not entries:
                raise ManifestError(f"line {number} of the manifest is an option with no URL before it", line=number)
            else:
                name, _, value = line.strip().partition("=")
                entries[-1] = _with_option(entries[-1], name if "=" in line else "", value)
                if name not in ("out", "checksum", "header"):
                    warnings.append(f"line {number} of the manifest: the option {name[:40]!r} is ignored")
    return Manifest(entries=tuple(entries), warnings=tuple(warnings))


def _read_urls(number: int, line: str) -> Entry:
    urls = tuple(line.split())
    for url in urls:
        parse_url(url)
    return Entry(line=number, urls=urls)


def _with_option(entry: Entry, name: str, value: str) -> Entry:
    match name:
        case "out" if entry.name is None:
            return replace(entry, name=RelativeName.parse(value).text)
        case "checksum" if entry.digest is None:
            return replace(entry, digest=Digest.parse(value))
        case "header":
            return replace(entry, headers=(*entry.headers, parse_header(value)))
        case "out" | "checksum":
            raise InvalidParameterError(f"{name}= is given twice for one file")
        case "dir":
            raise InvalidParameterError("dir= is refused; give the directory with --output, and below it with out=")
        case _ if not name.replace("-", "").isalnum():
            raise InvalidParameterError("not an option; one is written like out=NAME")
        case _:
            return entry
