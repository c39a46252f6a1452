"""The calls of huggingface_hub that get files, from 0.9 to 2.x: the same names, arguments, results and errors."""

from weighbridge.compat.huggingface_hub.files import (
    DryRunFileInfo,
    HfFileMetadata,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
)
from weighbridge.compat.huggingface_hub.flat import cached_download, filename_to_url
from weighbridge.compat.huggingface_hub.lookup import _CACHED_NO_EXIST, cached_assets_path, try_to_load_from_cache
from weighbridge.compat.huggingface_hub.scan import (
    CachedFileInfo,
    CachedIncompleteFileInfo,
    CachedRepoInfo,
    CachedRevisionInfo,
    DeleteCacheStrategy,
    HFCacheInfo,
    scan_cache_dir,
)
from weighbridge.compat.huggingface_hub.snapshots import snapshot_download

__all__ = [
    "_CACHED_NO_EXIST",
    "CachedFileInfo",
    "CachedIncompleteFileInfo",
    "CachedRepoInfo",
    "CachedRevisionInfo",
    "DeleteCacheStrategy",
    "DryRunFileInfo",
    "HFCacheInfo",
    "HfFileMetadata",
    "cached_assets_path",
    "cached_download",
    "filename_to_url",
    "get_hf_file_metadata",
    "hf_hub_download",
    "hf_hub_url",
    "scan_cache_dir",
    "snapshot_download",
    "try_to_load_from_cache",
]
