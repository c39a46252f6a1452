"""The front door: what ``weighbridge`` offers, how late it loads it, and how quickly it opens."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import weighbridge
from weighbridge import version

SLOW = {"urllib3", "filelock", "rich", "truststore", "click", "asyncio", "blake3", "email", "ssl"}


def in_fresh_process(program: str) -> str:
    """Run a program in an interpreter that has imported nothing yet; return what it printed."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def loaded_after(statement: str) -> set[str]:
    """Return the modules that are loaded after ``statement``."""
    return set(in_fresh_process(f"import sys\n{statement}\nprint(*sys.modules)").split())


def names_for_type_checkers() -> dict[str, str]:
    """Return the home of each name that the front door shows to type checkers."""
    tree = ast.parse(Path(weighbridge.__file__).read_text(encoding="utf-8"))
    blocks = [each.body for each in tree.body if isinstance(each, ast.If) and isinstance(each.test, ast.Name)]
    imports = [each for block in blocks for each in block if isinstance(each, ast.ImportFrom)]
    return {name.name: each.module or "" for each in imports for name in each.names}


@pytest.mark.parametrize(("name", "home"), names_for_type_checkers().items())
def test_public_name_is_the_one_that_type_checkers_see(name: str, home: str) -> None:
    """What is loaded late is the thing itself, and known early: to editors, to mypy, to readers."""
    assert getattr(weighbridge, name) is getattr(importlib.import_module(home), name)


def test_type_checkers_see_every_public_name() -> None:
    """A name that mypy doesn't know can't be used in a typed program."""
    assert {*names_for_type_checkers(), "__version__"} == set(weighbridge.__all__)


def test_names_are_listed_once_and_sorted() -> None:
    """A reader finds a name, and so does a merge."""
    assert sorted(set(weighbridge.__all__)) == weighbridge.__all__
    assert dir(weighbridge) == weighbridge.__all__


def test_star_import_brings_exactly_the_public_names() -> None:
    """``from weighbridge import *`` in a notebook is what the page of names says."""
    listed = in_fresh_process("from weighbridge import *\nprint(*[name for name in dir() if name[0] != '_'])")

    assert set(listed.split()) == set(weighbridge.__all__) - {"__version__"}


def test_unknown_name_is_an_attribute_error() -> None:
    """``hasattr`` and typing mistakes work as for any module."""
    with pytest.raises(AttributeError, match="no attribute 'Klient'"):
        weighbridge.Klient  # noqa: B018 - asking is the act


def test_version_is_that_of_the_package() -> None:
    """There is one place for it."""
    assert weighbridge.__version__ == version.__version__


def test_import_loads_nothing_slow() -> None:
    """``import weighbridge`` in somebody's program costs nothing until it is used."""
    loaded = loaded_after("import weighbridge")

    assert loaded.isdisjoint(SLOW | {"typing", "dataclasses"})
    assert {each for each in loaded if each.startswith("weighbridge.")} == {"weighbridge.version"}


def test_values_load_no_network() -> None:
    """A program that only builds requests or catches errors does not wait for TLS."""
    loaded = loaded_after("from weighbridge import Digest, FileRequest, Options, RetryError")

    assert loaded.isdisjoint(SLOW)


def test_client_loads_no_terminal() -> None:
    """Bars are for those who look at them."""
    loaded = loaded_after("from weighbridge import Client, download_files_to_directory")

    assert loaded.isdisjoint({"rich", "click", "truststore", "blake3", "weighbridge.progress", "weighbridge.cli"})


def test_front_door_opens_quickly() -> None:
    """At most 50 ms: measured best of three, since the machine has other things to do."""
    program = "import time; began = time.perf_counter(); import weighbridge; print(time.perf_counter() - began)"

    took = min(float(in_fresh_process(program)) for _ in range(3))

    assert took <= 0.05
