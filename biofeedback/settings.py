"""Where this user's settings are kept."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_config_path

VARIABLE = "BIOFEEDBACK_SETTINGS"
"""Names another folder, in the environment."""


def settings_folder() -> Path:
    """Return the folder of set-ups and calibrations; it need not exist."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else user_config_path("biofeedback-music")
