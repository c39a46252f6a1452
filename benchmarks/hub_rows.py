"""Files of a repository into the cache of the Hub: rows of Weighbridge, huggingface_hub, and what limits both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks import contenders as who
from benchmarks.contenders import Contender, Leaves, trust
from benchmarks.processes import Step
from benchmarks.repositories import MAIN
from benchmarks.rows import CONNECTIONS, LOOSE, ROUND_TRIP_MS, WEIGHBRIDGE, FileSet, Row, Way, size_text

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.contenders import Job
    from benchmarks.settings import Sizes

HUB = "huggingface_hub"
_TOOLS = (who.CURL, who.CURL_SYNC, who.CURL_OPENSSL, who.OPENSSL)


def hub_rows(sizes: Sizes) -> tuple[Row, ...]:
    """Return the rows that go through the Hub's protocol."""
    clients = _clients()
    one = Row(
        name="hub-2g",
        title=f"{size_text(sizes.one)} in one file of a repository, SHA-256, into the cache",
        files=FileSet("one", 1, sizes.one),
        way=Way.HUB,
        contenders=(*clients, who.aria2c("aria2c -x8 -s8"), who.plain_requests("requests, one stream", 1), *_TOOLS),
        limits=(who.CURL.name, who.OPENSSL.name),
        flushed_limits=(who.CURL_SYNC.name, who.OPENSSL.name),
    )
    size = size_text(sizes.one)
    tls = replace(
        one,
        name="hub-tls",
        title=f"{size} in one file of a repository, SHA-256, into the cache, over TLS",
        way=Way.HUB_TLS,
        contenders=(*clients, *_TOOLS),
    )
    title = f"snapshot of {sizes.many} x {size_text(sizes.small)}, SHA-256, into the cache, round trip"
    many = replace(
        one,
        name="hub-many",
        title=f"{title} 0 ms",
        files=FileSet("many", sizes.many, sizes.small),
        contenders=(
            *clients,
            who.aria2c("aria2c -j8", "-j8"),
            who.plain_requests("requests, 8 threads", CONNECTIONS),
            *_TOOLS,
        ),
    )
    return one, tls, many, replace(many, name="hub-many-far", title=f"{title} {ROUND_TRIP_MS} ms", way=Way.HUB_FAR)


def hub_environment(url: str, cache: Path) -> dict[str, str]:
    """Return the variables by which every client finds the Hub and the cache, and spares what brings no file."""
    return {
        "HF_ENDPOINT": url,
        "HF_HUB_CACHE": str(cache),
        **dict.fromkeys(("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"), "1"),
    }


def _clients() -> tuple[Contender, ...]:
    theirs = Contender(name=HUB, needs=("huggingface_hub",), steps=_huggingface_hub, leaves=Leaves.SNAPSHOT)
    return _weighbridge(WEIGHBRIDGE), _weighbridge(LOOSE, "--no-durable"), theirs


def _weighbridge(name: str, *options: str) -> Contender:
    def steps(job: Job) -> list[Step]:
        names = [file.name for file in job.files] if len(job.files) == 1 else []
        argv = job.tools.argv("weighbridge", "download", job.repository, *names, "--revision", MAIN, "--quiet")
        return [Step((*argv, *options), hub_environment(job.url, job.out) | trust(job, "SSL_CERT_FILE"))]

    is_flushed = "--no-durable" not in options
    return Contender(name=name, needs=("weighbridge",), steps=steps, flushed=is_flushed, leaves=Leaves.SNAPSHOT)


def _huggingface_hub(job: Job) -> list[Step]:
    is_one = len(job.files) == 1
    call = (
        f"hf_hub_download(*{(job.repository, job.files[0].name)})"
        if is_one
        else f"snapshot_download({job.repository!r})"
    )
    argv = job.tools.argv("huggingface_hub", "-c", f"import huggingface_hub as hub; hub.{call}")
    return [Step(argv, hub_environment(job.url, job.out) | trust(job, "SSL_CERT_FILE"))]
