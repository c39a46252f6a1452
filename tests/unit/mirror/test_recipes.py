"""What people paste does what it says, whatever the mirror and its repositories are called."""

from __future__ import annotations

import ast
import shlex
import subprocess

import pytest

from weighbridge.core.repos import RepoId
from weighbridge.mirror.recipes import Recipes, file_address, is_plain, page_address
from weighbridge.mirror.routes import FileRoute, RepoPage, parse_route

BASE = "http://mirror.example.org:8080"
DEMO = RepoId.parse("acme/demo")
HOSTILE = "http://x'; $(touch gone) \"`\\"

ODD_NAMES = [
    "a b.txt",
    "a#b?c%d+é.txt",
    "100%25.txt",
    "sub dir/ü/<script>.txt",
    "'\"`$(x);\\.txt",
    "..a",
    "\u202etxt.exe",
]
ODD_REFS = ["main", "v1.0", "refs/pr/1", "feature/x", "a#b", "50%", "é"]


def run(command: str, line: str) -> list[str]:
    """Return the arguments with which a shell calls ``command`` when it is given ``line``."""
    script = f"""command_found() {{ printf '%s\\0' "$@"; }}; alias {command}=command_found\n{line}\n"""
    done = subprocess.run(["sh"], input=script.encode(), capture_output=True, check=True, timeout=20)
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("path", ODD_NAMES)
def test_address_of_a_file_leads_to_it(path: str) -> None:
    """A link on a page would give another file, or none."""
    address = file_address(DEMO, "0" * 40, path)

    assert parse_route(f"/{address}", "") == FileRoute(DEMO, "0" * 40, path)


@pytest.mark.parametrize("revision", ODD_REFS)
@pytest.mark.parametrize("name", ["acme/demo", "gpt2", "datasets/acme/demo", "spaces/acme/demo", "kernels/acme/demo"])
def test_address_of_a_page_leads_to_it(name: str, revision: str) -> None:
    """A link to a branch would show another one, or another repository."""
    repo = RepoId.parse(name)

    assert parse_route(f"/{page_address(repo, revision)}", "") == RepoPage(repo, revision)


@pytest.mark.parametrize(
    ("name", "revision", "words"),
    [
        ("acme/demo", "main", ["hf", "download", "acme/demo"]),
        ("datasets/acme/demo", "main", ["hf", "download", "acme/demo", "--repo-type", "dataset"]),
        ("acme/demo", "refs/pr/1", ["hf", "download", "acme/demo", "--revision", "refs/pr/1"]),
    ],
)
def test_shell_recipe_asks_for_kind_and_revision(name: str, revision: str, words: list[str]) -> None:
    """Whoever pastes it would get a repository of another kind, or another revision."""
    recipes = Recipes(base=BASE, repo=RepoId.parse(name), revision=revision)

    assert shlex.split(recipes.shell) == ["export", f"HF_ENDPOINT={BASE}", *words]


@pytest.mark.parametrize("base", [BASE, HOSTILE])
def test_python_recipe_asks_for_kind_and_revision(base: str) -> None:
    """Whoever pastes it would get something else, or run what a stranger wrote."""
    recipes = Recipes(base=base, repo=RepoId.parse("datasets/acme/demo"), revision="v1.0")

    call = ast.parse(recipes.python).body[-1]

    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert [ast.literal_eval(each) for each in call.value.args] == ["acme/demo"]
    assert {each.arg: ast.literal_eval(each.value) for each in call.value.keywords} == {
        "repo_type": "dataset",
        "revision": "v1.0",
        "endpoint": base,
    }


def test_hostile_address_stays_one_word() -> None:
    """The name of the host comes from the request; pasted, it would run as a command."""
    recipes = Recipes(base=HOSTILE, repo=DEMO)

    assert run("export", recipes.endpoint) == [f"HF_ENDPOINT={HOSTILE}"]
    assert run("curl", recipes.curl("a.txt")) == ["-fLO", f"{HOSTILE}/acme/demo/resolve/main/a.txt"]
    assert run("weighbridge", recipes.verified("a.txt", "sha256:00"))[1:] == [
        f"{HOSTILE}/acme/demo/resolve/main/a.txt",
        "--digest",
        "sha256:00",
    ]


@pytest.mark.parametrize("path", ODD_NAMES)
def test_name_of_a_file_stays_one_word(path: str) -> None:
    """Whoever can name a file would run commands on the machine of who fetches it."""
    words = run("weighbridge", Recipes(base=BASE, repo=DEMO).verified(path, "sha256:00"))

    assert words == ["get", f"{BASE}/{file_address(DEMO, 'main', path)}", "--digest", "sha256:00"]


@pytest.mark.parametrize("text", ["-rf", "a b", "$x", "é", "\u202ea", "a;b", "", "a\n"])
def test_odd_name_is_not_plain(text: str) -> None:
    """It would stand in a command as a revision, and mean something else there."""
    assert not is_plain(text)
