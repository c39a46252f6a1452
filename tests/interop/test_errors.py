"""Our errors beside released clients and the libraries they speak HTTP with: who catches theirs catches ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import urllib3

import weighbridge
from tests.support.hub_clients import HubClient

SCRIPT = Path(__file__).parents[1] / "support" / "error_kin.py"
PATHS = [str(Path(each.__file__).parents[1]) for each in (weighbridge, urllib3)]

LIBRARY = {"2.x": "httpx2", "1.17.0": "httpx", "0.36.2": "requests", "0.9.1": "requests"}
BROKEN = {
    "requests": ["requests.ConnectionError"],
    "httpx": ["httpx.HTTPError", "httpx.TransportError"],
    "httpx2": ["httpx2.HTTPError", "httpx2.TransportError"],
}
STALLED = {"requests": "requests.Timeout", "httpx": "httpx.TimeoutException", "httpx2": "httpx2.TimeoutException"}
ABSENT = {"requests": ["requests.HTTPError"], "httpx": [], "httpx2": []}


def told(client: HubClient, *load: str) -> dict[str, Any]:
    """Return what our errors are caught by in a program that has imported these modules."""
    given = json.dumps({"paths": PATHS, "load": load})
    command = [str(client.folder / "bin" / "python"), "-I", str(SCRIPT), given]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


@pytest.fixture(scope="module")
def beside(clients: dict[str, HubClient]) -> dict[str, dict[str, Any]]:
    """What is told beside the library of each client, and by none at all."""
    found = {name: told(client, LIBRARY[name]) for name, client in clients.items()}
    return found | {"none": told(clients["2.x"])}


@pytest.mark.parametrize("name", LIBRARY)
def test_errors_of_http_libraries_catch_ours(beside: dict[str, Any], name: str) -> None:
    """``except requests.HTTPError`` around a download would let a 404 end the program."""
    library = LIBRARY[name]
    answered = [f"{library}.HTTPError"]

    found = {kind: facts["caught"] for kind, facts in beside[name].items() if kind != "imported"}

    assert found["HfHubHTTPError"] == found["GatedRepoError"] == found["BadStatusError"] == answered
    assert found["ConnectError"] == found["RetriesExhaustedError"] == BROKEN[library]
    assert found["StalledError"] == sorted([*BROKEN[library], STALLED[library]])
    assert found["LocalEntryNotFoundError"] == ABSENT[library]
    assert found["StoreError"] == found["InvalidParameterError"] == found["CancelledError"] == []


@pytest.mark.parametrize("name", [*LIBRARY, "none"])
def test_error_that_others_catch_is_still_ours(beside: dict[str, Any], name: str) -> None:
    """Its name, words and facts are for people, and a process without that library must be able to read it."""
    assert {kind: facts for kind, facts in beside[name].items() if kind != "imported" and not facts["itself"]} == {}
    assert {kind: facts for kind, facts in beside[name].items() if kind != "imported" and not facts["plain"]} == {}


def test_libraries_are_not_imported_for_it(beside: dict[str, Any]) -> None:
    """A download would take half a second longer to begin, for an error that never comes."""
    assert beside["none"]["imported"] == []
    assert beside["2.x"]["imported"] == ["httpx2"]


@pytest.mark.parametrize(
    ("name", "modules", "foreign"),
    [
        ("2.x", ["huggingface_hub.errors"], set()),
        ("1.17.0", ["huggingface_hub.errors"], set()),
        ("0.36.2", ["huggingface_hub.errors"], set()),
        ("0.9.1", ["huggingface_hub.utils", "huggingface_hub.file_download"], {"BadRequestError"}),  # it hides that one
    ],
)
def test_errors_of_a_loaded_client_catch_ours(
    clients: dict[str, HubClient], name: str, modules: list[str], foreign: set[str]
) -> None:
    """A library that still imports its errors from there would not recognise what our functions raise."""
    found = told(clients[name], *modules)

    caught = {(kind, each) for kind in found.keys() - {"imported"} for each in found[kind]["caught"]}
    named = {"RepositoryNotFoundError", "LocalEntryNotFoundError", "BadRequestError", "OfflineModeIsEnabled"}
    assert {kind for kind in named if (kind, f"huggingface_hub.{kind}") not in caught} == foreign
    assert ("RemoteEntryNotFoundError", "huggingface_hub.EntryNotFoundError") in caught
    assert ("GatedRepoError", "huggingface_hub.RepositoryNotFoundError") in caught
