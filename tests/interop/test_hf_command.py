"""The command ``hf`` of the newest client: it downloads from the mirror, and checks against it what it has."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.hub_clients import HubClient
from tests.support.hub_repos import Repo, Served, contents
from tests.support.mirror_process import MirrorProcess


@pytest.mark.parametrize("kind", ["model", "dataset", "folder"])
def test_download_and_verify_succeed(
    newest: HubClient, mirror: MirrorProcess, served: Served, kind: str, tmp_path: Path
) -> None:
    """Sizes, digests and paths that the mirror tells are those of the bytes that it sends."""
    repo: Repo = getattr(served, kind)
    which = [repo.name, "--repo-type", repo.kind]

    fetched = newest.run(mirror.endpoint, tmp_path, "download", *which, "--quiet")
    verified = newest.run(
        mirror.endpoint,
        tmp_path,
        "cache",
        "verify",
        *which,
        "--fail-on-missing-files",
        "--fail-on-extra-files",
        "--json",
    )

    assert (fetched.returncode, verified.returncode) == (0, 0), said(fetched, verified)
    assert contents(fetched.stdout.strip()) == repo.main
    assert json.loads(verified.stdout)["checked"] == len(repo.main)


def test_download_to_a_directory_is_verified(
    newest: HubClient, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """Plain files outside of any cache can be checked just as well."""
    target = ["--local-dir", tmp_path / "target"]

    fetched = newest.run(mirror.endpoint, tmp_path, "download", "acme/awkward", "--revision", "refs/pr/1", *target)
    verified = newest.run(mirror.endpoint, tmp_path, "cache", "verify", "acme/awkward", "--revision", "v1.0", *target)

    assert (fetched.returncode, verified.returncode) == (0, 0), said(fetched, verified)
    assert {path: (tmp_path / "target" / path).read_bytes() for path in served.model.at("v1.0")} == served.model.at(
        "v1.0"
    )


@pytest.mark.parametrize(("path", "algorithm"), [("config.json", "git-sha1"), ("onnx/model.onnx", "sha256")])
def test_flipped_byte_is_found(
    newest: HubClient, mirror: MirrorProcess, path: str, algorithm: str, tmp_path: Path
) -> None:
    """A check that finds everything right finds one wrong byte, too, in small files as in large ones."""
    fetched = newest.run(mirror.endpoint, tmp_path, "download", "acme/awkward", "--revision", "v1.0", "--quiet")
    flip(Path(fetched.stdout.strip()) / path)

    verified = newest.run(mirror.endpoint, tmp_path, "cache", "verify", "acme/awkward", "--revision", "v1.0")

    assert verified.returncode == 1, said(fetched, verified)
    assert path in verified.stdout + verified.stderr
    assert algorithm in verified.stdout + verified.stderr


def flip(path: Path) -> None:
    """Change the first byte of a file."""
    content = path.read_bytes()
    path.resolve().write_bytes(bytes([content[0] ^ 1]) + content[1:])


def said(*runs: CompletedProcess[str]) -> str:
    """Return what commands wrote, to show it if a test fails."""
    return "\n".join(f"{each.stdout}{each.stderr}" for each in runs)
