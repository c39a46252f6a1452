"""A loopback server of one folder: ranges, keep-alive, a cap for each connection, and a log of what was sent."""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

_CHUNK = 64 * 1024


class Origin(ThreadingHTTPServer):
    """Serves the files of ``root``, at most ``rate`` bytes a second on each connection."""

    daemon_threads = True

    def __init__(self, root: Path, rate: float) -> None:
        self.files = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
        self.rate = rate
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    """Answers GET with the file, or the range of it that was asked for."""

    protocol_version = "HTTP/1.1"
    server: Origin

    def do_GET(self) -> None:
        """Answer with the file, or the range of it, at the connection's pace."""
        path = self.server.files.get(unquote(urlsplit(self.path).path).lstrip("/"))
        if path is None:
            self.send_error(404)
            return
        size = path.stat().st_size
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        start, stop = (int(match[1]), min(int(match[2]) + 1, size)) if match else (0, size)
        if match and start >= size:
            self._head(416, 0, path, f"bytes */{size}")
            return
        self._head(206 if match else 200, stop - start, path, f"bytes {start}-{stop - 1}/{size}" if match else None)
        self._body(path, start, stop)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet: what was sent is printed by the body."""
        del format, args

    def _head(self, status: int, length: int, path: Path, span: str | None) -> None:
        found = path.stat()
        tag = hashlib.sha1(f"{found.st_size} {found.st_mtime_ns}".encode(), usedforsecurity=False).hexdigest()
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", f'"{tag}"')
        if span is not None:
            self.send_header("Content-Range", span)
        self.end_headers()

    def _body(self, path: Path, start: int, stop: int) -> None:
        began, sent = time.monotonic(), 0
        try:
            with path.open("rb") as file:
                file.seek(start)
                while sent < stop - start:
                    chunk = file.read(min(_CHUNK, stop - start - sent))
                    self.wfile.write(chunk)
                    sent += len(chunk)
                    time.sleep(max(0.0, began + sent / self.server.rate - time.monotonic()))
        except OSError:
            self.close_connection = True
        finally:
            print(sent, flush=True)


def main() -> None:
    """Serve until killed; print the address, then the bytes sent for each answer."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--rate", type=float, default=4e6, help="bytes a second for each connection")
    arguments = parser.parse_args()
    with Origin(arguments.root, arguments.rate) as origin:
        print(f"http://127.0.0.1:{origin.server_address[1]}/", flush=True)
        origin.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
