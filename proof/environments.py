"""Has every tool in an environment of its own, installed now or in an earlier run."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.install import install_packages, python_with
from proof.adapters import Aria2, Curl, HuggingfaceHub, PlainRequests, Weighbridge
from proof.tools import Tool

NAMES = ("weighbridge", "huggingface_hub", "requests", "aria2c", "curl")
_PACKAGES = {"aria2c": "aria2", "curl": "curl"}
_COMPILER = {"gcc": ("gcc", "libc6-dev")}  # makes locks that lock nothing; without it one scenario tells that it failed


class AbsentError(Exception):
    """A tool can't be had here."""


def find_tools(names: Sequence[str], workdir: Path, wheel: Path | None) -> list[Tool]:
    """Return the tools of these names, in the order of ``NAMES``.

    Args:
        names: Of ``NAMES``.
        workdir: Has the environments.
        wheel: What to measure as Weighbridge; None is what this interpreter has.

    Raises:
        AbsentError: One is not here and can't be installed; the message names all of them.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    wanted = {**{each: (_PACKAGES[each],) for each in names if each in _PACKAGES}, **_COMPILER}
    install_packages(
        [each for program, packages in wanted.items() if shutil.which(program) is None for each in packages]
    )
    found = {each: _find(each, workdir, wheel) for each in NAMES if each in names}
    absent = [name for name, tool in found.items() if tool is None]
    if absent:
        raise AbsentError(f"can't be had here: {', '.join(absent)}; --tool chooses others")
    return [tool for tool in found.values() if tool is not None]


def _find(name: str, workdir: Path, wheel: Path | None) -> Tool | None:
    if name == "weighbridge":
        python = Path(sys.executable) if wheel is None else _python_of(wheel, workdir)
        return None if python is None else Weighbridge((str(python.with_name("weighbridge")),))
    if name in _PACKAGES:
        program = shutil.which(name)
        return None if program is None else (Aria2 if name == "aria2c" else Curl)(str(Path(program).absolute()))
    if name == "requests":
        python = python_with("requests>=2.34", workdir / "requests")
        return None if python is None else PlainRequests(python)
    python = python_with("huggingface_hub>=2.4,<3", workdir / "huggingface_hub")
    return None if python is None else HuggingfaceHub(python)


def _python_of(wheel: Path, workdir: Path) -> Path | None:
    """Return the interpreter of an environment that has this very wheel; those of others are removed."""
    mark = hashlib.sha256(wheel.read_bytes()).hexdigest()[:12]
    home = workdir / f"weighbridge-{mark}"
    for each in workdir.glob("weighbridge-*"):
        if each != home:
            shutil.rmtree(each, ignore_errors=True)
    return python_with(str(wheel.resolve()), home)
