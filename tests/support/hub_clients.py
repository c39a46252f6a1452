"""Released huggingface_hub clients, each in a virtual environment of its own, run in processes of their own."""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.made_once import made_once, pip_install

_CALLS = Path(__file__).with_name("hub_calls.py")
_TIMEOUT_S = 60.0

RECIPES = {
    "2.x": ("huggingface_hub>=2.4,<3",),
    "1.17.0": ("huggingface_hub==1.17.0",),
    "0.36.2": ("huggingface_hub==0.36.2",),
    # it names no upper bounds; these are known to do
    "0.9.1": ("huggingface_hub==0.9.1", "requests==2.34.2", "urllib3==2.8.0"),
}
"""What to install for each client, by the name that tests use; ``2.x`` is the newest."""


class HubError(Exception):
    """A call into a client raised an error.

    Attributes:
        kinds: The names of its type and of that type's bases, in the order of their resolution.
        status: Of the response it came from, if any.
    """

    def __init__(self, kinds: list[str], message: str, status: int | None) -> None:
        super().__init__(f"{kinds[0]}: {message}")
        self.kinds = kinds
        self.status = status

    @property
    def kind(self) -> str:
        """The name of its type."""
        return self.kinds[0]


@dataclass(frozen=True, slots=True)
class HubClient:
    """One installed client.

    Attributes:
        name: What tests call it.
        folder: Its virtual environment.
    """

    name: str
    folder: Path

    @property
    def is_oldest(self) -> bool:
        """Whether it is the one that quotes no paths and has other names for its parameters."""
        return self.name == "0.9.1"

    def start(self, endpoint: str, home: Path, **environment: str) -> HubProcess:
        """Start a process that makes calls.

        Args:
            endpoint: Its hub.
            home: For all that it keeps; its cache is ``home/hub`` unless a call says otherwise.
            environment: Beyond what each process is given.
        """
        command = [str(self.folder / "bin" / "python"), "-I", str(_CALLS)]
        return HubProcess(command, home, _environment(self.folder, endpoint, home) | environment)

    def run(self, endpoint: str, home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run its command ``hf`` to its end."""
        return subprocess.run(
            [str(self.folder / "bin" / "hf"), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=_environment(self.folder, endpoint, home),
            timeout=_TIMEOUT_S,
            check=False,
        )


class HubProcess:
    """A client at work; ended at the end of the block.

    Args:
        command: Runs ``hub_calls.py``.
        home: Takes what it writes to standard error.
        environment: All of it.
    """

    def __init__(self, command: list[str], home: Path, environment: Mapping[str, str]) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._errors = home / "stderr"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                text=True,
                encoding="utf-8",
            )
        self.version = str(self._read())
        """Which release it is."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def kill(self) -> None:
        """End it as ``kill -9`` does; a call that is under way on another thread ends with ``RuntimeError``."""
        self._process.kill()
        self._process.wait(_TIMEOUT_S)

    def call(self, name: str, /, **arguments: object) -> Any:
        """Call a function of the library by its name.

        Args:
            name: Of the function, or of a method of ``HfApi``.
            arguments: What JSON can hold, and paths.

        Returns:
            Its result, as JSON holds it; of an object, its attributes.

        Raises:
            HubError: The function raised an error.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"call": name, "arguments": arguments}, default=str) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.kill()
            raise RuntimeError(f"the client has ended: {self._errors.read_text(encoding='utf-8', errors='replace')}")
        answer = json.loads(line)
        if "error" in answer:
            raise HubError(**answer["error"])
        return answer["result"]


def make_clients(names: Iterable[str]) -> dict[str, HubClient]:
    """Return clients by their names, installed now or in an earlier run; all at once, as most of it is waiting."""
    with ThreadPoolExecutor() as threads:
        return {each.name: each for each in threads.map(_make_client, names)}


def _make_client(name: str) -> HubClient:
    recipe = RECIPES[name]

    def make(folder: Path) -> None:
        venv.create(folder, symlinks=True)
        pip_install(recipe, folder / "bin" / "python")

    return HubClient(name, made_once(name, "\n".join(recipe), make))


def _environment(folder: Path, endpoint: str, home: Path) -> dict[str, str]:
    """Return the whole environment of a client: nothing of ours, so that no token and no proxy gets in."""
    return {
        "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(home),
        "HF_HOME": str(home),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }


@contextmanager
def started(clients: Mapping[str, HubClient], endpoint: str, home: Path) -> Iterator[dict[str, HubProcess]]:
    """Give a process of each client, by its name, that has ``endpoint`` as its hub and a home below ``home``."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(each.start(endpoint, home / name)) for name, each in clients.items()}
