"""Commands and code that fetch from a mirror, ready to be pasted; pure.

What comes from outside is quoted: a hostile name must not become a command.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from weighbridge.core.repos import Kind, RepoId

_LINE = 80
_PLAIN = re.compile(r"[A-Za-z0-9_][\w./+-]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipes:
    """How to fetch a repository from a mirror.

    Attributes:
        base: The mirror's address, without a trailing slash.
        repo: The repository.
        revision: Branch, tag or commit.
    """

    base: str
    repo: RepoId
    revision: str = "main"

    @property
    def endpoint(self) -> str:
        """The line that makes clients use the mirror."""
        return f"export HF_ENDPOINT={shlex.quote(self.base)}"

    @property
    def shell(self) -> str:
        """Fetch all of it with the Hub's own command."""
        options = (f"--{name} {shlex.quote(value)}" for name, value in self._options())
        return f"{self.endpoint}\n{' '.join(['hf', 'download', self.repo.name, *options])}"

    @property
    def python(self) -> str:
        """Fetch all of it with the Hub's own library."""
        options = (*self._options(), ("endpoint", self.base))
        words = [f'"{self.repo.name}"', *(f"{name.replace('-', '_')}={json.dumps(value)}" for name, value in options)]
        is_short = len(", ".join(words)) <= _LINE
        call = ", ".join(words) if is_short else "".join(f"\n    {each}," for each in words) + "\n"
        return f"from huggingface_hub import snapshot_download\n\nsnapshot_download({call})"

    def verified(self, path: str, digest: str) -> str:
        """Fetch one file, and take nothing but what has the digest."""
        return f"weighbridge get \\\n    {self._url(path)} \\\n    --digest {digest}"

    def curl(self, path: str) -> str:
        """Fetch one file without a client of the Hub."""
        return f"curl -fLO {self._url(path)}"

    def _url(self, path: str) -> str:
        return shlex.quote(f"{self.base}/{file_address(self.repo, self.revision, path)}")

    def _options(self) -> Iterator[tuple[str, str]]:
        if self.repo.kind is not Kind.MODEL:
            yield "repo-type", self.repo.kind.word
        if self.revision != "main":
            yield "revision", self.revision


def file_address(repo: RepoId, revision: str, path: str) -> str:
    """Return where a file's content is, without a leading slash."""
    return f"{repo.address}/resolve/{quote(revision, safe='')}/{quote(path)}"


def page_address(repo: RepoId, revision: str) -> str:
    """Return where a repository's page is, without a leading slash."""
    return repo.address if revision == "main" else f"{repo.address}/tree/{quote(revision, safe='')}"


def is_plain(text: str) -> bool:
    """Tell whether a name looks the same to people, shells and programs."""
    return _PLAIN.fullmatch(text) is not None
