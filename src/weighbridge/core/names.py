"""Safe relative paths, parsed once from text that a caller or a server gave."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from weighbridge.core.errors import InvalidNameError, UnsafePathError

_DRIVE = re.compile(r"[A-Za-z]:")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WINDOWS_ONLY = frozenset('<>:"|?*')
_OURS = re.compile(r"\.wb-(partial|claim)$")
_COMPONENT_BYTES = 255
_NOTHING = ("", ".")  # components that lead nowhere


@dataclass(frozen=True, slots=True, order=True)
class RelativeName:
    """A relative path of plain components, joined by ``/``, that can't lead out of a directory.

    Make one with :meth:`parse`.

    Raises:
        UnsafePathError: It could lead outside.
    """

    text: str

    def __post_init__(self) -> None:
        given: object = self.text
        if not isinstance(given, str) or "\0" in given or not {*_NOTHING, ".."}.isdisjoint(given.split("/")):
            raise UnsafePathError(f"not a relative path of plain components: {given!r}", name=given)

    def __str__(self) -> str:
        return self.text

    @property
    def parts(self) -> tuple[str, ...]:
        """The components, outermost first; at least one."""
        return tuple(self.text.split("/"))

    @property
    def collision_key(self) -> str:
        """Equal for names that are one file where case or Unicode form is ignored."""
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", self.text).casefold())

    @classmethod
    def parse(cls, text: str, *, windows: bool = os.name == "nt") -> RelativeName:
        """Read a relative path; ``a//b`` and ``./a`` are tidied, everything doubtful is refused.

        The rules are the same on every system, so that a directory filled on one can be read on
        another: no ``..``, nothing absolute, no backslash, drive or UNC prefix, no control character,
        no device name (``CON``, ``nul.txt``), no component that ends in a dot or a space or is longer
        than 255 bytes, and no name this package uses for unfinished files.  Characters that only
        Windows forbids are refused only there.

        Raises:
            UnsafePathError: The path would or could lead outside.
            InvalidNameError: The path names no file that can be made everywhere.
        """
        given: object = text
        if not isinstance(given, str) or not given:
            raise InvalidNameError(f"a file's name is text that is not empty, not {given!r}", name=given)
        parts = [part for part in text.split("/") if part not in _NOTHING]
        if text.startswith(("/", "\\")) or _DRIVE.match("/".join(parts)):
            raise UnsafePathError(f"the name {text!r} is absolute; give one relative to the directory", name=text)
        if "\0" in text:
            raise UnsafePathError(f"the name {text!r} holds a NUL character", name=text)
        if ".." in re.split(r"[/\\]", text):
            raise UnsafePathError(f"the name {text!r} leads out of the directory through '..'", name=text)
        if not parts or text.rpartition("/")[2] in _NOTHING:
            raise InvalidNameError(f"the name {text!r} is a directory, not a file", name=text)
        for part in parts:
            _check_component(part, text, windows=windows)
        return cls("/".join(parts))


def find_collision(names: Iterable[RelativeName], *, ignore_case: bool) -> tuple[str, str] | None:
    """Find two names that can't both be files in one directory tree.

    Two different names collide when one is a directory in the other's path, or, with ``ignore_case``,
    when they differ only in case or Unicode form.

    Returns:
        The two names as given, or None.
    """
    files: dict[str, str] = {}
    directories: dict[str, str] = {}
    for name in sorted(set(names)):
        key = name.collision_key if ignore_case else name.text
        parents = key.split("/")[:-1]
        ancestors = ["/".join(parents[: depth + 1]) for depth in range(len(parents))]
        above = next((files[each] for each in ancestors if each in files), None)
        clash = files.get(key) or directories.get(key) or above
        if clash is not None:
            return clash, name.text
        files[key] = name.text
        directories.update((each, name.text) for each in ancestors)
    return None


def _check_component(part: str, text: str, *, windows: bool) -> None:
    try:
        length = len(part.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InvalidNameError(f"the name {text!r} is not valid Unicode", name=text) from error
    problem = None
    if "\\" in part:
        problem = "holds a backslash"
    elif _CONTROL.search(part):
        problem = "holds a control character"
    elif part.endswith((".", " ")):
        problem = "has a part that ends in a dot or a space"
    elif _RESERVED.fullmatch(part):
        problem = "is a device name on Windows"
    elif length > _COMPONENT_BYTES:
        problem = f"has a part longer than {_COMPONENT_BYTES} bytes"
    elif _OURS.search(part):
        problem = "is kept for unfinished files"
    elif windows and not _WINDOWS_ONLY.isdisjoint(part):
        problem = "holds a character that Windows forbids"
    if problem is not None:
        raise InvalidNameError(f"the name {text!r} {problem}; choose another", name=text)
