"""One try of a call to the Hub: redirects followed as far as they may be, no more read than is allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from weighbridge.core.errors import BadAnswerError, HfHubHTTPError, TransferError
from weighbridge.core.urls import origin_of, redact
from weighbridge.http.messages import parse_content_range
from weighbridge.http.redirects import STATUSES, Trail
from weighbridge.http.transport import Asking, Interrupt, Question, Response
from weighbridge.hub.answers import Hop, is_told
from weighbridge.hub.credentials import Identity
from weighbridge.hub.limits import Limit
from weighbridge.hub.listings import next_page
from weighbridge.hub.refusals import READ, Asked, refusal_of

_LARGEST = 64 * 1024 * 1024  # bytes of an answer, decoded
_WORDS = 64 * 1024  # bytes that are looked at of an answer that is none
_READ = 64 * 1024
_REDIRECTS_MAX = 20
_SUCCESS = range(200, 300)
_NO_HEAD = frozenset({405, 501})
_DENIED = 403
_UNSATISFIABLE = 416

_JSON = {"Accept-Encoding": "gzip, deflate"}
_HEAD = {"Accept-Encoding": "identity"}  # else the length told is not the file's
_FIRST_BYTE = {"Accept-Encoding": "identity", "Range": "bytes=0-0"}


@dataclass(frozen=True, slots=True)
class Page:
    """An answer in JSON.

    Attributes:
        value: What it says.
        url: Where it came from, after redirects.
        headers: As sent.
    """

    value: object
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def next_url(self) -> str | None:
        """Where it goes on, wherever that is; raises as :func:`weighbridge.hub.listings.next_page`."""
        return next_page(self.headers, self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One try.

    Attributes:
        transport: Asks once.
        identity: Whose; decides what each origin may know.
        asked: What for; its ``url`` is where the try begins.
        limit: How long it may take.
        interrupt: Breaks it.
    """

    transport: Asking
    identity: Identity
    asked: Asked
    limit: Limit
    interrupt: Interrupt

    def get_json(self) -> Page:
        """See :meth:`weighbridge.hub.asking.Caller.get_json`."""
        url, trail = self.asked.url, Trail(self.asked.url, _REDIRECTS_MAX)
        while True:
            response = self._ask(url, "GET", _JSON)
            try:
                location = response.headers.get("Location")
                if response.status in _SUCCESS:
                    return Page(_read_json(response, redact(url)), url, response.headers)
                words = self._read_words(response)
            finally:
                response.close()
            if response.status not in STATUSES or location is None:
                raise self._refusal(Hop(url, response.status, response.headers), words)
            url = trail.follow(url, location)

    def head(self) -> tuple[Hop, ...]:
        """See :meth:`weighbridge.hub.asking.Caller.head`."""
        trail, hops = Trail(self.asked.url, _REDIRECTS_MAX), [self._look(self.asked.url)]
        while (location := hops[-1].location) is not None:
            here = hops[-1].url
            target = trail.follow(here, location)
            if origin_of(target) not in (origin_of(here), self.identity.origin) and is_told(hops):
                break
            hops.append(self._look(target))
        if hops[-1].location is None and not _is_content(hops[-1]):
            raise self._refusal(hops[-1], b"")
        return tuple(hops)

    def _look(self, url: str) -> Hop:
        """Return the head of what is at ``url``; where HEAD is refused, by asking for the first byte.

        Addresses that are signed for GET deny a HEAD.
        """
        hop = self._head_of(url, "HEAD", _HEAD)
        is_elsewhere = origin_of(url) != self.identity.origin
        if hop.status in _NO_HEAD or (hop.status == _DENIED and is_elsewhere):
            return self._head_of(url, "GET", _FIRST_BYTE)
        return hop

    def _head_of(self, url: str, method: Literal["GET", "HEAD"], headers: Mapping[str, str]) -> Hop:
        response = self._ask(url, method, headers)
        response.close()
        return Hop(url, response.status, response.headers)

    def _ask(self, url: str, method: Literal["GET", "HEAD"], headers: Mapping[str, str]) -> Response:
        question = Question(
            url=url,
            method=method,
            headers={**self.identity.headers_for(url), **headers},
            patience_s=self.limit.left_s,
        )
        return self.transport.ask(question, self.interrupt)

    def _read_words(self, response: Response) -> bytes:
        """Return the beginning of a body that brings no content; less if the connection breaks meanwhile."""
        words = b""
        try:
            while len(words) < _WORDS and (data := response.read_decoded(_READ)):
                words += data
        except TransferError:  # the status has said what matters
            pass
        return words

    def _refusal(self, hop: Hop, words: bytes) -> HfHubHTTPError:
        hide, identity = self.identity.hide, self.identity
        headers = {name: hide(value) for name in READ if (value := hop.headers.get(name)) is not None}
        has_token = identity.has_token and origin_of(hop.url) == identity.origin
        asked = replace(self.asked, url=hop.url, has_token=has_token)
        return refusal_of(hop.status, headers, hide(words.decode("utf-8", "replace")).encode("utf-8"), asked)


def _is_content(hop: Hop) -> bool:
    if hop.status == _UNSATISFIABLE:  # there is no first byte: that it is an empty file has been told
        part = parse_content_range(hop.headers.get("Content-Range"))
        return part is not None and part.size == 0
    return hop.status in _SUCCESS


def _read_json(response: Response, shown: str) -> object:
    data = bytearray()
    while chunk := response.read_decoded(_READ):
        data += chunk
        if len(data) > _LARGEST:
            raise BadAnswerError(f"{shown} answers with more than {_LARGEST} bytes, which no Hub does", url=shown)
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError):  # whose text may hold the answer
        raise BadAnswerError(
            f"{shown} answers with something that is no JSON; either it is not the address of a Hub, or a proxy or a "
            "sign-in page of the network answers in its place",
            url=shown,
        ) from None
    return value
