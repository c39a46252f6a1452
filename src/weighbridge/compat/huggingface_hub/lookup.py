"""What is in the cache, told without asking anybody; and the directory for what libraries cache beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self, final

from weighbridge.compat.huggingface_hub.calls import read_directory
from weighbridge.compat.huggingface_hub.keywords import one_revision
from weighbridge.compat.huggingface_hub.recast import as_known
from weighbridge.config import hub_assets_root, hub_cache_root
from weighbridge.core.errors import InvalidParameterError, UnsafePathError
from weighbridge.core.repos import Kind, RepoId, check_revision, is_commit, repo_path
from weighbridge.store.cache import uses
from weighbridge.store.cache.absences import is_absent
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.refs import read_ref


@final
class CachedNoExist:
    """The type of :data:`_CACHED_NO_EXIST`; there is one of it in a process, copied and unpickled ones included."""

    __slots__ = ()
    _only: Self | None = None

    def __new__(cls) -> Self:
        """Return the one there is."""
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "_CACHED_NO_EXIST"

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        """Pickle and copy to the one there is."""
        return (type(self), ())


_CACHED_NO_EXIST = CachedNoExist()
"""Told of a file of which it is known that the commit has none."""


@as_known()
def try_to_load_from_cache(
    repo_id: str,
    filename: str,
    cache_dir: str | os.PathLike[str] | None = None,
    revision: str | None = None,
    repo_type: Literal["model", "dataset", "space", "kernel"] | None = None,
) -> str | CachedNoExist | None:
    """Return where a file is in the cache; nobody is asked and nothing is changed.

    A file that is there counts, whatever notes say of it: older clients leave notes about files that there are.

    Args:
        repo_id: Such as ``org/name``.
        filename: Its path in the repository.
        cache_dir: The cache; None is this user's.
        revision: A branch, a tag, a commit; None is ``main``.
        repo_type: None is ``model``.

    Returns:
        Its path; ``_CACHED_NO_EXIST`` if it is known that the revision has no such file; None if nothing is known.

    Raises:
        HFValidationError: ``repo_id`` is none.
        UnsafePathError: ``filename`` or ``revision`` could lead elsewhere.
        InvalidParameterError: Something else can't mean anything.
    """
    root = hub_cache_root() if cache_dir is None else read_directory(cache_dir, "cache_dir")
    folder = CacheFolder(root, RepoId(Kind.of_word(repo_type), repo_id))
    path, name = repo_path(filename).text, check_revision(one_revision(revision))
    commit = name if is_commit(name) else read_ref(folder, name)
    if commit is None:
        return None
    pointer = folder.pointer(commit, path)
    if os.path.isfile(pointer):  # noqa: PTH113 - false of what may not be looked at, too
        uses.hold(folder.root, folder.repo.folder, commit)
        return str(pointer)
    return _CACHED_NO_EXIST if is_absent(folder, commit, path) else None


@as_known()
def cached_assets_path(
    library_name: str,
    namespace: str = "default",
    subfolder: str = "default",
    *,
    assets_dir: str | os.PathLike[str] | None = None,
) -> Path:
    """Make a directory for whatever a library caches that is no file of a repository, and return it.

    Args:
        library_name: Whose.
        namespace: Of what; spaces and slashes become ``--``, as in the others.
        subfolder: Which part of it.
        assets_dir: Where all of them are; None is this user's (``HF_ASSETS_CACHE``, else ``assets`` in ``HF_HOME``).

    Raises:
        UnsafePathError: A name would lead elsewhere.
        InvalidParameterError: A name is no text, or there is a file where the directory would be.
    """
    root = hub_assets_root() if assets_dir is None else read_directory(assets_dir, "assets_dir")
    place = root.joinpath(*(_segment(each) for each in (library_name, namespace, subfolder)))
    try:
        place.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InvalidParameterError(f"can't make the directory {place}: there is a file in its way; move it") from error
    return place


def _segment(name: str) -> str:
    given: object = name
    if not isinstance(given, str):
        raise InvalidParameterError(f"the parts of a directory of assets are texts, not {given!r}")
    for each in " /\\":
        given = given.replace(each, "--")
    if given == ".." or "\0" in given or Path(given).drive:
        raise UnsafePathError(f"{name!r} could lead out of the directory of assets; give another name", name=name)
    return given
