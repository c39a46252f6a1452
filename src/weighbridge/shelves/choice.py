"""Which shelf, which records and which receipts go with an order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from weighbridge.core.options import Options
from weighbridge.core.snapshots import Order
from weighbridge.delivery import Means
from weighbridge.shelves.cache import CacheShelf
from weighbridge.shelves.folder import FolderShelf
from weighbridge.shelves.records import CacheRecords, FolderRecords, Records
from weighbridge.shelves.shelf import Shelf
from weighbridge.store.cache import uses
from weighbridge.store.cache.folders import LocalFolder
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.receipts import Book, CacheBook, DirectoryBook, Receipts


def receipts_for(options: Options) -> Receipts:
    """Return the receipts.

    Those of a repository in the cache lie in its folder; those of other files, and where that can't be written to, lie
    in a place of our own.
    """
    books: list[Book] = [] if options.cache.root is None else [CacheBook(options.cache.root)]
    if options.store.receipts is not None:
        books.append(DirectoryBook(options.store.receipts))
    return Receipts(*books)


def records_for(order: Order, options: Options) -> Records:
    """Return what is noted here about the repository's revisions."""
    cached = _cached(order, options)
    records = None if cached is None else CacheRecords(cached)
    if order.folder is not None:
        return FolderRecords(LocalFolder(order.folder), order.repo, records)
    return records or CacheRecords(_demand_cache(order, options))


def shelf_for(order: Order, commit: str, means: Means) -> Shelf:
    """Return where the files of a commit are to be kept."""
    options, receipts = means.options, means.receipts
    if order.folder is not None:
        cached = _cached(order, options)
        return FolderShelf(LocalFolder(order.folder), commit, receipts, cached, options.store)
    return CacheShelf(_demand_cache(order, options), commit, receipts, options.cache, options.store)


@contextmanager
def at_work(order: Order, options: Options) -> Iterator[None]:
    """Keep others of us, while the block lasts, from removing anything of the repository from the cache."""
    root = options.cache.root
    if root is None or order.folder is not None:
        yield
        return
    with uses.active(root, order.repo.folder):
        yield


def _cached(order: Order, options: Options) -> CacheFolder | None:
    root = options.cache.root
    return None if root is None else CacheFolder(root, order.repo)


def _demand_cache(order: Order, options: Options) -> CacheFolder:
    return CacheFolder(options.cache.demand_root(), order.repo)
