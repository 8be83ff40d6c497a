"""Serial devices by name: every module here that has `PROFILES` adds them.

A new device is one new file; `docs/sensors.md` says what it holds.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from acquisition.serial.profiles.profile import Profile

__all__ = ["Profile", "known_profiles"]


def known_profiles() -> dict[str, Profile]:
    """Return every profile by its name, in the order of names."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    profiles: list[Profile] = [profile for module in modules for profile in getattr(module, "PROFILES", ())]
    return {profile.name: profile for profile in sorted(profiles, key=lambda profile: profile.name)}
