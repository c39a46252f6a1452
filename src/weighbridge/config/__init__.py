"""Environment to options; the only reader of the environment."""

from weighbridge.config.general import options_from_environment, receipts_root
from weighbridge.config.hub import (
    HubSettings,
    find_token,
    hub_assets_root,
    hub_cache_root,
    hub_settings,
    implicit_token,
)
from weighbridge.config.inference_models import InferenceModelsSettings, inference_models_settings
from weighbridge.config.reading import expand, parse_size, read_flag

__all__ = [
    "HubSettings",
    "InferenceModelsSettings",
    "expand",
    "find_token",
    "hub_assets_root",
    "hub_cache_root",
    "hub_settings",
    "implicit_token",
    "inference_models_settings",
    "options_from_environment",
    "parse_size",
    "read_flag",
    "receipts_root",
]
