"""Finds the programs that are compared and asks for their versions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.install import install_packages, python_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.settings import Settings

_PACKAGES = {"nginx": "nginx-light", "curl": "curl", "openssl": "openssl", "aria2c": "aria2"}
_SYSTEM = ("xargs", "sync")
_QUESTIONS = {
    "weighbridge": ("--version",),
    "nginx": ("-v",),
    "curl": ("--version",),
    "openssl": ("version",),
    "aria2c": ("--version",),
    "requests": ("-c", "import requests, urllib3; print(requests.__version__, 'on urllib3', urllib3.__version__)"),
    "huggingface_hub": ("-c", "import huggingface_hub; print(huggingface_hub.__version__)"),
    "python": ("--version",),
}
_PROBE_TIMEOUT_S = 30.0
_WIDTH = 64


@dataclass(frozen=True, slots=True)
class Tools:
    """The commands at hand.

    Attributes:
        commands: Name to the arguments that start it, the program as an absolute path; who is absent is not in it.
        versions: Name to what it says of itself, or to why it is absent.
    """

    commands: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, str]

    def argv(self, name: str, *arguments: str) -> tuple[str, ...]:
        """Return the command line that starts ``name`` with ``arguments``."""
        return (*self.commands[name], *arguments)

    def absent(self, names: Sequence[str]) -> list[str]:
        """Return those of ``names`` that can't be run."""
        return [name for name in names if name not in self.commands]


def find_tools(settings: Settings) -> Tools:
    """Look for every program, after trying to install those that are missing."""
    install_packages([package for name, package in _PACKAGES.items() if _which(name) is None])
    paths = {name: _which(name) for name in (*_PACKAGES, *_SYSTEM)}
    commands = {name: (path,) for name, path in paths.items() if path} | {"python": (sys.executable,)}
    ours = _own_command(settings.weighbridge)
    works = _output((*ours, "get", "--help")) is not None
    clients = {
        "requests": python_with("requests", settings.workdir / "requests-venv"),
        "huggingface_hub": python_with("huggingface_hub>=2,<3", settings.workdir / "hub-venv"),
    }
    found: dict[str, tuple[str, ...]] = {
        **commands,
        **({"weighbridge": ours} if works else {}),
        **{name: (str(python),) for name, python in clients.items() if python},
    }
    versions = {name: _version((*found[name], *asked)) for name, asked in _QUESTIONS.items() if name in found}
    missing = {name: "absent" for name in _QUESTIONS if name not in found}
    if not works:
        missing["weighbridge"] = f"absent: `{' '.join(ours)} get --help` fails"
    return Tools(found, versions | missing)


def _which(name: str) -> str | None:
    """Find ``name``, also in the folders of system programs, which users may not have in PATH."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))


def _own_command(asked: Sequence[str]) -> tuple[str, ...]:
    """Return the command ``asked`` for with its program as an absolute path, else that of this environment."""
    if asked:
        program, *arguments = asked
        return (str(Path(_which(program) or program).absolute()), *arguments)
    script = Path(sys.executable).with_name("weighbridge")
    return (str(script),) if script.exists() else (sys.executable, "-m", "weighbridge")


def _version(argv: Sequence[str]) -> str:
    """Return the first line that a command prints, cut to fit a table."""
    lines = (_output(argv) or "").strip().splitlines()
    return textwrap.shorten(lines[0], _WIDTH, placeholder=" ...") if lines else "does not say"


def _output(argv: Sequence[str]) -> str | None:
    """Return what a command prints, or nothing when it can't be run or fails."""
    try:
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=_PROBE_TIMEOUT_S
        )
    except (subprocess.SubprocessError, OSError):
        return None
    return done.stdout
