"""The file is really used: libraries that load models open what we have fetched."""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hub_repos import MINILM, Served
from tests.support.made_once import made_once, pip_install
from tests.support.mirror_process import MirrorProcess
from weighbridge import snapshot_download

RECIPE = ("safetensors==0.8.0", "tokenizers==0.23.3", "numpy==2.4.6")
SENTENCE = "A weighbridge is the scale every loaded truck crosses."
USING = """
import hashlib, json, sys
from safetensors import safe_open
from tokenizers import Tokenizer
folder, sentence = sys.argv[1:]
with safe_open(f"{folder}/model.safetensors", "np") as weights:
    tensors = {name: weights.get_tensor(name) for name in weights.keys()}
tokens = Tokenizer.from_file(f"{folder}/tokenizer.json").encode(sentence)
print(json.dumps({
    "shapes": {name: each.shape for name, each in tensors.items()},
    "digest": hashlib.sha256(b"".join(tensors[name].tobytes() for name in sorted(tensors))).hexdigest(),
    "tokens": [each for each in tokens.tokens if each != "[PAD]"],
    "ids": tokens.ids,
}))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter that has these libraries, and nothing that they would need for other things."""

    def make(folder: Path) -> None:
        venv.create(folder, symlinks=True)
        pip_install(["--no-deps", *RECIPE], folder / "bin" / "python")

    return made_once("used", "\n".join(RECIPE), make) / "bin" / "python"


@pytest.fixture
def home(mirror: MirrorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a program that knows no more than the mirror's address keeps its models."""
    monkeypatch.setenv("HF_ENDPOINT", mirror.endpoint)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    return tmp_path / "home"


def use(python: Path, folder: str | Path) -> dict[str, Any]:
    """Open the weights and the tokenizer of a model, and tell what is in them."""
    done = subprocess.run(
        [python, "-I", "-c", USING, folder, SENTENCE], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("place", ["cache", "local_dir"])
def test_weights_and_tokenizer_are_those_of_the_model(
    python: Path, home: Path, served: Served, tmp_path: Path, place: str
) -> None:
    """Every tensor to the byte, and a sentence cut into the same tokens; through links, and as plain files."""
    where = {} if place == "cache" else {"local_dir": tmp_path / "model"}

    found = use(python, snapshot_download(MINILM, **where))

    assert found["shapes"]["embeddings.word_embeddings.weight"] == [30522, 384]
    assert found["tokens"][:5] == ["[CLS]", "a", "weigh", "##bridge", "is"]
    assert found == use(python, served.minilm)
