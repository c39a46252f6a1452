"""Our functions take what those of released clients take, in the same places."""

from __future__ import annotations

import inspect
import json
import subprocess
from typing import Any

import pytest

from tests.support.hub_clients import HubClient
from weighbridge.compat import huggingface_hub

FUNCTIONS = [
    "hf_hub_url",
    "hf_hub_download",
    "snapshot_download",
    "get_hf_file_metadata",
    "try_to_load_from_cache",
    "scan_cache_dir",
    "cached_assets_path",
    "cached_download",
    "filename_to_url",
]
LOOKING = """
import importlib, inspect, json, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, "")
places = [importlib.import_module(each) for each in ("huggingface_hub", "huggingface_hub.file_download")]
found = {}
for name in sys.argv[1:]:
    function = next((getattr(each, name) for each in places if hasattr(each, name)), None)
    if function is not None:
        found[name] = [
            [each.name, each.kind.name, None if each.default is each.empty else repr(each.default)]
            for each in inspect.signature(function).parameters.values()
        ]
print(json.dumps(found))
"""
SENTINEL = "<object object"
"""How a client writes a default that means: not given."""
OURS_ARE_OTHERS = {
    ("hf_hub_download", "resume_download"),
    ("snapshot_download", "resume_download"),
    ("cached_download", "resume_download"),
}
"""What has no default that could be told from a given value: False asks for what we don't do."""


@pytest.fixture(scope="session")
def signatures(clients: dict[str, HubClient]) -> dict[str, dict[str, list[list[Any]]]]:
    """The parameters of all clients' functions: name, kind, default."""
    found = {}
    for name, client in clients.items():
        line = [client.folder / "bin" / "python", "-I", "-c", LOOKING, *FUNCTIONS]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
        found[name] = json.loads(done.stdout)
    return found


def ours(function: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(getattr(huggingface_hub, function)).parameters)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_parameter_of_every_client_is_taken(
    signatures: dict[str, dict[str, list[list[Any]]]], function: str
) -> None:
    """Under its name."""
    asked = {name: {each[0] for each in found.get(function, [])} for name, found in signatures.items()}

    refused = {name: sorted(parameters - ours(function).keys()) for name, parameters in asked.items()}

    assert any(asked.values())
    assert refused == {name: [] for name in signatures}


@pytest.mark.parametrize("name", ["2.x", "0.9.1"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_taken_by_position_is_taken_there(
    signatures: dict[str, dict[str, list[list[Any]]]], function: str, name: str
) -> None:
    """The same arguments in the same order; of those in between, some had another one."""
    theirs = [each[0] for each in signatures[name].get(function, []) if each[1] == "POSITIONAL_OR_KEYWORD"]

    places = [each.name for each in ours(function).values() if each.kind is each.POSITIONAL_OR_KEYWORD]

    assert places[: len(theirs)] == theirs


@pytest.mark.parametrize("function", FUNCTIONS)
def test_defaults_are_those_of_the_newest_client(
    signatures: dict[str, dict[str, list[list[Any]]]], function: str
) -> None:
    """Who gives no argument means the same."""
    theirs = {each[0]: each[2] for each in signatures["2.x"].get(function, signatures["0.9.1"].get(function, []))}

    found = {name: None if each.default is each.empty else repr(each.default) for name, each in ours(function).items()}

    differ = {
        name: (default, found[name])
        for name, default in theirs.items()
        if default != found[name] and not str(default).startswith(SENTINEL) and (function, name) not in OURS_ARE_OTHERS
    }
    assert differ == {}
