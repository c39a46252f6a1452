"""A careful downloader of a few lines, unless its last argument says what it is to do wrong; needs Python alone.

Its arguments are an address, a place, a SHA-256 or nothing, a token or nothing, and a vice or nothing.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import sys
import threading
import urllib.error
import urllib.request
from http.client import HTTPMessage
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

_TRIES = 4
_CHUNK = 1 << 16
_TIMEOUT_S = 30.0


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and leaves the token behind where the origin changes; the vice ``leak`` keeps it."""

    def __init__(self, vice: str) -> None:
        self._vice = vice

    def redirect_request(  # noqa: PLR0917 - as the library has it
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and urlsplit(newurl).netloc != req.host and self._vice != "leak":
            request.remove_header("Authorization")
        return request


def main() -> int:
    url, name, digest, token, vice = sys.argv[1:]
    place = Path(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place if vice == "half" else place.with_name(f"{place.name}.part")
    if vice == "litter" and partial.exists():
        shutil.copyfile(partial, f"{partial}-{os.getpid()}")
    if vice == "afresh":
        partial.unlink(missing_ok=True)
    opener = urllib.request.build_opener(_Redirects(vice))
    headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {token}"} if token else {})
    trouble: Exception | None = None
    for _ in range(_TRIES):
        try:
            _fetch(opener, urllib.request.Request(url, headers=headers), partial)
            _check(partial, digest, vice)
        except (OSError, http.client.HTTPException, ValueError) as error:
            trouble = error
            continue
        partial.replace(place)
        _be_vicious(vice, place)
        return 0
    sys.stderr.write(f"error: {trouble}\n")
    return 1


def _fetch(opener: urllib.request.OpenerDirector, request: urllib.request.Request, partial: Path) -> None:
    """Have what is missing."""
    start = partial.stat().st_size if partial.exists() else 0
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as response:
            is_rest = response.status == 206 and response.headers["Content-Range"].startswith(f"bytes {start}-")
            if start and response.status == 206 and not is_rest:
                raise ValueError("another range than was asked for")
            with partial.open("ab" if is_rest else "wb") as file:
                shutil.copyfileobj(response, file, _CHUNK)
                if response.length:
                    raise ValueError("cut short")
    except urllib.error.HTTPError as error:
        error.close()
        if not (start and error.code == 416):  # nothing is missing: the digest will tell
            raise


def _check(partial: Path, digest: str, vice: str) -> None:
    """Compare the digest of what is whole; what is wrong is begun anew, but for the vice ``half``."""
    with partial.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if digest and actual != digest:
        if vice != "half":
            partial.unlink()
        raise ValueError(f"the digest is {actual}")


def _be_vicious(vice: str, place: Path) -> None:
    """Do what is wrong after all was right."""
    if vice == "wrong":
        with place.open("r+b") as file:
            file.write(b"\xff" if file.read(1) != b"\xff" else b"\x00")
            file.truncate()
    elif vice == "outside":
        place.parents[1].joinpath("notes").write_text("")
    elif vice == "crash":
        os.abort()
    elif vice == "hang":
        threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
