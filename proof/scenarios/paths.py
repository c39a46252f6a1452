"""Names that lead elsewhere: in listings, in headers, and through links that lie in the target."""

from __future__ import annotations

from collections.abc import Callable

from proof.outcomes import Finding, Outcome, not_applicable
from proof.processes import Run
from proof.scenario import Scenario
from proof.scenarios.scenery import SAFE, Shelf
from proof.stage import COMMIT, CONFIG, Stage, model
from proof.tools import Kind
from tests.support.faults import ExtraHeaders, Status
from tests.support.hub.addresses import tree_path
from tests.support.hub.lies import also_lists
from tests.support.hub.payloads import file_entry
from tests.support.hub_repos import Repo, blob_name

_SHELF = Shelf("P5", keeps=SAFE)
_STRAY = "strayed.txt"
_CONTENT = b"I am where I should not be.\n"
_UP = "../../../../"
"""From a folder in the cache's folder of a repository to where the tool has nothing to write."""


def _listed(name: Callable[[Stage], str]) -> Callable[[Stage], Finding]:
    """Return the scenario in which the listing of a snapshot has one more file."""

    def play(stage: Stage) -> Finding:
        if not stage.tool.can(Kind.SNAPSHOT):
            return not_applicable("reads no listings: its user names the file")
        path = name(stage)
        told = {"ETag": f'"{blob_name(_STRAY, _CONTENT)}"', "X-Repo-Commit": COMMIT}
        stage.lie(stage.hub, also_lists(file_entry(path, _CONTENT)), path=tree_path(stage.repo))
        stage.hub.on(fault=Status(200, told, _CONTENT), when=lambda request: _STRAY in request.target)
        job = stage.job(path=None, into_target=True)
        return _judged(stage, stage.fetch(job))

    return play


def _above(stage: Stage) -> str:
    del stage
    return f"../{_STRAY}"


def _absolute(stage: Stage) -> str:
    return f"{stage.root}/{_STRAY}"


def _judged(stage: Stage, run: Run) -> Finding:
    """Judge a snapshot in the target by one of its files, which an error leaves out."""
    place = stage.target / CONFIG
    return stage.judge(run, place, stage.repo.main[CONFIG])


def _told(header: str, value: str) -> Callable[[Stage], Finding]:
    """Return the scenario in which a header of the Hub, of which a part of a path is made, leads outside."""

    def play(stage: Stage) -> Finding:
        stage.lie(stage.hub, ExtraHeaders({header: value}), path="*/resolve/*")
        return stage.judge(stage.fetch())

    return play


def _planted(stage: Stage) -> Finding:
    """Have a link to elsewhere lie in the target where a folder of the repository would be."""
    if not stage.tool.can(Kind.SNAPSHOT):
        return not_applicable("makes no folders of a repository: its user names the file")
    elsewhere = stage.root / "tmp" / "elsewhere"
    elsewhere.mkdir()
    (stage.target / "sub").symlink_to(elsewhere)
    plain = model()
    files = {**plain.main, "sub/notes.txt": _CONTENT}
    stage.serve(Repo(kind=plain.kind, name=plain.name, commits={COMMIT: files}, refs=plain.refs))
    finding = _judged(stage, stage.fetch(stage.job(path=None, into_target=True)))
    if any(elsewhere.iterdir()):
        return stage.finding(Outcome.OUTSIDE, "a file was written through the link")
    return finding


SCENARIOS: tuple[Scenario, ...] = (
    _SHELF.playing("listing-dots", "A file of a listing is '../something'.", _listed(_above)),
    _SHELF.playing(
        "listing-absolute",
        "A listing has a file with an absolute name.",
        _listed(lambda stage: f"{stage.root}/{_STRAY}"),
    ),
    _SHELF.playing("etag-outside", "An ETag has '../' in it.", _told("X-Linked-Etag", f'"{_UP}{_STRAY}"')),
    _SHELF.playing("commit-outside", "A commit has '../' in it.", _told("X-Repo-Commit", f"{_UP}{_STRAY}")),
    _SHELF.playing("link-planted", "A link to elsewhere lies in the target where a folder would be.", _planted),
)
