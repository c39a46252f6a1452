"""Until it is told otherwise the origin answers as an honest one does."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import re
import socket
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer, Resource, SparseFile
from tests.support.raw_client import ask

MIB = 1 << 20
DATA = bytes(range(256)) * 40


def connect(server: FaultServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.origin.partition("//")[2], timeout=5)


class TestHonesty:
    def test_whole_file_has_exact_length_and_validators(self, server: FaultServer) -> None:
        """Clients compare these with what they were promised."""
        reply = ask(server.url("/a.bin"))

        assert (reply.status, reply.body, reply.end) == (200, DATA, "fin")
        assert reply.headers["content-length"] == str(len(DATA))
        assert reply.headers["accept-ranges"] == "bytes"
        assert re.fullmatch(r'"[0-9a-f]{32}"', reply.headers["etag"])
        assert reply.headers["last-modified"] == "Mon, 01 Jan 2024 00:00:01 GMT"

    @pytest.mark.parametrize(
        ("asked", "start", "stop"),
        [
            ("bytes=0-0", 0, 1),
            ("bytes=100-199", 100, 200),
            ("bytes=10000-", 10000, 10240),
            ("bytes=10239-99999", 10239, 10240),
            ("bytes=-40", 10200, 10240),
            ("bytes=-99999", 0, 10240),
        ],
    )
    def test_single_range_is_a_206(self, server: FaultServer, asked: str, start: int, stop: int) -> None:
        """Resuming rests on this."""
        reply = ask(server.url("/a.bin"), {"Range": asked})

        assert (reply.status, reply.body) == (206, DATA[start:stop])
        assert reply.headers["content-range"] == f"bytes {start}-{stop - 1}/10240"
        assert reply.headers["content-length"] == str(stop - start)
        assert server.requests[0].range == (start, stop)

    @pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=10240-10250", "bytes=-0"])
    def test_range_outside_is_a_416(self, server: FaultServer, asked: str) -> None:
        """A client whose partial is too long learns the true length."""
        reply = ask(server.url("/a.bin"), {"Range": asked})

        assert (reply.status, reply.headers["content-range"]) == (416, "bytes */10240")

    @pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "lines=0-1", "bytes=0-1,5-6", "bytes=a-b", "0-1"])
    def test_range_that_is_none_is_ignored(self, server: FaultServer, asked: str) -> None:
        """RFC 9110 section 14.2."""
        assert ask(server.url("/a.bin"), {"Range": asked}).status == 200

    def test_head_tells_what_get_would_without_body(self, server: FaultServer) -> None:
        """A HEAD with a body would poison the connection."""
        connection = connect(server)
        connection.request("HEAD", "/a.bin")
        head = connection.getresponse()
        head.read()
        connection.request("GET", "/a.bin")
        body = connection.getresponse().read()
        connection.close()

        assert (head.status, head.getheader("Content-Length"), body) == (200, "10240", DATA)
        assert server.connections == 1

    def test_empty_file_is_served_and_has_no_range(self, server: FaultServer) -> None:
        """An engine that asks for the first piece of everything meets this."""
        whole = ask(server.url("/empty"))
        part = ask(server.url("/empty"), {"Range": "bytes=0-99"})

        assert (whole.status, whole.headers["content-length"], whole.body) == (200, "0", b"")
        assert (part.status, part.headers["content-range"]) == (416, "bytes */0")

    def test_if_range_decides_between_part_and_whole(self, server: FaultServer) -> None:
        """A changed file is never mixed with the old one."""
        etag, date = (ask(server.url("/a.bin")).headers[name] for name in ("etag", "last-modified"))
        asked = {"Range": "bytes=1-2"}

        statuses = [
            ask(server.url("/a.bin"), asked | {"If-Range": validator}).status
            for validator in (etag, date, '"other"', f"W/{etag}", "Thu, 01 Jan 1970 00:00:00 GMT")
        ]

        assert statuses == [206, 206, 200, 200, 200]

    def test_unknown_path_and_method_are_refused(self, server: FaultServer) -> None:
        """What is not there is not invented."""
        assert ask(server.url("/nothing")).status == 404
        assert ask(server.url("/a.bin"), method="DELETE").status == 405

    def test_what_is_not_http_is_a_400(self, server: FaultServer) -> None:
        """A TLS client on a plain port gets an answer, not a hang."""
        with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2]))) as sock:
            sock.sendall(b"\x16\x03\x01\x00nonsense\r\n\r\n")

            assert sock.recv(100).startswith(b"HTTP/1.1 400 Bad Request\r\n")

    def test_connection_is_kept_and_pipelined_requests_are_answered(self, server: FaultServer) -> None:
        """Pooled clients are measured against this."""
        with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2]))) as sock:
            one = b"GET /a.bin HTTP/1.1\r\nHost: x\r\nRange: bytes=0-4\r\n\r\n"
            sock.sendall(one + one.replace(b"Host: x", b"Connection: close"))
            got = b"".join(iter(lambda: sock.recv(65536), b""))

        assert got.count(b"HTTP/1.1 206") == 2
        assert got.endswith(DATA[:5])
        assert [record.connection for record in server.requests] == [1, 1]

    def test_escaped_and_absolute_targets_find_the_file(self, server: FaultServer) -> None:
        """Hub paths hold escaped slashes; a proxy is asked with whole URLs."""
        server.put("/a b/ü", b"x")
        connection = connect(server)
        connection.request("GET", "http://elsewhere.example/a.bin?x=1&x=2")
        proxied = connection.getresponse().read()
        connection.close()

        assert ask(server.url("/a b/ü")).body == b"x"
        assert proxied == DATA
        assert server.requests[0].query == {"x": "2"}
        assert server.requests[0].path == "/a.bin"


class TestContents:
    def test_put_changes_content_and_validators(self, server: FaultServer) -> None:
        """A file that changes between two ranges is seen to change."""
        before = ask(server.url("/a.bin")).headers
        server.put("/a.bin", b"new")
        after = ask(server.url("/a.bin"))

        assert after.body == b"new"
        assert {before[name] == after.headers[name] for name in ("etag", "last-modified")} == {False}

    @pytest.mark.parametrize("etag", ['W/"weak"', "unquoted", '"../../x"'])
    def test_etag_is_sent_as_given(self, server: FaultServer, etag: str) -> None:
        """Hostile and weak ones included."""
        server.put("/b", b"x", etag=etag)

        assert ask(server.url("/b")).headers["etag"] == etag

    def test_no_etag_is_no_header(self, server: FaultServer) -> None:
        """Some origins have none."""
        server.put("/b", b"x", etag=None)
        server.put("/c", Resource(content=SparseFile(3), etag=None, modified_at=None))

        assert "etag" not in ask(server.url("/b")).headers
        assert "last-modified" not in ask(server.url("/c")).headers

    def test_removed_file_is_gone(self, server: FaultServer) -> None:
        """A revision can be deleted while it is downloaded."""
        server.remove("/a.bin")

        assert ask(server.url("/a.bin")).status == 404

    def test_path_is_served_from_disk(self, server: FaultServer, tmp_path: Path) -> None:
        """Large files need not be held."""
        file = tmp_path / "big"
        SparseFile(3 * MIB + 17, seed=5).write_to(file)
        server.put("/big", file)

        got = ask(server.url("/big"), {"Range": "bytes=1000000-"}).body

        assert got == file.read_bytes()[1000000:]
        assert server.digest("/big", "md5") == hashlib.md5(file.read_bytes()).hexdigest()

    def test_sparse_file_is_the_same_from_any_offset(self) -> None:
        """Ranges of a generated file fit together."""
        whole = SparseFile(3 * MIB + 11, seed=1)
        data = whole.read()
        edges = [0, 1, 65535, 65536, MIB - 1, MIB, 2 * MIB + 7, 3 * MIB + 11]

        parts = [whole.read(start, stop) for start, stop in itertools.pairwise(edges)]

        assert b"".join(parts) == data
        assert whole.digest() == hashlib.sha256(data).hexdigest()

    def test_sparse_file_differs_by_seed_and_by_offset(self) -> None:
        """A shift by whole blocks must not go unseen."""
        data = SparseFile(4 * MIB, seed=1).read()
        blocks = {data[at : at + 65536] for at in range(0, 4 * MIB, 65536)}

        assert len(blocks) == 64
        assert SparseFile(4 * MIB, seed=2).read() != data

    def test_huge_file_costs_nothing_until_it_is_read(self, server: FaultServer) -> None:
        """A terabyte can be promised."""
        huge = SparseFile(1 << 40, seed=3)
        server.put("/huge", huge)

        reply = ask(server.url("/huge"), {"Range": "bytes=-100"})

        assert reply.headers["content-range"] == "bytes 1099511627676-1099511627775/1099511627776"
        assert reply.body == huge.read((1 << 40) - 100)
