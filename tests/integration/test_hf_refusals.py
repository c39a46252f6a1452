"""What a Hub may say no to, and which ``except`` clauses of 0.9 and of 2.x catch what then comes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.calls import names
from tests.support.fault_hub import FaultHub
from tests.support.faults import CloseBeforeResponse, Fault, Status
from tests.support.hub.addresses import file_path, info_path
from tests.support.hub.calls import COMMIT
from tests.support.hub.home import home
from tests.support.hub.lies import (
    BAD_TOKEN,
    DISABLED,
    GATED,
    REPO_HIDDEN,
    REPO_NOT_FOUND,
    REVISION_NOT_FOUND,
    Refused,
)
from tests.support.hub_repos import Repo
from weighbridge.compat.huggingface_hub import errors, hf_hub_download, snapshot_download

__all__ = ["home"]

CONFIG = "config.json"
ANONYMOUS_GATED = Refused(401, "GatedRepo", "Access to model acme/victim is restricted.")
BARE_401, BARE_403, BARE_400 = Status(401), Status(403), Status(400)
pytestmark = pytest.mark.usefixtures("home")

REFUSALS: list[tuple[Fault, type[Exception]]] = [
    (REPO_NOT_FOUND, errors.RepositoryNotFoundError),
    (REPO_HIDDEN, errors.RepositoryNotFoundError),
    (GATED, errors.GatedRepoError),
    (ANONYMOUS_GATED, errors.GatedRepoError),
    (BARE_401, errors.RepositoryNotFoundError),
    (BAD_TOKEN, errors.HfHubHTTPError),
    (DISABLED, errors.DisabledRepoError),
    (BARE_403, errors.HfHubHTTPError),
    (BARE_400, errors.BadRequestError),
    (REVISION_NOT_FOUND, errors.RevisionNotFoundError),
]


def kind_of(fault: Fault) -> str:
    return repr(fault)[:50]


@pytest.mark.parametrize("call", ["file", "all"])
@pytest.mark.parametrize(("fault", "kind"), REFUSALS, ids=kind_of)
def test_refusal_has_the_name_that_newer_clients_give_it(
    hub: FaultHub, repo: Repo, call: str, fault: Fault, kind: type[Exception]
) -> None:
    """Never that of a network that is down, which is what some of them make of it; and it is final."""
    hub.on(fault=fault)

    with pytest.raises(errors.HfHubHTTPError) as caught:
        ask(call)

    assert type(caught.value).__name__ == kind.__name__
    assert isinstance(caught.value, kind)
    assert caught.value.response.status_code == caught.value.status
    assert len(hub.requests) == 1


def ask(call: str) -> None:
    """Ask for one file, or for all."""
    if call == "file":
        hf_hub_download("acme/victim", CONFIG)
    else:
        snapshot_download("acme/victim")


@pytest.mark.parametrize("call", ["file", "all"])
@pytest.mark.parametrize(("fault", "kind"), REFUSALS, ids=kind_of)
def test_what_is_here_never_hides_a_refusal(hub: FaultHub, call: str, fault: Fault, kind: type[Exception]) -> None:
    """A token that was revoked shows; newer clients give out what they have."""
    ask(call)
    hub.on(fault=fault)

    with pytest.raises(kind):
        ask(call)


def test_file_that_is_not_in_the_repository_is_noted_as_such(hub: FaultHub, home: Path) -> None:
    """For the lookup that asks nobody; with the commit of which it is known."""
    with pytest.raises(errors.RemoteEntryNotFoundError) as caught:
        hf_hub_download("acme/victim", "nope/x.json")

    assert isinstance(caught.value, errors.EntryNotFoundError)
    assert caught.value.commit == COMMIT
    assert (home / "hub" / "models--acme--victim" / ".no_exist" / COMMIT / "nope" / "x.json").read_bytes() == b""


def test_file_that_appears_is_no_more_noted_as_absent(hub: FaultHub, repo: Repo, home: Path) -> None:
    """The note of older clients, which may be wrong, goes as well."""
    marker = home / "hub" / "models--acme--victim" / ".no_exist" / COMMIT / CONFIG
    marker.parent.mkdir(parents=True)
    marker.touch()

    hf_hub_download("acme/victim", CONFIG)

    assert not marker.exists()


def test_wrong_revision_is_told_by_the_hub_itself() -> None:
    """And not taken for a repository that isn't there."""
    with pytest.raises(errors.RevisionNotFoundError):
        hf_hub_download("acme/victim", CONFIG, revision="nope")
    with pytest.raises(errors.RevisionNotFoundError):
        snapshot_download("acme/victim", revision="nope")


@pytest.mark.parametrize("fault", [CloseBeforeResponse(), Status(503)], ids=repr)
@pytest.mark.parametrize("call", ["file", "all"])
def test_hub_that_can_not_answer_is_answered_for_by_what_is_here(
    hub: FaultHub, repo: Repo, call: str, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """And somebody is told."""
    ask(call)
    hub.on(fault=fault, path=f"/acme/victim/resolve/main/{CONFIG}")
    hub.on(fault=fault, path=info_path(repo))

    ask(call)

    assert "can't be reached" in caplog.text


@pytest.mark.parametrize(
    "error", [errors.LocalEntryNotFoundError, errors.EntryNotFoundError, FileNotFoundError, ValueError]
)
@pytest.mark.parametrize("known", [True, False])
def test_file_that_is_not_here_is_an_error_of_old_and_of_new(
    hub: FaultHub, error: type[Exception], known: bool
) -> None:
    """Whether the branch is known or not, which made a difference to 0.9."""
    if known:
        hf_hub_download("acme/victim", "vocab.txt")
    asked = len(hub.requests)

    with pytest.raises(error):
        hf_hub_download("acme/victim", CONFIG, local_files_only=True)

    assert len(hub.requests) == asked


@pytest.mark.parametrize(
    "arguments",
    [
        {"repo_id": "a/b/c"},
        {"repo_id": "-bad"},
        {"repo_id": "a--b/c"},
        {"repo_id": "acme/victim.git"},
        {"repo_id": ""},
    ],
    ids=repr,
)
def test_what_can_be_no_repository_is_not_asked_for(hub: FaultHub, home: Path, arguments: dict[str, str]) -> None:
    """And nothing is made for it."""
    with pytest.raises(errors.HFValidationError):
        hf_hub_download(filename=CONFIG, **arguments)
    with pytest.raises(ValueError, match="not the id of a repository"):
        snapshot_download(**arguments)

    assert (hub.requests, names(home)) == ([], [])


@pytest.mark.parametrize(
    "filename", ["../x", "/etc/passwd", "a/../../x", "c:\\x", "\\\\host\\share\\x", "a\\..\\..\\x", ""]
)
def test_name_that_leads_elsewhere_is_not_asked_for(hub: FaultHub, home: Path, filename: str) -> None:
    """With either slash, and with drives and shares of Windows."""
    with pytest.raises(ValueError, match="file"):
        hf_hub_download("acme/victim", filename)

    assert (hub.requests, names(home)) == ([], [])


@pytest.mark.parametrize(
    "arguments",
    [
        {"repo_type": "modle"},
        {"revision": ""},
        {"revision": "../x"},
        {"token": 7},
        {"etag_timeout": 0},
        {"etag_timeout": "10"},
        {"headers": {"X": "a\r\nb"}},
        {"user_agent": "a\nb"},
        {"endpoint": "ftp://hub.example"},
        {"cache_dir": ""},
        {"force_download": True, "local_files_only": True},
    ],
    ids=repr,
)
@pytest.mark.parametrize("call", [hf_hub_download, snapshot_download], ids=lambda call: call.__name__)
def test_argument_without_a_meaning_is_an_error_of_value(
    hub: FaultHub, home: Path, call: object, arguments: dict[str, object]
) -> None:
    """Before anything is sent or made."""
    which = {"repo_id": "acme/victim", **({"filename": CONFIG} if call is hf_hub_download else {})}

    with pytest.raises(ValueError):  # noqa: PT011 - that it is one is all that was ever promised
        call(**which, **arguments)  # type: ignore[operator]

    assert (hub.requests, names(home)) == ([], [])


def test_forced_download_is_refused_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fetch, and that is forbidden."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(ValueError, match="force_download"):
        hf_hub_download("acme/victim", CONFIG, force_download=True)


def test_clauses_of_a_library_that_is_loaded_catch_ours(hub: FaultHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that imports huggingface_hub beside us, and catches its errors, need not be changed."""

    class EntryNotFoundError(Exception):
        """That of the other library."""

    library = ModuleType("huggingface_hub.errors")
    library.EntryNotFoundError = EntryNotFoundError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", library)

    with pytest.raises(EntryNotFoundError) as caught:
        hf_hub_download("acme/victim", "nope.json")

    assert isinstance(caught.value, errors.RemoteEntryNotFoundError)


def test_refusal_of_the_bytes_alone_says_why(hub: FaultHub, repo: Repo) -> None:
    """Repositories may be listed for everybody and have files that are gated."""
    hub.on(fault=GATED, path=file_path(repo, CONFIG))

    with pytest.raises(errors.GatedRepoError, match="acme/victim"):
        snapshot_download("acme/victim")


def test_bare_not_found_is_no_failure_of_the_network(hub: FaultHub) -> None:
    """Of a mirror that has no codes: about a file, or about a revision."""
    hub.on(fault=Status(404))

    with pytest.raises(errors.RemoteEntryNotFoundError):
        hf_hub_download("acme/victim", CONFIG)
    with pytest.raises(errors.RepositoryNotFoundError):
        snapshot_download("acme/victim")


def test_server_that_names_no_commit_is_told_apart(hub: FaultHub) -> None:
    """It is no Hub: 0.9 ended with ``KeyError``."""
    hub.on(fault=Status(200, {"ETag": '"x"'}, b"content"), method="HEAD")

    with pytest.raises(errors.FileMetadataError):
        hf_hub_download("acme/victim", CONFIG)
