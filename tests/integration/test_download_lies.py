"""What servers do wrong when asked about one file: right bytes or the right error, and nothing outside of the cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.calls import Diary, names
from tests.support.fault_hub import FaultHub, Manner, Tally, Way
from tests.support.faults import (
    ChangeEtag,
    EmptyBody,
    EndlessBody,
    ExtraHeaders,
    Fault,
    FlipByte,
    Html200,
    Redirect,
    RedirectLoop,
    RetryAfter,
    Status,
    WithoutHeaders,
)
from tests.support.hub.addresses import cached_path, file_path
from tests.support.hub.calls import (
    COMMIT,
    EARLIER,
    NOTES,
    WEIGHTS,
    download,
    hub_options,
    on_disk,
    snapshot,
    unfinished,
    wrongs,
)
from tests.support.hub.lies import DISABLED, ENTRY_NOT_FOUND, GATED, REPO_HIDDEN, REVISION_NOT_FOUND, Foreign, Then
from tests.support.hub_repos import Repo, blob_name
from weighbridge.core.errors import (
    BadAnswerError,
    DigestMismatchError,
    DisabledRepoError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    IntegrityError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RequestError,
    RevisionNotFoundError,
    WeighbridgeError,
)
from weighbridge.core.events import Notice

pytestmark = pytest.mark.timeout(30)

HOSTILE_ETAGS = [
    '"../../../escaped"',
    '"/tmp/escaped"',
    '"..\\\\escaped"',
    '".."',
    '"."',
    '""',
    '".hidden"',
    '"a.incomplete"',
    '"a.lock"',
    '"a/b"',
    f'"{"a" * 300}"',
    '"with space"',
]

HOSTILE_COMMITS = ["../../escaped", "/tmp/escaped", "main", "", COMMIT.upper(), COMMIT[:-1]]

REFUSED: list[tuple[Fault, type[WeighbridgeError]]] = [
    (GATED, GatedRepoError),
    (DISABLED, DisabledRepoError),
    (REPO_HIDDEN, RepositoryNotFoundError),
    (Status(401), RepositoryNotFoundError),
    (REVISION_NOT_FOUND, RevisionNotFoundError),
    (ENTRY_NOT_FOUND, RemoteEntryNotFoundError),
    (Status(404), RemoteEntryNotFoundError),
    (Status(403), HfHubHTTPError),
    (Status(503), LocalEntryNotFoundError),
    (RetryAfter(1000), HfHubHTTPError),
]


@pytest.mark.parametrize("etag", HOSTILE_ETAGS)
def test_etag_that_can_not_be_a_name_is_none(hub: FaultHub, repo: Repo, root: Path, etag: str) -> None:
    """Other clients write wherever such an ETag leads."""
    hub.on(path=file_path(repo, NOTES, "main"), fault=ChangeEtag(etag))

    with pytest.raises(FileMetadataError):
        download(hub_options(hub, root / "hub"), repo, NOTES)

    assert wrongs(root, root / "hub") == []
    assert hub.tally.get == 0


def test_linked_etag_is_judged_alike(hub: FaultHub, repo: Repo, root: Path) -> None:
    """The one of a large file comes under another name."""
    hub.on(path=file_path(repo, WEIGHTS, "main"), fault=ExtraHeaders({"X-Linked-Etag": '"../../../escaped"'}))

    with pytest.raises(FileMetadataError):
        download(hub_options(hub, root / "hub"), repo, WEIGHTS)

    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize("commit", HOSTILE_COMMITS)
def test_commit_that_is_none_is_refused(hub: FaultHub, repo: Repo, root: Path, commit: str) -> None:
    """It becomes the name of a folder and the content of a ref."""
    hub.on(path=file_path(repo, NOTES, "main"), fault=ExtraHeaders({"X-Repo-Commit": commit}))

    with pytest.raises(FileMetadataError):
        download(hub_options(hub, root / "hub"), repo, NOTES)

    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize("path", [NOTES, WEIGHTS])
def test_missing_commit_is_told_as_what_it_is(hub: FaultHub, repo: Repo, root: Path, path: str) -> None:
    """Proxies for anything drop the header, and people look for the fault in their network."""
    hub.always(WithoutHeaders(("X-Repo-Commit",)))

    with pytest.raises(FileMetadataError, match="X-Repo-Commit"):
        download(hub_options(hub, root / "hub"), repo, path)

    assert wrongs(root, root / "hub") == []


def test_other_commit_than_asked_for_is_refused(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A commit is a promise: what a server gives for it under another one is something else."""
    hub.on(path=file_path(repo, NOTES), fault=ExtraHeaders({"X-Repo-Commit": EARLIER}))

    with pytest.raises(FileMetadataError, match=EARLIER):
        download(hub_options(hub, root / "hub"), repo, NOTES, revision=COMMIT)

    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize(("fault", "kind"), REFUSED, ids=repr)
def test_refused_file_is_an_error_of_its_kind(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault, kind: type[WeighbridgeError]
) -> None:
    """A refusal is told as what it is; only a Hub in trouble is one that can't be asked."""
    hub.on(path=file_path(repo, NOTES, "main"), fault=fault)

    with pytest.raises(kind, match="acme/victim"):
        download(hub_options(hub, root / "hub"), repo, NOTES)

    assert wrongs(root, root / "hub") == []
    assert hub.tally.get == 0


def test_refused_bytes_of_a_listed_file_are_told_as_what_the_hub_says(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Nobody asks about a file that a kept listing has, so its refusal comes where bytes were expected."""
    options = hub_options(hub, root / "hub")
    snapshot(options, repo, allow_patterns=[NOTES])
    hub.on(path=file_path(repo, WEIGHTS), fault=GATED)

    with pytest.raises(GatedRepoError, match="acme/victim"):
        download(options, repo, WEIGHTS, revision=COMMIT)

    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize("path", [NOTES, WEIGHTS])
def test_flipped_bit_never_gets_a_name(hub: FaultHub, repo: Repo, root: Path, path: str) -> None:
    """The ETag of a Hub is a digest, and is checked."""
    hub.on(path=file_path(repo, path), fault=FlipByte(3))
    hub.cdn.on(path=hub.cdn_path(repo, path), fault=FlipByte(3))

    with pytest.raises(DigestMismatchError, match=path):
        download(hub_options(hub, root / "hub"), repo, path)

    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize("fault", [EmptyBody(), Html200()], ids=repr)
def test_lost_file_is_told(hub: FaultHub, repo: Repo, root: Path, fault: Fault) -> None:
    """An empty body, or a page, where the head promised a file."""
    hub.on(path=file_path(repo, NOTES), method="GET", fault=fault)

    with pytest.raises((BadAnswerError, IntegrityError), match=NOTES):
        download(hub_options(hub, root / "hub"), repo, NOTES)

    assert wrongs(root, root / "hub") == []


def test_body_without_an_end_is_ended_by_us(hub: FaultHub, repo: Repo, root: Path) -> None:
    """No more is written than was promised."""
    hub.on(path=file_path(repo, NOTES), method="GET", fault=EndlessBody())

    path = download(hub_options(hub, root / "hub"), repo, NOTES)

    assert path.read_bytes() == repo.main[NOTES]
    assert hub.file_bytes < 8 << 20


@pytest.mark.parametrize("status", [403, 405, 501])
def test_refused_head_is_replaced_by_the_first_byte(hub: FaultHub, repo: Repo, root: Path, status: int) -> None:
    """Signed addresses and simple servers know GET alone."""
    hub.cdn.on(method="HEAD", fault=Status(status))
    hub.on(method="HEAD", path="*/resolve/*", fault=Status(max(status, 405)))

    path = download(hub_options(hub, root / "hub"), repo, NOTES)

    assert path.read_bytes() == repo.main[NOTES]


def test_redirect_on_the_same_origin_keeps_what_was_told(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A mirror that redirects to its own store tells the commit on the redirect only; others stumble over that."""
    store = f"/store/{blob_name(NOTES, repo.main[NOTES])}"
    hub.put(store, repo.main[NOTES], f'"{blob_name(NOTES, repo.main[NOTES])}"')
    told = {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{blob_name(NOTES, repo.main[NOTES])}"'}
    hub.on(path="*/resolve/*", fault=Redirect(store) & ExtraHeaders(told))

    path = download(hub_options(hub, root / "hub"), repo, NOTES)

    assert path.read_bytes() == repo.main[NOTES]
    assert path.parts[-3] == COMMIT


def test_relative_redirect_of_small_files_is_followed(repo: Repo, root: Path) -> None:
    """It tells nothing by itself; what it leads to does."""
    with FaultHub(repo, manner=Manner(small=Way.CACHED)) as hub:
        path = download(hub_options(hub, root / "hub"), repo, NOTES)

    assert path.read_bytes() == repo.main[NOTES]
    assert hub.tally.head == 2
    assert cached_path(repo, NOTES) in [each.path for each in hub.requests if each.method == "GET"]


def test_redirect_without_an_end_is_ended(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A loop is an answer, if no good one."""
    hub.on(path="*/resolve/*", fault=RedirectLoop())

    with pytest.raises(WeighbridgeError, match="redirect"):
        download(hub_options(hub, root / "hub"), repo, NOTES)

    assert len(hub.requests) <= 25


def test_link_to_the_cdn_that_has_expired_is_asked_for_again(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Between the question about a file and its first byte a laptop may have slept."""
    hub.on(path=file_path(repo, WEIGHTS, "main"), method="HEAD", fault=Then(hub.cdn.expire_signatures))

    path = download(hub_options(hub, root / "hub"), repo, WEIGHTS)

    assert path.read_bytes() == repo.main[WEIGHTS]
    assert 403 in [each.status for each in hub.cdn.requests]


def test_foreign_server_is_believed_with_a_warning(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Where no ETag is a digest, nothing but size and validator can be checked: said once, and done."""
    hub.always(Foreign())
    diary = Diary()

    path = download(hub_options(hub, root / "hub"), repo, NOTES, observer=diary)

    assert path.read_bytes() == repo.main[NOTES]
    assert len([each for each in diary.events if isinstance(each, Notice)]) == 1
    assert unfinished(root) == []


def test_foreign_server_that_sends_another_length_is_refused(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Size is what is left to be checked."""
    hub.always(Foreign())
    hub.on(path=file_path(repo, NOTES), method="GET", fault=EmptyBody())

    with pytest.raises(WeighbridgeError, match=NOTES):
        download(hub_options(hub, root / "hub"), repo, NOTES)

    assert wrongs(root, root / "hub") == []


def test_branch_that_moves_between_question_and_answer_does_not_mix_two_commits(
    hub: FaultHub, repo: Repo, root: Path
) -> None:
    """The bytes are asked for by the commit that the question was answered with."""
    moving = Then(lambda: hub.move(repo, "main", EARLIER))
    hub.on(path=file_path(repo, "config.json", "main"), nth=1, fault=moving)

    path = download(hub_options(hub, root / "hub"), repo, "config.json")

    assert path.read_bytes() == repo.main["config.json"]
    assert (root / "hub/models--acme--victim/refs/main").read_text() == COMMIT


@pytest.mark.parametrize("path", ["../escaped", "/etc/passwd", "a/../../b", "..\\escaped", "C:\\x", "", "."])
def test_path_that_leads_elsewhere_is_not_asked_for(hub: FaultHub, repo: Repo, root: Path, path: str) -> None:
    """Paths come from configuration files, which come from strangers."""
    with pytest.raises((RequestError, ValueError)):
        download(hub_options(hub, root / "hub"), repo, path)

    assert hub.tally == Tally()
    assert names(root) == []


@pytest.mark.parametrize("revision", ["../../escaped", "/tmp/x", "a/../../b", "main\nX-Evil: 1", "", "a\\..\\b"])
def test_revision_that_leads_elsewhere_is_not_asked_for(hub: FaultHub, repo: Repo, root: Path, revision: str) -> None:
    """A ref is a file, too."""
    with pytest.raises((RequestError, ValueError)):
        download(hub_options(hub, root / "hub"), repo, NOTES, revision=revision)

    assert hub.tally == Tally()


def test_absence_is_noted_and_forgotten_once_the_file_is_there(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Other clients read the marker, and believe it more than the file."""
    marker = root / "hub/models--acme--victim/.no_exist" / COMMIT / NOTES
    hub.on(path=file_path(repo, NOTES, "main"), nth=1, fault=ENTRY_NOT_FOUND & ExtraHeaders({"X-Repo-Commit": COMMIT}))
    with pytest.raises(RemoteEntryNotFoundError):
        download(hub_options(hub, root / "hub"), repo, NOTES)
    was_noted = marker.is_file()

    download(hub_options(hub, root / "hub"), repo, NOTES)

    assert was_noted
    assert not marker.exists()


@pytest.mark.parametrize("commit", ["../../../escaped", "main", ""])
def test_absence_at_a_hostile_commit_is_not_noted(hub: FaultHub, repo: Repo, root: Path, commit: str) -> None:
    """The marker's folder is named after it."""
    fault = ENTRY_NOT_FOUND & ExtraHeaders({"X-Repo-Commit": commit})
    hub.on(path=file_path(repo, NOTES, "main"), fault=fault)

    with pytest.raises(RemoteEntryNotFoundError):
        download(hub_options(hub, root / "hub"), repo, NOTES)

    assert wrongs(root, root / "hub") == []
    assert b"escaped" not in b"".join(on_disk(root))


def test_gone_hub_is_told_with_what_is_missing(hub: FaultHub, repo: Repo, root: Path) -> None:
    """The error names the file, and its cause the network."""
    options = hub_options(hub, root / "hub")

    with hub.outage(), pytest.raises(LocalEntryNotFoundError, match=NOTES) as caught:
        download(options, repo, NOTES)

    assert caught.value.__cause__ is not None


def test_gone_hub_is_no_trouble_for_a_file_that_is_here(hub: FaultHub, repo: Repo, root: Path) -> None:
    """What was last known of the branch answers."""
    options = hub_options(hub, root / "hub")
    download(options, repo, NOTES)

    with hub.outage():
        path = download(options, repo, NOTES)

    assert path.read_bytes() == repo.main[NOTES]
