"""Faults of bodies and of heads do on the wire exactly what their names say."""

from __future__ import annotations

import gzip
import http.client
import re
import time
import zlib
from email.utils import parsedate_to_datetime

import pytest

from tests.support.fault_server import FaultServer
from tests.support.faults import (
    ChangeEtag,
    Chunked,
    CloseDelimited,
    CutAfter,
    Delay,
    EmptyBody,
    EndlessBody,
    ExtraHeaders,
    Fault,
    FlipByte,
    FlipElsewhere,
    GarbageHeaders,
    Gzip,
    GzipBomb,
    Html200,
    HugeHeaders,
    LengthLie,
    RateLimited,
    RateLimitedOld,
    Redirect,
    RedirectChain,
    RedirectLoop,
    RetryAfter,
    RetryAfterDate,
    ShortRange,
    Status,
    WithoutHeaders,
)
from tests.support.raw_client import RawReply, ask

DATA = bytes(range(256)) * 40
PART = {"Range": "bytes=1000-1999"}


def get(server: FaultServer, fault: Fault, headers: dict[str, str] | None = None) -> RawReply:
    server.clear_rules()
    server.on(fault=fault)
    return ask(server.url("/a.bin"), headers)


class TestBodies:
    def test_gzip_has_the_compressed_length(self, server: FaultServer) -> None:
        """With a length, and without."""
        plain = get(server, Gzip())
        chunked = get(server, Gzip() & Chunked())

        assert (plain.headers["content-encoding"], gzip.decompress(plain.body)) == ("gzip", DATA)
        assert plain.headers["content-length"] == str(len(plain.body))
        assert chunked.headers["transfer-encoding"] == "chunked"
        assert "content-length" not in chunked.headers

    def test_gzip_bomb_is_small(self, server: FaultServer) -> None:
        """Unpacked it is what it says."""
        body = get(server, GzipBomb(20 << 20)).body

        assert len(body) < 50_000
        assert len(gzip.decompress(body)) == 20 << 20
        assert zlib.decompressobj(31).decompress(body, 10) == bytes(10)

    def test_chunked_body_is_framed(self, server: FaultServer) -> None:
        """No length, and a proper end."""
        server.on(fault=Chunked())
        connection = http.client.HTTPConnection(server.origin.partition("//")[2], timeout=5)
        connection.request("GET", "/a.bin")
        body = connection.getresponse().read()
        connection.close()

        assert body == DATA
        assert get(server, Chunked()).body.endswith(b"\r\n0\r\n\r\n")

    def test_chunked_body_can_lack_its_end(self, server: FaultServer) -> None:
        """Truncation that only the framing tells."""
        reply = get(server, Chunked() & CutAfter(100, rst=False))

        assert reply.body == b"64\r\n" + DATA[:100] + b"\r\n"

    def test_close_delimited_body_has_no_length(self, server: FaultServer) -> None:
        """HTTP/1.0; a short one can't be told from a whole one."""
        whole = get(server, CloseDelimited())
        short = get(server, CloseDelimited() & CutAfter(100, rst=False))

        assert whole.head.startswith("HTTP/1.0 200 OK")
        assert "content-length" not in whole.headers
        assert (whole.body, whole.end) == (DATA, "fin")
        assert (short.body, short.end) == (DATA[:100], "fin")

    @pytest.mark.parametrize("delta", [-40, 40])
    def test_length_can_lie_both_ways(self, server: FaultServer, delta: int) -> None:
        """More promised than sent, or less."""
        reply = get(server, LengthLie(delta))

        assert (reply.headers["content-length"], reply.body, reply.end) == (str(10240 + delta), DATA, "fin")

    @pytest.mark.parametrize("offset", [1500, 1500 - 10240])
    def test_flipped_byte_stays_where_it_is(self, server: FaultServer, offset: int) -> None:
        """The same wrong bit in whatever range covers it."""
        part = get(server, FlipByte(offset), PART).body
        other = get(server, FlipByte(offset), {"Range": "bytes=0-1499"}).body
        whole = get(server, FlipByte(offset)).body

        assert [at for at in range(10240) if whole[at] != DATA[at]] == [1500]
        assert (part, other) == (whole[1000:2000], DATA[:1500])

    def test_flip_elsewhere_moves(self, server: FaultServer) -> None:
        """Asking again gives other wrong bytes."""
        server.on(fault=FlipElsewhere())
        bodies = [ask(server.url("/a.bin")).body for _ in range(5)]

        places = [[at for at in range(10240) if body[at] != DATA[at]] for body in bodies]

        assert {len(place) for place in places} == {1}
        assert len({place[0] for place in places}) > 1

    def test_endless_body_does_not_end(self, server: FaultServer) -> None:
        """A client stops at the size it expects."""
        server.on(fault=EndlessBody())
        connection = http.client.HTTPConnection(server.origin.partition("//")[2], timeout=5)
        connection.request("GET", "/a.bin")
        reply = connection.getresponse()
        got = reply.read(20 << 20)
        reply.close()
        connection.close()

        assert got == DATA + bytes((20 << 20) - len(DATA))
        server.wait_idle(2)

    def test_empty_body_is_honest_about_it(self, server: FaultServer) -> None:
        """The digest of nothing is a digest, too."""
        reply = get(server, EmptyBody())

        assert (reply.status, reply.headers["content-length"], reply.body) == (200, "0", b"")

    def test_captive_portal_answers_everything(self, server: FaultServer) -> None:
        """A page of HTML is not a model."""
        reply = get(server, Html200(), PART)

        assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"<html" in reply.body or b"<!doctype html" in reply.body


class TestHeads:
    def test_status_has_body_headers_and_reason_of_ones_own(self, server: FaultServer) -> None:
        """Proxies answer in their own way."""
        reply = get(server, Status(502, {"X-Proxy": "1"}, b"<html>", "Bad Luck"))

        assert reply.head.startswith("HTTP/1.1 502 Bad Luck\r\n")
        assert (reply.headers["x-proxy"], reply.body) == ("1", b"<html>")
        assert get(server, Status(503)).body == b"Service Unavailable"
        assert get(server, Status(599)).head.startswith("HTTP/1.1 599 Unknown\r\n")
        assert "content-length" not in get(server, Status(204)).headers

    def test_retry_after_has_both_forms(self, server: FaultServer) -> None:
        """Seconds, or a date."""
        seconds = get(server, RetryAfter(120))
        date = get(server, RetryAfterDate(2, code=503))
        ahead_s = parsedate_to_datetime(date.headers["retry-after"]).timestamp() - time.time()

        assert (seconds.status, seconds.headers["retry-after"]) == (429, "120")
        assert date.status == 503
        assert 1 < ahead_s < 3.1

    def test_rate_limits_are_told_the_new_way_and_the_old(self, server: FaultServer) -> None:
        """The Hub has the new one."""
        new, old = get(server, RateLimited(2)), get(server, RateLimitedOld(2))

        assert (new.status, new.headers["ratelimit"]) == (429, '"api";r=0;t=2')
        assert (old.headers["ratelimit-remaining"], old.headers["ratelimit-reset"]) == ("0", "2")

    def test_redirects_point_where_they_are_told(self, server: FaultServer) -> None:
        """Relative, elsewhere, in a circle, in a chain."""
        relative = get(server, Redirect("../b?x=1", 307))

        assert (relative.status, relative.headers["location"]) == (307, "../b?x=1")
        assert get(server, RedirectLoop()).headers["location"] == "/a.bin"

    def test_redirect_chain_ends(self, server: FaultServer) -> None:
        """A loop of thirty is not for ever."""
        server.on(fault=RedirectChain(2))
        replies = [ask(server.url(target)) for target in ("/a.bin", "/a.bin?hop=1", "/a.bin?hop=2")]

        assert [reply.status for reply in replies] == [302, 302, 200]
        assert replies[0].headers["location"] == "?hop=1"

    def test_etag_changes_on_the_same_bytes(self, server: FaultServer) -> None:
        """CDN nodes differ in their ETags."""
        server.on(fault=ChangeEtag())
        etags = {ask(server.url("/a.bin")).headers["etag"] for _ in range(3)}

        assert len(etags) == 3
        assert get(server, ChangeEtag('W/"x"')).headers["etag"] == 'W/"x"'

    def test_headers_are_replaced_and_dropped(self, server: FaultServer) -> None:
        """Whatever a proxy does to them."""
        replaced = get(server, ExtraHeaders({"etag": '"x"', "Link": "<b>; rel=next"}))
        dropped = get(server, WithoutHeaders(("Accept-Ranges", "etag")))

        assert (replaced.headers["etag"], replaced.headers["link"]) == ('"x"', "<b>; rel=next")
        assert not {"accept-ranges", "etag"} & set(dropped.headers)

    def test_garbage_is_not_http(self, server: FaultServer) -> None:
        """Another service on the port."""
        reply = get(server, GarbageHeaders())

        assert reply.head.startswith("SSH-2.0")
        assert (reply.end, server.requests[0].status) == ("fin", None)

    def test_huge_headers_are_huge(self, server: FaultServer) -> None:
        """Parsers have limits."""
        reply = get(server, HugeHeaders(lines=2000, length=1000))

        assert 2_000_000 < len(reply.head) < 2_010_000
        assert reply.body == DATA
        assert re.fullmatch("a+", reply.headers["x-pad-001999"])

    def test_faults_are_put_together(self, server: FaultServer) -> None:
        """Slow, short and cut at once."""
        started_s = time.monotonic()
        reply = get(server, Delay(0.1) & ShortRange(500) & ChangeEtag('"x"') & CutAfter(-1), PART)

        assert time.monotonic() - started_s >= 0.1
        assert reply.headers["content-range"] == "bytes 1000-1499/10240"
        assert (reply.headers["etag"], len(reply.body), reply.end) == ('"x"', 499, "rst")
