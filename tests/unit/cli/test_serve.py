"""``weighbridge serve``: what it refuses before it listens, and what it costs those who don't use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from weighbridge.cli.main import run
from weighbridge.config import hub_cache_root


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """There is a folder "model" in it, and no cache."""
    (tmp_path / "model").mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--repo", "acme/demo"], 2, "--repo is written ORG/NAME=FOLDER"),
        (["--repo", "acme/demo="], 2, "--repo is written ORG/NAME=FOLDER"),
        (["--repo", "=model"], 2, "--repo is written ORG/NAME=FOLDER"),
        (["--repo", "a/b/c={}/model"], 2, "--repo is written ORG/NAME=FOLDER"),
        (["--repo", "../x={}/model"], 2, "--repo is written ORG/NAME=FOLDER"),
        (["--repo", "a/b={}/model", "--repo", "models/a/b={}/model"], 2, "names model a/b twice"),
        (["--repo", "a/b={}/absent"], 5, "can't serve {}/absent: No such file"),
        (["--repo", "a/b=~nobody-of-that-name/x"], 5, "can't serve ~nobody-of-that-name/x"),
        (["--cache-dir", "{}/absent"], 2, "there is no cache at {}/absent"),
        ([], 2, "there is no cache at {}/hub"),
        (["--repo", "a/b={}/model", "--access-token", "{}/absent"], 2, "can't read the token file {}/absent"),
        (["--repo", "a/b={}/model", "--host", "no.such.host.invalid"], 2, "can be reached by others"),
        (["--repo", "a/b={}/model", "--open", "--host", "x" * 70], 2, "there is no address"),
        (["--repo", "a/b={}/model", "--port", "65536"], 2, "'--port'"),
        (["--repo", "a/b={}/model", "--public-url", "models.example.org"], 2, "--public-url is an address"),
        (["--repo", "a/b={}/model", "--public-url", "ftp://models.example.org"], 2, "--public-url is an address"),
        (["--repo", "a/b={}/model", "--public-url", "http://["], 2, "--public-url is an address"),
        (["--repo", "a/b={}/model", "--public-url", "http://x:y"], 2, "--public-url is an address"),
        (["--repo", "a/b={}/model", "--public-url", "http://x?y"], 2, "--public-url is an address"),
        (["--repo", "a/b={}/model", "--public-url", "http://x/y"], 2, "--public-url has no path"),
    ],
)
def test_what_cannot_be_served_is_told(
    place: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, message: str
) -> None:
    """A service that starts with a mistake in it serves nothing, or too much."""
    found = run(["serve", *(each.replace("{}", str(place)) for each in options)])

    shown = capsys.readouterr()
    assert (found, shown.out) == (code, "")
    assert message.replace("{}", str(place)) in shown.err
    assert "internal error" not in shown.err


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["--version"]])
def test_help_loads_no_server(arguments: list[str]) -> None:
    """Everybody would wait for what few use."""
    code = (
        "import sys; from weighbridge.cli.main import run\n"
        f"run({arguments!r})\n"
        "found = {'starlette', 'uvicorn', 'jinja2', 'prometheus_client', 'asyncio', 'urllib3'} & set(sys.modules)\n"
        "sys.exit(' '.join(sorted(found)) or 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"HF_HUB_CACHE": "/a", "HUGGINGFACE_HUB_CACHE": "/b", "HF_HOME": "/c", "XDG_CACHE_HOME": "/d"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/b", "HF_HOME": "/c", "XDG_CACHE_HOME": "/d"}, "/b"),
        ({"HF_HOME": "/c", "XDG_CACHE_HOME": "/d"}, "/c/hub"),
        ({"XDG_CACHE_HOME": "/d"}, "/d/huggingface/hub"),
        ({"HF_HUB_CACHE": "", "HF_HOME": ""}, "{home}/.cache/huggingface/hub"),
        ({"HF_HUB_CACHE": "~/x"}, "{home}/x"),
        ({"HF_HOME": "$HOME/x"}, "{home}/x/hub"),
        ({"HF_HUB_CACHE": "relative"}, "{here}/relative"),
        ({"HF_HUB_CACHE": "~nobody-of-that-name/x"}, "{here}/~nobody-of-that-name/x"),
    ],
)
def test_cache_is_looked_for_where_clients_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], place: str
) -> None:
    """``weighbridge serve`` alone would serve nothing."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert str(hub_cache_root(environment)) == place.format(home=tmp_path, here=tmp_path)
