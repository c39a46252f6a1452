"""Counts requests for Prometheus and writes the access log; no query and no header that could hold a secret."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Receive, Scope, Send

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
_METHODS = frozenset({"GET", "HEAD", "POST"})
ROUTE = "weighbridge.route"
"""Where in the scope a handler notes what kind of request it was."""


class Metrics:
    """The numbers behind ``/metrics``.

    Args:
        count_repositories: Tells how many repositories are held, by kind.
    """

    def __init__(self, count_repositories: Callable[[], dict[str, int]]) -> None:
        self.registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self.requests = Counter("weighbridge_requests", "Requests answered.", labels, registry=self.registry)
        self.sent = Counter("weighbridge_sent_bytes", "Body bytes sent.", ("route",), registry=self.registry)
        self.cut = Counter(
            "weighbridge_cut", "Answers that ended before their last byte.", ("route",), registry=self.registry
        )
        self.active = Gauge("weighbridge_active_requests", "Requests being answered.", registry=self.registry)
        self.seconds = Histogram(
            "weighbridge_seconds",
            "From a request to the last byte of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.registry.register(_Repositories(count_repositories))

    def page(self) -> bytes:
        """Return what Prometheus reads (text format 0.0.4)."""
        return generate_latest(self.registry)


class _Repositories(Collector):
    def __init__(self, count: Callable[[], dict[str, int]]) -> None:
        self._count = count

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("weighbridge_repositories", "Repositories held.", labels=("kind",))
        for kind, count in self._count().items():
            family.add_metric([kind], count)
        return [family]


@dataclass(slots=True)
class _Answer:
    status: int = 0
    sent: int = 0
    is_whole: bool = False


class Observed:
    """Passes requests on to an app, counts them, and logs them.

    Args:
        app: Who answers.
        metrics: Where to count.
        write: Takes each line of the access log; None writes none.
        is_json: Lines are JSON objects.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, write: Callable[[str], None] | None, *, is_json: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._write = write
        self._is_json = is_json

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer, began = _Answer(), time.monotonic()

        async def watch(message: MutableMapping[str, Any]) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                answer.status = message["status"]
            else:
                answer.sent += message.get("count", 0) + len(message.get("body", b""))
                answer.is_whole = not message.get("more_body", False)

        try:
            with self._metrics.active.track_inprogress():
                await self._app(scope, receive, watch)
        finally:
            self._note(scope, answer, time.monotonic() - began)

    def _note(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        route, metrics = scope.get(ROUTE, "none"), self._metrics
        method = scope["method"] if scope["method"] in _METHODS else "other"  # anybody may make up new ones
        sent = 0 if method == "HEAD" else answer.sent
        metrics.requests.labels(route, method, answer.status).inc()
        metrics.sent.labels(route).inc(sent)
        metrics.seconds.labels(route).observe(seconds)
        if not answer.is_whole:
            metrics.cut.labels(route).inc()
        if self._write is not None:
            self._write(self._line(scope, answer, sent, seconds))

    def _line(self, scope: Scope, answer: _Answer, sent: int, seconds: float) -> str:
        headers = dict(scope["headers"])
        fields = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "client": (scope.get("client") or ("-",))[0],
            "method": scope["method"],
            "path": scope["raw_path"].decode("ascii", "backslashreplace"),
            "range": headers.get(b"range", b"").decode("ascii", "backslashreplace"),
            "status": answer.status,
            "bytes": sent,
            "whole": answer.is_whole,
            "seconds": round(seconds, 4),
            "agent": headers.get(b"user-agent", b"").decode("ascii", "backslashreplace"),
        }
        if self._is_json:
            return json.dumps(fields)
        shown = [
            fields["time"],
            fields["client"],
            f'"{fields["method"]} {fields["path"]}"',
            fields["range"] or "-",
            fields["status"],
            fields["bytes"] if answer.is_whole else f"{fields['bytes']}(cut)",
            f"{seconds:.3f}s",
            json.dumps(fields["agent"]),
        ]
        return " ".join(map(str, shown))
