"""Asking a Hub over real sockets, with limits short enough for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tests.support.fault_server import FaultServer, Held, RequestRecord, Resource
from weighbridge.core.options import HttpOptions, HubOptions, RetryOptions
from weighbridge.core.repos import Kind, RepoId
from weighbridge.http.pool import PoolTransport
from weighbridge.hub.asking import Caller
from weighbridge.hub.refusals import Asked
from weighbridge.hub.resolver import OnlineHub

REPO = RepoId(Kind.MODEL, "org/name")
COMMIT, BLOB, SHA256 = "c" * 40, "b" * 40, "5" * 64
TOKEN = "hf_wbCANARYtoken"
REVISION_PATH = "/api/models/org/name/revision/main"
TREE_PATH = f"/api/models/org/name/tree/{COMMIT}"
FILE_PATH = "/org/name/resolve/main/a/file.bin"
TOLD = {"X-Repo-Commit": COMMIT, "ETag": f'"{BLOB}"'}
RETRY = RetryOptions(attempts=3, wait_initial_s=0.01, wait_max_s=0.02, pause_max_s=5.0)


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody who asks.

    Attributes:
        caller: Makes single calls.
        hub: Asks in terms of repositories.
        cancel: Ends all calls.
    """

    caller: Caller
    hub: OnlineHub
    cancel: threading.Event

    def get(self, server: FaultServer, path: str = REVISION_PATH) -> object:
        """Return what ``path`` of ``server`` says in JSON."""
        url = server.url(path)
        return self.caller.get_json(url, Asked(url=url, repo=REPO)).value


@contextmanager
def asking(
    server: FaultServer, *, http: HttpOptions | None = None, retry: RetryOptions = RETRY, **changes: Any
) -> Iterator[Desk]:
    """Ask ``server``, with a token, for 5 s at most unless told otherwise, within the block."""
    options = replace(
        HubOptions(endpoint=server.origin, token=TOKEN, user_agent="me/1", call_timeout_s=5.0, etag_timeout_s=5.0),
        **changes,
    )
    transport = PoolTransport(http or HttpOptions(), retry, connections=4)
    cancel = threading.Event()
    caller = Caller(transport, options, retry, cancel)
    try:
        yield Desk(caller, OnlineHub(caller, options), cancel)
    finally:
        transport.close()


def put_json(server: FaultServer, path: str, value: object, **headers: str) -> None:
    """Let ``server`` answer ``value`` at ``path``; underscores in names of headers are hyphens."""
    put(server, path, json.dumps(value).encode(), **headers)


def put(server: FaultServer, path: str, content: bytes, **headers: str) -> None:
    """Let ``server`` answer ``content`` at ``path``, without an ETag but that among ``headers``."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    server.put(path, Resource(content=Held(content), etag=None, modified_at=None, headers=pairs))


def told_tokens(server: FaultServer) -> list[RequestRecord]:
    """Return the requests to ``server`` that held the token anywhere."""
    return [each for each in server.requests if TOKEN in repr((each.headers, each.target, each.body))]
