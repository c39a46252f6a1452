"""A token, and signatures of addresses: who sees them besides those they were given for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from proof.outcomes import Finding, Outcome, not_applicable
from proof.processes import Run
from proof.scenario import Scenario
from proof.scenarios.scenery import HALF, TOLD, Shelf, kept_files, wait_settled
from proof.stage import TOKEN, Stage
from proof.tools import Kind
from tests.support.fault_server import FaultServer
from tests.support.faults import Status
from tests.support.hub.addresses import tree_path
from tests.support.hub.lies import NextPage, Refused

_SHELF = Shelf("P4", keeps=TOLD)
_PAGE = "/api/more"


def _at_cdn(stage: Stage) -> Finding:
    """Ask with a token for what the Hub redirects to its CDN."""
    stage.hub.admit_only(TOKEN)
    run = stage.fetch(stage.job(token=TOKEN))
    return _seen_by(stage.hub.cdn, "the CDN", stage, run)


def _at_next_page(stage: Stage) -> Finding:
    """Have the listing go on at another host."""
    if not stage.tool.can(Kind.SNAPSHOT):
        return not_applicable("reads no listings")
    other = stage.other_server()
    other.put(_PAGE, b"[]")
    stage.hub.admit_only(TOKEN)
    stage.lie(stage.hub, NextPage(other.url(_PAGE)), path=tree_path(stage.repo))
    run = stage.snapshot(token=TOKEN)
    return _seen_by(other, "another host", stage, run)


def _repeated(stage: Stage) -> Finding:
    """Have the Hub repeat the token in its refusal."""
    stage.lie(stage.hub, Refused(403, "GatedRepo", f"Access denied for {TOKEN}"))
    return _told(stage, stage.fetch(stage.job(token=TOKEN)), TOKEN)


def _signature_told(stage: Stage) -> Finding:
    """Have the CDN refuse every signed address."""
    stage.lie(stage.hub.cdn, Status(403))
    run = stage.fetch()
    return _told(stage, run, *stage.hub.cdn.signatures)


def _on_disk(stage: Stage) -> Finding:
    """Kill the tool half-way, and search what it left."""
    stage.hub.admit_only(TOKEN)
    job = stage.job(token=TOKEN)
    with stage.hub.cdn.gate(stage.data_path, after=HALF) as gate, stage.start(job) as running:
        if stage.must_reach(gate, running):
            wait_settled(stage)
        stage.kill(running)
    secrets = (TOKEN, *stage.hub.cdn.signatures)
    held = [each.name for each in kept_files(stage) if _has_any(each.read_bytes(), secrets)]
    if held:
        return stage.finding(Outcome.LEAK, f"a secret is in the file {held[0]}")
    return stage.judge(stage.fetch(job))


def _in_ps(stage: Stage) -> Finding:
    """Look at the command lines of all its processes while it works."""
    job = stage.job(token=TOKEN)
    stage.hub.admit_only(TOKEN)
    with stage.hub.cdn.gate(stage.data_path, after=HALF) as gate, stage.start(job) as running:
        stage.must_reach(gate, running)
        lines = _command_lines(running.pid)
        gate.release()
        run = stage.wait(running)
    if _has_any(lines, (TOKEN,)):
        return stage.finding(Outcome.LEAK, "the token is on a command line")
    return stage.judge(run)


def _seen_by(server: FaultServer, who: str, stage: Stage, run: Run) -> Finding:
    """Return a leak if a server was sent the token, in whatever place."""
    told = [f"{each.target} {each.headers}" for each in server.requests]
    if any(TOKEN in each for each in told):
        return stage.finding(Outcome.LEAK, f"{who} was sent the token")
    return stage.judge(run)


def _told(stage: Stage, run: Run, *secrets: str) -> Finding:
    """Return a leak if a secret is in what was printed."""
    if _has_any(f"{run.stdout}{run.stderr}".encode(), secrets):
        return stage.finding(Outcome.LEAK, f"an error message shows a secret: {run.last_words}")
    return stage.judge(run)


def _has_any(text: bytes, secrets: Iterable[str]) -> bool:
    return any(each.encode() in text for each in secrets)


def _command_lines(group: int) -> bytes:
    """Return the command lines of all processes of a group, as everybody can see them."""
    lines = []
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if os.getpgid(int(each.name)) == group:
                lines.append((each / "cmdline").read_bytes())
    return b" ".join(lines)


SCENARIOS: tuple[Scenario, ...] = (
    _SHELF.playing("token-at-cdn", "The Hub redirects to its CDN, whom the token is not for.", _at_cdn),
    _SHELF.playing(
        "token-at-next-page", "A listing goes on at another host, whom the token is not for.", _at_next_page
    ),
    _SHELF.playing("token-repeated", "The Hub's refusal repeats the token; the message must not.", _repeated),
    _SHELF.playing(
        "signature-told", "A signed address is refused; its signature is nobody's business.", _signature_told
    ),
    _SHELF.playing("secrets-on-disk", "kill -9 half-way; no file has the token or a signature.", _on_disk),
    _SHELF.playing("token-in-ps", "No command line has the token while it works.", _in_ps),
)
