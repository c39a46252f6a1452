"""The mirror behind nginx, with the very configuration and service of docs/mirror, only paths and ports replaced.

Whatever is asked, the answer has to be the one that the mirror itself gives, whether nginx passes it on or makes it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from tests.support.mirror_process import MirrorProcess
from tests.support.processes import wait_until
from tests.support.raw_client import RawReply, ask

DOCS = Path(__file__).parents[2] / "docs" / "mirror"
TOKEN = "let-me-read"  # a secret of these tests alone
COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = bytes(range(256)) * 4096 + b"end"  # more than any buffer on the way
WRITTEN = 1577836800  # 2020-01-01, in seconds since 1970
ODD = "a folder/ü #1? 100% a+b & c;d=é.bin"
FILES = {
    "model.safetensors": LARGE,
    ODD: b"odd name",
    "empty.bin": b"",
    "config.json": b'{"text": true}\n' * 200,  # what gzip would like to have
}
BASE = f"/acme/cached/resolve/{COMMIT}"
MODEL = f"{BASE}/model.safetensors"
ETAG = f'"{hashlib.sha256(LARGE).hexdigest()}"'
SAME = [
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "etag",
    "last-modified",
    "location",
    "www-authenticate",
    "x-content-type-options",
    "x-error-code",
    "x-error-message",
    "x-hf-warning",
    "x-repo-commit",
]
_MAIN = """\
daemon off;
{user}
worker_processes 1;
pid {home}/pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    gzip on;
    gzip_types *;
    gzip_proxied any;
    include {home}/site.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Front:
    """nginx, and who stands behind it.

    Attributes:
        port: Where it listens for http.
        tls_port: Where it listens for https.
        trust: Trusts its certificate.
        mirror: Whom it asks.
        direct: A mirror of the same files that sends them itself.
    """

    port: int
    tls_port: int
    trust: ssl.SSLContext
    mirror: MirrorProcess
    direct: MirrorProcess

    def ask(self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> RawReply:
        """Ask through nginx, as a client that has the token."""
        return ask(f"http://127.0.0.1:{self.port}{path}", _with_token(headers), method=method)

    def ask_behind(self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> RawReply:
        """Ask the mirror that sends its files itself."""
        return ask(f"{self.direct.endpoint}{path}", _with_token(headers), method=method)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache and a folder, as the service of the page has them; outside of them a secret."""
    place = tmp_path_factory.mktemp("srv")
    repo = place / "models" / "hub" / "models--acme--cached"
    (repo / "blobs").mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    for name, content in FILES.items():
        blob = repo / "blobs" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        os.utime(blob, (WRITTEN, WRITTEN))
        pointer = repo / "snapshots" / COMMIT / name
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
    house = place / "models" / "house-model"
    house.mkdir()
    (house / "weights.bin").write_bytes(LARGE)
    (place / "secret.txt").write_text("secret")
    (place / "models" / "out.txt").symlink_to("../secret.txt")
    (place / "token").write_text(f"{TOKEN}\n")
    return place


@pytest.fixture(scope="module")
def direct(place: Path) -> Iterator[MirrorProcess]:
    """A mirror that sends the files itself."""
    arguments = service_arguments(place)
    assert arguments[-2:] == ["--accel", "nginx"]
    with MirrorProcess(place / "direct", *arguments[:-2]) as mirror:
        yield mirror


@pytest.fixture(scope="module")
def accelerated(place: Path) -> Iterator[MirrorProcess]:
    """A mirror that lets nginx send the files."""
    with MirrorProcess(place / "accelerated", *service_arguments(place)) as mirror:
        yield mirror


@pytest.fixture(scope="module")
def accel(place: Path, accelerated: MirrorProcess, direct: MirrorProcess) -> Iterator[Front]:
    """nginx before a mirror with ``--accel nginx``."""
    with nginx(place, place / "nginx-accel", accelerated.address[1]) as (port, tls_port, trust):
        yield Front(port, tls_port, trust, accelerated, direct)


@pytest.fixture(scope="module")
def plain(place: Path, direct: MirrorProcess) -> Iterator[Front]:
    """nginx before a mirror without that option."""
    with nginx(place, place / "nginx-plain", direct.address[1]) as (port, tls_port, trust):
        yield Front(port, tls_port, trust, direct, direct)


@pytest.fixture(params=["accel", "plain"])
def front(request: pytest.FixtureRequest) -> Front:
    """Each of the two ways to run it."""
    found: Front = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path",
    [
        *(f"{BASE}/{quote(name)}" for name in FILES),
        "/acme/cached/resolve/main/config.json",
        "/acme/house-model/resolve/main/weights.bin",
        f"{BASE}/none.bin",
        "/acme/cached/resolve/refs%2Fpr%2F1/config.json",
        "/acme/none/resolve/main/config.json",
        f"/api/models/acme/cached/tree/{COMMIT}?recursive=true&expand=false",
        "/_weighbridge/style.css",
        "/healthz",
    ],
)
def test_answer_is_that_of_the_mirror(front: Front, path: str, method: str) -> None:
    """Clients build their caches on these headers, and understand errors by them."""
    asked = {"Accept-Encoding": "gzip, br"}

    through, behind = front.ask(path, asked, method), front.ask_behind(path, asked, method)

    assert told(through) == told(behind)
    assert through.body == behind.body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Range": "bytes=0-9"}, 206),
        ({"Range": "bytes=70000-900000"}, 206),
        ({"Range": "bytes=1048000-"}, 206),
        ({"Range": "bytes=-100"}, 206),
        ({"Range": "bytes=0-"}, 206),
        ({"Range": "bytes=5-99999999"}, 206),
        ({"Range": "bytes=99999999-"}, 416),
        ({"Range": "bytes=0-1,5-6"}, 200),
        ({"Range": "bytes=5-9", "If-Range": ETAG}, 206),
        ({"Range": "bytes=5-9", "If-Range": '"other"'}, 200),
        ({"Range": "bytes=5-9", "If-Range": "Sat, 01 Jan 2050 00:00:00 GMT"}, 200),
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": '"other"', "Range": "bytes=5-9"}, 206),
        ({"If-Match": ETAG, "Range": "bytes=5-9"}, 206),
        ({"If-Match": '"other"'}, 412),
        ({"If-Modified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"}, 200),
        ({"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 200),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else str(value),
)
def test_conditions_are_weighed_as_the_mirror_does(front: Front, headers: dict[str, str], status: int) -> None:
    """A download that goes on never mixes two files, whoever sends the bytes."""
    through, behind = front.ask(MODEL, headers), front.ask_behind(MODEL, headers)

    assert through.status == status
    assert told(through) == told(behind)
    assert through.body == behind.body


def test_nginx_sends_the_files_itself(accel: Front) -> None:
    """That is what the option is for: no byte of the file passes through the mirror."""
    with accel.mirror.recorded() as requests:
        reply = accel.ask(MODEL)

    assert reply.body == LARGE
    assert reply.headers["etag"] == ETAG
    assert [(str(each), each.sent) for each in requests] == [(f"GET {MODEL} 200", 0)]


def test_nobody_reads_without_the_token(front: Front) -> None:
    """Who may read is the mirror's decision, also for the bytes that nginx sends."""
    reply = ask(f"http://127.0.0.1:{front.port}{MODEL}")

    assert (reply.status, reply.headers["x-error-code"]) == (401, "RepoNotFound")
    assert LARGE[:100] not in reply.body


@pytest.mark.parametrize(
    "path",
    [
        "/_weighbridge_files{place}/models/house-model/weights.bin",
        "//_weighbridge_files{place}/models/house-model/weights.bin",
        "/%5fweighbridge_files{place}/models/house-model/weights.bin",
        "/acme/../_weighbridge_files{place}/models/house-model/weights.bin",
        "/_weighbridge_files{place}/secret.txt",
        "/_weighbridge_files/etc/passwd",
        "/_weighbridge_files",
    ],
)
def test_what_nginx_can_send_can_not_be_asked_for(front: Front, place: Path, path: str) -> None:
    """The addresses that the mirror gives to nginx are no addresses outside."""
    assert front.ask(path.format(place=place)).status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/models/house-model/weights.bin", 200),
        ("/secret.txt", 500),
        ("/models/out.txt", 403),
        ("/models/../secret.txt", 404),
        ("/models/%2e%2e/secret.txt", 404),
    ],
)
def test_nginx_sends_nothing_from_outside_the_folders(place: Path, tmp_path: Path, path: str, status: int) -> None:
    """Even a mirror that has been talked into naming another file, or a link, does not get it sent."""
    with (
        redirector(f"/_weighbridge_files{place}{path}") as upstream,
        nginx(place, tmp_path, upstream) as (port, _, _),
    ):
        reply = ask(f"http://127.0.0.1:{port}/")

    assert reply.status == status
    assert b"secret" not in reply.body


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
def test_next_page_is_asked_for_at_the_outside_address(front: Front, is_tls: bool) -> None:
    """Clients send their token to the address in the link, and may not be able to reach any other."""
    outside = f"https://localhost:{front.tls_port}" if is_tls else f"http://127.0.0.1:{front.port}"
    address = f"{outside}/api/models/acme/cached/tree/main?limit=1"

    reply = ask(address, _with_token(None), tls=front.trust if is_tls else None)

    link = reply.headers["link"]
    assert link.startswith(f"<{outside}/api/models/acme/cached/tree/main?limit=1&cursor=")
    assert link.endswith('>; rel="next"')


def test_file_comes_whole_over_tls(front: Front) -> None:
    """A token belongs on an encrypted way, and nginx has another way to send files there."""
    reply = ask(f"https://localhost:{front.tls_port}{MODEL}", _with_token(None), tls=front.trust)

    assert (reply.status, reply.headers["etag"], reply.body) == (200, ETAG, LARGE)


def service_arguments(place: Path) -> list[str]:
    """Return what the service gives to ``weighbridge serve``, with paths and port of this test."""
    text = (DOCS / "weighbridge.service").read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = (line for line in text.splitlines() if line.startswith("ExecStart="))
    program, verb, *arguments = shlex.split(line.removeprefix("ExecStart="))
    assert (Path(program).name, verb) == ("weighbridge", "serve")
    ours = {"8080": "0", "%d/token": str(place / "token")}
    return [ours.get(each, each).replace("/srv/", f"{place}/") for each in arguments]


@contextmanager
def nginx(place: Path, home: Path, upstream: int) -> Iterator[tuple[int, int, ssl.SSLContext]]:
    """Run nginx with the page's configuration; give its ports and what to trust."""
    home.mkdir(exist_ok=True)
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(home / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(home / "certificate.pem")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        port, tls_port = (each.getsockname()[1] for each in listeners)
    site = replaced(
        (DOCS / "nginx.conf").read_text(encoding="utf-8"),
        {
            "127.0.0.1:8080": f"127.0.0.1:{upstream}",
            "listen 80;": f"listen 127.0.0.1:{port};",
            "listen 443 ssl;": f"listen 127.0.0.1:{tls_port} ssl;",
            "/etc/ssl/certs/models.example.org.pem": str(home / "certificate.pem"),
            "/etc/ssl/private/models.example.org.key": str(home / "key.pem"),
            "/srv/models/": f"{place}/models/",
        },
    )
    (home / "site.conf").write_text(site)
    # workers of a master that is root would become somebody who can't look into the folders of these tests
    user = "user root root;" if os.geteuid() == 0 else ""
    (home / "nginx.conf").write_text(_MAIN.format(home=home, user=user))
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    assert program is not None, "these tests need nginx (Debian: nginx-light)"
    log = home / "error.log"
    process = subprocess.Popen([program, "-p", home, "-c", home / "nginx.conf", "-e", log], stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or _is_open(port))
        assert process.poll() is None, log.read_text()
        yield port, tls_port, trust
    finally:
        process.terminate()
        process.wait()


@contextmanager
def redirector(address: str) -> Iterator[int]:
    """Run a server behind nginx that asks it to send what is at ``address``, whatever it is asked; give its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("X-Accel-Redirect", address)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """Return a configuration with other paths and ports; what is not in it can't be replaced."""
    for old, new in changes.items():
        assert old in text, f"{old} is no longer in the page's configuration"
        text = text.replace(old, new)
    return text


def told(reply: RawReply) -> dict[str, str]:
    """Return what matters in the head of an answer; not the date, nor how the connection goes on."""
    return {"status": str(reply.status)} | {name: reply.headers[name] for name in SAME if name in reply.headers}


def _with_token(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}", **(headers or {})}


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
