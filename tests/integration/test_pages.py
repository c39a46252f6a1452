"""The examples of the pages are run as they stand, and print what the pages say they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer
from tests.support.hub_repos import MINILM, minilm
from tests.support.mirror_process import MirrorProcess

PAGES = Path(__file__).parents[2] / "docs"
HOST, PLACE = "https://models.example", "/srv/"

FILES = {"/model.onnx": bytes(range(256)) * 4096, "/config.json": b'{"classes": ["cat", "dog"]}\n'}


def run(page: str, place: Path, origin: str, **environment: str) -> tuple[str, str]:
    """Run the examples of a page as one program in ``place``; return what it printed and what the page says."""
    text = (PAGES / page).read_text(encoding="utf-8")
    programs, outputs = (
        re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE) for kind in ("python", "text")
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(programs).replace(HOST, origin)],
        cwd=place,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    printed = (done.stdout + (done.stderr if done.returncode else "")).replace(origin, HOST).replace(f"{place}/", PLACE)
    return printed, "".join(outputs)


@pytest.mark.timeout(400)  # the model may have to be installed first
def test_examples_of_the_public_names_print_what_the_page_says(tmp_path: Path) -> None:
    """An example that doesn't work is worse than none."""
    served = ("--repo", f"{MINILM}={minilm()}")
    with FaultServer(FILES) as server, MirrorProcess(tmp_path / "mirror", *served) as mirror:
        there = {"HF_ENDPOINT": mirror.endpoint, "HF_HOME": str(tmp_path / "home")}
        printed, promised = run("api.md", tmp_path, server.origin, **there)

    assert printed == promised
    assert promised != ""


def test_examples_of_inference_models_print_what_the_page_says(tmp_path: Path) -> None:
    """An example that doesn't work is worse than none."""
    with FaultServer(FILES) as server:
        printed, promised = run("inference-models.md", tmp_path, server.origin)

    assert printed == promised
    assert promised != ""


@pytest.mark.timeout(400)  # the model may have to be installed first
def test_examples_of_the_cache_print_what_the_pages_say(tmp_path: Path) -> None:
    """An example that doesn't work is worse than none."""
    project = tmp_path / "my-project"
    project.mkdir()
    (project / "weighbridge.toml").write_text(
        f'[[repository]]\nid = "{MINILM}"\ninclude = ["*.json", "*.safetensors", "vocab.txt"]\n', encoding="utf-8"
    )
    with MirrorProcess(tmp_path / "mirror", "--repo", f"{MINILM}={minilm()}") as mirror:
        there = {"HF_ENDPOINT": mirror.endpoint, "HF_HOME": str(tmp_path / "home")}
        fetched = subprocess.run(
            [sys.executable, "-m", "weighbridge", "download", "-q", MINILM], env=os.environ | there, check=False
        )
        pages = [run(page, tmp_path, mirror.endpoint, **there) for page in ("cache.md", "pinning.md", "air-gap.md")]

    assert fetched.returncode == 0
    for printed, promised in pages:
        assert printed == promised
        assert promised != ""
