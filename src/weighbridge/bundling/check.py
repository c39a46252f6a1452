"""Checks a bundle of files against the digests that it tells itself: python3 check.py [DIRECTORY | FILE.tar | PARTS].

It needs Python 3.8 or newer and nothing else, it writes nothing but messages, and it believes nothing of what it reads.
Without an argument it checks the directory in which it lies.  It exits with 0 if all is right, with 1 if something is
missing, damaged or too much, each of which it names, and with 2 if there is no bundle that it could check.
"""
# ruff: noqa: PTH100, PTH120 - it starts at once, wherever it is

from __future__ import annotations

import hashlib
import json
import os
import sys
import time

from weighbridge.bundling.carriers import (
    MANIFEST,
    READ,
    Archive,
    Folder,
    MissingError,
    Reader,
    WrongError,
    find_bundle,
    read_all,
    read_manifest,
    read_members,
    read_parts,
)

# In a bundle, what follows stands below the text of the module imported from.

_OTHERS = ("md5", "sha1", "sha224", "sha384", "sha512")  # of which a content may be called, beside those of a Hub
_PIECE = 4 << 20  # bytes, of which the list of a content's pieces tells
_SHOW_S = 0.5


class _Check:
    """One look at a whole bundle."""

    def __init__(self, bundle: Folder | Archive) -> None:
        self._bundle = bundle
        self._wrong: list[str] = []
        self._shown_at = 0.0
        self._done, self._all = 0, 0

    def run(self) -> int:
        """Check it; return how much is wrong."""
        bundle, content = self._bundle, read_manifest(self._bundle)
        members = read_members(content)
        for name in sorted(set(members) - set(bundle.sizes)):
            self._note("missing", name)
        for name in sorted({*bundle.odd, *(set(bundle.sizes) - set(members) - {MANIFEST})}):
            self._note("extra", name)
        here = {name: each for name, each in members.items() if name in bundle.sizes}
        self._all = sum(bundle.sizes[name] for name in here)
        if isinstance(bundle, Archive):
            self._check_archive(bundle, here)
        else:
            for name in sorted(here):
                reader = bundle.reader(name, 0, bundle.sizes[name])
                self._check_one(name, here[name], reader)
                reader.close()
        verdict = f"{len(self._wrong)} wrong" if self._wrong else "all is right"
        _say(f"{len(members) + 1} files, {self._all + len(content)} bytes: {verdict}")
        _say(f"{MANIFEST}, which tells all others, has sha256 {hashlib.sha256(content).hexdigest()}")
        return len(self._wrong)

    def _check_archive(self, bundle: Archive, members: dict[str, tuple[int, str]]) -> None:
        """Read an archive once from its beginning to its end, for its files and its parts at the same time."""
        reader = Reader(bundle.parts, 0, bundle.size)
        for start, name in sorted((start, name) for name, start in bundle.starts.items()):
            if start > bundle.size:
                break  # it is cut off there
            reader.skip(start)
            if name in members:
                self._check_one(name, members[name], reader)
        reader.skip(bundle.size)
        reader.close()
        if bundle.is_cut and not self._wrong:
            self._note("damaged", bundle.path, "its end is missing")
        listed = read_parts(bundle.path)
        for index, (name, size, digest) in enumerate(listed if len(listed) == len(bundle.parts) else ()):
            if bundle.parts[index][1] != size or reader.sums[index].hexdigest() != digest:
                self._note("damaged", name)

    def _check_one(self, name: str, wanted: tuple[int, str], reader: Reader) -> None:
        size, sums = self._bundle.sizes[name], [hashlib.sha256()]
        folder, _, title = name.partition("/")
        algorithm, _, value = title.rpartition("-") if folder == "contents" else ("", "", "")
        if algorithm == "git-sha1":
            sums.append(hashlib.sha1(b"blob %d\0" % size))  # noqa: S324 - the name that git gives a content
        elif algorithm in _OTHERS:
            sums.append(hashlib.new(algorithm))
        start, prefixes = reader.position, []
        try:
            while reader.position < start + size:
                done = reader.position - start
                block = reader.read_counted(min(READ, size - done, _PIECE - done % _PIECE))
                if not block:
                    raise WrongError("it ends early")
                for each in sums:
                    each.update(block)
                if (done + len(block)) % _PIECE == 0:
                    prefixes.append(sums[-1].hexdigest())
                self._show(len(block))
        except (WrongError, OSError) as error:
            self._note("damaged", name, str(error))
            return
        found = [each.hexdigest() for each in sums]
        if size != wanted[0]:
            self._note("damaged", name, f"{size} bytes instead of {wanted[0]}")
        elif found != [wanted[1], value][: len(found)]:
            self._note("damaged", name, self._place(f"pieces/{title}.json", prefixes))

    def _place(self, name: str, prefixes: list[str]) -> str:
        """Return where a content is damaged first, if somebody has noted the digests of what is before each place."""
        try:
            text = read_all(self._bundle.reader(name, 0, self._bundle.sizes[name]))
            listed = json.loads(text)["prefixes"]
            first = next((at for at, each in enumerate(listed) if prefixes[at : at + 1] != [each]), len(listed))
        except (KeyError, TypeError, ValueError, RecursionError, WrongError, OSError):
            return ""
        return f"first between byte {first * _PIECE} and the {_PIECE} after it"

    def _note(self, trouble: str, name: str, detail: str = "") -> None:
        self._wrong.append(name)
        _say(f"{trouble}: {name}" + (f" ({detail})" if detail else ""))

    def _show(self, amount: int) -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._shown_at >= _SHOW_S and sys.stderr is not None and sys.stderr.isatty():
            self._shown_at = now
            sys.stderr.write(f"\r{self._done >> 20} of {self._all >> 20} MiB\r")


def _say(line: str) -> None:
    if sys.stdout is not None:  # a program may run this without one
        sys.stdout.write(ascii(line)[1:-1] + "\n")  # names may be made to move a terminal


def main(arguments: list[str]) -> int:
    """Check the bundle that the arguments name; return the exit code."""
    if "-h" in arguments or "--help" in arguments:
        _say(str(__doc__).partition("\n")[0])
        return 0
    try:
        bundle = find_bundle(arguments or [os.path.dirname(os.path.abspath(__file__))])
        return 1 if _Check(bundle).run() else 0
    except (WrongError, OSError) as error:
        _say(str(error))
        return 1 if isinstance(error, MissingError) else 2


if __name__ == "__main__":
    try:
        result = main(sys.argv[1:])
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        result = 130
    except OSError:  # nobody could be told, which says nothing of the bundle
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the end would try once more
        result = 2
    sys.exit(result)
