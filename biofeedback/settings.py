"""The folders of this user's settings and data."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_config_path, user_data_path

VARIABLE = "BIOFEEDBACK_SETTINGS"
"""Environment variable that names another folder of settings."""

EXPORT_KEY_NAME = "export.key"
"""Name of the key of the participant numbers in the data folder."""

STORE_NAME = "store.sqlite"
"""Name of the store's database in the data folder."""

DATA_VARIABLE = "BIOFEEDBACK_DATA"
"""Environment variable that names another folder of data."""


def settings_folder() -> Path:
    """Return the folder of set-ups, palette files and calibrations; it need not exist."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else user_config_path("biofeedback-music")


def data_folder() -> Path:
    """Return the folder of sessions, clients and protocols; it need not exist."""
    named = os.environ.get(DATA_VARIABLE)
    return Path(named) if named else user_data_path("biofeedback-music")


def palettes_folder() -> Path:
    """Return the folder of this user's palette files; it need not exist."""
    return settings_folder() / "palettes"


def calibration_file() -> Path:
    """Return the file of calibrations of sound devices; it need not exist."""
    return settings_folder() / "calibration.json"
